import Testing

/// Statistics as operators and scripts see them: kex, counters, statistics, sl.stats.
@Suite struct StatisticsCommandsTests {
    private func server(_ folder: borrowing TemporaryFolder) throws -> Server {
        let door = try RPCDoor.config(folder.path)
        return try Server { port in
            """
            children=2
            listen=udp:127.0.0.1:\(port)
            \(door)
            loadmodule "sl.so"
            loadmodule "kex.so"
            loadmodule "counters.so"
            loadmodule "statistics.so"
            modparam("counters", "script_counter", "calls.seen requests that came by")
            modparam("counters", "script_counter", "other")
            modparam("statistics", "variable", "level/no_reset")
            modparam("statistics", "variable", "sum")
            request_route {
                cnt_inc("calls.seen");
                cnt_add("other", 5);
                update_stat("level", "+3");
                update_stat("level", "-1");
                $var(name) = "sum";
                update_stat("$var(name)", "7");
                if (is_myself("sip:127.0.0.1:\(port)") && !is_myself("sip:192.0.2.1") && is_myhost("127.0.0.1")) {
                    pv_printf("$var(x)", "$rU/$stat(calls:seen)");
                }
                sl_send_reply("404", "$var(x) $stat(level) $stat(script.sum)");
                exit;
            }

            """
        }
    }

