import Testing

/// The side of tm towards the called: RFC 3261 sections 16.6, 17.1 and 9.1.
@Suite struct TmRelayTests {
    /// A server that relays to the next hop.
    private func probe(
        _ script: String = #"$du = "NEXT"; t_relay();"#, parameters: [String] = [], globals: String = "",
        fr: String = "30s", frInvite: String = "120s"
    ) throws -> Probe {
        try Probe.tm(
            script, parameters: [#""fr_timer", "\#(fr)""#, #""fr_inv_timer", "\#(frInvite)""#] + parameters,
            globals: globals)
    }

    /// Repetitions of a request that the next hop does not answer: the text of all of them, until the caller hears of it.
    private func repetitions(_ method: String) throws -> (copies: Int, code: Int?) {
        let probe = try probe(fr: "1000ms")
        let request = probe.request(method, id: "silence")
        try probe.client.send(request, to: probe.server.port)
        let first = try probe.nextHop.next(method)
        let end = try probe.client.reply(408)
        var copies = 1
        while let again = probe.nextHop.datagram(within: .milliseconds(20)) {
            #expect(String(decoding: again.bytes, as: UTF8.self) == first.text)
            copies += 1
        }
        if method == "INVITE" { try probe.acknowledge(request, end) }
        try probe.waitForNothing()
        return (copies, end.statusCode)
    }

    @Test func aCallGoesThroughBothWays() throws {
        let probe = try probe(#"if ($rU == "alice") $du = "NEXT"; t_relay();"#)
        let invite = probe.request("INVITE", id: "call", headers: ["X-Kept: as it is"], body: "v=0\r\n")
        try probe.client.send(invite, to: probe.server.port)
        let trying = try probe.client.reply(100)
        #expect(trying.header("CSeq") == "1 INVITE")
        let received = try probe.nextHop.next("INVITE")
        #expect(received.startLine == SIPText(invite).startLine)
        #expect(received.headers("Via").count == 2)
        #expect(received.headers("Via").last == SIPText(invite).header("Via"))
        #expect(received.branch.hasPrefix("z9hG4bK"))
        #expect(received.header("X-Kept") == "as it is")
        #expect(received.header("Max-Forwards") == "70")
        #expect(received.body == "v=0\r\n")
        try probe.nextHop.send(received.response(180, "Ringing"), to: probe.server.port)
        let ringing = try probe.client.reply(180)
        #expect(ringing.headers("Via") == [SIPText(invite).header("Via")])
        try probe.nextHop.send(received.response(200, "OK"), to: probe.server.port)
        let answered = try probe.client.reply(200)
        #expect(answered.header("To")?.hasSuffix(";tag=answered") == true)

        let ack = probe.request("ACK", id: "call").replacing("-call-1", with: "-ack")
        try probe.client.send(ack, to: probe.server.port)
        let acked = try probe.nextHop.next("ACK")
        #expect(acked.headers("Via").count == 2)
        #expect(acked.branch != received.branch)
        let bye = SIPText.request(
            "BYE", "sip:tester@\(probe.client.address)", from: probe.nextHop.address, id: "callback", cseq: 7)
        try probe.nextHop.send(bye, to: probe.server.port)
        let ended = try probe.client.next("BYE")
        #expect(ended.headers("Via").count == 2)
        try probe.client.send(ended.response(200, "OK"), to: probe.server.port)
        let over = try probe.nextHop.next("BYE")
        #expect(over.statusCode == 200)
        try probe.waitForNothing()
    }

    @Test func anInviteIsRepeatedUntilItTimesOut() throws {
        let (copies, code) = try repetitions("INVITE")
        // 0, 100, 300, 500, 700 and 900 ms: T1 doubling up to T2.
        #expect((4...6).contains(copies))
        #expect(code == 408)
    }

    @Test func anotherRequestIsRepeatedUntilItTimesOut() throws {
        let (copies, code) = try repetitions("OPTIONS")
        #expect((4...6).contains(copies))
        #expect(code == 408)
    }

    @Test func aProvisionalReplyEndsTheRepetitionOfAnInviteOnly() throws {
        let probe = try probe(fr: "1000ms")
        for (method, expected) in [("INVITE", 0...0), ("OPTIONS", 1...4)] {
            try probe.client.send(probe.request(method, id: "heard"), to: probe.server.port)
            let first = try probe.nextHop.next(method)
            try probe.nextHop.send(first.response(100, "Trying"), to: probe.server.port)
            var copies = 0
            // What was sent before the reply arrived does not count.
            _ = probe.nextHop.datagram(within: .milliseconds(50))
            while probe.nextHop.datagram(within: .milliseconds(500)) != nil { copies += 1 }
            #expect(expected.contains(copies))
            try probe.nextHop.send(first.response(200, "OK"), to: probe.server.port)
            _ = try probe.client.reply(200)
        }
        try probe.waitForNothing()
    }

    @Test func noFinalReplyInTimeCancelsTheBranch() throws {
        let probe = try probe(frInvite: "500ms")
        let invite = probe.request("INVITE", id: "unanswered")
        try probe.client.send(invite, to: probe.server.port)
        let received = try probe.nextHop.next("INVITE")
        try probe.nextHop.send(received.response(180, "Ringing"), to: probe.server.port)
        let cancel = try probe.nextHop.next("CANCEL")
        #expect(cancel.header("Via") == received.header("Via"))
        let end = try probe.client.reply(408)
        try probe.acknowledge(invite, end)
        try probe.nextHop.send(cancel.response(200, "OK"), to: probe.server.port)
        try probe.nextHop.send(received.response(487, "Request Terminated"), to: probe.server.port)
        let ack = try probe.nextHop.next("ACK")
        #expect(ack.header("Via") == received.header("Via"))
        try probe.waitForNothing()
    }

    @Test func anOnreplyRouteShortensTheRinging() throws {
        let probe = try probe(
            #"t_on_reply("RINGS"); $du = "NEXT"; t_relay();"#,
            globals: #"onreply_route[RINGS] { if (status == "180") t_set_fr(300); }"# + "\n")
        let invite = probe.request("INVITE", id: "shorter")
        try probe.client.send(invite, to: probe.server.port)
        let received = try probe.nextHop.next("INVITE")
        try probe.nextHop.send(received.response(180, "Ringing"), to: probe.server.port)
        let cancel = try probe.nextHop.next("CANCEL")
        let end = try probe.client.reply(408)
        try probe.acknowledge(invite, end)
        try probe.nextHop.send(cancel.response(200, "OK"), to: probe.server.port)
        try probe.nextHop.send(received.response(487, "Request Terminated"), to: probe.server.port)
        _ = try probe.nextHop.next("ACK")
        try probe.waitForNothing()
    }

    /// What is said after t_relay is for the branch that is out.
    @Test func timersOfABranchThatIsOutCanBeSet() throws {
        let probe = try probe(
            #"t_set_retr(60000, 60000); $du = "NEXT"; t_relay(); t_set_retr(100, 200); t_set_fr(0, 1000);"#)
        let request = probe.request(id: "timers")
        try probe.client.send(request, to: probe.server.port)
        let first = try probe.nextHop.next("OPTIONS")
        let again = try probe.nextHop.next("OPTIONS")
        #expect(again.text == first.text)
        _ = try probe.client.reply(408)
        try probe.waitForNothing()
    }

    @Test(arguments: [0, 1]) func theScriptDecidesAboutThe100(on: Int) throws {
        let probe = try probe(
            #"t_set_auto_inv_100(\#(on)); $du = "NEXT"; t_relay();"#, parameters: [#""auto_inv_100", \#(1 - on)"#])
        let invite = probe.request("INVITE", id: "trying")
        try probe.client.send(invite, to: probe.server.port)
        let received = try probe.nextHop.next("INVITE")
        try probe.nextHop.send(received.response(486, "Busy Here"), to: probe.server.port)
        let first = try probe.client.receive().message
        #expect(first.statusCode == (on == 1 ? 100 : 486))
        try probe.acknowledge(invite, on == 1 ? probe.client.reply(486) : first)
        try probe.waitForNothing()
    }

    @Test(arguments: [0, 1]) func theScriptDecidesAboutTheReason(off: Int) throws {
        let probe = try probe(
            #"t_set_no_e2e_cancel_reason(\#(off)); $du = "NEXT"; t_relay();"#,
            parameters: [#""e2e_cancel_reason", \#(off)"#])
        let invite = probe.request("INVITE", id: "reason")
        try probe.client.send(invite, to: probe.server.port)
        let received = try probe.nextHop.next("INVITE")
        try probe.nextHop.send(received.response(180, "Ringing"), to: probe.server.port)
        _ = try probe.client.reply(180)
        try probe.client.send(SIPText.cancel(invite, headers: ["Reason: SIP;cause=200"]), to: probe.server.port)
        let cancel = try probe.nextHop.next("CANCEL")
        #expect(cancel.headers("Reason") == (off == 1 ? [] : ["SIP;cause=200"]))
        try probe.nextHop.send(cancel.response(200, "OK"), to: probe.server.port)
        try probe.nextHop.send(received.response(487, "Request Terminated"), to: probe.server.port)
        try probe.acknowledge(invite, probe.client.reply(487))
        try probe.waitForNothing()
    }

    /// The ACK to a 2xx of the called side is to be passed on.
    @Test func theAckToARelayed2xxIsTheScripts() throws {
        let probe = try probe(
            #"if (method == "ACK") { if (t_check_trans()) xerr("checked\n"); } $du = "NEXT"; t_relay();"#)
        let invite = probe.request("INVITE", id: "taken")
        try probe.client.send(invite, to: probe.server.port)
        let received = try probe.nextHop.next("INVITE")
        try probe.nextHop.send(received.response(200, "OK"), to: probe.server.port)
        let ok = try probe.client.reply(200)
        try probe.acknowledge(invite.replacing("branch=z9hG4bK-taken-1", with: "branch=z9hG4bK-taken-ack"), ok)
        _ = try probe.nextHop.next("ACK")
        try probe.server.waitForLog("checked")
        try probe.waitForNothing()
    }

    @Test func theAckToANegativeReplyIsMadeOfWhatWasSent() throws {
        let probe = try probe(#"remove_hf("X-Gone"); $du = "NEXT"; t_relay();"#)
        let routes = ["<sip:192.0.2.1;lr>", "<sip:192.0.2.2;lr>"]
        let invite = probe.request(
            "INVITE", id: "refused", headers: routes.map { "Route: " + $0 } + ["X-Gone: 1", "Require: 100rel"],
            body: "v=0\r\n")
        try probe.client.send(invite, to: probe.server.port)
        let received = try probe.nextHop.next("INVITE")
        try probe.nextHop.send(received.response(486, "Busy Here"), to: probe.server.port)
        let ack = try probe.nextHop.next("ACK")
        #expect(ack.startLine == received.startLine.replacing("INVITE", with: "ACK"))
        #expect(ack.headers("Via") == [received.header("Via")])
        #expect(ack.headers("Route") == routes)
        #expect(ack.header("From") == received.header("From"))
        #expect(ack.header("To")?.hasSuffix(";tag=answered") == true)
        #expect(ack.header("Call-ID") == received.header("Call-ID"))
        #expect(ack.header("CSeq") == "1 ACK")
        #expect(ack.header("Max-Forwards") != nil)
        #expect(ack.headers("Require") == [])
        #expect(ack.header("Content-Length") == "0")
        // The reply was lost on its way back, says the called side: it is acknowledged again, and goes to the caller once.
        let busy = try probe.client.reply(486)
        try probe.acknowledge(invite, busy)
        try probe.nextHop.send(received.response(486, "Busy Here"), to: probe.server.port)
        let again = try probe.nextHop.next("ACK")
        #expect(again.text == ack.text)
        try probe.waitForNothing()
    }

    /// Also when it has its transaction, and its answer, before it is relayed.
    @Test(arguments: ["", "t_newtran();", #"if (method == "CANCEL") t_send_reply("200", "OK");"#])
    func aCancelIsPassedOn(before: String) throws {
        let probe = try probe(before + #" $du = "NEXT"; t_relay();"#)
        let invite = probe.request(
            "INVITE", id: "cancelled", headers: ["Route: <sip:192.0.2.1;lr>", "Proxy-Require: nothing"])
        try probe.client.send(invite, to: probe.server.port)
        let received = try probe.nextHop.next("INVITE")
        try probe.nextHop.send(received.response(180, "Ringing"), to: probe.server.port)
        _ = try probe.client.reply(180)
        try probe.client.send(
            SIPText.cancel(invite, headers: [#"Reason: SIP;cause=200;text="elsewhere""#]), to: probe.server.port)
        let answer = try probe.client.next("CANCEL")
        #expect(answer.statusCode == 200)
        let cancel = try probe.nextHop.next("CANCEL")
        #expect(cancel.startLine == received.startLine.replacing("INVITE", with: "CANCEL"))
        #expect(cancel.headers("Via") == [received.header("Via")])
        #expect(cancel.headers("Route") == ["<sip:192.0.2.1;lr>"])
        #expect(cancel.header("To") == received.header("To"))
        #expect(cancel.header("CSeq") == "1 CANCEL")
        #expect(cancel.headers("Reason") == [#"SIP;cause=200;text="elsewhere""#])
        // Not answered, it is repeated.
        let again = try probe.nextHop.next("CANCEL")
        #expect(again.text == cancel.text)
        try probe.nextHop.send(cancel.response(200, "OK"), to: probe.server.port)
        try probe.nextHop.send(received.response(487, "Request Terminated"), to: probe.server.port)
        let end = try probe.client.reply(487)
        try probe.acknowledge(invite, end)
        _ = try probe.nextHop.next("ACK")
        try probe.waitForNothing()
    }

    @Test func aCancelBeforeAnyReplyWaitsForOne() throws {
        let probe = try probe(parameters: [#""cancel_b_method", 1"#])
        let invite = probe.request("INVITE", id: "early")
        try probe.client.send(invite, to: probe.server.port)
        let received = try probe.nextHop.next("INVITE")
        try probe.client.send(SIPText.cancel(invite), to: probe.server.port)
        let answer = try probe.client.next("CANCEL")
        #expect(answer.statusCode == 200)
        // The request goes on being repeated, and nothing else is sent.
        for _ in 0..<3 {
            let again = try probe.nextHop.receive().message
            #expect(again.text == received.text)
        }
        try probe.nextHop.send(received.response(180, "Ringing"), to: probe.server.port)
        let cancel = try probe.nextHop.next("CANCEL")
        try probe.nextHop.send(cancel.response(200, "OK"), to: probe.server.port)
        try probe.nextHop.send(received.response(487, "Request Terminated"), to: probe.server.port)
        let end = try probe.client.reply(487)
        try probe.acknowledge(invite, end)
        try probe.waitForNothing()
    }

    @Test func aCancelBeforeAnyReplyEndsTheBranch() throws {
        let probe = try probe(parameters: [#""cancel_b_method", 0"#])
        let invite = probe.request("INVITE", id: "early")
        try probe.client.send(invite, to: probe.server.port)
        let received = try probe.nextHop.next("INVITE")
        try probe.client.send(SIPText.cancel(invite), to: probe.server.port)
        let end = try probe.client.reply(487)
        try probe.acknowledge(invite, end)
        while let more = probe.nextHop.datagram(within: .milliseconds(300)) {
            let text = String(decoding: more.bytes, as: UTF8.self)
            #expect(text == received.text)
        }
        try probe.waitForNothing()
    }

    @Test func aCancelBeforeAnyReplyIsSentAtOnce() throws {
        let probe = try probe(parameters: [#""cancel_b_method", 2"#], fr: "1s")
        let invite = probe.request("INVITE", id: "early")
        try probe.client.send(invite, to: probe.server.port)
        let received = try probe.nextHop.next("INVITE")
        try probe.client.send(SIPText.cancel(invite), to: probe.server.port)
        let cancel = try probe.nextHop.next("CANCEL")
        #expect(cancel.branch == received.branch)
        // Nobody ever answers: the branch is given up.
        let end = try probe.client.reply(487)
        try probe.acknowledge(invite, end)
        try probe.waitForNothing()
    }

    @Test func branchesHaveRoutesOfTheirOwn() throws {
        let probe = try probe(
            """
            t_on_branch("EACH");
            $du = "NEXT";
            append_branch("sip:second@192.0.2.1");
            append_branch("sip:third@192.0.2.1");
            t_relay();
            xerr("result $rc\\n");
            """,
            globals: """
                branch_route[EACH] {
                    if ($rU == "second") drop;
                    append_hf("X-Branch: $rU\\r\\n");
                    $du = "NEXT";
                }

                """)
        let request = probe.request(id: "branches")
        try probe.client.send(request, to: probe.server.port)
        let first = try probe.nextHop.next("OPTIONS")
        var second = try probe.nextHop.next("OPTIONS", not: first)
        while second.branch == first.branch { second = try probe.nextHop.next("OPTIONS", not: first) }
        #expect(first.headers("X-Branch") == ["alice"])
        #expect(second.headers("X-Branch") == ["third"])
        #expect(second.startLine == "OPTIONS sip:third@192.0.2.1 SIP/2.0")
        try probe.nextHop.send(first.response(404, "Not Found"), to: probe.server.port)
        try probe.nextHop.send(second.response(200, "OK"), to: probe.server.port)
        let answered = try probe.client.reply(200)
        #expect(answered.headers("Via") == [SIPText(request).header("Via")])
        try probe.server.waitForLog("result 1")
        try probe.waitForNothing()
    }

    @Test func withoutAnyBranchTheRelayFails() throws {
        let probe = try probe(
            #"t_on_branch("NONE"); $du = "NEXT"; t_relay(); xerr("result $rc\n");"#,
            globals: "branch_route[NONE] { drop; }\n")
        let answer = try probe.ask(probe.request(id: "none"))
        #expect(answer.statusCode == 500)
        try probe.server.waitForLog("result -1")
        #expect(probe.nextHop.datagram(within: .milliseconds(1)) == nil)
        try probe.waitForNothing()
    }

    @Test(arguments: [
        #"t_relay_to_udp("127.0.0.1", HOP);"#, #"t_relay("127.0.0.1", "HOP");"#, #"t_relay_to("udp:127.0.0.1:HOP");"#,
        #"t_relay_to_proxy("udp:127.0.0.1:HOP", "0x04");"#, #"t_forward_nonack_udp("127.0.0.1", HOP);"#,
        #"$du = "sip:127.0.0.1:HOP"; t_relay_to_udp();"#, #"$du = "sip:127.0.0.1:HOP"; t_relay_to("4");"#,
        #"$du = "sip:localhost:HOP"; t_relay();"#, #"t_relay_to("localhost:HOP");"#,
        #"t_forward_nonack("127.0.0.1", HOP);"#, #"$du = "sip:127.0.0.1:HOP"; t_forward_nonack_uri();"#,
        #"t_forward_nonack_to("udp", "127.0.0.1:HOP");"#, #"t_relay_to_udp("localhost", "HOP");"#,
    ])
    func anAddressCanBeNamed(call: String) throws {
        let hop = try UDPClient()
        let probe = try probe(call.replacing("HOP", with: "\(hop.address.port)"))
        try probe.client.send(probe.request(id: "named"), to: probe.server.port)
        let received = try hop.next("OPTIONS")
        #expect(received.startLine == "OPTIONS sip:alice@\(probe.server.address) SIP/2.0")
        try hop.send(received.response(200, "OK"), to: probe.server.port)
        _ = try probe.client.reply(200)
        try probe.waitForNothing()
    }

    @Test func aReplicaGoesByItself() throws {
        let hop = try UDPClient()
        let probe = try probe(
            """
            t_replicate("127.0.0.1", \(hop.address.port));
            $du = "NEXT";
            t_relay();
            """)
        let request = probe.request("REGISTER", id: "copied", headers: ["Route: <sip:192.0.2.1;lr>"])
        try probe.client.send(request, to: probe.server.port)
        let copy = try hop.next("REGISTER")
        #expect(copy.headers("Via").count == 1)
        #expect(copy.header("Via")?.contains("\(probe.server.address);branch=z9hG4bK") == true)
        #expect(copy.headers("Route") == [])
        let original = try probe.nextHop.next("REGISTER")
        #expect(original.headers("Via").count == 2)
        #expect(original.headers("Route") == ["<sip:192.0.2.1;lr>"])
        try hop.send(copy.response(403, "Forbidden"), to: probe.server.port)
        try probe.nextHop.send(original.response(200, "OK"), to: probe.server.port)
        let answer = try probe.client.next("REGISTER")
        #expect(answer.statusCode == 200)
        try probe.waitForNothing()
        #expect(probe.client.datagram(within: .milliseconds(1)) == nil)
    }

    /// Without an address of its own a replica keeps the Routes that are not for this server.
    @Test(arguments: [
        (#"t_replicate("sip:127.0.0.1:HOP");"#, 0), (#"t_replicate_udp("127.0.0.1", HOP);"#, 0),
        (#"t_replicate_to("udp", "127.0.0.1:HOP");"#, 0), (#"$du = "sip:127.0.0.1:HOP"; t_replicate();"#, 1),
    ])
    func aReplicaMayBeAskedForInManyWays(call: String, routes: Int) throws {
        let hop = try UDPClient()
        let probe = try probe(call.replacing("HOP", with: "\(hop.address.port)") + #" t_reply("202", "Accepted");"#)
        let kept = "<sip:192.0.2.1;lr>"
        let request = probe.request(
            "REGISTER", id: "copied", headers: ["Route: <sip:\(probe.server.address);lr>, \(kept)"])
        try probe.send(request)
        let copy = try hop.next("REGISTER")
        #expect(copy.headers("Via").count == 1)
        #expect(copy.headers("Route") == (routes == 1 ? [kept] : []))
        try hop.send(copy.response(200, "OK"), to: probe.server.port)
        try probe.waitForNothing()
        // Nobody has answered the request itself.
        #expect(probe.client.waiting().isEmpty)
    }

    @Test func serialForkingMakesFurtherBranches() throws {
        let probe = try probe(
            #"t_on_failure("FURTHER"); $du = "NEXT"; t_relay();"#,
            globals: """
                failure_route[FURTHER] {
                    $ru = "sip:voicemail@192.0.2.1";
                    $du = "NEXT";
                    t_relay();
                }

                """)
        let invite = probe.request("INVITE", id: "serial")
        try probe.client.send(invite, to: probe.server.port)
        let first = try probe.nextHop.next("INVITE")
        try probe.nextHop.send(first.response(486, "Busy Here"), to: probe.server.port)
        _ = try probe.nextHop.next("ACK")
        var second = try probe.nextHop.next("INVITE")
        while second.branch == first.branch { second = try probe.nextHop.next("INVITE") }
        #expect(second.startLine == "INVITE sip:voicemail@192.0.2.1 SIP/2.0")
        try probe.nextHop.send(second.response(200, "OK"), to: probe.server.port)
        _ = try probe.client.reply(200)
        try probe.waitForNothing()
    }

    @Test func aSecondRelayNeedsANewBranch() throws {
        let probe = try probe(#"$du = "NEXT"; t_relay(); t_relay(); xerr("second gives $rc\n");"#)
        try probe.client.send(probe.request(id: "two"), to: probe.server.port)
        let received = try probe.nextHop.next("OPTIONS")
        try probe.nextHop.send(received.response(200, "OK"), to: probe.server.port)
        _ = try probe.client.reply(200)
        try probe.server.waitForLog("second gives -1")
        #expect(probe.server.log.contains("there is nowhere to relay to"))
        try probe.waitForNothing()
    }

    /// The only destination was put aside.
    @Test func aRelayToNowhereIsAnswered() throws {
        let probe = try probe(
            #"append_branch(); append_branch("sip:two@127.0.0.1:9"); t_load_contacts(); t_relay(); xerr("result $rc\n");"#
        )
        let answer = try probe.ask(probe.request(id: "nowhere"))
        #expect(answer.statusCode == 500)
        #expect(answer.reason.hasPrefix("No destination"))
        try probe.server.waitForLog("result -1")
        #expect(probe.server.log.contains("there is nowhere to relay to"))
        try probe.waitForNothing()
    }

    @Test func laterEditsDoNotReachWhatWasSent() throws {
        let probe = try probe(
            #"t_on_failure("AGAIN"); $du = "NEXT"; append_hf("X-Early: 1\r\n"); t_relay(); append_hf("X-Late: 1\r\n");"#,
            globals: #"failure_route[AGAIN] { $du = "NEXT"; t_relay(); }"# + "\n")
        try probe.client.send(probe.request(id: "edits"), to: probe.server.port)
        let first = try probe.nextHop.next("OPTIONS")
        #expect(first.headers("X-Early") == ["1"])
        #expect(first.headers("X-Late") == [])
        try probe.nextHop.send(first.response(404, "Not Found"), to: probe.server.port)
        var second = try probe.nextHop.next("OPTIONS")
        while second.branch == first.branch { second = try probe.nextHop.next("OPTIONS") }
        #expect(second.headers("X-Early") == ["1"])
        #expect(second.headers("X-Late") == [])
        try probe.nextHop.send(second.response(200, "OK"), to: probe.server.port)
        _ = try probe.client.reply(200)
        try probe.waitForNothing()
    }

    @Test func breadthIsSharedAndBounded() throws {
        let script = #"append_branch("sip:two@127.0.0.1:9"); $du = "NEXT"; t_on_branch("TO"); t_relay();"#
        let probe = try probe(script, globals: #"branch_route[TO] { $du = "NEXT"; }"# + "\n")
        let refused = try probe.ask(probe.request(id: "narrow", headers: ["Max-Breadth: 1"]))
        #expect(refused.statusCode == 440)
        try probe.client.send(probe.request(id: "wide", headers: ["Max-Breadth: 61"]), to: probe.server.port)
        let first = try probe.nextHop.next("OPTIONS")
        var second = try probe.nextHop.next("OPTIONS", not: first)
        while second.branch == first.branch { second = try probe.nextHop.next("OPTIONS", not: first) }
        #expect(first.headers("Max-Breadth") == ["31"])
        #expect(second.headers("Max-Breadth") == ["30"])
        try probe.nextHop.send(first.response(200, "OK"), to: probe.server.port)
        try probe.nextHop.send(second.response(200, "OK"), to: probe.server.port)
        _ = try probe.client.reply(200)
        try probe.waitForNothing()
    }

    @Test func aRequestThatComesBackUnchangedIsNotForked() throws {
        let probe = try probe(
            """
            if ($hdr(X-Fork) != $null) append_branch("sip:two@127.0.0.1:9");
            $du = "sip:127.0.0.1:PORT";
            append_hf("X-Fork: 1\\r\\n");
            t_relay();
            """)
        let answer = try probe.ask(probe.request(id: "loop"))
        #expect(answer.statusCode == 482)
        try probe.server.waitForLog("comes back unchanged")
        try probe.waitForNothing()
    }

    @Test(arguments: ["", "sl_reply_error();", "send_reply_error();", #"t_reply("480", "Gone");"#])
    func aRelayThatFailsIsAnsweredOnce(answer: String) throws {
        let probe = try probe(#"$du = "sip:127.0.0.1:9;transport=tls"; if (!t_relay()) { \#(answer) }"#)
        let request = probe.request("MESSAGE", id: "unsent")
        let final = try probe.ask(request)
        #expect(final.statusCode == (answer.contains("480") ? 480 : 478))
        #expect(
            final.reason.hasSuffix(
                answer.hasPrefix("sl") ? "/SL)" : answer.hasPrefix("t_") ? "Gone" : "/TM)"))
        #expect(probe.client.datagram(within: .milliseconds(200)) == nil)
        // A caller that has lost the answer gets it again.
        #expect(try probe.ask(request).statusCode == final.statusCode)
        try probe.waitForNothing()
    }
}
