import Glibc
import Testing

/// Fifty reloads beside calls.
@Suite struct ReloadTrafficTests {
    /// No call fails, whichever script it began with, and no script stays.
    @Test func callsDoNotNotice() throws {
        func script(_ number: Int) -> String {
            """
            \((0..<number % 7).map { "route[FILL\($0)] { $var(a\($0)) = \($0); }\n" }.joined())
            modparam("tm", "retr_timer1", 300)
            modparam("tm", "fr_timer", "20s")
            request_route {
                \(ScriptParts.cancel)
                \(ScriptParts.dialogs)
                t_check_trans();
                if (is_method("INVITE")) {
                    record_route();
                    $avp(script) = "\(number)";
                    wait(20);
                    t_on_failure("NEXT\(number)"); t_on_reply("SEEN\(number)"); t_on_branch("BRANCH\(number)");
                }
                $ru = $hdr(X-First);
                if (!t_relay()) sl_reply_error();
            }
            branch_route[BRANCH\(number)] {
                if ($avp(script) != "\(number)") xerr("branch by another script\\n");
                t_on_reply("SEEN\(number)");
            }
            onreply_route[SEEN\(number)] {
                if ($avp(script) != "\(number)") xerr("reply by another script\\n");
                wait(3);
                if (status == "180") append_hf("X-Rings: 1\\r\\n");
            }
            failure_route[NEXT\(number)] {
                if ($avp(script) != "\(number)") xerr("failure by another script\\n");
                wait(5);
                $ru = $hdr(X-Second);
                t_relay();
            }

            """
        }
        let folder = try TemporaryFolder()
        let (refusingPort, calledPort) = (try Ports.free(), try Ports.free())
        let server = try Reloadable(script(0), modules: ["rr"], tests: ["waits"], workers: 4)
        let refusing = try Sipp(
            "uas-refuse", in: folder, port: refusingPort, calls: 600,
            values: ["status": "500", "reason": "Test", "header": "X-Seen: 1"])
        let called = try Sipp("uas-answer", in: folder, port: calledPort, calls: 600)
        let caller = try Sipp(
            "uac-reloaded", in: folder, calling: server.server.port, calls: 600, atOnce: 100,
            values: ["first": "sip:a@127.0.0.1:\(refusingPort)", "second": "sip:b@127.0.0.1:\(calledPort)"])
        var most = 0
        for number in 1...50 {
            try server.reload(script(number))
            most = max(most, try server.versions().count)
            poll(nil, 0, 60)
        }
        try caller.finish()
        try called.finish()
        try refusing.finish()
        try server.waitForOne()
        #expect(try server.versions() == [51])
        // Else nothing has begun by one script and ended under another.
        #expect(most > 2, "\(most)")
        #expect(!server.server.log.contains("by another script"), "\(server.server.log.suffix(3000))")
        #expect(server.server.status == nil)
    }
}