    @Test func whatWasCountedIsShownAndReset() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        let client = try UDPClient()
        let port = server.port
        for number in 1...2 {
            let line = try client.statusLine(ofMessage: "stat-\(number)", to: port)
            #expect(line == "SIP/2.0 404 bob/\(number) \(2 * number) 7")
        }
        let messages = try door.call("core.msgstats").json
        #expect(messages.hasPrefix(#"{"requests":{"total":2,"invite":0,"#) && messages.contains(#","message":2,"#))
        #expect(messages.contains(#","other":0},"replies":{"total":0,"1xx":0,"#))
        try door.expect("cnt.get", ["calls", "seen"], is: "2")
        try door.expect("cnt.get", ["script", "other"], is: "10")
        try door.expect("cnt.help", ["calls", "seen"], is: #""requests that came by""#)
        try door.expect("cnt.get_vars", ["script"], is: #"{"level":4,"other":10,"sum":7}"#)
        try door.expect("cnt.list_vars", ["calls"], is: #"["seen"]"#)
        try door.expect("cnt.get", ["calls", "none"], code: 400, is: "non-existent counter calls.none")
        try door.expect("get_statistics", ["core:rcv_requests"], is: #"["core:rcv_requests = 2"]"#)
        try door.expect(
            "stats.fetchn", ["rcv_requests", "script:"],
            is: #"{"core.rcv_requests":2,"script.level":4,"script.other":10,"script.sum":7}"#)
        try door.expect("stats.fetch", ["script.sum"], is: #"{"script.sum":"7"}"#)
        try door.expect("stats.get_statistics", ["nothing"], is: "[]")
        let all = try door.call("stats.get_statistics", "all").json
        #expect(all.contains("sl:404_replies = 2") && all.contains("shmem:used_size = "))
        let replies = try door.call("sl.stats").json
        #expect(replies.contains(#""404":2"#) && replies.hasSuffix(#""6xx":0,"xxx":0}"#))

        try door.expect(
            "stats.clear_statistics", ["rcv_requests", "script:"],
            is: #"["core:rcv_requests = 2","script:other = 10","script:sum = 7"]"#)
        try door.expect("cnt.reset", ["calls", "seen"], is: "null")
        try door.expect(
            "stats.fetchn", ["rcv_requests", "calls:", "script:"],
            is: #"{"core.rcv_requests":0,"calls.seen":0,"script.level":4,"script.other":0,"script.sum":0}"#)
        // The totals go on.
        try door.expect("cnt.get_raw", ["calls", "seen"], is: "2")
        let line = try client.statusLine(ofMessage: "stat-\(3)", to: port)
        #expect(line == "SIP/2.0 404 bob/1 6 7")
        try door.expect("cnt.get_raw", ["calls", "seen"], is: "3")
        #expect(server.status == nil)
    }

    /// Which programs send what, over all workers.
    @Test func programsAreCounted() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        let client = try UDPClient()
        var count = 0
        func send(_ headers: [String], _ times: Int) throws {
            for _ in 0..<times {
                count += 1
                let request = SIPText.request(
                    "OPTIONS", "sip:x@example.net", from: client.address, id: "program-\(count)", headers: headers)
                _ = try client.exchange(request, with: server.port)
            }
        }
        try send(["User-Agent: Phone 1"], 3)
        try send(["user-agent:  Phone 2 (x)  "], 5)
        try send([], 2)
        try client.send(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:\(server.port);branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
                + "To: <sip:a@b>;tag=2\r\nCall-ID: stray@tests\r\nCSeq: 1 OPTIONS\r\nServer: Gateway\r\nContent-Length: 0\r\n\r\n",
            to: server.port)
        #expect(try until({ try door.call("core.msgstats").json.contains("Gateway") }))
        let json = try door.call("core.msgstats").json
        let programs =
            #""user_agents":[{"name":"Phone 2 (x)","requests":5,"replies":0},{"name":"Phone 1","requests":3,"replies":0},"#
            + #"{"name":"Gateway","requests":0,"replies":1}],"other_user_agents":{"requests":0,"replies":0},"#
            + #""no_user_agent":{"requests":2,"replies":0},"hints":[],"other_hints":0}"#
        #expect(json.hasSuffix(programs), "\(json)")
        #expect(server.status == nil)
    }

    /// Labels that scripts give to what they send, on request: by the first one of each branch, not of what is sent again.
    @Test func hintsAreCounted() throws {
        let hop = try Reloadable(
            """
            count_hints=yes
            request_route {
                if ($rU == "usrloc") append_hf("P-hint: usrloc applied\\r\\n");
                if ($rU == "outbound") append_hf("p-HINT :  outbound\\r\\nP-hint: second\\r\\n");
                $du = "sip@NEXT";
                if ($rU == "stateless") { append_hf("P-hint: outbound\\r\\n"); forward(); exit; }
                t_relay();
                exit;
            }

            """.replacing("sip@NEXT", with: "sip:x@NEXT"))
        func send(_ user: String, _ id: String) throws {
            try hop.client.send(
                SIPText.request("MESSAGE", "sip:\(user)@\(hop.server.address)", from: hop.client.address, id: id),
                to: hop.server.port)
            _ = try hop.nextHop.receive()
        }
        try send("usrloc", "hint1")
        // It is sent again meanwhile, which does not count.
        _ = try hop.nextHop.receive()
        try send("plain", "hint2")
        try send("outbound", "hint3")
        try send("stateless", "hint4")
        #expect(
            try hop.door.call("core.msgstats").json.hasSuffix(
                #""hints":[{"name":"outbound","requests":2},{"name":"usrloc applied","requests":1}],"other_hints":0}"#))
        try hop.door.expect("cfg.set", ["core", "count_hints", "0"], is: "null")
        try send("usrloc", "hint5")
        #expect(try hop.door.call("core.msgstats").json.contains(#"{"name":"usrloc applied","requests":1}"#))
    }

    @Test(arguments: [
        (#"loadmodule "counters.so""#, #"cnt_inc("none");"#, "there is no counter `none`"),
        (#"loadmodule "statistics.so""#, #"update_stat("none", "+1");"#, "there is no statistic `none`"),
        ("", "$var(x) = $sel(cfg_get.none.such);", "there are no parameters of group `none`"),
    ])
    func whatIsNotDeclaredStopsTheStart(_ load: String, _ statement: String, _ why: String) throws {
        let result = try Server.check("\(load)\nrequest_route { \(statement) exit; }\n")
        #expect(result.output.contains(why), "\(result.output)")
    }
}
