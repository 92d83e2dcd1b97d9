import Testing

/// Messages that a module takes over from the server: held, adopted, kept.
@Suite struct KeepingTests {
    private func server(_ folder: borrowing TemporaryFolder, globals: String = "", _ body: String) throws -> Server {
        try CModule.build("waits", into: folder.path)
        try CModule.build("keeps", into: folder.path)
        let path = folder.path
        return try Server { port in
            """
            children=1
            listen=udp:127.0.0.1:\(port)
            \(globals)
            loadpath "\(path)"
            loadmodule "sl.so"
            loadmodule "pv.so"
            loadmodule "textops.so"
            loadmodule "rr.so"
            loadmodule "maxfwd.so"
            loadmodule "waits.so"
            loadmodule "keeps.so"
            \(body)
            """
        }
    }

    private func options(_ user: String, _ id: String, _ client: borrowing UDPClient) -> String {
        SIPText.request("OPTIONS", "sip:\(user)@127.0.0.1", from: client.address, id: id)
    }

    @Test func aHeldMessageStaysUntilItIsReleased() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder, #"request_route { sl_send_reply("480", "script"); }"#)
        let client = try UDPClient()
        for number in 0..<20 { try client.send(options("hold", "hold-\(number)", client), to: server.port) }
        // Their slots and their memory are not used for others meanwhile.
        let other = try UDPClient()
        for number in 0..<20 {
            let reply = try other.exchange(options("other", "other-\(number)", other), with: server.port)
            #expect(reply.startLine == "SIP/2.0 480 script")
        }
        var calls: Set<String> = []
        for _ in 0..<20 {
            let reply = try client.receive().message
            #expect(reply.startLine == "SIP/2.0 200 held")
            calls.insert(reply.header("Call-ID") ?? "")
        }
        #expect(calls == Set((0..<20).map { "hold-\($0)@tests" }))
        for number in 0..<100 {
            let brief = try client.exchange(options("brief", "brief-\(number)", client), with: server.port)
            #expect(brief.startLine == "SIP/2.0 200 brief")
        }
    }

    @Test func heldMessagesAreBounded() throws {
        let folder = try TemporaryFolder()
        let server = try server(
            folder, globals: "max_suspended=2\ndrain_time=0", #"request_route { sl_send_reply("480", "script"); }"#)
        let client = try UDPClient()
        for number in 0..<3 { try client.send(options("stay", "stay-\(number)", client), to: server.port) }
        let refused = try client.receive().message
        #expect(refused.startLine == "SIP/2.0 480 script" && refused.header("Call-ID") == "stay-2@tests")
        let none = client.datagram(within: .milliseconds(100))
        #expect(none == nil)
    }

    /// Without `adopt` the CANCEL waits until the INVITE's script has ended.
    @Test func theCancelOfAnAdoptedInviteIsRoutedWhileItsScriptWaits() throws {
        let folder = try TemporaryFolder()
        let server = try server(
            folder,
            """
            request_route {
                if (is_method("CANCEL")) { sl_send_reply("200", "CANCEL answered"); exit; }
                wait(100);
                adopt();
                wait(400);
                sl_send_reply("480", "INVITE answered");
            }
            """)
        let client = try UDPClient()
        let invite = SIPText.request("INVITE", "sip:a@127.0.0.1", from: client.address, id: "adopt-1")
        try client.send(invite, to: server.port)
        try client.send(invite.replacing("INVITE", with: "CANCEL"), to: server.port)
        var lines: [String] = []
        while lines.count < 2 {
            let line = try client.receive().message.startLine
            if line != "SIP/2.0 100 Trying" { lines.append(line) }
        }
        #expect(lines == ["SIP/2.0 200 CANCEL answered", "SIP/2.0 480 INVITE answered"])
    }

    @Test func aKeptRequestStillWritesWhatIsMadeAsItLeaves() throws {
        let folder = try TemporaryFolder()
        let next = try UDPClient()
        let server = try server(
            folder,
            """
            request_route {
                if ($rU == "other") { sl_send_reply("480", "other"); exit; }
                maxfwd_process("10");
                record_route(";first=1");
                add_rr_param(";second=2");
                $du = "sip:\(next.address)";
                keep_for("LATER");
            }
            route[LATER] { wait(100); forward(); }
            """)
        let client = try UDPClient()
        let invite = SIPText.request("INVITE", "sip:a@127.0.0.1", from: client.address, id: "late-1")
        try client.send(invite, to: server.port)
        // The memory of the request itself is used again.
        for number in 0..<20 {
            let reply = try client.exchange(options("other", "other-\(number)", client), with: server.port)
            #expect(reply.startLine == "SIP/2.0 480 other")
        }
        let passed = try next.receive().message
        #expect(
            passed.headers("Record-Route") == ["<sip:127.0.0.1:\(server.port);lr;first=1;second=2;ftag=from-late-1>"])
        #expect(passed.headers("Max-Forwards") == ["69"])
    }
}
