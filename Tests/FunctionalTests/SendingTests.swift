import Testing

/// What global parameters say about how requests and replies leave.
@Suite struct SendingTests {
    private static let large = String(repeating: "x", count: 1500)

    /// The request of that id, retransmissions of others passed over.
    private static func take(_ id: String, at next: borrowing UDPClient) throws -> SIPText {
        while true {
            let message = try next.receive().message
            if message.header("Call-ID") == "\(id)@tests" { return message }
        }
    }

    @Test(arguments: [
        ("forward();", "TCP"), ("udp_mtu_try_proto(\"UDP\"); forward();", "UDP"),
        ("t_relay();", "TCP"), ("udp_mtu_try_proto(\"UDP\"); t_relay();", "UDP"),
        ("forward_udp();", "TCP"), ("t_newtran(); forward();", "TCP"),
    ])
    func whatIsTooLargeForUDPLeavesOverTCP(how: String, transport: String) throws {
        let listener = try TCPListener()
        let next = try UDPClient(port: listener.address.port)
        let server = try Server { port in
            """
            listen=udp:127.0.0.1:\(port)
            listen=tcp:127.0.0.1:\(port)
            udp_mtu=1300
            udp_mtu_try_proto=TCP
            loadmodule "tm.so"
            request_route { $du = "sip:\(next.address)"; \(how) }
            """
        }
        let client = try UDPClient()
        let small = SIPText.request("MESSAGE", "sip:a@example.com", from: client.address, id: "small", body: "x")
        try client.send(small, to: server.port)
        #expect(try next.receive().message.header("Via")?.hasPrefix("SIP/2.0/UDP ") == true)
        let text = SIPText.request(
            "MESSAGE", "sip:a@example.com", from: client.address, id: "large", body: SendingTests.large)
        try client.send(text, to: server.port)
        let got: SIPText
        if transport == "TCP" {
            let connection = try listener.accept()
            got = try connection.receive()
            try connection.send(got.response(200, "OK"))
            let reply = try client.receive().message
            #expect(reply.statusCode == 200 && reply.headers("Via").count == 1)
        } else {
            got = try SendingTests.take("large", at: next)
        }
        #expect(got.header("Via")?.hasPrefix("SIP/2.0/\(transport) 127.0.0.1:\(server.port);") == true)
        #expect(got.text.hasSuffix(SendingTests.large))
    }

    @Test func operatorsMaySetWhatIsTooLarge() throws {
        let folder = try TemporaryFolder()
        let door = try RPCDoor.config(folder.path)
        let listener = try TCPListener()
        let next = try UDPClient(port: listener.address.port)
        let server = try Server { port in
            """
            listen=udp:127.0.0.1:\(port)
            listen=tcp:127.0.0.1:\(port)
            \(door)
            loadmodule "cfg_rpc.so"
            request_route { $du = "sip:\(next.address)"; forward(); }
            """
        }
        let rpc = try RPCDoor(folder.path)
        try rpc.expect("cfg.get", ["core", "udp_mtu_try_proto"], is: "1")
        try rpc.expect("cfg.seti", ["core", "udp_mtu", "1300"], is: "null")
        try rpc.expect("cfg.seti", ["core", "udp_mtu_try_proto", "2"], is: "null")
        #expect(try rpc.call("cfg.seti", "core", "udp_mtu_try_proto", "5").code == 400)
        // Behind what runs on every worker all of them have it.
        _ = try rpc.call("dns.mem_info")
        let client = try UDPClient()
        let text = SIPText.request(
            "MESSAGE", "sip:a@example.com", from: client.address, id: "set", body: SendingTests.large)
        try client.send(text, to: server.port)
        #expect(try listener.accept().receive().header("Via")?.hasPrefix("SIP/2.0/TCP ") == true)
    }

    @Test func theScriptMayAskForTCPWhereTheConfigDoesNot() throws {
        let listener = try TCPListener()
        let server = try Server { port in
            """
            listen=udp:127.0.0.1:\(port)
            listen=tcp:127.0.0.1:\(port)
            udp_mtu=1300
            request_route { udp_mtu_try_proto("TCP"); $du = "sip:\(listener.address)"; forward(); }
            """
        }
        let client = try UDPClient()
        let text = SIPText.request(
            "MESSAGE", "sip:a@example.com", from: client.address, id: "asked", body: SendingTests.large)
        try client.send(text, to: server.port)
        #expect(try listener.accept().receive().header("Via")?.hasPrefix("SIP/2.0/TCP ") == true)
    }

    @Test func withoutASocketForItALargeRequestLeavesAllTheSame() throws {
        let next = try UDPClient()
        let server = try Server { port in
            """
            listen=udp:127.0.0.1:\(port)
            udp_mtu=1300
            udp_mtu_try_proto=TCP
            loadmodule "tm.so"
            request_route { $du = "sip:\(next.address)"; if ($rU == "t") t_relay(); else forward(); }
            """
        }
        let client = try UDPClient()
        for user in ["s", "t"] {
            let text = SIPText.request(
                "MESSAGE", "sip:\(user)@example.com", from: client.address, id: user, body: SendingTests.large)
            try client.send(text, to: server.port)
            #expect(try SendingTests.take(user, at: next).header("Via")?.hasPrefix("SIP/2.0/UDP ") == true)
        }
    }

