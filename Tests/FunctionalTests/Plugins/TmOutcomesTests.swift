import Testing

/// Which reply the caller gets, as the parameters of tm and the script have it.
@Suite struct TmOutcomesTests {
    private let parallel = #"request_route { $ru = "sip:a@A"; append_branch("sip:b@B"); t_relay(); }"#

    /// Both branches are refused; what the caller gets.
    private func outcome(of first: Int, _ second: Int, parameters: [String] = []) throws -> SIPText {
        let calls = try Calls(parallel, parameters: parameters)
        let invite = calls.invite("outcome")
        try calls.send(invite)
        let (one, two) = (try calls.take("INVITE", at: calls.a), try calls.take("INVITE", at: calls.b))
        try calls.reply(first, one, from: calls.a)
        try calls.reply(second, two, from: calls.b)
        return try calls.outcome(invite)
    }

    /// What the caller can do something about goes before other 4xx.
    @Test(arguments: [
        (404, 415, 415), (404, 420, 420), (415, 401, 401), (420, 415, 415), (484, 420, 420), (399, 400, 399),
        (599, 600, 600), (599, 499, 499),
    ])
    func theOrderOfReplies(first: Int, second: Int, expected: Int) throws {
        let reply = try outcome(of: first, second)
        #expect(reply.statusCode == expected)
    }

    @Test(arguments: [(0, 404), (1, 486)]) func a6xxIsAsAnyOtherByParameter(disabled: Int, expected: Int) throws {
        let calls = try Calls(parallel, parameters: ["\"disable_6xx_block\", \(disabled)"])
        let invite = calls.invite("declined")
        try calls.send(invite)
        let (one, two) = (try calls.take("INVITE", at: calls.a), try calls.answer(180, at: calls.b))
        let ringing = try calls.answer()
        #expect(ringing.statusCode == 180)
        try calls.reply(603, one, from: calls.a)
        _ = try calls.take("ACK", at: calls.a)
        if disabled == 1 {
            // The other one still rings, and answers.
            try calls.reply(200, two, from: calls.b)
            let outcome = try calls.outcome(invite)
            #expect(outcome.statusCode == 200)
            let cancels = calls.b.waiting().filter { $0.method == "CANCEL" }
            #expect(cancels.isEmpty)
        } else {
            try calls.reply(200, calls.take("CANCEL", at: calls.b), from: calls.b)
            try calls.reply(487, two, from: calls.b)
            let outcome = try calls.outcome(invite)
            #expect(outcome.statusCode == 603)
        }
    }

