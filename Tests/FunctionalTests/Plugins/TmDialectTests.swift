import Testing

/// Units of times, and defaults, in configs of SER, of Kamailio, and of those that do not say whose they are.
@Suite struct TmDialectTests {
    /// What the server says at start with these parameters of tm.
    private func log(_ marker: String, _ parameters: [String]) throws -> String {
        // What is information has another number for SER.
        let server = try Server(arguments: ["--debug=3"]) { port in
            """
            \(marker)
            listen=udp:127.0.0.1:\(port)
            loadmodule "tm.so"
            \(Probe.settings(parameters))
            request_route { exit; }

            """
        }
        // It is written before the server is ready.
        return server.log
    }

    /// A number is what it is in the dialect of the config; a text with its unit is the same everywhere.
    @Test(arguments: [
        ("#!SER", ["fr_timer 10 s", "fr_inv_timer 200 s", "wt_timer 7 s", "delete_timer 3 s", "retr_timer2 5 s"]),
        (
            "#!KAMAILIO",
            ["fr_timer 10 ms", "fr_inv_timer 200 ms", "wt_timer 7 ms", "delete_timer 3 ms", "retr_timer2 50 ms"]
        ),
        ("", ["fr_timer 10 s", "fr_inv_timer 200 s", "wt_timer 7 s", "delete_timer 3 s", "retr_timer2 5 s"]),
    ])
    func theTimesOfSERsDocumentation(marker: String, expected: [String]) throws {
        let largest = marker == "#!KAMAILIO" ? 50 : 5
        let said = try log(
            marker,
            [
                #""fr_timer", 10"#, #""fr_inv_timer", 200"#, #""wt_timer", 7"#, #""delete_timer", 3"#,
                "\"retr_timer2\", \(largest)",
            ])
        for text in expected { #expect(said.contains(text), "\(text) in \(said)") }
    }

    @Test(arguments: [("#!SER", 1000), ("#!KAMAILIO", 1), ("#!OPENSER", 1), ("", 1), ("#!MAXCOMPAT", 1)])
    func theTimesOfKamailiosSamples(marker: String, unit: Int) throws {
        let names = ["fr_timer", "fr_inv_timer", "max_inv_lifetime", "max_noninv_lifetime", "unix_tx_timeout"]
        let numbers = [2000, 40000, 180_000, 32_000, 500]
        let said = try log(marker, zip(names, numbers).map { "\"\($0)\", \($1)" })
        for (name, number) in zip(names, numbers) {
            let time = number * unit
            let text = time % 1000 == 0 ? "\(time / 1000) s" : "\(time) ms"
            #expect(said.contains("\(name) \(text)"), "\(name) in \(said)")
        }
    }

    /// Where the config does not say whose it is, the size of the number does.
    @Test func aNumberIsReadByItsSize() throws {
        let small = try log(
            "",
            [
                #""fr_timer", 999"#, #""wt_timer", 999"#, #""max_inv_lifetime", 999"#, #""unix_tx_timeout", 99"#,
                #""retr_timer2", 99"#, #""retr_timer1p1", 99"#, #""retr_timer1p2", 100"#,
            ])
        for text in [
            "fr_timer 999 s", "wt_timer 999 s", "max_inv_lifetime 999 s", "unix_tx_timeout 99 s", "retr_timer2 99 s",
            "retr_timer1p1 99 s", "retr_timer1p2 100 ms",
        ] {
            #expect(small.contains(text), "\(text) in \(small)")
        }
        let large = try log(
            "",
            [
                #""fr_timer", 1000"#, #""wt_timer", 1001"#, #""unix_tx_timeout", 100"#, #""retr_timer2", 100"#,
                #""retr_timer1", 20"#,
            ])
        for text in [
            "fr_timer 1 s", "wt_timer 1001 ms", "unix_tx_timeout 100 ms", "retr_timer2 100 ms", "retr_timer1 20 ms",
        ] {
            #expect(large.contains(text), "\(text) in \(large)")
        }
    }

    /// Only where it could have been meant otherwise: many seconds, in a config that does not say whose it is.
    @Test func aLongTimeIsToldOf() throws {
        let told = try log("", [#""fr_timer", 300"#, #""fr_inv_timer", 200"#])
        #expect(told.contains(#"fr_timer 300 is read as 300 seconds; write "300s" or "300ms" to be sure"#))
        #expect(told.contains(#"fr_inv_timer 200 is read as 200 seconds; write "200s" or "200ms" to be sure"#))
        let untold =
            try log("", [#""fr_timer", 199"#, #""fr_inv_timer", 1000"#, #""wt_timer", 300"#])
            + log("#!SER", [#""fr_timer", 300"#]) + log("#!KAMAILIO", [#""fr_timer", 300"#])
            + log("", [#""fr_timer", "300s""#])
        #expect(!untold.contains("is read as"))
    }

    @Test(arguments: ["#!SER", "#!KAMAILIO", ""]) func aTextHasItsUnit(marker: String) throws {
        let names = [
            "fr_timer", "fr_inv_timer", "wt_timer", "delete_timer", "max_inv_lifetime", "max_noninv_lifetime",
            "retr_timer1", "retr_timer2", "unix_tx_timeout",
        ]
        let said =
            try log(marker, names.map { "\"\($0)\", \"1500ms\"" }) + log(marker, names.map { "\"\($0)\", \"12s\"" })
        for name in names { #expect(said.contains("\(name) 1500 ms") && said.contains("\(name) 12 s"), "\(name)") }
        let ser = try log(marker, ["1", "2", "3"].map { #""retr_timer1p\#($0)", "1\#($0)s""# })
        for text in ["retr_timer1p1 11 s", "retr_timer1p2 12 s", "retr_timer1p3 13 s"] { #expect(ser.contains(text)) }
    }

    @Test(arguments: [#""10m""#, #""s""#, #""ms""#, #""""#, #""-1s""#, "-1", #""1.5s""#, #""864001s""#, "864000001"])
    func whatIsNoTimeIsRefused(text: String) throws {
        let result = try Server.check(
            "loadmodule \"tm.so\"\nmodparam(\"tm\", \"wt_timer\", \(text))\nrequest_route { exit; }\n")
        #expect(!result.succeeded)
        #expect(result.output.contains("a time is"), "\(result.output)")
    }

    @Test func onlyTheNameThatSERHadIsKnown() throws {
        let result = try Server.check(
            "loadmodule \"tm.so\"\nmodparam(\"tm\", \"retr_timer1p4\", 4)\nrequest_route { exit; }\n")
        #expect(!result.succeeded)
        #expect(result.output.contains("retr_timer1p4"))
        #expect(result.output.contains("did you mean `retr_timer1p"), "\(result.output)")
    }

    @Test func deleteTimerIsAcceptedAndToldOf() throws {
        let told = try log("", [#""delete_timer", 2"#])
        #expect(told.contains("delete_timer has no effect"))
        let untold = try log("", [])
        #expect(!untold.contains("delete_timer"))
    }

    @Test func twoSchedulesAreOneTooMany() throws {
        let error = try #require(throws: HarnessError.self) {
            _ = try log("", [#""retr_timer1", 500"#, #""retr_timer1p2", 2"#])
        }
        #expect(error.description.contains("retr_timer1 and retr_timer1p2 are set"), "\(error)")
    }

    // MARK: - What follows of it

    /// A server that relays to the next hop; its script is one for SER, too.
    private func probe(_ marker: String, _ parameters: [String], before: String = "") throws -> Probe {
        try Probe(
            ["tm", "sl", "pv"], globals: Probe.settings(parameters),
            script: before + #" rewriteuri("NEXT"); t_relay();"#, marker: marker)
    }

    /// Two seconds are two seconds on the wire, too: time for a repetition, and no thousand of them.
    @Test(arguments: [("#!SER", 2), ("#!KAMAILIO", 2000), ("", 2)])
    func aRequestTimesOut(marker: String, fr: Int) throws {
        let probe = try probe(marker, ["\"fr_timer\", \(fr)"])
        try probe.send(probe.request(id: "unit"))
        let first = try probe.nextHop.next("OPTIONS")
        _ = try probe.client.reply(408)
        let again = probe.nextHop.waiting()
        #expect(!again.isEmpty && again.allSatisfy { $0.text == first.text })
    }

    /// SER takes a transaction's timers from AVPs that nobody has to name.
    @Test(arguments: [("#!SER", 60), ("#!KAMAILIO", 1)]) func theTimersAreInAVPsForSER(marker: String, fr: Int) throws {
        let probe = try probe(
            marker, [#""fr_timer", "\#(fr)s""#, #""fr_inv_timer", "\#(fr)s""#],
            before: fr == 60
                ? "$callee_fr_timer = 1; $callee_fr_inv_timer = 1;"
                : "$avp(callee_fr_timer) = 60; $avp(callee_fr_inv_timer) = 60;")
        let invite = probe.request("INVITE", id: "rings")
        let received = try probe.pass(invite)
        try probe.answer(received, 180)
        try probe.answer(probe.nextHop.request("CANCEL"), 200)
        try probe.answer(received, 487)
        try probe.acknowledge(invite, probe.client.reply(408))
        _ = try probe.client.exchange(probe.request(id: "silent"), with: probe.server.port, within: .seconds(10))
    }

    /// SER does not tell the caller of an INVITE that nobody answered.
    @Test(arguments: ["#!SER", "#!KAMAILIO"]) func whoIsToldThatNobodyAnswered(marker: String) throws {
        let probe = try probe(marker, [#""fr_timer", "1s""#])
        try probe.send(probe.request("INVITE", id: "silent"))
        // Of the same call, so on the same worker, and later: the INVITE has timed out before.
        try probe.send(
            SIPText.request(
                "OPTIONS", "sip:alice@\(probe.server.address)", from: probe.client.address, id: "silent", cseq: 2))
        var told: [String] = []
        while told.last != "2 OPTIONS" { told.append(try probe.client.reply(408).header("CSeq") ?? "") }
        #expect(told.contains("1 INVITE") == (marker == "#!KAMAILIO"))
    }

    @Test(arguments: [("#!SER", 404), ("#!KAMAILIO", 486)])
    func repliesOfEarlierLegsCountForSER(marker: String, expected: Int) throws {
        let calls = try Calls(
            """
            request_route { t_on_failure("FIRST"); rewriteuri("sip:a@A"); t_relay(); }
            failure_route[FIRST] { append_branch("sip:b@B"); t_relay(); }
            """, marker: marker)
        let invite = calls.invite("legs")
        try calls.send(invite)
        try calls.answer(404, at: calls.a)
        try calls.answer(486, at: calls.b)
        let outcome = try calls.outcome(invite)
        #expect(outcome.statusCode == expected)
    }

    /// The application beside the server does not read: how long it is waited for, told by what else happens meanwhile on the same worker.
    @Test(arguments: [("#!SER", false), ("#!KAMAILIO", true)])
    func howLongAnApplicationIsWaitedFor(marker: String, isShort: Bool) throws {
        let folder = try TemporaryFolder()
        let reader = try UnixReader(folder.path + "/socket")
        let waiting = reader.fill()
        #expect(waiting > 0)
        try CModule.build("waits", into: folder.path)
        let probe = try Probe(
            ["tm", "sl", "xlog"], globals: "loadmodule \"\(folder.path)/waits.so\"\n",
            script: """
                if (uri =~ "sip:waits@") { wait(1000); xerr("waited\\n"); exit; }
                t_newtran();
                if (!t_write_unix("\(reader.path)", "im")) { xerr("given up\\n"); t_reply("503", "Not Written"); }
                """, marker: marker)
        try probe.send(probe.request(id: "stuck"))
        try probe.send(
            SIPText.request(
                "INFO", "sip:waits@\(probe.server.address)", from: probe.client.address, id: "stuck", cseq: 2))
        try probe.server.waitForLog("waited")
        try probe.server.waitForLog("given up")
        let log = probe.server.log
        let waited = try #require(log.firstRange(of: "waited"))
        let given = try #require(log.firstRange(of: "given up"))
        #expect((given.lowerBound < waited.lowerBound) == isShort)
    }

    // MARK: - Schedules of retransmission

    /// Copies of a request that nobody answers within 2.5 seconds: after p1, p2, p3, then `retr_timer2`; or after twice as long each time.
    @Test(arguments: [
        ("", [#""retr_timer1p1", "100ms""#, #""retr_timer1p2", "10s""#], 2),
        ("", [#""retr_timer1p1", "100ms""#, #""retr_timer1p2", "100ms""#, #""retr_timer1p3", "10s""#], 3),
        ("", [#""retr_timer1p1", "100ms""#], 4), ("#!KAMAILIO", [#""retr_timer1p1", "100ms""#], 4),
        ("", [#""retr_timer1", 100"#], 5), ("#!SER", [#""retr_timer1", 100"#], 5), ("#!SER", [], 2), ("", [], 3),
    ])
    func requestsAreRepeated(marker: String, schedule: [String], copies: Int) throws {
        let probe = try probe(marker, [#""retr_timer2", "20s""#, #""fr_timer", "2500ms""#] + schedule)
        try probe.send(probe.request(id: "schedule"))
        _ = try probe.client.reply(408)
        let seen = probe.nextHop.waiting().count
        #expect(seen == copies)
    }
}
