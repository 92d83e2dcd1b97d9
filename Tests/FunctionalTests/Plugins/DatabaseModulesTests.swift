import Testing

/// Small modules that ask tables: who is in a group, may use a URI, has an alias.
@Suite struct DatabaseModulesTests {
    // MARK: - group

    @Test func groupsOfUsers() throws {
        let tables = try Tables(
            ["grp", "re_grp"],
            """
            INSERT INTO grp (username, domain, grp) VALUES ('alice', 'here.test', 'ld'), ('bob', 'there.test', 'ld');
            INSERT INTO re_grp (reg_exp, group_id) VALUES ('^sip:A', 3), ('@here', 5), ('^sip:zoe', 7);
            """, module: "group", ["re_table=re_grp"],
            steps: [
                #"is_user_in("From", "ld")| -"#, #"is_user_in("request-uri", "ld")| -"#,
                #"is_user_in("To", "ld")| -"#, #"is_user_in("$fu", "$rm")| -"#, #"is_user_in("nobody", "ld")| -"#,
                #"is_user_in("Credentials", "ld")| -"#,
                #"get_user_group("From", "$avp(g)")| $avp(g) $(avp(g)[1]) $(avp(g)[2])"#,
            ])
        #expect(
            try tables.tell("sip:bob@elsewhere.test", to: "sip:carol@here.test") == [
                "1 -", "1 -", "-1 -", "-1 -", "-1 -", "-1 -", "2 5 3 <null>",
            ])
        #expect(tables.server.server.log.contains("nobody has authorized the request yet"))
        #expect(
            try tables.tell("sip:zoe@elsewhere.test", from: "sip:bob@x", to: "sip:alice@x") == [
                "1 -", "-1 -", "1 -", "-1 -", "-1 -", "-1 -", "-1 <null> <null> <null>",
            ])
    }

    @Test func groupsAtTheirDomains() throws {
        let tables = try Tables(
            ["grp"], "INSERT INTO grp (username, domain, grp) VALUES ('alice', 'here.test', 'ld');", module: "group",
            ["use_domain=1"],
            steps: [
                #"is_user_in("From", "ld")| -"#, #"is_user_in("Request-URI", "ld")| -"#,
                #"get_user_group("From", "$avp(g)")| -"#,
            ])
        #expect(try tables.tell("sip:alice@elsewhere.test") == ["1 -", "-1 -", "-1 -"])
        #expect(tables.server.server.log.contains("get_user_group needs the parameter re_table"))
    }

    // MARK: - uri_db

    @Test func usersOfURIs() throws {
        let tables = try Tables(
            ["subscriber"], "INSERT INTO subscriber (username, domain) VALUES ('bob', 'here.test');", module: "uri_db",
            ["use_domain=1"],
            steps: [
                "does_uri_exist()| -", #"check_uri("$fu", "ALICE", "HERE.test")| -"#,
                #"check_uri("$fu", "alice", "elsewhere.test")| -"#, #"check_uri("$fu", "bob@here.test")| -"#,
                "check_to()| -", "check_from()| -",
            ])
        #expect(try tables.tell("sip:bob@here.test") == ["1 -", "1 -", "-1 -", "-1 -", "-1 -", "-1 -"])
        #expect(try tables.tell("sip:bob@there.test")[0] == "-1 -")
        #expect(try tables.tell("sip:here.test")[0] == "-1 -")
    }

    @Test func usersThatAnAccountMayUse() throws {
        let tables = try Tables(
            ["uri"],
            "INSERT INTO uri (username, domain, uri_user) VALUES ('alice', 'here.test', '4711'), ('alice', 'here.test', 'alice');",
            module: "uri_db", ["use_uri_table=1"],
            steps: [
                #"check_uri("sip:4711@x", "alice", "here.test")| -"#,
                #"check_uri("sip:4712@x", "alice", "here.test")| -"#,
                #"check_uri("sip:4711@x", "bob", "here.test")| -"#, "does_uri_exist()| -",
            ])
        #expect(try tables.tell("sip:4711@x") == ["1 -", "-1 -", "-1 -", "1 -"])
        #expect(try tables.tell("sip:bob@x")[3] == "-1 -")
    }

    /// The credentials that were found to be right.
    @Test func whoIsAuthorized() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/test.db"
        for name in ["version", "uri", "grp"] {
            try sqlite(file, ".read \(Products.sources)/share/db/sqlite/\(name).sql")
        }
        try sqlite(
            file,
            """
            INSERT INTO uri (username, domain, uri_user) VALUES ('alice', 'test', 'nick');
            INSERT INTO grp (username, domain, grp) VALUES ('alice', 'test', 'ld');
            """)
        var probe = try AuthProbe(
            check: """
                pv_www_authenticate("test", "secret", "0"); $var(a) = $rc;
                check_uri("sip:nick@x"); $var(b) = $rc;
                check_uri("sip:alice@x"); $var(c) = $rc;
                is_user_in("Credentials", "ld"); $var(d) = $rc;
                is_user_in("credentials", "other")
                """,
            modules: ["sl", "pv", "textops", "siputils", "auth", "db_sqlite", "uri_db", "group"],
            globals: """
                modparam("uri_db|group", "db_url", "sqlite:///\(file)")
                modparam("uri_db|group", "use_domain", 1)
                modparam("uri_db", "use_uri_table", 1)

                """, rest: " $var(a) $var(b) $var(c) $var(d)")
        let nonce = try probe.nonce()
        let good = try probe.code(Digest(nonce) { ($0.user, $0.password) = ("alice", "secret") })
        #expect(good == "-1 1 1 -1 1")
        let wrong = try probe.code(Digest(nonce) { ($0.user, $0.password) = ("alice", "wrong") })
        #expect(wrong == "-1 -2 -1 -1 -1")
    }

    // MARK: - alias_db

    private let aliases = """
        INSERT INTO dbaliases (alias_username, alias_domain, username, domain) VALUES ('4711', 'here.test', 'alice', 'home.test'),
        ('4711', 'there.test', 'bob', 'home.test'), ('sales', 'here.test', 'alice', 'home.test');
        """

    @Test func aliasesOfUsers() throws {
        let tables = try Tables(
            ["dbaliases"], aliases, module: "alias_db",
            steps: [
                #"alias_db_find("dbaliases", "sip:4711@there.test", "$avp(f)", "u")| $avp(f)"#,
                #"alias_db_find("dbaliases", "sip:bob@home.test", "$avp(r)", "r")| $avp(r)"#,
                #"alias_db_find("dbaliases", "sip:bob@x.test", "$avp(n)", "ru")| $avp(n)"#,
                #"alias_db_find("$rm", "sip:bob@x.test", "$avp(n)")| $avp(n)"#,
                #"alias_db_lookup("dbaliases")| $ru $branch(count)"#,
            ])
        let found = ["1 sip:bob@home.test", "1 sip:4711@there.test", "-1 <null>", "-1 <null>"]
        #expect(try tables.tell("sip:4711@anywhere.test;x=y") == found + ["1 sip:alice@home.test 0"])
        #expect(try tables.tell("sip:nobody@here.test") == found + ["-1 sip:nobody@here.test 0"])
        #expect(try tables.tell("sip:here.test") == found + ["-1 sip:here.test 0"])
        #expect(tables.server.server.log.contains("no such table: OPTIONS"))
    }

    /// Each further user of an alias becomes a branch.
    @Test func usersOfOneAlias() throws {
        let tables = try Tables(
            ["dbaliases"],
            aliases
                + "INSERT INTO dbaliases (alias_username, alias_domain, username, domain) VALUES ('sales', 'here.test', 'carol', 'home.test');",
            module: "alias_db", ["use_domain=1", "domain_prefix=sip.", "append_branches=1"],
            steps: [
                #"alias_db_lookup("$hdr(X-Table)")| $ru $branch(count) $(branch(uri)[0])"#,
                #"alias_db_lookup("dbaliases", "d")| $ru"#,
            ])
        let headers = ["X-Table: dbaliases"]
        #expect(
            try tables.tell("sip:sales@sip.here.test", headers: headers) == [
                "1 sip:alice@home.test 1 sip:carol@home.test", "-1 sip:alice@home.test",
            ])
        #expect(
            try tables.tell("sip:4711@elsewhere.test", headers: headers) == [
                "-1 sip:4711@elsewhere.test 0 <null>", "1 sip:alice@home.test",
            ])
    }

    // MARK: - speeddial

    @Test func shortNumbers() throws {
        let rows = """
            INSERT INTO speed_dial (username, domain, sd_username, sd_domain, new_uri) VALUES
            ('alice', 'here.test', '2', 'here.test', 'sip:bob@far.test;x=1'), ('carol', 'here.test', '2', 'here.test', 'dave@far.test'),
            ('alice', 'here.test', '3', 'here.test', '');
            """
        let own = try Tables(
            ["speed_dial"], rows, module: "speeddial", steps: [#"sd_lookup("speed_dial")| $ru"#])
        #expect(try own.tell("sip:2@anywhere.test") == ["1 sip:bob@far.test;x=1"])
        #expect(try own.tell("sip:2@x", from: "sip:carol@x") == ["1 sip:dave@far.test"])
        #expect(try own.tell("sip:2@x", from: "sip:eve@x") == ["-1 sip:2@x"])
        #expect(try own.tell("sip:3@x") == ["-1 sip:3@x"])
        let others = try Tables(
            ["speed_dial"], rows, module: "speeddial", ["use_domain=1", "domain_prefix=sip."],
            steps: [#"sd_lookup("speed_dial", "sip:carol@sip.here.test")| $ru"#])
        #expect(try others.tell("sip:2@sip.here.test") == ["1 sip:dave@far.test"])
        #expect(try others.tell("sip:2@there.test") == ["-1 sip:2@there.test"])
    }

    // MARK: - domain

    private let domains = """
        INSERT INTO domain (domain, did) VALUES ('here.test', 'one'), ('alias.test', 'one'), ('alone.test', NULL);
        INSERT INTO domain_attrs (did, name, type, value) VALUES ('one', 'limit', 0, '42'), ('one', 'owner', 2, 'us'), ('two', 'x', 2, 'y');
        """

    @Test func domainsOfTheServer() throws {
        let folder = try TemporaryFolder()
        let tables = try Tables(
            ["domain", "domain_attrs"], domains, module: "domain", ["register_myself=1"], modules: ["mi_fifo"],
            routes:
                "modparam(\"mi_fifo\", \"fifo_name\", \"\(folder.path)/fifo\")\nmodparam(\"mi_fifo\", \"reply_dir\", \"\(folder.path)/\")",
            steps: [
                "is_from_local()| -", "is_uri_host_local()| -", #"is_domain_local("$rd")| -"#,
                #"lookup_domain("$rd", "d_")| $avp(d_did) $avp(d_limit) $avp(d_owner)"#,
                #"lookup_domain("alone.test")| $avp(did) $avp(limit)"#,
                "if (uri == myself) { $var(m) = 1; } else { $var(m) = 0; }| $var(m)",
            ])
        let mine = ["1 -", "1 -", "1 -", "1 one 42 us", "1 alone.test <null>"]
        #expect(try tables.tell("sip:bob@ALIAS.test").dropLast() == mine[...])
        #expect(try tables.tell("sip:bob@ALIAS.test").last?.hasSuffix(" 1") == true)
        let other = try tables.tell("sip:bob@other.test", from: "sip:alice@other.test")
        #expect(other.dropLast() == ["-1 -", "-1 -", "-1 -", "-1 <null> <null> <null>", "1 alone.test <null>"][...])
        #expect(other.last?.hasSuffix(" 0") == true)

        let door = tables.server.door
        #expect(
            try door.call("domain.dump").json
                == #"{"domains":[{"domain":"here.test","did":"one"},{"domain":"alias.test","did":"one"},{"domain":"alone.test","did":"alone.test"}],"#
                + #""attributes":[{"did":"one","attrs":[{"limit":42},{"owner":"us"}]}]}"#)
        try sqlite(
            tables.file,
            "DELETE FROM domain WHERE domain = 'alias.test'; INSERT INTO domain (domain) VALUES ('other.test');")
        try door.expect("domain.reload", is: #""Ok. Domains successfully reloaded.""#)
        #expect(try tables.tell("sip:bob@other.test", from: "sip:a@alias.test").prefix(3) == ["-1 -", "1 -", "1 -"])
        let fifo = try FIFOClient("\(folder.path)/fifo", replies: folder.path)
        #expect(try fifo.ask("domain_reload") == "200 OK\n")
        #expect(try fifo.ask("domain_dump") == "200 OK\n   0 here.test\n   1 alone.test\n   2 other.test\n")
        // What fails changes nothing, and says why.
        try sqlite(tables.file, "INSERT INTO domain_attrs (did, name, type, value) VALUES ('one', 'limit', 0, 'much');")
        let failed = try door.call("domain.reload")
        #expect(failed.code == 500 && failed.json.contains("table domain_attrs, row 4"), "\(failed)")
        try sqlite(tables.file, "ALTER TABLE domain RENAME TO gone;")
        #expect(try door.call("domain.reload").code == 500)
        #expect(try fifo.ask("domain_reload") == "400 Domain table reload failed\n")
        #expect(try tables.tell("sip:bob@other.test", from: "sip:a@alias.test").prefix(3) == ["-1 -", "1 -", "1 -"])
    }

    /// Without its tables, or with others than it knows, a module does not start, and says why.
    @Test(arguments: [
        ("domain", "domain", 2, ""), ("group", "grp", 2, ""), ("uri_db", "subscriber", 7, ""),
        ("alias_db", "dbaliases", 1, #"alias_db_lookup("dbaliases");"#),
        ("speeddial", "speed_dial", 2, #"sd_lookup("speed_dial");"#), ("permissions", "address", 6, ""),
    ])
    func versions(module: String, table: String, version: Int, call: String) throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/test.db"
        try sqlite(file, ".read \(Products.sources)/share/db/sqlite/version.sql")
        let config = try folder.write(
            "apus.cfg",
            """
            listen=udp:127.0.0.1:\(try Ports.free())
            loadmodule "db_sqlite.so"
            loadmodule "\(module).so"
            modparam("\(module)", "db_url", "sqlite:///\(file)")
            request_route { \(call) exit; }

            """)
        let result = try run(Products.path("apus"), ["-f", config, "-DD", "-E"])
        #expect(!result.succeeded)
        #expect((result.output + result.errors).contains("expected \(version), found none, table \(table)"))
    }
}
