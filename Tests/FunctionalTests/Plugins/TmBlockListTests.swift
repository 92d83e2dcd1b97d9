import Testing

/// Destinations that are left alone for a while: after a 503 with a Retry-After, or when nobody answered.
@Suite struct TmBlockListTests {
    /// A name with two servers, and a caller; the first one is the better.
    private struct Pair: ~Copyable {
        let server: Server
        let names: DNSServer
        let first: UDPClient
        let second: UDPClient
        let caller: UDPClient

        let door: RPCDoor
        private let folder: TemporaryFolder

        init(_ parameters: [String], list: String = "yes", globals: String = "") throws {
            let folder = try TemporaryFolder()
            let config = try RPCDoor.config(folder.path)
            let first = try UDPClient()
            let second = try UDPClient()
            let caller = try UDPClient()
            let names = try DNSServer([
                "SRV _sip._udp.pair.test": .srv([
                    (priority: 20, weight: 1, port: second.address.port, target: "two.test"),
                    (priority: 10, weight: 1, port: first.address.port, target: "one.test"),
                ]), "A one.test": .a(["127.0.0.1"]), "A two.test": .a(["127.0.0.1"]),
            ])
            let server = try Server { port in
                """
                children=1
                listen=udp:127.0.0.1:\(port)
                dns_servers="\(names.address)"
                dns_try_ipv6=no
                dns_use_search_list=no
                use_dns_failover=yes
                use_dst_blocklist=\(list)
                \(globals)
                \(config)
                loadmodule "cfg_rpc.so"
                loadmodule "tm.so"
                loadmodule "sl.so"
                loadmodule "pv.so"
                loadmodule "siputils.so"
                \(Probe.settings(Probe.shortTimes + [#""fr_timer", "400ms""#] + parameters))
                request_route { t_set_disable_failover(1); t_relay(); }

                """
            }
            let door = try RPCDoor(folder.path)
            self.server = server
            self.door = door
            self.folder = folder
            self.first = first
            self.second = second
            self.caller = caller
            self.names = names
        }

        deinit { names.stop() }

        /// Sends a request to the name; whether it came to the first server, which answers with that code (0: not at all), as the second does.
        func ask(_ method: String, _ id: String, _ code: Int, headers: [String] = []) throws -> Bool {
            let request = SIPText.request(method, "sip:pair.test", from: caller.address, id: id)
            try caller.send(request, to: server.port)
            while true {
                if try take(id, code, headers, at: first) {
                    try finish(request)
                    return true
                }
                if try take(id, code, headers, at: second) {
                    try finish(request)
                    return false
                }
            }
        }

        private func take(_ id: String, _ code: Int, _ headers: [String], at side: borrowing UDPClient) throws -> Bool {
            guard let datagram = side.datagram(within: .milliseconds(20)) else { return false }
            let message = SIPText(String(decoding: datagram.bytes, as: UTF8.self))
            guard message.header("Call-ID") == "\(id)@tests", message.method != "ACK" else { return false }
            if code > 0 { try side.send(message.response(code, "Test", headers: headers), to: server.port) }
            return true
        }

        /// Until the caller has its final reply.
        private func finish(_ request: String) throws {
            while true {
                let reply = try caller.receive(within: .seconds(10)).message
                guard let code = reply.statusCode, code >= 200,
                    reply.header("Call-ID") == SIPText(request).header("Call-ID")
                else { continue }
                if reply.header("CSeq") == "1 INVITE", code >= 300 {
                    try caller.send(SIPText.ack(request, reply), to: server.port)
                }
                return
            }
        }
    }

    @Test(arguments: [
        (["\"blst_503\", 0"], ["Retry-After: 60"], false),
        (["\"blst_503\", 1"], ["Retry-After: 60 (soon);duration=5"], true),
        (["\"blst_503\", 1"], [], false), (["\"blst_503\", 1", "\"blst_503_def_timeout\", 60"], [], true),
        (["\"blst_503\", 1"], ["Retry-After: 0"], false),
        (["\"blst_503\", 1", "\"blst_503_min_timeout\", 60"], ["Retry-After: 0"], true),
        (["\"blst_503\", 1", "\"blst_503_max_timeout\", 0"], ["Retry-After: 60"], false),
    ])
    func whoIsUnavailableIsLeftAlone(parameters: [String], headers: [String], isBlocked: Bool) throws {
        let pair = try Pair(parameters)
        #expect(try pair.ask("INVITE", "one", 503, headers: headers))
        let wentToFirst = try pair.ask("INVITE", "two", 200)
        #expect(wentToFirst != isBlocked)
    }

    @Test func withoutTheListOfTheCoreNobodyIsLeftAlone() throws {
        let pair = try Pair(["\"blst_503\", 1"], list: "no")
        #expect(try pair.ask("OPTIONS", "one", 503, headers: ["Retry-After: 60"]))
        #expect(try pair.ask("OPTIONS", "two", 200))
        #expect(pair.server.log.contains("blst_503 has no effect without the core's use_dst_blocklist=yes"))
    }

    /// Bits of methods: INVITE 1, BYE 8, OPTIONS (others) 256.
    @Test(arguments: [
        ([], "INVITE", true), ([], "OPTIONS", false), (["\"blst_methods_add\", 256"], "OPTIONS", true),
        (["\"blst_methods_add\", 256"], "INVITE", false), (["\"blst_methods_add\", 128"], "NOTIFY", true),
    ])
    func whoDoesNotAnswerIsLeftAlone(parameters: [String], method: String, isBlocked: Bool) throws {
        let pair = try Pair(parameters)
        #expect(try pair.ask(method, "one", 0))
        let wentToFirst = try pair.ask("MESSAGE", "two", 200)
        #expect(wentToFirst != isBlocked)
    }

