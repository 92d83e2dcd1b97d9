import Testing

/// Times of single transactions, and what makes them begin anew.
@Suite struct TmTimersTests {
    // MARK: - AVPs

    /// The AVP says one second where the parameter says a minute.
    @Test(
        arguments: [
            ("patience", "$avp(patience)", "1"), ("s:patience", "$avp(s:patience)", "\"1\""),
            ("$avp(patience)", "$avp(patience)", "\"1\""), ("$avp(s:patience)", "$avp(patience)", "1"),
            ("i:7", "$avp(i:7)", "1"), ("7", "$avp(i:7)", "\"1\""), ("$avp(i:7)", "$avp(i:7)", "1"),
        ] as [(String, String, String)])
    func theTimerIsInAnAVP(name: String, variable: String, value: String) throws {
        let probe = try Probe.tm(
            #"\#(variable) = \#(value); $du = "NEXT"; t_relay();"#,
            parameters: [#""fr_timer_avp", "\#(name)""#, #""fr_timer", "60s""#])
        try probe.send(probe.request(id: "avp"))
        let first = try probe.nextHop.next("OPTIONS")
        _ = try probe.client.reply(408)
        // It is a second, not a millisecond: there was time for repetitions.
        let again = probe.nextHop.waiting()
        #expect(!again.isEmpty && again.allSatisfy { $0.text == first.text })
        try probe.waitForNothing()
    }

    @Test(arguments: ["patience", "i:8", "$avp(patience)"]) func theTimerOfARingingCallIsInAnAVP(name: String) throws {
        let probe = try Probe.tm(
            #"$avp(patience) = 1; $avp(i:8) = 1; $du = "NEXT"; t_relay();"#,
            parameters: [#""fr_inv_timer_avp", "\#(name)""#, #""fr_timer", "60s""#, #""fr_inv_timer", "60s""#])
        let invite = probe.request("INVITE", id: "avp")
        let received = try probe.pass(invite)
        try probe.answer(received, 180)
        try probe.answer(probe.nextHop.request("CANCEL"), 200)
        try probe.answer(received, 487)
        try probe.acknowledge(invite, probe.client.reply(408))
        try probe.waitForNothing()
    }

    /// What is no number of seconds leaves the parameter in force: repetitions come, and then the end.
    @Test(arguments: ["$null", "\"\"", "0", "\"0\"", "-1", "\"soon\"", "\"1s\""])
    func anAVPThatSaysNothingChangesNothing(value: String) throws {
        let probe = try Probe.tm(
            #"$avp(patience) = \#(value); $du = "NEXT"; t_relay();"#,
            parameters: [#""fr_timer_avp", "patience""#, #""fr_timer", "1500ms""#])
        try probe.send(probe.request(id: "nothing"))
        _ = try probe.nextHop.next("OPTIONS")
        _ = try probe.client.reply(408)
        // After 100, 300, 500 … 1300 ms; a second less would have had room for two of them.
        #expect(probe.nextHop.waiting().count >= 4)
        try probe.waitForNothing()
    }

    // MARK: - Ringing

    /// Each provisional reply gives the called side more time, with `restart_fr_on_each_reply`; without, only one that says more than before.
    @Test(arguments: [0, 1]) func whatGivesMoreTimeToRing(each: Int) throws {
        let probe = try Probe.tm(
            parameters: [#""restart_fr_on_each_reply", \#(each)"#, #""fr_inv_timer", "2s""#, #""fr_timer", "60s""#])
        let invite = probe.request("INVITE", id: "ringing")
        let received = try probe.pass(invite)
        // For four seconds: the same code again, or higher and higher ones.
        for step in 0..<20 {
            try probe.answer(received, each == 1 ? 180 : 180 + step)
            let early = probe.nextHop.datagram(within: .milliseconds(200))
            try #require(early == nil, "\(step)")
        }
        // The same code again; nothing any more, where each would give more time.
        var cancel: SIPText?
        for _ in 0..<100 where cancel == nil {
            if each == 0 { try probe.answer(received, 199) }
            let datagram = probe.nextHop.datagram(within: .milliseconds(200))
            cancel = datagram.map { SIPText(String(decoding: $0.bytes, as: UTF8.self)) }
        }
        #expect(cancel?.method == "CANCEL")
        try probe.answer(received, 487)
        try probe.acknowledge(invite, probe.client.reply(408))
    }

    /// A code below 180, or a lower one, gives no more time without `restart_fr_on_each_reply`.
    @Test(arguments: [[183, 182, 181, 180], [101, 102, 103, 104]]) func lessIsNoReasonToWait(codes: [Int]) throws {
        let probe = try Probe.tm(
            parameters: [#""restart_fr_on_each_reply", 0"#, #""fr_inv_timer", "1s""#, #""fr_timer", "60s""#])
        let invite = probe.request("INVITE", id: "less")
        let received = try probe.pass(invite)
        var cancel: SIPText?
        for step in 0..<100 where cancel == nil {
            try probe.answer(received, codes[min(step, codes.count - 1)])
            let datagram = probe.nextHop.datagram(within: .milliseconds(200))
            cancel = datagram.map { SIPText(String(decoding: $0.bytes, as: UTF8.self)) }
        }
        #expect(cancel?.method == "CANCEL")
        try probe.answer(received, 487)
        try probe.acknowledge(invite, probe.client.reply(408))
    }

    // MARK: - Lifetimes

    /// Longer than that no transaction is active, whatever its other timers say: by the parameter, or by the script.
    @Test(arguments: [
        (#""max_noninv_lifetime", "700ms""#, ""), (#""max_noninv_lifetime", "60s""#, "t_set_max_lifetime(0, 700);"),
        (#""max_noninv_lifetime", "700ms""#, "t_set_max_lifetime(60000, 60000); t_reset_max_lifetime();"),
    ])
    func theLifetimeBoundsARequest(parameter: String, before: String) throws {
        let probe = try Probe.tm(
            before + #" $du = "NEXT"; t_relay();"#, parameters: [parameter, #""fr_timer", "60s""#])
        try probe.send(probe.request(id: "bounded"))
        _ = try probe.nextHop.next("OPTIONS")
        _ = try probe.client.reply(408)
        #expect(probe.nextHop.waiting().count >= 2)
        try probe.waitForNothing()
    }

    @Test(arguments: [
        (#""max_inv_lifetime", "700ms""#, ""), (#""max_inv_lifetime", "60s""#, "t_set_max_lifetime(700);"),
        (#""max_inv_lifetime", "700ms""#, "t_set_max_lifetime(60000, 60000); t_reset_max_lifetime();"),
    ])
    func theLifetimeBoundsACall(parameter: String, before: String) throws {
        let probe = try Probe.tm(
            before + #" t_on_failure("F"); $du = "NEXT"; t_relay();"#,
            parameters: [parameter, #""fr_timer", "60s""#, #""fr_inv_timer", "60s""#], modules: ["tmx"],
            globals:
                #"failure_route[F] { if (t_is_expired()) xerr("expired $T_reply_code\n"); $du = "NEXT"; t_relay(); }"#
                + "\n")
        let invite = probe.request("INVITE", id: "bounded")
        let received = try probe.pass(invite)
        try probe.answer(received, 180)
        // Nothing new begins: the call is over.
        let cancel = try probe.nextHop.request("CANCEL")
        #expect(cancel.header("Via") == received.header("Via"))
        try probe.answer(cancel, 200)
        try probe.answer(received, 487)
        try probe.acknowledge(invite, probe.client.reply(408))
        try probe.server.waitForLog("expired 408")
        try probe.waitForNothing()
        #expect(probe.nextHop.waiting().allSatisfy { $0.method != "INVITE" })
    }

    // MARK: - What a script takes back

    @Test(arguments: ["", "t_newtran();"]) func setTimersAreTakenBack(before: String) throws {
        let probe = try Probe.tm(
            """
            \(before) t_set_fr(60000, 60000); t_set_retr(60000, 60000); t_reset_fr(); t_reset_retr();
            $du = "NEXT"; t_relay();
            """, parameters: [#""fr_timer", "1s""#])
        try probe.send(probe.request(id: "back"))
        let first = try probe.nextHop.next("OPTIONS")
        let again = try probe.nextHop.next("OPTIONS")
        #expect(again.text == first.text)
        _ = try probe.client.reply(408)
        try probe.waitForNothing()
    }

    @Test func aTransactionThatIsNotExpiredSaysSo() throws {
        let probe = try Probe.tm(
            #"t_newtran(); if (t_is_expired()) { t_reply("500", "Expired"); } else { t_reply("200", "Alive"); }"#)
        let reply = try probe.ask(probe.request(id: "alive"))
        #expect(reply.reason == "Alive")
    }

    // MARK: - CANCEL

    /// An unanswered CANCEL is repeated until its INVITE has ended, and no longer.
    @Test func theRepetitionOfACancelEndsWithItsInvite() throws {
        let probe = try Probe.tm(parameters: [#""fr_timer", "60s""#])
        let invite = probe.request("INVITE", id: "deaf")
        let received = try probe.pass(invite)
        try probe.answer(received, 180)
        _ = try probe.client.reply(180)
        try probe.send(SIPText.cancel(invite))
        let cancel = try probe.nextHop.request("CANCEL")
        for _ in 0..<3 {
            let again = try probe.nextHop.request("CANCEL")
            #expect(again.text == cancel.text)
        }
        try probe.answer(received, 487)
        try probe.acknowledge(invite, probe.client.reply(487))
        try probe.waitForNothing()
        _ = probe.nextHop.waiting()
        let late = probe.nextHop.datagram(within: .milliseconds(500))
        #expect(late == nil)
    }
}
