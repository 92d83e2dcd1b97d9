import Testing

@Suite struct KexTests {
    /// The level changes for the run that says so, also when it goes on after a wait, and for nobody else.
    @Test func oneRunLogsMore() throws {
        let probe = try Probe(
            ["sl", "xlog", "kex", "cfgutils"], arguments: ["-n", "1"],
            script: """
                if ($rU == "loud") { setdebug("3"); usleep("1000"); }
                if ($rU == "both") { setdebug("3"); xdbg("first\\n"); resetdebug(); }
                if ($rU == "quiet") setdebug("-2");
                xdbg("detail of $rU\\n");
                xerr("error of $rU\\n");
                sl_send_reply("200", "OK");
                """)
        for user in ["plain", "loud", "both", "quiet", "later"] {
            let reply = try probe.ask(probe.request(user: user, id: user))
            #expect(reply.statusCode == 200)
        }
        try probe.server.waitForLog("error of later")
        let log = probe.server.log
        #expect(log.contains("detail of loud"))
        #expect(log.contains("first"))
        for user in ["plain", "both", "quiet", "later"] { #expect(!log.contains("detail of \(user)"), "\(user)") }
        #expect(!log.contains("error of quiet"))
        #expect(log.contains("error of both"))
    }

    /// What Kamailio has in kex is the server's own here, and stays there when the module is loaded. The results are those of Kamailio 5.6.
    @Test(arguments: [["sl", "pv"], ["sl", "pv", "kex"]])
    func flagsAndDestinationsStay(modules: [String]) throws {
        let cases: [(String, Bool)] = [
            (#"setbflag("3")"#, true), (#"isbflagset("3")"#, true), (#"resetbflag("3")"#, true),
            (#"isbflagset("3")"#, false), (#"setsflag("1")"#, true), (#"issflagset("1")"#, true),
            (#"resetsflag("1")"#, true), (#"issflagset("1")"#, false), ("isdsturiset()", false),
            (#"setdsturi("sip:192.0.2.1")"#, true), ("isdsturiset()", true), ("resetdsturi()", true),
            ("isdsturiset()", false),
        ]
        try expect(cases, modules)
    }

    @Test func textsAndNames() throws {
        try expect(
            [
                (#"pv_printf("$var(x)", "$rm") && $var(x) == "OPTIONS""#, true),
                (#"avp_printf("$avp(x)", "$rm") && $avp(x) == "OPTIONS""#, true),
                (#"is_myself("sip:127.0.0.1:PORT")"#, true), (#"is_myself("sip:127.0.0.1:1")"#, false),
                (#"is_myself("sip:127.0.0.1")"#, true), (#"is_myself("127.0.0.1")"#, true),
                (#"is_myhost("sip:127.0.0.1:1")"#, true), (#"is_myhost("127.0.0.1")"#, true),
                (#"is_myself("sip:192.0.2.1")"#, false), (#"is_myhost("192.0.2.1")"#, false),
                (#"$sruid =~ "^srid-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+$""#, true), ("$sruid != $sruid", true),
            ], ["sl", "pv", "kex"])
    }

    private func expect(_ cases: [(String, Bool)], _ modules: [String]) throws {
        let script = cases.map { "if (\($0.0)) $var(o) = $var(o) + \"1\"; else $var(o) = $var(o) + \"0\";\n" }
        let probe = try Probe(
            modules, script: "$var(o) = \"\";\n\(script.joined()) sl_send_reply(\"200\", \"<$var(o)>\");")
        let found = try probe.ask(probe.request(id: "results")).reason.dropFirst().dropLast()
        for (result, one) in zip(found, cases) { #expect((result == "1") == one.1, "\(one.0)") }
        #expect(found.count == cases.count)
    }
}
