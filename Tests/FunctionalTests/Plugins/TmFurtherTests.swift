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
            ("reparse_invite", "0"), ("e2e_cancel_hop_by_hop", "0"), ("reply_matching", "0"),
            ("exec_time_check", "5000"), ("xavp_contact", "\"ulattrs\""), ("event_callback", "\"f\""),
            ("event_callback_lres_sent", "\"f\""), ("evcb_local_ack_sent", "\"f\""),
        ]
        let said = try log(asked)
        for (name, _) in asked { #expect(said.contains("\(name) has no effect"), "\(name)") }
        let checked = try Server.check(
            "loadmodule \"tm.so\"\nmodparam(\"tm\", \"reparse_invite\", 0)\nrequest_route { exit; }\n")
        #expect(checked.succeeded && checked.output.contains("2:1: notice: tm: reparse_invite has no effect"))
        let nothing = try log([("reparse_invite", "1"), ("e2e_cancel_hop_by_hop", "1"), ("reply_matching", "1")])
        #expect(!nothing.contains("no effect"))
    }
}
