import Testing

/// Failover between the servers of one name (RFC 3263 section 4.3): what it does to the rest of its transaction.
@Suite struct TmFailoverTests {
    private func server(_ names: DNSServer, script: String, routes: String = "") throws -> Server {
        try Server { port in
            """
            #!KAMAILIO
            children=1
            listen=udp:127.0.0.1:\(port)
            dns_servers="\(names.address)"
            dns_try_ipv6=no
            dns_use_search_list=no
            use_dns_failover=yes
            loadmodule "tm.so"
            loadmodule "sl.so"
            loadmodule "pv.so"
            loadmodule "xlog.so"
            loadmodule "siputils.so"
            loadmodule "textops.so"
            modparam("tm", "retr_timer1", 200)
            modparam("tm", "fr_timer", 1500)
            modparam("tm", "wt_timer", 200)
            request_route {
                \(Probe.tellsTransactions)
                if ($rm == "CANCEL" || $rm == "ACK") { t_relay(); exit; }
                \(script)
            }
            \(routes)

            """
        }
    }

    /// A name server that knows a name with two called sides, the first one before the second one.
    private static func names(
        _ first: Address, _ second: Address, further: [String: DNSServer.Records] = [:]
    ) throws -> DNSServer {
        let zone = [
            "SRV _sip._udp.pair.test": TmFailoverTests.pair(first, second),
            "A one.test": .a(["127.0.0.1"]), "A two.test": .a(["127.0.0.1"]),
        ]
        return try DNSServer(zone.merging(further) { known, _ in known })
    }

    private static func pair(_ first: Address, _ second: Address) -> DNSServer.Records {
        .srv([
            (priority: 20, weight: 1, port: second.port, target: "two.test"),
            (priority: 10, weight: 1, port: first.port, target: "one.test"),
        ])
    }

    /// A caller, two called sides, and a name server that knows both by one name.
    private struct Sides: ~Copyable {
        let first: UDPClient
        let second: UDPClient
        let caller: UDPClient
        let names: DNSServer

        init() throws {
            // All of them before any field: a half made value could not be thrown away.
            let one = try UDPClient()
            let two = try UDPClient()
            let calling = try UDPClient()
            names = try TmFailoverTests.names(one.address, two.address)
            first = one
            second = two
            caller = calling
        }

        deinit { names.stop() }
    }

    private func invite(_ id: String, from caller: borrowing UDPClient) -> String {
        SIPText.request("INVITE", "sip:bob@pair.test", from: caller.address, id: id)
    }

    /// The final reply that the caller's INVITE gets, acknowledged.
    private func outcome(_ invite: String, _ caller: borrowing UDPClient, _ server: borrowing Server) throws -> SIPText
    {
        while true {
            let reply = try caller.next("INVITE")
            guard let code = reply.statusCode, code >= 200 else { continue }
            if code >= 300 { try caller.send(SIPText.ack(invite, reply), to: server.port) }
            return reply
        }
    }

    /// Of a branch that another one has replaced nobody is told, nor does its outcome count.
    @Test(arguments: [503, 0]) func aReplacedBranchHasNotFailed(status: Int) throws {
        let sides = try Sides()
        let server = try server(
            sides.names, script: #"t_on_branch_failure("told"); t_on_failure("all"); t_relay();"#,
            routes: """
                event_route[tm:branch-failure:told] { xerr("branch failed\\n"); }
                failure_route[all] { xerr("all failed\\n"); }
                """)
        let invite = invite("told", from: sides.caller)
        try sides.caller.send(invite, to: server.port)
        let one = try sides.first.request("INVITE")
        if status > 0 {
            try sides.first.send(one.response(status, "Overload"), to: server.port)
            _ = try sides.first.request("ACK")
        }
        let two = try sides.second.request("INVITE")
        try sides.second.send(two.response(486, "Busy Here"), to: server.port)
        let ack = try sides.second.request("ACK")
        #expect(ack.branch == two.branch)
        let end = try outcome(invite, sides.caller, server)
        #expect(end.statusCode == 486)
        try server.waitForNothing()
        let log = server.log
        #expect(log.count(of: "branch failed") == 1)
        #expect(log.count(of: "all failed") == 1)
    }

