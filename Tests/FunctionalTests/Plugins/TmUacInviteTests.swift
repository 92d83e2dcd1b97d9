import Testing

/// INVITEs of the server's own, and their ACKs (RFC 3261 sections 13.2.2.4 and 17.1.1).
@Suite(.timeLimit(.minutes(10))) struct TmUacInviteTests {
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
}
