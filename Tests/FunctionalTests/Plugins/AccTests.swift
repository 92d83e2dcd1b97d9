import Testing

/// Which transactions are reported.
@Suite struct AccTests {
    @Test func anAnsweredCallHasOneLine() throws {
        let call = try AccountedCall()
        try call.send(call.invite())
        let invite = try call.called("INVITE")
        try call.answer(invite, 180, "Ringing")
        try call.answer(invite, 200, "Fine")
        try call.reply(200)
        try call.answer(invite, 200, "Fine")
        try call.reply(200)
        try call.send(call.request("ACK", cseq: 1))
        _ = try call.called("ACK")
        try call.send(call.request("BYE", cseq: 2))
        try call.answer(call.called("BYE"), 200, "OK")
        try call.reply(200)
        let lines = try call.lines().map(\.timeless)
        #expect(
            lines == [
                "ACC: transaction answered: timestamp=T;method=INVITE;from_tag=from-call;to_tag=answered;"
                    + "call_id=call@tests;code=200;reason=Fine",
                "ACC: transaction answered: timestamp=T;method=BYE;from_tag=from-call;to_tag=answered;"
                    + "call_id=call@tests;code=200;reason=OK",
            ])
        try call.waitForNothing()
    }

    @Test func withoutTheFlagNothingIsReported() throws {
        let call = try AccountedCall("setflag(3); RELAY;")
        try call.establish()
        let lines = try call.lines()
        #expect(lines.isEmpty)
        try call.waitForNothing()
    }

    @Test func theAliasOfTheFlagIsKnown() throws {
        let call = try AccountedCall("setflag(5); RELAY;", flags: #"modparam("acc", "acc_flag", 5)"#)
        try call.establish()
        let lines = try call.lines()
        #expect(lines.count == 1)
    }

    @Test func flagsCountAsTheyAreInTheEnd() throws {
        let late = try AccountedCall("t_newtran(); setflag(1); RELAY;")
        try late.establish()
        let lines = try late.lines()
        #expect(lines.count == 1)

        let after = try AccountedCall("RELAY; setflag(1);")
        try after.establish()
        let linesAfter = try after.lines()
        #expect(linesAfter.count == 1)

        let reset = try AccountedCall(
            #"setflag(1); t_on_reply("answer"); RELAY;"#, routes: "onreply_route[answer] { resetflag(1); }")
        try reset.establish()
        let linesReset = try reset.lines()
        #expect(linesReset.isEmpty)
    }

    @Test(arguments: [(3, "", 1), (4, "", 0), (3, "486", 0), (3, "404, 487", 1)])
    func negativeRepliesAreReportedOnDemand(_ flag: Int, _ filter: String, _ count: Int) throws {
        let call = try AccountedCall(
            "setflag(1); setflag(\(flag)); RELAY;",
            parameters: filter.isEmpty ? [] : ["\"failed_filter\", \"\(filter)\""])
        try call.send(call.invite())
        try call.answer(call.called("INVITE"), 486, "Busy Here")
        try call.acknowledge(call.reply(486))
        let lines = try call.lines()
        #expect(lines.count == count)
        if let line = lines.first { #expect(line.hasSuffix(";code=486;reason=Busy Here")) }
        try call.waitForNothing()
    }

    @Test func negativeRepliesOfAllAreReportedAsSERDoes() throws {
        let call = try AccountedCall("setflag(1); RELAY;", parameters: [#""failed_transactions", 1"#])
        try call.send(call.invite())
        try call.answer(call.called("INVITE"), 404, "Not Found")
        try call.acknowledge(call.reply(404))
        let lines = try call.lines()
        #expect(lines.count == 1)
    }

    @Test func repliesOfTheScriptAreReported() throws {
        let call = try AccountedCall(#"setflag(1); setflag(3); t_newtran(); t_reply("404", "No such user");"#)
        try call.send(call.invite())
        let reply = try call.reply(404)
        try call.acknowledge(reply)
        let tag = try #require(reply.header("To")?.split(separator: "tag=").last)
        let lines = try call.lines()
        #expect(lines.count == 1)
        #expect(lines.first?.hasSuffix(";to_tag=\(tag);call_id=call@tests;code=404;reason=No such user") == true)
        try call.waitForNothing()
    }

    @Test func eachAnswerOfAForkHasALine() throws {
        let call = try AccountedCall(tm: [#""wt_timer", "3s""#])
        try call.send(call.invite())
        let invite = try call.called("INVITE")
        for tag in ["one", "one", "two", "two", "one"] {
            try call.answer(invite, 200, "OK", tag: tag)
            try call.reply(200)
        }
        let lines = try call.lines()
        #expect(lines.count == 2)
        #expect(lines.first?.contains("to_tag=one;") == true)
        #expect(lines.last?.contains("to_tag=two;") == true)
        try call.waitForNothing()
    }

    @Test func anAnswerAfterATimeoutIsReported() throws {
        let call = try AccountedCall("setflag(1); RELAY;", tm: [#""fr_timer", "300ms""#, #""wt_timer", "30s""#])
        try call.send(call.invite())
        let invite = try call.called("INVITE")
        try call.acknowledge(call.reply(408))
        try call.answer(invite, 200, "Late")
        try call.reply(200)
        let lines = try call.lines()
        #expect(lines.count == 1)
        #expect(lines.first?.hasSuffix(";code=200;reason=Late") == true)
    }

    @Test(arguments: [(0, "v=0\r\n", 0), (1, "v=0\r\n", 1), (1, "", 0)])
    func earlyMediaIsReportedOnDemand(_ parameter: Int, _ body: String, _ count: Int) throws {
        let call = try AccountedCall(parameters: ["\"early_media\", \(parameter)"])
        try call.send(call.invite())
        let invite = try call.called("INVITE")
        try call.answer(invite, 183, "Session Progress", body: body.isEmpty ? nil : body)
        try call.reply(183)
        let lines = try call.lines()
        #expect(lines.count == count)
        if let line = lines.first { #expect(line.hasSuffix(";code=183;reason=Session Progress")) }
    }

    @Test(arguments: [0, 1])
    func acknowledgementsAreReportedOnDemand(_ parameter: Int) throws {
        let call = try AccountedCall(parameters: ["\"report_ack\", \(parameter)"], tm: [#""wt_timer", "30s""#])
        try call.establish()
        for _ in 0..<2 {
            try call.send(call.request("ACK", cseq: 1))
            _ = try call.called("ACK")
        }
        let lines = try call.lines().map(\.timeless)
        #expect(lines.count == 1 + parameter)
        if parameter == 1 {
            #expect(
                lines.last
                    == "ACC: request acknowledged: timestamp=T;method=ACK;from_tag=from-call;to_tag=answered;"
                    + "call_id=call@tests;code=200;reason=OK")
        }
    }

    @Test(arguments: [0, 1])
    func cancelsAreReportedOnDemand(_ parameter: Int) throws {
        let call = try AccountedCall(parameters: ["\"report_cancels\", \(parameter)"])
        let text = call.invite()
        try call.send(text)
        let invite = try call.called("INVITE")
        try call.answer(invite, 180, "Ringing")
        try call.reply(180)
        try call.send(text.replacing("INVITE sip", with: "CANCEL sip").replacing("1 INVITE", with: "1 CANCEL"))
        try call.answer(call.called("CANCEL"), 200, "OK")
        try call.answer(invite, 487, "Request Terminated")
        try call.acknowledge(call.reply(487))
        let lines = try call.lines()
        let cancels = lines.filter { $0.contains("method=CANCEL;") }
        #expect(cancels.count == parameter)
        let others = lines.filter {
            $0.contains("method=INVITE;") && $0.hasSuffix(";code=487;reason=Request Terminated")
        }
        #expect(others.map { String($0.prefix(12)) } == ["ACC: call mi", "ACC: transac"])
        try call.waitForNothing()
    }

    @Test func anInviteWithoutTheFlagMayEndInSilence() throws {
        let call = try AccountedCall("RELAY;", tm: [#""fr_timer", "300ms""#, #""noisy_ctimer", 0"#])
        try call.send(call.invite())
        var codes: [Int?] = []
        while let datagram = call.probe.client.datagram(within: .seconds(2)) {
            codes.append(SIPText(String(decoding: datagram.bytes, as: UTF8.self)).statusCode)
        }
        #expect(codes == [100])
        try call.waitForNothing()
    }

    @Test(arguments: ["setflag(1); setflag(3); RELAY;", "RELAY; setflag(1); setflag(3);"])
    func aFlaggedInviteIsNeverDroppedSilently(_ script: String) throws {
        let call = try AccountedCall(script, tm: [#""fr_timer", "300ms""#, #""noisy_ctimer", 0"#])
        try call.send(call.invite())
        try call.acknowledge(call.reply(408))
        let lines = try call.lines()
        #expect(lines.count == 1)
        #expect(lines.first?.hasSuffix(";code=408;reason=Request Timeout") == true)
        try call.waitForNothing()
    }
}

/// Missed calls.
@Suite struct AccMissedTests {
    @Test func aMissedCallIsReportedBeforeTheFailureRoute() throws {
        let call = try AccountedCall(
            #"setflag(1); setflag(2); t_on_failure("mailbox"); RELAY;"#,
            routes: """
                failure_route[mailbox] {
                    if (isflagset(1) && !isflagset(2)) { xerr("ACC: failure route\\n"); }
                    $ru = "sip:mailbox@somewhere"; $du = "NEXT";
                    t_relay();
                }
                """)
        try call.send(call.invite())
        try call.answer(call.called("INVITE"), 486, "Busy Here")
        var second = try call.called("INVITE")
        while !second.startLine.contains("mailbox") { second = try call.called("INVITE") }
        try call.answer(second, 200, "Recording")
        try call.reply(200)
        let lines = try call.lines()
        #expect(lines.count == 3)
        #expect(lines.first?.hasPrefix("ACC: call missed: ") == true)
        #expect(lines.first?.hasSuffix(";code=486;reason=Busy Here") == true)
        // Flag 2 was reset, flag 1 is still there.
        #expect(lines.dropFirst().first == "ACC: failure route")
        #expect(lines.last?.hasPrefix("ACC: transaction answered: ") == true)
        try call.waitForNothing()
    }

    @Test(arguments: [true, false])
    func eachLegIsReportedOnceIfTheFlagIsSetAgain(_ again: Bool) throws {
        let call = try AccountedCall(
            #"setflag(2); t_on_failure("next"); RELAY;"#,
            routes: """
                failure_route[next] {
                    \(again ? "setflag(2);" : "")
                    $ru = "sip:second@somewhere"; $du = "NEXT";
                    t_relay();
                }
                """)
        try call.send(call.invite())
        try call.answer(call.called("INVITE"), 486, "Busy Here")
        var second = try call.called("INVITE")
        while !second.startLine.contains("second") { second = try call.called("INVITE") }
        try call.answer(second, 603, "Decline")
        try call.acknowledge(call.reply(603))
        let codes = try call.lines().compactMap { $0.split(separator: ";code=").last }
        #expect(codes == (again ? ["486;reason=Busy Here", "603;reason=Decline"] : ["486;reason=Busy Here"]))
        try call.waitForNothing()
    }

    @Test func oneFlagForBothPurposesStays() throws {
        let call = try AccountedCall(
            "setflag(1); RELAY;",
            flags: """
                modparam("acc", "log_flag", 1)
                modparam("acc", "log_missed_flag", 1)
                modparam("acc", "failed_transaction_flag", 1)
                """)
        try call.send(call.invite())
        try call.answer(call.called("INVITE"), 486, "Busy Here")
        try call.acknowledge(call.reply(486))
        let lines = try call.lines()
        #expect(lines.map { String($0.prefix(12)) } == ["ACC: call mi", "ACC: transac"])
    }

    @Test func aTimeoutIsAMissedCall() throws {
        let call = try AccountedCall("setflag(2); RELAY;", tm: [#""fr_timer", "300ms""#])
        try call.send(call.invite())
        try call.acknowledge(call.reply(408))
        let lines = try call.lines().map(\.timeless)
        #expect(lines.count == 1)
        #expect(
            lines.first?.hasPrefix("ACC: call missed: timestamp=T;method=INVITE;from_tag=from-call;to_tag=") == true)
        #expect(lines.first?.hasSuffix(";code=408;reason=Request Timeout") == true)
    }

    @Test func onlyAnInviteIsMissed() throws {
        let call = try AccountedCall("setflag(2); RELAY;")
        try call.send(call.request("MESSAGE", cseq: 1))
        try call.answer(call.called("MESSAGE"), 404, "Not Found")
        try call.reply(404)
        let lines = try call.lines()
        #expect(lines.isEmpty)
    }
}
