import Testing

/// Runs that a module starts: from a hook, from a timer, from a function; in place or on a copy; with AVPs in common.
@Suite struct OwnRunsTests {
    private let script = """
        log_prefix="<$rm> "
        request_route {
            $var(result) = 55;
            switch ($rU) {
                case "place": $var(result) = own("CHANGES", 1); break;
                case "copy": $var(result) = own("CHANGES", 0); break;
                case "exits": $var(result) = own("EXITS", 1); break;
                case "drops": $var(result) = own("DROPS", 1); break;
                case "waits": $var(result) = own("WAITS", 0); wait(200); break;
                case "deep": $var(result) = own("DEEP", 1); break;
                case "later": $var(result) = own_later("LATER"); break;
                case "shared":
                    $avp(given) = "mine";
                    $var(result) = shared("SHARES");
                    wait(200);
                    xlog("L_NOTICE", "after the others\\n");
                    break;
            }
            $var(flags) = "-";
            if (isflagset(3)) $var(flags) = "3";
            if (isflagset(10)) $var(flags) = "bad";
            sl_send_reply("200", "$var(result) $rU $var(flags) $mark $avp(given) $(avp(found)[*]) $xavp(x=>y)");
        }
        route[CHANGES] {
            if ($mark != 1 || !isflagset(9)) return -50;
            $rU = "changed";
            setflag(3);
            $avp(given) = "of another run";
            return 7;
        }
        route[EXITS] { $rU = "changed"; exit; }
        route[DROPS] { $rU = "changed"; drop; }
        route[WAITS] { wait(20); $rU = "changed"; return 7; }
        route[HOOK] { setflag(3); if ($mark != 1) return -50; return 7; }
        route[DEEP] { $var(depth) = $avp(x); own("DEEP", 1); $avp(given) = "not mine"; return $rc; }
        route[LATER] { if ($ru != "sip:you@localhost") return -51; wait(20); return 42; }
        route[SHARES] {
            $avp(found) = $avp(given);
            wait(50);
            $avp(found) = "after a wait";
            $avp(given) = $null;
            $avp(given) = "changed";
            $xavp(x=>y) = "z";
        }
        """

    @Test func everyWayToStartARun() throws {
        let folder = try TemporaryFolder()
        for name in ["waits", "runs"] { try CModule.build(name, into: folder.path) }
        let path = folder.path
        let server = try Server { port in
            """
            children=1
            listen=udp:127.0.0.1:\(port)
            loadpath "\(path)"
            loadmodule "sl.so"
            loadmodule "pv.so"
            loadmodule "xlog.so"
            loadmodule "waits.so"
            loadmodule "runs.so"
            \(script)

            """
        }
        let none = "<null> <null> <null>"
        let expected = [
            // The run's changes are in the message itself, but its AVPs are its own.
            "place": "7 changed 3 1 \(none)",
            "copy": "7 copy - 0 \(none)",
            "exits": "101 changed - 1 \(none)",
            "drops": "300 changed - 1 \(none)",
            "waits": "1000 waits - 0 \(none)",
            "hooked": "55 hooked 3 1 \(none)",
            // The sixteenth cannot begin: it ends at once, -1 as if it had exited, and all others go on.
            "deep": "99 deep - 1 \(none)",
            "later": "42 later - 0 \(none)",
            "shared": "1000 shared - 0 changed after a wait, mine z",
        ]
        for (user, result) in expected {
            let client = try UDPClient()
            let text = SIPText.request(
                "OPTIONS", "sip:\(user)@127.0.0.1:\(server.port)", from: client.address, id: "own-\(user)")
            let line = try client.exchange(text, with: server.port, within: .seconds(20)).startLine
            #expect(line == "SIP/2.0 200 \(result)", "\(server.log)")
        }
        let lines = server.log.split(separator: "\n")
        // The prefix of the run that logs, and again after other runs of the worker.
        #expect(lines.contains { $0.contains("<OPTIONS> <script>: after the others") }, "\(server.log)")
        #expect(lines.contains { $0.contains("<OPTIONS> runs are started inside of runs") }, "\(server.log)")
    }
}
