import Testing

/// auth_db with a table of SQLite's: who may, and what is told to whom.
@Suite struct AuthDbTests {
    /// A server whose script says what a check answered, with a table of users: alice, bob at two domains, one without a password, and one
    /// whose password is empty.
    private func make(
        _ folder: borrowing TemporaryFolder, _ parameters: [String] = [], version: Int = 7, rest: String = "",
        door: String? = nil,
        check: String = #"proxy_authenticate("test", "subscriber")"#
    ) throws -> AuthProbe {
        let file = folder.path + "/auth.db"
        func row(_ user: String, _ domain: String, _ password: String) -> String {
            let plain = Digest("n") { ($0.user, $0.password) = (user, password) }.ha1
            let whole = Digest("n") { ($0.user, $0.password) = ("\(user)@\(domain)", password) }.ha1
            return "('\(user)','\(domain)','\(password)','\(plain)','\(whole)','\(user)-rpid',42)"
        }
        let rows = [row("alice", "test", "secret"), row("bob", "test", "of test"), row("bob", "d", "of d")]
        let sql = """
            CREATE TABLE subscriber(username VARCHAR(64), domain VARCHAR(64), password VARCHAR(64), ha1 VARCHAR(128), \
            ha1b VARCHAR(128), rpid VARCHAR(64), credit INT);
            INSERT INTO subscriber VALUES \(rows.joined(separator: ","));
            INSERT INTO subscriber(username, domain) VALUES ('carol', 'test');
            INSERT INTO subscriber(username, domain, password, ha1) VALUES ('dave', 'test', '', '');
            CREATE TABLE version(table_name VARCHAR(32), table_version INT); INSERT INTO version VALUES('subscriber', \(version));
            """
        try sqlite(file, sql)
        let settings = parameters.map { "modparam(\"auth_db\", \($0))\n" }.joined()
        let commands = try door.map { try RPCDoor.config($0) } ?? ""
        return try AuthProbe(
            check: check, challenge: #"proxy_challenge("test", "1", "SHA-256,MD5")"#,
            modules: ["sl", "pv", "textops", "siputils", "auth", "db_sqlite", "auth_db"],
            globals: "modparam(\"auth_db\", \"db_url\", \"sqlite://\(file)\")\n\(settings)\(commands)", rest: rest)
    }

    private func digest(_ nonce: String, _ user: String, _ password: String, _ algorithm: String? = nil) -> Digest {
        Digest(nonce) {
            ($0.user, $0.password, $0.algorithm, $0.header) = (user, password, algorithm, "Proxy-Authorization")
        }
    }

