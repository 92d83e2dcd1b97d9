import Testing

/// Parameters that change while the server runs.
@Suite struct ChangeableParametersTests {
    private func server(_ folder: borrowing TemporaryFolder) throws -> Server {
        let door = try RPCDoor.config(folder.path)
        return try Server { port in
            """
            #!KAMAILIO
            children=2
            listen=udp:127.0.0.1:\(port)
            \(door)
            loadmodule "sl.so"
            loadmodule "tm.so"
            loadmodule "cfg_rpc.so"
            modparam("tm", "fr_timer", 4000)
            pstn.gw_ip = "192.0.2.1" desc "the gateway"
            pstn.gw_port = 5060
            request_route {
                sl_send_reply("404", "$sel(cfg_get.pstn.gw_ip) $sel(cfg_get.pstn.gw_port) $sel(cfg_get.tm.fr_timer)");
                exit;
            }

            """
        }
    }

    @Test func theNextMessageSeesAChange() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        let client = try UDPClient()
        let port = server.port
        for id in 0..<4 {
            let line = try client.statusLine(ofMessage: "changed-\(id)", to: port)
            #expect(line == "SIP/2.0 404 192.0.2.1 5060 4000")
        }
        try door.expect("cfg.get", ["pstn"], is: #"{"gw_ip":"192.0.2.1","gw_port":5060}"#)
        try door.expect("cfg.sets", ["pstn", "gw_ip", "192.0.2.7"], is: "null")
        try door.expect("cfg.seti", ["tm", "fr_timer", "5000"], is: "null")
        // Behind what runs on every worker all of them have it.
        _ = try door.call("dns.mem_info")
        for id in 4..<12 {
            let line = try client.statusLine(ofMessage: "changed-\(id)", to: port)
            #expect(line == "SIP/2.0 404 192.0.2.7 5060 5000")
        }
        try door.expect("cfg.get", ["tm", "fr_timer"], is: "5000")
        try door.expect("modparam.getn", ["tm", "fr_timer"], is: "5000")
        try door.expect("modparam.gets", ["tm", "fr_timer"], is: #""5000""#)
        try door.expect("modparam.setn", ["tm", "fr_timer", "6000"], is: "null")
        try door.expect("cfg.reset", ["pstn"], is: "null")
        _ = try door.call("dns.mem_info")
        for id in 12..<16 {
            let line = try client.statusLine(ofMessage: "changed-\(id)", to: port)
            #expect(line == "SIP/2.0 404 192.0.2.1 5060 6000")
        }
        try server.waitForLog(#"tm.fr_timer is 5000, was 4000"#)
        #expect(server.status == nil)
    }

    @Test func changesAreCollectedAndMadeAtOnce() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        let client = try UDPClient()
        let port = server.port
        try door.expect("cfg.set_delayed_string", ["pstn", "gw_ip", "192.0.2.8"], is: "null")
        try door.expect("cfg.set_delayed", ["pstn", "gw_port", "5070"], is: "null")
        try door.expect(
            "cfg.diff",
            is: #"[{"group name":"pstn","variable name":"gw_ip","old value":"192.0.2.1","new value":"192.0.2.8"},"#
                + #"{"group name":"pstn","variable name":"gw_port","old value":5060,"new value":5070}]"#)
        let line0 = try client.statusLine(ofMessage: "changed-\(0)", to: port)
        #expect(line0 == "SIP/2.0 404 192.0.2.1 5060 4000")
        try door.expect("cfg.commit", is: "null")
        try door.expect("cfg.diff", is: "[]")
        _ = try door.call("dns.mem_info")
        let line1 = try client.statusLine(ofMessage: "changed-\(1)", to: port)
        #expect(line1 == "SIP/2.0 404 192.0.2.8 5070 4000")
        try door.expect("cfg.set_delayed_int", ["tm", "fr_timer", "1"], is: "null")
        try door.expect("cfg.rollback", is: "null")
        try door.expect("cfg.diff", is: "[]")
        #expect(server.status == nil)
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        for (name, arguments, text) in [
            ("cfg.get", ["x", "y"], "Failed to get the variable"), ("cfg.get", ["x"], "Failed to get the group"),
            ("cfg.set", ["tm", "fr_timer", "abc"], "Failed to set the variable: it is a number"),
            ("cfg.set", ["tm", "hash_size", "1"], "Failed to set the variable: there is none of that name"),
            (
                "cfg.seti", ["tm", "auto_inv_100", "7"],
                "Failed to set the variable: tm.auto_inv_100 is a number from 0 to 1, not 7"
            ),
            (
                "cfg.seti", ["tm", "retr_timer1", "5"],
                "Failed to set the variable: tm.retr_timer1 is a number from 10 to 864000000, not 5"
            ),
            ("cfg.seti", ["pstn", "gw_ip", "7"], "Failed to set the variable: it is a text"),
            ("modparam.setn", ["sl", "default_code", "404"], "there is no parameter sl.default_code that may change"),
        ] {
            try door.send(name, arguments)
            let answer = try door.receive()
            #expect(answer.code == 400 && answer.json == text, "\(name) \(arguments): \(answer)")
        }
        try door.expect("cfg.help", ["pstn", "gw_ip"], is: #""the gateway\n(parameter type is string)""#)
        let list = try door.call("cfg.list").json
        #expect(list.hasPrefix(#"["core: debug","#) && list.contains(#""tm: fr_timer""#))
        #expect(server.status == nil)
    }

    @Test func theCoreTakesItsOwn() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        // The test's server runs with --debug=2.
        try door.expect("cfg.get", ["core", "debug"], is: "2")
        try door.expect("cfg.seti", ["core", "dns_try_ipv6", "0"], is: "null")
        try door.expect("cfg.seti", ["core", "debug", "-1"], is: "null")
        _ = try door.call("dns.mem_info")
        try door.expect("cfg.seti", ["core", "dns_cache_min_ttl", "5"], is: "null")
        try door.expect("cfg.get", ["core", "dns_cache_min_ttl"], is: "5")
        try server.waitForLog("core.debug is -1, was 2")
        let log = server.log
        #expect(!log.contains("core.dns_cache_min_ttl is 5"))
        #expect(server.status == nil)
    }

    /// Instances of a group are made, changed and taken away while the server runs; scripts choose them.
    @Test func instancesComeAndGo() throws {
        let folder = try TemporaryFolder()
        let config = try RPCDoor.config(folder.path)
        let server = try Server { port in
            """
            children=2
            listen=udp:127.0.0.1:\(port)
            \(config)
            loadmodule "sl.so"
            loadmodule "cfg_rpc.so"
            limits.calls = 5
            limits.label = "all"
            limits[2].calls = 7
            request_route {
                if (!cfg_select("limits", 3)) cfg_select("limits", 2);
                sl_send_reply("404", "$sel(cfg_get.limits.calls) $sel(cfg_get.limits.label)");
                exit;
            }

            """
        }
        let door = try RPCDoor(folder.path)
        let client = try UDPClient()
        let port = server.port
        var count = 0
        func expectScript(_ reason: String, location: SourceLocation = #_sourceLocation) throws {
            // Behind what runs on every worker all of them have a change.
            _ = try door.call("dns.mem_info")
            for _ in 0..<4 {
                count += 1
                let line = try client.statusLine(ofMessage: "instance-\(count)", to: port)
                #expect(line == "SIP/2.0 404 \(reason)", sourceLocation: location)
            }
        }
        try expectScript("7 all")
        try door.expect("cfg.list", ["limits"], is: #"["limits: calls","limits: label"]"#)
        try door.expect("cfg.get", ["limits[2]"], is: #"{"calls":7,"label":"all"}"#)
        try door.expect("cfg.get", ["limits[3]"], code: 400, is: "Failed to get the group")
        try door.expect("cfg.add_group_inst", ["limits[3]"], is: "null")
        try door.expect("cfg.add_group_inst", ["limits[3]"], is: "null")
        try expectScript("5 all")
        try door.expect("cfg.seti", ["limits[3]", "calls", "33"], is: "null")
        try door.expect("cfg.sets", ["limits[3]", "label", "third"], is: "null")
        try door.expect("cfg.get", ["limits[3]", "label"], is: #""third""#)
        try expectScript("33 third")
        // The group's own value is that of instances without one.
        try door.expect("cfg.sets", ["limits", "label", "other"], is: "null")
        try door.expect("cfg.del", ["limits[3]", "label"], is: "null")
        try expectScript("33 other")
        try door.expect("cfg.set_delayed_int", ["limits[3]", "calls", "34"], is: "null")
        try door.expect("cfg.del_delayed", ["limits[2]", "calls"], is: "null")
        try door.expect(
            "cfg.diff",
            is: #"[{"group name":"limits","group id":3,"variable name":"calls","old value":33,"new value":34},"#
                + #"{"group name":"limits","group id":2,"variable name":"calls","old value":7,"new value":5}]"#)
        try door.expect("cfg.commit", is: "null")
        try expectScript("34 other")
        try door.expect("cfg.get", ["limits[2]", "calls"], is: "5")
        try door.expect("cfg.reset", ["limits[2]"], is: "null")
        try door.expect("cfg.get", ["limits[2]", "calls"], is: "7")
        try door.expect("cfg.reset", ["limits[3]"], is: "null")
        try expectScript("5 other")
        try door.expect("cfg.del_group_inst", ["limits[3]"], is: "null")
        try expectScript("7 other")
        try server.waitForLog("limits[3].calls is 34, was 33")
        #expect(server.status == nil)
    }

    @Test func instancesThatCannotBeAreRefused() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        let syntax = #"Wrong group syntax. Use "group[id]""#
        for (name, arguments, text) in [
            ("cfg.add_group_inst", ["pstn"], syntax), ("cfg.del_group_inst", ["pstn"], syntax),
            ("cfg.del", ["pstn", "gw_ip"], syntax), ("cfg.del_delayed", ["pstn", "gw_ip"], syntax),
            ("cfg.add_group_inst", ["none[1]"], "Failed to add the group instance: there is no group none"),
            (
                "cfg.add_group_inst", ["tm[1]"],
                "Failed to add the group instance: only groups of the script's own have instances: tm goes by its own values"
            ),
            (
                "cfg.del_group_inst", ["pstn[1]"],
                "Failed to delete the group instance: there is no instance pstn[1]"
            ),
            ("cfg.del", ["pstn[1]", "gw_ip"], "Failed to delete the value: there is none of that name"),
            ("cfg.seti", ["pstn[1]", "gw_port", "7"], "Failed to set the variable: there is none of that name"),
        ] {
            try door.expect(name, arguments, code: 400, is: text)
        }
        #expect(server.status == nil)
    }

    @Test func instancesOfAConfigNeedTheirGroup() throws {
        let result = try Server.check(
            """
            loadmodule "tm.so"
            limits.calls = 5
            limits[2].cals = 7
            limits[3].calls = "x"
            other[1].x = 1
            tm[1].fr_timer = 500
            request_route { drop; }
            """)
        for text in [
            ":3:1: error: group `limits` has no parameter `cals` that may change while the server runs\n",
            ":4:1: error: `limits[3].calls` is a number\n",
            ":5:1: error: group `other` has no parameter `x` that may change while the server runs\n",
            ":6:1: warning: only `@cfg_get.tm.fr_timer` gives the values of instances\n",
            "hint: did you mean `calls`?", "hint: declare it for the group first: `other.x = …`",
        ] {
            #expect(result.output.contains(text), "\(text)\n\(result.output)")
        }
    }

    /// Parameters of the core that have an effect are in force with the next message.
    @Test func theCoresOwnTakeEffect() throws {
        let folder = try TemporaryFolder()
        let config = try RPCDoor.config(folder.path)
        let server = try Server { port in
            """
            #!KAMAILIO
            children=2
            listen=udp:127.0.0.1:\(port)
            listen=tcp:127.0.0.1:\(port)
            tcp_max_connections=100
            \(config)
            loadmodule "sl.so"
            loadmodule "pv.so"
            loadmodule "cfg_rpc.so"
            request_route {
                $var(i) = 0;
                while (1) { $var(i) = $var(i) + 1; }
                sl_send_reply("404", "$var(i)");
                exit;
            }

            """
        }
        let door = try RPCDoor(folder.path)
        let client = try UDPClient()
        let port = server.port
        #expect(try client.statusLine(ofMessage: "core-1", to: port) == "SIP/2.0 404 100")
        try door.expect("cfg.seti", ["core", "max_while_loops", "7"], is: "null")
        _ = try door.call("dns.mem_info")
        #expect(try client.statusLine(ofMessage: "core-2", to: port) == "SIP/2.0 404 7")
        // The answer goes to where the request came from, not to where its Via says.
        let request = SIPText.request("OPTIONS", "sip:x@example.net", from: client.address, id: "rport-1")
        let plain = request.replacing(";rport", with: "").replacing("UDP \(client.address)", with: "UDP 127.0.0.1:9")
        #expect(plain.contains("UDP 127.0.0.1:9;"), "\(plain)")
        try door.expect("cfg.seti", ["core", "force_rport", "1"], is: "null")
        _ = try door.call("dns.mem_info")
        try client.send(plain, to: port)
        #expect(try client.receive(within: .seconds(10)).message.header("Via")?.contains("rport=") == true)
        try door.expect("cfg.seti", ["tcp", "connection_lifetime", "77"], is: "null")
        try door.expect("cfg.seti", ["tcp", "no_connect", "1"], is: "null")
        let options = try door.call("core.tcp_options").json
        #expect(options.contains(#""connection_lifetime":77"#) && options.contains(#""no_connect":1"#))
        try door.expect("cfg.get", ["tcp", "connect_timeout"], is: "10")
        try door.expect("cfg.sets", ["core", "log_facility", "LOG_LOCAL3"], is: "null")
        try door.expect("cfg.get", ["core", "log_facility"], is: #""LOG_LOCAL3""#)
        try door.expect("cfg.seti", ["core", "memlog", "3"], is: "null")
        try door.expect(
            "cfg.help", ["core", "memlog"],
            is:
                #""The global parameter memlog, which has no effect here.\n(parameter type is integer, -2147483648 to 2147483647)""#
        )
        for (name, arguments, text) in [
            (
                "cfg.seti", ["tcp", "max_connections", "101"],
                "tcp.max_connections is a number from 0 to 100, not 101"
            ),
            ("cfg.seti", ["tcp", "async", "0"], "tcp.async cannot change while the server runs"),
            ("cfg.seti", ["core", "force_rport", "2"], "core.force_rport is a number from 0 to 1, not 2"),
        ] {
            try door.expect(name, arguments, code: 400, is: "Failed to set the variable: \(text)")
        }
        let answer = try door.call("cfg.sets", "core", "log_facility", "LOG_NONE")
        #expect(answer.code == 400 && answer.json.contains("is one of LOG_AUTH, "), "\(answer)")
        #expect(server.status == nil)
    }

    @Test func sharedVariablesAreReadAndSet() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        try door.expect("pv.shvGet", is: "[]")
        try door.expect("pv.shvSet", ["a", "int", "7"], is: "null")
        try door.expect("shv_set", ["b", "str", "text"], is: "null")
        try door.expect("pv.shvGet", ["b"], is: #"{"name":"b","type":"string","value":"text"}"#)
        try door.expect(
            "shv_get", is: #"[{"name":"a","type":"int","value":7},{"name":"b","type":"string","value":"text"}]"#)
        try door.expect("pv.shvGet", ["zz"], code: 404, is: "Variable not found")
        try door.expect("pv.shvSet", ["a", "int", "x"], code: 400, is: "`x` is no number")
        #expect(server.status == nil)
    }
}
