import Testing

/// t_save_lumps, t_exists, t_get_status_code and what else scripts ask about a transaction; parameters without effect.
@Suite struct TmFurtherTests {
    @Test func savedChangesAreSeenByLaterRoutesAndLaterOnesAreNot() throws {
        let probe = try Probe(
            ["tm", "sl", "xlog", "pv", "textops"],
            globals: """
                failure_route[again] { append_branch("sip:second@$rd:$rp"); t_relay(); }

                """,
            script: """
                if (method == "ACK") exit;
                t_newtran();
                append_hf("X-Before: 1\\r\\n");
                t_save_lumps();
                append_hf("X-After: 1\\r\\n");
                $ru = "sip:first@" + $(hdr(X-To));
                t_on_failure("again");
                t_relay();
                """)
        let request = probe.request(id: "lumps", headers: ["X-To: \(probe.nextHop.address)"])
        try probe.client.send(request, to: probe.server.port)
        let (first, from) = try probe.nextHop.receive()
        #expect(first.startLine.hasPrefix("OPTIONS sip:first@"))
        #expect(first.header("X-Before") == "1" && first.header("X-After") == "1")
        try probe.nextHop.send(Array(first.response(404, "Not Found").utf8), to: from)
        let second = try probe.nextHop.receive().message
        // The route begins with the destination that relaying began with.
        #expect(second.startLine == "OPTIONS sip:second@\(probe.nextHop.address) SIP/2.0")
        #expect(second.header("X-Before") == "1" && second.header("X-After") == nil)
        try probe.nextHop.send(Array(second.response(200, "OK").utf8), to: from)
        let reply = try probe.client.receive().message
        #expect(reply.statusCode == 200)
    }

