import Testing

/// sl: modes of replies, replies passed on, tags, events.
@Suite struct SlFurtherTests {
    @Test func aModeClosesTheConnection() throws {
        let probe = try Probe(
            ["sl"], globals: "listen=tcp:127.0.0.1:PORT",
            script: #"if ($rU == "last") send_reply_mode("200", "OK", 2); else send_reply_mode("200", "OK", "1");"#)
        let client = try TCPClient(to: probe.server.port)
        for user in ["first", "last"] {
            try client.send(
                SIPText.request(
                    "OPTIONS", "sip:\(user)@\(probe.server.address)", from: client.address, id: user, transport: "TCP"))
            #expect(try client.receive().statusCode == 200)
        }
        #expect(client.isClosed())
    }

    @Test func modesAreCheckedAtStart() throws {
        let result = try Server.check(#"loadmodule "sl.so"\#nrequest_route { send_reply_mode("200", "OK", 4); }\#n"#)
        #expect(!result.succeeded)
        #expect(result.output.contains("a mode is 1 (no new connection), 2 (close it afterwards), or their sum"))
        let codes = try Probe.codes(["sl"], user: "7", [#"send_reply_mode("200", "OK", "$rU")"#])
        #expect(codes == [-1])
    }

    /// What comes back to the client, in turn, of the replies that the next hop gives to a request.
    private func passedOn(_ script: String, _ code: Int, _ reason: String, count: Int = 1) throws -> [String] {
        let probe = try Probe(
            ["sl", "xlog"], globals: "reply_route { \(script) }",
            script: #"$du = "NEXT"; forward();"#)
        try probe.client.send(probe.request("INVITE", id: "on"), to: probe.server.port)
        let request = try probe.nextHop.receive().message
        try probe.nextHop.send(request.response(code, reason), to: probe.server.port)
        var lines: [String] = []
        for _ in 0..<count {
            let reply = try probe.client.receive().message
            #expect(reply.headers("Via").count == 1)
            lines.append(reply.startLine)
        }
        try probe.nextHop.send(request.response(299, "Last"), to: probe.server.port)
        while true {
            let reply = try probe.client.receive().message
            if reply.startLine == "SIP/2.0 299 Last" { return lines }
            lines.append(reply.startLine)
        }
    }

    @Test func aReplyIsPassedOnAtOnce() throws {
        // It goes on at the route's end as ever, unless that is dropped.
        let twice = try passedOn("if ($rs != 299) sl_forward_reply();", 180, "Ringing", count: 2)
        #expect(twice == ["SIP/2.0 180 Ringing", "SIP/2.0 180 Ringing"])
        let changed = try passedOn(#"if ($rs != 299) { sl_forward_reply("183", "Wait $rs"); drop; }"#, 180, "Ringing")
        #expect(changed == ["SIP/2.0 183 Wait 180"])
        let code = try passedOn(#"if ($rs != 299) { sl_forward_reply("486"); drop; }"#, 404, "Not Found")
        #expect(code == ["SIP/2.0 486 Not Found"])
    }

    @Test func aReplyStaysInItsClass() throws {
        let lines = try passedOn(
            #"if ($rs != 299 && sl_forward_reply("200", "OK")) drop;"#, 180, "Ringing")
        #expect(lines == ["SIP/2.0 180 Ringing"])
    }

    @Test func whatStandsInAReplyRouteOnlyIsAMistakeElsewhere() throws {
        let result = try Server.check("loadmodule \"sl.so\"\nrequest_route { sl_forward_reply(); }\n")
        #expect(!result.succeeded)
    }

    @Test func tagsOfTransactionsAreShown() throws {
        let probe = try Probe(
            ["sl", "tm", "textops"],
            script: """
                if ($rU == "stateless") {
                    sl_send_reply("200", "$ltt(x) $ltt(t)");
                    exit;
                }
                t_newtran();
                append_to_reply("X-Tags: $ltt(x) $ltt(t)\\r\\n");
                t_reply("200", "OK");
                """)
        let stateless = try probe.ask(probe.request(user: "stateless", id: "stateless"))
        #expect(stateless.header("To")?.hasSuffix(";tag=" + stateless.reason.dropLast(7)) == true)
        #expect(stateless.reason.hasSuffix(" <null>"))
        let stateful = try probe.ask(probe.request(id: "stateful"))
        let tags = try #require(stateful.header("X-Tags")).split(separator: " ").map(String.init)
        #expect(tags.count == 2 && tags[0] == tags[1])
        #expect(stateful.header("To")?.hasSuffix(";tag=" + tags[0]) == true)
    }

    @Test func anEventSeesTheReply() throws {
        let probe = try Probe(
            ["sl", "xlog"], globals: #"event_route[sl:local-response] { xerr("sent $rs $rr, $rm $ci, $tt\n"); }"#,
            script: #"sl_send_reply("404", "No $rU");"#)
        let reply = try probe.ask(probe.request(id: "event"))
        let tag = try #require(reply.header("To")?.split(separator: ";tag=").last)
        try probe.server.waitForLog("sent 404 No alice, OPTIONS event@tests, \(tag)")
    }

    @Test func anEventSeesTheAck() throws {
        let probe = try Probe(
            ["sl", "xlog"], globals: #"event_route[sl:filtered-ack] { xerr("filtered $rm $ci\n"); }"#,
            script: #"sl_send_reply("486", "Busy Here");"#)
        let invite = probe.request("INVITE", id: "filtered")
        let to = try #require(try probe.ask(invite).header("To"))
        let ack = invite.replacing("INVITE sip", with: "ACK sip").replacing("CSeq: 1 INVITE", with: "CSeq: 1 ACK")
            .replacing("To: <sip:alice@\(probe.server.address)>", with: "To: " + to)
        try probe.client.send(ack, to: probe.server.port)
        try probe.server.waitForLog("filtered ACK filtered@tests")
    }
}
