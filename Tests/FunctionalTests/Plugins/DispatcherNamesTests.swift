import Testing

/// When names of destinations are looked up, and what is recognised by them.
@Suite struct DispatcherNamesTests {
    private let question = "A gw.test"

    private func server(_ names: DNSServer, _ parameters: [String], patience: String = "") throws -> Dispatching {
        try Dispatching(
            "1 sip:gw.test\n1 sip:nowhere.test 16\n", parameters: parameters,
            routes: """
                dns_servers="\(names.address)"
                dns_try_ipv6=no
                dns_use_search_list=no
                \(patience)
                """,
            // The port of the one who asks does not matter.
            script: Dispatching.steps(["ds_is_from_list(\"1\", \"3\")| -"]))
    }

    private func ask(_ server: borrowing Dispatching) throws -> String {
        try server.tell(id: "names\(Int.random(in: 0..<1_000_000_000))").joined()
    }

    /// Before the first request is taken; others when the list is read again, before it is in force.
    @Test func atTheStartAndByReload() throws {
        let names = try DNSServer([question: .a(["127.0.0.1"]), "A other.test": .a(["127.0.0.9"])])
        defer { names.stop() }
        let server = try server(names, ["ds_dns_mode=1"])
        #expect(try ask(server) == "1 -")
        #expect(try server.base.door.call("dispatcher.list", "full").json.contains(#""IPADDR":"127.0.0.1""#))
        names.set(question, .a(["127.0.0.9"]))
        #expect(try ask(server) == "1 -")
        try server.reload("1 sip:gw.test\n")
        #expect(try ask(server) == "-1 -")
        names.set("A late.test", .a(["127.0.0.1"]))
        try server.reload("1 sip:other.test\n1 sip:late.test\n1 sip:missing.test\n")
        #expect(try ask(server) == "1 -")
        #expect(server.base.server.log.contains("no address is known for missing.test"))
        #expect(names.questions("A nowhere.test") == 0)
        // One that is added is looked up at once, beside the command.
        try server.reload("1 sip:other.test\n")
        #expect(try ask(server) == "-1 -")
        _ = try server.base.door.call("dispatcher.add", "1", "sip:late.test")
        #expect(try until { try ask(server) == "1 -" })
    }

    /// The same destination by its duid, with another name.
    @Test func addressesOfAnotherName() throws {
        let names = try DNSServer([question: .a(["127.0.0.1"])])
        defer { names.stop() }
        let server = try server(names, ["ds_dns_mode=1"])
        try server.reload("1 sip:gw.test 0 0 duid=one\n")
        #expect(try ask(server) == "1 -")
        try server.reload("1 sip:nobody.test 0 0 duid=one\n")
        #expect(try ask(server) == "-1 -")
    }

    /// A name server that does not answer delays the start for a bounded time, and is told of.
    @Test func aSilentServerAtTheStart() throws {
        let names = try DNSServer([question: .silence])
        defer { names.stop() }
        let server = try server(names, ["ds_dns_mode=1"], patience: "dns_retr_time=1\ndns_retr_no=1")
        #expect(try ask(server) == "-1 -")
        #expect(server.base.server.log.contains("no address is known for gw.test"))
        #expect(names.questions(question) > 0)
    }

    /// The script waits for the answer; what it says holds for as long as it says, or as the parameter does.
    @Test(arguments: [0, 3600]) func atEachMatch(ttl: Int) throws {
        let names = try DNSServer([question: .a(["127.0.0.1"])])
        defer { names.stop() }
        let server = try server(names, ["ds_dns_mode=2", "ds_dns_ttl=\(ttl)"])
        #expect(names.questions(question) == 0)
        #expect(try ask(server) == "1 -")
        #expect(names.questions(question) == 1)
        #expect(try ask(server) == "1 -")
        #expect(names.questions(question) == 1)
    }

    @Test func answersThatGrowOldAreAskedForAgain() throws {
        let names = try DNSServer([question: .a(["127.0.0.1"])])
        defer { names.stop() }
        let server = try server(names, ["ds_dns_mode=2", "ds_dns_ttl=1"])
        #expect(try ask(server) == "1 -")
        names.set(question, .a(["127.0.0.9"]))
        #expect(try until { try ask(server) == "-1 -" })
        // What was known holds when there is no answer.
        names.set(question, .a(["127.0.0.1"]))
        #expect(try until { try ask(server) == "1 -" })
        let asked = names.questions(question)
        names.set(question, .a([]))
        #expect(try until { try ask(server) == "1 -" && names.questions(question) > asked })
        #expect(try ask(server) == "1 -")
    }

    @Test func byTimer() throws {
        let names = try DNSServer([question: .a(["127.0.0.9"])])
        defer { names.stop() }
        let server = try server(names, ["ds_dns_mode=4", "ds_dns_interval=1", "ds_dns_ttl=1"])
        try names.waitUntilAsked(question)
        #expect(try ask(server) == "-1 -")
        names.set(question, .a(["127.0.0.1"]))
        #expect(try until { try ask(server) == "1 -" })
    }

    /// With SRV records, which name host and port; without a port in the URI.
    @Test func services() throws {
        let names = try DNSServer([
            question: .a(["127.0.0.9"]), "SRV _sip._udp.gw.test": .srv([(1, 1, 5070, "host.test")]),
            "A host.test": .a(["127.0.0.1"]),
        ])
        defer { names.stop() }
        #expect(try ask(try server(names, ["ds_dns_mode=9"])) == "1 -")
        #expect(try ask(try server(names, ["ds_dns_mode=1"])) == "-1 -")
        #expect(try ask(try server(names, ["ds_dns_mode=0"])) == "-1 -")
    }

    /// Up to 32 of them; as many as a name server's datagram has.
    @Test(arguments: [0, 1]) func allAddressesOfAName(all: Int) throws {
        let names = try DNSServer([question: .a((1..<30).map { "127.0.1.\($0)" } + ["127.0.0.1"])])
        defer { names.stop() }
        let server = try server(names, ["ds_dns_mode=1", "ds_dns_match_all=\(all)"])
        #expect(try ask(server) == (all == 1 ? "1 -" : "-1 -"))
    }
}
