import Testing

/// Requests that a test sends over TCP.
private func request(
    _ method: String = "OPTIONS", user: String = "info", to server: borrowing Server, _ id: String, cseq: Int = 1,
    via: Address, headers: [String] = [], body: String = "", transport: String = "TCP"
) -> String {
    SIPText.request(
        method, "sip:\(user)@\(server.address)", from: via, id: id, cseq: cseq, headers: headers, body: body,
        transport: transport)
}

/// SIP over TCP: what comes over a connection, what is answered, and how connections end.
@Suite struct TCPTests {
    private func answering(
        _ globals: String = "", children: Int = 2, script: String = "", arguments: [String] = []
    ) throws -> Server {
        try Server(arguments: arguments) { port in
            """
            #!KAMAILIO
            children=\(children)
            listen=127.0.0.1:\(port)
            \(globals)
            loadmodule "sl.so"
            loadmodule "pv.so"
            request_route {
                \(script)
                if (proto == TCP) sl_send_reply("200", "$proto $si $sp $Ri $Rp");
                else sl_send_reply("200", "$stat($hdr(X-Stat))");
            }
            """
        }
    }

    /// A statistic of group `tcp`, asked over UDP.
    private func statistic(_ name: String, of server: borrowing Server) throws -> Int? {
        let client = try UDPClient()
        let text = SIPText.request(
            "OPTIONS", "sip:stat@\(server.address)", from: client.address, id: "stat-\(client.address.port)",
            headers: ["X-Stat: \(name)"])
        return try Int(client.exchange(text, with: server.port).reason)
    }

    @Test func aReplyGoesBackOverTheConnection() throws {
        let server = try answering()
        let client = try TCPClient(to: server.port)
        // Nobody listens on the port in the Via.
        try client.send(request(to: server, "same", via: Address("127.0.0.1", 9)))
        let reply = try client.receive()
        #expect(reply.reason == "tcp 127.0.0.1 \(client.address.port) 127.0.0.1 \(server.port)")
        #expect(try statistic("tcp:passive_open", of: server) == 1)
        #expect(try statistic("tcp:current_opened_connections", of: server) == 1)
    }

