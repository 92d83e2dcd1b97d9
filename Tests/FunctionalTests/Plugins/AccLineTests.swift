import Testing

/// What a line says.
@Suite struct AccLineTests {
    @Test func extraItemsAndLegsFollow() throws {
        let call = try AccountedCall(
            """
            $avp(account) = "gold"; $avp(src) = "one"; $avp(src) = "two"; $avp(dst) = "three";
            setflag(1); RELAY;
            """,
            parameters: [
                #""log_extra", "ua=$ua; user=$rU;account = $avp(account);none=$avp(none);size=$(rU{s.len});nat=$(hdr(X-Nat){s.select,0,;})""#,
                #""multi_leg_info", "leg_src=$avp(src);leg_dst=$avp(dst)""#,
            ])
        try call.send(call.invite(headers: ["User-Agent: tester", "X-Nat: yes;no"]))
        try call.answer(call.called("INVITE"), 200, "OK")
        try call.reply(200)
        let lines = try call.lines()
        #expect(lines.count == 1)
        #expect(
            lines.first?.hasSuffix(
                ";reason=OK;ua=tester;user=alice;account=gold;none=;size=5;nat=yes"
                    + ";leg_src=two;leg_dst=three;leg_src=one;leg_dst=") == true)
    }

    @Test func aLineBreakInAHeaderMakesNoSecondLine() throws {
        let call = try AccountedCall(
            "setflag(1); RELAY;", parameters: [#""log_extra", "subject=$hdr(Subject)""#])
        try call.send(call.invite(headers: ["Subject: one", " ACC: two"]))
        try call.answer(call.called("INVITE"), 200, "OK")
        try call.reply(200)
        let lines = try call.lines()
        #expect(lines.count == 1)
        #expect(lines.first?.hasPrefix("ACC: transaction answered: ") == true)
    }

    @Test func aLongLineIsCut() throws {
        let call = try AccountedCall("setflag(1); RELAY;", parameters: [#""log_extra", "x=$hdr(X);y=$hdr(X)""#])
        let long = String(repeating: "x", count: 6000)
        try call.send(call.invite(headers: ["X: \(long)"]))
        try call.answer(call.called("INVITE"), 200, "OK")
        try call.reply(200)
        let line = try #require(try call.lines().first)
        #expect(line.contains("x=\(long);y=xxx"))
        #expect(line.utf8.count <= 8192)
    }

    @Test func serHasAFormOfItsOwn() throws {
        let call = try AccountedCall(
            #"$ru = "sip:bob@inside"; setflag(1); RELAY;"#, parameters: [#""acc_format", "ser""#])
        try call.establish()
        let (server, client) = (call.probe.server.address, call.probe.client.address)
        let lines = try call.lines()
        #expect(
            lines == [
                "ACC: transaction answered: method=INVITE, i-uri=sip:alice@\(server), o-uri=sip:bob@inside, "
                    + "call_id=call@tests, from=<sip:tester@\(client)>;tag=from-call, code=200 OK"
            ])
    }

    @Test func lettersChooseTheItems() throws {
        let call = try AccountedCall(
            #"$ru = "sip:bob@inside"; setflag(1); RELAY;"#,
            parameters: [#""acc_format", "ser""#, #""log_fmt", "rdSuUFT01XDpnt""#, #""log_extra", "none=$avp(x)""#])
        try call.establish()
        let (server, client) = (call.probe.server.address, call.probe.client.address)
        let lines = try call.lines()
        #expect(
            lines == [
                "ACC: transaction answered: fromtag=from-call, totag=answered, code=200, uid=n/a, "
                    + "uid=sip:tester@\(client), fromuri=sip:tester@\(client), touri=sip:alice@\(server), "
                    + "fromuser=tester, touser=alice, fromdomain=127.0.0.1, domain=127.0.0.1, userpart=alice, cseq=1, "
                    + "to=<sip:alice@\(server)>;tag=answered, none=n/a"
            ])
    }

    @Test func timesCanBePrecise() throws {
        for (mode, pattern) in [
            (1, #/timestamp=[0-9]+;time_exten=[0-9]{1,6};method=INVITE;.*/#),
            (2, #/timestamp=[0-9]+;when=[0-9]+\.[0-9]{3};method=INVITE;.*/#),
            (3, #/timestamp=[0-9]+;when=20[0-9]{2}-[01][0-9]T[0-9]{2};method=INVITE;.*/#),
            (4, #/timestamp=[0-9]+;when=20[0-9]{2}-[01][0-9]T[0-9]{2};method=INVITE;.*/#),
        ] {
            let call = try AccountedCall(
                "setflag(1); RELAY;",
                parameters: [#""time_mode", \#(mode)"#, #""time_attr", "when""#, #""time_format", "%Y-%mT%H""#])
            try call.establish()
            let line = try #require(try call.lines().first)
            let rest = try #require(line.split(separator: "answered: ").last)
            let matches = rest.wholeMatch(of: pattern) != nil
            #expect(matches, "\(mode): \(line)")
        }
    }

    @Test func theReasonCanComeFromAHeader() throws {
        let call = try AccountedCall("setflag(1); RELAY;", parameters: [#""reason_from_hf", "X-Why""#])
        try call.send(call.invite())
        let invite = try call.called("INVITE")
        try call.probe.nextHop.send(
            invite.response(200, "OK", headers: ["X-Why: because"]), to: call.probe.server.port)
        try call.reply(200)
        let lines = try call.lines()
        #expect(lines.first?.hasSuffix(";code=200;reason=because") == true)
    }

    /// A BYE of the called side names the caller first, as the INVITE's line does.
    @Test func theDirectionIsDetected() throws {
        let call = try AccountedCall(
            """
            setflag(1);
            if (has_totag()) { loose_route(); t_relay(); exit; }
            record_route(); RELAY;
            """, parameters: [#""detect_direction", 1"#], modules: ["rr"])
        try call.send(call.invite())
        let invite = try call.called("INVITE")
        try call.answer(invite, 200, "OK")
        try call.reply(200)
        let route = try #require(invite.header("Record-Route"))
        let caller = call.probe.client.address
        let bye = SIPText.request(
            "BYE", "sip:tester@\(caller)", from: call.probe.nextHop.address, id: "call", cseq: 7,
            headers: ["Route: \(route)"]
        ).replacing(";tag=from-call", with: ";tag=answered")
            .replacing("To: <sip:tester@\(caller)>", with: "To: <sip:tester@\(caller)>;tag=from-call")
        try call.probe.nextHop.send(bye, to: call.probe.server.port)
        var received = try call.probe.client.receive().message
        while received.method != "BYE" { received = try call.probe.client.receive().message }
        try call.send(received.response(200, "OK"))
        _ = try call.probe.nextHop.receive()
        let lines = try call.lines()
        #expect(lines.count == 2)
        for line in lines { #expect(line.contains(";from_tag=from-call;to_tag=answered;")) }
    }

    @Test func scriptsWriteLinesThemselves() throws {
        let call = try AccountedCall(
            """
            $var(code) = 404;
            acc_log_request("$var(code) Not Found");
            acc_request("just so");
            xerr("gives $rc\\n");
            sl_send_reply("404", "Not Found");
            """)
        try call.send(call.invite())
        try call.reply(404)
        let lines = try call.lines().map(\.timeless)
        let begin = "ACC: request accounted: timestamp=T;method=INVITE;from_tag=from-call;to_tag=;call_id=call@tests;"
        #expect(lines == [begin + "code=404;reason=Not Found", begin + "code=;reason=just so"])
        #expect(call.probe.server.log.contains("gives 1\n"))
    }

    @Test func linesBelowTheLevelAreNotWritten() throws {
        let call = try AccountedCall(parameters: [#""log_level", 3"#])
        try call.establish()
        let lines = try call.lines()
        #expect(lines.isEmpty)
    }

    @Test(arguments: [
        (#""log_fmt", "mxi""#, "“x” stands for nothing"),
        (#""failed_filter", "404,zwei""#, "zwei is no negative status"),
        (#""acc_format", "radius""#, "acc_format is kamailio or ser"),
        (#""log_facility", "LOG_NOWHERE""#, "LOG_NOWHERE is no syslog facility"),
        (#""log_flag", 32"#, "log_flag"), (#""db_flag", 32"#, "db_flag"),
    ])
    func wrongParametersAreFoundByACheck(_ parameter: String, _ complaint: String) throws {
        let result = try Server.check(
            "loadmodule \"tm.so\"\nloadmodule \"acc.so\"\nmodparam(\"acc\", \(parameter))\nrequest_route { exit; }\n")
        #expect(!result.succeeded)
        #expect(result.output.contains(complaint))
    }

    @Test(arguments: [
        (#""log_extra", "=$ua""#, "is not name=$variable"), (#""log_extra", "ua=$(ua{nosuch})""#, "nosuch"),
        (#""multi_leg_info", "leg=$ua""#, "is no AVP"), (#""detect_direction", 1"#, "needs the module rr"),
    ])
    func wrongVariablesStopTheStart(_ parameter: String, _ complaint: String) throws {
        var said = ""
        do {
            _ = try AccountedCall(parameters: [parameter])
        } catch { said = "\(error)" }
        #expect(said.contains(complaint))
    }

    @Test func theSERDialectHasItsOwnDefaults() throws {
        let probe = try DialectProbe(flags: "modparam(\"acc\", \"log_flag\", 1)")
        try probe.client.send(
            SIPText.request("INVITE", "sip:alice@\(probe.server.address)", from: probe.client.address, id: "ser"),
            to: probe.server.port)
        try probe.server.waitForLog("ACC: transaction answered: method=INVITE, i-uri=sip:alice@")

        let without = try DialectProbe(flags: "")
        #expect(without.server.log.contains("no transaction is reported"))
    }

    private struct DialectProbe: ~Copyable {
        let server: Server
        let client: UDPClient

        init(flags: String) throws {
            let client = try UDPClient()
            let server = try Server { port in
                """
                #!SER
                listen=127.0.0.1
                port=\(port)
                loadmodule "tm.so"
                loadmodule "acc.so"
                \(flags)
                route {
                    setflag(1);
                    t_newtran();
                    t_reply("200", "OK");
                }

                """
            }
            self.client = client
            self.server = server
        }
    }
}
