import Testing

@Suite struct SlTests {
    @Test func repliesCarryCodeReasonAndATagThatStaysTheSame() throws {
        let probe = try Probe(["sl"], script: #"$var(code) = 404; sl_send_reply("$var(code)", "No $rU here");"#)
        let request = probe.request(id: "tag")
        let first = try probe.ask(request)
        #expect(first.statusCode == 404)
        #expect(first.reason == "No alice here")
        let tag = try #require(first.header("To")?.split(separator: ";tag=").dropFirst().first)
        #expect(!tag.isEmpty)
        let second = try probe.ask(request)
        #expect(second.header("To") == first.header("To"))
        let other = try probe.ask(probe.request(id: "another"))
        #expect(other.header("To") != first.header("To"))
    }

    @Test func aTagThatIsThereStays() throws {
        let probe = try Probe(["sl"], script: #"sl_send_reply("200", "OK");"#)
        let request = probe.request(id: "indialog")
        let to = "To: <sip:alice@\(probe.server.address)>"
        let reply = try probe.ask(request.replacing(to, with: to + ";tag=theirs"))
        #expect(reply.header("To")?.hasSuffix(";tag=theirs") == true)
    }

    @Test func anAckToOurNegativeReplyNeverReachesTheScript() throws {
        let probe = try Probe(
            ["sl", "xlog"],
            script: """
                xerr("script $rm $ci\\n");
                if (method == "ACK") exit;
                sl_send_reply("486", "Busy Here");
                """)
        let invite = probe.request("INVITE", id: "busy")
        let busy = try probe.ask(invite)
        #expect(busy.statusCode == 486)
        let to = try #require(busy.header("To"))
        let ack = invite.replacing("INVITE sip", with: "ACK sip").replacing("CSeq: 1 INVITE", with: "CSeq: 1 ACK")
            .replacing("To: <sip:alice@\(probe.server.address)>", with: "To: " + to)
        try probe.client.send(ack, to: probe.server.port)
        // The same Call-ID: it cannot overtake the ACK.
        try probe.client.send(probe.request("OPTIONS", id: "busy"), to: probe.server.port)
        try probe.server.waitForLog("script OPTIONS busy@tests")
        let log = probe.server.log
        #expect(!log.contains("script ACK"))

        // One with a tag of somebody else's is the script's business.
        try probe.client.send(ack.replacing(to, with: "<sip:alice@x>;tag=other"), to: probe.server.port)
        try probe.server.waitForLog("script ACK busy@tests")
    }

    @Test func anAckIsNotAnswered() throws {
        let probe = try Probe(
            ["sl", "xlog"], script: #"sl_send_reply("200", "OK"); xerr("$rm gives $rc\n");"#)
        try probe.client.send(probe.request("ACK", id: "ack"), to: probe.server.port)
        try probe.server.waitForLog("ACK gives -1")
        #expect(throws: HarnessError.self) { try probe.client.receive(within: .milliseconds(100)) }
    }

    @Test func aRedirectionNamesTheDestinations() throws {
        let probe = try Probe(
            ["sl"],
            script: """
                seturi("sip:bob@192.0.2.1");
                append_branch("sip:bob@192.0.2.2", "0.5");
                sl_send_reply("302", "Moved Temporarily");
                """)
        let reply = try probe.ask(probe.request("INVITE", id: "moved"))
        #expect(reply.statusCode == 302)
        #expect(reply.header("Contact") == "<sip:bob@192.0.2.1>, <sip:bob@192.0.2.2>;q=0.5")
    }

    @Test func aRedirectionWithoutDestinationsHasNoContact() throws {
        let probe = try Probe(["sl"], script: #"sl_send_reply("300", "Multiple Choices");"#)
        let reply = try probe.ask(probe.request("INVITE", id: "none"))
        #expect(reply.statusCode == 300)
        #expect(reply.header("Contact") == nil)
    }

    @Test func codesThatAreNoNumbersGetTheDefault() throws {
        let probe = try Probe(
            ["sl"],
            globals: """
                modparam("sl", "default_code", 503)
                modparam("sl", "default_reason", "Try Later")
                """, script: #"sl_send_reply("$rU", "x");"#)
        let unknown = try probe.ask(probe.request(id: "default"))
        #expect(unknown.startLine == "SIP/2.0 503 Try Later")
        let known = try probe.ask(probe.request(user: "410", id: "known"))
        #expect(known.startLine == "SIP/2.0 410 x")
    }

    @Test func wrongCodesAreFalseAndLogged() throws {
        let codes = try Probe.codes(["sl"], user: "99", [#"sl_send_reply("$rU", "x")"#, #"sl_send_reply("200", "")"#])
        #expect(codes == [-1, -1])
    }

    @Test func aConstantCodeIsCheckedAtStart() throws {
        let result = try Server.check(
            """
            loadmodule "sl.so"
            request_route { sl_send_reply("42", "x"); }

            """)
        #expect(!result.succeeded)
        #expect(result.output.contains("a status code is a number from 100 to 999"))
    }

    @Test func anErrorWithoutARecordIsAServerError() throws {
        let probe = try Probe(["sl"], script: "sl_reply_error();")
        let reply = try probe.ask(probe.request(id: "error"))
        #expect(reply.startLine == "SIP/2.0 500 Server error occurred (1/SL)")
    }

    @Test func theLocalTagIsAPseudoVariable() throws {
        let probe = try Probe(["sl"], script: #"sl_send_reply("200", "$ltt(s)");"#)
        let reply = try probe.ask(probe.request(id: "ltt"))
        #expect(reply.header("To")?.hasSuffix(";tag=" + reply.reason) == true)
        #expect(!reply.reason.isEmpty)
    }

    @Test func aMadeUpRequestIsNotAnswered() throws {
        let server = try Server { port in
            """
            listen=udp:127.0.0.1:\(port)
            loadmodule "sl.so"
            loadmodule "xlog.so"
            request_route { exit; }
            event_route[core:worker-one-init] {
                sl_send_reply("200", "OK");
                xlog("L_ERR", "answered: $rc $atkv(key)\\n");
            }
            """
        }
        try server.waitForLog("answered: -2 <null>")
    }
}
