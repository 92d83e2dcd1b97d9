import Testing

/// What replies do in a transaction, and the routes that see them.
@Suite struct TmRoutesTests {
    private let serial = """
        request_route {
            t_on_failure("FIRST");
            $ru = "sip:a@A";
            t_relay();
        }
        failure_route[FIRST] {
            xerr("first $ru\\n");
            if (t_check_status("4[0-9]4")) {
                t_on_failure("SECOND");
                append_branch("sip:b@B");
                t_relay();
            }
        }
        failure_route[SECOND] { xerr("second $ru\\n"); }
        """

    /// Once for each leg, with the URI of the first relaying; which reply then wins is `failure_reply_mode`'s.
    @Test(arguments: [(0, 404), (2, 486), (3, 486)])
    func aFailureRouteStartsTheNextLeg(mode: Int, expected: Int) throws {
        let calls = try Calls(serial, parameters: ["\"failure_reply_mode\", \(mode)"])
        let invite = calls.invite("serial")
        try calls.send(invite)
        try calls.answer(404, at: calls.a)
        let second = try calls.answer(486, at: calls.b)
        #expect(second.startLine == "INVITE sip:b@\(calls.b.address) SIP/2.0")
        let outcome = try calls.outcome(invite)
        #expect(outcome.statusCode == expected)
        let acknowledged = try calls.take("ACK", at: calls.b)
        #expect(acknowledged.header("Via") == second.header("Via"))
        try calls.server.waitForLog("second")
        let log = calls.server.log
        #expect(log.count(of: "first sip:a@\(calls.a.address)") == 1)
        #expect(log.count(of: "second sip:a@\(calls.a.address)") == 1)
    }

    private let parallel = """
        request_route {
            $ru = "sip:a@A";
            append_branch("sip:b@B");
            t_relay();
        }
        """

    @Test(arguments: [
        (404, 486, 404), (486, 404, 404), (500, 486, 486), (302, 404, 302), (404, 401, 401), (484, 407, 407),
        (603, 404, 603), (404, 603, 603), (503, 500, 500), (503, 503, 500), (480, 503, 480), (600, 603, 600),
    ])
    func theBestReplyWins(first: Int, second: Int, expected: Int) throws {
        let calls = try Calls(parallel)
        let invite = calls.invite("best")
        try calls.send(invite)
        let (one, two) = (try calls.take("INVITE", at: calls.a), try calls.take("INVITE", at: calls.b))
        try calls.reply(first, one, from: calls.a)
        try calls.reply(second, two, from: calls.b)
        let outcome = try calls.outcome(invite)
        #expect(outcome.statusCode == expected)
    }

    @Test(arguments: [(1, 2, 1), (0, 1, 0)])
    func challengesOfAllBranchesReachTheCaller(aggregate: Int, challenges: Int, proxies: Int) throws {
        let calls = try Calls(parallel, parameters: ["\"aggregate_challenges\", \(aggregate)"])
        let invite = calls.invite("challenges")
        try calls.send(invite)
        try calls.answer(
            401, at: calls.a,
            headers: ["WWW-Authenticate: Digest realm=\"one\"", "WWW-Authenticate: Digest realm=\"two\""])
        try calls.answer(407, at: calls.b, headers: ["Proxy-Authenticate: Digest realm=\"three\""])
        let outcome = try calls.outcome(invite)
        #expect(outcome.statusCode == 401)
        let own = outcome.headers("WWW-Authenticate")
        #expect(own == ["Digest realm=\"one\"", "Digest realm=\"two\""])
        let others = outcome.headers("Proxy-Authenticate")
        #expect(others == (proxies == 1 ? ["Digest realm=\"three\""] : []))
    }

    @Test func aSuccessCancelsTheOthersAndLaterOnesPass() throws {
        let calls = try Calls(parallel)
        let invite = calls.invite("success")
        try calls.send(invite)
        let (one, two) = (try calls.answer(180, at: calls.a), try calls.answer(180, at: calls.b))
        try calls.reply(200, one, from: calls.a)
        let outcome = try calls.outcome(invite)
        #expect(outcome.startLine == "SIP/2.0 200 Test 200")
        #expect(outcome.headers("Via").count == 1)
        let cancel = try calls.take("CANCEL", at: calls.b)
        #expect(cancel.header("Via") == two.header("Via"))
        #expect(cancel.header("Reason") == "SIP;cause=200")
        // The answer crosses our CANCEL.
        try calls.reply(200, cancel, from: calls.b)
        try calls.b.send(
            two.response(200, "Late").replacing(";tag=answered", with: ";tag=late"), to: calls.server.port)
        let late = try calls.outcome(invite)
        #expect(late.startLine == "SIP/2.0 200 Late")
        // The first one again, too.
        try calls.reply(200, one, from: calls.a)
        let again = try calls.outcome(invite)
        #expect(again.startLine == "SIP/2.0 200 Test 200")
    }

