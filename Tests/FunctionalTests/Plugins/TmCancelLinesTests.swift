import Testing

/// What the server's CANCELs and ACKs say, as the parameters of tm have it.
@Suite struct TmCancelLinesTests {
    /// The CANCEL that the next hop gets when the caller cancels, and the ACK to its 487.
    private func cancelled(_ parameters: [String], invite headers: [String] = [], cancel lines: [String] = []) throws
        -> (cancel: SIPText, ack: SIPText)
    {
        let probe = try Probe.tm(parameters: parameters)
        let invite = probe.request("INVITE", id: "lines", headers: headers)
        let received = try probe.pass(invite)
        try probe.answer(received, 180)
        _ = try probe.client.reply(180)
        try probe.send(SIPText.cancel(invite, headers: lines))
        let cancel = try probe.nextHop.request("CANCEL")
        try probe.answer(cancel, 200)
        try probe.answer(received, 487)
        let ack = try probe.nextHop.request("ACK")
        try probe.acknowledge(invite, probe.client.reply(487))
        try probe.waitForNothing()
        return (cancel, ack)
    }

    /// The reason of a CANCEL that comes is carried on, in as many lines as it has, or not.
    @Test(arguments: [0, 1]) func theReasonOfTheCaller(mode: Int) throws {
        let reasons = ["SIP;cause=200;text=\"elsewhere\"", "Q.850;cause=16"]
        let (cancel, _) = try cancelled(
            ["\"e2e_cancel_reason\", \(mode)"], cancel: reasons.map { "Reason: " + $0 })
        #expect(cancel.headers("Reason") == (mode == 1 ? reasons : []))
    }

    /// Bit 1 carries on all that does not belong to one hop.
    @Test(arguments: [0, 1, 2, 3]) func furtherHeadersOfTheCaller(mode: Int) throws {
        let (cancel, ack) = try cancelled(
            ["\"headers_mode\", \(mode)"],
            cancel: ["X-Why: bored", "P-Asserted-Identity: <sip:a@b>", "Reason: SIP;cause=1"])
        let isAll = mode & 1 != 0
        #expect(cancel.headers("X-Why") == (isAll ? ["bored"] : []))
        #expect(cancel.headers("P-Asserted-Identity") == (isAll ? ["<sip:a@b>"] : []))
        #expect(cancel.headers("Reason") == ["SIP;cause=1"])
        for name in ["Via", "From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length"] {
            #expect(cancel.headers(name).count == 1, "\(name)")
        }
        #expect(ack.headers("X-Why") == [])
    }

    /// Headers of the INVITE whose names begin so are in its CANCEL and in the ACK to its refusal.
    @Test(arguments: [("X-Acct", true), ("x-acct-", true), ("X-Other", false), ("", false)])
    func headersOfTheInvite(prefix: String, isCopied: Bool) throws {
        let (cancel, ack) = try cancelled(
            ["\"ac_extra_hdrs\", \"\(prefix)\""], invite: ["X-Acct-Id: 7", "Subject: none", "X-ACCT-More: 8"])
        for message in [cancel, ack] {
            #expect(message.headers("X-Acct-Id") == (isCopied ? ["7"] : []))
            #expect(message.headers("X-Acct-More") == (isCopied ? ["8"] : []))
            #expect(message.headers("Subject") == [])
        }
    }

    /// Why the server itself cancels a branch: another one was answered.
    @Test(arguments: [0, 1]) func theReasonOfTheServer(mode: Int) throws {
        let calls = try Calls(
            #"request_route { $ru = "sip:a@A"; append_branch("sip:b@B"); t_relay(); }"#,
            parameters: ["\"local_cancel_reason\", \(mode)"])
        let invite = calls.invite("answered")
        try calls.send(invite)
        let one = try calls.answer(180, at: calls.a)
        let two = try calls.answer(180, at: calls.b)
        try calls.reply(200, one, from: calls.a)
        let cancel = try calls.take("CANCEL", at: calls.b)
        #expect(cancel.headers("Reason") == (mode == 1 ? ["SIP;cause=200"] : []))
        try calls.reply(200, cancel, from: calls.b)
        try calls.reply(487, two, from: calls.b)
        let outcome = try calls.outcome(invite)
        #expect(outcome.statusCode == 200)
    }
}
