import Testing

/// tmx: what scripts see of transactions and do to those of other messages.
@Suite struct TmxTests {
    private func probe(_ script: String, globals: String = "", settings: [String] = []) throws -> Probe {
        try Probe.tm(
            script, parameters: settings, times: [#""retr_timer1", 3000"#, #""wt_timer", "1500ms""#], modules: ["tmx"],
            globals: globals)
    }

    /// What the script logged behind that word, of each such line; waits for the first.
    private func logged(_ word: String, _ probe: borrowing Probe) throws -> [String] {
        try probe.server.waitForLog("\(word): ")
        // Not the lines of the config that warnings show.
        return probe.server.log.split(separator: "\n").filter { !$0.contains("xnotice(") }.compactMap { line in
            line.firstRange(of: "\(word): ").map { String(line[$0.upperBound...]) }
        }
    }

    @Test func inTheRequestRoute() throws {
        let probe = try probe(
            """
            xnotice("before: $T(id_index) $T(id_label) $T_branch_idx $T_reply_code $T_reply_reason $T(reply_type)\\n");
            $var(index) = $T(id_index_n);
            $var(label) = $T(id_label_n);
            if ($T(id_index) == $var(index) && $T(id_label) == $var(label) && $var(label) != 0) xnotice("made: same\\n");
            if (!t_newtran()) xnotice("again: not twice\\n");
            t_reply("183", "Wait a little");
            xnotice("after: $T_reply_code $T_reply_reason $T(reply_type) $T(branch_index) $T_reply_last $T(ruid)\\n");
            t_reply("200", "OK");
            """)
        let reply = try probe.ask(probe.request(id: "request"))
        #expect(reply.statusCode == 200)
        let before = try logged("before", probe)
        #expect(before == ["<null> <null> -1 0 <null> 0"])
        let made = try logged("made", probe)
        #expect(made == ["same"])
        let again = try logged("again", probe)
        #expect(again == ["not twice"])
        let after = try logged("after", probe)
        #expect(after == ["183 Wait a little 1 0 0 <null>"])
        try probe.waitForNothing()
    }

    /// The record that the branch at hand, or the failed one, was made of; the branch of the Request-URI has none.
    @Test func theRecordOfABranch() throws {
        let folder = try TemporaryFolder()
        try CModule.build("contacts", into: folder.path)
        let probe = try probe(
            """
            $ru = "NEXT";
            registered("sip:two@127.0.0.1:$(ru{uri.port})", "uloc-2-7");
            t_on_reply("R"); t_on_failure("F");
            t_relay();
            """,
            globals: """
                loadmodule "\(folder.path)/contacts.so"
                onreply_route[R] { xnotice("reply: $T_branch_idx $rs $T_reply_ruid $T(ruid)\\n"); }
                failure_route[F] { xnotice("failure: $T_reply_code $T_reply_ruid $T(ruid)\\n"); }

                """)
        try probe.send(probe.request(id: "record"))
        for _ in 0..<2 {
            let request = try probe.nextHop.request("OPTIONS")
            try probe.answer(request, request.startLine.contains("sip:two@") ? 403 : 500)
        }
        _ = try probe.client.reply(403)
        let failure = try logged("failure", probe)
        #expect(failure == ["403 uloc-2-7 uloc-2-7"])
        let replies = try logged("reply", probe)
        #expect(replies.sorted() == ["0 500 <null> <null>", "1 403 uloc-2-7 uloc-2-7"])
        try probe.waitForNothing()
    }

    /// A route that tells from which kind of route it was called.
    private static let kinds = """
        route[KIND] {
            $var(kinds) = "";
            if (t_is_request_route()) $var(kinds) = $var(kinds) + "request ";
            if (t_is_branch_route()) $var(kinds) = $var(kinds) + "branch ";
            if (t_is_reply_route()) $var(kinds) = $var(kinds) + "reply ";
            if (t_is_failure_route()) $var(kinds) = $var(kinds) + "failure ";
        }
        """

    @Test func inEveryRouteOfATransaction() throws {
        let probe = try probe(
            """
            route(KIND);
            xnotice("request: $var(kinds)\\n");
            t_on_branch("B"); t_on_reply("R"); t_on_failure("F");
            $du = "NEXT";
            t_relay();
            """,
            globals: """
                \(Self.kinds)
                branch_route[B] {
                    route(KIND);
                    setbflag(3);
                    xnotice("branch: $var(kinds)$T_branch_idx $T_branch(uri) $T_branch(flags)\\n");
                }
                reply_route { route(KIND); xnotice("core: $var(kinds)\\n"); }
                onreply_route[R] {
                    route(KIND);
                    xnotice("reply: $var(kinds)$T_branch_idx $T_reply_code $T_reply_reason $T_reply_last $T(reply_type)\\n");
                    xnotice("of: $T_req($rm) $T_req($hdr(X-Who)) $T_branch(uri) $T_branch(flags) $T_rpl($rs)\\n");
                }
                failure_route[F] {
                    route(KIND);
                    append_branch("sip:unused@127.0.0.1");
                    xnotice("failure: $var(kinds)$T_branch_idx $T_reply_code $T_reply_reason $T_reply_last $T(reply_type)\\n");
                    xnotice("winner: $T_rpl($rs) $T_rpl($hdr(X-Why)) $T_branch(uri) $T_branch(flags) $T_inv($rm)\\n");
                    t_reply("404", "Seen");
                }

                """)
        let received = try probe.pass(probe.request(id: "routes", headers: ["X-Who: me"]))
        let failing = received.response(486, "Really Busy", headers: ["X-Why: because"])
        try probe.nextHop.send(failing, to: probe.server.port)
        let reply = try probe.client.receive().message
        #expect(reply.reason == "Seen")
        let uri = "sip:alice@\(probe.server.address)"
        let expected = [
            "request": "request ", "branch": "branch 0 \(uri) 8", "core": "reply ",
            "reply": "reply 0 486 Really Busy 486 0", "of": "OPTIONS me \(uri) 8 <null>",
            "failure": "failure 2 486 Really Busy 486 0", "winner": "486 because \(uri) 8 <null>",
        ]
        for (word, text) in expected {
            let lines = try logged(word, probe)
            #expect(lines == [text], "\(word)")
        }
        try probe.waitForNothing()
    }

    @Test func afterATimeoutTheReplyIsOurs() throws {
        let probe = try probe(
            #"t_on_failure("F"); $du = "NEXT"; t_relay();"#,
            globals: """
                failure_route[F] { xnotice("failure: $T_reply_code $T_reply_reason $T(reply_type) $T_rpl($rs) $T_reply_last\\n"); }

                """, settings: [#""fr_timer", "500ms""#])
        let reply = try probe.ask(probe.request(id: "timeout"))
        #expect(reply.statusCode == 408)
        let lines = try logged("failure", probe)
        #expect(lines == ["408 Request Timeout 1 <null> 0"])
        try probe.waitForNothing()
    }

    @Test func aCancelSeesItsInvite() throws {
        let probe = try probe(
            """
            if (method == "CANCEL") {
                xnotice("invite: $T_inv($rm) $T_inv($hdr(X-Who)) $T_inv($mf)\\n");
                t_relay_cancel();
                exit;
            }
            setflag(4);
            t_newtran();
            t_reply("180", "Ringing");
            xnotice("none: $T_inv($rm)\\n");
            """)
        let invite = probe.request("INVITE", id: "inv", headers: ["X-Who: me"])
        try probe.client.send(invite, to: probe.server.port)
        _ = try probe.client.receive()
        try probe.client.send(SIPText.cancel(invite).replacing("X-Who: me", with: "X-Who: you"), to: probe.server.port)
        let lines = try logged("invite", probe)
        #expect(lines == ["INVITE me 16"])
        let none = try logged("none", probe)
        #expect(none == ["<null>"])
    }

    @Test(arguments: ["all", "others", "this"])
    func branchesAreCancelledByAReply(_ which: String) throws {
        let second = try UDPClient()
        let probe = try probe(
            #"t_on_reply("R"); $ru = "NEXT"; append_branch("sip:\#(second.address)"); t_relay();"#,
            globals: #"onreply_route[R] { if ($rs == 183) t_cancel_branches("\#(which)"); }"# + "\n")
        let first = try probe.pass(probe.request("INVITE", id: "cancels-\(which)"))
        let other = try second.receive().message
        try probe.nextHop.send(first.response(180, "Ringing"), to: probe.server.port)
        _ = try probe.client.receive()
        while try probe.client.receive().message.statusCode != 180 {}
        try second.send(other.response(183, "Session Progress"), to: probe.server.port)
        while try probe.client.receive().message.statusCode != 183 {}
        let toFirst = probe.nextHop.datagram(within: which == "this" ? .milliseconds(300) : .seconds(5))
        let toSecond = second.datagram(within: which == "others" ? .milliseconds(300) : .seconds(5))
        let isFirst = toFirst.map { SIPText(String(decoding: $0.bytes, as: UTF8.self)).method }
        let isSecond = toSecond.map { SIPText(String(decoding: $0.bytes, as: UTF8.self)).method }
        #expect(isFirst == (which == "this" ? nil : "CANCEL"))
        #expect(isSecond == (which == "others" ? nil : "CANCEL"))
    }

    @Test(arguments: [true, false])
    func aCancelEndsTheWaitingAtOnce(hasFailureRoute: Bool) throws {
        let probe = try probe(
            """
            if (method == "CANCEL") { t_relay(); exit; }
            \(hasFailureRoute ? "t_on_failure(\"F\");" : "")
            t_suspend();
            sl_send_reply("199", "Waits");
            """,
            globals:
                "failure_route[F] { if (t_is_canceled()) { xlog(\"L_ERR\", \"cancelled: $T_reply_code\\n\"); } }\n",
            settings: [#""fr_timer", "60s""#])
        let invite = probe.request("INVITE", id: "waits")
        try probe.client.send(invite, to: probe.server.port)
        while try probe.client.receive().message.statusCode != 199 {}
        try probe.client.send(SIPText.cancel(invite), to: probe.server.port)
        var codes: Set<Int> = []
        while codes.count < 2 { codes.insert(try probe.client.receive().message.statusCode ?? 0) }
        #expect(codes == [200, 487])
        if hasFailureRoute { try probe.server.waitForLog("cancelled: ") }
    }

    /// Nobody else is asked, so the reply that the failure is about still counts: whether somebody goes on with it or not.
    @Test(arguments: [true, false])
    func aFailureRouteThatWaitsLosesNoReply(isContinued: Bool) throws {
        let probe = try probe(
            """
            if (method == "MESSAGE") { t_continue("$hdr(X-Index)", "$hdr(X-Label)", "GO"); sl_send_reply("200", "$rc"); exit; }
            t_on_failure("F");
            $du = "NEXT";
            t_relay();
            """,
            globals: """
                failure_route[F] { xlog("L_ERR", "parked: $T(id_index) $T(id_label)\\n"); t_suspend(); }
                route[GO] { xlog("L_ERR", "goes on\\n"); }

                """, settings: [#""fr_timer", "\#(isContinued ? 60000 : 600)ms""#])
        let invite = try probe.pass(probe.request("INVITE", id: "busy"))
        try probe.nextHop.send(invite.response(486, "Busy Here"), to: probe.server.port)
        let place = try #require(logged("parked", probe).first).split(separator: " ")
        if isContinued {
            let client = try UDPClient()
            let text = SIPText.request(
                "MESSAGE", "sip:x@\(probe.server.address)", from: client.address, id: "go",
                headers: ["X-Index: \(place[0])", "X-Label: \(place[1])"])
            #expect(try client.exchange(text, with: probe.server.port).reason == "1")
            try probe.server.waitForLog("goes on")
        }
        var final = try probe.client.receive().message
        while (final.statusCode ?? 0) < 200 { final = try probe.client.receive().message }
        #expect(final.statusCode == 486)
    }

    /// A request that rings is sent to further destinations, by the script of another one.
    @Test(arguments: [false, true]) func anotherCallAddsBranches(hasRoute: Bool) throws {
        let probe = try probe(
            """
            if (method == "MESSAGE") {
                append_branch("sip:second@$hdr(X-To)");
                append_branch("sip:third@$hdr(X-To)");
                append_branch("sip:fourth@$hdr(X-To)");
                t_cell_append_branches("$hdr(X-Index)", "$hdr(X-Label)");
                $var(first) = $rc;
                t_cell_append_branches("$hdr(X-Index)", "$hdr(X-Label)");
                sl_send_reply("200", "$var(first) $rc");
                exit;
            }
            t_newtran();
            t_reply("183", "$T(id_index) $T(id_label)");
            $ru = "sip:first@" + $hdr(X-To);
            \(hasRoute ? "t_on_branch(\"out\");" : "")
            t_relay();
            """,
            globals: hasRoute
                ? #"branch_route[out] { append_hf("X-Branch: $rU\r\n"); if ($rU == "third") drop; }"# + "\n" : "")
        for round in 0..<4 {
            let later = try UDPClient()
            let other = try UDPClient()
            try probe.send(
                probe.request("INVITE", id: "fork\(round)", headers: ["X-To: \(probe.nextHop.address)"]))
            let place = try probe.client.reply(183).reason.split(separator: " ")
            let first = try probe.nextHop.next("INVITE")
            #expect(first.startLine.hasPrefix("INVITE sip:first@"))
            try probe.answer(first, 180)
            try probe.client.reply(180)
            let headers = ["X-Index: \(place[0])", "X-Label: \(place[1])", "X-To: \(later.address)"]
            func add(_ id: String) throws -> String {
                let text = SIPText.request(
                    "MESSAGE", "sip:x@\(probe.server.address)", from: other.address, id: id, headers: headers)
                return try other.exchange(text, with: probe.server.port).reason
            }
            #expect(try add("add\(round)") == "1 -1")
            let expected = hasRoute ? ["second", "fourth"] : ["second", "third", "fourth"]
            var last: SIPText?
            for user in expected {
                let message = try later.receive("INVITE")
                #expect(message.startLine.hasPrefix("INVITE sip:\(user)@"))
                #expect(message.header("X-Branch") == (hasRoute ? user : nil))
                #expect(message.header("Call-ID") == first.header("Call-ID") && message.branch != first.branch)
                last = message
            }
            try later.send(#require(last).response(200, "OK"), to: probe.server.port)
            try probe.client.reply(200)
            let cancel = try probe.nextHop.next("CANCEL")
            try probe.answer(cancel, 200)
            try probe.answer(first, 487)
            // It is answered: nothing more is sent.
            #expect(try add("late\(round)") == "-1 -1")
        }
    }

    /// Commands by script to transactions of other calls; many calls, so that both workers command each other.
    @Test func transactionsOfOtherCalls() throws {
        let probe = try probe(
            """
            if (method == "MESSAGE") {
                switch ($hdr(X-Do)) {
                    case "cancel": t_cancel_callid("$hdr(X-Call)", "1", "9", "200"); break;
                    case "reply": t_reply_callid("$hdr(X-Call)", "1", "404", "By Another"); break;
                    case "branch": t_cancel_branch_idx("$hdr(X-Index)", "$hdr(X-Label)", "0"); break;
                    case "go": t_continue("$hdr(X-Index)", "$hdr(X-Label)", "GO"); break;
                    case "nowhere": t_continue("$hdr(X-Index)", "$hdr(X-Label)", "NO" + "WHERE"); break;
                }
                sl_send_reply("200", "$rc");
                exit;
            }
            if ($rU == "parks") { $avp(kept) = $ci; t_suspend(); sl_send_reply("199", "$T(id_index) $T(id_label)"); exit; }
            t_on_failure("F");
            $du = "NEXT";
            t_newtran();
            append_to_reply("X-Identity: $T(id_index) $T(id_label)\\r\\n");
            t_reply("100", "Trying");
            t_relay();
            """,
            globals: """
                failure_route[F] { if (isflagset(9)) { t_reply("480", "Flag Seen"); } }
                route[GO] {
                    if (t_is_failure_route() && $avp(kept) == $ci) { append_to_reply("X-Resumed: $ci\\r\\n"); t_reply("202", "Resumed"); }
                }

                """)
        let address = probe.server.address
        func command(_ id: String, _ headers: [String]) throws -> String {
            let client = try UDPClient()
            let text = SIPText.request("MESSAGE", "sip:x@\(address)", from: client.address, id: id, headers: headers)
            return try client.exchange(text, with: address.port).reason
        }
        func identity(_ text: String?) throws -> [String] {
            let parts = try #require(text).split(separator: " ")
            try #require(parts.count == 2)
            return ["X-Index: \(parts[0])", "X-Label: \(parts[1])"]
        }
        for round in 0..<8 {
            // Suspended, and resumed once.
            let parking = try UDPClient()
            let parked = SIPText.request("OPTIONS", "sip:parks@\(address)", from: parking.address, id: "park\(round)")
            try parking.send(parked, to: address.port)
            let place = try identity(parking.receive().message.reason)
            #expect(try command("no\(round)", ["X-Do: nowhere"] + place) == "-1")
            #expect(try command("go\(round)", ["X-Do: go"] + place) == "1")
            let resumed = try parking.receive().message
            #expect(resumed.reason == "Resumed")
            #expect(resumed.header("X-Resumed") == "park\(round)@tests")
            #expect(try command("late\(round)", ["X-Do: go"] + place) == "-1")

            // An INVITE that rings: cancelled by Call-ID, by branch; answered by Call-ID.
            for what in ["cancel", "branch", "reply"] {
                let id = "\(what)\(round)"
                let invite = probe.request("INVITE", id: id)
                let received = try probe.pass(invite)
                let trying = try probe.client.receive().message
                #expect(trying.statusCode == 100)
                try probe.nextHop.send(received.response(180, "Ringing"), to: address.port)
                let ringing = try probe.client.receive().message
                #expect(ringing.statusCode == 180)
                let headers =
                    try ["X-Do: \(what)", "X-Call: \(id)@tests"] + identity(trying.header("X-Identity"))
                #expect(try command("do-\(id)", headers) == "1")
                let cancelling = try probe.nextHop.receive().message
                #expect(cancelling.method == "CANCEL")
                #expect((cancelling.header("Reason") ?? "").contains("cause=") == (what != "branch"))
                try probe.nextHop.send(cancelling.response(200, "OK"), to: address.port)
                try probe.nextHop.send(received.response(487, "Request Terminated"), to: address.port)
                let acknowledged = try probe.nextHop.receive().message
                #expect(acknowledged.method == "ACK")
                let reply = try probe.client.receive().message
                let expected = ["cancel": "Flag Seen", "branch": "Request Terminated", "reply": "By Another"]
                #expect(reply.reason == expected[what])
                let to = SIPText(invite).header("To") ?? ""
                let ack = invite.replacing("INVITE sip", with: "ACK sip").replacing("1 INVITE", with: "1 ACK")
                    .replacing("To: " + to, with: "To: " + (reply.header("To") ?? ""))
                try probe.client.send(ack, to: address.port)
                #expect(
                    try command("none-\(id)", ["X-Do: \(what)", "X-Call: other", "X-Index: 0", "X-Label: 1"]) == "-1")
            }
        }
        try probe.waitForNothing()
    }

    @Test func flagsReachLaterRoutes() throws {
        let probe = try probe(
            """
            if (!t_flush_flags()) xnotice("early: none\\n");
            t_on_reply("R");
            $du = "NEXT";
            t_newtran();
            setflag(6);
            t_flush_flags();
            t_relay();
            """, globals: "onreply_route[R] { if (isflagset(6)) xnotice(\"flag: seen\\n\"); }\n")
        let received = try probe.pass(probe.request(id: "flags"))
        try probe.nextHop.send(received.response(200, "OK"), to: probe.server.port)
        _ = try probe.client.receive()
        let lines = try logged("flag", probe)
        #expect(lines == ["seen"])
        let early = try logged("early", probe)
        #expect(early == ["none"])
    }

    @Test func aDroppedTransactionAnswersNobody() throws {
        let probe = try probe(
            """
            if (method == "MESSAGE") { if (!t_drop()) xnotice("alone: no\\n"); sl_send_reply("200", "OK"); exit; }
            xnotice("script: $rm\\n");
            if ($rU == "relayed") { t_on_failure("F"); $du = "NEXT"; t_relay(); exit; }
            t_newtran();
            t_drop();
            xnotice("status: $T_reply_code\\n");
            if (!t_reply("200", "OK")) xnotice("reply: refused\\n");
            """, globals: "failure_route[F] { t_drop(\"480\"); xnotice(\"status: $T(reply_code)\\n\"); }\n")
        let request = probe.request(id: "dropped")
        try probe.client.send(request, to: probe.server.port)
        let status = try logged("status", probe)
        #expect(status == ["500"])
        let refused = try logged("reply", probe)
        #expect(refused == ["refused"])
        // Its retransmission is absorbed.
        try probe.client.send(request, to: probe.server.port)
        try probe.waitForNothing()
        #expect(try logged("script", probe) == ["OPTIONS"])

        let received = try probe.pass(probe.request("INVITE", user: "relayed", id: "dropped-late"))
        let trying = try probe.client.receive().message
        #expect(trying.statusCode == 100)
        try probe.nextHop.send(received.response(486, "Busy Here"), to: probe.server.port)
        try probe.waitForNothing()
        let more = probe.client.datagram(within: .milliseconds(1))
        #expect(more == nil)

        let alone = try probe.ask(probe.request("MESSAGE", id: "alone"))
        #expect(alone.statusCode == 200)
        let none = try logged("alone", probe)
        #expect(none == ["no"])
    }

    @Test func aFailedBranchIsUsedAgain() throws {
        let probe = try probe(
            """
            t_on_branch_failure("again");
            $ru = "sip:bob@example.invalid";
            $du = "NEXT";
            setbflag(2);
            t_relay();
            """,
            globals: """
                event_route[tm:branch-failure:again] {
                    xnotice("failed: $T_reply_code $T_branch(uri) $T_branch(flags) $T_branch_idx\\n");
                    if ($T_reply_code == 430) { t_reuse_branch(); append_hf("X-Again: $ru $du\\r\\n"); t_relay(); }
                }

                """)
        let first = try probe.pass(probe.request("INVITE", id: "reuse"))
        try probe.nextHop.send(first.response(430, "Flow Failed"), to: probe.server.port)
        let acknowledged = try probe.nextHop.receive().message
        #expect(acknowledged.method == "ACK")
        let second = try probe.nextHop.receive().message
        #expect(second.startLine == first.startLine)
        #expect(second.startLine == "INVITE sip:bob@example.invalid SIP/2.0")
        #expect(second.header("X-Again") == "sip:bob@example.invalid sip:\(probe.nextHop.address)")
        #expect(second.header("Via") != first.header("Via"))
        try probe.nextHop.send(second.response(200, "OK"), to: probe.server.port)
        _ = try probe.client.receive()
        let ok = try probe.client.receive().message
        #expect(ok.statusCode == 200)
        let lines = try logged("failed", probe)
        #expect(lines == ["430 sip:bob@example.invalid 4 0"])
    }

    @Test func nobodyElseWorksOnANewRequest() throws {
        let probe = try probe(
            """
            t_precheck_trans();
            $var(code) = $rc;
            t_newtran();
            t_precheck_trans();
            t_reply("200", "$var(code) $rc");
            """)
        let reply = try probe.ask(probe.request(id: "precheck"))
        #expect(reply.reason == "-1 -1")
    }

    @Test(arguments: [
        ("request_route { t_cancel_branches(\"all\"); }", "t_cancel_branches"),
        ("request_route { drop; } onreply_route[R] { t_cancel_branches(\"some\"); }", "t_cancel_branches"),
        ("request_route { t_reuse_branch(); }", "t_reuse_branch"),
        ("request_route { xlog(\"$T(nothing)\"); }", "T(nothing)"),
        ("request_route { xlog(\"$T_req\"); }", "T_req"),
    ])
    func mistakesAreFoundAtStart(_ script: String, _ name: String) throws {
        let result = try Server.check(
            ["xlog", "tm", "tmx"].map { "loadmodule \"\($0).so\"\n" }.joined() + script + "\n")
        #expect(!result.succeeded)
        #expect(result.errors.contains(name) || result.output.contains(name), "\(result.errors)")
    }

    @Test func aRouteThatIsNotThereIsSeenAtStart() throws {
        let result = try Server.check(
            "loadmodule \"tm.so\"\nloadmodule \"tmx.so\"\nrequest_route { t_continue(\"1\", \"2\", \"NOWHERE\"); }\n")
        #expect(result.output.contains("warning: no `route[NOWHERE]`"), "\(result.output)")
    }

    @Test func tmxNeedsTm() throws {
        let result = try Server.check("loadmodule \"tmx.so\"\nrequest_route { drop; }\n")
        #expect(!result.succeeded)
        #expect(result.errors.contains("tm/1") || result.output.contains("tm/1"), "\(result.errors)")
    }
}
