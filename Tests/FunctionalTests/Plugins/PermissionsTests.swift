import Testing

/// What scripts and operators get from the module permissions.
@Suite struct PermissionsTests {
    // MARK: - Addresses

    private static let addresses = """
        INSERT INTO address (grp, ip_addr, mask, port, tag) VALUES (1, '10.0.0.1', 32, 0, 'first'), (1, '10.0.0.1', 32, 0, 'second'),
        (1, '10.1.0.0', 16, 0, 'wide'), (1, '10.1.2.0', 24, 0, 'narrow'), (1, 'Gw.Example.org', 0, 5080, 'name'),
        (2, '2001:db8::', 32, 0, NULL), (4, '127.0.0.0', 8, 0, 'near');
        """

    @Test func groupsOfAddresses() throws {
        let tables = try Tables(
            ["address"], PermissionsTests.addresses, module: "permissions",
            ["load_backends=1", "peer_tag_avp=$avp(t)", "reload_delta=0"],
            steps: [
                #"allow_address("1", "10.0.0.1", "5060")| $avp(t)"#, #"allow_address("1", "10.1.2.3", "$sp")| $avp(t)"#,
                #"allow_address("1", "gw.example.org", "5080")| $avp(t)"#,
                #"allow_address("1", "gw.example.org", "5081")| -"#, #"allow_address("2", "2001:db8:1::7", "0")| -"#,
                #"allow_address("2", "[2001:db9::7]", "0")| -"#, #"allow_address("0", "10.0.0.1", "0")| -"#,
                "allow_source_address()| -", #"allow_source_address("4")| $avp(t)"#, "allow_source_address_group()| -",
                #"allow_address_group("10.0.0.1", 1)| -"#, #"allow_address_group("10.0.0.9", 1)| -"#,
            ])
        let expected = [
            "1 second", "1 wide", "1 name", "-1 -", "1 -", "-1 -", "-1 -", "-1 -", "1 near", "4 -", "1 -", "-1 -",
        ]
        #expect(try tables.tell("sip:x@y") == expected)
        let door = tables.server.door
        let hosts = try door.call("permissions.addressDump").json
        #expect(
            hosts
                == #"[{"table":0,"group":1,"item":{"ip":"10.0.0.1","port":0,"tag":"first"}},{"table":1,"group":1,"item":{"ip":"10.0.0.1","port":0,"tag":"second"}}]"#
        )
        #expect(
            try door.call("permissions.subnetDump").json.contains(
                #"{"id":2,"group":2,"item":{"ip":"2001:db8::","mask":32,"port":0,"tag":"NULL"}}"#))
        try door.expect(
            "permissions.domainDump",
            is: #"[{"table":0,"group":1,"item":{"domain_name":"Gw.Example.org","port":5080,"tag":"name"}}]"#)
    }

    /// A list that cannot be read changes nothing.
    @Test func reloads() throws {
        let tables = try Tables(
            ["address"], PermissionsTests.addresses, module: "permissions", ["load_backends=1", "reload_delta=0"],
            steps: [#"allow_address("1", "10.0.0.1", "5060")| -"#, #"allow_address("1", "10.0.0.2", "5060")| -"#])
        let door = tables.server.door
        #expect(try tables.tell("sip:x@y") == ["1 -", "-1 -"])
        try sqlite(tables.file, "UPDATE address SET ip_addr = '10.0.0.2' WHERE ip_addr = '10.0.0.1'")
        try door.expect("permissions.addressReload", is: #""Reload OK""#)
        #expect(try tables.tell("sip:x@y") == ["-1 -", "1 -"])
        try sqlite(tables.file, "INSERT INTO address (grp, ip_addr, mask) VALUES (1, '10.0.0.3', 99)")
        try door.expect("permissions.addressReload", code: 500, is: "Reload failed.")
        try tables.server.server.waitForLog("the mask of `10.0.0.3` is 0 to 32, not 99")
        #expect(try tables.tell("sip:x@y") == ["-1 -", "1 -"])
        try door.expect("permissions.trustedReload", code: 500, is: "Reload failed.")
        try door.expect("permissions.trustedDump", code: 500, is: "No trusted table")
    }

    @Test func reloadsAreSpaced() throws {
        let tables = try Tables(
            ["address"], "", module: "permissions", ["load_backends=1"], steps: [#"allow_source_address()| -"#])
        try tables.server.door.expect("permissions.addressReload", is: #""Reload OK""#)
        try tables.server.door.expect("permissions.addressReload", code: 500, is: "ongoing reload")
    }

    /// Thousands of rows, while they are replaced and asked for.
    @Test func manyAddresses() throws {
        let tables = try Tables(
            ["address"],
            """
            WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 3999)
            INSERT INTO address (grp, ip_addr, mask) SELECT 1, '10.' || (i / 250) || '.' || (i % 250) || '.0', CASE i % 2 WHEN 0 THEN 24 ELSE 32 END FROM n;
            """, module: "permissions", ["load_backends=1", "reload_delta=0"],
            steps: [
                #"allow_address("1", "10.15.248.77", "0")| -"#, #"allow_address("1", "10.15.249.0", "0")| -"#,
                #"allow_address("1", "10.15.249.1", "0")| -"#,
            ])
        for _ in 0..<5 {
            try tables.server.door.expect("permissions.addressReload", is: #""Reload OK""#)
            #expect(try tables.tell("sip:x@y") == ["1 -", "1 -", "-1 -"])
        }
        let networks = try tables.server.door.call("permissions.subnetDump").json
        #expect(networks.split(separator: "\"mask\":24").count == 2001)
        #expect(networks.hasPrefix(#"[{"id":0,"#) && networks.contains(#"{"id":1999,"#))
    }

    @Test func filesOfAddresses() throws {
        let script = """
            modparam("permissions", "address_file", "address.list")
            modparam("permissions", "reload_delta", 0)
            request_route { allow_source_address(3); sl_send_reply("200", "$rc"); exit; }

            """
        let server = try Reloadable(
            script, modules: ["permissions"], files: ["address.list": "# near\n3 127.0.0.1 32 0 near # me\n"])
        #expect(try server.ask(id: "pf1") == "1")
        try server.server.folder.write("address.list", "3 10.0.0.0/8\nthree 127.0.0.1\n")
        try server.door.expect("permissions.addressReload", code: 500, is: "Reload failed.")
        try server.server.waitForLog("address.list:2: the group is a number, not `three`")
        #expect(try server.ask(id: "pf2") == "1")
        try server.server.folder.write("address.list", "3 10.0.0.0/8\n")
        try server.door.expect("permissions.addressReload", is: #""Reload OK""#)
        #expect(try server.ask(id: "pf3") == "-1")
    }

    // MARK: - Trusted peers

    private static let trusted = """
        INSERT INTO trusted (src_ip, proto, from_pattern, ruri_pattern, tag, priority) VALUES
        ('127.0.0.1', 'udp', '^sip:alice', '', 'low', 1), ('127.0.0.1', 'any', '^sip:alice', NULL, 'high', 5),
        ('127.0.0.1', 'any', '^sip:bob', 'sip:X@', 'bobx', 0), ('127.0.0.1', 'none', NULL, NULL, 'never', 9),
        ('127.0.0.1', 'tcp', '', '', 'tcp', 9), ('2001:DB8:0::1', 'any', NULL, NULL, NULL, 0);
        """

    private static let trustedSteps = [
        "allow_trusted()| $(avp(t)[0]) $(avp(t)[1])", #"allow_trusted("$si", "TCP")| $avp(t)"#,
        #"allow_trusted("$si", "any", "sip:alice2@x")| $avp(t)"#, #"allow_trusted("$si", "sctp", "sip:zed@x")| -"#,
        #"allow_trusted("10.9.9.9", "udp")| -"#, #"allow_trusted("$si", "carrier pigeon")| -"#,
    ]

    /// As Kamailio 5.6 answers; what it says of db_mode 0 depends on its database.
    @Test(arguments: [0, 1], [0, 1]) func trustedPeers(dbMode: Int, tagMode: Int) throws {
        let tables = try Tables(
            ["trusted"], PermissionsTests.trusted, module: "permissions",
            ["load_backends=2", "db_mode=\(dbMode)", "peer_tag_mode=\(tagMode)", "peer_tag_avp=$avp(t)"],
            steps: PermissionsTests.trustedSteps)
        let isAll = tagMode == 1
        let rest = ["-1 -", "-1 -", "-1 -"]
        let alice = isAll ? "2 low high" : "1 high <null>"
        let any = isAll ? "3 low" : "1 tcp"
        // The last tag stays on top.
        #expect(try tables.tell("sip:X@y", from: "sip:alice@x") == [alice, isAll ? "2 high" : "1 tcp", any] + rest)
        let cased = try tables.tell("sip:X@y", from: "sip:Alice@x")
        #expect(cased[0] == "-1 <null> <null>")
        #expect(try tables.tell("sip:X@y", from: "sip:bob@x")[0] == "1 bobx <null>")
        #expect(try tables.tell("sip:x@y", from: "sip:bob@x")[0] == "-1 <null> <null>")
        #expect(tables.server.server.log.contains("the second argument is no transport"))
    }

    @Test func trustedPeersAreReplaced() throws {
        let tables = try Tables(
            ["trusted"], PermissionsTests.trusted, module: "permissions",
            ["load_backends=2", "db_mode=1", "reload_delta=0"],
            steps: ["allow_trusted()| -", #"allow_trusted("2001:db8::1", "udp")| -"#])
        let door = tables.server.door
        #expect(try tables.tell("sip:X@y", from: "sip:alice@x") == ["1 -", "1 -"])
        let dump = try door.call("permissions.trustedDump").json
        #expect(
            dump.contains(
                #""item":{"ip":"2001:db8::1","proto":0,"pattern":"NULL","ruri_pattern":"NULL","tag":"NULL","priority":0}}"#
            ))
        try sqlite(tables.file, "UPDATE trusted SET from_pattern = '(' WHERE tag = 'low'")
        try door.expect("permissions.trustedReload", code: 500, is: "Reload failed.")
        try tables.server.server.waitForLog("table trusted, row 1: `(`: ")
        #expect(try tables.tell("sip:X@y", from: "sip:alice@x")[0] == "1 -")
        try sqlite(tables.file, "DELETE FROM trusted")
        try door.expect("permissions.trustedReload", is: #""Reload OK""#)
        #expect(try tables.tell("sip:X@y", from: "sip:alice@x") == ["-1 -", "-1 -"])
    }

    // MARK: - Rules

    private static let allow = """
        # who may call whom
        "^sip:alice@here\\.test$" : "^sip:r@" EXCEPT "1@", "2@"
        ALL EXCEPT "mallory" : "^sip:ok[0-9]*@[0-9a-z.]*$"

        """

    private static func script(_ steps: [String]) -> String {
        "request_route {\n\(Dispatching.steps(steps))\n}\n"
    }

    private static let ruleSteps = [
        #"allow_routing("rr")| -"#, #"allow_routing("rr.allow", "rr.deny")| -"#, #"allow_uri("rr", "$hdr(X-U)")| -"#,
        #"allow_register("rr")| -"#, #"allow_register_include_port("rr.allow", "rr.deny")| -"#, "allow_routing()| -",
    ]

    private func rules(_ extra: String = "") throws -> Reloadable {
        try Reloadable(
            extra + PermissionsTests.script(PermissionsTests.ruleSteps), modules: ["permissions"],
            files: ["rr.allow": PermissionsTests.allow, "rr.deny": "ALL : ALL\n"])
    }

    private func tell(
        _ server: borrowing Reloadable, _ uri: String, from: String, to: String = "sip:bob@here.test",
        contact: String? = nil,
        target: String? = nil
    ) throws -> [String] {
        var headers = target.map { ["X-U: \($0)"] } ?? []
        if let contact { headers.append("Contact: \(contact)") }
        var request = SIPText.request(
            "OPTIONS", uri, from: server.client.address, id: "rules\(Int.random(in: 0..<1_000_000_000))",
            headers: headers)
        request = request.split(separator: "\r\n", omittingEmptySubsequences: false).filter {
            contact == nil || !$0.hasPrefix("Contact: ") || $0 == "Contact: \(contact!)"
        }.map { line in
            line.hasPrefix("From:") ? "From: <\(from)>;tag=f" : line.hasPrefix("To:") ? "To: <\(to)>" : String(line)
        }.joined(separator: "\r\n")
        let answer = try server.client.exchange(request, with: server.server.port)
        return answer.reason.split(separator: "|").map { String($0.prefix { $0 != " " }) }
    }

    /// As Kamailio 5.6 answers.
    @Test func whoMayCallWhom() throws {
        let server = try rules()
        #expect(
            try tell(server, "sip:r@127.0.0.1:5060;p=1", from: "sip:alice@here.test", target: "sip:r@x:5060;z=1")
                .prefix(3) == ["1", "1", "1"])
        #expect(
            try tell(
                server, "sip:r@127.0.0.1", from: "sip:bob@x", to: "sip:zed@x",
                contact: "<sip:ok1@1.2.3.4:99>, \"N\" <sip:ok2@2.2.2.2>;expires=3", target: "sip:ok12@foo")
                == ["-1", "-1", "1", "1", "-1", "1"])
        #expect(
            try tell(
                server, "sip:r1@x", from: "sip:alice@here.test", to: "sip:mallory@x", contact: "<sip:ok1@x>")
                == ["-1", "-1", "-1", "-1", "-1", "1"])
        #expect(
            try tell(server, "sip:OK7@x;lr", from: "sip:carl@x", contact: "*", target: "sip:ok7@x;lr")
                == ["1", "1", "-1", "1", "1", "1"])
        #expect(
            try tell(server, "sip:ok7@x", from: "sip:carl@x", contact: "<sip:ok1@x>, <sip:no@x>")
                == ["1", "1", "-1", "-1", "-1", "1"])
        #expect(server.server.log.contains("the variable has no text"))
        let door = server.door
        try door.expect("permissions.testUri", ["rr", "sip:alice@here.test", "sip:r@x"], is: #""Allowed""#)
        try door.expect("permissions.allowUri", ["rr", "sip:alice@here.test", "sip:r1@x"], is: #""Denied""#)
        let none = try door.call("permissions.testUri", "no", "sip:a@b", "sip:c@d")
        #expect(none.code == 500 && none.json.contains("there is neither"))
        try door.expect(
            "permissions.testUri", ["rr"], code: 500, is: "Not enough parameters (basename, URI and contact)")
    }

    @Test func branches() throws {
        for (checks, expected) in [(1, "-1"), (0, "1")] {
            let server = try Reloadable(
                """
                modparam("permissions", "check_all_branches", \(checks))
                request_route {
                    append_branch("sip:no@x");
                    allow_routing("rr"); sl_send_reply("200", "$rc"); exit;
                }

                """, modules: ["permissions"],
                files: ["rr.allow": "ALL : \"^sip:alice@\"\n", "rr.deny": "ALL : ALL\n"])
            #expect(try server.ask(id: "branches\(checks)") == expected)
        }
    }

    /// The files come in force with the script, the default ones too, or not at all.
    @Test func filesAreReadWithTheScript() throws {
        let server = try rules()
        func asked() throws -> [String] { try tell(server, "sip:r@x", from: "sip:bob@x") }
        #expect(try asked() == ["-1", "-1", "-1", "-1", "-1", "1"])
        try server.server.folder.write("rr.deny", "")
        try server.server.folder.write("permissions.deny", "\"^sip:bob@\" : ALL\n")
        #expect(try asked() == ["-1", "-1", "-1", "-1", "-1", "1"])
        try server.reload()
        #expect(try asked() == ["1", "1", "-1", "1", "1", "-1"])
        try server.server.folder.write("permissions.deny", "ALL : ALL\nALL : \"a(\"\n")
        let refused = try server.door.call("core.reload")
        #expect(refused.code != 200 && refused.json.contains("permissions.deny:2:8: `a(`"))
        #expect(try asked() == ["1", "1", "-1", "1", "1", "-1"])
    }

    @Test func mistakesInFiles() throws {
        let config = """
            loadmodule "permissions.so"
            request_route { allow_routing("rules"); exit; }

            """
        let result = try Server.check(config, files: ["rules.allow": "ALL : ALL\n\"open : ALL\n"])
        #expect(!result.succeeded)
        let text = result.output + result.errors
        #expect(text.contains("rules.allow:2:1: the quotes are not closed"))
    }

    // MARK: - Without lists

    /// Functions that ask what there is not answer no.
    @Test func withoutTables() throws {
        let server = try Reloadable(
            PermissionsTests.script([
                "allow_source_address()| -", "allow_trusted()| -", "allow_source_address_group()| -",
                "allow_routing()| -",
            ]), modules: ["permissions"])
        #expect(try server.ask(id: "none") == "-1 -|-1 -|-1 -|1 -|")
        try server.door.expect("permissions.addressDump", code: 500, is: "No address table")
        try server.door.expect("permissions.addressReload", code: 500, is: "Reload failed.")
    }
}
