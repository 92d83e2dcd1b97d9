import Testing

/// Requests of the server's own: by command and by script (RFC 3261 sections 8.1, 13.2.2.4 and 17.1).
@Suite struct TmUacTests {
    @Test func anOptionsIsSentAndItsReplyIsTheAnswer() throws {
        let desk = try Desk()
        try desk.begin("tm.t_uac_wait_block", "OPTIONS", headers: Desk.dialog + "X-Own: yes\r\n")
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
        try desk.begin("tm.t_uac_wait_block", "OPTIONS", headers: Desk.dialog)
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
        try desk.begin("tm.t_uac_wait", "OPTIONS", headers: Desk.dialog)
        let answer = try desk.door.receive()
        #expect(answer.code == 200)
        #expect(answer.json == #"[408,"Request Timeout"]"#)
        try desk.waitForNothing()
    }

    @Test func theAnswerTellsHowToGoOnInTheDialog() throws {
        let desk = try Desk()
        try desk.begin("tm.t_uac_wait", "SUBSCRIBE", headers: Desk.dialog)
        let request = try desk.callee.receive().message
        let routes = "Record-Route: <sip:192.0.2.1;lr>, <sip:192.0.2.2;lr>"
        try desk.callee.send(
            request.response(200, "OK", headers: [routes, "Contact: <sip:me@192.0.2.9>"]), to: desk.server.port)
        let answer = try desk.door.receive()
        let expected = #"[200,"OK","sip:me@192.0.2.9","sip:192.0.2.2;lr","<sip:192.0.2.2;lr>, <sip:192.0.2.1;lr>",""#
        #expect(answer.json.hasPrefix(expected), "\(answer.json)")
        #expect(answer.json.contains(#"Contact: <sip:me@192.0.2.9>\r\n"#))
    }

    @Test func memoryIsGivenBack() throws {
        let desk = try Desk(
            parameters: [#""fr_timer", "500ms""#],
            globals: "event_route[tm:local-ack-sent] { xdbg(\"seen\"); }",
            script: #"sl_send_reply("200", "$stat(tm:pieces_in_use)");"#)
        for (method, code) in [("OPTIONS", 200), ("INVITE", 486), ("INVITE", 200), ("MESSAGE", 0)] {
            let id = "\(method)-\(code)@tests"
            try desk.begin("tm.t_uac_wait", method, headers: Desk.dialog + "Call-ID: \(id)\r\n")
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

    @Test func whatIsWrongIsTold() throws {
        let desk = try Desk()
        let (door, callee) = (desk.door, desk.uri)
        func refusal(
            _ method: String = "OPTIONS", uri: String? = nil, hop: String = ".", socket: String = ".",
            headers: String? = nil, body: String = ""
        ) throws -> String {
            let answer = try door.call(
                "tm.t_uac_start", method, uri ?? callee, hop, socket, headers ?? Desk.dialog, body)
            return "\(answer.code) \(answer.json)"
        }
        #expect(try refusal(uri: "nonsense") == "400 Invalid RURI")
        #expect(try refusal(uri: "sip:a@b\r\nX: y") == "400 Invalid RURI")
        #expect(try refusal(hop: "nonsense") == "400 Invalid NEXTHOP")
        #expect(try refusal(socket: "udp:192.0.2.77:5060") == "404 Local socket not found")
        #expect(try refusal(headers: "To: <sip:callee@example.org>\r\n") == "400 From missing")
        #expect(try refusal(headers: "From: <sip:operator@example.org>\r\n") == "400 To missing")
        #expect(try refusal(headers: Desk.dialog + "nothing\r\n") == "400 Bad headers")
        #expect(try refusal(headers: Desk.dialog + "Content-Length: 3\r\n") == "400 Content-Length disallowed")
        #expect(try refusal(headers: Desk.dialog + "CSeq: x OPTIONS\r\n") == "400 Bad CSeq number")
        #expect(try refusal(headers: Desk.dialog + "CSeq: 1 INVITE\r\n") == "400 CSeq method mismatch")
        #expect(try refusal(body: "hello") == "400 Content-Type missing")
        #expect(try refusal("AC K") == "400 Invalid method")
        #expect(try refusal("ACK") == "400 ACK and CANCEL belong to their INVITE")
        let few = try desk.door.call("tm.t_uac_start", "OPTIONS", desk.uri)
        #expect(few.code == 400)
        #expect(few.json.hasPrefix("too few parameters (2/5); usage: tm.t_uac_start method:string "))
        try desk.callee.staysSilent(for: .milliseconds(100))
        try desk.waitForNothing()
    }

    @Test func whereThereIsNoAddressThereIsNoWait() throws {
        let desk = try Desk()
        let answer = try desk.door.call(
            "tm.t_uac_wait_block", "OPTIONS", "sip:nobody@[2001:db8::1]", ".", ".", Desk.dialog)
        #expect(answer.json == #"{"code":478,"text":"Unresolvable destination"}"#)
        try desk.waitForNothing()
    }
}
