import Testing

/// Relaying to names: a name server of the test's own, a caller, and two called sides.
@Suite struct TmNamesTests {
    private func server(_ names: DNSServer, globals: String = "") throws -> Server {
        try Server { port in
            """
            #!KAMAILIO
            children=1
            listen=udp:127.0.0.1:\(port)
            dns_servers="\(names.address)"
            dns_try_ipv6=no
            dns_retr_time=1
            dns_retr_no=3
            dns_use_search_list=no
            use_dns_failover=yes
            \(globals)
            loadmodule "tm.so"
            loadmodule "sl.so"
            loadmodule "pv.so"
            loadmodule "siputils.so"
            modparam("tm", "retr_timer1", 200)
            modparam("tm", "fr_timer", 1500)
            modparam("tm", "wt_timer", 200)
            request_route {
                \(Probe.tellsTransactions)
                if ($rm == "CANCEL") { t_relay(); exit; }
                if (!t_relay()) sl_reply_error();
            }

            """
        }
    }

    /// SRV records for two called sides, the first one before the second one.
    private func zone(_ first: Address, _ second: Address) -> [String: DNSServer.Records] {
        [
            "SRV _sip._udp.pair.test": .srv([
                (priority: 20, weight: 1, port: second.port, target: "two.test"),
                (priority: 10, weight: 1, port: first.port, target: "one.test"),
            ]),
            "A one.test": .a(["127.0.0.1"]), "A two.test": .a(["127.0.0.1"]),
        ]
    }

    /// The first one says 503, or nothing (0): the request goes to the second one in a branch of its own (RFC 3263 section 4.3).
    @Test(arguments: [503, 0]) func theNextServerOfAnSRVNameIsTried(status: Int) throws {
        let first = try UDPClient()
        let second = try UDPClient()
        let caller = try UDPClient()
        let names = try DNSServer(zone(first.address, second.address))
        defer { names.stop() }
        let server = try server(names)
        let invite = SIPText.request("INVITE", "sip:bob@pair.test", from: caller.address, id: "srv")
        try caller.send(invite, to: server.port)
        let one = try first.request("INVITE")
        if status > 0 { try first.send(one.response(status, "Overload"), to: server.port) }
        let two = try second.request("INVITE")
        #expect(two.startLine == "INVITE sip:bob@pair.test SIP/2.0")
        #expect(two.branch != one.branch)
        try second.send(two.response(200, "OK"), to: server.port)
        var final = try caller.receive(within: .seconds(10)).message
        while final.statusCode == 100 { final = try caller.receive(within: .seconds(10)).message }
        #expect(final.statusCode == 200)
        try server.waitForNothing()
    }

    /// The look-up waits, the CANCEL does not; what the name server says then is of no use any more.
    @Test func aCancelEndsALookUp() throws {
        let called = try UDPClient()
        let caller = try UDPClient()
        let names = try DNSServer(["A slow.test": .silence])
        defer { names.stop() }
        let server = try server(names)
        let uri = "sip:bob@slow.test:\(called.address.port)"
        let invite = SIPText.request("INVITE", uri, from: caller.address, id: "slow")
        try caller.send(invite, to: server.port)
        try names.waitUntilAsked("A slow.test")
        try caller.send(SIPText.cancel(invite), to: server.port)
        var cancelled: SIPText?
        while cancelled == nil {
            let reply = try caller.receive(within: .seconds(10)).message
            if reply.header("CSeq") == "1 CANCEL" { cancelled = reply }
        }
        #expect(cancelled?.statusCode == 200)
        names.set("A slow.test", .a(["127.0.0.1"]))
        try names.waitUntilAsked("A slow.test", times: 2)
        let final = try caller.reply(487)
        try caller.send(SIPText.ack(invite, final), to: server.port)
        try server.waitForNothing()
        let nothing = called.datagram(within: .milliseconds(100))
        #expect(nothing == nil)
    }

    /// The only worker waits for names that nobody knows, and relays other calls meanwhile.
    @Test func othersAreServedWhileNamesAreLookedUp() throws {
        let called = try UDPClient()
        let caller = try UDPClient()
        let other = try UDPClient()
        let silent = (0..<50).map { ("A dead\($0).test", DNSServer.Records.silence) }
        let names = try DNSServer(Dictionary(uniqueKeysWithValues: silent))
        defer { names.stop() }
        let server = try server(names)
        for index in 0..<50 {
            let request = SIPText.request(
                "OPTIONS", "sip:bob@dead\(index).test:5060", from: caller.address, id: "dead\(index)")
            try caller.send(request, to: server.port)
        }
        try names.waitUntilAsked("A dead49.test")
        let request = SIPText.request(
            "OPTIONS", "sip:bob@\(called.address)", from: other.address, id: "alive")
        try other.send(request, to: server.port)
        let received = try called.request("OPTIONS")
        // None of the look-ups has ended: nobody was told.
        let early = caller.datagram(within: .zero)
        #expect(early == nil)
        try called.send(received.response(200, "OK"), to: server.port)
        let answer = try other.receive(within: .seconds(10)).message
        #expect(answer.statusCode == 200)
        var ended: Set<String> = []
        while ended.count < 50 {
            let reply = try caller.receive(within: .seconds(20)).message
            #expect((400..<600).contains(reply.statusCode ?? 0))
            ended.insert(reply.header("Call-ID") ?? "")
        }
        try server.waitForNothing()
    }

    @Test func nameServersThatAreNoneAreRefused() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write(
            "apus.cfg", "dns_servers=\"nobody\"\nlisten=udp:127.0.0.1:\(try Ports.free())\nrequest_route { exit; }\n")
        let result = try run(Products.path("apus"), ["-f", file, "-DD", "-E"])
        #expect(!result.succeeded)
        #expect(result.errors.contains("c-ares"))
    }
}
