import Testing

/// What a reload does not take: mistakes, and what needs a restart. And the parameters that it does take.
@Suite struct ReloadRefusalTests {
    private static let script = """
        alias="one.test"
        modparam("tm", "fr_timer", 4000)
        modparam("tm", "default_code", 500)
        modparam("tm", "loop_checks", 0)
        modparam("xlog", "buf_size", 4096)
        max_while_loops=10
        pstn.gw_ip = "192.0.2.1" desc "the gateway"
        request_route {
            $var(i) = 0;
            while (1) { $var(i) = $var(i) + 1; }
            sl_send_reply("200", "$sel(cfg_get.pstn.gw_ip) $sel(cfg_get.tm.fr_timer) $var(i)");
        }

        """

    private func expectUnchanged(_ server: borrowing Reloadable, _ id: String) throws {
        #expect(try server.ask(id: id) == "192.0.2.1 4000 10")
        #expect(try server.versions() == [1])
    }

    @Test func mistakesChangeNothing() throws {
        let server = try Reloadable(Self.script)
        try expectUnchanged(server, "before")
        try server.write(Self.script.replacing("sl_send_reply(", with: "sl_send_replie("))
        let answer = try server.door.call("core.reload")
        #expect(answer.code == 400)
        let file = server.server.folder.path + "/apus.cfg"
        let check = try run(Products.path("apus"), ["-c", "-f", file])
        // As the check prints them.
        let summary = "1 error, 1 warning: nothing was changed"
        #expect(answer.json.hasSuffix(summary), "\(answer.json)")
        #expect(check.output.hasPrefix(String(answer.json.dropLast(summary.count))), "\(check.output)")
        #expect(
            answer.json.hasPrefix(file + ":26:12: warning: ") && answer.json.contains("did you mean `sl_send_reply`?"))
        try server.server.waitForLog("unknown function `sl_send_replie`")
        try expectUnchanged(server, "after")
        try server.reload(Self.script.replacing("$var(i)\")", with: "mended\")"))
        #expect(try server.ask(id: "mended") == "192.0.2.1 4000 mended")
    }

    /// One change each that only a start can make, and what is said about it.
    private static let restarts: [(old: String, new: String, says: String)] = [
        ("children=2", "children=3", ":2:1: error: `children` is 3, was 2, which needs a restart"),
        ("children=2", "children=2\ndisable_tcp=yes", "error: `disable_tcp` is 1, was not set, which needs a restart"),
        ("listen=", "listen=udp:127.0.0.1:9 listen=", "error: `listen` udp:127.0.0.1:9 is new, which needs a restart"),
        (#"alias="one.test""#, #"alias="two.test""#, "error: `alias` two.test is new, which needs a restart"),
        (#"alias="one.test""#, "", "error: `alias` one.test is gone, which needs a restart"),
        (#"loadmodule "textops.so""#, "", "error: module textops is gone, which needs a restart"),
        (
            #"loadmodule "textops.so""#, #"loadmodule "textops.so" loadmodule "maxfwd.so""#,
            "error: module maxfwd is new, which needs a restart"
        ),
        (
            "loadmodule \"pv.so\"\nloadmodule \"xlog.so\"", "loadmodule \"xlog.so\"\nloadmodule \"pv.so\"",
            "error: module `xlog` is loaded at another place, which needs a restart"
        ),
        (
            #""loop_checks", 0"#, #""loop_checks", 1"#,
            "error: parameter `loop_checks` of module `tm` is 1, was 0, which needs a restart"
        ),
        (
            #"modparam("tm", "fr_timer", 4000)"#, "",
            "error: parameter `fr_timer` of module `tm` is not set any more, and what it is then is known at a start only"
        ),
        ("pstn.gw_ip =", "pstn.gw_name = \"x\"\npstn.gw_ip =", "error: parameter `pstn.gw_name` is new, which needs"),
        (#"pstn.gw_ip = "192.0.2.1""#, "pstn.gw_ip = 7", "error: parameter `pstn.gw_ip` has another type, which needs"),
        ("#!KAMAILIO", "#!SER", ":1:1: error: the config's dialect is another one, which needs a restart"),
    ]

    @Test func whatNeedsARestartIsRefused() throws {
        let server = try Reloadable(Self.script)
        for (index, (old, new, says)) in Self.restarts.enumerated() {
            try server.write(Self.script) { text in
                #expect(text.contains(old), "\(old)")
                return text.replacing(old, with: new)
            }
            let answer = try server.door.call("core.reload")
            #expect(answer.code == 409, "\(new): \(answer)")
            #expect(answer.json.contains(says), "\(new): \(answer.json)")
            #expect(answer.json.hasSuffix(": nothing was changed"), "\(answer.json)")
            if index % 4 == 0 { try expectUnchanged(server, "refused-\(index)") }
        }
        // A line that is gone is named by its old place.
        try server.write(Self.script.replacing(#"alias="one.test""#, with: ""))
        let answer = try server.door.call("core.reload").json
        #expect(answer.contains("note: it stood at \(server.server.folder.path)/apus.cfg:"), "\(answer)")
        // Two at once are both named.
        try server.write(Self.script) {
            $0.replacing("children=2", with: "children=4").replacing("one.test", with: "x.test")
        }
        let both = try server.door.call("core.reload").json
        #expect(both.contains("`children` is 4") && both.contains("x.test is new") && both.contains("3 errors"))
        try expectUnchanged(server, "at-last")
        try server.write(Self.script)
        #expect(try server.reload() == #"{"version":2,"changed":[]}"#)
    }

    /// What no start would take: a modparam above its loadmodule line, a parameter that there is not.
    @Test func mistakesInParametersAreMistakes() throws {
        let line = #"modparam("xlog", "buf_size", 4096)"#
        let server = try Reloadable(Self.script)
        try server.write(Self.script.replacing(line, with: "")) {
            $0.replacing("children=2", with: "children=2\n\(line)")
        }
        let answer = try server.door.call("core.reload")
        #expect(answer.code == 400 && answer.json.contains("error: module `xlog` is not loaded yet"), "\(answer)")
        try server.write(Self.script.replacing(#""buf_size""#, with: #""buf_sise""#))
        let unknown = try server.door.call("core.reload")
        #expect(
            unknown.code == 400 && unknown.json.contains("error: module `xlog` has no parameter `buf_sise`"),
            "\(unknown)")
        try expectUnchanged(server, "order")
    }

    /// Parameters that may change follow the config; what an operator has set stays where the config has not changed.
    @Test func parametersFollow() throws {
        let server = try Reloadable(Self.script)
        try server.door.expect("cfg.seti", ["tm", "default_code", "503"], is: "null")
        try server.write(
            Self.script.replacing("192.0.2.1", with: "192.0.2.9").replacing("4000", with: "\"7s\"")
                .replacing("max_while_loops=10", with: "max_while_loops=20\ndebug=1\ndns_try_ipv6=no"))
        #expect(
            try server.reload()
                == #"{"version":2,"changed":["dns_try_ipv6","max_while_loops","tm.fr_timer","pstn.gw_ip"]}"#)
        #expect(try server.ask(id: "followed") == "192.0.2.9 7000 20")
        try server.door.expect("cfg.get", ["tm", "default_code"], is: "503")
        try server.door.expect("cfg.get", ["core", "dns_try_ipv6"], is: "0")
        try server.server.waitForLog("tm.fr_timer is 7000, was 4000")
        #expect(try server.reload() == #"{"version":3,"changed":[]}"#)
        // A value out of its range is told of, and the nearest one taken, as at a start.
        try server.write(Self.script.replacing(#""default_code", 500"#, with: #""default_code", 100"#))
        try server.reload()
        try server.server.waitForLog("not 100: 400 is used")
        try server.door.expect("cfg.get", ["tm", "default_code"], is: "400")
        // Back to what the parameter is without a line.
        try server.write(Self.script.replacing(#"modparam("tm", "default_code", 500)"#, with: ""))
        try server.reload()
        try server.door.expect("cfg.get", ["tm", "default_code"], is: "500")
        #expect(try server.ask(id: "back") == "192.0.2.1 4000 10")
    }

    @Test func standardInputIsReadOnce() throws {
        let folder = try TemporaryFolder()
        let door = try RPCDoor.config(folder.path)
        let port = try Ports.free()
        let file = try folder.write(
            "in.cfg", "listen=udp:127.0.0.1:\(port)\n\(door)request_route { exit; }\n")
        let child = try Child(
            "/bin/sh", ["-c", "exec '\(try Products.path("apus"))' -f - -DD -E --debug=2 < '\(file)'"],
            folder: folder.path)
        try child.waitForErrors(Server.readyText, within: .seconds(20))
        try RPCDoor(folder.path).expect(
            "core.reload", code: 409, is: "the config came by standard input: it cannot be read again")
    }

    /// The lines are printed as they are, for people and editors.
    @Test func apusctlPrintsThem() throws {
        let folder = try TemporaryFolder()
        let path = folder.path
        let text = """
            loadmodule "ctl.so"
            loadmodule "sl.so"
            modparam("ctl", "binrpc", "unixs:\(path)/ctl")
            request_route { sl_send_reply("200", "OK"); }

            """
        let server = try Server { "listen=udp:127.0.0.1:\($0)\n" + text }
        let good = try Apusctl.run(["-s", path + "/ctl", "reload"], folder: folder)
        #expect(good.status == .exited(0) && good.output.contains("version: 2"), "\(good)")
        let file = try server.folder.write(
            "apus.cfg", "listen=udp:127.0.0.1:\(server.port)\n" + text.replacing("200", with: "2000"))
        let bad = try Apusctl.run(["-s", path + "/ctl", "reload"], folder: folder)
        #expect(bad.status == .exited(1) && bad.output.isEmpty)
        #expect(bad.errors.hasPrefix("\(file):5:"), "\(bad.errors)")
        #expect(bad.errors.hasSuffix("1 error: nothing was changed\n"), "\(bad.errors)")
        let json = try Apusctl.run(["-s", path + "/ctl", "--json", "reload"], folder: folder)
        #expect(json.status == .exited(1) && json.output.hasPrefix(#"{"error":{"code":400,"message":"\#(file):5:"#))
    }
}
