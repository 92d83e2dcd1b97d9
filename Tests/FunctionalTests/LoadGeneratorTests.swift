import Testing

/// `sipload` measures only what it has checked: right answers end well, anything else does not.
@Suite struct LoadGeneratorTests {
    @Test(arguments: [
        "options-reply", "stateless-forward", "stateful-relay", "call", "ringing", "register", "register-auth",
        "lookup-and-relay",
    ])
    func rightAnswersAreCounted(scenario: String) throws {
        let server = Address("127.0.0.1", try Ports.free())
        let isAnswered = scenario == "options-reply" || scenario.hasPrefix("register")
        let uas = isAnswered ? [] : ["--uas", Address("127.0.0.1", try Ports.free()).description]
        let bare = try Child(Products.path("sipload"), ["bare", scenario, "--listen", server.description] + uas)
        try bare.waitForErrors("ready", within: .seconds(20))
        let result = try run(
            Products.path("sipload"),
            [scenario, "--to", server.description] + uas
                + ["--against-bare", "--seconds", "0.1", "--warm-up", "0.05", "--pid", "\(bare.pid)"])
        #expect(result.succeeded, "\(result.output)\(result.errors)")
        #expect(result.output.hasPrefix("scenario=\(scenario) transactions="))
        #expect(!result.output.contains("transactions=0 "))
        #expect(result.output.contains(" lost=0 "))
        #expect(result.output.contains(" wrong=0 "))
        #expect(result.output.contains(" total="))
    }

    /// Users register, with the server's nonce if it wants one, before anything is counted.
    @Test(arguments: ["register", "register-auth", "lookup-and-relay"])
    func usersRegisterBefore(scenario: String) throws {
        let config = try #require(readText(Products.sources + "/Benchmarks/configs/\(scenario).cfg"))
        let server = try Server { "listen=udp:127.0.0.1:\($0)\n\(config)" }
        let uas = scenario == "lookup-and-relay" ? ["--uas", Address("127.0.0.1", try Ports.free()).description] : []
        let result = try run(
            Products.path("sipload"),
            [scenario, "--to", "127.0.0.1:\(server.port)", "--users", "20", "--window", "4", "--seconds", "0.1"] + uas)
        #expect(result.succeeded, "\(result.output)\(result.errors)")
        #expect(result.output.contains(" lost=0 ") && result.output.contains(" wrong=0 "))
    }

    /// Many addresses behind the server, and calls whose later requests follow the recorded route.
    @Test(arguments: ["stateful-relay", "call"])
    func peersTakeTurns(scenario: String) throws {
        let config = try #require(readText(Products.sources + "/Benchmarks/configs/\(scenario).cfg"))
        let server = try Server { "listen=udp:127.0.0.1:\($0)\n\(config)" }
        let result = try run(
            Products.path("sipload"),
            [
                scenario, "--to", "127.0.0.1:\(server.port)", "--uas", "127.0.0.1:\(try Ports.free())", "--peers",
                "200", "--window", "4", "--seconds", "0.3",
            ])
        #expect(result.succeeded, "\(result.output)\(result.errors)")
        #expect(result.output.contains(" lost=0 ") && result.output.contains(" wrong=0 "))
    }

    @Test func wrongAnswersAreNoticed() throws {
        // What comes back is the request, where a server's 200 is expected.
        let server = Address("127.0.0.1", try Ports.free())
        let bare = try Child(Products.path("sipload"), ["bare", "options-reply", "--listen", server.description])
        try bare.waitForErrors("ready", within: .seconds(20))
        let result = try run(
            Products.path("sipload"),
            ["options-reply", "--to", server.description, "--window", "4", "--seconds", "0.1", "--warm-up", "0"])
        #expect(result.status == .exited(2))
        #expect(result.output.contains("transactions=0 "))
        #expect(result.output.contains(" wrong=4 "))
        #expect(result.errors.contains("the first wrong answer:\nOPTIONS sip:"))
    }

    @Test func absentAnswersAreLost() throws {
        let server = Address("127.0.0.1", try Ports.free())
        let result = try run(
            Products.path("sipload"),
            ["options-reply", "--to", server.description, "--window", "4", "--seconds", "0.1", "--warm-up", "0"])
        #expect(result.status == .exited(2))
        #expect(result.output.contains(" lost=4 "))
    }

    @Test(arguments: [
        [], ["register"], ["options-reply"], ["options-reply", "--to", "localhost"],
        ["stateless-forward", "--to", "127.0.0.1:5060"],
        ["options-reply", "--to", "127.0.0.1:5060", "--window", "0"],
    ])
    func wrongArgumentsAreUsageErrors(arguments: [String]) throws {
        let result = try run(Products.path("sipload"), arguments)
        #expect(result.status == .exited(1))
        #expect(result.errors.hasPrefix("sipload: "))
    }
}
