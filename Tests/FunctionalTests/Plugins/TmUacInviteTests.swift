import Testing

/// INVITEs of the server's own, and their ACKs (RFC 3261 sections 13.2.2.4 and 17.1.1).
@Suite struct TmUacInviteTests {
    @Test func theAckToA2xxGoesToItsContactEachTime() throws {
        let desk = try Desk()
        let target = try UDPClient()
        try desk.begin("tm.t_uac_wait_block", "INVITE", headers: Desk.dialog + "Proxy-Authorization: Digest x\r\n")
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
        try desk.begin("tm.t_uac_start", "INVITE", headers: Desk.dialog)
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
        try desk.begin("tm.t_uac_start", "INVITE", headers: Desk.dialog)
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
        try desk.begin("tm.t_uac_start", "INVITE", headers: Desk.dialog)
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
        try desk.begin("tm.t_uac_wait_block_noack", "INVITE", headers: Desk.dialog)
        let invite = try desk.callee.receive().message
        let contact = "Contact: <sip:callee@\(desk.callee.address)>"
        try desk.callee.send(invite.response(200, "OK", headers: [contact]), to: desk.server.port)
        let answer = try desk.door.receive()
        #expect(answer.json == #"{"code":200,"text":"OK"}"#)
        try desk.callee.staysSilent(for: .milliseconds(300))
    }

    @Test func aRefusalIsAcknowledgedHopByHop() throws {
        let desk = try Desk()
        try desk.begin("tm.t_uac_wait_block", "INVITE", headers: Desk.dialog)
        let invite = try desk.callee.receive().message
        let refusal = invite.response(486, "Busy Here")
        for _ in 0..<2 {
            try desk.callee.send(refusal, to: desk.server.port)
            let ack = try desk.callee.request("ACK")
            #expect(ack.header("Via") == invite.header("Via"))
        }
        let answer = try desk.door.receive()
        #expect(answer.json == #"{"code":486,"text":"Busy Here"}"#)
        try desk.waitForNothing()
    }

    @Test func cancelling() throws {
        let desk = try Desk()
        try desk.begin(
            "tm.t_uac_wait_block", "INVITE", headers: Desk.dialog + "Call-ID: wanted@tests\r\nCSeq: 7 INVITE\r\n")
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
                "mode=block;cbflags=noack;fr_timeout=5000;fr_inv_timeout=300", "INVITE", desk.uri, ".", ".",
                Desk.dialog,
            ])
        let invite = try desk.callee.receive().message
        try desk.callee.send(invite.response(180, "Ringing"), to: desk.server.port)
        let answer = try desk.door.receive()
        #expect(answer.json == #"{"code":408,"text":"Request Timeout"}"#)
        _ = try desk.callee.receive("CANCEL")
    }

    /// The body in hexadecimal digits, as `rpflags` says.
    @Test func attributesSayHowTheBodyIsWritten() throws {
        let desk = try Desk()
        let headers = Desk.dialog + "Content-Type: text/plain\r\n"
        for (flags, text, body) in [("1", "68 69", "hi"), ("0", "hello", "hello")] {
            try desk.door.send(
                "tm.t_uac_attrs", ["mode=wait;rpflags=\(flags)", "MESSAGE", desk.uri, ".", ".", headers, text])
            let message = try desk.callee.request("MESSAGE")
            #expect(message.body == body)
            try desk.callee.send(message.response(202, "Accepted"), to: desk.server.port)
            let answer = try desk.door.receive()
            #expect(answer.json.hasPrefix(#"[202,"Accepted""#), "\(answer)")
        }
        let odd = try desk.door.call("tm.t_uac_attrs", "rpflags=1", "MESSAGE", desk.uri, ".", ".", headers, "686")
        #expect(odd.code == 400 && odd.json == "Invalid body")
        let unknown = try desk.door.call("tm.t_uac_attrs", "rpflags=2", "MESSAGE", desk.uri, ".", ".", Desk.dialog)
        #expect(unknown.code == 400)
    }

    /// A script acknowledges for the server's own INVITE, whichever worker has it.
    @Test func aScriptAcknowledges() throws {
        let desk = try Desk(
            globals: "loadmodule \"tmx.so\"\n",
            script: """
                switch ($rU) {
                    case "bare": t_uac_ack_local("$hdr(X-Call)", "1"); break;
                    case "full":
                        t_uac_ack_local("$hdr(X-Call)", "1", "X-More: 1\\r\\nContent-Type: text/plain\\r\\n", "hi");
                        break;
                }
                sl_send_reply("200", "$rc");
                """)
        var asked = 0
        func acknowledge(_ user: String, _ call: String) throws -> String {
            asked += 1
            let client = try UDPClient()
            let text = SIPText.request(
                "OPTIONS", "sip:\(user)@\(desk.server.address)", from: client.address, id: "ask\(asked)",
                headers: ["X-Call: \(call)"])
            return try client.exchange(text, with: desk.server.port).reason
        }
        for (index, user) in ["bare", "full", "bare", "full"].enumerated() {
            let call = "acknowledged\(index)@tests"
            try desk.begin("tm.t_uac_wait_noack", "INVITE", headers: Desk.dialog + "Call-ID: \(call)\r\n")
            let invite = try desk.callee.request("INVITE")
            // There is nothing to acknowledge yet.
            #expect(try acknowledge(user, call) == "-1")
            let contact = "Contact: <sip:target@\(desk.callee.address)>"
            try desk.callee.send(invite.response(200, "OK", headers: [contact]), to: desk.server.port)
            #expect(try desk.door.receive().code == 200)
            #expect(try acknowledge(user, call + "x") == "-1")
            #expect(try acknowledge(user, call) == "1")
            let ack = try desk.callee.request("ACK")
            #expect(ack.startLine == "ACK sip:target@\(desk.callee.address) SIP/2.0")
            #expect(ack.header("Call-ID") == call && ack.header("CSeq") == "1 ACK")
            #expect(ack.header("X-More") == (user == "full" ? "1" : nil))
            #expect(ack.body == (user == "full" ? "hi" : ""))
        }
        try desk.waitForNothing(within: 800)
    }
}