    /// As an example of SER's documents has it.
    @Test func functionsHaveOldNames() throws {
        let said = try Server.check(#"request_route { set_user("first"); t_fork(); }"#)
        #expect(said.succeeded)
        #expect(said.output.contains("`set_user` is an old spelling"), "\(said.output)")
        #expect(said.output.contains("write `append_branch`"))
    }

    /// On every path through the script: `// late` marks the calls that have no effect on one of them.
    @Test func aRecordRouteBehindTheRelayIsToldOf() throws {
        let config = """
            loadmodule "tm.so"
            loadmodule "rr.so"
            loadmodule "pv.so"
            request_route {
                record_route();
                if (method == "REGISTER") {
                    t_relay();
                    exit;
                }
                if (!t_relay()) {
                    record_route();
                    return;
                }
                t_on_failure("AGAIN"); t_on_failure("FINE"); t_on_failure("TWICE");
                add_rr_param(";x=1"); // late
                route(LATE);
                while ($rc > 1) { break; }
            }
            route[LATE] {
                switch ($rm) {
                    case "INVITE": exit;
                    default: record_route(); // late
                }
            }
            failure_route[AGAIN] {
                while ($rc > 1) {
                    record_route(); // late
                    if ($rc == 2 && t_relay_to_udp("127.0.0.1", 5060)) $var(n) = 1;
                }
                if ($rc == 6) {
                    remove_record_route(); // late
                } else if (t_relay()) {
                    exit;
                } else {
                    $var(n) = 2;
                }
            }
            failure_route[FINE] {
                if ($rc == 5) {
                    t_relay();
                    return;
                }
                record_route();
                route(SEND);
            }
            failure_route[TWICE] {
                route(SEND);
                route(SEND);
            }
            route[SEND] {
                record_route("x=2"); // late
                t_relay();
            }

            """
        let said = try Server.check(config.replacing(" // late", with: ""))
        #expect(said.succeeded, "\(said.output)")
        let found = said.output.split(separator: "\n").filter { $0.contains("has no effect here") }
            .compactMap { $0.split(separator: ":").dropFirst().first.flatMap { Int($0) } }
        let expected = config.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            .filter { $0.element.contains("// late") }.map { $0.offset + 1 }
        #expect(Set(found) == Set(expected), "\(said.output)")
        #expect(said.output.contains("put it in front of `t_relay`"))
    }

    /// Changes of one branch are seen by what follows in its route, and by no other branch.
    @Test func changesOfABranchAreApplied() throws {
        let probe = try Probe(
            ["tm", "sl", "xlog", "pv", "textops", "rr"],
            globals: """
                branch_route[out] {
                    $var(n) = $T_branch;
                    append_hf("X-Branch: $rU\\r\\n");
                    remove_hf("Subject");
                    if (is_present_hf("X-Branch") || !is_present_hf("Subject")) xerr("early\\n");
                    if (!t_msg_apply_changes()) xerr("refused\\n");
                    if (is_present_hf("Subject")) xerr("not removed\\n");
                    append_hf("X-Seen: $hdr(X-Branch)\\r\\n");
                    t_msg_apply_changes();
                    append_hf("X-Last: $hdr(X-Seen)\\r\\n");
                }

                """.replacing("    $var(n) = $T_branch;\n", with: ""),
            script: """
                record_route();
                append_hf("X-Before: 1\\r\\n");
                $ru = "sip:one@" + $(hdr(X-To));
                append_branch("sip:two@$hdr(X-To)");
                t_on_branch("out");
                t_relay();
                """)
        let body = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n"
        let request = probe.request(
            id: "applied", headers: ["Subject: gone", "X-To: \(probe.nextHop.address)"], body: body)
        try probe.client.send(request, to: probe.server.port)
        for user in ["one", "two"] {
            let message = try probe.nextHop.receive().message
            #expect(message.startLine.hasPrefix("OPTIONS sip:\(user)@"))
            #expect(message.headers("X-Branch") == [user] && message.headers("X-Seen") == [user])
            #expect(message.headers("X-Last") == [user] && message.headers("X-Before") == ["1"])
            #expect(message.header("Subject") == nil && message.headers("Record-Route").count == 1)
            #expect(message.headers("Via").count == 2 && message.body == body)
        }
        let log = probe.server.log
        for text in ["early", "refused", "not removed"] { #expect(!log.contains(text), "\(text)") }
    }

    /// How a script names the branch in our Via.
    @Test func flagsAreShownInOurVia() throws {
        let probe = try Probe(
            ["tm", "tmx", "sl", "xlog", "pv"],
            globals: """
                branch_route[out] { if ($rU == "two") { t_vbflag_set("0"); t_vbflag_set("4"); t_vbflag_reset("0"); } }
                onreply_route[in] {
                    if (t_vbflag_is_set("4")) xerr("$rs four\\n");
                    if (t_vbflag_is_set("2")) xerr("$rs two\\n");
                    if (t_vbflag_is_set("0")) xerr("$rs none\\n");
                }

                """,
            script: """
                if (t_vbflag_set("1")) xerr("without a branch\\n");
                t_newtran();
                t_vbflag_set("2");
                if (!t_flush_xflags()) xerr("not flushed\\n");
                $ru = "sip:one@" + $(hdr(X-To));
                append_branch("sip:two@$hdr(X-To)");
                t_on_branch("out");
                t_on_reply("in");
                t_relay();
                """)
        let request = probe.request(id: "vbflags", headers: ["X-To: \(probe.nextHop.address)"])
        try probe.client.send(request, to: probe.server.port)
        let one = try probe.nextHop.receive().message
        let two = try probe.nextHop.receive().message
        #expect(one.header("Via")?.contains(";kvf=4") == true)
        #expect(two.header("Via")?.contains(";kvf=10") == true)
        try probe.nextHop.send(one.response(404, "Not Found"), to: probe.server.port)
        try probe.server.waitForLog("404 two")
        try probe.nextHop.send(two.response(200, "OK"), to: probe.server.port)
        try probe.server.waitForLog("200 four")
        let log = probe.server.log
        for text in ["404 four", "200 two", "none", "without a branch", "not flushed"] {
            #expect(!log.contains(text), "\(text)")
        }
    }

    /// A failure_route that holds the transaction up is told of.
    @Test(arguments: [100, 0]) func longFailureRoutesAreToldOf(limit: Int) throws {
        let folder = try TemporaryFolder()
        try CModule.build("waits", into: folder.path)
        let probe = try Probe.tm(
            #"t_on_failure("slow"); $du = "NEXT"; t_relay();"#, parameters: [#""exec_time_check", \#(limit)"#],
            globals: """
                loadmodule "\(folder.path)/waits.so"
                failure_route[slow] { wait(300); xerr("ended\\n"); }

                """)
        try probe.send(probe.request(id: "slow"))
        try probe.answer(probe.nextHop.next("OPTIONS"), 404)
        try probe.client.reply(404)
        let told = "a failure_route has taken"
        if limit > 0 { try probe.server.waitForLog(told) }
        try probe.waitForNothing()
        #expect(probe.server.log.contains(told) == (limit > 0))
    }

    @Test func changesAreSavedOnceAndInATransaction() throws {
        let probe = try Probe(
            ["tm", "sl", "xlog", "pv"],
            script: """
                t_save_lumps(); $var(codes) = "" + $rc;
                t_newtran();
                t_save_lumps(); $var(codes) = $var(codes) + " " + $rc;
                t_save_lumps(); $var(codes) = $var(codes) + " " + $rc;
                t_reply("200", "$var(codes)");
                """)
        let reply = try probe.ask(probe.request(id: "once"))
        #expect(reply.reason == "-1 1 -1")
    }

    @Test func theStatusIsTheOneThatTheRouteDealsWith() throws {
        let probe = try Probe(
            ["tm", "sl", "xlog", "pv"],
            globals: """
                onreply_route[reply] { t_get_status_code(); xerr("reply $rc\\n"); if (t_exists()) xerr("known\\n"); }
                failure_route[failed] { t_get_status_code(); xerr("failed $rc\\n"); }

                """,
            script: """
                if (t_exists()) xerr("too early\\n");
                t_get_status_code(); xerr("before $rc\\n");
                t_newtran();
                if (!t_exists()) xerr("not there\\n");
                t_reply("180", "Ringing");
                t_get_status_code(); xerr("after $rc\\n");
                t_use_uac_headers(); t_clean(); xerr("accepted $rc\\n");
                t_on_failure("failed"); t_on_reply("reply");
                $ru = "NEXT";
                t_relay();
                """)
        let asked = try probe.pass(probe.request(id: "status"))
        let server = Address("127.0.0.1", probe.server.port)
        try probe.nextHop.send(Array(asked.response(486, "Busy Here").utf8), to: server)
        try probe.server.waitForLog("failed 486")
        for text in ["before -1", "after 180", "accepted 1", "reply 486", "known"] {
            try probe.server.waitForLog(text)
        }
        let log = probe.server.log
        #expect(!log.contains("too early") && !log.contains("not there"))
    }

    @Test func aReplyThatComesAgainWhileAScriptWaitsIsRecognised() throws {
        let folder = try TemporaryFolder()
        try CModule.build("waits", into: folder.path)
        let probe = try Probe(
            ["tm", "sl", "xlog", "pv"],
            globals: """
                loadmodule "\(folder.path)/waits.so"
                reply_route { if (t_is_retr_async_reply()) { xerr("again\\n"); drop; } xerr("new\\n"); }
                onreply_route[reply] { wait(1000); }

                """,
            script: """
                t_on_reply("reply");
                $ru = "NEXT";
                t_relay();
                """)
        let asked = try probe.pass(probe.request(id: "async"))
        let answer = Array(asked.response(200, "OK").utf8)
        let server = Address("127.0.0.1", probe.server.port)
        try probe.nextHop.send(answer, to: server)
        try probe.server.waitForLog("new")
        try probe.nextHop.send(answer, to: server)
        try probe.server.waitForLog("again")
        let reply = try probe.client.receive().message
        #expect(reply.statusCode == 200)
    }

    @Test func a100ThatBelongsToNoTransactionIsForwardedWhenItIsWanted() throws {
        for wanted in [false, true] {
            let probe = try Probe(
                ["tm", "sl"], globals: "modparam(\"tm\", \"relay_100\", \(wanted ? 1 : 0))\n",
                script: "$du = \"NEXT\"; forward();")
            let asked = try probe.pass(probe.request(id: "hundred"))
            let server = Address("127.0.0.1", probe.server.port)
            try probe.nextHop.send(Array(asked.response(100, "Trying").utf8), to: server)
            try probe.nextHop.send(Array(asked.response(200, "OK").utf8), to: server)
            let first = try probe.client.receive().message
            #expect(first.statusCode == (wanted ? 100 : 200))
        }
    }

    @Test func aStatelessCancelHasOneViaWhenItIsWanted() throws {
        for (mode, count) in [(0, 2), (2, 1)] {
            let probe = try Probe(
                ["tm", "sl"],
                globals: """
                    modparam("tm", "headers_mode", \(mode))
                    modparam("tm", "unmatched_cancel", 1)

                    """,
                script: "$du = \"NEXT\"; t_relay();")
            let asked = try probe.pass(probe.request("CANCEL", id: "vias"))
            #expect(asked.headers("Via").count == count)
            #expect(asked.headers("Via")[0].contains("\(probe.server.port)"))
        }
    }

    @Test func parametersWithoutEffectSaySo() throws {
        func log(_ parameters: [(String, String)]) throws -> String {
            let probe = try Probe(
                ["tm"], globals: parameters.map { "modparam(\"tm\", \"\($0)\", \($1))\n" }.joined(), script: "exit;")
            return probe.server.log
        }
        let asked = [
            ("xavp_contact", "\"ulattrs\""), ("event_callback", "\"f\""), ("event_callback_lres_sent", "\"f\""),
            ("evcb_local_ack_sent", "\"f\""),
        ]
        let said = try log(asked)
        for (name, _) in asked { #expect(said.contains("\(name) has no effect"), "\(name)") }
        let checked = try Server.check(
            "loadmodule \"tm.so\"\nmodparam(\"tm\", \"xavp_contact\", \"ulattrs\")\nrequest_route { exit; }\n")
        #expect(checked.succeeded && checked.output.contains("2:1: notice: tm: xavp_contact has no effect"))
    }
}
