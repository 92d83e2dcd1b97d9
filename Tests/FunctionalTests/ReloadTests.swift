import Glibc
import Testing

/// core.reload: new messages go by the new script, what has begun by the old one.
@Suite struct ReloadTests {
    private func answering(_ text: String, before: String = "") -> String {
        """
        \(before)
        request_route {
            sl_send_reply("200", "\(text)");
        }

        """
    }

    @Test func newMessagesGoByTheNewScript() throws {
        let server = try Reloadable(answering("one"))
        #expect(try server.ask(id: "1") == "one")
        #expect(try server.versions() == [1])
        #expect(try server.reload() == #"{"version":2,"changed":[]}"#)
        let answer = try server.reload(
            """
            #!define GATEWAY "192.0.2.1"
            flags FLAG_NEW;
            event_route[core:pre-routing] { xnotice("pre-routing sees $ci\\n"); }
            request_route { $var(a) = 1; setflag(FLAG_NEW); route(TWO); }
            route[TWO] { sl_send_reply("200", "two " + $var(a) + " " + GATEWAY); }

            """)
        #expect(
            answer
                == #"{"version":3,"changed":["event_route[core:pre-routing] (new)","request_route","route[TWO] (new)","#
                + #""flag FLAG_NEW (new)","define GATEWAY (new)"]}"#)
        #expect(try server.ask(id: "2") == "two 1 192.0.2.1")
        try server.server.waitForLog("pre-routing sees 2")
        try server.server.waitForLog("script 3 is in force")
        #expect(
            try server.reload(answering("three"))
                == #"{"version":4,"changed":["event_route[core:pre-routing] (gone)","request_route","route[TWO] (gone)","#
                + #""flag FLAG_NEW (gone)","define GATEWAY (gone)"]}"#)
        #expect(try server.ask(id: "3") == "three")
        try server.waitForOne()
        #expect(try server.versions() == [4])
    }

