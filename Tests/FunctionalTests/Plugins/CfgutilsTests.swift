import Testing

@Suite struct CfgutilsTests {
    private static let locks = "modparam(\"cfgutils\", \"lock_set_size\", 8)\n"

    /// Return codes as Kamailio 5.6 gives them, but for `unlock` of a lock that nobody has, which is 1 there.
    @Test func codesAreTheAnchors() throws {
        let cases: [(String, Int)] = [
            (#"core_hash("abc", "", "8")"#, 67), (#"core_hash("abc", "def", "8")"#, 114),
            (#"core_hash("sip:alice@example.com", "", "16")"#, 61884), (#"core_hash("a", "", "4")"#, 14),
            (#"core_hash("", "", "4")"#, 1), (#"core_hash("abc", "", "0")"#, 1),
            (#"$var(a) = ""; $var(b) = 8; core_hash("$var(a)abc", "$var(a)", "$var(b)")"#, 67),
            ("rand_get_prob()", 10), (#"rand_set_prob("100")"#, 1), ("rand_event()", 1), ("rand_get_prob()", 100),
            (#"rand_set_prob("0")"#, 1), ("rand_event()", -1), ("rand_reset_prob()", 1), ("rand_get_prob()", 10),
            (#"$var(p) = 101; rand_set_prob("$var(p)")"#, -1), ("rand_get_prob()", 10),
            (#"set_gflag("4")"#, 1), (#"is_gflag("4")"#, 1), (#"is_gflag("3")"#, -1), (#"reset_gflag("4")"#, 1),
            (#"is_gflag("4")"#, -1), (#"is_gflag("31")"#, 1),
            (#"lock("x")"#, 1), (#"trylock("x")"#, -1), (#"lock("x")"#, -1), (#"unlock("x")"#, 1),
            (#"unlock("x")"#, -1), (#"trylock("x", "y")"#, 1), (#"trylock("x")"#, 1), (#"unlock("x")"#, 1),
            (#"unlock("x", "y")"#, 1),
            (#"check_route_exists("A")"#, 1), (#"check_route_exists("NO")"#, -1),
            (#"$var(n) = "A"; check_route_exists("$var(n)")"#, 1), (#"route_if_exists("$var(n)")"#, 7),
            (#"route_if_exists("NO")"#, -1), (#"usleep("100")"#, 1), (#"sleep("0")"#, 1),
            (#"$var(t) = -1; usleep("$var(t)")"#, -1),
            ("pkg_status()", 1), ("shm_status()", 1), ("pkg_summary()", 1), ("shm_summary()", 1),
        ]
        let globals =
            CfgutilsTests.locks + "modparam(\"cfgutils\", \"initial_gflags\", 0x80000000)\nroute[A] { return 7; }"
        let codes = try Probe.codes(["pv", "cfgutils"], globals: globals, cases.map { $0.0 })
        for (index, one) in cases.enumerated() where index < codes.count {
            #expect(codes[index] == one.1, "\(one.0)")
        }
        #expect(codes.count == cases.count)
    }

    @Test func eventsComeAsOftenAsTheyShould() throws {
        let probe = try Probe(
            ["sl", "cfgutils"], globals: "modparam(\"cfgutils\", \"initial_probability\", 30)",
            script: """
                $var(i) = 0; $var(n) = 0; $var(high) = 0;
                while ($var(i) < 40) {
                    $var(j) = 0;
                    while ($var(j) < 100) {
                        if (rand_event()) $var(n) = $var(n) + 1;
                        $var(r) = $RANDOM;
                        if ($var(r) < 0 || $var(r) > 2147483647) { sl_send_reply("500", "range"); exit; }
                        if ($var(r) > 1073741823) $var(high) = $var(high) + 1;
                        $var(j) = $var(j) + 1;
                    }
                    $var(i) = $var(i) + 1;
                }
                sl_send_reply("200", "$var(n) $var(high)");
                """)
        let counts = try probe.ask(probe.request(id: "chance")).reason.split(separator: " ").compactMap { Int($0) }
        #expect(counts.count == 2)
        // Six standard deviations.
        #expect(1026...1374 ~= (counts.first ?? 0))
        #expect(1810...2190 ~= (counts.last ?? 0))
    }

    @Test func theRoutesExitEndsTheScript() throws {
        let probe = try Probe(
            ["sl", "cfgutils"], globals: "route[EX] { sl_send_reply(\"200\", \"in\"); exit; }",
            script: #"route_if_exists("EX"); sl_send_reply("500", "behind");"#)
        let reply = try probe.ask(probe.request(id: "exit"))
        #expect(reply.reason == "in")
        let second = probe.client.datagram(within: .milliseconds(200))
        #expect(second == nil)
    }

    /// One worker serves others while a script sleeps, which goes on when its time is over.
    @Test func aSleepingScriptHoldsNobodyUp() throws {
        let probe = try Probe(
            ["sl", "cfgutils"], arguments: ["-n", "1"],
            script: """
                if ($rU == "hour") { sl_send_reply("183", "begins"); sleep("3600"); sl_send_reply("200", "slept"); exit; }
                if ($rU == "nap") { usleep("50000"); sl_send_reply("200", "slept"); exit; }
                sl_send_reply("200", "quick");
                """)
        try probe.client.send(probe.request(user: "hour", id: "hour"), to: probe.server.port)
        let begins = try probe.client.receive().message
        #expect(begins.reason == "begins")
        let other = try UDPClient()
        for (user, reason) in [("quick", "quick"), ("nap", "slept")] {
            let request = SIPText.request(
                "OPTIONS", "sip:\(user)@\(probe.server.address)", from: other.address, id: user)
            let reply = try other.exchange(request, with: probe.server.port)
            #expect(reply.reason == reason)
        }
        let early = probe.client.datagram(within: .milliseconds(100))
        #expect(early == nil)
    }

    /// What a lock guards is never done by two runs at once, on whichever workers, and nobody who waits is forgotten.
    @Test func locksExcludeAndForgetNobody() throws {
        let probe = try Probe(
            ["sl", "pv", "cfgutils"], arguments: ["-n", "4"],
            globals: CfgutilsTests.locks + "modparam(\"cfgutils\", \"lock_timeout\", 60000)",
            script: """
                if ($rU == "ask") { sl_send_reply("200", "$shv(runs) $shv(clashes)"); exit; }
                if (!lock("one")) { sl_send_reply("500", "no lock"); exit; }
                if ($shv(inside) == 1) $shv(clashes) = $shv(clashes) + 1;
                $shv(inside) = 1;
                usleep("1000");
                $shv(runs) = $shv(runs) + 1;
                $shv(inside) = 0;
                unlock("one");
                sl_send_reply("200", "OK");
                """)
        let count = 200
        for index in 0..<count { try probe.client.send(probe.request(id: "lock-\(index)"), to: probe.server.port) }
        var answered = 0
        while answered < count, let datagram = probe.client.datagram(within: .seconds(20)) {
            if SIPText(String(decoding: datagram.bytes, as: UTF8.self)).reason == "OK" { answered += 1 }
        }
        #expect(answered == count)
        let sum = try probe.ask(probe.request(user: "ask", id: "sum"))
        #expect(sum.reason == "\(count) 0")
    }

    /// Whoever has the lock keeps it for longer than any machine takes to find that out.
    @Test func aLockIsWaitedForNoLongerThanAllowed() throws {
        let probe = try Probe(
            ["sl", "cfgutils"], arguments: ["-n", "2"],
            globals: CfgutilsTests.locks + "modparam(\"cfgutils\", \"lock_timeout\", 100)",
            script: """
                if ($rU == "holder") { lock("x"); sl_send_reply("200", "held"); sleep("3600"); unlock("x"); exit; }
                if (lock("x")) sl_send_reply("200", "got it"); else sl_send_reply("503", "in vain");
                """)
        let held = try probe.ask(probe.request(user: "holder", id: "holder"))
        #expect(held.reason == "held")
        let other = try UDPClient()
        let waited = try other.exchange(
            SIPText.request("OPTIONS", "sip:other@\(probe.server.address)", from: other.address, id: "other"),
            with: probe.server.port)
        #expect(waited.reason == "in vain")
        try probe.server.waitForLog("the lock was not released in time")
    }

    /// A script that ends, or fails, with a lock gives it to whoever waits.
    @Test func forgottenLocksAreReleased() throws {
        let probe = try Probe(
            ["sl", "cfgutils"], arguments: ["-n", "2"], globals: CfgutilsTests.locks,
            script: """
                if (!lock("x")) { sl_send_reply("500", "not released"); exit; }
                usleep("20000");
                sl_send_reply("200", "OK");
                """)
        for index in 0..<6 { try probe.client.send(probe.request(id: "left-\(index)"), to: probe.server.port) }
        for _ in 0..<6 {
            guard let datagram = probe.client.datagram(within: .seconds(10)) else {
                Issue.record("a run never got the lock")
                return
            }
            #expect(SIPText(String(decoding: datagram.bytes, as: UTF8.self)).reason == "OK")
        }
        try probe.server.waitForLog("a lock is released since its script has ended: taken in ")
    }

    @Test func mistakesAreFoundAtStart() throws {
        func check(_ globals: String, _ statement: String) throws -> String {
            try Server.check(
                """
                loadmodule "cfgutils.so"
                \(globals)
                request_route { \(statement) }
                """
            ).output
        }
        let cases: [(String, String, String)] = [
            ("", #"rand_set_prob("101");"#, "a probability is 0 to 100 percent"),
            ("", #"lock("x");"#, "there are no locks: set modparam"),
            ("", #"sleep("-1");"#, "a time is not negative"),
            ("", #"set_gflag("32");"#, "is a flag: 0 to 31"),
            ("", #"core_hash("a", "b", "31");"#, "a hash has 0 to 30 bits"),
            ("", "abort();", "`abort` ends the server"),
            ("onsend_route { sleep(\"1\"); }", "exit;", "`sleep` may not be called in"),
        ]
        for (globals, statement, complaint) in cases {
            let errors = try check(globals, statement)
            #expect(errors.contains(complaint), "\(statement): \(errors)")
        }
        let clean = try check("", #"check_route_exists("NO"); route_if_exists("NO");"#)
        #expect(!clean.contains("NO"))
    }

    @Test func operatorsSeeAndChange() throws {
        let folder = try TemporaryFolder()
        let watched = try folder.write("watched", "one\n")
        let server = try Server { port in
            """
            listen=udp:127.0.0.1:\(port)
            loadmodule "cfgutils.so"
            modparam("cfgutils", "hash_file", "\(watched)")
            \((try? RPCDoor.config(folder.path)) ?? "")
            request_route { exit; }

            """
        }
        let door = try RPCDoor(folder.path)
        try door.expect("cfgutils.get_gflags", is: "\"0x0 (0)\"")
        try door.expect("cfgutils.set_gflag", ["5"], is: "null")
        try door.expect("cfgutils.get_gflags", is: "\"0x5 (5)\"")
        try door.expect("cfgutils.is_gflag", ["5"], is: "\"TRUE\"")
        try door.expect("cfgutils.is_gflag", ["7"], is: "\"FALSE\"")
        try door.expect("cfgutils.reset_gflag", ["1"], is: "null")
        try door.expect("cfgutils.get_gflags", is: "\"0x4 (4)\"")
        try door.expect("cfgutils.set_gflag", ["-1"], code: 500, is: "Invalid Parameters")
        try door.expect("cfgutils.rand_get_prob", is: "\"actual probability: 10 percent\"")
        try door.expect("cfgutils.rand_set_prob", ["50"], is: "null")
        try door.expect("cfgutils.rand_get_prob", is: "\"actual probability: 50 percent\"")
        try door.expect("cfgutils.rand_set_prob", ["101"], code: 500, is: "Invalid Percent")
        try door.expect("cfgutils.rand_reset_prob", is: "null")
        try door.expect("cfgutils.rand_get_prob", is: "\"actual probability: 10 percent\"")
        // `printf 'one\n' | md5sum`
        try door.expect("cfgutils.get_config_hash", is: "\"5bbf5a52328e7439ae6e719dfe712200\"")
        try door.expect("cfgutils.check_config_hash", is: "\"Identical hash\"")
        try folder.write("watched", "two\n")
        try door.expect("cfgutils.check_config_hash", is: "\"Different hash\"")
        let status = server.status
        #expect(status == nil)
    }
}
