import Testing

/// Requests of the server's own: by script and by module, and the event routes that see them.
@Suite struct TmLocalRoutesTests {
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
        try desk.begin("tm.t_uac_wait_block", "OPTIONS", headers: Desk.dialog + "Call-ID: routed@tests\r\n")
        let request = try other.receive().message
        #expect(request.startLine == "OPTIONS sip:changed@192.0.2.5 SIP/2.0")
        #expect(request.headers("Via").count == 1)
        #expect(request.header("X-Seen") == "routed@tests")
        try desk.server.waitForLog("leaving OPTIONS \(desk.uri)")
        // t_set_fr counts: nobody answers.
        #expect(try desk.door.receive().json == #"{"code":408,"text":"Request Timeout"}"#)
        try desk.begin("tm.t_uac_wait_block", "INFO", headers: Desk.dialog)
        let dropped = try desk.door.receive()
        #expect(dropped.code == 500)
        #expect(dropped.json == "The request was dropped by the script")
        try desk.waitForNothing()
    }

    @Test func theLocalRequestRouteMayChooseTheListener() throws {
        let other = try Ports.free()
        let desk = try Desk(
            globals: """
                listen=udp:127.0.0.1:\(other)
                event_route[tm:local-request] { if ($rm == "INFO") { $fs = "udp:127.0.0.1:\(other)"; } }
                """)
        for (method, port) in [("OPTIONS", desk.server.port), ("INFO", other)] {
            try desk.begin("tm.t_uac_wait_block", method, headers: Desk.dialog)
            let (request, from) = try desk.callee.receive()
            #expect(from.port == port)
            #expect(request.header("Via")?.contains("127.0.0.1:\(port);") == true)
            try desk.callee.send(request.response(200, "OK"), to: port)
            #expect(try desk.door.receive().code == 200)
        }
    }

    /// t_set_no_auto_ack is for requests of the server's own.
    @Test(arguments: [0, 1]) func theLocalRequestRouteDecidesAboutTheAck(off: Int) throws {
        let desk = try Desk(globals: "event_route[tm:local-request] { t_set_no_auto_ack(\(off)); }\n")
        try desk.begin("tm.t_uac_wait_block", "INVITE", headers: Desk.dialog)
        let invite = try desk.callee.receive("INVITE")
        let contact = "Contact: <sip:callee@\(desk.callee.address)>"
        try desk.callee.send(invite.response(200, "OK", headers: [contact]), to: desk.server.port)
        #expect(try desk.door.receive().code == 200)
        if off == 0 {
            _ = try desk.callee.request("ACK")
        } else {
            try desk.callee.staysSilent(for: .milliseconds(300))
        }
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
            try desk.begin("tm.t_uac_start", "INVITE", headers: Desk.dialog + "Call-ID: \(id)\r\n")
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
        try desk.begin("tm.t_uac_wait_block", "INVITE", headers: Desk.dialog + "Call-ID: acked@tests\r\n")
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
