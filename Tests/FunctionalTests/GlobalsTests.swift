import Glibc
import Testing

/// What single global parameters do.
@Suite struct GlobalsTests {
    // MARK: The log

    @Test(arguments: [(0, "{alice 0}"), (1, "{bob 1}")])
    func thePrefixOfALineIsMadeOnceOrForEachLine(mode: Int, prefix: String) throws {
        let probe = try Probe(
            ["sl", "xlog", "pv"], globals: "log_prefix=\"{$rU $var(n)} \"\nlog_prefix_mode=\(mode)\n",
            script: #"$rU = "bob"; $var(n) = 1; xlog("L_ERR", "here\n"); sl_send_reply("200", "OK");"#)
        _ = try probe.ask(probe.request(id: "prefix"))
        try probe.server.waitForLog("ERROR: \(prefix) <script>: here")
    }

    @Test(arguments: ["log_format=json\n", "log_engine_type=\"json\"\n"])
    func linesAreJSON(globals: String) throws {
        let probe = try Probe(
            ["sl", "xlog"], globals: globals + "log_prefix=\"<$rm> \"\n",
            script:
                "route(TELL); sl_send_reply(\"200\", \"OK\"); }\nroute[TELL] { xlog(\"L_WARN\", \"a \\\"$rU\\\"\\n\");")
        _ = try probe.ask(probe.request(id: "json"))
        try probe.server.waitForLog("<script>: a")
        let line = try #require(probe.server.log.split(separator: "\n").first { $0.contains("<script>: a") })
        #expect(line.hasPrefix("{\"time\":") && line.hasSuffix("\"message\":\"<script>: a \\\"alice\\\"\"}"))
        #expect(line.contains("\"level\":\"WARNING\",\"pid\":\(probe.server.pid),\"idx\":"))
        #expect(line.contains("\"callid\":\"json@tests\",\"route\":\"TELL\",\"file\":"))
        #expect(line.contains("\"logprefix\":\"<OPTIONS> \""))
        #expect(probe.server.log.split(separator: "\n").allSatisfy { $0.hasPrefix("{") && $0.hasSuffix("}") })
    }

    @Test func linesHaveTheColourOfTheirLevel() throws {
        let probe = try Probe(
            ["sl", "xlog"], globals: "log_color=yes\n",
            script: "xlog(\"L_ERR\", \"red\\n\"); xlog(\"L_NOTICE\", \"green\\n\"); sl_send_reply(\"200\", \"OK\");")
        _ = try probe.ask(probe.request(id: "colours"))
        try probe.server.waitForLog("<script>: green")
        let lines = probe.server.log.split(separator: "\n")
        #expect(lines.contains { $0.hasPrefix("\u{1B}[0;31m ") && $0.hasSuffix("ERROR: <script>: red\u{1B}[0m") })
        #expect(lines.contains { $0.hasPrefix("\u{1B}[0;32m ") && $0.hasSuffix("NOTICE: <script>: green\u{1B}[0m") })
    }

    @Test(arguments: [
        ("", "INFO"), ("corelog=-1\n", "ERROR"), ("sip_parser_log=0\n", "WARNING"),
        ("corelog=-1\nsip_parser_log=1\n", "NOTICE"),
    ])
    func messagesThatAreNoneAreLoggedAsTheConfigSays(globals: String, level: String) throws {
        let server = try Server { "listen=udp:127.0.0.1:\($0)\n\(globals)request_route { exit; }\n" }
        let client = try UDPClient()
        try client.send("this is not SIP\r\n\r\n", to: server.port)
        try server.waitForLog("\(level): a message is refused from \(client.address)")
    }

    @Test func whatTakesTooLongIsTold() throws {
        let probe = try Probe(
            ["sl", "xlog"],
            globals: """
                latency_limit_action=1
                latency_log=1
                latency_limit_cfg=1
                latency_cfg_log=0

                """,
            script: "sl_send_reply(\"200\", \"OK\");")
        _ = try probe.ask(probe.request(id: "slow"))
        try probe.server.waitForLog("NOTICE: alert - action [sl_send_reply] cfg [")
        try probe.server.waitForLog("WARNING: request-route executed in: ")
    }

    @Test func nothingIsTimedUnlessTheConfigWantsIt() throws {
        let probe = try Probe(["sl"], arguments: ["--debug=3"], script: "sl_send_reply(\"200\", \"OK\");")
        _ = try probe.ask(probe.request(id: "quick"))
        _ = try probe.ask(probe.request(id: "again"))
        #expect(!probe.server.log.contains("took too long") && !probe.server.log.contains("executed in"))
    }

    @Test func theStartTellsAllItHas() throws {
        let server = try Server { port in
            """
            listen=udp:127.0.0.1:\(port) advertise "a.example.com:5070"
            alias=b.example.com
            verbose_startup=yes
            loadmodule "sl.so"
            request_route { exit; }
            """
        }
        for text in [
            "NOTICE: socket udp:127.0.0.1:\(server.port) advertised as a.example.com:5070",
            "NOTICE: alias b.example.com",
            "NOTICE: modules sl", "NOTICE: verbose_startup = 1",
        ] { try server.waitForLog(text) }
    }

    @Test func whatOperatorsSetIsTimedFromThenOn() throws {
        let folder = try TemporaryFolder()
        let door = try RPCDoor.config(folder.path)
        let probe = try Probe(["sl", "cfg_rpc"], globals: door, script: "sl_send_reply(\"200\", \"OK\");")
        _ = try probe.ask(probe.request(id: "before"))
        #expect(!probe.server.log.contains("took too long"))
        let rpc = try RPCDoor(folder.path)
        try rpc.expect("cfg.seti", ["core", "latency_limit_action", "1"], is: "null")
        try rpc.expect("cfg.seti", ["core", "latency_limit_cfg", "1"], is: "null")
        try rpc.expect("cfg.seti", ["core", "latency_cfg_log", "0"], is: "null")
        // Behind what runs on every worker all of them have it.
        _ = try rpc.call("dns.mem_info")
        _ = try probe.ask(probe.request(id: "after"))
        try probe.server.waitForLog("ERROR: alert - action [sl_send_reply] cfg [")
        try probe.server.waitForLog("WARNING: request-route executed in: ")
    }

    // MARK: Commands

    @Test func heavyCommandsKeepTheirDistance() throws {
        let folder = try TemporaryFolder()
        let door = try RPCDoor.config(folder.path)
        let probe = try Probe(
            ["sl"], globals: door + "rpc_exec_delta=3600\n", script: "sl_send_reply(\"200\", \"OK\");")
        let rpc = try RPCDoor(folder.path)
        #expect(try rpc.call("core.reload").code == 200)
        try rpc.expect("core.reload", code: 500, is: "Command Executed Too Fast")
        // Others may come at any time.
        for _ in 0..<3 { try rpc.expect("core.echo", ["a"], is: "\"a\"") }
        #expect(probe.server.status == nil)
    }

    // MARK: Messages of one call

    /// The second message of a call comes while the script of the first one sleeps.
    @Test(arguments: [(0, ["second", "first"]), (16, ["first", "second"])])
    func scriptsOfOneCallOverlapOrNot(locks: Int, order: [String]) throws {
        let probe = try Probe(
            ["sl", "cfgutils"], globals: "route_locks_size=\(locks)\n",
            script: "if ($rU == \"first\") usleep(\"700000\"); sl_send_reply(\"200\", \"$rU\");")
        func request(_ user: String, _ cseq: Int, _ id: String = "call") -> String {
            SIPText.request(
                "MESSAGE", "sip:\(user)@\(probe.server.address)", from: probe.client.address, id: id, cseq: cseq)
        }
        try probe.client.send(request("first", 1), to: probe.server.port)
        try probe.client.send(request("second", 2), to: probe.server.port)
        // A retransmission of one that waits is absorbed, and another call does not wait.
        try probe.client.send(request("second", 2), to: probe.server.port)
        try probe.client.send(request("other", 1, "another"), to: probe.server.port)
        var reasons: [String] = []
        for _ in 0..<(locks > 0 ? 3 : 4) { reasons.append(try probe.client.receive().message.reason) }
        #expect(reasons.filter { $0 == "other" }.count == 1)
        var seen: [String] = []
        for reason in reasons where reason != "other" && !seen.contains(reason) { seen.append(reason) }
        #expect(seen == order)
        if locks > 0 { #expect(reasons.first == "other" && reasons.count == 3) }
    }

    /// Three of them, each of which waits, one after the other.
    @Test func scriptsOfOneCallKeepTheirOrder() throws {
        let probe = try Probe(
            ["sl", "cfgutils"], globals: "route_locks_size=1\n",
            script: "usleep(\"$(cs{s.int})00000\"); sl_send_reply(\"200\", \"$cs\");")
        for cseq in [3, 2, 1] {
            let text = SIPText.request(
                "MESSAGE", "sip:a@\(probe.server.address)", from: probe.client.address, id: "order", cseq: cseq)
            try probe.client.send(text, to: probe.server.port)
        }
        for cseq in [3, 2, 1] { #expect(try probe.client.receive().message.reason == "\(cseq)") }
        #expect(probe.server.status == nil)
    }

    // MARK: Addresses and URIs

    @Test(arguments: [("c", "::1"), ("a", "0:0:0:0:0:0:0:1"), ("A", "0:0:0:0:0:0:0:1")])
    func ipv6AddressesAreWrittenAsTheConfigSays(style: String, text: String) throws {
        let server = try Server { port in
            """
            listen=udp:[::1]:\(port)
            listen=udp:127.0.0.1:\(port)
            ipv6_hex_style="\(style)"
            loadmodule "sl.so"
            loadmodule "pv.so"
            request_route { sl_send_reply("200", "$si $su"); }
            """
        }
        let client = try UDPClient("::1")
        let target = Address("::1", server.port)
        let request = SIPText.request("OPTIONS", "sip:a@\(target)", from: client.address, id: "style-\(style)")
        try client.send(Array(request.utf8), to: target)
        #expect(try client.receive().message.reason == "\(text) sip:[\(text)]:\(client.address.port)")
    }

    @Test(arguments: [("", "yes"), ("auto_aliases=no\n", "no")])
    func listenAddressesHaveNames(globals: String, isMyself: String) throws {
        let name = try #require(GlobalsTests.name(of: "127.0.0.1"), "this machine has no name for 127.0.0.1")
        let probe = try Probe(
            ["sl"], globals: globals,
            script: "if (uri==myself) sl_send_reply(\"200\", \"yes\"); else sl_send_reply(\"200\", \"no\");")
        let own = SIPText.request(
            "OPTIONS", "sip:a@\(name):\(probe.server.port)", from: probe.client.address, id: "own")
        #expect(try probe.ask(own).reason == isMyself)
        let other = SIPText.request("OPTIONS", "sip:a@\(name):9", from: probe.client.address, id: "other")
        #expect(try probe.ask(other).reason == "no")
    }

    private static func name(of address: String) -> String? {
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let code = Address(address, 5060).withSocketAddress {
            getnameinfo($0, $1, &text, socklen_t(text.count), nil, 0, NI_NAMEREQD)
        }
        return code == 0 ? text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) } : nil
    }

    /// As Kamailio answers.
    @Test(arguments: [
        ("", "+1234 +1234 sip:77;ext=5@h;user=phone sip:0+49;ext=5@h;user=phone 0+49"),
        ("phone2tel=no\n", "+1234;ext=5 +1234;ext=5 sip:77@h;user=phone sip:0+49;ext=5@h;user=phone 0+49;ext=5"),
    ])
    func usersOfPhonesAreNumbers(globals: String, reason: String) throws {
        let probe = try Probe(
            ["sl", "pv"], globals: globals,
            script: """
                $var(a) = $rU + " " + $(ru{uri.user});
                $rU = "77";
                $var(a) = $var(a) + " " + $ru;
                $ru = "sip:+49;ext=5@h;user=phone";
                prefix("0");
                sl_send_reply("200", "$var(a) $ru $rU");
                """)
        let text = SIPText.request(
            "OPTIONS", "sip:+1234;ext=5@h;user=phone", from: probe.client.address, id: "phone")
        #expect(try probe.ask(text).reason == reason)
    }

    @Test(arguments: [("127.0.0.0/8, 10.0.0.0/8", true), ("10.0.0.0/8 192.0.2.1", false)])
    func warningsAreForSomeNetworks(list: String, isWarned: Bool) throws {
        let probe = try Probe(
            ["sl"], globals: "sip_warning=yes\nsip_warning_for=\"\(list)\"\n", script: "sl_send_reply(\"404\", \"x\");")
        let reply = try probe.ask(probe.request(id: "warned"))
        #expect(reply.headers("Warning").isEmpty == !isWarned)
    }

    @Test func aNetworkThatIsNoneIsAMistake() throws {
        let result = try Server.check("sip_warning_for=\"10.0.0.0/8 ten\"\nrequest_route { exit; }\n")
        #expect(!result.succeeded && result.output.contains("1:17: error: `ten` is no network"))
    }

    @Test(arguments: [
        ("", "Bad Header Line"), ("hdr_name_extra_chars=\"(\"\n", "yes ="),
        ("hdr_name_extra_chars=\"(\"\nuri_host_extra_chars=\"*\"\n", "yes a*b.example.com="),
    ])
    func someMayWriteMoreThanTheRFCs(globals: String, reason: String) throws {
        let probe = try Probe(
            ["sl", "pv"], globals: globals,
            script: "$var(name) = \"X-O(dd\"; sl_send_reply(\"200\", \"$hdr($var(name)) $(fu{uri.host})=\");")
        let text = probe.request(id: "odd", headers: ["X-O(dd: yes"])
            .replacing("From: <sip:tester@\(probe.client.address)>", with: "From: <sip:tester@a*b.example.com>")
        #expect(try probe.ask(text).reason == reason)
    }

    // MARK: Limits

    @Test func moreTransactionsThanAllowedAreRefused() throws {
        let probe = try Probe(
            ["tm", "sl"], globals: "max_transactions=2\nchildren=1\n",
            script: "if (!t_newtran()) { sl_reply_error(); exit; } t_reply(\"183\", \"Wait\");")
        for id in ["a", "b"] {
            try probe.send(probe.request("MESSAGE", id: id))
            #expect(try probe.client.receive().message.statusCode == 183)
        }
        let reply = try probe.ask(probe.request("MESSAGE", id: "c"))
        #expect(reply.statusCode == 503 && reply.header("Retry-After") == "5")
    }

    @Test func aModuleThatDoesNotStopIsNotWaitedForEver() throws {
        let folder = try TemporaryFolder()
        try CModule.build("clings", into: folder.path)
        let path = folder.path
        let server = try Server { port in
            """
            listen=udp:127.0.0.1:\(port)
            exit_timeout=1
            loadpath "\(path)"
            loadmodule "clings.so"
            request_route { exit; }
            """
        }
        #expect(server.stop(within: .seconds(30)) == .exited(1))
        #expect(server.log.contains("has not stopped within 1 s"))
    }
}