    @Test func aMessageComesInAnyPieces() throws {
        let server = try answering()
        let client = try TCPClient(to: server.port)
        let one = request("MESSAGE", to: server, "bytes", via: client.address, body: "some text\r\n\r\nof mine")
        for byte in one.utf8 { try client.send([byte]) }
        #expect(try client.receive().statusCode == 200)
        let many = (0..<50).map { request("MESSAGE", to: server, "many-\($0)", via: client.address, body: "abc") }
        try client.send("\r\n" + many.joined(separator: "\r\n"))
        var seen = Set<String>()
        for _ in many { seen.insert(try client.receive().header("Call-ID") ?? "") }
        #expect(seen.count == many.count)
        // The largest message, in the middle of others.
        let large = request(
            "MESSAGE", to: server, "large", via: client.address, body: String(repeating: "x", count: 30000))
        try client.send(many[0] + large + many[1])
        for _ in 0..<3 { #expect(try client.receive().statusCode == 200) }
    }

    @Test func aPingIsAnswered() throws {
        let server = try answering()
        let client = try TCPClient(to: server.port)
        try client.send("\r\n\r\n")
        #expect(client.bytes() == Array("\r\n".utf8))
        try client.send("\r\n")
        try client.send("\r")
        try client.send("\n")
        #expect(client.bytes() == Array("\r\n".utf8))
        let deaf = try answering("tcp_crlf_ping=no")
        let other = try TCPClient(to: deaf.port)
        try other.send("\r\n\r\n" + request(to: deaf, "ping", via: other.address))
        #expect(try other.receive().statusCode == 200)
    }

    @Test(arguments: [
        ("", "400 Missing Content-Length"), ("Content-Length: -1", "400 Bad Content-Length"),
        ("Content-Length: 4294967295", "513 Message Too Large"), ("Content-Length: 1\r\nl: 2", "400 Contradicting"),
        ("Content-Length: 18446744073709551617", "400 Bad Content-Length"),
    ])
    func aStreamThatCannotBeFollowedIsAnsweredAndClosed(line: String, status: String) throws {
        let server = try answering()
        let client = try TCPClient(to: server.port)
        let good = request(to: server, "broken", via: client.address)
        let lines = line.isEmpty ? "" : line + "\r\n"
        try client.send(good.replacing("Content-Length: 0\r\n", with: lines))
        let start = try client.receive().startLine
        #expect(start.hasPrefix("SIP/2.0 " + status), "\(start)")
        #expect(client.isClosed())
        #expect(try statistic("tcp:broken_streams", of: server) == 1)
        let next = try TCPClient(to: server.port)
        try next.send(good)
        #expect(try next.receive().statusCode == 200)
    }

    // MARK: Behind a load balancer

    @Test func aLoadBalancerSaysWhoseAConnectionIs() throws {
        let server = try answering("tcp_accept_haproxy=yes")
        let client = try TCPClient(to: server.port)
        let line = "PROXY TCP4 192.0.2.7 127.0.0.1 40123 \(server.port)\r\n"
        for byte in line.utf8 { try client.send([byte]) }
        try client.send(request(to: server, "line", via: Address("192.0.2.7", 40123)))
        let tail = " 127.0.0.1 \(server.port)"
        #expect(try client.receive().reason == "tcp 192.0.2.7 40123" + tail)
        // The next one on it is the same client's, of which nothing is said any more.
        try client.send("\r\n" + request(to: server, "second", via: Address("192.0.2.7", 40123)))
        #expect(try client.receive().reason == "tcp 192.0.2.7 40123" + tail)
        let other = try TCPClient(to: server.port)
        let head: [UInt8] = Array("\r\n\r\n\0\r\nQUIT\n".utf8) + [0x21, 0x11, 0, 12]
        let text = request(to: server, "binary", via: Address("192.0.2.8", 513))
        try other.send(head + [192, 0, 2, 8, 127, 0, 0, 1, 2, 1, 0, 1] + Array(text.utf8))
        #expect(try other.receive().reason == "tcp 192.0.2.8 513" + tail)
        let probe = try TCPClient(to: server.port)
        try probe.send("PROXY UNKNOWN\r\n" + request(to: server, "probe", via: probe.address))
        #expect(try probe.receive().reason == "tcp 127.0.0.1 \(probe.address.port)" + tail)
    }

    @Test func withoutItsHeaderAConnectionIsClosed() throws {
        let server = try answering("tcp_accept_haproxy=yes")
        for text in ["", "PROXY TCP4 192.0.2.7 127.0.0.1 70000 1\r\n"] {
            let client = try TCPClient(to: server.port)
            try client.send(text + request(to: server, "none", via: client.address))
            #expect(client.isClosed())
        }
        #expect(try statistic("tcp:broken_streams", of: server) == 2)
        #expect(try statistic("tcp:current_opened_connections", of: server) == 0)
    }

    @Test func theLimitOfAnAddressIsThatOfTheClient() throws {
        let server = try answering("tcp_accept_haproxy=yes\ntcp_accept_iplimit=2")
        func connect(_ host: String, _ port: Int) throws -> TCPClient {
            let client = try TCPClient(to: server.port)
            try client.send(
                "PROXY TCP4 \(host) 127.0.0.1 \(port) 1\r\n"
                    + request(to: server, "limit-\(host)-\(port)", via: Address(host, UInt16(port))))
            return client
        }
        let clients = try [connect("192.0.2.7", 1), connect("192.0.2.8", 1), connect("192.0.2.7", 2)]
        for client in clients { #expect(try client.receive().statusCode == 200) }
        #expect(try connect("192.0.2.7", 3).isClosed())
        #expect(try connect("192.0.2.9", 3).receive().statusCode == 200)
    }

    @Test(arguments: ["\u{16}\u{3}\u{1}\u{2}", "{\"json\": 1}", String(repeating: "x", count: 5000)])
    func garbageIsClosed(text: String) throws {
        let server = try answering()
        let client = try TCPClient(to: server.port)
        try client.send(text)
        #expect(client.isClosed())
        #expect(try statistic("tcp:broken_streams", of: server) == 1)
    }

    @Test func aHeadWithoutEndIsGivenUp() throws {
        let server = try answering()
        let client = try TCPClient(to: server.port)
        let head = request(to: server, "endless", via: client.address).dropLast(4)
        try client.send(String(head))
        // It may be cut off before all of it is sent.
        try? client.send(String(repeating: "\r\nX-Filler: abcdefghijklmnopqrstuvwxyz", count: 3000))
        #expect(client.isClosed())
    }

    @Test func aMessageWithoutLengthHasNoBodyWhenTheConfigSaysSo() throws {
        let server = try answering("tcp_accept_no_cl=yes")
        let client = try TCPClient(to: server.port)
        let text = request(to: server, "bare", via: client.address).replacing("Content-Length: 0\r\n", with: "")
        try client.send(text + text.replacing("bare", with: "next"))
        #expect(try client.receive().statusCode == 200)
        #expect(try client.receive().statusCode == 200)
    }

    @Test func aPeerThatOnlyListensStillGetsItsReply() throws {
        let server = try answering()
        let client = try TCPClient(to: server.port)
        try client.send(request(to: server, "half", via: client.address))
        client.endSending()
        #expect(try client.receive().statusCode == 200)
        #expect(client.isClosed())
    }

    @Test func idleAndSlowPeersAreClosed() throws {
        let server = try answering("tcp_connection_lifetime=2\ntcp_msg_read_timeout=1\ntcp_msg_data_timeout=1")
        let silent = try TCPClient(to: server.port)
        let slow = try TCPClient(to: server.port)
        try slow.send("OPTIONS sip:a@b SIP/2.0\r\n")
        let idle = try TCPClient(to: server.port)
        try idle.send(request(to: server, "idle", via: idle.address))
        #expect(try idle.receive().statusCode == 200)
        #expect(silent.isClosed() && slow.isClosed() && idle.isClosed())
        #expect(try statistic("tcp:con_timeout", of: server) == 3)
        #expect(try until { try statistic("tcp:current_opened_connections", of: server) == 0 })
    }

    @Test(arguments: ["tcp_max_connections=3", "tcp_accept_iplimit=3"])
    func thereAreOnlySoManyConnections(limit: String) throws {
        let server = try answering(limit)
        var clients: [TCPClient] = []
        for index in 0..<3 {
            let client = try TCPClient(to: server.port)
            try client.send(request(to: server, "limit-\(index)", via: client.address))
            #expect(try client.receive().statusCode == 200)
            clients.append(client)
        }
        let last = try TCPClient(to: server.port)
        #expect(last.isClosed())
        #expect(try statistic("tcp:local_reject", of: server) == 1)
        clients.removeLast()
        // Its place becomes free some time after the server has seen it go.
        var attempt = 0
        let isFree = until {
            attempt += 1
            guard let next = try? TCPClient(to: server.port) else { return false }
            try? next.send(request(to: server, "next-\(attempt)", via: next.address))
            return (try? next.receive().statusCode) == 200
        }
        #expect(isFree)
    }

    @Test func aReplyMayCloseTheConnection() throws {
        let server = try answering(script: #"if ($rU == "last") set_reply_close();"#)
        let client = try TCPClient(to: server.port)
        try client.send(request(to: server, "first", via: client.address))
        #expect(try client.receive().statusCode == 200)
        try client.send(request(user: "last", to: server, "last", via: client.address))
        #expect(try client.receive().statusCode == 200)
        #expect(client.isClosed())
    }

    @Test func withoutTCPNobodyListens() throws {
        for (globals, arguments) in [("disable_tcp=yes", []), ("", ["-T"])] {
            let server = try answering(globals, arguments: arguments)
            #expect(throws: HarnessError.self) { _ = try TCPClient(to: server.port) }
        }
        let server = try Server { port in
            "disable_tcp=yes\nlisten=udp:127.0.0.1:\(port)\nlisten=tcp:127.0.0.1:\(port)\nroute { drop; }\n"
        }
        try server.waitForLog("tcp is turned off")
    }

    @Test func aServerEndsWithConnectionsOpen() throws {
        let server = try answering()
        let client = try TCPClient(to: server.port)
        try client.send(request(to: server, "open", via: client.address))
        #expect(try client.receive().statusCode == 200)
        let status = server.stop()
        #expect(status == .exited(0))
        #expect(client.isClosed())
    }
}

/// Messages that leave over TCP: connections that are opened, used again, lost, and refused.
@Suite struct TCPRelayTests {
    /// A server that relays to a port over TCP, by the user part: `tcp` t_relay_to_tcp, `uri` by the URI's transport, `stateless` forward_tcp.
    private func relaying(
        to port: UInt16, _ globals: String = "", children: Int = 2, script: String = "", routes: String = ""
    ) throws -> Server {
        try Server { own in
            """
            #!KAMAILIO
            children=\(children)
            listen=udp:127.0.0.1:\(own)
            listen=tcp:127.0.0.1:\(own)
            \(globals)
            loadmodule "tm.so"
            loadmodule "tmx.so"
            loadmodule "sl.so"
            loadmodule "rr.so"
            loadmodule "pv.so"
            loadmodule "textops.so"
            modparam("tm", "fr_timer", "30s")
            request_route {
                if ($rU == "stat") {
                    sl_send_reply("200", "$stat($hdr(X-Stat))");
                    exit;
                }
                \(script)
                switch ($rU) {
                case "tcp":
                    if (!t_relay_to_tcp("127.0.0.1", "\(port)")) sl_reply_error();
                    break;
                case "uri":
                    $ru = "sip:uri@127.0.0.1:\(port);transport=tcp";
                    if (!t_relay()) sl_reply_error();
                    break;
                case "stateless":
                    forward_tcp("127.0.0.1", \(port));
                    break;
                }
            }
            \(routes)
            """
        }
    }

    private func statistic(_ name: String, of server: borrowing Server) throws -> Int? {
        let client = try UDPClient()
        let text = SIPText.request(
            "OPTIONS", "sip:stat@\(server.address)", from: client.address, id: "stat-\(client.address.port)",
            headers: ["X-Stat: \(name)"])
        return try Int(client.exchange(text, with: server.port).reason)
    }

    @Test(arguments: ["tcp", "uri", "stateless"])
    func requestsLeaveOverOneConnection(user: String) throws {
        let called = try TCPListener()
        let server = try relaying(to: called.address.port, children: 1)
        let caller = try UDPClient()
        var connection: TCPClient?
        for index in 0..<5 {
            let text = request("MESSAGE", user: user, to: server, "out-\(index)", via: caller.address, transport: "UDP")
            try caller.send(text, to: server.port)
            let peer = try connection ?? called.accept()
            connection = peer
            let seen = try peer.receive()
            #expect(seen.headers("Via").first?.hasPrefix("SIP/2.0/TCP \(server.address);") == true, "\(seen)")
            try peer.send(seen.response(200, "OK"))
            let reply = try caller.receive().message
            #expect(reply.statusCode == 200 && reply.headers("Via").count == 1)
        }
        #expect(!called.hasConnection(within: .zero))
        #expect(try statistic("tcp:connect_success", of: server) == 1)
    }

    @Test(arguments: [1, 4])
    func messagesOfACallStayInOrder(children: Int) throws {
        let called = try TCPListener()
        let server = try relaying(to: called.address.port, "udp_mtu=0", children: children)
        let caller = try TCPClient(to: server.port)
        var text = ""
        for cseq in 1...30 {
            for call in 0..<10 {
                text += request(
                    "MESSAGE", user: "stateless", to: server, "order-\(call)", cseq: cseq, via: caller.address)
            }
        }
        try caller.send(text)
        var last: [String: Int] = [:]
        var peers: [TCPClient] = []
        var count = 0
        // Each worker may have opened a connection of its own before it knew of the others'; a call stays on one.
        while count < 300 {
            if called.hasConnection(within: peers.isEmpty ? .seconds(10) : .zero) { peers.append(try called.accept()) }
            for peer in peers {
                guard let seen = try? peer.receive(within: .milliseconds(20)) else { continue }
                let call = seen.header("Call-ID") ?? ""
                let cseq = seen.header("CSeq").flatMap { Int($0.prefix { $0 != " " }) } ?? 0
                #expect(cseq > last[call] ?? 0, "\(call)")
                last[call] = cseq
                count += 1
            }
        }
        #expect(last.values.allSatisfy { $0 == 30 })
    }

    @Test func repliesFindTheirWayAmongWorkers() throws {
        let called = try TCPListener()
        let server = try relaying(to: called.address.port, children: 4)
        let callers = try (0..<8).map { _ in try TCPClient(to: server.port) }
        for (index, caller) in callers.enumerated() {
            let text = (0..<10).map {
                request("MESSAGE", user: "tcp", to: server, "c\(index)-\($0)", via: caller.address)
            }
            try caller.send(text.joined())
        }
        var peers: [TCPClient] = []
        var count = 0
        while count < 80 {
            if called.hasConnection(within: peers.isEmpty ? .seconds(10) : .zero) { peers.append(try called.accept()) }
            for peer in peers {
                guard let seen = try? peer.receive(within: .milliseconds(20)) else { continue }
                try peer.send(seen.response(202, "Accepted"))
                count += 1
            }
        }
        for (index, caller) in callers.enumerated() {
            var seen = Set<String>()
            for _ in 0..<10 {
                let reply = try caller.final()
                #expect(reply.statusCode == 202)
                seen.insert(reply.header("Call-ID") ?? "")
            }
            #expect(seen == Set((0..<10).map { "c\(index)-\($0)@tests" }))
        }
    }

    @Test func aRefusedConnectionCountsAs503() throws {
        let port = try Ports.free()
        let server = try relaying(
            to: port, script: #"t_on_failure("FAILED");"#,
            routes: #"failure_route[FAILED] { if (t_check_status("503")) t_reply("480", "It was $T_reply_code"); }"#)
        let caller = try TCPClient(to: server.port)
        try caller.send(request("INVITE", user: "tcp", to: server, "refused", via: caller.address))
        let reply = try caller.final()
        #expect(reply.statusCode == 480 && reply.reason == "It was 503")
        #expect(try statistic("tcp:connect_failed", of: server) == 1)
    }

    @Test func theNextAddressIsTriedWhenOneRefuses() throws {
        let called = try TCPListener()
        let dead = try Ports.free()
        let dns = try DNSServer([
            "SRV _sip._tcp.calls.test": .srv([
                (priority: 1, weight: 0, port: dead, target: "one.calls.test"),
                (priority: 2, weight: 0, port: called.address.port, target: "one.calls.test"),
            ]),
            "A one.calls.test": .a(["127.0.0.1"]),
        ])
        defer { dns.stop() }
        let server = try relaying(
            to: dead, "dns_servers=\"\(dns.address)\"\ndns_try_ipv6=no\nuse_dns_failover=on",
            script: #"$ru = "sip:bob@calls.test;transport=tcp"; if (!t_relay()) sl_reply_error(); exit;"#)
        let caller = try UDPClient()
        try caller.send(
            request("MESSAGE", to: server, "srv", via: caller.address, transport: "UDP"), to: server.port)
        let peer = try called.accept()
        try peer.send(peer.receive().response(200, "OK"))
        #expect(try caller.receive().message.statusCode == 200)
    }

    @Test func aPeerThatDoesNotAcceptIsGivenUp() throws {
        let called = try TCPListener(backlog: 0)
        // The kernel holds one connection more than the backlog says; nobody accepts it.
        let first = try TCPClient(to: called.address.port)
        let server = try relaying(to: called.address.port, "tcp_connect_timeout=1")
        let caller = try TCPClient(to: server.port)
        try caller.send(request("INVITE", user: "tcp", to: server, "unaccepted", via: caller.address))
        #expect(try caller.final(within: .seconds(20)).statusCode == 500)
        #expect(try statistic("tcp:connect_failed", of: server) == 1)
        withExtendedLifetime(first) {}
    }

    @Test func aSlowReaderIsGivenUpAndHarmsNobodyElse() throws {
        let called = try TCPListener(receiveBuffer: 4096)
        let server = try relaying(to: called.address.port, "tcp_send_timeout=1", children: 1)
        let caller = try TCPClient(to: server.port)
        let body = String(repeating: "x", count: 30_000)
        var statuses: [Int: Int] = [:]
        var sent = 0
        // What both kernels hold differs between machines: sent until the queue is full, and what waits in it has failed.
        let isGivenUp = try until(within: .seconds(60)) {
            sent += 1
            try caller.send(
                request("MESSAGE", user: "tcp", to: server, "slow-\(sent)", via: caller.address, body: body))
            while let reply = try? caller.final(within: .milliseconds(20)) {
                statuses[reply.statusCode ?? 0, default: 0] += 1
            }
            return statuses[477] != nil && statuses[500] != nil
        }
        #expect(isGivenUp, "\(statuses)")
        #expect(try statistic("tcp:send_timeout", of: server) ?? 0 >= 1)
        #expect(try statistic("tcp:sendq_full", of: server) ?? 0 >= 1)
        #expect(try until { try statistic("tcp:current_write_queue_size", of: server) == 0 })
    }

    @Test func aReplyOpensAConnectionWhenTheCallersIsLost() throws {
        let called = try TCPListener()
        let back = try TCPListener()
        let server = try relaying(to: called.address.port)
        let caller = try TCPClient(to: server.port)
        try caller.send(request("MESSAGE", user: "tcp", to: server, "lost", via: back.address))
        let peer = try called.accept()
        let seen = try peer.receive()
        caller.endSending()
        #expect(caller.isClosed())
        try peer.send(seen.response(200, "OK"))
        let reply = try back.accept().receive()
        #expect(reply.statusCode == 200 && reply.header("Call-ID") == "lost@tests")
    }

    @Test func noConnectionIsOpenedWhenTheScriptSaysSo() throws {
        let called = try TCPListener()
        let server = try relaying(to: called.address.port, script: "set_forward_no_connect();")
        let caller = try UDPClient()
        let text = request("MESSAGE", user: "tcp", to: server, "noconnect", via: caller.address, transport: "UDP")
        #expect(try caller.exchange(text, with: server.port).statusCode == 477)
        #expect(!called.hasConnection(within: .zero))
    }

    @Test(arguments: [true, false])
    func anAliasLeadsBackOverTheConnection(isForced: Bool) throws {
        let port = try Ports.free()
        let server = try relaying(
            to: port, isForced ? "" : "tcp_accept_aliases=yes",
            script: """
                if (is_method("REGISTER")) {
                    \(isForced ? "force_tcp_alias();" : "")
                    sl_send_reply("200", "OK");
                    exit;
                }
                """)
        let phone = try TCPClient(to: server.port)
        let parameter = isForced ? "" : ";alias"
        try phone.send(
            request("REGISTER", to: server, "alias", via: Address("127.0.0.1", port))
                .replacing("z9hG4bK-alias-1", with: "z9hG4bK-alias-1\(parameter)"))
        #expect(try phone.receive().statusCode == 200)
        let caller = try UDPClient()
        try caller.send(
            request("MESSAGE", user: "tcp", to: server, "call", via: caller.address, transport: "UDP"), to: server.port)
        let seen = try phone.receive()
        #expect(seen.method == "MESSAGE")
        try phone.send(seen.response(200, "OK"))
        #expect(try caller.receive().message.statusCode == 200)
    }

    @Test func aConnectionToOurselvesDoesNotBlock() throws {
        let own = try Ports.free()
        let server = try Server { port in
            """
            children=1
            listen=udp:127.0.0.1:\(port)
            listen=tcp:127.0.0.1:\(own)
            loadmodule "sl.so"
            loadmodule "tm.so"
            route {
                if (proto == UDP) { t_relay_to_tcp("127.0.0.1", "\(own)"); exit; }
                sl_send_reply("200", "Myself");
            }
            """
        }
        let caller = try UDPClient()
        let text = request("MESSAGE", to: server, "self", via: caller.address, transport: "UDP")
        #expect(try caller.exchange(text, with: server.port).reason == "Myself")
    }

    @Test(arguments: ["tls", "sctp"])
    func aTransportThatIsNotThereIsNamed(name: String) throws {
        let port = try Ports.free()
        let server = try relaying(
            to: port, script: "$du = \"sip:127.0.0.1:\(port)\"; if (!t_relay_to_\(name)()) sl_reply_error(); exit;")
        let caller = try UDPClient()
        let text = request("MESSAGE", to: server, "missing", via: caller.address, transport: "UDP")
        #expect(try caller.exchange(text, with: server.port).statusCode == 478)
        try server.waitForLog("this server has no \(name.uppercased())")
    }

    /// What could never be sent is found when the config is read.
    @Test(arguments: [
        #"t_relay_to_NAME("127.0.0.1", 5061)"#, #"t_relay_to("NAME:127.0.0.1:5061")"#,
        #"t_forward_nonack_to("NAME", "127.0.0.1:5061")"#, #"t_replicate_NAME("127.0.0.1", 5061)"#,
    ]) func aCallThatCouldNeverSendIsAMistake(call: String) throws {
        func check(_ name: String) throws -> ToolResult {
            try Server.check(
                "loadmodule \"tm.so\"\nrequest_route { \(call.replacing("NAME", with: name)); }\n")
        }
        for name in ["tls", "sctp"] {
            let said = try check(name)
            #expect(!said.succeeded)
            #expect(said.output.contains("this server has no \(name.uppercased())"), "\(said.output)")
        }
        let said = try check("tcp")
        #expect(said.succeeded, "\(said.output)")
    }
}
