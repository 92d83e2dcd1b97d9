import Testing

/// `apusctl add` and its kin, on a database without a server.
@Suite struct ApusctlUsersTests {
    private struct Desk: ~Copyable {
        let folder: TemporaryFolder
        let file: String

        init() throws {
            let made = try TemporaryFolder()
            let path = made.path + "/apus.db"
            let result = try Apusctl.run(["db", "create", path], folder: made)
            try #require(result.succeeded)
            folder = made
            file = path
        }

        /// Its output, and errors when there are any.
        func say(_ words: String..., environment: [String: String] = [:]) throws -> String {
            let result = try Apusctl.run(
                words, folder: folder, settings: "APUS_DB=\(file)\nSIP_DOMAIN=example.com\n",
                environment: ["APUS_CTL": folder.path + "/nobody", "PW": ""].merging(environment) { $1 })
            #expect(
                result.succeeded == result.errors.isEmpty || words[0] == "acl" || words[0] == "rm"
                    || result.errors.contains("is not kept"))
            return result.output + result.errors
        }

        @discardableResult
        func ask(_ statement: String) throws -> String { try sqlite(file, statement) }
    }

    @Test func somebodyComesAndGoes() throws {
        let desk = try Desk()
        #expect(try desk.say("add", "alice", "secret") == "new user added\nnew user into uri table added\n")
        // MD5 of alice:example.com:secret and of alice@example.com:example.com:secret.
        #expect(
            try desk.ask("SELECT username, domain, password, ha1, ha1b FROM subscriber")
                == "alice|example.com|secret|b1726872c344b6dc8365b774f8fd6412|c79656e4f06dbae9fdf6727654273c65\n")
        #expect(try desk.ask("SELECT username, domain, uri_user FROM uri") == "alice|example.com|alice\n")
        #expect(try desk.say("add", "sip:alice@Example.com", "x") == "apusctl: user already exists\n")
        #expect(try desk.say("passwd", "alice", "other") == "password change succeeded\n")
        #expect(try desk.ask("SELECT password FROM subscriber") == "other\n")
        #expect(try desk.say("passwd", "bob", "x") == "apusctl: non-existent user\n")
        // MD5 of carol:Example.Org:other. The domain is a realm, too: its capitals stay, and the hashes hold them, however it is written later.
        #expect(try desk.say("add", "carol@Example.Org", "secret").contains("new user added"))
        #expect(try desk.say("passwd", "carol@example.org", "other") == "password change succeeded\n")
        #expect(
            try desk.ask("SELECT domain, ha1 FROM subscriber WHERE username = 'carol'")
                == "Example.Org|fdbbfe3ed779affc5d5a1ee50eb36d6a\n")
        #expect(try desk.say("rm", "carol@example.org").contains("user removed"))
        #expect(try desk.say("acl", "grant", "alice", "int", "nothing").contains("Invalid privilege: nothing ignored"))
        let shown = try desk.say("show", "alice")
        #expect(shown == "id: 1\nusername: alice\ndomain: example.com\n")
        let gone = try desk.say("rm", "alice")
        #expect(gone.hasPrefix("user removed\n") && gone.contains("the server does not run"))
        for table in ["subscriber", "uri", "grp"] { #expect(try desk.ask("SELECT count(*) FROM \(table)") == "0\n") }
        #expect(try desk.say("rm", "alice") == "apusctl: non-existent user alice@example.com\n")
    }

    @Test func passwordsNeedNotBeSeen() throws {
        let desk = try Desk()
        let hidden = ["PW": "secret", "STORE_PLAINTEXT_PW": "0"]
        #expect(try desk.say("add", "alice@example.org", environment: hidden).hasPrefix("new user added\n"))
        #expect(try desk.ask("SELECT password, length(ha1), length(ha1b) FROM subscriber") == "|32|32\n")
        #expect(try desk.say("passwd", "alice@example.org", "").contains("an empty password is none"))
    }

    @Test func whatCannotBeAUser() throws {
        let desk = try Desk()
        #expect(try desk.say("add", "a b", "x").contains("has a blank or control character in it: a b"))
        #expect(try desk.say("add", "@example.com", "x").contains("the user name is empty"))
        #expect(try desk.say("add", String(repeating: "a", count: 65), "x").contains("longer than 64 bytes"))
        #expect(
            try desk.say("add", "alice", "x", environment: ["SIP_DOMAIN": ""]).contains("new user added"),
            "the file apusctlrc has a domain")
        // Names are values, not SQL.
        #expect(try desk.say("add", "o'brien", "x").contains("new user added"))
        #expect(try desk.say("rm", "' OR '1'='1@example.com").contains("blank"))
        #expect(try desk.say("rm", "'OR'1'='1").contains("non-existent user"))
        let kept = try desk.say("add", "bob", "x", "bob@example.com")
        #expect(
            kept.contains("new user added") && kept.contains("has no column email_address: the address is not kept"))
        #expect(try desk.say("sets", "alice", "pasword", "x").contains("did you mean `password`?"))
        #expect(try desk.say("setn", "alice", "id", "x").contains("`x` is no number"))
        try desk.ask("INSERT INTO aliases (ruid, username, domain, contact) VALUES ('1', 'carol', '', 'sip:x@y')")
        try desk.ask("INSERT INTO dbaliases (alias_username, alias_domain) VALUES ('dave', 'example.com')")
        for name in ["carol", "dave"] {
            #expect(try desk.say("add", name, "x") == "apusctl: error: Overlap with an existing alias\n")
        }
        #expect(
            try desk.say("add", "erin", "x", environment: ["APUS_DB": "/nowhere/x.db"])
                == "apusctl: /nowhere/x.db: No such file or directory; apusctl db create /nowhere/x.db makes it, APUS_DB names another\n"
        )
        #expect(try desk.say("add", "erin", "x", environment: ["APUS_DB": "mysql://h/x"]).contains("sqlite:// only"))
    }

    /// The frame is that of mysql(1), which serctl showed.
    @Test func groups() throws {
        let desk = try Desk()
        #expect(try desk.say("acl", "grant", "john", "int") == "apusctl: non-existent user\n")
        _ = try desk.say("add", "john", "x")
        let granted = try desk.say("acl", "grant", "john", "int", "ld").split(separator: "\n")
        #expect(granted.count == 6)
        #expect(granted.first == "+------+-----+---------------------+" && granted.last == granted.first)
        #expect(granted.dropFirst().first == "| user | grp | last_modified       |")
        #expect(granted[3].hasPrefix("| john | int | 20") && granted[4].hasPrefix("| john | ld  | 20"))
        #expect(try desk.say("acl", "grant", "john", "int").split(separator: "\n").count == 6)
        #expect(try desk.say("acl", "revoke", "john", "ld").split(separator: "\n").count == 5)
        #expect(try desk.say("acl", "show").contains("| john | int |"))
        #expect(try desk.say("acl", "revoke", "john").isEmpty)
        #expect(
            try desk.say("acl", "grant", "ghost", "vip", environment: ["VERIFY_ACL": "0"]).contains("| ghost | vip |"))
        #expect(try desk.say("acl", "grnt", "john", "int").contains("did you mean `grant`?"))
        #expect(try desk.say("acl", "grant", "john").contains("apusctl acl show [user]|grant"))
    }

    @Test func aliasesOfTheDatabase() throws {
        let desk = try Desk()
        _ = try desk.say("add", "john", "x")
        #expect(
            try desk.say("alias", "add", "1234", "sip:john@example.com")
                == "sip:john@example.com\n200 Added to table\n('1234','sip:john@example.com') to 'dbaliases'\n")
        #expect(
            try desk.ask("SELECT alias_username, alias_domain, username, domain FROM dbaliases")
                == "1234|example.com|john|example.com\n")
        #expect(try desk.say("alias", "show", "1234") == "<sip:john@example.com>\n")
        #expect(try desk.say("alias_db", "show") == "1234@example.com <sip:john@example.com>\n")
        #expect(try desk.say("alias", "add", "1234", "sip:x@example.com") == "apusctl: alias already defined: 1234\n")
        #expect(
            try desk.say("alias", "add", "john", "sip:x@example.com")
                == "apusctl: overlap of alias with an existing subscriber name\n")
        #expect(try desk.say("alias", "add", "5", "mailto:x").contains("mailto:x"))
        #expect(try desk.say("alias", "rm", "1234") == "200 user (dbaliases, 1234) deleted\n")
        #expect(try desk.say("alias", "rm", "1234").contains("404 Alias 1234 in table dbaliases not found"))
        #expect(try desk.say("alias", "shw").contains("did you mean `show`?"))
        // What usrloc has, only a server can tell.
        #expect(try desk.say("alias", "show", "1", environment: ["ALIASES_TYPE": "UL"]).contains("is it running?"))
    }

    @Test func addressesAndTrustedPeers() throws {
        let desk = try Desk()
        _ = try desk.say("address", "add", "1", "192.0.2.0", "24", "0", "carrier")
        let shown = try desk.say("address", "add", "2", "gw.example.org")
        #expect(shown.split(separator: "\n").count == 3)
        #expect(
            try desk.ask("SELECT grp, ip_addr, mask, port, tag FROM address")
                == "1|192.0.2.0|24|0|carrier\n2|gw.example.org|32|0|\n")
        #expect(try desk.say("address", "add", "0", "192.0.2.1").contains("grp is 1 to"))
        #expect(try desk.say("address", "add", "1", "192.0.2.1", "33").contains("mask is 0 to 32"))
        #expect(try desk.say("address", "rm", "2", "192.0.2.0") == "apusctl: there is no such row\n")
        #expect(try desk.say("address", "rm", "1", "192.0.2.0").contains("gw.example.org"))
        #expect(try desk.say("address", "shwo").contains("did you mean `show`?"))
        #expect(try desk.say("address", "dump").contains("is it running?"))
        _ = try desk.say("trusted", "add", "192.0.2.1", "udp", "^sip:a", "", "t", "5")
        #expect(
            try desk.ask("SELECT src_ip, proto, from_pattern, ruri_pattern, tag, priority FROM trusted")
                == "192.0.2.1|udp|^sip:a||t|5\n")
        #expect(try desk.say("trusted", "add", "192.0.2.1", "pigeon").contains("is no transport"))
        _ = try desk.say("trusted", "rm", "192.0.2.1")
        #expect(try desk.ask("SELECT count(*) FROM trusted") == "0\n")
    }

    @Test func domains() throws {
        let desk = try Desk()
        #expect(try desk.say("domain", "add", "Example.com") == "   0 example.com\n")
        #expect(try desk.say("domain", "add", "example.org") == "   0 example.com\n   1 example.org\n")
        #expect(try desk.say("domain", "add", "example.org") == "apusctl: domain already exists: example.org\n")
        #expect(try desk.say("domain", "rm", "example.com") == "   0 example.org\n")
        #expect(try desk.say("domain", "rm", "example.com") == "apusctl: there is no domain example.com\n")
        #expect(try desk.say("domain", "add", "a b").contains("has a blank"))
        #expect(try desk.say("domain", "shwo").contains("did you mean `show`?"))
    }
}
