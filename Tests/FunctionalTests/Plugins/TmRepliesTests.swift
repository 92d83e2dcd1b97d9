import Testing

/// Replies that come late, come broken, or are repeated (RFC 3261 sections 16.7 and 17).
@Suite struct TmRepliesTests {
    /// SER's steps hold for negative replies as they do for requests.
    @Test func aNegativeReplyIsRepeatedInSERsSteps() throws {
        let probe = try Probe.tm(
            #"t_newtran(); t_reply("404", "Not Here");"#,
            parameters: [
                #""retr_timer1p1", "1000ms""#, #""retr_timer1p2", "50ms""#, #""retr_timer1p3", "50ms""#,
                #""retr_timer2", "60s""#, #""fr_timer", "4s""#, #""wt_timer", "200ms""#,
            ], times: [])
        try probe.send(probe.request("INVITE", id: "steps"))
        let first = try probe.client.reply(404)
        // At 1, 1.05 and 1.1 s, then not before a minute is over; the doubling steps would reach 1 and 3 s.
        for _ in 0..<3 { #expect(try probe.client.reply(404).text == first.text) }
        try probe.waitForNothing()
        let further = probe.client.datagram(within: .milliseconds(10))
        #expect(further == nil)
    }

    /// Where there is nobody below us a reply cannot go; the caller hears of the failure.
    @Test func aReplyWithoutItsCallersViaIsNotForwarded() throws {
        let probe = try Probe.tm(
            """
            if ($rU == "count") { sl_send_reply("200", "$stat(tm:replies_without_via) $stat(tm:replies_too_long)"); exit; }
            $du = "NEXT"; t_relay();
            """)
        let invite = probe.request("INVITE", id: "lostvia")
        try probe.send(invite)
        let received = try probe.nextHop.next("INVITE")
        let below = "Via: " + received.headers("Via")[1] + "\r\n"
        for code in [180, 200] {
            try probe.nextHop.send(
                received.response(code, "Lost").replacing(below, with: ""), to: probe.server.port)
        }
        let end = try probe.client.reply(500)
        try probe.acknowledge(invite, end)
        try probe.server.waitForLog("a reply has no Via below ours")
        let log = probe.server.log
        #expect(!log.contains("too long"))
        let count = try probe.ask(probe.request(user: "count", id: "count")).reason
        #expect(count == "2 0")
        try probe.waitForNothing()
    }

    /// `reply_matching`: whether a transaction that is over absorbs what is repeated.
    @Test(arguments: [0, 1]) func lateRepliesAreAbsorbedOrPass(mode: Int) throws {
        let probe = try Probe.tm(
            parameters: [#""reply_matching", \#(mode)"#, #""wt_timer", "2s""#, #""on_sl_reply", "stray""#],
            times: [#""retr_timer1", 3000"#], globals: #"onreply_route[stray] { xerr("stray $rs\n"); }"# + "\n")
        try probe.send(probe.request(id: "late"))
        let received = try probe.nextHop.next("OPTIONS")
        try probe.answer(received, 200)
        try probe.client.reply(200)
        try probe.answer(received, 200)
        if mode == 1 {
            try probe.client.reply(200)
            try probe.server.waitForLog("stray 200")
        } else {
            try probe.client.staysSilent(for: .milliseconds(300))
        }
        // A refusal of an INVITE is acknowledged as often as it comes, either way.
        let invite = probe.request("INVITE", id: "busy")
        try probe.send(invite)
        let called = try probe.nextHop.next("INVITE")
        try probe.answer(called, 486)
        _ = try probe.nextHop.request("ACK")
        try probe.acknowledge(invite, probe.client.reply(486))
        try probe.client.staysSilent(for: .milliseconds(100))
        try probe.answer(called, 486)
        _ = try probe.nextHop.request("ACK")
        try probe.client.staysSilent(for: .milliseconds(200))
    }
}