    /// Everything that compiled scripts hold is made and ended many times.
    @Test func scriptsThatAreNotNeededEnd() throws {
        func script(_ number: Int) -> String {
            """
            request_route {
                $var(text) = "abc";
                if ($var(text) =~ "^a(\(number))?b") $var(text) = $(var(text){s.replace,b,\(number)});
                subst("/^X-Number: .*$/X-Number: $var(text)/i");
                if (is_method("OPTIONS|INFO") && t_newtran()) t_reply("200", "$var(text)");
            }
            failure_route[F\(number)] { exit; }

            """
        }
        let server = try Reloadable(script(1))
        for number in 2...60 {
            try server.reload(script(number))
            if number % 10 == 0 { #expect(try server.ask(id: "many-\(number)") == "a\(number)c") }
        }
        try server.waitForOne()
        #expect(try server.versions() == [60])
        #expect(server.server.status == nil)
    }

    /// What was armed by the old script runs as it stood there, though the new one has a route of that name elsewhere.
    @Test func aTransactionKeepsItsRoutes() throws {
        func script(_ word: String, before: String = "") -> String {
            """
            \(before)
            request_route {
                t_on_failure("F"); t_on_reply("R"); t_on_branch("B");
                $avp(word) = "\(word)";
                $ru = "sip:x@NEXT";
                t_relay();
            }
            branch_route[B] { append_hf("X-Branch: \(word)\\r\\n"); }
            onreply_route[R] { append_hf("X-Reply: \(word)\\r\\n"); }
            failure_route[F] {
                if (t_check_status("503")) { t_on_failure("F"); $ru = "sip:y@NEXT"; t_relay(); exit; }
                t_reply("480", "\(word) $avp(word)");
            }

            """
        }
        let server = try Reloadable(script("old"))
        try server.client.send(server.request("INVITE", id: "first"), to: server.server.port)
        let first = try server.nextHop.request("INVITE")
        #expect(first.header("X-Branch") == "old")
        let more = "route[MORE] { $var(x) = 1; $var(y) = 2; switch ($var(x)) { case 2: exit; } xinfo(\"more\\n\"); }"
        try server.reload(script("new", before: more))
        #expect(try server.versions() == [2, 1])
        let port = server.server.port
        // A second leg of the old call goes by the old script, too.
        try server.nextHop.send(first.response(503, "Busy"), to: port)
        var second = first
        while second.branch == first.branch { second = try server.nextHop.request("INVITE") }
        #expect(second.header("X-Branch") == "old")
        try server.nextHop.send(second.response(180, "Ringing"), to: port)
        #expect(try server.client.reply(180).header("X-Reply") == "old")
        #expect(try server.versions() == [2, 1])
        try server.nextHop.send(second.response(486, "Busy"), to: port)
        let reply = try server.client.reply(480)
        #expect(reply.startLine == "SIP/2.0 480 old old")
        try server.client.send(SIPText.ack(server.request("INVITE", id: "first"), reply), to: port)
        let caller = try UDPClient()
        let invite = SIPText.request("INVITE", "sip:x@\(server.server.address)", from: caller.address, id: "second")
        try caller.send(invite, to: port)
        var fresh = try server.nextHop.request("INVITE")
        while fresh.header("Call-ID") != SIPText(invite).header("Call-ID") {
            fresh = try server.nextHop.request("INVITE")
        }
        #expect(fresh.header("X-Branch") == "new")
        try server.nextHop.send(fresh.response(486, "Busy"), to: port)
        let other = try caller.reply(480)
        #expect(other.startLine == "SIP/2.0 480 new new")
        try caller.send(SIPText.ack(invite, other), to: port)
        try server.waitForOne()
    }

    /// A script that waits goes on in the text that it began with, blocks named at run time included.
    @Test func aScriptThatWaitsGoesOn() throws {
        func script(_ word: String, before: String = "") -> String {
            """
            \(before)
            request_route {
                $var(before) = "\(word)";
                xnotice("begins: $rU\\n");
                if ($rU == "waits") wait_never(1200);
                if ($rU == "runs") { $var(x) = run_route("WAITS"); $var(x) = run_route("TELLS"); }
                route("TE" + "LLS");
                sl_send_reply("200", "\(word) $var(before) $var(told)");
            }
            route[WAITS] { wait_never(1200); }
            route[TELLS] { $var(told) = "\(word)"; }

            """
        }
        let server = try Reloadable(script("old"), tests: ["waits"])
        try server.client.send(server.request(user: "waits", id: "waits"), to: server.server.port)
        let second = try UDPClient()
        try second.send(
            SIPText.request("OPTIONS", "sip:runs@\(server.server.address)", from: second.address, id: "runs"),
            to: server.server.port)
        // Else they might come when the new script is in force.
        try server.server.waitForLog("begins: waits")
        try server.server.waitForLog("begins: runs")
        try server.reload(
            script("new", before: "route[FIRST] { $var(a) = 1; $var(b) = 2; $var(c) = 3; xinfo(\"$var(a)\\n\"); }"))
        #expect(try server.ask(id: "between") == "new new new")
        #expect(try server.versions() == [2, 1])
        let waited = try server.client.reply(200).startLine
        #expect(waited == "SIP/2.0 200 old old old")
        #expect(try second.reply(200).startLine == "SIP/2.0 200 old old old")
        try server.waitForOne()
    }

    /// A transaction that an old script has parked goes on in the route of the message that continues it; within that run the routes are those of
    /// its own script, and what is not there any more is left out.
    @Test(arguments: [true, false]) func aParkedTransactionGoesOnInTheNewScript(hasBranchRoute: Bool) throws {
        func script(_ word: String, _ hasBranchRoute: Bool, before: String = "") -> String {
            """
            \(before)
            request_route {
                if ($rU == "go") {
                    t_continue("$hdr(X-Index)", "$hdr(X-Label)", "GO");
                    sl_send_reply("200", "$rc");
                    exit;
                }
                \(hasBranchRoute ? "t_on_branch(\"B\");" : "")
                t_on_failure("F");
                $avp(by) = "\(word)";
                t_suspend();
                sl_send_reply("199", "$T(id_index) $T(id_label)");
            }
            route[GO] { $avp(then) = "\(word)"; $ru = "sip:x@NEXT"; t_relay(); }
            \(hasBranchRoute ? "branch_route[B] { append_hf(\"X-Branch: \(word)\\r\\n\"); }" : "")
            failure_route[F] { t_reply("480", "\(word) $avp(by) $avp(then)"); }

            """
        }
        let server = try Reloadable(script("old", true), modules: ["tmx"])
        let port = server.server.port
        try server.client.send(server.request("INVITE", id: "parks"), to: port)
        let place = try server.client.reply(199).reason.split(separator: " ")
        try server.reload(script("new", hasBranchRoute, before: "route[X] { $var(a) = 1; $var(b) = $var(a) + 7; }"))
        let headers = ["X-Index: \(place[0])", "X-Label: \(place[1])"]
        #expect(try server.ask("go", id: "go", headers: headers) == "1")
        let request = try server.nextHop.request("INVITE")
        #expect(request.header("X-Branch") == (hasBranchRoute ? "new" : nil))
        try server.nextHop.send(request.response(486, "Busy"), to: port)
        // The failure route is the one that was armed.
        let reply = try server.client.reply(480)
        #expect(reply.startLine == "SIP/2.0 480 old old new")
        try server.client.send(SIPText.ack(server.request("INVITE", id: "parks"), reply), to: port)
        try server.waitForOne()
    }

    /// Texts that modules compiled when they started go by the numbers that `$var`s had then.
    @Test func modulesFindTheirVariables() throws {
        func script(_ first: String) -> String {
            """
            modparam("acc", "log_extra", "kept=$var(kept);spare=$var(spare)")
            modparam("acc", "log_level", -1)
            request_route {
                \(first)
                $var(kept) = "right";
                acc_log_request("tells");
                sl_send_reply("200", "$var(kept)");
            }

            """
        }
        let server = try Reloadable(script(""), modules: ["acc"])
        _ = try server.ask(id: "before")
        try server.server.waitForLog("kept=right")
        try server.reload(script((0..<30).map { "$var(other\($0)) = \"wrong\"; " }.joined()))
        let before = server.server.log.split(separator: "kept=right").count
        _ = try server.ask(id: "after")
        let isTold = until { server.server.log.split(separator: "kept=right").count > before }
        #expect(isTold, "\(server.server.log)")
        #expect(!server.server.log.contains("=wrong"))
    }

    /// While the config is read nobody waits for it, and a second reload is refused. What is read is a FIFO that nobody fills.
    @Test func oneReloadAtATime() throws {
        let script = """
            include_file "part.cfg"
            request_route { sl_send_reply("200", TEXT); }

            """
        let server = try Reloadable(script, files: ["part.cfg": "#!define TEXT \"one\"\n"])
        let part = server.server.folder.path + "/part.cfg"
        unlink(part)
        #expect(mkfifo(part, 0o600) == 0)
        try server.door.send("core.reload")
        let other = try server.anotherDoor()
        try other.expect("core.echo", ["on"], is: #""on""#)
        try other.expect("core.reload", code: 409, is: "a reload is in progress")
        #expect(try server.ask(id: "meanwhile") == "one")
        try server.server.folder.write("part.cfg", "#!define TEXT \"two\"\n")
        let answer = try server.door.receive()
        #expect(answer.code == 200 && answer.json == #"{"version":2,"changed":["define TEXT"]}"#, "\(answer)")
        #expect(try server.ask(id: "then") == "two")
        unlink(part)
        try server.server.folder.write("part.cfg", "#!define TEXT \"three\"\n")
        #expect(try server.reload() == #"{"version":3,"changed":["define TEXT"]}"#)
    }

    /// The folder in which the server was started counts, wherever it lives.
    @Test func theConfigIsFoundAgain() throws {
        let server = try Reloadable(
            "include_file \"part.cfg\"\n" + answering("one"), files: ["part.cfg": "\n"],
            arguments: ["-f", "apus.cfg", "-w", "/"])
        try server.reload("include_file \"part.cfg\"\n" + answering("two"))
        #expect(try server.ask(id: "found") == "two")
        unlink(server.server.folder.path + "/apus.cfg")
        let answer = try server.door.call("core.reload")
        #expect(
            answer.code == 400
                && answer.json == "cannot read the config apus.cfg: No such file or directory: nothing was changed")
        #expect(try server.ask(id: "still") == "two")
    }

    @Test(arguments: [true, false]) func aHangUpReloadsWhereItIsWanted(isWanted: Bool) throws {
        let wish = isWanted ? "sighup_reload=yes\n" : ""
        let server = try Reloadable(wish + answering("one"))
        try server.write(wish + answering("two"))
        server.server.signal(SIGHUP)
        if isWanted {
            try server.server.waitForLog("script 2 is in force")
            #expect(try server.ask(id: "hung-up") == "two")
        } else {
            // The signal has been dealt with when the next one has.
            server.server.signal(SIGUSR1)
            try server.server.waitForLog("shmem:total_size")
            #expect(try server.ask(id: "hung-up") == "one")
            #expect(try server.versions() == [1])
        }
        #expect(server.server.status == nil)
    }
}