    @Test(arguments: [0, 1]) func a6xxCancelsTheOthersAndWaitsForThem(disabled: Int) throws {
        // What the script says counts more than the parameter.
        let calls = try Calls(
            disabled == 0 ? parallel : parallel.replacing("$ru =", with: "t_set_disable_6xx(0); $ru ="),
            parameters: [#""disable_6xx_block", \#(disabled)"#])
        let invite = calls.invite("decline")
        try calls.send(invite)
        let (one, two) = (try calls.take("INVITE", at: calls.a), try calls.answer(180, at: calls.b))
        let ringing = try calls.answer()
        #expect(ringing.statusCode == 180)
        try calls.reply(603, one, from: calls.a)
        let cancel = try calls.take("CANCEL", at: calls.b)
        try calls.reply(200, cancel, from: calls.b)
        let early = calls.caller.datagram(within: .milliseconds(100))
        #expect(early == nil)
        try calls.reply(487, two, from: calls.b)
        let outcome = try calls.outcome(invite)
        #expect(outcome.statusCode == 603)
    }

    @Test func a6xxIsAsAnyOtherWhereTheScriptSaysSo() throws {
        let calls = try Calls(parallel.replacing("$ru =", with: "t_set_disable_6xx(1); $ru ="))
        let invite = calls.invite("lenient")
        try calls.send(invite)
        let (one, two) = (try calls.take("INVITE", at: calls.a), try calls.answer(180, at: calls.b))
        try calls.reply(603, one, from: calls.a)
        _ = try calls.take("ACK", at: calls.a)
        try calls.reply(200, two, from: calls.b)
        let outcome = try calls.outcome(invite)
        #expect(outcome.statusCode == 200)
        let cancel = calls.b.datagram(within: .milliseconds(100))
        #expect(cancel == nil)
    }

    @Test(arguments: [(1, 500), (0, 503)])
    func a503DoesNotSpeakForThisServer(remap: Int, expected: Int) throws {
        let calls = try Calls(
            #"request_route { $ru = "sip:a@A"; t_relay(); }"#, parameters: ["\"remap_503_500\", \(remap)"])
        let invite = calls.invite("overload")
        try calls.send(invite)
        try calls.answer(503, at: calls.a)
        let outcome = try calls.outcome(invite)
        #expect(outcome.statusCode == expected)
    }

    @Test func aTimeoutIs408InTheFailureRoute() throws {
        let calls = try Calls(
            """
            request_route { t_on_failure("LATE"); $ru = "sip:a@A"; t_relay(); }
            failure_route[LATE] {
                if (t_check_status("408")) xerr("checked\\n");
                if (t_branch_timeout() && t_any_timeout() && t_grep_status("408")) xerr("timed out\\n");
                if (!t_branch_replied() && !t_any_replied() && !t_is_canceled()) xerr("unanswered\\n");
                $ru = "sip:b@B";
                t_set_fr(0, 30000);
                t_relay();
            }
            """, parameters: [#""fr_timer", "400ms""#])
        let invite = calls.invite("late")
        try calls.send(invite)
        _ = try calls.take("INVITE", at: calls.a)
        try calls.answer(200, at: calls.b)
        let outcome = try calls.outcome(invite)
        #expect(outcome.statusCode == 200)
        for text in ["checked", "timed out", "unanswered"] { try calls.server.waitForLog(text) }
    }

    @Test func nobodyAnswersAtAll() throws {
        let calls = try Calls(
            #"request_route { $ru = "sip:a@A"; t_relay(); }"#,
            parameters: [#""fr_timer", "300ms""#, #""reply_408_reason", "Nobody There""#])
        let invite = calls.invite("nobody")
        try calls.send(invite)
        let outcome = try calls.outcome(invite)
        #expect(outcome.startLine == "SIP/2.0 408 Nobody There")
    }

    @Test func anInviteThatNobodyAnsweredEndsSilentlyWhereWanted() throws {
        let calls = try Calls(
            """
            request_route { if ($rU == "loud") t_on_failure("LOUD"); $ru = "sip:a@A"; t_relay(); }
            failure_route[LOUD] { xerr("loud\\n"); }
            """, parameters: [#""fr_timer", "300ms""#, #""noisy_ctimer", 0"#])
        let silent = calls.invite("silent")
        try calls.send(silent)
        let trying = try calls.caller.receive().message
        #expect(trying.statusCode == 100)
        let loud = calls.invite("loud", user: "loud")
        try calls.send(loud)
        let outcome = try calls.outcome(loud)
        #expect(outcome.statusCode == 408)
        #expect(outcome.header("Call-ID") == "loud@tests")
        let other = calls.caller.datagram(within: .milliseconds(100))
        #expect(other == nil)
    }

    @Test func anOnreplyRouteEditsTheReply() throws {
        let calls = try Calls(
            """
            request_route { t_on_reply("EDIT"); $ru = "sip:a@A"; t_relay(); }
            onreply_route[EDIT] {
                if (t_check_status("183")) drop;
                if (status == "200") { remove_hf("X-Secret"); append_hf("X-Seen: $rs\\r\\n"); }
                subst("/Contact: <sip:private@10.0.0.1>/Contact: <sip:public@192.0.2.1>/");
            }
            """)
        let invite = calls.invite("edit")
        try calls.send(invite)
        let received = try calls.answer(183, at: calls.a)
        try calls.reply(180, received, from: calls.a)
        let ringing = try calls.answer()
        #expect(ringing.statusCode == 180)
        try calls.reply(
            200, received, from: calls.a, headers: ["X-Secret: 1", "Contact: <sip:private@10.0.0.1>"])
        let outcome = try calls.outcome(invite)
        #expect(outcome.header("X-Secret") == nil)
        #expect(outcome.header("X-Seen") == "200")
        #expect(outcome.header("Contact") == "<sip:public@192.0.2.1>")
    }

    /// Its branch flags are those of the branch that has answered.
    @Test func anOnreplyRouteKnowsTheBranch() throws {
        let calls = try Calls(
            """
            request_route {
                t_on_reply("FLAGS");
                $ru = "sip:a@A";
                append_branch("sip:b@B");
                setbflag(6);
                setbflag(31, 1);
                t_relay();
            }
            onreply_route[FLAGS] {
                if (isbflagset(6)) append_hf("X-Six: yes\\r\\n"); else append_hf("X-Six: no\\r\\n");
                if (isbflagset(31)) append_hf("X-Last: yes\\r\\n"); else append_hf("X-Last: no\\r\\n");
            }
            """)
        let invite = calls.invite("flags")
        try calls.send(invite)
        try calls.reply(180, calls.take("INVITE", at: calls.a), from: calls.a)
        let ringing = try calls.answer()
        #expect(ringing.header("X-Six") == "yes" && ringing.header("X-Last") == "no")
        try calls.reply(200, calls.take("INVITE", at: calls.b), from: calls.b)
        let outcome = try calls.outcome(invite)
        #expect(outcome.header("X-Six") == "no" && outcome.header("X-Last") == "yes")
    }

    /// A branch's own onreply_route goes before the transaction's; a final reply cannot be dropped.
    @Test func aBranchHasItsOwnOnreplyRoute() throws {
        let calls = try Calls(
            """
            request_route {
                t_on_reply("ALL");
                t_on_branch("EACH");
                $ru = "sip:a@A";
                append_branch("sip:b@B");
                t_relay();
            }
            branch_route[EACH] { if ($rU == "b") t_on_reply("MINE"); }
            onreply_route[ALL] { xerr("all $rs\\n"); drop; }
            onreply_route[MINE] { xerr("mine $rs\\n"); drop; }
            """)
        let invite = calls.invite("own")
        try calls.send(invite)
        try calls.answer(480, at: calls.a)
        try calls.answer(486, at: calls.b)
        let outcome = try calls.outcome(invite)
        #expect(outcome.statusCode == 480)
        try calls.server.waitForLog("all 480")
        try calls.server.waitForLog("mine 486")
        let log = calls.server.log
        #expect(!log.contains("all 486"))
        #expect(!log.contains("mine 480"))
    }

    @Test func flagsAndAVPsAreTheTransactions() throws {
        let calls = try Calls(
            """
            request_route {
                t_on_reply("R");
                t_on_failure("F");
                setflag(3);
                $avp(trail) = "request";
                $ru = "sip:a@A";
                t_relay();
            }
            onreply_route[R] {
                if (isflagset(3)) setflag(4);
                $avp(trail) = $avp(trail) + "-" + $rs;
            }
            failure_route[F] {
                if (isflagset(3) && isflagset(4)) { resetflag(3); t_reply("480", "$avp(trail)"); }
            }
            """)
        let invite = calls.invite("shared")
        try calls.send(invite)
        let received = try calls.answer(180, at: calls.a)
        try calls.reply(486, received, from: calls.a)
        let outcome = try calls.outcome(invite)
        #expect(outcome.startLine == "SIP/2.0 480 request-180-486")
    }

    @Test func aBranchFailureEventReplacesOneBranchWhileTheOtherRings() throws {
        let calls = try Calls(
            """
            request_route {
                t_on_branch_failure("next");
                $ru = "sip:a@A";
                append_branch("sip:b@B");
                t_relay();
            }
            event_route[tm:branch-failure:next] {
                if (t_check_status("486")) xerr("failed 486\\n");
                if (t_check_status("404")) xerr("failed 404\\n");
                if (t_check_status("486") && !t_branch_replied() && t_any_replied() && !t_branch_timeout()) {
                    append_branch("sip:c@C");
                    t_relay();
                }
            }
            """)
        let invite = calls.invite("branch")
        try calls.send(invite)
        let ringing = try calls.answer(180, at: calls.b)
        try calls.answer(486, at: calls.a)
        try calls.answer(404, at: calls.c)
        _ = try calls.take("ACK", at: calls.c)
        try calls.reply(200, ringing, from: calls.b)
        let outcome = try calls.outcome(invite)
        #expect(outcome.statusCode == 200)
        // The second one is told of before the 200 is dealt with.
        try calls.server.waitForLog("failed 404")
        let log = calls.server.log
        #expect(log.count(of: "failed 486") == 1)
        #expect(log.count(of: "failed 404") == 1)
    }

    /// The reply that a route deals with is none that came before.
    @Test(arguments: [true, false]) func earlierRepliesAreTold(rings: Bool) throws {
        let calls = try Calls(
            """
            request_route { t_on_reply("R"); t_on_failure("F"); $ru = "sip:a@A"; t_relay(); }
            onreply_route[R] { if (t_any_replied()) xerr("$rs after another\\n"); else xerr("$rs first\\n"); }
            failure_route[F] {
                if (t_branch_replied()) xerr("branch rang\\n"); else xerr("branch refused\\n");
                if (t_any_replied()) xerr("some rang\\n"); else xerr("all refused\\n");
            }
            """)
        let invite = calls.invite("earlier")
        try calls.send(invite)
        let received = try calls.take("INVITE", at: calls.a)
        if rings {
            try calls.reply(180, received, from: calls.a)
            let ringing = try calls.answer()
            #expect(ringing.statusCode == 180)
        }
        try calls.reply(486, received, from: calls.a)
        try calls.outcome(invite)
        let expected =
            rings
            ? ["180 first", "486 after another", "branch rang", "some rang"]
            : ["486 first", "branch refused", "all refused"]
        try calls.server.waitForLog(expected[expected.count - 1])
        let log = calls.server.log
        for text in expected { #expect(log.count(of: text) == 1, "\(text)") }
    }

    @Test func whatComesWhileAnOnreplyRouteWaitsIsDealtWithInOrder() throws {
        let calls = try Calls(
            """
            request_route { t_on_reply("SLOW"); $ru = "sip:a@A"; t_relay(); }
            onreply_route[SLOW] {
                if (status == "180") wait(200);
                append_hf("X-Seen: $rs\\r\\n");
            }
            """, modules: ["waits"])
        let invite = calls.invite("slow")
        try calls.send(invite)
        let received = try calls.answer(180, at: calls.a)
        try calls.reply(183, received, from: calls.a)
        try calls.reply(200, received, from: calls.a)
        for code in [180, 183, 200] {
            let reply = try calls.answer()
            #expect(reply.statusCode == code)
            #expect(reply.header("X-Seen") == "\(code)")
        }
    }

    @Test func aFailureRouteMayWait() throws {
        let calls = try Calls(
            """
            request_route { t_on_failure("SLOW"); $ru = "sip:a@A"; t_relay(); }
            failure_route[SLOW] { wait(100); $ru = "sip:b@B"; t_relay(); wait(100); }
            """, modules: ["waits"])
        let invite = calls.invite("thinking")
        try calls.send(invite)
        try calls.answer(486, at: calls.a)
        // The answer comes while the route waits again.
        try calls.answer(200, at: calls.b)
        let outcome = try calls.outcome(invite)
        #expect(outcome.statusCode == 200)
    }

    @Test func aCancelWhileAFailureRouteWaitsEndsTheCall() throws {
        let calls = try Calls(
            """
            request_route {
                if (is_method("CANCEL")) { t_relay_cancel(); exit; }
                t_on_failure("SLOW");
                $ru = "sip:a@A";
                t_relay();
            }
            failure_route[SLOW] {
                xerr("waiting\\n");
                wait(400);
                if (t_is_canceled()) xerr("canceled\\n");
                $ru = "sip:b@B";
                t_relay();
            }
            """, modules: ["waits"])
        let invite = calls.invite("gone")
        try calls.send(invite)
        try calls.answer(486, at: calls.a)
        try calls.server.waitForLog("waiting")
        try calls.cancel(invite)
        let cancelled = try calls.answer()
        #expect(cancelled.header("CSeq") == "1 CANCEL")
        #expect(cancelled.statusCode == 200)
        let outcome = try calls.outcome(invite)
        #expect(outcome.statusCode == 487)
        try calls.server.waitForLog("canceled")
        let nothing = calls.b.datagram(within: .milliseconds(100))
        #expect(nothing == nil)
    }

    @Test func armedRoutesCanBeTakenBack() throws {
        let calls = try Calls(
            """
            request_route {
                t_on_failure("F");
                t_on_reply("R");
                if (t_is_set("failure_route") && t_is_set("onreply_route") && !t_is_set("branch_route"))
                    xerr("armed\\n");
                t_on_failure("0");
                t_on_reply("");
                if (!t_is_set("failure_route") && !t_is_set("onreply_route")) xerr("disarmed\\n");
                $ru = "sip:a@A";
                t_relay();
            }
            failure_route[F] { xerr("ran F\\n"); }
            onreply_route[R] { xerr("ran R\\n"); }
            """)
        let invite = calls.invite("disarmed")
        try calls.send(invite)
        try calls.answer(486, at: calls.a)
        let outcome = try calls.outcome(invite)
        #expect(outcome.statusCode == 486)
        try calls.server.waitForLog("disarmed")
        let log = calls.server.log
        #expect(log.count(of: "armed") == 2)
        #expect(!log.contains("ran "))
    }

    @Test func droppedRepliesCountNoMore() throws {
        let calls = try Calls(
            serial.replacing("append_branch", with: "t_drop_replies(\"n\"); append_branch"))
        let invite = calls.invite("kept")
        try calls.send(invite)
        try calls.answer(404, at: calls.a)
        try calls.answer(486, at: calls.b)
        let outcome = try calls.outcome(invite)
        #expect(outcome.statusCode == 404)
    }

    /// The onreply_route of `on_sl_reply` decides about replies that belong to nothing, and may wait.
    @Test func repliesThatMatchNothingGoThroughTheirRoute() throws {
        let calls = try Calls(
            """
            request_route { exit; }
            onreply_route[STRAY] {
                xerr("stray $rs\\n");
                if (status == "486") drop;
                if (status == "480") wait(50);
                if (status == "404") return 0;
            }
            """, parameters: [#""on_sl_reply", "STRAY""#], modules: ["waits"])
        let request = SIPText(calls.invite("stray"))
        for code in [486, 404, 480, 483] {
            let reply = request.response(code, "Stray").replacing(
                "Via: SIP/2.0/UDP",
                with: "Via: SIP/2.0/UDP \(calls.server.address);branch=z9hG4bKnothing\r\nVia: SIP/2.0/UDP")
            try calls.a.send(reply, to: calls.server.port)
            try calls.server.waitForLog("stray \(code)")
            guard code != 486 && code != 404 else { continue }
            let passed = try calls.answer()
            #expect(passed.statusCode == code)
            #expect(passed.headers("Via").count == 1)
        }
        let dropped = calls.caller.datagram(within: .milliseconds(100))
        #expect(dropped == nil)
    }
}
