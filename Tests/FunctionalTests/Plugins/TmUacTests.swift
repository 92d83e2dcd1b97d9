import Testing

/// Requests of the server's own: by command and by script (RFC 3261 sections 8.1, 13.2.2.4 and 17.1).
@Suite(.timeLimit(.minutes(10))) struct TmUacTests {
    private let from = "From: <sip:operator@example.org>\r\n"
    private let to = "To: <sip:callee@example.org>\r\n"

    @Test func anOptionsIsSentAndItsReplyIsTheAnswer() throws {
        let desk = try Desk()
        try desk.begin("tm.t_uac_wait_block", "OPTIONS", headers: from + to + "X-Own: yes\r\n")
        let request = try desk.callee.receive()
        #expect(request.message.startLine == "OPTIONS sip:callee@\(desk.callee.address) SIP/2.0")
        let vias = request.message.headers("Via")
        #expect(vias.count == 1)
        #expect(vias.first?.hasPrefix("SIP/2.0/UDP \(desk.server.address);branch=z9hG4bK") == true)
        #expect(request.message.header("From")?.hasPrefix("<sip:operator@example.org>;tag=") == true)
        #expect(request.message.header("To") == "<sip:callee@example.org>")
        #expect(request.message.header("Call-ID")?.count == 32)
        #expect(request.message.header("CSeq") == "1 OPTIONS")
        #expect(request.message.header("Max-Forwards") == "70")
        #expect(request.message.header("X-Own") == "yes")
        #expect(request.message.headers("Content-Length") == ["0"])
        try desk.callee.send(request.message.response(200, "Fine"), to: desk.server.port)
        let answer = try desk.door.receive()
        #expect(answer.code == 200)
        #expect(answer.json == #"{"code":200,"text":"Fine"}"#)
        try desk.waitForNothing()
    }

    @Test func theRequestIsRepeatedUntilItIsAnswered() throws {
        let desk = try Desk()
        try desk.begin("tm.t_uac_wait_block", "OPTIONS", headers: from + to)
        let first = try desk.callee.receive().message
        for _ in 0..<2 {
            let again = try desk.callee.receive().message
            #expect(again.text == first.text)
        }
        try desk.callee.send(first.response(404, "Not Found"), to: desk.server.port)
        let answer = try desk.door.receive()
        #expect(answer.json == #"{"code":404,"text":"Not Found"}"#)
        try desk.waitForNothing()
    }

    @Test func silenceIsATimeout() throws {
        let desk = try Desk(parameters: [#""fr_timer", "400ms""#])
        try desk.begin("tm.t_uac_wait", "OPTIONS", headers: from + to)
        let answer = try desk.door.receive()
        #expect(answer.code == 200)
        #expect(answer.json == #"[408,"Request Timeout"]"#)
        try desk.waitForNothing()
    }

    @Test func theAnswerTellsHowToGoOnInTheDialog() throws {
        let desk = try Desk()
        try desk.begin("tm.t_uac_wait", "SUBSCRIBE", headers: from + to)
        let request = try desk.callee.receive().message
        let routes = "Record-Route: <sip:192.0.2.1;lr>, <sip:192.0.2.2;lr>"
        try desk.callee.send(
            request.response(200, "OK", headers: [routes, "Contact: <sip:me@192.0.2.9>"]), to: desk.server.port)
        let answer = try desk.door.receive()
        let expected = #"[200,"OK","sip:me@192.0.2.9","sip:192.0.2.2;lr","<sip:192.0.2.2;lr>, <sip:192.0.2.1;lr>",""#
        #expect(answer.json.hasPrefix(expected), "\(answer.json)")
        #expect(answer.json.contains(#"Contact: <sip:me@192.0.2.9>\r\n"#))
    }

    // MARK: - INVITE

    @Test func theAckToA2xxGoesToItsContactEachTime() throws {
        let desk = try Desk()
        let target = try UDPClient()
        try desk.begin("tm.t_uac_wait_block", "INVITE", headers: from + to + "Proxy-Authorization: Digest x\r\n")
        let invite = try desk.callee.receive().message
        try desk.callee.send(invite.response(180, "Ringing"), to: desk.server.port)
        let accepted = invite.response(200, "OK", headers: ["Contact: <sip:target@\(target.address)>"])
        try desk.callee.send(accepted, to: desk.server.port)
        let answer = try desk.door.receive()
        #expect(answer.json == #"{"code":200,"text":"OK"}"#)
        let ack = try target.receive().message
        #expect(ack.startLine == "ACK sip:target@\(target.address) SIP/2.0")
        #expect(ack.headers("Via").count == 1)
        #expect(ack.header("CSeq") == "1 ACK")
        #expect(ack.header("Call-ID") == invite.header("Call-ID"))
        #expect(ack.header("From") == invite.header("From"))
        #expect(ack.header("To") == SIPText(accepted).header("To"))
        #expect(ack.header("Proxy-Authorization") == "Digest x")
        try desk.callee.send(accepted, to: desk.server.port)
        let again = try target.receive().message
        #expect(again.text == ack.text)
        try desk.callee.staysSilent(for: .milliseconds(300))
        try desk.waitForNothing(within: 400)
    }

    @Test func theAckFollowsTheRouteSet() throws {
        let desk = try Desk()
        let proxy = try UDPClient()
        try desk.begin("tm.t_uac_start", "INVITE", headers: from + to)
        #expect(try desk.door.receive().code == 200)
        let invite = try desk.callee.receive().message
        let headers = [
            "Record-Route: <sip:192.0.2.1;lr>", "Record-Route: <sip:\(proxy.address);lr>",
            "Contact: <sip:target@192.0.2.9>",
        ]
        try desk.callee.send(invite.response(200, "OK", headers: headers), to: desk.server.port)
        let ack = try proxy.receive().message
        #expect(ack.startLine == "ACK sip:target@192.0.2.9 SIP/2.0")
        #expect(ack.header("Route") == "<sip:\(proxy.address);lr>, <sip:192.0.2.1;lr>")
    }

    @Test func aStrictRouterIsTheRequestURI() throws {
        let desk = try Desk()
        let proxy = try UDPClient()
        try desk.begin("tm.t_uac_start", "INVITE", headers: from + to)
        let invite = try desk.callee.receive().message
        let headers = ["Record-Route: <sip:192.0.2.1;lr>, <sip:\(proxy.address)>", "Contact: <sip:target@192.0.2.9>"]
        try desk.callee.send(invite.response(200, "OK", headers: headers), to: desk.server.port)
        let ack = try proxy.receive().message
        #expect(ack.startLine == "ACK sip:\(proxy.address) SIP/2.0")
        #expect(ack.header("Route") == "<sip:192.0.2.1;lr>, <sip:target@192.0.2.9>")
    }

    @Test(arguments: [1, 2]) func theAckGoesWhereItIsToldTo(mode: Int) throws {
        let desk = try Desk(parameters: [#""local_ack_mode", \#(mode)"#, #""local_ack_branch_mode", \#(mode)"#])
        let other = try UDPClient()
        try desk.begin("tm.t_uac_start", "INVITE", headers: from + to)
        let invite = try desk.callee.receive().message
        let accepted = invite.response(200, "OK", headers: ["Contact: <sip:target@192.0.2.9>"])
        // The 2xx comes from elsewhere than the INVITE went to.
        try other.send(accepted, to: desk.server.port)
        let ack = mode == 1 ? try desk.callee.receive().message : try other.receive().message
        #expect(ack.startLine == "ACK sip:target@192.0.2.9 SIP/2.0")
        #expect(ack.header("Via") != invite.header("Via"))
    }

    @Test func withNoackNothingIsAcknowledged() throws {
        let desk = try Desk()
        try desk.begin("tm.t_uac_wait_block_noack", "INVITE", headers: from + to)
        let invite = try desk.callee.receive().message
        let contact = "Contact: <sip:callee@\(desk.callee.address)>"
        try desk.callee.send(invite.response(200, "OK", headers: [contact]), to: desk.server.port)
        let answer = try desk.door.receive()
        #expect(answer.json == #"{"code":200,"text":"OK"}"#)
        try desk.callee.staysSilent(for: .milliseconds(300))
    }

    @Test func aRefusalIsAcknowledgedHopByHop() throws {
        let desk = try Desk()
        try desk.begin("tm.t_uac_wait_block", "INVITE", headers: from + to)
        let invite = try desk.callee.receive().message
        let refusal = invite.response(486, "Busy Here")
        for _ in 0..<2 {
            try desk.callee.send(refusal, to: desk.server.port)
            let ack = try desk.callee.receive().message
            #expect(ack.method == "ACK")
            #expect(ack.header("Via") == invite.header("Via"))
        }
        let answer = try desk.door.receive()
        #expect(answer.json == #"{"code":486,"text":"Busy Here"}"#)
        try desk.waitForNothing()
    }

    @Test func cancelling() throws {
        let desk = try Desk()
        try desk.begin(
            "tm.t_uac_wait_block", "INVITE", headers: from + to + "Call-ID: wanted@tests\r\nCSeq: 7 INVITE\r\n")
        let invite = try desk.callee.receive().message
        #expect(invite.header("Call-ID") == "wanted@tests")
        #expect(invite.header("CSeq") == "7 INVITE")
        try desk.callee.send(invite.response(180, "Ringing"), to: desk.server.port)
        let door = try RPCDoor(desk.folder.path, client: 1)
        let unknown = try door.call("tm.cancel", "wanted@tests", "8")
        #expect(unknown.code == 481)
        #expect(unknown.json == "No such transaction")
        let done = try door.call("t_uac_cancel", "wanted@tests", "7")
        #expect(done.code == 200, "\(done)")
        let cancel = try desk.callee.receive().message
        #expect(cancel.method == "CANCEL")
        #expect(cancel.header("Via") == invite.header("Via"))
        try desk.callee.send(cancel.response(200, "OK"), to: desk.server.port)
        try desk.callee.send(invite.response(487, "Request Terminated"), to: desk.server.port)
        _ = try desk.callee.receive("ACK")
        let answer = try desk.door.receive()
        #expect(answer.json == #"{"code":487,"text":"Request Terminated"}"#)
        try desk.waitForNothing()
    }

    @Test func anInviteThatNobodyAnswersToTheEndIsCancelled() throws {
        let desk = try Desk()
        try desk.door.send(
            "tm.t_uac_attrs",
            [
                "mode=block;cbflags=noack;fr_timeout=5000;fr_inv_timeout=300", "INVITE", desk.uri, ".", ".", from + to,
            ])
        let invite = try desk.callee.receive().message
        try desk.callee.send(invite.response(180, "Ringing"), to: desk.server.port)
        let answer = try desk.door.receive()
        #expect(answer.json == #"{"code":408,"text":"Request Timeout"}"#)
        _ = try desk.callee.receive("CANCEL")
    }

    @Test func memoryIsGivenBack() throws {
        let desk = try Desk(
            parameters: [#""fr_timer", "500ms""#],
            globals: "event_route[tm:local-ack-sent] { xdbg(\"seen\"); }",
            script: #"sl_send_reply("200", "$stat(tm:pieces_in_use)");"#)
        for (method, code) in [("OPTIONS", 200), ("INVITE", 486), ("INVITE", 200), ("MESSAGE", 0)] {
            let id = "\(method)-\(code)@tests"
            try desk.begin("tm.t_uac_wait", method, headers: from + to + "Call-ID: \(id)\r\n")
            var request = try desk.callee.receive().message
            // Repetitions and ACKs of the one before.
            while request.header("Call-ID") != id { request = try desk.callee.receive().message }
            let contact = "Contact: <sip:callee@\(desk.callee.address)>"
            if code != 0 {
                try desk.callee.send(request.response(code, "Done", headers: [contact]), to: desk.server.port)
            }
            let answer = try desk.door.receive()
            #expect(answer.json.hasPrefix("[\(code == 0 ? 408 : code),"))
        }
        try desk.waitForNothing(within: 400)
        let client = try UDPClient()
        let request = SIPText.request("OPTIONS", "sip:x@\(desk.server.address)", from: client.address, id: "pieces")
        let reply = try client.exchange(request, with: desk.server.port)
        #expect(reply.reason == "0")
    }

    // MARK: - What is wrong

    @Test func whatIsWrongIsTold() throws {
        let desk = try Desk()
        let (door, callee) = (desk.door, desk.uri)
        func refusal(
            _ method: String = "OPTIONS", uri: String? = nil, hop: String = ".", socket: String = ".",
            headers: String? = nil, body: String = ""
        ) throws -> String {
            let answer = try door.call(
                "tm.t_uac_start", method, uri ?? callee, hop, socket, headers ?? from + to, body)
            return "\(answer.code) \(answer.json)"
        }
        #expect(try refusal(uri: "nonsense") == "400 Invalid RURI")
        #expect(try refusal(uri: "sip:a@b\r\nX: y") == "400 Invalid RURI")
        #expect(try refusal(hop: "nonsense") == "400 Invalid NEXTHOP")
        #expect(try refusal(socket: "udp:192.0.2.77:5060") == "404 Local socket not found")
        #expect(try refusal(headers: to) == "400 From missing")
        #expect(try refusal(headers: from) == "400 To missing")
        #expect(try refusal(headers: from + to + "nothing\r\n") == "400 Bad headers")
        #expect(try refusal(headers: from + to + "Content-Length: 3\r\n") == "400 Content-Length disallowed")
        #expect(try refusal(headers: from + to + "CSeq: x OPTIONS\r\n") == "400 Bad CSeq number")
        #expect(try refusal(headers: from + to + "CSeq: 1 INVITE\r\n") == "400 CSeq method mismatch")
        #expect(try refusal(body: "hello") == "400 Content-Type missing")
        #expect(try refusal("AC K") == "400 Invalid method")
        #expect(try refusal("ACK") == "400 ACK and CANCEL belong to their INVITE")
        let few = try desk.door.call("tm.t_uac_start", "OPTIONS", desk.uri)
        #expect(few.code == 400)
        #expect(few.json == "too few parameters (2/5)")
        try desk.callee.staysSilent(for: .milliseconds(100))
        try desk.waitForNothing()
    }

    @Test func whereThereIsNoAddressThereIsNoWait() throws {
        let desk = try Desk()
        let answer = try desk.door.call(
            "tm.t_uac_wait_block", "OPTIONS", "sip:nobody@[2001:db8::1]", ".", ".", from + to)
        #expect(answer.json == #"{"code":478,"text":"Unresolvable destination"}"#)
        try desk.waitForNothing()
    }

    // MARK: - Other commands

    @Test func bodiesHopsAndOlderNames() throws {
        let desk = try Desk()
        let hop = try UDPClient()
        let text = from + to + "Content-Type: text/plain\n"
        try desk.door.send(
            "tm.t_uac_start_hex", ["MESSAGE", "sip:far@192.0.2.1", "sip:\(hop.address)", ".", text, "68 69 21"])
        let message = try hop.receive().message
        #expect(message.startLine == "MESSAGE sip:far@192.0.2.1 SIP/2.0")
        #expect(message.header("Content-Type") == "text/plain")
        #expect(message.header("Content-Length") == "3")
        #expect(message.body == "hi!")
        #expect(try desk.door.receive().code == 200)

        try desk.door.send("t_uac_from", ["OPTIONS", "", desk.uri, "X-Extra: 1\n"])
        let plain = try desk.callee.receive().message
        #expect(plain.header("From")?.hasPrefix("<sip:foo@foo.bar>;tag=") == true)
        #expect(plain.header("To") == "<\(desk.uri)>")
        #expect(plain.header("X-Extra") == "1")
        try desk.callee.send(plain.response(202, "Accepted"), to: desk.server.port)
        #expect(try desk.door.receive().json == #"{"code":202,"text":"Accepted"}"#)

        try desk.door.send("t_uac_dlg", ["OPTIONS", desk.uri, ".", ".", from + to + "Contact: <sip:me@!!>\r\n", "."])
        let named = try desk.callee.receive().message
        #expect(named.header("Contact") == "<sip:me@\(desk.server.address)>")
        #expect(named.header("Content-Length") == "0")
    }

    @Test func listsAndNumbersShowACall() throws {
        let desk = try Desk()
        try desk.begin("tm.t_uac_start", "INVITE", headers: from + to + "Call-ID: seen@tests\r\n")
        #expect(try desk.door.receive().code == 200)
        let invite = try desk.callee.receive().message
        try desk.callee.send(invite.response(180, "Ringing"), to: desk.server.port)
        let list = try desk.door.call("tm.list").json
        #expect(list.hasPrefix("[{") && list.hasSuffix("}]"))
        for part in [
            #""method":"INVITE""#, #""callid":"seen@tests""#, #""cseq":"1""#, #""uas_request":"no""#, #""outgoings":1"#,
            #""to":"<sip:callee@example.org>""#,
        ] {
            #expect(list.contains(part), "\(part) in \(list)")
        }
        let busy = try desk.door.call("tm.stats").json
        #expect(busy.hasPrefix(#"{"current":1,"waiting":0,"total":1,"total_local":1,"#), "\(busy)")
        try desk.callee.send(invite.response(603, "Decline"), to: desk.server.port)
        _ = try desk.callee.receive("ACK")
        try desk.waitForNothing()
        let after = try desk.door.call("t_stats").json
        #expect(after.contains(#""6xx":1,"#), "\(after)")
        #expect(after.hasSuffix(#""created":1,"freed":1,"delayed_free":0}"#), "\(after)")
        let hash = try desk.door.call("tm.hash_stats").json
        #expect(hash.hasPrefix(#"{"hash_size":131072,"crt_transactions":0,"#), "\(hash)")
        #expect(try desk.door.call("tm.clean").code == 200)
    }

    @Test func repliesByCommand() throws {
        let desk = try Desk(script: #"t_newtran(); t_reply("183", "Queued");"#)
        let client = try UDPClient()
        let request = SIPText.request("INVITE", "sip:x@\(desk.server.address)", from: client.address, id: "held")
        try client.send(request, to: desk.server.port)
        while try client.receive().message.statusCode != 183 {}
        let list = try desk.door.call("tm.list").json
        let index = number("tindex", in: list)
        let label = number("tlabel", in: list)
        let repeated = try desk.door.call("tm.retransmit_reply", "\(index):\(label)")
        #expect(repeated.code == 200)
        let copy = try client.receive().message
        #expect(copy.statusCode == 183)
        #expect(try desk.door.call("tm.reply", "200", "OK", "\(index):\(label + 1)", "tag", ".").code == 404)
        #expect(try desk.door.call("tm.reply", "200", "OK", "what", "tag", ".").code == 400)
        #expect(try desk.door.call("tm.reply", "99", "OK", "\(index):\(label)", "tag", ".").json == "Invalid code")
        let done = try desk.door.call("tm.reply", "480", "Later", "\(index):\(label)", "mine", "X-By: hand\n")
        #expect(done.code == 200)
        let reply = try client.receive().message
        #expect(reply.startLine == "SIP/2.0 480 Later")
        #expect(reply.header("To")?.hasSuffix(";tag=mine") == true)
        #expect(reply.header("X-By") == "hand")
        let twice = try desk.door.call("tm.reply_callid", "486", "No", "held@tests", "1", "mine", ".")
        #expect(twice.code == 500)
        #expect(twice.json == "Reply failed")
        #expect(try desk.door.call("tm.reply_callid", "486", "No", "other@tests", "1", "mine", ".").code == 481)
    }

    private func number(_ key: String, in json: String) -> Int {
        guard let range = json.firstRange(of: "\"\(key)\":") else { return -1 }
        return Int(json[range.upperBound...].prefix { $0.isNumber }) ?? -1
    }

    // MARK: - Scripts

    @Test func aScriptSendsARequest() throws {
        let desk = try Desk(
            script: #"""
                t_uac_send("INVITE.", "URI", "", "", "From: <sip:a@b>\r\nTo: <sip:c@d>\r\nX: $rU\r\n", "");
                sl_send_reply("200", "$rc");
                t_uac_send("INFO", "URI", "", "", "To: <sip:c@d>\r\n", "");
                xerr("without From it gives $rc\n");
                """#)
        let client = try UDPClient()
        let request = SIPText.request("OPTIONS", "sip:who@\(desk.server.address)", from: client.address, id: "asks")
        let reply = try client.exchange(request, with: desk.server.port)
        #expect(reply.reason == "1")
        let invite = try desk.callee.receive().message
        #expect(invite.startLine == "INVITE \(desk.uri) SIP/2.0")
        #expect(invite.header("X") == "who")
        let contact = "Contact: <sip:callee@\(desk.callee.address)>"
        try desk.callee.send(invite.response(200, "OK", headers: [contact]), to: desk.server.port)
        // No ACK, as the dot has it.
        try desk.callee.staysSilent(for: .milliseconds(300))
        try desk.server.waitForLog("without From it gives -1")
        #expect(desk.server.log.contains("t_uac_send: From missing"))
    }

    @Test func theLocalRequestRouteMayChangeWhereItGoes() throws {
        let other = try UDPClient()
        let desk = try Desk(
            globals: """
                event_route[tm:local-request] {
                    xerr("leaving $rm $ru\\n");
                    if ($rm == "INFO") { drop; }
                    $ru = "sip:changed@192.0.2.5";
                    $du = "sip:\(other.address)";
                    append_hf("X-Seen: $ci\\r\\n");
                    t_set_fr(0, 400);
                }
                """)
        try desk.begin("tm.t_uac_wait_block", "OPTIONS", headers: from + to + "Call-ID: routed@tests\r\n")
        let request = try other.receive().message
        #expect(request.startLine == "OPTIONS sip:changed@192.0.2.5 SIP/2.0")
        #expect(request.headers("Via").count == 1)
        #expect(request.header("X-Seen") == "routed@tests")
        try desk.server.waitForLog("leaving OPTIONS \(desk.uri)")
        // t_set_fr counts: nobody answers.
        #expect(try desk.door.receive().json == #"{"code":408,"text":"Request Timeout"}"#)
        try desk.begin("tm.t_uac_wait_block", "INFO", headers: from + to)
        let dropped = try desk.door.receive()
        #expect(dropped.code == 500)
        #expect(dropped.json == "The request was dropped by the script")
        try desk.waitForNothing()
    }

    @Test func theLocalRequestRouteMayStopACancel() throws {
        let desk = try Desk(
            parameters: [#""evlreq_mode", 1"#],
            globals: #"""
                event_route[tm:local-request] {
                    xerr("leaving $rm $ci\n");
                    if ($rm == "CANCEL" && $ci == "kept@tests") { drop; }
                }
                event_route[tm:local-response] { xerr("ringing $ci\n"); }
                """#)
        for id in ["kept@tests", "cancelled@tests"] {
            try desk.begin("tm.t_uac_start", "INVITE", headers: from + to + "Call-ID: \(id)\r\n")
            _ = try desk.door.receive()
            let invite = try desk.callee.receive("INVITE")
            try desk.callee.send(invite.response(180, "Ringing"), to: desk.server.port)
            try desk.server.waitForLog("ringing \(id)")
            let cancelled = try desk.door.call("tm.cancel", id, "1")
            #expect(cancelled.code == 200)
            try desk.server.waitForLog("leaving CANCEL \(id)")
        }
        let cancel = try desk.callee.receive("CANCEL")
        #expect(cancel.header("Call-ID") == "cancelled@tests")
    }

    @Test func theOtherRoutesSeeRepliesAndAcks() throws {
        let desk = try Desk(
            globals: """
                event_route[tm:local-request] { $avp(kept) = "avp"; }
                event_route[tm:local-response] { xerr("response $rs $rr $avp(kept)\\n"); if ($rs == 183) { drop; } }
                event_route[tm:local-ack-sent] { xerr("acknowledged $rs $ci $avp(kept)\\n"); }
                """)
        try desk.begin("tm.t_uac_wait_block", "INVITE", headers: from + to + "Call-ID: acked@tests\r\n")
        let invite = try desk.callee.receive().message
        try desk.callee.send(invite.response(183, "Progress"), to: desk.server.port)
        try desk.server.waitForLog("response 183 Progress avp")
        let contact = "Contact: <sip:callee@\(desk.callee.address)>"
        try desk.callee.send(invite.response(200, "Yes", headers: [contact]), to: desk.server.port)
        _ = try desk.callee.receive("ACK")
        try desk.server.waitForLog("response 200 Yes avp")
        try desk.server.waitForLog("acknowledged 200 acked@tests avp")
        #expect(try desk.door.receive().code == 200)
        try desk.waitForNothing(within: 400)
    }

    // MARK: - Modules

    /// The reply to a request that makes the script call the module.
    private func ask(
        _ desk: borrowing Desk, _ user: String, from client: borrowing UDPClient, headers: [String] = []
    ) throws -> SIPText {
        let request = SIPText.request(
            "SUBSCRIBE", "sip:\(user)@\(desk.server.address)", from: client.address, id: user, headers: headers)
        return try client.exchange(request, with: desk.server.port)
    }

    @Test func aModuleCallsAndHangsUp() throws {
        let desk = try Desk(module: "requests", script: #"own_call("URI"); sl_send_reply("200", "$rc");"#)
        let client = try UDPClient()
        let reply = try ask(desk, "call", from: client)
        #expect(reply.reason == "1")
        let invite = try desk.callee.receive().message
        #expect(invite.startLine == "INVITE \(desk.uri) SIP/2.0")
        #expect(invite.header("CSeq") == "11 INVITE")
        let contact = "Contact: <sip:phone@\(desk.callee.address)>"
        let proxy = "<sip:\(desk.callee.address);lr>"
        let route = "Record-Route: <sip:192.0.2.1;lr>, \(proxy)"
        try desk.callee.send(invite.response(183, "Progress", headers: [contact, route]), to: desk.server.port)
        try desk.server.waitForLog(
            "early state 1 cseq 11/0 target sip:phone@\(desk.callee.address) hop sip:\(desk.callee.address);lr "
                + "Route: \(proxy), <sip:192.0.2.1;lr>")
        try desk.callee.send(invite.response(200, "OK", headers: [contact]), to: desk.server.port)
        let ack = try desk.callee.receive().message
        #expect(ack.startLine == "ACK sip:phone@\(desk.callee.address) SIP/2.0")
        #expect(ack.header("X-Ack") == "1")
        #expect(ack.header("Content-Type") == "text/plain")
        #expect(ack.body == "late offer")
        let bye = try desk.callee.receive().message
        #expect(bye.startLine == "BYE sip:phone@\(desk.callee.address) SIP/2.0")
        #expect(bye.header("CSeq") == "12 BYE")
        #expect(bye.header("From") == invite.header("From"))
        #expect(bye.header("To") == "<sip:them@example.org>;tag=answered")
        #expect(bye.headers("Route").isEmpty)
        try desk.callee.send(bye.response(200, "OK"), to: desk.server.port)
        try desk.server.waitForLog("ended state 3 cseq 12/0")
        try desk.waitForNothing(within: 400)
    }

    @Test func aModuleNotifiesItsCaller() throws {
        let desk = try Desk(
            module: "requests",
            script: #"t_newtran(); own_notify("mine"); t_reply("200", "OK");"#)
        let proxies = "Record-Route: <sip:\(desk.callee.address);lr>, <sip:192.0.2.1;lr>"
        let client = try UDPClient()
        let answer = try ask(desk, "notify", from: client, headers: [proxies])
        try desk.server.waitForLog(
            "called state 2 cseq 0/1 target sip:tester@\(client.address) hop sip:\(desk.callee.address);lr")
        let notify = try desk.callee.receive().message
        #expect(notify.startLine == "NOTIFY sip:tester@\(client.address) SIP/2.0")
        #expect(notify.header("CSeq") == "1 NOTIFY")
        #expect(notify.header("From") == "<sip:notify@\(desk.server.address)>;tag=mine")
        #expect(notify.header("To") == "<sip:tester@\(client.address)>;tag=from-notify")
        #expect(notify.header("Call-ID") == answer.header("Call-ID"))
        #expect(notify.header("Route") == "<sip:\(desk.callee.address);lr>, <sip:192.0.2.1;lr>")
        try desk.callee.send(notify.response(481, "Gone"), to: desk.server.port)
        try desk.server.waitForLog("ended state 3")
        try desk.waitForNothing()
    }

    @Test func requestsReachTheWorkerOfTheirCall() throws {
        let desk = try Desk(module: "requests", script: #"own_posted("URI"); sl_send_reply("200", "$rc");"#)
        let client = try UDPClient()
        let reply = try ask(desk, "posted", from: client)
        #expect(reply.reason == "1")
        var seen: Set<String> = []
        while seen.count < 8 {
            let request = try desk.callee.receive().message
            seen.insert(request.header("Call-ID") ?? "")
            try desk.callee.send(request.response(200, "OK"), to: desk.server.port)
        }
        try desk.waitForNothing()
        // What is logged arrives a little later.
        for text in ["posted got 200", "posted is released"] {
            var count = 0
            for _ in 0..<200 where count != 8 {
                _ = client.datagram(within: .milliseconds(20))
                count = desk.server.log.split(separator: text, omittingEmptySubsequences: false).count - 1
            }
            #expect(count == 8, "\(text)")
        }
    }
}

extension UDPClient {
    /// The next message, which must have that method.
    fileprivate func receive(_ method: String) throws -> SIPText {
        let message = try receive().message
        guard message.method == method else { throw HarnessError("\(method) was expected, not:\n\(message)") }
        return message
    }

    /// Nothing comes.
    fileprivate func staysSilent(for limit: Duration) throws {
        guard let datagram = datagram(within: limit) else { return }
        throw HarnessError("nothing was expected, but:\n\(String(decoding: datagram.bytes, as: UTF8.self))")
    }
}

/// A server with commands, a script, and somebody to be called.
private struct Desk: ~Copyable {
    let folder: TemporaryFolder
    let server: Server
    let door: RPCDoor
    let callee: UDPClient

    /// - Parameter script: of the request route; `URI` in it is the callee's.
    /// - Parameter module: of the tests, in C.
    init(parameters: [String] = [], module: String? = nil, globals: String = "", script: String = "exit;") throws {
        let folder = try TemporaryFolder()
        if let module { try CModule.build(module, into: folder.path) }
        let load = module.map { "loadmodule \"\(folder.path)/\($0).so\"" } ?? ""
        let callee = try UDPClient()
        let door = try RPCDoor.config(folder.path)
        let uri = "sip:callee@\(callee.address)"
        let settings =
            [#""retr_timer1", 100"#, #""retr_timer2", "200ms""#, #""wt_timer", "200ms""#] + parameters
        let lines = settings.map { "modparam(\"tm\", \($0))\n" }.joined()
        let server = try Server { port in
            """
            children=2
            listen=udp:127.0.0.1:\(port)
            \(door)
            loadmodule "tm.so"
            loadmodule "sl.so"
            loadmodule "pv.so"
            loadmodule "xlog.so"
            loadmodule "textops.so"
            \(load)
            \(lines)
            \(globals)
            request_route {
            \(script.replacing("URI", with: uri))
            }

            """
        }
        let client = try RPCDoor(folder.path)
        self.folder = folder
        self.callee = callee
        self.server = server
        self.door = client
    }

    var uri: String { "sip:callee@\(callee.address)" }

    /// Begins a command of the kind t_uac_start.
    func begin(_ command: String, _ method: String, headers: String) throws {
        try door.send(command, [method, uri, ".", ".", headers])
    }

    /// Waits until no transaction is left.
    func waitForNothing(within attempts: Int = 200) throws {
        let door = try RPCDoor(folder.path, client: 99)
        var last = ""
        for _ in 0..<attempts {
            last = try door.call("tm.stats").json
            if last.hasPrefix(#"{"current":0,"#) { return }
            _ = callee.datagram(within: .milliseconds(50))
        }
        throw HarnessError("transactions are left: \(last)\n\(server.log)")
    }
}