    @Test(arguments: [
        ([], "BYE", true), ([], "INVITE", false), ([], "REGISTER", false),
        (["\"blst_methods_lookup\", 8"], "BYE", false),
        (["\"blst_methods_lookup\", 8"], "INVITE", true),
    ])
    func whichMethodsLookIntoTheList(parameters: [String], method: String, goesToFirst: Bool) throws {
        let pair = try Pair(parameters)
        #expect(try pair.ask("INVITE", "one", 0))
        let wentToFirst = try pair.ask(method, "two", 200)
        #expect(wentToFirst == goesToFirst)
    }

    /// The list forgets after `dst_blocklist_expire` seconds, or those of the Retry-After.
    @Test func theListForgets() throws {
        let pair = try Pair(["\"blst_503\", 1"])
        #expect(try pair.ask("OPTIONS", "zero", 503, headers: ["Retry-After: 2"]))
        var attempts = 0
        while try !pair.ask("OPTIONS", "again\(attempts)", 200) {
            attempts += 1
            try #require(attempts < 200)
        }
        #expect(attempts > 0)
    }

    /// Operators see the list, add to it and empty it.
    @Test func theListIsShownAndChanged() throws {
        let pair = try Pair(["\"blst_503\", 1"])
        let door = pair.door
        try door.expect("dst_blocklist.view", is: "[]")
        #expect(try pair.ask("OPTIONS", "one", 503, headers: ["Retry-After: 60"]))
        let port = pair.first.address.port
        let row = #"[{"protocol":"UDP","ip":"127.0.0.1","port":\#(port),"expires in (s)":"#
        let shown = try door.call("dst_blocklist.view").json
        #expect(shown.hasPrefix(row) && shown.hasSuffix(#","flags":32,"worker":0}]"#), "\(shown)")
        #expect(try !pair.ask("OPTIONS", "two", 200))
        try door.expect("dst_blocklist.stats_get", ["all"], is: #"{"bkl_hit_cnt":1,"bkl_lru_cnt":0}"#)
        try door.expect("dst_blocklist.stats_get", ["BKL_hit_cnt", "1"], is: #"{"bkl_hit_cnt":1}"#)
        try door.expect("dst_blocklist.stats_get", ["bkl_hit_cnt"], is: #"{"bkl_hit_cnt":0}"#)
        try door.expect("dst_blocklist.delete_all", is: "null")
        try door.expect("dst_blocklist.debug", is: "[]")
        #expect(try pair.ask("OPTIONS", "three", 200))
        try door.expect("dst_blocklist.add", ["127.0.0.1", "\(port)", "udp"], is: "null")
        #expect(try !pair.ask("OPTIONS", "four", 200))
        try door.expect("dst_blocklist.add", ["2001:db8::1", "5060", "2", "128"], is: "null")
        try door.expect("dst_blocklist.delete_all", is: "null")
        try door.expect(
            "dst_blocklist.view",
            is: #"[{"protocol":"TCP","ip":"2001:db8::1","port":5060,"expires in (s)":-1,"flags":129,"worker":0}]"#)
        let memory = try door.call("dst_blocklist.mem_info").json
        #expect(memory.hasPrefix("[") && !memory.hasPrefix("[0,"), "\(memory)")
        for (arguments, text) in [
            (["x", "5060", "1"], "Malformed ip address"), (["192.0.2.1", "5060", "9"], "Unknown protocol"),
            (["192.0.2.1", "0", "1"], "port is a number from 1 to 65535"),
        ] {
            try door.expect("dst_blocklist.add", arguments, code: 400, is: text)
        }
        try door.expect("dst_blocklist.stats_get", ["x"], code: 500, is: "unknown dst blocklist stat parameter")
    }

    /// The core's parameters of the list may change while it is in use.
    @Test func theListIsTurnedOnAndOff() throws {
        let pair = try Pair(["\"blst_503\", 1"], list: "no")
        let door = pair.door
        try door.expect("dst_blocklist.view", code: 500, is: "dst blocklist support disabled")
        #expect(try pair.ask("OPTIONS", "one", 503, headers: ["Retry-After: 60"]))
        try door.expect("cfg.seti", ["core", "use_dst_blocklist", "1"], is: "null")
        #expect(try pair.ask("OPTIONS", "two", 503, headers: ["Retry-After: 60"]))
        #expect(try !pair.ask("OPTIONS", "three", 200))
        try door.expect("cfg.seti", ["core", "use_dst_blocklist", "0"], is: "null")
        #expect(try pair.ask("OPTIONS", "four", 200))
    }

    /// Bits of reasons that put nobody on the list: a 503 is 32.
    @Test(arguments: [
        ("dst_blocklist_udp_imask=32", false), ("dst_blocklist_udp_imask=16", true),
        ("dst_blocklist_tcp_imask=255", true), ("dst_blocklist_init=no", false),
    ])
    func someReasonsAreNone(global: String, isBlocked: Bool) throws {
        let pair = try Pair(["\"blst_503\", 1"], globals: global)
        #expect(try pair.ask("OPTIONS", "one", 503, headers: ["Retry-After: 60"]))
        let wentToFirst = try pair.ask("OPTIONS", "two", 200)
        #expect(wentToFirst != isBlocked)
    }
}
