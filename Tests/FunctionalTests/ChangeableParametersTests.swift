import Testing

/// Parameters that change while the server runs.
@Suite(.timeLimit(.minutes(10))) struct ChangeableParametersTests {
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
        try door.expect("cfg.del_delayed", ["tm", "fr_timer"], is: "null")
        try door.expect("cfg.del_delayed", ["tm", "fr_timer"], code: 400, is: "Failed to delete: no change was noted")
        try door.expect("cfg.rollback", is: "null")
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
