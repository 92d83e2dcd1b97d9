import Testing

/// The side of tm towards the caller: RFC 3261 section 17.2.
@Suite struct TmServerTests {
    /// A server that logs which scripts it runs.
    private func probe(
        _ script: String, parameters: [String] = [], modules: [String] = [], fr: String = "30s"
    ) throws -> Probe {
        try Probe.tm(
            """
            if ($rU == "mark") { xerr("mark $ci\\n"); exit; }
            xerr("script $rm $ci\\n");
            \(script)
            """, parameters: [#""fr_timer", "\#(fr)""#] + parameters, modules: modules)
    }

    /// The log once everything stands in it that requests with this id have caused so far: they come to the same worker.
    private func log(_ probe: borrowing Probe, _ id: String) throws -> String {
        let mark = SIPText.request(
            "OPTIONS", "sip:mark@\(probe.server.address)", from: probe.client.address, id: id, cseq: 99)
        try probe.client.send(mark, to: probe.server.port)
        try probe.server.waitForLog("mark \(id)@tests")
        return probe.server.log
    }

    @Test func aRetransmissionGetsTheLastReplyAgain() throws {
        let probe = try probe(#"t_newtran(); t_reply("200", "OK");"#)
        let request = probe.request(id: "again")
        let first = try probe.ask(request)
        #expect(first.statusCode == 200)
        let second = try probe.ask(request)
        #expect(second.text == first.text)
        #expect(first.header("To")?.contains(";tag=") == true)
        let log = try log(probe, "again")
        #expect(log.count(of: "script OPTIONS") == 1)
        try probe.waitForNothing()
        // It is a new request once the transaction has ended.
        let third = try probe.ask(request)
        #expect(third.header("To") != first.header("To"))
    }

    @Test func aNegativeReplyIsRepeatedUntilItsAckComes() throws {
        let probe = try probe(#"t_newtran(); t_reply("404", "Not Found");"#)
        let invite = probe.request("INVITE", id: "acked")
        let reply = try probe.ask(invite)
        #expect(reply.statusCode == 404)
        for _ in 0..<3 {
            let again = try probe.client.receive().message
            #expect(again.text == reply.text)
        }
        try probe.client.send(SIPText.ack(invite, reply), to: probe.server.port)
        // fr_timer is 30 seconds: only the ACK can have ended it.
        try probe.waitForNothing()
        let log = try log(probe, "acked")
        #expect(!log.contains("script ACK"))
    }

    @Test func withoutAnAckTheRepetitionEnds() throws {
        let probe = try probe(#"t_newtran(); t_reply("486", "Busy Here");"#, fr: "1000ms")
        _ = try probe.ask(probe.request("INVITE", id: "unacked"))
        try probe.waitForNothing()
        var copies = 0
        while probe.client.datagram(within: .milliseconds(50)) != nil { copies += 1 }
        // At 100, 300, 500, 700 and 900 ms: T1 doubling up to T2. A machine that is busy may miss some, but makes no more.
        #expect((1...5).contains(copies))
    }

    @Test func aFinalReplyIsSentOnce() throws {
        let probe = try probe(
            #"t_newtran(); t_reply("200", "First"); t_reply("500", "Second"); xerr("second gives $rc\n");"#)
        let reply = try probe.ask(probe.request(id: "twice"))
        #expect(reply.reason == "First")
        try probe.server.waitForLog("second gives -1")
        try probe.waitForNothing()
        let more = probe.client.datagram(within: .milliseconds(1))
        #expect(more == nil)
    }

    @Test func provisionalRepliesGoBeforeAFinalOne() throws {
        let probe = try probe(#"t_newtran(); t_reply("100", "Trying"); t_reply("183", "Soon"); t_reply("200", "OK");"#)
        try probe.client.send(probe.request("INVITE", id: "stages"), to: probe.server.port)
        let replies = try (0..<3).map { _ in try probe.client.receive().message }
        #expect(replies.map(\.statusCode) == [100, 183, 200])
        #expect(replies[0].header("To")?.contains(";tag=") == false)
        #expect(replies[1].header("To") == replies[2].header("To"))
        try probe.waitForNothing()
    }

    @Test func aSecondTransactionForOneRequestIsRefused() throws {
        let probe = try probe(#"t_newtran(); t_newtran(); xerr("gives $rc\n"); t_reply("200", "OK");"#)
        let reply = try probe.ask(probe.request(id: "second"))
        #expect(reply.statusCode == 200)
        let log = try log(probe, "second")
        #expect(log.contains("ERROR: t_newtran: transaction already in process"))
        #expect(log.contains("gives -1"))
    }

    @Test func cancelEndsAnInviteThatTheScriptAnswers() throws {
        let probe = try probe(
            """
            if (method == "CANCEL") { t_relay_cancel(); xerr("not known\\n"); exit; }
            t_newtran(); t_reply("180", "Ringing");
            """)
        let invite = probe.request("INVITE", id: "cancelled")
        try probe.client.send(invite, to: probe.server.port)
        let ringing = try probe.client.receive().message
        #expect(ringing.statusCode == 180)
        let cancel = SIPText.cancel(invite)
        try probe.client.send(cancel, to: probe.server.port)
        let answers = try [probe.client.receive().message, probe.client.receive().message]
        let toCancel = try #require(answers.first { $0.header("CSeq") == "1 CANCEL" })
        let toInvite = try #require(answers.first { $0.header("CSeq") == "1 INVITE" })
        #expect(toCancel.statusCode == 200)
        #expect(toInvite.statusCode == 487)
        #expect(toInvite.header("To") == toCancel.header("To"))
        #expect(toInvite.header("To") == ringing.header("To"))
        try probe.client.send(SIPText.ack(invite, toInvite), to: probe.server.port)
        try probe.waitForNothing()
        let log = try log(probe, "cancelled")
        #expect(!log.contains("not known"))
    }

    @Test func aCancelComesAgain() throws {
        let probe = try probe(
            """
            if (method == "CANCEL") { t_relay_cancel(); exit; }
            t_newtran(); t_reply("180", "Ringing");
            """)
        let invite = probe.request("INVITE", id: "recancelled")
        try probe.client.send(invite, to: probe.server.port)
        _ = try probe.client.receive()
        let first = try probe.ask(SIPText.cancel(invite))
        let second = try probe.ask(SIPText.cancel(invite))
        #expect(second.text == first.text)
        let log = try log(probe, "recancelled")
        #expect(log.count(of: "script CANCEL") == 1)
    }

    @Test func aCancelOfAnAnsweredInviteChangesNothing() throws {
        let probe = try probe(
            """
            if (method == "CANCEL") { t_relay_cancel(); exit; }
            t_newtran(); t_reply("200", "OK");
            """)
        let invite = probe.request("INVITE", id: "late")
        let ok = try probe.ask(invite)
        let reply = try probe.ask(SIPText.cancel(invite))
        #expect(reply.statusCode == 200)
        #expect(reply.header("To") == ok.header("To"))
        try probe.waitForNothing()
        let more = probe.client.datagram(within: .milliseconds(1))
        #expect(more == nil)
    }

    @Test func aCancelWithoutItsInviteIsTheScripts() throws {
        let probe = try probe(
            """
            if (t_lookup_cancel()) { xerr("known\\n"); }
            if (t_relay_cancel()) { sl_send_reply("481", "No Call"); }
            """)
        let reply = try probe.ask(SIPText.cancel(probe.request("INVITE", id: "stray")))
        #expect(reply.statusCode == 481)
        let log = try log(probe, "stray")
        #expect(!log.contains("known"))
    }

    @Test func theCancelGetsTheFlagsOfItsInvite() throws {
        let probe = try probe(
            """
            if (method == "CANCEL") {
                if (t_lookup_cancel("1") && isflagset(7)) { xerr("flag seen\\n"); }
                t_relay_cancel();
                exit;
            }
            setflag(7);
            t_newtran(); t_reply("180", "Ringing");
            """)
        let invite = probe.request("INVITE", id: "flags")
        try probe.client.send(invite, to: probe.server.port)
        _ = try probe.client.receive()
        try probe.client.send(SIPText.cancel(invite), to: probe.server.port)
        try probe.server.waitForLog("flag seen")
    }

    /// A 2xx made here: for t_check_trans its ACK has arrived, and there is nothing to pass on.
    @Test func theAckToA2xxIsTheScriptsAndFindsItsInvite() throws {
        let probe = try probe(
            """
            if (method == "ACK") {
                if (t_lookup_request()) xerr("looked up\\n");
                if (t_retransmit_reply()) xerr("sent again\\n");
                t_check_trans();
                xerr("passed on\\n");
                exit;
            }
            if (t_lookup_request()) xerr("found in vain\\n");
            if (t_check_trans()) xerr("checked in vain\\n");
            t_newtran(); t_reply("200", "OK");
            """)
        let invite = probe.request("INVITE", id: "ok")
        let ok = try probe.ask(invite)
        let own = SIPText.ack(invite, ok).replacing("branch=z9hG4bK-ok-1", with: "branch=z9hG4bK-ok-ack")
        try probe.client.send(own, to: probe.server.port)
        let again = try probe.client.receive().message
        #expect(again.text == ok.text)
        try probe.server.waitForLog("sent again")
        let early = try log(probe, "ok")
        #expect(early.contains("looked up"))
        #expect(!early.contains("in vain") && !early.contains("passed on"))
        try probe.waitForNothing()
        // Once it has ended nothing is found.
        try probe.client.send(own, to: probe.server.port)
        let last = try probe.ask(
            SIPText.request("OPTIONS", "sip:bob@\(probe.server.address)", from: probe.client.address, id: "ok", cseq: 2)
        )
        #expect(last.statusCode == 200)
        try probe.server.waitForLog("script OPTIONS ok@tests")
        #expect(probe.server.log.count(of: "looked up") == 1)
        #expect(probe.server.log.count(of: "passed on") == 1)
    }

    @Test func aReleasedTransactionAbsorbsRetransmissionsAndEnds() throws {
        let probe = try probe(#"t_newtran(); t_release(); xerr("gives $rc\n");"#)
        let request = probe.request(id: "released")
        try probe.client.send(request, to: probe.server.port)
        try probe.server.waitForLog("gives 1")
        try probe.client.send(request, to: probe.server.port)
        try probe.waitForNothing()
        let log = try log(probe, "released")
        #expect(log.count(of: "script OPTIONS") == 1)
        let more = probe.client.datagram(within: .milliseconds(1))
        #expect(more == nil)
    }

    @Test func aTransactionThatNobodyAnswersEnds() throws {
        let probe = try probe(#"t_newtran(); xerr("made $rc\n");"#)
        try probe.client.send(probe.request("INVITE", id: "left"), to: probe.server.port)
        try probe.server.waitForLog("made 1")
        try probe.waitForNothing()
        let more = probe.client.datagram(within: .milliseconds(1))
        #expect(more == nil)
    }

    @Test func theLifetimeBoundsAnInviteThatRings() throws {
        let probe = try probe(
            #"t_newtran(); t_reply("180", "Ringing");"#, parameters: [#""max_inv_lifetime", "500ms""#])
        let invite = probe.request("INVITE", id: "expired")
        let reply = try probe.ask(invite)
        #expect(reply.statusCode == 408)
        try probe.client.send(SIPText.ack(invite, reply), to: probe.server.port)
        try probe.waitForNothing()
    }

    @Test func peersWithoutTheBranchCookieAreMatchedByTheirFields() throws {
        let probe = try probe(
            """
            if (method == "CANCEL") { t_relay_cancel(); exit; }
            t_newtran();
            if ($rU == "rings") { t_reply("180", "Ringing"); exit; }
            t_reply("404", "Not Found");
            """)
        func old(_ request: String, _ id: String) -> String {
            request.replacing(";branch=z9hG4bK-\(id)-1", with: "")
        }
        let invite = old(probe.request("INVITE", id: "old"), "old")
        let reply = try probe.ask(invite)
        #expect(reply.statusCode == 404)
        let again = try probe.ask(invite)
        #expect(again.text == reply.text)
        let early = try log(probe, "old")
        #expect(early.count(of: "script INVITE old@tests") == 1)
        // Another Request-URI is another request (section 17.2.3).
        let other = try probe.ask(invite.replacing("INVITE sip:alice@", with: "INVITE sip:bob@"))
        #expect(other.header("To") != reply.header("To"))
        // The To tag of an old peer's ACK says nothing.
        try probe.client.send(SIPText.ack(invite, SIPText(invite)), to: probe.server.port)
        try probe.client.send(
            SIPText.ack(invite, SIPText(invite)).replacing("ACK sip:alice@", with: "ACK sip:bob@"),
            to: probe.server.port)
        try probe.waitForNothing()
        #expect(!probe.server.log.contains("script ACK"))

        let ringing = old(probe.request("INVITE", user: "rings", id: "rings"), "rings")
        try probe.client.send(ringing, to: probe.server.port)
        let cancelled = try probe.ask(SIPText.cancel(ringing))
        #expect(cancelled.statusCode == 200)
    }

    @Test func aRequestOfAnotherSenderWithTheSameBranchIsAnother() throws {
        let probe = try probe(#"t_newtran(); t_reply("200", "OK");"#)
        let request = probe.request(id: "twin")
        let first = try probe.ask(request)
        let sentBy = "UDP \(probe.client.address);"
        let other = try probe.ask(request.replacing(sentBy, with: "UDP 127.0.0.9:\(probe.client.address.port);rport;"))
        #expect(other.header("To") != first.header("To"))
    }

    @Test func codesOfNobodyAreSent() throws {
        let probe = try probe(
            """
            t_newtran();
            if ($rU == "six") { t_reply("699", "Finally"); }
            else if ($rU == "none") { t_reply("$ru", "No Code"); }
            else { t_reply("999", "Ours"); }
            """)
        let nine = try probe.ask(probe.request(id: "nine"))
        #expect(nine.startLine == "SIP/2.0 999 Ours")
        let six = try probe.ask(probe.request(user: "six", id: "six"))
        #expect(six.startLine == "SIP/2.0 699 Finally")
        let none = try probe.ask(probe.request(user: "none", id: "none"))
        #expect(none.startLine == "SIP/2.0 500 Server Internal Error")
        try probe.waitForNothing()
    }

    @Test func constantCodesAreCheckedAtStart() throws {
        func check(_ code: String) throws -> ToolResult {
            try Server.check("loadmodule \"tm.so\"\nrequest_route { t_reply(\"\(code)\", \"x\"); }\n")
        }
        let wrong = try check("42")
        #expect(!wrong.succeeded)
        #expect(wrong.output.contains("a status code is a number from 100 to 999"))
        let odd = try check("999")
        #expect(odd.succeeded)
    }

    @Test func sendReplyMakesTheTransactionItself() throws {
        let probe = try probe(#"t_send_reply("486", "Busy Here"); xerr("gives $rc\n");"#)
        let invite = probe.request("INVITE", id: "both")
        let reply = try probe.ask(invite)
        #expect(reply.statusCode == 486)
        try probe.server.waitForLog("gives 1")
        try probe.client.send(SIPText.ack(invite, reply), to: probe.server.port)
        try probe.waitForNothing()
    }

    @Test func withoutATransactionThereIsNoReply() throws {
        let probe = try probe(
            #"t_reply("200", "OK"); $var(a) = $rc; t_release(); $var(b) = $rc; t_retransmit_reply(); sl_send_reply("200", "$var(a) $var(b) $rc");"#
        )
        let reply = try probe.ask(probe.request(id: "alone"))
        #expect(reply.reason == "-1 -1 -1")
    }

    @Test func aRedirectionNamesTheDestinations() throws {
        let probe = try probe(
            """
            t_newtran();
            seturi("sip:bob@192.0.2.1");
            append_branch("sip:bob@192.0.2.2", "0.5");
            t_reply("302", "Moved Temporarily");
            """)
        let reply = try probe.ask(probe.request("INVITE", id: "moved"))
        #expect(reply.header("Contact") == "<sip:bob@192.0.2.1>, <sip:bob@192.0.2.2>;q=0.5")
    }

    @Test func linesAppendedToTheReplyAreInIt() throws {
        let probe = try probe(
            #"t_newtran(); append_to_reply("X-Said: here\r\n"); t_reply("200", "OK");"#)
        let reply = try probe.ask(probe.request(id: "lines"))
        #expect(reply.header("X-Said") == "here")
    }

    @Test func anErrorIsAnswered() throws {
        let probe = try probe("t_newtran(); t_reply_error();")
        let reply = try probe.ask(probe.request(id: "error"))
        #expect(reply.startLine == "SIP/2.0 500 Server error occurred (1/TM)")
        try probe.waitForNothing()
    }

    @Test func transactionsAreCounted() throws {
        let names = ["UAS_transactions", "2xx_transactions", "4xx_transactions", "rpl_generated", "rpl_sent"]
        let texts = names.map { "$stat(tmx:\($0))" }.joined(separator: " ") + " $stat(tm:local_replies)"
        let probe = try probe(
            """
            if ($rU == "count") { sl_send_reply("200", "\(texts)"); exit; }
            t_newtran();
            if ($rU == "four") { t_reply("404", "Not Found"); } else { t_reply("200", "OK"); }
            """)
        _ = try probe.ask(probe.request(id: "one"))
        _ = try probe.ask(probe.request(id: "one"))
        _ = try probe.ask(probe.request(user: "four", id: "four"))
        // A reply is counted when it was sent: it may arrive before that.
        let expected = "2 1 1 2 3 2"
        var counted = ""
        for attempt in 0..<100 where counted != expected {
            counted = try probe.ask(probe.request(user: "count", id: "count\(attempt)")).reason
        }
        #expect(counted == expected)
    }

    @Test(arguments: [(#""retr_timer1", 0"#, "retr_timer1 is 0 ms"), (#""retr_timer2", "5ms""#, "retr_timer2 is 5 ms")])
    func repeatingWithoutAPauseIsRefused(parameter: String, words: String) throws {
        let error = try #require(throws: HarnessError.self) {
            _ = try Probe(["tm"], globals: "modparam(\"tm\", \(parameter))\n", script: "t_newtran();")
        }
        #expect(error.description.contains(words), "\(error)")
    }
}