    /// The CANCEL follows the request to where it has gone.
    @Test func theBranchThatReplacedAnotherIsCancelled() throws {
        let sides = try Sides()
        let server = try server(sides.names, script: "t_relay();")
        let invite = invite("cancelled", from: sides.caller)
        try sides.caller.send(invite, to: server.port)
        let one = try sides.first.request("INVITE")
        try sides.first.send(one.response(503, "Overload"), to: server.port)
        _ = try sides.first.request("ACK")
        let two = try sides.second.request("INVITE")
        try sides.second.send(two.response(180, "Ringing"), to: server.port)
        try sides.caller.reply(180)
        try sides.caller.send(SIPText.cancel(invite), to: server.port)
        let cancel = try sides.second.request("CANCEL")
        #expect(cancel.headers("Via") == [two.header("Via") ?? ""])
        try sides.second.send(cancel.response(200, "OK"), to: server.port)
        try sides.second.send(two.response(487, "Request Terminated"), to: server.port)
        let end = try outcome(invite, sides.caller, server)
        #expect(end.statusCode == 487)
        try server.waitForNothing()
        while let late = sides.first.datagram(within: .milliseconds(10)) {
            #expect(!String(decoding: late.bytes, as: UTF8.self).hasPrefix("CANCEL"))
        }
    }

