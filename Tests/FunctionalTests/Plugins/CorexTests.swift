import Testing

@Suite struct CorexTests {
    /// Return codes as Kamailio 5.6 gives them but for the sockets that are not there, which are 1 there.
    @Test func codes() throws {
        let folder = try TemporaryFolder()
        let file = "\(folder.path)/text"
        let cases: [(String, Int)] = [
            (#"setxflag("5")"#, 1), (#"isxflagset("5")"#, 1), (#"isxflagset("63")"#, -1), (#"resetxflag("5")"#, 1),
            (#"isxflagset("5")"#, -1), (#"$var(n) = 64; setxflag("$var(n)")"#, -1),
            (#"msg_iflag_set("USE_UAC_FROM")"#, 1), (#"msg_iflag_is_set("USE_UAC_FROM")"#, 1),
            (#"msg_iflag_is_set("6")"#, 1), (#"msg_iflag_reset("USE_UAC_FROM")"#, 1),
            (#"msg_iflag_is_set("USE_UAC_FROM")"#, -2),
            (#"msg_vbflag_is_set("3")"#, -1), (#"msg_vbflag_set("3")"#, 1), (#"msg_vbflag_is_set("3")"#, 1),
            (#"msg_vbflag_reset("3")"#, 1), (#"msg_vbflag_is_set("3")"#, -1), ("msg_vbflag_parse()", 1),
            ("is_faked_msg()", -1), ("is_incoming()", 1),
            (#"is_socket_name("main")"#, 1), (#"is_socket_name("nope")"#, -1), (#"is_socket_name("")"#, -1),
            (#"set_send_socket("udp:127.0.0.1:PORT")"#, 1), (#"set_send_socket("udp:192.0.2.9:1")"#, -1),
            (#"set_send_socket_name("main")"#, 1), (#"set_send_socket_name("nope")"#, -1),
            (#"set_recv_socket_name("main")"#, 1), (#"set_recv_socket("127.0.0.1:PORT")"#, 1),
            (#"set_recv_socket("nonsense")"#, -1), (#"set_source_address("no address")"#, -1),
            (#"file_write("FILE", "text of $rm")"#, 1), (#"file_read("FILE", "$var(f)")"#, 1),
            (#"file_read("FILE.not", "$var(f)")"#, -1), (#"file_read("/dev/null", "$var(f)")"#, -1),
            (#"file_write("/", "x")"#, -1), (#"via_add_srvid("1")"#, 1), (#"via_add_xavp_params("1")"#, -1),
            (#"via_use_xavp_fields("1")"#, -1), (#"via_add_xavp_params("0")"#, 1), (#"via_use_xavp_fields("0")"#, 1),
        ]
        let calls = cases.map { $0.0.replacing("FILE", with: file) }
        let script = calls.map { "    \($0); $var(codes) = $var(codes) + $rc + \" \";\n" }.joined()
        let probe = try probe(script: "$var(codes) = \"\";\n\(script) sl_send_reply(\"200\", \"$var(codes)|$var(f)\");")
        let reply = try probe.ask(probe.request(id: "codes"))
        let parts = reply.reason.split(separator: "|")
        let codes = (parts.first ?? "").split(separator: " ").compactMap { Int($0) }
        for (code, one) in zip(codes, cases) { #expect(code == one.1, "\(one.0)") }
        #expect(codes.count == cases.count)
        #expect(parts.last == "text of OPTIONS")
    }

    /// With a further socket, which has a name.
    private func probe(globals: String = "", script: String) throws -> Probe {
        try Probe(
            ["sl", "pv", "xlog", "cfgutils", "corex"],
            globals: "listen=udp:127.0.0.2:PORT name \"main\"\nserver_id=7\n\(globals)\n", script: script)
    }

    @Test func variablesAndTransformations() throws {
        let texts: [(String, String)] = [
            ("$cfg(route)", "DEFAULT_ROUTE"), ("$lsock(i/0/listen)", "udp:127.0.0.1:PORT"),
            ("$lsock(i/0/proto)", "udp"),
            ("$lsock(i/0/host)", "127.0.0.1"), ("$lsock(i/0/port)", "PORT"), ("$lsock(i/7/listen)", "<null>"),
            ("$lsock(n/main/listen)", "udp:127.0.0.2:PORT"), ("$lsock(l/udp:127.0.0.2:PORT/name)", "main"),
            ("$lsock(n/nope/listen)", "<null>"), ("$lsock(i/0/name)", "<null>"), ("$lsock(i/0/advertise)", "<null>"),
            ("$lsock(l/udp:127.0.0.1:PORT/port)", "PORT"), ("$(var(s){sock.host})", "127.0.0.1"),
            ("$(var(s){sock.port})", "5060"), ("$(var(s){sock.proto})", "udp"),
            ("$(var(s){sock.touri})", "sip:127.0.0.1:5060;transport=udp"), ("$(var(t){sock.host})", "[::1]"),
            ("$(var(t){sock.proto})", ""), ("$(var(t){sock.port})", ""), ("$(var(t){sock.touri})", "sip:[::1]"),
        ]
        let probe = try probe(
            script: """
                $var(s) = "udp:127.0.0.1:5060"; $var(t) = "[::1]";
                sl_send_reply("200", "\(texts.map(\.0).joined(separator: "|"))");
                """)
        let found = try probe.ask(probe.request(id: "texts")).reason
            .split(separator: "|", omittingEmptySubsequences: false)
        #expect(found.count == texts.count)
        let port = "\(probe.server.port)"
        for (text, one) in zip(found, texts) { #expect(text == one.1.replacing("PORT", with: port), "\(one.0)") }
    }

    /// Texts and the received bytes arrive as they were; what is forwarded has our Via as the script wants it.
    @Test func messagesAndTextsAreSent() throws {
        let probe = try probe(
            globals: "xavp_via_params=\"more\"\nxavp_via_fields=\"place\"\n",
            script: #"""
                $ru = "sip:changed@example.com";
                send_data("NEXT", "data of $rm");
                sendx("NEXT", "udp:127.0.0.1:PORT", "from a socket");
                if (sendx("NEXT", "udp:192.0.2.1:5060", "never")) exit;
                $du = "NEXT";
                send_udp();
                msg_vbflag_set("3");
                via_add_srvid("1");
                $xavp(more=>a) = 1;
                $xavp(more[0]=>b) = "x";
                via_add_xavp_params("1");
                $xavp(place=>address) = "198.51.100.7";
                $xavp(place[0]=>port) = 5099;
                via_use_xavp_fields("1");
                forward();
                via_use_xavp_fields("0");
                via_add_xavp_params("0");
                via_add_srvid("0");
                forward_uac("4");
                """#)
        let request = probe.request(id: "sent")
        try probe.client.send(request, to: probe.server.port)
        func next() throws -> String {
            guard let datagram = probe.nextHop.datagram(within: .seconds(5)) else {
                throw HarnessError("nothing reached the next hop; the server's log:\n\(probe.server.log)")
            }
            return String(decoding: datagram.bytes, as: UTF8.self)
        }
        #expect(try next() == "data of OPTIONS")
        #expect(try next() == "from a socket")
        #expect(try next() == request)
        let forwarded = SIPText(try next())
        let via = forwarded.headers("Via")
        #expect(via.count == 2)
        #expect(via.first?.hasPrefix("SIP/2.0/UDP 198.51.100.7:5099;branch=z9hG4bK") == true)
        #expect(via.first?.hasSuffix(";kvf=8;srvid=7;b=x;a=1") == true)
        let alone = SIPText(try next())
        let single = alone.headers("Via")
        #expect(single.count == 1)
        #expect(single.first?.hasPrefix("SIP/2.0/UDP 127.0.0.1:\(probe.server.port);branch=z9hG4bK") == true)
        #expect(single.first?.hasSuffix(".4;kvf=8") == true)
        // A repetition has the same branch.
        try probe.client.send(request, to: probe.server.port)
        for _ in 0..<4 { _ = try next() }
        let again = SIPText(try next())
        #expect(again.headers("Via") == single)
    }

    @Test func repliesHaveFurtherParametersInTheirVia() throws {
        let probe = try probe(
            globals: """
                xavp_via_reply_params="back"
                reply_route { $xavp(back=>reply) = "passed"; via_reply_add_xavp_params("1"); }
                """,
            script: #"""
                $xavp(back=>reply) = "made";
                via_reply_add_xavp_params("1");
                if ($rm == "OPTIONS") { sl_send_reply("200", "OK"); exit; }
                $du = "NEXT";
                forward();
                """#)
        let made = try probe.ask(probe.request(id: "made"))
        #expect(made.header("Via")?.hasSuffix(";reply=made") == true)
        let request = try probe.pass(probe.request("MESSAGE", id: "passed"))
        try probe.nextHop.send(request.response(200, "OK"), to: probe.server.port)
        let passed = try probe.client.receive().message
        #expect(passed.headers("Via").count == 1)
        #expect(passed.header("Via")?.hasSuffix(";reply=passed") == true)
    }

    @Test func repliesArePassedOnAtOnce() throws {
        let probe = try probe(
            globals: """
                reply_route {
                    msg_vbflag_parse();
                    if (!msg_vbflag_is_set("9")) drop;
                    forward_reply();
                    xlog("L_ERR", "passed $rs in $cfg(route)\\n");
                    drop;
                }
                """,
            script: #"msg_vbflag_set("9"); $du = "NEXT"; forward();"#)
        let request = try probe.pass(probe.request(id: "reply"))
        try probe.nextHop.send(request.response(200, "OK"), to: probe.server.port)
        guard let datagram = probe.client.datagram(within: .seconds(5)) else {
            Issue.record("no reply: \(probe.server.log)")
            return
        }
        #expect(SIPText(String(decoding: datagram.bytes, as: UTF8.self)).statusCode == 200)
        let second = probe.client.datagram(within: .milliseconds(200))
        #expect(second == nil)
        try probe.server.waitForLog("passed 200 in DEFAULT_ONREPLY")
    }

    @Test func aMessageMayComeFromElsewhere() throws {
        let probe = try probe(
            script: #"force_rport(); set_source_address("udp:$hdr(X-Next)"); sl_send_reply("200", "$si:$sp");"#)
        let elsewhere = "\(probe.nextHop.address)"
        try probe.client.send(probe.request(id: "elsewhere", headers: ["X-Next: \(elsewhere)"]), to: probe.server.port)
        let reply = try probe.nextHop.receive().message
        #expect(reply.reason == elsewhere)
    }

    @Test func domainsAndTheirSubdomainsAreOurs() throws {
        let names = [
            "sip:example.com", "sip:a.b.EXAMPLE.com:5070", "sip:badexample.com", "sip:example.org:5080",
            "sip:x.example.org:5080", "sip:x.example.org:5081", "sip:example.com.net",
        ]
        let tests = names.map {
            "if (is_myself(\"\($0)\")) $var(o) = $var(o) + \"1\"; else $var(o) = $var(o) + \"0\";\n"
        }
        let probe = try Probe(
            ["sl", "pv", "kex", "corex"],
            globals: """
                modparam("corex", "alias_subdomains", "example.com")
                modparam("corex", "alias_subdomains", "udp:example.org:5080")
                """,
            script: "$var(o) = \"\";\n\(tests.joined()) sl_send_reply(\"200\", \"<$var(o)>\");")
        let reply = try probe.ask(probe.request(id: "domains"))
        #expect(reply.reason == "<1101100>")
    }

    /// Records that are known from the start are used at once, on every worker, and permanent ones stay.
    @Test func namesAreKnownFromTheStart() throws {
        let folder = try TemporaryFolder()
        let target = try UDPClient()
        let file = try folder.write(
            "records",
            """
            # a service
            type=SRV;name=_sip._udp.service.test;addr=host.test;port=\(target.address.port);priority=1;weight=1;flags=2

            type=A;name=never.test;flags=3
            """)
        let door = try RPCDoor.config(folder.path)
        let probe = try Probe(
            ["sl", "pv", "corex"],
            globals: """
                dns_servers = "127.0.0.1:1"
                \(door)
                modparam("corex", "dns_cache", "type=A;name=Host.Test;addr=127.0.0.1;ttl=1;flags=2")
                modparam("corex", "dns_file", "\(file)")
                """,
            script: """
                if (!send_data("sip:never.test:5070", "never")) $var(n) = 1;
                if (send_data("sip:service.test", "to $ci")) $var(n) = $var(n) + 2;
                sl_send_reply("200", "$var(n)");
                """)
        let rpc = try RPCDoor(folder.path)
        _ = try rpc.call("dns.delete_all")
        for id in ["one", "two", "three", "four"] {
            let reply = try probe.ask(probe.request(id: id))
            #expect(reply.reason == "3")
            let text = target.datagram(within: .seconds(5)).map { String(decoding: $0.bytes, as: UTF8.self) }
            #expect(text?.hasPrefix("to ") == true)
        }
    }

    /// Bytes are seen before they are parsed and before they leave, and may be others afterwards.
    @Test func trafficIsShown() throws {
        let probe = try Probe(
            ["sl", "pv", "xlog", "corex"],
            globals: """
                modparam("corex", "nio_intercept", 1)
                modparam("corex", "nio_min_msg_len", 100)
                modparam("corex", "nio_msg_avp", "$avp(bytes)")
                event_route[network:msg] {
                    if (is_incoming()) {
                        if ($mb =~ "X-Drop") drop;
                        if ($mb =~ "X-Change") $avp(bytes) = $(mb{s.replace,X-Change: no,X-Change: yes});
                    } else {
                        if ($mb =~ "SIP/2.0 200 yes") $avp(bytes) = $(mb{s.replace,200 yes,200 changed});
                    }
                }
                """,
            script: #"sl_send_reply("200", "$hdr(X-Change)");"#)
        let changed = try probe.ask(probe.request(id: "change", headers: ["X-Change: no"]))
        #expect(changed.reason == "changed")
        try probe.client.send(probe.request(id: "drop", headers: ["X-Drop: x"]), to: probe.server.port)
        let none = probe.client.datagram(within: .milliseconds(200))
        #expect(none == nil)
        let plain = try probe.ask(probe.request(id: "plain", headers: ["X-Change: never"]))
        #expect(plain.reason == "never")
    }

    /// Every reply that leaves is shown, whoever makes it; the block may wait.
    @Test func repliesThatLeaveAreShown() throws {
        let probe = try Probe(
            ["tm", "sl", "pv", "xlog", "cfgutils", "corex"],
            globals: """
                event_route[corex:reply-out] { usleep("1000"); xlog("L_ERR", "leaves: $rs $rr of $cs $rm\\n"); }
                """,
            script: """
                if ($rm == "OPTIONS") { sl_send_reply("200", "stateless"); exit; }
                $du = "NEXT";
                if ($rm == "INFO") { forward(); exit; }
                t_relay();
                """)
        _ = try probe.ask(probe.request(id: "stateless"))
        try probe.server.waitForLog("leaves: 200 stateless of 1 OPTIONS")
        for method in ["INFO", "MESSAGE"] {
            let request = try probe.pass(probe.request(method, id: method))
            try probe.nextHop.send(request.response(202, "passed \(method)"), to: probe.server.port)
            try probe.server.waitForLog("leaves: 202 passed \(method) of 1 \(method)")
        }
    }

    /// Extended flags go with the transaction.
    @Test func extendedFlagsReachLaterRoutes() throws {
        let probe = try Probe(
            ["tm", "tmx", "sl", "pv", "corex"],
            globals: """
                failure_route[failed] {
                    if (isxflagset("40")) $var(o) = "before "; else $var(o) = "";
                    if (isxflagset("63")) $var(o) = $var(o) + "after";
                    t_reply("480", "$var(o)");
                }
                """,
            script: """
                setxflag("40");
                t_newtran();
                setxflag("63");
                t_flush_xflags();
                resetxflag("1");
                t_on_failure("failed");
                $du = "NEXT";
                t_relay();
                """)
        let request = try probe.pass(probe.request("MESSAGE", id: "xflags"))
        try probe.nextHop.send(request.response(404, "Not Found"), to: probe.server.port)
        let reply = try probe.client.receive().message
        #expect(reply.startLine == "SIP/2.0 480 before after")
    }

    /// One worker serves others while a script waits for a disk: a file that is read while many requests are answered.
    @Test func filesAreReadAndWrittenByMany() throws {
        let folder = try TemporaryFolder()
        let probe = try probe(
            script: """
                if (!file_write("\(folder.path)/$rU", "$(rU{s.len}) of $rU")) { sl_send_reply("500", "write"); exit; }
                if (!file_read("\(folder.path)/$rU", "$var(t)")) { sl_send_reply("500", "read"); exit; }
                sl_send_reply("200", "$var(t)");
                """)
        for index in 0..<50 {
            try probe.client.send(probe.request(user: "u\(index)", id: "file-\(index)"), to: probe.server.port)
        }
        var texts: Set<String> = []
        while texts.count < 50, let datagram = probe.client.datagram(within: .seconds(10)) {
            texts.insert(SIPText(String(decoding: datagram.bytes, as: UTF8.self)).reason)
        }
        #expect(texts == Set((0..<50).map { "\("u\($0)".count) of u\($0)" }))
    }

    @Test func whatIsTooLongIsNotRead() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("long", String(repeating: "x", count: (1 << 20) + 1))
        let codes = try Probe.codes(["pv", "corex"], [#"file_read("\#(file)", "$var(t)")"#])
        #expect(codes == [-1])
    }

    @Test func mistakesAreFoundAtStart() throws {
        let cases: [(String, String, String)] = [
            ("", #"setxflag("64");"#, "an extended flag is 0 to 63"),
            ("", #"msg_iflag_set("NONSENSE");"#, "no inner flag is called so"),
            ("", #"msg_iflag_set("40");"#, "inner flag 40 has no meaning here"),
            ("", #"forward_uac("1001");"#, "the number of a branch is 0 to 1000"),
            (#"modparam("corex", "alias_subdomains", "a:b:c")"#, "exit;", "is no [transport:]domain[:port]"),
            (#"modparam("corex", "dns_cache", "type=MX;name=a")"#, "exit;", "type is A, AAAA or SRV"),
            (#"modparam("corex", "dns_cache", "type=A;name=a;addr=::1")"#, "exit;", "is no IPv4 address"),
            (#"modparam("corex", "dns_file", "/nonexistent")"#, "exit;", "cannot be read"),
            (
                #"event_route[network:msg] { file_read("/x", "$var(x)"); }"#, "exit;",
                "`file_read` may wait, which nothing can in `event_route[network:msg]`"
            ),
            (
                #"event_route[core:modinit-before] { setxflag("1"); }"#, "exit;", "module corex is not started yet"
            ),
        ]
        for (globals, statement, complaint) in cases {
            let said = try Server.check(
                "loadmodule \"corex.so\"\nloadmodule \"pv.so\"\n\(globals)\nrequest_route { \(statement) }\n")
            #expect(said.output.contains(complaint), "\(globals) \(statement): \(said.output)")
        }
        let clean = try Server.check(
            """
            loadmodule "corex.so"
            event_route[network:msg] { exit; }
            event_route[corex:reply-out] { exit; }
            request_route { send_tcp("192.0.2.1:5060"); append_branch(); }

            """)
        #expect(clean.succeeded && !clean.output.contains("warning"), "\(clean.output)")
    }

    @Test func operatorsSeeSockets() throws {
        let folder = try TemporaryFolder()
        let config = try RPCDoor.config(folder.path)
        let server = try Server { port in
            """
            listen=udp:127.0.0.1:\(port) advertise 192.0.2.1:5099 name "main"
            auto_aliases=no
            alias="example.com:5070"
            loadmodule "corex.so"
            \(config)
            request_route { exit; }

            """
        }
        let door = try RPCDoor(folder.path)
        try door.expect(
            "corex.list_sockets",
            is: """
                [{"PROTO":"udp","NAME":"127.0.0.1","ADDRLIST":{"ADDR":"127.0.0.1"},"PORT":"\(server.port)","MCAST":"no",\
                "MHOMED":"no","VIRTUAL":"no","SOCKNAME":"main","ADVERTISE":"192.0.2.1:5099"}]
                """)
        try door.expect("corex.list_aliases", is: #"[{"PROTO":"*","ADDR":"example.com","PORT":5070}]"#)
        try door.expect("corex.debug", is: #"{"debug":2}"#)
        try door.expect("corex.debug", ["1"], is: #"{"old":2,"new":1}"#)
        try door.expect("corex.debug", is: #"{"debug":1}"#)
        try door.expect("corex.debug", ["2"], is: #"{"old":1,"new":2}"#)
        try door.expect("corex.shm_status", is: "null")
        try server.waitForLog("memory: {\"total\":")
        try door.expect("corex.pkg_summary", ["idx", "1"], is: "null")
        try server.waitForLog("memory: [{\"entry\":1")
        let stats = try door.call("shm.stats")
        #expect(stats.code == 200 && stats.json.hasPrefix("{\"total\":"))
    }
}
