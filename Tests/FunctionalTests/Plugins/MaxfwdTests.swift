import Testing

@Suite struct MaxfwdTests {
    private static let forwarding = """
        if (!maxfwd_process("10")) {
            sl_send_reply("483", "Too Many Hops");
            exit;
        }
        $du = "NEXT";
        forward();
        """

    @Test(arguments: [(70, 69), (1, 0), (71, 70), (255, 70)]) func itDecrements(received: Int, sent: Int) throws {
        let probe = try Probe(["sl", "maxfwd"], script: Self.forwarding)
        let passed = try probe.pass(probe.request(id: "hops", maxForwards: received))
        #expect(passed.headers("Max-Forwards") == ["\(sent)"])
    }

    @Test func itEndsAtZero() throws {
        let probe = try Probe(["sl", "maxfwd"], script: Self.forwarding)
        let reply = try probe.ask(probe.request(id: "zero", maxForwards: 0))
        #expect(reply.statusCode == 483)
    }

    @Test func aMissingHeaderIsAdded() throws {
        let probe = try Probe(["sl", "maxfwd"], script: Self.forwarding)
        let passed = try probe.pass(probe.request(id: "none").replacing("Max-Forwards: 70\r\n", with: ""))
        #expect(passed.headers("Max-Forwards") == ["10"])
    }

    @Test func aSecondCallSeesTheFirst() throws {
        let probe = try Probe(
            ["sl", "maxfwd"], globals: #"modparam("maxfwd", "max_limit", 20)"#,
            script: """
                maxfwd_process(10);
                maxfwd_process(10);
                if (!is_maxfwd_lt(19)) exit;
                if (is_maxfwd_lt(18)) exit;
                $du = "NEXT";
                forward();
                """)
        let passed = try probe.pass(probe.request(id: "twice", maxForwards: 20))
        #expect(passed.headers("Max-Forwards") == ["18"])
    }

    @Test func codesSayWhatWasFound() throws {
        let calls = [
            "is_maxfwd_lt(5)", "maxfwd_process(10)", #"$var(n) = 300; maxfwd_process("$var(n)")"#, "is_maxfwd_lt(1)",
        ]
        let codes = try Probe.codes(["maxfwd"], calls)
        #expect(codes == [-1, 1, -1, -1])
    }

    @Test func whatIsNoNumberIsAnError() throws {
        let probe = try Probe(
            ["sl", "maxfwd"],
            script: #"is_maxfwd_lt(5); $var(a) = $rc; maxfwd_process(10); sl_send_reply("200", "$var(a) $rc");"#)
        let bad = try probe.ask(probe.request(id: "bad").replacing("Max-Forwards: 70", with: "Max-Forwards: many"))
        #expect(bad.reason == "-3 -2")
        let none = try probe.ask(probe.request(id: "none").replacing("Max-Forwards: 70\r\n", with: ""))
        #expect(none.reason == "-2 2")
    }

    @Test func constantsAreCheckedAtStart() throws {
        for call in ["maxfwd_process(256)", #"is_maxfwd_lt("-1")"#] {
            let result = try Server.check("loadmodule \"maxfwd.so\"\nrequest_route { \(call); }\n")
            #expect(!result.succeeded)
            #expect(result.output.contains("Max-Forwards is a number from 0 to 255"))
        }
    }

    @Test func theLimitChangesWhileTheServerRuns() throws {
        let folder = try TemporaryFolder()
        let probe = try Probe(
            ["sl", "maxfwd", "cfg_rpc"], globals: try RPCDoor.config(folder.path), script: Self.forwarding)
        let door = try RPCDoor(folder.path)
        for (limit, sent) in [(nil, 69), ("20", 20), ("30", 30)] {
            if let limit { try door.expect("cfg.seti", ["maxfwd", "max_limit", limit], is: "null") }
            // Each worker goes by it.
            for id in 0..<4 {
                let passed = try probe.pass(probe.request(id: "limit-\(sent)-\(id)", maxForwards: 70))
                #expect(passed.headers("Max-Forwards") == ["\(sent)"])
            }
        }
    }
}