    /// What the script or a parameter says of failover.
    @Test(arguments: [
        ("t_set_disable_failover(1);", 503, false), ("", 480, false), ("CODES", 480, true), ("CODES", 403, false),
    ]) func theScriptDecidesAboutFailover(script: String, status: Int, isTried: Bool) throws {
        let sides = try Sides()
        let hasCodes = script == "CODES"
        let server = try server(
            sides.names, script: (hasCodes ? "" : script) + " t_relay();",
            routes: hasCodes ? #"modparam("tm", "failover_reply_codes", "code=480;class=5")"# : "")
        let invite = invite("decides", from: sides.caller)
        try sides.caller.send(invite, to: server.port)
        let one = try sides.first.request("INVITE")
        try sides.first.send(one.response(status, "No"), to: server.port)
        if isTried {
            let two = try sides.second.request("INVITE")
            try sides.second.send(two.response(404, "Not Found"), to: server.port)
        }
        let end = try outcome(invite, sides.caller, server)
        #expect(end.statusCode == (isTried ? 404 : status == 503 ? 500 : status))
        if !isTried { try sides.second.staysSilent(for: .milliseconds(100)) }
        try server.waitForNothing()
    }

    /// The request for the next address is made of the one that failed, with what its branch route did, or of the one that was received.
    @Test(arguments: [1, 0]) func whatTheNextServerGets(reparse: Int) throws {
        let sides = try Sides()
        let server = try server(
            sides.names, script: #"append_hf("X-Request: here\r\n"); t_on_branch("out"); t_relay();"#,
            routes: """
                modparam("tm", "reparse_on_dns_failover", \(reparse))
                branch_route[out] { append_hf("X-Branch: here\\r\\n"); xerr("branch route\\n"); }
                """)
        let invite = invite("reparse", from: sides.caller)
        try sides.caller.send(invite, to: server.port)
        let one = try sides.first.request("INVITE")
        #expect(one.header("X-Branch") == "here")
        try sides.first.send(one.response(503, "Overload"), to: server.port)
        let two = try sides.second.request("INVITE")
        #expect(two.header("X-Request") == "here")
        #expect(two.header("X-Branch") == (reparse == 1 ? "here" : nil))
        #expect(two.startLine == one.startLine && two.branch != one.branch)
        try sides.second.send(two.response(404, "Not Found"), to: server.port)
        let end = try outcome(invite, sides.caller, server)
        #expect(end.statusCode == 404)
        try server.waitForNothing()
        #expect(server.log.count(of: "branch route") == 1)
    }

    /// By which socket the next address is tried: that of the branch that failed, or that which the request was received on.
    @Test(arguments: [0, 1]) func theSocketOfTheNextServer(reuse: Int) throws {
        let sides = try Sides()
        let other = try Ports.free()
        let server = try server(
            sides.names, script: "force_send_socket(\"udp:127.0.0.1:\(other)\"); t_relay();",
            routes: """
                listen=udp:127.0.0.1:\(other)
                modparam("tm", "dns_reuse_rcv_socket", \(reuse))
                """)
        let invite = invite("socket", from: sides.caller)
        try sides.caller.send(invite, to: server.port)
        let (one, from) = try sides.first.receive(within: .seconds(10))
        #expect(from.port == other)
        try sides.first.send(one.response(503, "Overload"), to: other)
        let (two, next) = try sides.second.receive(within: .seconds(10))
        let expected = reuse == 1 ? server.port : other
        #expect(next.port == expected)
        #expect(two.header("Via")?.contains("127.0.0.1:\(expected);") == true, "\(two)")
        try sides.second.send(two.response(404, "Not Found"), to: expected)
        let end = try outcome(invite, sides.caller, server)
        #expect(end.statusCode == 404)
        try server.waitForNothing()
    }

    /// Retransmissions ask no name server, not even where nothing is remembered: while the first copy's look-up waits, and later.
    @Test func onlyTheFirstCopyAsksForNames() throws {
        let sides = try Sides()
        let server = try server(
            sides.names, script: "xerr(\"script\\n\"); t_relay();", routes: "use_dns_cache=no\ndns_retr_time=1")
        let question = "SRV _sip._udp.pair.test"
        sides.names.set(question, .silence)
        let message = SIPText.request("MESSAGE", "sip:bob@pair.test", from: sides.caller.address, id: "names")
        for _ in 0..<5 { try sides.caller.send(message, to: server.port) }
        try sides.names.waitUntilAsked(question)
        sides.names.set(question, TmFailoverTests.pair(sides.first.address, sides.second.address))
        let seen = try sides.first.request("MESSAGE")
        // The name server was silent once, and was asked again.
        let asked = sides.names.questions(question)
        for _ in 0..<5 { try sides.caller.send(message, to: server.port) }
        try sides.first.send(seen.response(200, "OK"), to: server.port)
        try sides.caller.reply(200)
        for _ in 0..<5 {
            try sides.caller.send(message, to: server.port)
            try sides.caller.reply(200)
        }
        #expect(asked < 5 && sides.names.questions(question) == asked)
        #expect(server.log.count(of: "<script>: script") == 1)
        // Another request does ask.
        let further = SIPText.request("MESSAGE", "sip:bob@pair.test", from: sides.caller.address, id: "names2")
        try sides.caller.send(further, to: server.port)
        while true {
            let message = try sides.first.request("MESSAGE")
            guard message.header("Call-ID") != seen.header("Call-ID") else { continue }
            try sides.first.send(message.response(200, "OK"), to: server.port)
            break
        }
        #expect(sides.names.questions(question) == asked + 1)
        try server.waitForNothing()
    }

    /// A 6xx ends the failover of the branches beside it; the next leg has its own.
    @Test func a6xxEndsTheFailoverOfItsLegOnly() throws {
        let one = try UDPClient()
        let two = try UDPClient()
        let three = try UDPClient()
        let four = try UDPClient()
        let declining = try UDPClient()
        let caller = try UDPClient()
        let names = try TmFailoverTests.names(
            one.address, two.address,
            further: [
                "SRV _sip._udp.other.test": .srv([
                    (priority: 20, weight: 1, port: four.address.port, target: "two.test"),
                    (priority: 10, weight: 1, port: three.address.port, target: "one.test"),
                ])
            ])
        defer { names.stop() }
        let server = try server(
            names,
            script: "append_branch(\"sip:no@\(declining.address)\"); t_on_failure(\"next\"); t_relay();",
            routes: #"failure_route[next] { $ru = "sip:bob@other.test"; t_relay(); }"#)
        let invite = invite("sixhundred", from: caller)
        try caller.send(invite, to: server.port)
        let first = try one.request("INVITE")
        let refused = try declining.request("INVITE")
        try declining.send(refused.response(603, "Decline"), to: server.port)
        _ = try declining.request("ACK")
        // Without the 603 another server would be tried.
        try one.send(first.response(503, "Overload"), to: server.port)
        let third = try three.request("INVITE")
        try three.send(third.response(503, "Overload"), to: server.port)
        let fourth = try four.request("INVITE")
        try four.send(fourth.response(200, "OK"), to: server.port)
        let end = try outcome(invite, caller, server)
        #expect(end.statusCode == 200)
        try two.staysSilent(for: .milliseconds(100))
        try server.waitForNothing()
    }

    /// Only challenges of branches that count are collected: not those of one that was replaced.
    @Test func challengesOfAReplacedBranchAreNotPassedOn() throws {
        let sides = try Sides()
        let third = try UDPClient()
        let server = try server(
            sides.names, script: "append_branch(\"sip:three@\(third.address)\"); t_relay();",
            routes: #"modparam("tm", "failover_reply_codes", "code=401")"#)
        let invite = invite("challenges", from: sides.caller)
        try sides.caller.send(invite, to: server.port)
        func challenge(_ name: String) -> [String] { ["WWW-Authenticate: Digest realm=\"\(name)\", nonce=\"1\""] }
        let one = try sides.first.request("INVITE")
        try sides.first.send(one.response(401, "No", headers: challenge("one")), to: server.port)
        let two = try sides.second.request("INVITE")
        try sides.second.send(two.response(407, "No", headers: challenge("two")), to: server.port)
        let three = try third.request("INVITE")
        try third.send(three.response(401, "No", headers: challenge("three")), to: server.port)
        let end = try outcome(invite, sides.caller, server)
        #expect(end.statusCode == 401 || end.statusCode == 407)
        let realms = end.headers("WWW-Authenticate").map { $0.split(separator: "\"")[1] }
        #expect(realms.sorted() == ["three", "two"])
        try server.waitForNothing()
    }

    /// A request of the server's own goes to each address once, in their order, and frees what it took.
    @Test func requestsOfOurOwnTryOneAddressAfterTheOther() throws {
        let folder = try TemporaryFolder()
        let door = try RPCDoor.config(folder.path)
        let one = try UDPClient()
        let two = try UDPClient()
        let three = try UDPClient()
        let names = try DNSServer([
            "SRV _sip._udp.own.test": .srv([
                (priority: 30, weight: 1, port: three.address.port, target: "any.test"),
                (priority: 10, weight: 1, port: one.address.port, target: "any.test"),
                (priority: 20, weight: 1, port: two.address.port, target: "any.test"),
            ]), "A any.test": .a(["127.0.0.1"]),
        ])
        defer { names.stop() }
        let server = try server(names, script: "exit;", routes: door)
        let operatorDoor = try RPCDoor(folder.path)
        for round in 0..<5 {
            try operatorDoor.send(
                "tm.t_uac_wait_block", ["OPTIONS", "sip:bob@own.test", ".", ".", Desk.dialog])
            // The first one says that it is out of order, the second one nothing.
            let first = try one.request("OPTIONS")
            try one.send(first.response(503, "Overload"), to: server.port)
            let second = try two.request("OPTIONS")
            let third = try three.request("OPTIONS")
            #expect(Set([first.branch, second.branch, third.branch]).count == 3)
            try three.send(third.response(200, "Round \(round)"), to: server.port)
            let answer = try operatorDoor.receive()
            #expect(answer.json == #"{"code":200,"text":"Round \#(round)"}"#)
            while two.datagram(within: .zero) != nil {}
        }
        try server.waitForNothing()
        #expect(server.status == nil)
    }
}
