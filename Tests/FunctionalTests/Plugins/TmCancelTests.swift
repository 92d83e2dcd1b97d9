import Testing

/// CANCELs that come out of order, and how those that find their INVITE are passed on (RFC 3261 sections 9 and 16.10).
@Suite struct TmCancelTests {
    /// The CANCEL is forwarded, and its INVITE, which it has overtaken, recognised.
    @Test(arguments: ["t_relay();", "t_newtran(); if (t_is_canceled()) xerr(\"known\\n\"); t_relay();"])
    func anInviteThatItsCancelHasOvertakenIsNotForwarded(script: String) throws {
        let probe = try Probe.tm("$du = \"NEXT\"; \(script)")
        let invite = probe.request("INVITE", id: "overtaken")
        try probe.send(SIPText.cancel(invite))
        let cancel = try probe.nextHop.receive("CANCEL")
        #expect(cancel.headers("Via").count == 2)
        try probe.answer(cancel, 481)
        let answer = try probe.client.reply(481)
        #expect(answer.header("CSeq") == "1 CANCEL")
        try probe.send(invite)
        let end = try probe.client.next("INVITE")
        #expect(end.statusCode == 487)
        try probe.acknowledge(invite, end)
        if script.contains("known") { try probe.server.waitForLog("known") }
        // Another INVITE is none of its business, and the first request that arrives.
        let other = probe.request("INVITE", id: "other")
        try probe.send(other)
        let received = try probe.nextHop.next("INVITE")
        #expect(received.header("Call-ID") == SIPText(other).header("Call-ID"))
        try probe.answer(received, 486)
        try probe.acknowledge(other, probe.client.reply(486))
        try probe.waitForNothing()
    }

    /// Without state, or dropped, nothing is remembered: the INVITE goes its way.
    @Test(arguments: [1, 2]) func aCancelThatHasNoTransactionIsForgotten(mode: Int) throws {
        let probe = try Probe.tm(
            #"$du = "NEXT"; t_relay(); xerr("relayed $rm\n");"#, parameters: [#""unmatched_cancel", \#(mode)"#])
        let invite = probe.request("INVITE", id: "forgotten")
        try probe.send(SIPText.cancel(invite))
        try probe.server.waitForLog("relayed CANCEL")
        if mode == 1 {
            try probe.answer(probe.nextHop.receive("CANCEL"), 481)
            try probe.client.reply(481)
        } else {
            try probe.client.staysSilent(for: .milliseconds(200))
        }
        try probe.waitForNothing()
        try probe.send(invite)
        let received = try probe.nextHop.receive("INVITE")
        try probe.answer(received, 486)
        try probe.acknowledge(invite, probe.client.reply(486))
        try probe.waitForNothing()
    }

    /// The caller hears what the called side says to our CANCEL.
    @Test(arguments: [200, 481]) func aCancelIsAnsweredAsOursIs(status: Int) throws {
        let probe = try Probe.tm(parameters: [#""e2e_cancel_hop_by_hop", 0"#])
        let invite = probe.request("INVITE", id: "endtoend")
        try probe.send(invite)
        let received = try probe.nextHop.next("INVITE")
        try probe.answer(received, 180)
        try probe.client.reply(180)
        try probe.send(SIPText.cancel(invite))
        let cancel = try probe.nextHop.next("CANCEL")
        try probe.client.staysSilent(for: .milliseconds(200))
        try probe.answer(cancel, status, "Theirs")
        let answer = try probe.client.receive().message
        #expect(answer.header("CSeq") == "1 CANCEL" && answer.statusCode == status && answer.reason == "Theirs")
        // Once more: the answer is repeated.
        try probe.send(SIPText.cancel(invite))
        #expect(try probe.client.receive().message.text == answer.text)
        try probe.answer(received, 487)
        let end = try probe.client.reply(487)
        #expect(end.header("To") == answer.header("To") || end.header("To")?.hasSuffix("tag=answered") == true)
        try probe.acknowledge(invite, end)
        try probe.waitForNothing()
    }

    /// Nobody answers our CANCEL: that of the caller is when its INVITE is.
    @Test func aCancelIsAnsweredWithItsInviteAtTheLatest() throws {
        let probe = try Probe.tm(parameters: [#""e2e_cancel_hop_by_hop", 0"#])
        let invite = probe.request("INVITE", id: "withinvite")
        try probe.send(invite)
        let received = try probe.nextHop.next("INVITE")
        try probe.answer(received, 180)
        try probe.client.reply(180)
        try probe.send(SIPText.cancel(invite))
        let cancel = try probe.nextHop.next("CANCEL")
        try probe.answer(received, 487)
        let first = try probe.client.receive().message
        let second = try probe.client.receive().message
        let replies = [first, second].sorted { ($0.statusCode ?? 0) < ($1.statusCode ?? 0) }
        #expect(replies.map(\.statusCode) == [200, 487])
        #expect(replies[0].header("CSeq") == "1 CANCEL")
        try probe.acknowledge(invite, replies[1])
        try probe.answer(cancel, 200)
        try probe.waitForNothing()
    }

    /// What CANCEL and ACK have of the INVITE: as it was sent, or as it came.
    @Test(arguments: [0, 1]) func headersOfTheInvite(asItWasSent: Int) throws {
        let probe = try Probe.tm(
            #"remove_hf("Route"); append_hf("Route: <sip:sent.example;lr>\r\n"); $du = "NEXT"; t_relay();"#,
            parameters: [#""reparse_invite", \#(asItWasSent)"#, #""ac_extra_hdrs", "X-""#])
        let invite = probe.request(
            "INVITE", id: "reparse", headers: ["Route: <sip:came.example;lr>,", " <sip:second.example;lr>", "X-Own: 1"])
        try probe.send(invite)
        let received = try probe.nextHop.next("INVITE")
        #expect(received.headers("Route") == ["<sip:sent.example;lr>"])
        try probe.answer(received, 180)
        try probe.client.reply(180)
        try probe.send(SIPText.cancel(invite))
        let cancel = try probe.nextHop.next("CANCEL")
        try probe.answer(cancel, 200)
        try probe.answer(received, 487)
        let ack = try probe.nextHop.next("ACK")
        for message in [cancel, ack] {
            let route = message.header("Route") ?? ""
            #expect(route.hasPrefix(asItWasSent == 1 ? "<sip:sent" : "<sip:came"), "\(message)")
            #expect(message.text.contains("second.example") == (asItWasSent == 0))
            #expect(message.headers("Via") == [received.header("Via")] && message.header("X-Own") == "1")
            #expect(message.startLine.dropFirst(message.method.count) == received.startLine.dropFirst(6))
        }
        try probe.acknowledge(invite, probe.client.reply(487))
        try probe.waitForNothing()
    }
}
