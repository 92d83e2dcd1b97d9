import Testing

/// The kinds of the command that sends a request: what it waits for, whether it acknowledges, how its body is written.
@Suite struct TmSendingCommandsTests {
    private static let kinds = [
        "tm.t_uac_start", "tm.t_uac_start_hex", "tm.t_uac_start_noack", "tm.t_uac_start_noack_hex", "tm.t_uac_wait",
        "tm.t_uac_wait_hex", "tm.t_uac_wait_noack", "tm.t_uac_wait_noack_hex", "tm.t_uac_wait_block",
        "tm.t_uac_wait_block_hex", "tm.t_uac_wait_block_noack", "tm.t_uac_wait_block_noack_hex",
    ]

    @Test(arguments: kinds) func everyKind(command: String) throws {
        let desk = try Desk()
        let isHex = command.hasSuffix("_hex")
        let headers = Desk.dialog + "Content-Type: text/plain\r\nCall-ID: kind@tests\r\n"
        try desk.door.send(
            command, ["INVITE", desk.uri, ".", ".", headers, isHex ? "68 656C\t6c6F" : "hello"])
        if command.contains("start") {
            // It is answered before anybody else is.
            let answer = try desk.door.receive()
            #expect(answer.code == 200)
        }
        let invite = try desk.callee.receive("INVITE")
        #expect(invite.body == "hello")
        #expect(invite.header("Content-Length") == "5")
        let contact = "Contact: <sip:callee@\(desk.callee.address)>"
        try desk.callee.send(invite.response(200, "Fine", headers: [contact]), to: desk.server.port)
        if command.contains("block") {
            #expect(try desk.door.receive().json == #"{"code":200,"text":"Fine"}"#)
        } else if command.contains("wait") {
            #expect(try desk.door.receive().json.hasPrefix(#"[200,"Fine","#))
        }
        if command.contains("noack") {
            try desk.callee.staysSilent(for: .milliseconds(300))
        } else {
            let ack = try desk.callee.request("ACK")
            #expect(ack.header("Call-ID") == "kind@tests")
        }
    }

    @Test(arguments: ["6", "6x", "68 6"]) func whatIsNoHexadecimalBody(text: String) throws {
        let desk = try Desk()
        let answer = try desk.door.call(
            "tm.t_uac_start_hex", "MESSAGE", desk.uri, ".", ".", Desk.dialog + "Content-Type: text/plain\r\n", text)
        #expect(answer.code == 400)
        #expect(answer.json == "Invalid body")
        try desk.callee.staysSilent(for: .milliseconds(100))
    }

    @Test(arguments: ["mode=never", "what=1", "fr_timeout=0", "fr_inv_timeout=x", "rpflags=2"])
    func attributesThatAreNone(text: String) throws {
        let desk = try Desk()
        let answer = try desk.door.call("tm.t_uac_attrs", text, "OPTIONS", desk.uri, ".", ".", Desk.dialog)
        #expect(answer.code == 400)
        #expect(answer.json == "Invalid attributes")
    }

    /// Who sends a request that nobody is named for: `uac_from`.
    @Test func theSenderIsAParameter() throws {
        let desk = try Desk(parameters: [#""uac_from", "sip:office@example.org""#])
        try desk.door.send("t_uac", ["OPTIONS", desk.uri, "X-Extra: 1\n"])
        let request = try desk.callee.receive("OPTIONS")
        #expect(request.startLine == "OPTIONS \(desk.uri) SIP/2.0")
        #expect(request.header("From")?.hasPrefix("<sip:office@example.org>;tag=") == true)
        #expect(request.header("To") == "<\(desk.uri)>")
        #expect(request.header("X-Extra") == "1")
        try desk.callee.send(request.response(202, "Accepted"), to: desk.server.port)
        #expect(try desk.door.receive().json == #"{"code":202,"text":"Accepted"}"#)

        try desk.door.send("t_uac_from", ["OPTIONS", "sip:clerk@example.org", desk.uri, ""])
        let named = try desk.callee.receive("OPTIONS")
        #expect(named.header("From")?.hasPrefix("<sip:clerk@example.org>;tag=") == true)
        try desk.callee.send(named.response(404, "Not Found"), to: desk.server.port)
        #expect(try desk.door.receive().json == #"{"code":404,"text":"Not Found"}"#)
    }

    @Test func whatIsMissingIsTold() throws {
        let desk = try Desk()
        for (arguments, text) in [
            (["", "sip:a@b", desk.uri, ""], "fifo_uac: method expected"),
            (["OPTIONS", "sip:a@b", "", ""], "fifo_uac: destination expected"),
        ] {
            try desk.door.send("t_uac_from", arguments)
            let answer = try desk.door.receive()
            #expect(answer.code == 400)
            #expect(answer.json == text)
        }
    }

    /// The branch of the ACK to a 2xx: the INVITE's with a mark, the INVITE's own identity, or a new one each time.
    @Test(arguments: [0, 1, 2]) func theBranchOfAnAck(mode: Int) throws {
        let desk = try Desk(parameters: ["\"local_ack_branch_mode\", \(mode)"])
        try desk.begin("tm.t_uac_start", "INVITE", headers: Desk.dialog)
        let invite = try desk.callee.receive("INVITE")
        let accepted = invite.response(200, "OK", headers: ["Contact: <sip:callee@\(desk.callee.address)>"])
        var branches: [String] = []
        for _ in 0..<2 {
            try desk.callee.send(accepted, to: desk.server.port)
            branches.append(try desk.callee.request("ACK").branch)
        }
        let common = branches[0].commonPrefix(with: invite.branch).count
        switch mode {
        case 0: #expect(branches == [invite.branch, invite.branch])
        case 1:
            #expect(branches[0] == branches[1] && branches[0] != invite.branch)
            #expect(common > 16)
        default: #expect(Set(branches + [invite.branch]).count == 3 && common < 16)
        }
    }

    /// `enable_uac_fr`: an own request may have a failure route.
    @Test(arguments: [0, 1]) func anOwnRequestMayFailOver(mode: Int) throws {
        let desk = try Desk(
            parameters: ["\"enable_uac_fr\", \(mode)"],
            globals: """
                event_route[tm:local-request] { t_on_failure("F"); }
                failure_route[F] { xerr("failed $T_reply_code\\n"); }
                """, products: ["tmx"])
        try desk.begin("tm.t_uac_wait_block", "OPTIONS", headers: Desk.dialog)
        let request = try desk.callee.receive("OPTIONS")
        try desk.callee.send(request.response(404, "Not Found"), to: desk.server.port)
        #expect(try desk.door.receive().json == #"{"code":404,"text":"Not Found"}"#)
        try desk.waitForNothing()
        if mode == 1 { try desk.server.waitForLog("failed 404") }
        #expect(desk.server.log.contains("failed 404") == (mode == 1))
    }
}

extension String {
    fileprivate func commonPrefix(with other: String) -> Substring {
        let count = zip(utf8, other.utf8).prefix { $0 == $1 }.count
        return prefix(count)
    }
}