    /// A timeout of the server's own competes with what the other branch has said.
    @Test(arguments: [(0, 408), (2000, 480)]) func repliesMadeHereMayCountLess(priority: Int, expected: Int) throws {
        let calls = try Calls(
            parallel, parameters: ["\"faked_reply_prio\", \(priority)", #""fr_timer", "600ms""#])
        let invite = calls.invite("priority")
        try calls.send(invite)
        _ = try calls.take("INVITE", at: calls.a)
        try calls.answer(480, at: calls.b)
        let outcome = try calls.outcome(invite)
        #expect(outcome.statusCode == expected)
    }

    private let legs = """
        request_route { t_on_failure("FIRST"); $ru = "sip:a@A"; t_relay(); }
        failure_route[FIRST] { FIRST t_on_failure("SECOND"); append_branch("sip:b@B"); t_relay(); }
        failure_route[SECOND] { SECOND append_branch("sip:c@C"); t_relay(); }
        """

    /// Three legs, 404, 486 and 480: which of their replies still count, as `failure_reply_mode` and t_drop_replies have it.
    @Test(arguments: [
        (0, "", "", 404), (1, "", "", 480), (2, "", "", 480), (3, "", "", 480),
        // The first leg's reply was kept: 2 drops the one before only.
        (2, #"t_drop_replies("n");"#, "", 404), (3, #"t_drop_replies("n");"#, "", 480),
        (1, #"t_drop_replies("n");"#, "", 480), (3, #"t_drop_replies("n");"#, #"t_drop_replies("n");"#, 404),
        (0, #"t_drop_replies("l");"#, "", 480), (0, "", #"t_drop_replies("l");"#, 404),
        (0, "", #"t_drop_replies("a");"#, 480), (0, "", "t_drop_replies();", 480),
    ])
    func repliesOfEarlierLegs(mode: Int, first: String, second: String, expected: Int) throws {
        let calls = try Calls(
            legs.replacing("FIRST] { FIRST", with: "FIRST] { \(first)")
                .replacing("SECOND] { SECOND", with: "SECOND] { \(second)"),
            parameters: ["\"failure_reply_mode\", \(mode)"])
        let invite = calls.invite("legs")
        try calls.send(invite)
        try calls.answer(404, at: calls.a)
        try calls.answer(486, at: calls.b)
        try calls.answer(480, at: calls.c)
        let outcome = try calls.outcome(invite)
        #expect(outcome.statusCode == expected)
    }

    /// t_drop_replies counts when a branch is added or a reply sent, only.
    @Test func droppingWithoutANewBranchDropsNothing() throws {
        let calls = try Calls(
            """
            request_route { t_on_failure("F"); $ru = "sip:a@A"; t_relay(); }
            failure_route[F] { t_drop_replies(); }
            """)
        let invite = calls.invite("nothing")
        try calls.send(invite)
        try calls.answer(486, at: calls.a)
        let outcome = try calls.outcome(invite)
        #expect(outcome.statusCode == 486)
    }

    /// A failure route that changes nothing adds no branch, whatever it calls.
    @Test func theSameDestinationIsNoNewBranch() throws {
        let calls = try Calls(
            """
            request_route { t_on_failure("F"); $ru = "sip:a@A"; t_relay(); }
            failure_route[F] { if (!t_relay()) xerr("nowhere\\n"); }
            """)
        let invite = calls.invite("same")
        try calls.send(invite)
        try calls.answer(486, at: calls.a)
        let outcome = try calls.outcome(invite)
        #expect(outcome.statusCode == 486)
        try calls.server.waitForLog("nowhere")
        let more = calls.a.waiting().filter { $0.method == "INVITE" }
        #expect(more.isEmpty)
    }

    @Test func theTimeoutHasACodeOfItsOwn() throws {
        let calls = try Calls(
            parallel,
            parameters: [#""fr_timer", "300ms""#, #""reply_408_code", 480"#, #""reply_408_reason", "Nobody There""#])
        let invite = calls.invite("code")
        try calls.send(invite)
        let outcome = try calls.outcome(invite)
        #expect(outcome.startLine == "SIP/2.0 480 Nobody There")
    }

    /// A 100 is of one hop: the caller gets the server's own, and no other.
    @Test func a100IsNotForwarded() throws {
        let probe = try Probe.tm(parameters: [#""auto_inv_100_reason", "please wait""#])
        let invite = probe.request("INVITE", id: "hundred")
        let received = try probe.pass(invite)
        try probe.answer(received, 100, "Foreign")
        try probe.answer(received, 180, "Ringing")
        try probe.answer(received, 486, "Busy Here")
        var seen: [String] = []
        while seen.last != "SIP/2.0 486 Busy Here" { seen.append(try probe.client.receive().message.startLine) }
        #expect(seen == ["SIP/2.0 100 please wait", "SIP/2.0 180 Ringing", "SIP/2.0 486 Busy Here"])
    }

    @Test func withoutTheParameterThereIsNo100() throws {
        let probe = try Probe.tm(parameters: [#""auto_inv_100", 0"#])
        let received = try probe.pass(probe.request("INVITE", id: "none"))
        try probe.answer(received, 180)
        let first = try probe.client.receive().message
        #expect(first.statusCode == 180)
    }

    /// A 200 whose onreply_route waited while the caller got another final reply.
    @Test(arguments: [0, 1]) func a2xxThatComesTooLate(mode: Int) throws {
        let calls = try Calls(
            """
            request_route {
                if (method == "MESSAGE") { t_reply_callid("late@tests", "1", "404", "By Another"); exit; }
                t_on_reply("SLOW");
                $ru = "sip:a@A";
                t_relay();
            }
            onreply_route[SLOW] { xerr("waits\\n"); wait(1000); xerr("goes on\\n"); }
            """, parameters: ["\"reply_relay_mode\", \(mode)"], modules: ["waits"], products: ["tmx"])
        let invite = calls.invite("late")
        try calls.send(invite)
        try calls.answer(200, at: calls.a)
        try calls.server.waitForLog("waits")
        try calls.send(
            SIPText.request("MESSAGE", "sip:x@\(calls.server.address)", from: calls.caller.address, id: "late", cseq: 2)
        )
        let outcome = try calls.outcome(invite)
        #expect(outcome.startLine == "SIP/2.0 404 By Another")
        try calls.server.waitForLog("goes on")
        if mode == 0 {
            try calls.caller.reply(200)
        } else {
            try calls.caller.staysSilent(for: .milliseconds(300))
        }
    }

    // MARK: - Failures to send

    /// A destination without a listener that leads there.
    private let nowhere = #"$du = "sip:127.0.0.1:9;transport=tls"; "#

    @Test(arguments: [0, 1]) func aBranchThatCannotBeSent(mode: Int) throws {
        let probe = try Probe.tm(
            #"t_on_failure("F"); "# + nowhere + #"if (t_relay()) xerr("relayed\n"); else xerr("not relayed\n");"#,
            parameters: ["\"failure_exec_mode\", \(mode)"],
            globals: #"failure_route[F] { xerr("failed\n"); $du = "NEXT"; t_relay(); }"# + "\n")
        let request = probe.request(id: "unsent")
        try probe.send(request)
        if mode == 1 {
            let received = try probe.nextHop.next("OPTIONS")
            try probe.answer(received, 200)
            _ = try probe.client.reply(200)
            try probe.server.waitForLog("failed")
        } else {
            _ = try probe.client.reply(478)
            try probe.server.waitForLog("not relayed")
        }
        try probe.waitForNothing()
        let log = probe.server.log
        #expect(log.contains("not relayed") == (mode == 0))
        #expect(log.contains("<script>: failed") == (mode == 1))
    }

    /// Whether the script may still answer for itself.
    @Test(arguments: [0, 1]) func whenAFailureIsAnswered(delayed: Int) throws {
        let probe = try Probe.tm(
            nowhere + #"t_relay(); if (t_reply("480", "Own")) xerr("own\n"); else xerr("too late\n");"#,
            parameters: ["\"delayed_reply\", \(delayed)"])
        let reply = try probe.ask(probe.request(id: "delayed"))
        #expect(reply.statusCode == (delayed == 1 ? 480 : 478))
        try probe.server.waitForLog(delayed == 1 ? "own" : "too late")
        try probe.waitForNothing()
    }

    /// t_relay_to's flags: 1 no 100, 2 no reply for a failure.
    @Test func flagsOfARelay() throws {
        let probe = try Probe.tm(
            """
            if ($rU == "quiet") { $du = "NEXT"; t_relay_to("1"); exit; }
            if ($rU == "unsent") { \(nowhere) t_relay_to("2"); xerr("failed with $rc\\n"); exit; }
            if ($rU == "switched") { t_set_disable_internal_reply(1); \(nowhere) t_relay(); xerr("switched $rc\\n"); exit; }
            """)
        let received = try probe.pass(probe.request("INVITE", user: "quiet", id: "quiet"))
        try probe.answer(received, 180)
        let first = try probe.client.receive().message
        #expect(first.statusCode == 180)
        for (user, text) in [("unsent", "failed with -1"), ("switched", "switched -1")] {
            try probe.send(probe.request(user: user, id: user))
            try probe.server.waitForLog(text)
        }
        let more = probe.client.waiting().filter { $0.header("CSeq") == "1 OPTIONS" }
        #expect(more.isEmpty)
    }

    // MARK: - Replies of the script

    @Test func repliesThatCannotBeRead() throws {
        let probe = try Probe.tm(
            #"t_newtran(); $var(empty) = ""; if ($rU == "code") t_reply("$ru", "Lost"); else t_reply("480", "$var(empty)");"#,
            parameters: [#""default_code", 499"#, #""default_reason", "Misread""#])
        let code = try probe.ask(probe.request(user: "code", id: "code"))
        #expect(code.startLine == "SIP/2.0 499 Misread")
        let reason = try probe.ask(probe.request(user: "reason", id: "reason"))
        #expect(reason.startLine == "SIP/2.0 480 Misread")
    }

    @Test(arguments: ["399", "700"]) func theDefaultCodeIsAFailure(code: String) throws {
        let result = try Server.check(
            "loadmodule \"tm.so\"\nmodparam(\"tm\", \"default_code\", \(code))\nrequest_route { exit; }\n")
        let warning = "`default_code` of module `tm` is a number from 400 to 699, not \(code)"
        #expect(result.succeeded && result.output.contains(warning), "\(result.output)")
    }

    /// A code that is none of SIP's is sent, and told of when the config is read.
    @Test(arguments: [("699", false), ("700", true), ("999", true)]) func oddCodesAreToldOf(code: String, isTold: Bool)
        throws
    {
        let server = try Server { port in
            """
            listen=udp:127.0.0.1:\(port)
            loadmodule "tm.so"
            request_route { t_reply("\(code)", "Odd"); }

            """
        }
        let log = server.log
        #expect(log.contains("\(code) is no status code of SIP") == isTold, "\(log)")
    }

    @Test(arguments: [
        (0, "<sip:b@192.0.2.2>;q=0.5"), (1, "<sip:b@192.0.2.2>;q=0.5;flags=8"),
        (2, "<sip:b@192.0.2.2?Route=%3Csip%3A192.0.2.9%3Blr%3E>;q=0.5"),
        (3, "<sip:b@192.0.2.2?Route=%3Csip%3A192.0.2.9%3Blr%3E>;q=0.5;flags=8"),
    ])
    func whatARedirectionSays(mode: Int, expected: String) throws {
        let folder = try TemporaryFolder()
        try CModule.build("contacts", into: folder.path)
        let probe = try Probe.tm(
            #"t_newtran(); rich_contact("sip:b@192.0.2.2", 500, 8, "<sip:192.0.2.9;lr>"); t_reply("302", "Moved");"#,
            parameters: ["\"rich_redirect\", \(mode)"], globals: "loadmodule \"\(folder.path)/contacts.so\"\n")
        let reply = try probe.ask(probe.request(id: "moved"))
        #expect(reply.header("Contact")?.contains(expected) == true, "\(reply)")
    }

    /// t_check_status in a request route is about the last reply sent.
    @Test func theLastReplySentIsChecked() throws {
        let probe = try Probe.tm(
            """
            t_newtran();
            if (t_check_status("[0-9]")) xerr("too early\\n");
            t_reply("183", "Soon");
            if (t_check_status("18[0-9]") && t_check_status("8") && !t_check_status("^2")) xerr("checked\\n");
            t_reply("200", "OK");
            if (t_check_status("^2..$")) xerr("checked again\\n");
            """)
        let reply = try probe.ask(probe.request("INVITE", id: "checked"))
        #expect(reply.statusCode == 200)
        try probe.server.waitForLog("checked again")
        let log = probe.server.log
        #expect(log.count(of: "checked") == 2 && !log.contains("too early"))
    }

    // MARK: - Loops

    /// A request that comes back unchanged: with `loop_checks` it is refused, without it goes round until its hops are used up.
    @Test(arguments: [(1, 482), (0, 483)]) func aLoop(checks: Int, expected: Int) throws {
        let probe = try Probe.tm(
            """
            if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
            $du = "sip:127.0.0.1:PORT";
            t_relay();
            """, parameters: ["\"loop_checks\", \(checks)"], modules: ["maxfwd"])
        let reply = try probe.ask(probe.request(id: "loop", maxForwards: 6))
        #expect(reply.statusCode == expected)
        try probe.server.waitForLog("comes back unchanged")
        try probe.waitForNothing()
    }
}
