import Testing

/// Small modules that ask tables whose columns have other names, and what they do in further routes.
@Suite struct DatabaseColumnsTests {
    /// Every column of a table gets another name, and the module is told.
    /// - Parameter columns: `parameter=column`.
    private func renamed(_ table: String, _ columns: [String]) -> (statements: String, parameters: [String]) {
        let pairs = columns.map { $0.split(separator: "=").map(String.init) }
        return (
            pairs.map { "ALTER TABLE \(table) RENAME COLUMN \($0[1]) TO x_\($0[1]);" }.joined(),
            pairs.map { "\($0[0])=x_\($0[1])" }
        )
    }

    @Test func groups() throws {
        let grp = renamed("grp", ["user_column=username", "domain_column=domain", "group_column=grp"])
        let expressions = renamed("re_grp", ["re_exp_column=reg_exp", "re_gid_column=group_id"])
        let tables = try Tables(
            ["grp", "re_grp"],
            grp.statements + expressions.statements + """
                INSERT INTO grp (x_username, x_domain, x_grp) VALUES ('alice', 'here.test', 'ld');
                INSERT INTO re_grp (x_reg_exp, x_group_id) VALUES ('^sip:alice', 3), ('@here', 5);
                """, module: "group",
            ["re_table=re_grp", "use_domain=1", "multiple_gid=0"] + grp.parameters + expressions.parameters,
            steps: [
                #"is_user_in("From", "ld")| -"#, #"is_user_in("From", "int")| -"#,
                #"get_user_group("From", "$avp(g)")| $avp(g) $(avp(g)[1])"#,
            ])
        // With multiple_gid 0 the first group only.
        #expect(try tables.tell("sip:bob@x") == ["1 -", "-1 -", "1 3 <null>"])
    }

    @Test func uris() throws {
        let columns = renamed("uri", ["user_column=username", "domain_column=domain", "uriuser_column=uri_user"])
        let tables = try Tables(
            ["uri"],
            columns.statements
                + "INSERT INTO uri (x_username, x_domain, x_uri_user) VALUES ('alice', 'here.test', '4711');",
            module: "uri_db", ["use_uri_table=1"] + columns.parameters,
            steps: [#"check_uri("sip:4711@x", "alice", "here.test")| -"#, "does_uri_exist()| -"])
        #expect(try tables.tell("sip:4711@x") == ["1 -", "1 -"])
        #expect(try tables.tell("sip:4712@x") == ["1 -", "-1 -"])
    }

    @Test func aliases() throws {
        let columns = renamed(
            "dbaliases",
            [
                "user_column=username", "domain_column=domain", "alias_user_column=alias_username",
                "alias_domain_column=alias_domain",
            ])
        let tables = try Tables(
            ["dbaliases"],
            columns.statements
                + "INSERT INTO dbaliases (x_alias_username, x_alias_domain, x_username, x_domain) VALUES ('4711', 'here.test', 'alice', 'home.test');",
            module: "alias_db", ["use_domain=1"] + columns.parameters,
            steps: [#"alias_db_lookup("dbaliases")| $ru"#])
        #expect(try tables.tell("sip:4711@here.test") == ["1 sip:alice@home.test"])
    }

    @Test func shortNumbers() throws {
        let columns = renamed(
            "speed_dial",
            [
                "user_column=username", "domain_column=domain", "sd_user_column=sd_username",
                "sd_domain_column=sd_domain", "new_uri_column=new_uri",
            ])
        let tables = try Tables(
            ["speed_dial"],
            columns.statements
                + "INSERT INTO speed_dial (x_username, x_domain, x_sd_username, x_sd_domain, x_new_uri) VALUES ('alice', 'here.test', '2', 'here.test', 'sip:bob@far.test');",
            module: "speeddial", ["use_domain=1"] + columns.parameters, steps: [#"sd_lookup("speed_dial")| $ru"#])
        #expect(try tables.tell("sip:2@here.test") == ["1 sip:bob@far.test"])
    }

    @Test func domains() throws {
        let own = renamed("domain", ["domain_col=domain", "did_col=did"])
        let attributes = renamed("domain_attrs", ["name_col=name", "type_col=type", "value_col=value"])
        let tables = try Tables(
            ["domain", "domain_attrs"],
            own.statements + attributes.statements + """
                ALTER TABLE domain_attrs RENAME COLUMN did TO x_did;
                INSERT INTO domain (x_domain, x_did) VALUES ('here.test', 'one');
                INSERT INTO domain_attrs (x_did, x_name, x_type, x_value) VALUES ('one', 'limit', 0, '42');
                """, module: "domain", own.parameters + attributes.parameters,
            steps: [#"lookup_domain("here.test", "d_")| $avp(d_did) $avp(d_limit)"#])
        #expect(try tables.tell("sip:bob@x") == ["1 one 42"])
    }

    /// The functions of domain in a branch route are about the branch.
    @Test func domainsOfBranches() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/test.db"
        for name in ["version", "domain", "domain_attrs"] {
            try sqlite(file, ".read \(Products.sources)/share/db/sqlite/\(name).sql")
        }
        try sqlite(file, "INSERT INTO domain (domain) VALUES ('here.test');")
        let server = try Reloadable(
            """
            modparam("domain", "db_url", "sqlite:///\(file)")
            request_route {
                $ru = "sip:one@here.test";
                $du = "sip:x@NEXT";
                t_on_branch("LOOK");
                t_relay();
            }
            branch_route[LOOK] {
                $var(a) = is_uri_host_local();
                $var(b) = is_domain_local("other.test");
                append_hf("X-Local: $var(a) $var(b)\\r\\n");
            }

            """, modules: ["db_sqlite", "domain"])
        try server.client.send(
            SIPText.request("OPTIONS", "sip:a@b", from: server.client.address, id: "branches"), to: server.server.port)
        let got = try server.nextHop.request("OPTIONS")
        #expect(got.header("X-Local") == "1 -1")
    }
}
