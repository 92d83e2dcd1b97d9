import Glibc
import Testing

/// snmpstats behind Net-SNMP's own snmpd: what is served.
@Suite struct SnmpstatsTests {
    // MARK: - Walks

    /// One line of a walk: OID, type, value.
    struct Row {
        let oid: [Int]
        let type: String
        let value: String

        /// `.1.3.6.1 = Counter32: 7`
        init?(_ line: Substring) {
            guard let equals = line.firstRange(of: " = ") else { return nil }
            oid = line[..<equals.lowerBound].split(separator: ".").compactMap { Int($0) }
            let rest = line[equals.upperBound...]
            let colon = rest.firstRange(of: ": ")
            type = colon.map { String(rest[..<$0.lowerBound]) } ?? "STRING"
            value = colon.map { String(rest[$0.upperBound...]) } ?? String(rest)
        }
    }

    private static func walk(_ master: SnmpMaster, _ root: String, _ tool: String = "snmpwalk") throws -> [Row] {
        let result = try master.ask(tool, [root])
        try #require(result.succeeded, "\(result.errors)")
        return result.output.split(separator: "\n").compactMap { Row($0) }
    }

    /// Both families have the same tree: every object that the MIB files name is there, once, in order, and of their type; GETNEXT and GETBULK agree.
    @Test func bothFamiliesAreWalked() throws {
        let desk = try SnmpDesk(modules: ["sl", "tm", "tmx", "siputils", "usrloc", "registrar", "auth"])
        var counts: [Int] = []
        for (family, root) in [("kamailio", SnmpDesk.kamailio), ("openser", SnmpDesk.openser)] {
            let rows = try Self.walk(desk.master, root)
            let depth = root.split(separator: ".").count
            for (row, next) in zip(rows, rows.dropFirst()) {
                #expect(row.oid.lexicographicallyPrecedes(next.oid), "\(row.oid) before \(next.oid)")
            }
            let bulk = try Self.walk(desk.master, root, "snmpbulkwalk")
            #expect(bulk.map(\.oid) == rows.map(\.oid))
            counts.append(rows.count)
            // With names: no value is of another type than its file says.
            let named = try desk.master.ask("snmpwalk", [root], options: [], named: true)
            #expect(named.succeeded && !named.output.contains("Wrong Type"), "\(named.output)")
            let names = Set(
                named.output.split(separator: "\n").compactMap { line in
                    line.firstRange(of: "::").map { String(line[$0.upperBound...].prefix { $0 != "." && $0 != " " }) }
                })
            for name in try Self.scalars(of: family, root) { #expect(names.contains(name), "\(name) is not served") }
            #expect(rows.allSatisfy { $0.oid.count > depth })
        }
        #expect(counts[0] == counts[1] && counts[0] > 150, "\(counts)")
    }

    /// The names of objects that there are once: leaves that are in no table.
    private static func scalars(of family: String, _ root: String) throws -> [String] {
        var all: [String] = []
        for file in ["SIP-COMMON-MIB", "SIP-SERVER-MIB", "MIB"] {
            let text = try #require(readText("\(Products.sources)/mibs/\(family.uppercased())-\(file)"))
            var entries: Set<Substring> = []
            var name: Substring = ""
            var isReadable = false
            for line in text.split(separator: "\n") {
                let words = line.split(separator: " ")
                if words.count == 2, words[1] == "OBJECT-TYPE" { name = words[0] }
                if words.count == 2, words[0] == "MAX-ACCESS" { isReadable = words[1] != "not-accessible" }
                if words.first == "INDEX" { entries.insert(name) }
                guard words.count == 5, words[0] == "::=", !name.isEmpty else { continue }
                if isReadable, !entries.contains(words[2]) { all.append(String(name)) }
                (name, isReadable) = ("", false)
            }
        }
        try #require(all.count > 100)
        return all
    }

    @Test func oneFamilyOnly() throws {
        let desk = try SnmpDesk([#""mib_family", "kamailio""#])
        let openser = try desk.master.ask("snmpwalk", [SnmpDesk.openser])
        #expect(openser.output.contains("No Such Object"))
    }

    // MARK: - Formats that users know

    @Test func rolesAreShownAsEver() throws {
        let words = ["registrarServer", "redirectServer", "proxyServer", "userAgent", "other"]
        let desk = try SnmpDesk(words.map { "\"sipEntityType\", \"\($0)\"" })
        for (family, prefix) in [("OPENSER", "openser"), ("KAMAILIO", "kamailio")] {
            let result = try desk.master.ask("snmpget", ["\(prefix)SIPEntityType.0"], options: [], named: true)
            let names = "other(0) userAgent(1) proxyServer(2) redirectServer(3) registrarServer(4)"
            #expect(
                result.output == "\(family)-SIP-COMMON-MIB::\(prefix)SIPEntityType.0 = BITS: F8 \(names) \n",
                "\(result.output)\(result.errors)")
        }
    }

    @Test func aRoleThatThereIsNotIsRefused() throws {
        let result = try Server.check(
            """
            loadmodule "snmpstats.so"
            modparam("snmpstats", "sipEntityType", "gateway")
            request_route { exit; }
            """)
        let said = result.output + result.errors
        #expect(!result.succeeded && said.contains("redirectServer"), "\(said)")
    }

    @Test(arguments: [
        (#""mib_family", "ser""#, "mib_family"), (#""trap_family", """#, "trap_family"),
        (#""agentx_socket", "ftp:x""#, "agentx_socket"),
    ])
    func mistakesStopTheStart(parameter: String, text: String) throws {
        let config = """
            listen=udp:127.0.0.1:\(try Ports.free())
            loadmodule "snmpstats.so"
            modparam("snmpstats", \(parameter))
            request_route { exit; }
            """
        let folder = try TemporaryFolder()
        let file = try folder.write("apus.cfg", config)
        let result = try run(Products.path("apus"), ["-f", file, "-DD", "-E"], folder: folder.path)
        #expect(!result.succeeded && result.errors.contains(text), "\(result.errors)")
    }

    /// One row for an address and port, with all its transports; methods by their fixed numbers, as modules bring them.
    @Test func tablesOfTheConfig() throws {
        let desk = try SnmpDesk()
        let port = desk.server.port
        let listens = try desk.master.ask(
            "snmpget", [SnmpDesk.oid("3.1.1.1.1.5.1.4.1.4.127.0.0.1.\(port)")], options: [], named: true)
        #expect(listens.output.contains("BITS: 60 udp(1) tcp(2)"), "\(listens.output)\(listens.errors)")
        let methods = try Self.walk(desk.master, SnmpDesk.oid("3.1.1.1.1.7.1.2"))
        #expect(methods.map { $0.oid.last } == [1, 2, 3, 4, 5, 7, 9, 12, 13, 14])
        #expect(methods.first?.value == "\"METHOD_INVITE\"")
        let full = try SnmpDesk(modules: ["sl", "tm", "siputils", "usrloc", "registrar"])
        let all = try Self.walk(full.master, SnmpDesk.oid("3.1.1.1.1.7.1.2"))
        #expect(all.map { $0.oid.last } == Array(1...14))
        let state = try full.get("3.1.2.1.3.1.0")
        #expect(state == "2")
    }

    /// What the config says of TCP, and what it is without.
    @Test func parametersOfConnections() throws {
        let parameters: [(number: Int, name: String, value: String, shown: String, usual: String)] = [
            (2, "tcp_max_connections", "777", "777", "2048"), (3, "tcp_connect_timeout", "7", "7", "10"),
            (4, "tcp_send_timeout", "8", "8", "10"), (5, "tcp_connection_lifetime", "99", "99", "120"),
            (7, "tcp_no_connect", "yes", "1", "2"), (11, "tcp_conn_wq_max", "54321", "54321", "32768"),
            (12, "tcp_wq_max", "7654321", "7654321", "10485760"), (13, "tcp_rd_buf_size", "20000", "20000", "16384"),
            (14, "tcp_defer_accept", "1", "1", "2"), (15, "tcp_delayed_ack", "yes", "1", "2"),
            (16, "tcp_syncnt", "3", "1", "2"), (17, "tcp_linger2", "9", "9", "0"),
            (18, "tcp_keepalive", "no", "2", "1"),
            (19, "tcp_keepidle", "31", "31", "0"), (20, "tcp_keepintvl", "32", "32", "0"),
            (21, "tcp_keepcnt", "6", "6", "0"), (22, "tcp_crlf_ping", "no", "2", "1"),
            (23, "tcp_accept_aliases", "yes", "1", "2"), (24, "tcp_accept_no_cl", "yes", "1", "2"),
        ]
        let globals = parameters.map { "\($0.name)=\($0.value)\n" }.joined()
        for (globals, isUsual) in [(globals, false), ("", true)] {
            let desk = try SnmpDesk(globals: globals)
            let values = try Self.walk(desk.master, SnmpDesk.oid("3.1.3.1.4.1.3")).map {
                ($0.oid.dropLast().last, $0.value)
            }
            let expected =
                parameters.map { ($0.number, isUsual ? $0.usual : $0.shown) }
                // There is TCP, descriptors are kept, nothing waits but what is sent while a connection is made.
                + [(1, "1"), (8, "1"), (9, "1"), (10, "1")]
            #expect(values.map { "\($0 ?? 0): \($1)" } == expected.sorted { $0.0 < $1.0 }.map { "\($0): \($1)" })
        }
    }

    // MARK: - Counters

    /// Counters move exactly as traffic says.
    @Test func countersFollowTraffic() throws {
        let desk = try SnmpDesk(modules: ["sl", "kex"])
        let client = try UDPClient()
        let index = "1.200"
        let made = try desk.master.set(SnmpDesk.oid("3.1.1.1.5.1.1.5.6.200"), "i", "4")
        #expect(made == nil)
        let other = try desk.master.set(SnmpDesk.oid("3.1.1.1.5.1.1.5.\(index)"), "i", "4")
        #expect(other == nil)
        for number in 1...7 {
            let request = SIPText.request(
                "OPTIONS", "sip:a@127.0.0.1", from: client.address, id: "o\(number)")
            let reply = try client.exchange(request, with: desk.server.port)
            #expect(reply.statusCode == 200)
        }
        #expect(try desk.number("3.1.1.1.3.1.0") == 7)  // in requests
        #expect(try desk.number("3.1.1.1.3.4.0") == 7)  // out responses
        #expect(try desk.number("3.1.1.1.3.2.0") == 0 && desk.number("3.1.1.1.3.3.0") == 0)
        #expect(try desk.number("3.1.1.1.5.1.1.4.6.200") == 7)
        #expect(try desk.number("3.1.1.1.5.1.1.3.6.200") == 0)
        #expect(try desk.number("3.1.1.1.5.1.1.4.1.200") == 0)
        // What is no SIP is not a request.
        try client.send("nonsense, and more of it\r\n\r\n", to: desk.server.port)
        let isCounted = try until { try desk.number("3.1.1.1.8.3.0") > 0 }
        #expect(isCounted)
        try desk.door.expect("stats.fetch", ["core.sent_replies_2xx"], is: #"{"core.sent_replies_2xx":"7"}"#)
    }

    /// A proxied request: what came, what left, and both transactions' sides.
    @Test func countersOfAProxy() throws {
        let callee = try UDPClient()
        let desk = try SnmpDesk(
            modules: ["sl", "tm", "tmx", "siputils"],
            script: #"$ru = "sip:callee@\#(callee.address)"; t_relay();"#)
        let client = try UDPClient()
        let request = SIPText.request("OPTIONS", "sip:a@127.0.0.1", from: client.address, id: "p")
        try client.send(request, to: desk.server.port)
        // The callee waits until the request has come again.
        let first = try callee.receive().message
        let second = try callee.receive().message
        #expect(first.startLine == second.startLine)
        try callee.send(second.response(183, "Session Progress"), to: desk.server.port)
        #expect(try client.receive().message.statusCode == 183)
        try client.send(request, to: desk.server.port)
        #expect(try client.receive().message.statusCode == 183)
        try callee.send(second.response(200, "OK"), to: desk.server.port)
        #expect(try client.receive().message.statusCode == 200)
        for _ in 1...2 {
            try client.send(request, to: desk.server.port)
            #expect(try client.receive().message.statusCode == 200)
        }
        let sent = try desk.number("3.1.1.1.3.2.0")
        #expect(sent >= 2)
        #expect(try desk.number("3.1.1.1.4.1.1.2.6") == sent)  // by method: OPTIONS
        #expect(try desk.number("3.1.1.1.4.1.1.3.6") == 4)
        #expect(try desk.number("3.1.1.1.7.1.1.2.6") == sent - 1)  // sent again
        #expect(try desk.number("3.1.1.1.7.1.1.3.6") == 2)  // final replies
        #expect(try desk.number("3.1.1.1.7.1.1.4.6") == 1)  // provisional ones
        #expect(try desk.number("3.1.1.1.3.3.0") == 2)
        #expect(try desk.number("3.1.1.1.3.4.0") == 5)
        // One transaction in memory, which has a server's side and a client's.
        #expect(try desk.number("3.1.1.1.3.5.0") == 2)
        #expect(try desk.number("3.1.1.1.6.1.0") == 1)
    }

    /// Requests that are refused for what their Proxy-Require asks, registrations that are refused.
    @Test func countersOfRefusals() throws {
        let desk = try SnmpDesk(
            modules: ["sl", "tm", "sanity", "usrloc", "registrar"],
            script: #"if (!sanity_check("512", "7")) exit; save("location"); exit;"#)
        let client = try UDPClient()
        func ask(_ id: String, _ header: String) throws -> Int? {
            let text = SIPText.request("REGISTER", "sip:127.0.0.1", from: client.address, id: id, headers: [header])
                .replacing("To: <sip:127.0.0.1>", with: "To: <sip:carol@127.0.0.1>")
            return try client.exchange(text, with: desk.server.port).statusCode
        }
        #expect(try ask("1", "Proxy-Require: foo") == 420)
        #expect(try ask("2", "Proxy-Require: bar") == 420)
        #expect(try ask("3", "X: y") == 200)
        // Contact: * without Expires: 0.
        let bad = SIPText.request("REGISTER", "sip:127.0.0.1", from: client.address, id: "4", headers: [])
            .replacing("To: <sip:127.0.0.1>", with: "To: <sip:carol@127.0.0.1>")
            .replacing("Contact: <sip:tester@\(client.address)>", with: "Contact: *")
        #expect(try client.exchange(bad, with: desk.server.port).statusCode == 400)
        #expect(try desk.number("3.1.2.1.4.1.0") == 2)
        #expect(try desk.number("3.1.2.1.6.1.0") == 1 && desk.number("3.1.2.1.6.2.0") == 1)
        #expect(try desk.number("3.1.2.1.5.4.0") == 1)
        // What the registrar goes by: max_expires (none), default_expires.
        #expect(try desk.number("3.1.2.1.5.2.0") == 0 && desk.number("3.1.2.1.5.5.0") == 3600)
    }

    /// A table of counts that managers make rows in: what is asked for must be possible.
    @Test func rowsOfStatusCodes() throws {
        let desk = try SnmpDesk()
        let row = SnmpDesk.oid("3.1.1.1.5.1.1.5")
        let master = desk.master
        #expect(try master.ask("snmpwalk", [SnmpDesk.oid("3.1.1.1.5")]).output.contains("No Such"))
        #expect(try master.set("\(row).1.486", "i", "5") == "inconsistentValue")
        #expect(try master.set("\(row).1.486", "i", "1") == "inconsistentValue")
        #expect(try master.set("\(row).1.486", "i", "3") == "wrongValue")
        #expect(try master.set("\(row).1.486", "s", "x") == "wrongType")
        #expect(try master.set("\(row).99.486", "i", "4") == "noCreation")
        #expect(try master.set("\(row).1.99", "i", "4") == "noCreation")
        #expect(try master.set(SnmpDesk.oid("3.1.1.1.5.1.1.3.1.486"), "u", "1") == "notWritable")
        #expect(try master.set(SnmpDesk.oid("3.1.1.1.1.1.0"), "s", "SIP/3.0") == "notWritable")
        // One that cannot be takes the other with it.
        #expect(try master.set("\(row).1.486", "i", "4", "\(row).1.487", "i", "5") == "inconsistentValue")
        #expect(try master.ask("snmpwalk", [SnmpDesk.oid("3.1.1.1.5")]).output.contains("No Such"))
        #expect(try master.set("\(row).1.486", "i", "4") == nil)
        #expect(try master.set("\(row).1.486", "i", "4") == "inconsistentValue")
        #expect(try master.set(SnmpDesk.openser + ".3.1.1.1.5.1.1.5.2.404", "i", "4") == nil)
        let rows = try Self.walk(master, row)
        #expect(rows.map { Array($0.oid.suffix(2)) } == [[1, 486], [2, 404]] && rows.allSatisfy { $0.value == "1" })
        #expect(try master.set("\(row).1.486", "i", "6") == nil)
        #expect(try Self.walk(master, row).count == 1)
        let status = try desk.door.call("snmpstats.status")
        #expect(status.json.contains(#""sets":3"#), "\(status.json)")
    }

    // MARK: - Users

    private static func register(
        _ client: borrowing UDPClient, _ desk: SnmpDesk, _ user: String, _ contact: String, _ call: String,
        cseq: Int = 1
    ) throws {
        let text = SIPText.request(
            "REGISTER", "sip:127.0.0.1", from: client.address, id: call, cseq: cseq, headers: []
        )
        .replacing("To: <sip:127.0.0.1>", with: "To: <sip:\(user)@127.0.0.1>")
        .replacing("Contact: <sip:tester@\(client.address)>", with: "Contact: \(contact)")
        let reply = try client.exchange(text, with: desk.server.port)
        try #require(reply.statusCode == 200, "\(reply.startLine)")
    }

    @Test func usersAndTheirContacts() throws {
        let desk = try SnmpDesk(
            modules: ["sl", "tm", "usrloc", "registrar"], globals: #"modparam("registrar", "case_sensitive", 1)"#,
            script: #"save("location"); exit;"#)
        let client = try UDPClient()
        func register(_ user: String, _ contact: String, _ call: String, cseq: Int = 1) throws {
            try Self.register(client, desk, user, contact, call, cseq: cseq)
        }
        try register("DefaultUser", "<sip:d@192.0.2.1>;q=1", "d")
        try register("bogdan", "<sip:b@192.0.2.2>", "b1")
        try register("bogdan", "<sip:b@192.0.2.3>;q=0.25;expires=600", "b2")
        try register("jeffrey.magder", "<sip:j@192.0.2.4>;expires=60", "j")
        let table = try desk.master.ask(
            "snmptable", ["openserSIPRegUserTable"], options: ["-Ci"], named: true)
        let lines = table.output.split(separator: "\n").map { $0.split(separator: " ") }
        #expect(
            lines.dropFirst() == [
                ["index", "openserSIPUserUri", "openserSIPUserAuthenticationFailures"], ["1", "DefaultUser", "0"],
                ["2", "bogdan", "0"], ["3", "jeffrey.magder", "0"],
            ], "\(table.output)\(table.errors)")
        #expect(try desk.number("3.1.2.1.5.4.0") == 3 && desk.number("3.1.2.1.6.1.0") == 4)
        let contacts = try Self.walk(desk.master, SnmpDesk.oid("3.1.2.1.5.7.1.3"))
        #expect(contacts.map { Array($0.oid.suffix(2)) } == [[1, 1], [2, 1], [2, 2], [3, 1]])
        #expect(Set(contacts.map(\.value)).count == 4 && contacts[0].value == "\"sip:d@192.0.2.1\"")
        #expect(try desk.get("3.1.2.1.5.7.1.6.1.1") == "\" 1.00\"")
        let preferences = try Self.walk(desk.master, SnmpDesk.oid("3.1.2.1.5.7.1.6.2")).map(\.value)
        #expect(Set(preferences) == ["\"-0.01\"", "\" 0.25\""])
        let expiry = try desk.master.ask(
            "snmpget", ["kamailioSIPContactExpiry.3.1"], options: ["-Oqv"], named: true)
        #expect(expiry.output.split(separator: ",").count == 3, "\(expiry.output)")

        // A user who has gone keeps nothing; who comes back is somebody new.
        try register("bogdan", "<sip:b@192.0.2.2>;expires=0", "b1", cseq: 2)
        #expect(try Self.walk(desk.master, SnmpDesk.oid("3.1.2.1.5.7.1.3")).count == 3)
        try register("bogdan", "<sip:b@192.0.2.3>;expires=0", "b2", cseq: 2)
        #expect(try Self.walk(desk.master, SnmpDesk.oid("3.1.2.1.5.6.1.2")).map { $0.oid.last } == [1, 3])
        try register("bogdan", "<sip:b@192.0.2.2>", "b1", cseq: 3)
        #expect(try Self.walk(desk.master, SnmpDesk.oid("3.1.2.1.5.6.1.2")).map { $0.oid.last } == [1, 3, 4])

        // Who is looked for.
        let lookup = SnmpDesk.oid("3.1.2.1.5.9.1")
        let (a, b) = (try desk.get("3.1.2.1.5.8.0"), try desk.get("3.1.2.1.5.8.0"))
        #expect(a != b)
        #expect(try desk.master.set("\(lookup).2.\(a)", "s", "bogdan") == "inconsistentName")
        #expect(try desk.master.set("\(lookup).2.\(a)", "s", "bogdan", "\(lookup).4.\(a)", "i", "4") == nil)
        #expect(try desk.master.set("\(lookup).2.\(b)", "s", "nobody", "\(lookup).4.\(b)", "i", "4") == nil)
        #expect(try desk.master.set("\(lookup).4.9", "i", "4") == nil)
        #expect(try desk.master.get("\(lookup).3.\(a)", "\(lookup).4.\(a)") == ["4", "1"])
        #expect(try desk.master.get("\(lookup).3.\(b)", "\(lookup).4.\(b)", "\(lookup).4.9") == ["0", "2", "3"])
        #expect(try desk.master.set("\(lookup).2.\(b)", "s", "sip:DefaultUser@127.0.0.1") == nil)
        #expect(try desk.master.get("\(lookup).3.\(b)") == ["1"])
        #expect(try desk.master.set("\(lookup).2.\(b)", "i", "1") == "wrongType")
        #expect(try desk.master.set("\(lookup).3.\(b)", "u", "1") == "notWritable")
        #expect(try desk.master.set("\(lookup).4.\(b)", "i", "6") == nil)
        #expect(try Self.walk(desk.master, "\(lookup).4").count == 2)
    }

    /// More happens than there is room for while the agent's thread waits for a master that hangs: that is counted, no worker waits, and the table is right
    /// again afterwards.
    @Test func usersWhoCameUnheardAreFound() throws {
        let master = try SnmpMaster()
        try master.place.write(
            "snmpstats.conf", "agentXSocket \(master.socket)\nagentXPingInterval 1\nagentXTimeout 300\n")
        let desk = try SnmpDesk(
            master: master, modules: ["sl", "tm", "usrloc", "registrar"], script: #"save("location"); exit;"#)
        let client = try UDPClient()
        try Self.register(client, desk, "early", "<sip:e@192.0.2.1>", "e")
        try Self.register(client, desk, "stays", "<sip:s@192.0.2.1>", "s")
        let names = SnmpDesk.oid("3.1.2.1.5.6.1.2")
        #expect(try Self.walk(master, names).map(\.value) == ["\"early\"", "\"stays\""])
        master.hang(true)
        defer { master.hang(false) }
        // It asks for a sign of life every second.
        usleep(2_500_000)
        // 260 bytes each, where each worker has 65536.
        let filler = String(repeating: "x", count: 225)
        for number in 1000..<1700 {
            try Self.register(client, desk, "\(number)\(filler)", "<sip:u@192.0.2.2>", "u\(number)")
        }
        try Self.register(client, desk, "early", "<sip:e@192.0.2.1>;expires=0", "e", cseq: 2)
        master.hang(false)
        let expected = ["stays"] + (1000..<1700).map { "\($0)\(filler)" }
        #expect(
            try until {
                try Self.walk(master, names, "snmpbulkwalk").map(\.value).sorted()
                    == expected.map { "\"\($0)\"" }.sorted()
            })
        let status = try desk.door.call("snmpstats.status")
        #expect(!status.json.contains(#""missed":0,"#), "\(status.json)")
        // Who stayed has the number that was given first.
        #expect(try master.get(names + ".2") == ["\"stays\""])
        // What happens from now on is heard.
        try Self.register(client, desk, "late", "<sip:l@192.0.2.1>", "l")
        #expect(try Self.walk(master, names, "snmpbulkwalk").last?.value == "\"late\"")
    }

    @Test func usersMayBeKeptBack() throws {
        let desk = try SnmpDesk([#""export_registrar", 0"#], modules: ["sl", "tm", "usrloc", "registrar"])
        #expect(try desk.master.ask("snmpwalk", [SnmpDesk.oid("3.1.2.1.5.6")]).output.contains("No Such"))
    }

    /// Checks that fail while the user is registered are counted for that user.
    @Test func wrongPasswordsAreCounted() throws {
        let desk = try SnmpDesk(
            modules: ["sl", "tm", "pv", "auth", "usrloc", "registrar"],
            script: """
                if ($hdr(X-Free) != $null) { save("location"); exit; }
                if (!pv_www_authenticate("test", "secret", "0")) { www_challenge("test", "0"); exit; }
                sl_send_reply("200", "OK");
                """)
        let client = try UDPClient()
        for user in ["alice", "bob"] {
            let text = SIPText.request(
                "REGISTER", "sip:127.0.0.1", from: client.address, id: user, headers: ["X-Free: 1"]
            ).replacing("To: <sip:127.0.0.1>", with: "To: <sip:\(user)@127.0.0.1>")
            #expect(try client.exchange(text, with: desk.server.port).statusCode == 200)
        }
        let folder = try TemporaryFolder()
        for (password, final) in [("wrong", "401"), ("secret", "200"), ("false", "401")] {
            let sipp = try Sipp(
                "uac-register", in: folder, calling: desk.server.port, values: ["final": final],
                arguments: ["-au", "alice", "-ap", password])
            try sipp.finish()
        }
        let failures = try Self.walk(desk.master, SnmpDesk.oid("3.1.2.1.5.6.1.3")).map(\.value)
        #expect(failures == ["2", "0"])
    }
}
