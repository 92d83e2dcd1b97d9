import Testing

/// By what requests and replies are recognised, where the parameters of tm say so (RFC 3261 section 17.2.3 and 17.1.3; RFC 2543).
@Suite struct TmMatchingTests {
    /// One worker, so that a request with another Call-ID meets the same transactions.
    private func probe(_ script: String, _ parameters: [String]) throws -> Probe {
        try Probe.tm(
            script, parameters: parameters, times: [#""retr_timer1", 5000"#, #""wt_timer", "10s""#],
            globals: "children=1\n")
    }

    /// Whether a request that differs from the one before gets the same reply, and not one of its own.
    private func isRepetition(
        _ parameters: [String], method: String = "OPTIONS", _ first: (String) -> String, _ second: (String) -> String
    ) throws -> Bool {
        let probe = try probe(#"t_newtran(); t_reply("200", "OK");"#, parameters)
        let request = probe.request(method, id: "one")
        try probe.send(first(request))
        let reply = try probe.client.reply(200)
        try probe.send(second(request))
        let again = try probe.client.reply(200)
        return again.text == reply.text
    }

    private func old(_ request: String) -> String { request.replacing(";branch=z9hG4bK-one-1", with: "") }

    @Test(arguments: [0, 1]) func theRequestURIOfAnOldPeer(mode: Int) throws {
        let isSame = try isRepetition(["\"ruri_matching\", \(mode)"], old) {
            old($0).replacing("OPTIONS sip:alice@", with: "OPTIONS sip:bob@")
        }
        #expect(isSame == (mode == 0))
    }

    @Test(arguments: [0, 1]) func theViaOfAnOldPeer(mode: Int) throws {
        let isSame = try isRepetition(["\"via1_matching\", \(mode)"], old) {
            old($0).replacing("Via: SIP/2.0/UDP 127.0.0.1:", with: "Via: SIP/2.0/UDP 127.0.0.2:")
                .replacing("\r\nMax-Forwards", with: ";rport\r\nMax-Forwards")
        }
        #expect(isSame == (mode == 0))
    }

    @Test(arguments: [0, 1]) func theCallID(mode: Int) throws {
        let isSame = try isRepetition(["\"callid_matching\", \(mode)"]) {
            $0
        } _: {
            $0.replacing("one@tests", with: "two@tests")
        }
        #expect(isSame == (mode == 0))
    }

    @Test(arguments: [0, 1]) func callIDAndCSeqAlone(mode: Int) throws {
        let isSame = try isRepetition(["\"callid_cseq_matching\", \(mode)"]) {
            $0
        } _: {
            $0.replacing("branch=z9hG4bK-one-1", with: "branch=z9hG4bK-another")
        }
        #expect(isSame == (mode == 1))
        let isSameNumber = try isRepetition(["\"callid_cseq_matching\", \(mode)"]) {
            $0
        } _: {
            $0.replacing("branch=z9hG4bK-one-1", with: "branch=z9hG4bK-another").replacing("CSeq: 1 ", with: "CSeq: 2 ")
        }
        #expect(!isSameNumber)
    }

    private let relaying = #"t_on_reply("R"); $du = "NEXT"; t_relay();"#
    private let route = "children=1\nonreply_route[R] { xerr(\"matched $ci\\n\"); }\n"

    /// A reply with our branch and another Call-ID.
    @Test(arguments: [0, 1]) func theCallIDOfAReply(mode: Int) throws {
        let probe = try Probe.tm(relaying, parameters: ["\"callid_matching\", \(mode)"], globals: route)
        let received = try probe.pass(probe.request(id: "mine"))
        try probe.nextHop.send(
            received.response(200, "Other").replacing("mine@tests", with: "foreign@tests"), to: probe.server.port)
        if mode == 0 { try probe.server.waitForLog("matched foreign@tests") }
        try probe.answer(received, 200)
        if mode == 1 { try probe.server.waitForLog("matched mine@tests") }
        #expect(probe.server.log.contains("matched foreign@tests") == (mode == 0))
    }

    /// A called side that does not give our branch back; the other way it is nobody's reply, and goes on without state.
    @Test(arguments: [0, 1]) func aReplyWithAnotherBranch(mode: Int) throws {
        let probe = try Probe.tm(relaying, parameters: ["\"callid_cseq_matching\", \(mode)"], globals: route)
        let received = try probe.pass(probe.request(id: "branch"))
        try probe.nextHop.send(
            received.response(200, "Other").replacing(received.branch, with: "z9hG4bKforeign"), to: probe.server.port)
        let reply = try probe.client.reply(200)
        #expect(reply.reason == "Other")
        if mode == 1 { try probe.server.waitForLog("matched branch@tests") }
        #expect(probe.server.log.contains("matched") == (mode == 1))
    }

    /// t_check_trans on replies: of ours, and of nobody's.
    @Test func whatAReplyBelongsTo() throws {
        let probe = try Probe.tm(
            #"$du = "NEXT"; t_relay();"#,
            globals: #"reply_route { if (t_check_trans()) xerr("ours $rr\n"); else xerr("stray $rr\n"); }"# + "\n")
        let received = try probe.pass(probe.request(id: "checked"))
        let stray = received.response(200, "Foreign").replacing(received.branch, with: "z9hG4bKforeign")
        try probe.nextHop.send(stray, to: probe.server.port)
        try probe.server.waitForLog("stray Foreign")
        try probe.answer(received, 200, "Own")
        try probe.server.waitForLog("ours Own")
    }

    /// Old callers send a CANCEL with whatever To tag; it finds its INVITE all the same.
    @Test func theToTagOfACancelIsNotLookedAt() throws {
        let probe = try Probe.tm(
            #"if (method == "CANCEL") { t_relay_cancel(); exit; } t_newtran(); t_reply("180", "Ringing");"#)
        let invite = old(probe.request("INVITE", id: "one"))
        try probe.send(invite)
        _ = try probe.client.reply(180)
        try probe.send(
            SIPText.cancel(invite).replacing(
                "sip:alice@\(probe.server.address)>\r\nCall", with: "sip:alice@\(probe.server.address)>;tag=odd\r\nCall"
            ))
        _ = try probe.client.reply(200)
        try probe.acknowledge(invite, probe.client.reply(487))
    }
}