    @Test func hashesOfTheTable() throws {
        let folder = try TemporaryFolder()
        var probe = try make(folder)
        let nonce = try probe.nonce()
        let cases: [(String, String, String?, String)] = [
            ("alice", "secret", nil, "1"), ("alice@test", "secret", nil, "1"), ("alice", "x", nil, "-2"),
            ("nobody", "secret", nil, "-3"), ("carol", "", nil, "-3"), ("dave", "", nil, "-3"),
            ("Alice", "secret", nil, "-3"),
            // The table's HA1 are of MD5.
            ("alice", "secret", "SHA-256", "-1"), ("' OR 1=1 --", "secret", nil, "-3"),
        ]
        for (user, password, algorithm, expected) in cases {
            let code = try probe.code(digest(nonce, user, password, algorithm))
            #expect(code == expected, "\(user) \(password)")
        }
        let none = try probe.code([])
        #expect(none == "-5")
        let malformed = try probe.code(["Proxy-Authorization: Digest realm=\"test\""])
        #expect(malformed == "400")
        // Who does not exist is told the same as who has another password.
        let wrong = try probe.ask("again", [digest(nonce, "alice", "x").line])
        let nobody = try probe.ask("again", [digest(nonce, "nobody", "x").line])
        for reply in [wrong, nobody] {
            #expect(reply.startLine == "SIP/2.0 407 Proxy Authentication Required")
            #expect(
                reply.headers("Proxy-Authenticate").count == 2 && reply.challenge("stale", "Proxy-Authenticate") == nil)
        }
    }

    /// Passwords serve every algorithm; with use_domain there are two bobs.
    @Test func passwordsAndDomains() throws {
        let folder = try TemporaryFolder()
        var probe = try make(
            folder, [#""calculate_ha1", yes"#, #""password_column", "password""#, #""use_domain", 1"#])
        let nonce = try probe.nonce()
        let cases: [(String, String, String?, String)] = [
            ("alice", "secret", "SHA-256", "1"), ("alice", "secret", nil, "1"), ("bob", "of test", nil, "1"),
            ("bob", "of d", nil, "-2"), ("bob@d", "of d", nil, "1"), ("bob@d", "of test", nil, "-2"),
            ("bob@e", "of d", nil, "-3"), ("carol", "", nil, "-3"), ("dave", "", nil, "-3"),
        ]
        for (user, password, algorithm, expected) in cases {
            let code = try probe.code(digest(nonce, user, password, algorithm))
            #expect(code == expected, "\(user) \(password)")
        }
    }

    /// load_credentials, for whoever was right, or always with force_generate_avps.
    @Test func furtherColumns() throws {
        for (force, afterWrong) in [(0, "-2 <null> <null>"), (1, "-2 alice-rpid 42")] {
            let folder = try TemporaryFolder()
            var probe = try make(
                folder, [#""load_credentials", "$avp(x)=rpid;credit""#, "\"force_generate_avps\", \(force)"],
                rest: " $avp(x) $avp(credit)")
            let nonce = try probe.nonce()
            let right = try probe.code(digest(nonce, "alice", "secret"))
            let wrong = try probe.code(digest(nonce, "alice", "x"))
            #expect(right == "1 alice-rpid 42" && wrong == afterWrong)
        }
    }

    /// SER's parameters for the same.
    @Test func columnsOfSER() throws {
        let folder = try TemporaryFolder()
        var probe = try make(
            folder, [#""use_rpid", 1"#, #""avps_column_int", "credit""#, #""avps_column_str", "username|domain""#],
            rest: " $avp(rpid) $avp(credit) $avp(username) $avp(domain)")
        let nonce = try probe.nonce()
        let right = try probe.code(digest(nonce, "alice", "secret"))
        #expect(right == "1 alice-rpid 42 alice test")
    }

    /// With cache_time a right password is remembered, a wrong one never decides, and operators can have all forgotten.
    @Test func remembered() throws {
        let folder = try TemporaryFolder()
        var probe = try make(folder, [#""cache_time", 600"#], door: folder.path)
        let door = try RPCDoor(folder.path)
        let nonce = try probe.nonce()
        // Both workers get to know it.
        for _ in 1...20 {
            let right = try probe.code(digest(nonce, "alice", "secret"))
            #expect(right == "1")
        }
        let ha1 = Digest("n") { ($0.user, $0.password) = ("alice", "new") }.ha1
        try sqlite(folder.path + "/auth.db", "UPDATE subscriber SET ha1 = '\(ha1)' WHERE username = 'alice'")
        let old = try probe.code(digest(nonce, "alice", "secret"))
        let wrong = try probe.code(digest(nonce, "alice", "x"))
        #expect(old == "1" && wrong == "-2")
        let answer = try door.call("auth_db.flush")
        #expect(answer.code == 200)
        for _ in 1...20 {
            let forgotten = try probe.code(digest(nonce, "alice", "secret"))
            #expect(forgotten == "-2")
        }
        let new = try probe.code(digest(nonce, "alice", "new"))
        let nobody = try probe.code(digest(nonce, "nobody", "x"))
        #expect(new == "1" && nobody == "-3")
        try sqlite(folder.path + "/auth.db", "DELETE FROM subscriber WHERE username = 'alice'")
        for _ in 1...20 {
            let stranger = try probe.code(digest(nonce, "nobody", "x"))
            #expect(stranger == "-3")
        }
    }

    @Test func subscribers() throws {
        for (call, expected) in [
            (#"is_subscriber("sip:alice@elsewhere", "subscriber", "0")"#, "1 alice-rpid"),
            (#"is_subscriber("sip:alice@elsewhere", "subscriber", "1")"#, "-1 <null>"),
            (#"is_subscriber("sip:alice@test", "subscriber", "3")"#, "1 <null>"),
            (#"is_subscriber("sip:nobody@test", "subscriber", "0")"#, "-1 <null>"),
            (#"is_subscriber("sip:test", "subscriber", "0")"#, "-1 <null>"),
        ] {
            let folder = try TemporaryFolder()
            var probe = try make(folder, [#""load_credentials", "rpid""#], rest: " $avp(rpid)", check: call)
            let code = try probe.code([])
            #expect(code == expected, "\(call)")
        }
    }

    /// The sender must be who they prove to be, but for requests that may be anonymous.
    @Test func sendersAreWhoTheyAre() throws {
        for flags in [0, 1, 3] {
            let folder = try TemporaryFolder()
            var probe = try make(folder, check: "auth_check(\"$fd\", \"subscriber\", \"\(flags)\")")
            let nonce = try probe.nonce()
            // From is tester at 127.0.0.1: right credentials of alice are not the sender's.
            for method in ["OPTIONS", "MESSAGE"] {
                let code = try probe.code(
                    Digest(nonce) {
                        ($0.realm, $0.method, $0.header) = ("127.0.0.1", method, "Proxy-Authorization")
                    }, method: method)
                // HA1 of the table is of another realm.
                #expect(code == "-2", "\(flags) \(method)")
            }
        }
        for (flags, method, expected) in [
            (0, "OPTIONS", "1"), (1, "OPTIONS", "-8"), (1, "MESSAGE", "-8"), (3, "MESSAGE", "1"), (3, "OPTIONS", "-8"),
        ] {
            let folder = try TemporaryFolder()
            var probe = try make(folder, check: "auth_check(\"test\", \"subscriber\", \"\(flags)\")")
            let nonce = try probe.nonce()
            let code = try probe.code(
                Digest(nonce) { ($0.method, $0.header) = (method, "Proxy-Authorization") }, method: method)
            #expect(code == expected, "\(flags) \(method)")
        }
        // Of a REGISTER whose URIs all are alice at the realm.
        let folder = try TemporaryFolder()
        var all = try make(
            folder, [#""calculate_ha1", 1"#, #""password_column", "password""#],
            check: #"auth_check("127.0.0.1", "subscriber", "1")"#)
        let nonce = try all.nonce("REGISTER")
        for (from, expected) in [("alice", "1"), ("bob", "-8")] {
            let line = Digest(nonce) { ($0.realm, $0.method) = ("127.0.0.1", "REGISTER") }.line
            let request = all.probe.request("REGISTER", id: "sender\(from)", headers: [line])
                .replacing("<sip:tester@", with: "<sip:\(from)@")
            let reply = try all.probe.ask(request)
            #expect(reply.reason == expected, "\(from)")
        }
    }

    @Test func tablesOfAnotherVersion() throws {
        let folder = try TemporaryFolder()
        #expect(throws: HarnessError.self) { _ = try make(folder, version: 6) }
        let other = try TemporaryFolder()
        var probe = try make(other, [#""version_table", 0"#], version: 6)
        let nonce = try probe.nonce()
        let code = try probe.code(digest(nonce, "alice", "secret"))
        #expect(code == "1")
    }

    /// What the database cannot say is no: the check is false, and the server goes on.
    @Test func databasesThatFail() throws {
        let folder = try TemporaryFolder()
        var probe = try make(folder, [#""version_table", 0"#], check: #"proxy_authenticate("test", "nowhere")"#)
        let nonce = try probe.nonce()
        let code = try probe.code(digest(nonce, "alice", "secret"))
        #expect(code == "-1")
        try probe.text("no such table")
    }
}