    @Test(arguments: ["no", "yes"], ["forward();", "t_relay();"])
    func withSeveralNetworksTheKernelNamesTheSocket(mhomed: String, how: String) throws {
        let next = try UDPClient()
        let server = try Server { port in
            """
            listen=udp:127.0.0.2:\(port)
            listen=udp:127.0.0.1:\(port)
            mhomed=\(mhomed)
            loadmodule "tm.so"
            request_route {
                if ($rU == "forced") force_send_socket("udp:127.0.0.2:\(port)");
                $du = "sip:\(next.address)";
                \(how)
            }
            """
        }
        let client = try UDPClient("127.0.0.2")
        for user in ["a", "b", "forced"] {
            let text = SIPText.request("MESSAGE", "sip:\(user)@example.com", from: client.address, id: user)
            try client.send(text, to: server.port)
            let got = try SendingTests.take(user, at: next)
            let own = mhomed == "yes" && user != "forced" ? "127.0.0.1" : "127.0.0.2"
            #expect(got.header("Via")?.hasPrefix("SIP/2.0/UDP \(own):\(server.port);") == true)
        }
    }

    @Test(arguments: ["forward();", "t_relay();"])
    func repliesThatArePassedOnAreShownToOnsendRoute(how: String) throws {
        let next = try UDPClient()
        let server = try Server { port in
            """
            listen=udp:127.0.0.1:\(port)
            onsend_route_reply=yes
            loadmodule "tm.so"
            loadmodule "sl.so"
            loadmodule "xlog.so"
            request_route {
                if ($rU == "own") { sl_send_reply("404", "Own"); exit; }
                $du = "sip:\(next.address)";
                \(how)
            }
            onsend_route {
                if (status == "486") drop;
                xlog("L_ERR", "leaves: $rm $rs to $sndto(port), $snd(len) bytes\\n");
            }
            """
        }
        let client = try UDPClient()
        func request(_ id: String) -> String {
            SIPText.request("MESSAGE", "sip:\(id)@example.com", from: client.address, id: id)
        }
        let own = try client.exchange(request("own"), with: server.port)
        #expect(own.reason == "Own")
        try client.send(request("busy"), to: server.port)
        let first = try next.receive().message
        try next.send(first.response(486, "Busy Here"), to: server.port)
        try client.send(request("ok"), to: server.port)
        let second = try SendingTests.take("ok", at: next)
        try next.send(second.response(200, "OK"), to: server.port)
        // What was dropped would have come first.
        let reply = try client.receive().message
        #expect(reply.statusCode == 200)
        try server.waitForLog("leaves: MESSAGE 200 to \(client.address.port), \(reply.text.utf8.count) bytes")
        #expect(!server.log.contains("leaves: MESSAGE 404"))
    }

    @Test func repliesAreNotShownUnlessTheConfigWantsIt() throws {
        let next = try UDPClient()
        let server = try Server { port in
            """
            listen=udp:127.0.0.1:\(port)
            loadmodule "tm.so"
            request_route { $du = "sip:\(next.address)"; t_relay(); }
            onsend_route { if (status == "486") drop; }
            """
        }
        let client = try UDPClient()
        try client.send(
            SIPText.request("MESSAGE", "sip:a@example.com", from: client.address, id: "busy"), to: server.port)
        try next.send(try next.receive().message.response(486, "Busy Here"), to: server.port)
        #expect(try client.receive().message.statusCode == 486)
    }

    @Test(arguments: [("", 11), ("max_branches=3\n", 2), ("max_branches=31\n", 30)])
    func branchesAreBounded(globals: String, further: Int) throws {
        let probe = try Probe(
            ["sl", "pv"], globals: globals + "max_while_loops=100\n",
            script: """
                $var(n) = 0;
                while (append_branch("sip:b$var(n)@example.com")) $var(n) = $var(n) + 1;
                sl_send_reply("404", "$var(n)");
                """)
        #expect(try probe.ask(probe.request(id: "branches")).reason == "\(further)")
    }

    @Test(arguments: [
        ("", #"^Apus \("#), ("user_agent_header=\"User-Agent: Desk 7\"\n", "^Desk 7$"),
        ("server_signature=no\nuser_agent_header=\"User-Agent: Desk 7\"\n", ""),
    ])
    func requestsOfOurOwnSayWhoSendsThem(globals: String, pattern: String) throws {
        let desk = try Desk(globals: globals)
        try desk.begin("tm.t_uac_start", "MESSAGE", headers: Desk.dialog)
        let agents = try desk.callee.receive().message.headers("User-Agent")
        if pattern.isEmpty {
            #expect(agents.isEmpty)
        } else {
            #expect(try agents.count == 1 && agents[0].contains(Regex(pattern)))
        }
        try desk.begin("tm.t_uac_start", "OPTIONS", headers: Desk.dialog + "User-Agent: operator\r\n")
        #expect(try desk.callee.request("OPTIONS").headers("User-Agent") == ["operator"])
    }

    @Test(arguments: ["", "loop_checks=yes\n"])
    func whatComesBackUnchangedIsALoop(globals: String) throws {
        let probe = try Probe.tm(
            "if (!t_relay()) sl_reply_error();", globals: globals)
        var request = probe.request("MESSAGE", id: "loop")
        request = request.replacing("sip:alice@\(probe.server.address)", with: "sip:alice@\(probe.nextHop.address)")
        let first = try probe.pass(request)
        // The next hop sends it back with its Via on top.
        let via = "Via: SIP/2.0/UDP \(probe.nextHop.address);branch=z9hG4bK-back\r\nVia: "
        let back = first.text.split(separator: "Via: ", maxSplits: 1).joined(separator: via)
        try probe.nextHop.send(back, to: probe.server.port)
        if globals.isEmpty {
            #expect(try probe.nextHop.request("MESSAGE").headers("Via").count == 4)
        } else {
            #expect(try probe.nextHop.receive().message.statusCode == 482)
        }
    }
}
