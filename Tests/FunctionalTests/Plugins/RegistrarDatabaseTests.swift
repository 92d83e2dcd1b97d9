import Testing

/// Registrations that are written before they are confirmed, and phones that prove who they are.
@Suite struct RegistrarDatabaseTests {
    /// A database with the tables of usrloc and auth_db, as an administrator makes it.
    private func makeDatabase(_ folder: borrowing TemporaryFolder) throws -> String {
        let file = folder.path + "/sip.db"
        for table in ["version", "location", "subscriber"] {
            try sqlite(file, ".read \(Products.sources)/share/db/sqlite/\(table).sql")
        }
        return file
    }

    private func settings(_ file: String, mode: Int) -> [String] {
        [#""db_url", "sqlite://\#(file)""#, "\"db_mode\", \(mode)"]
    }

    @Test(arguments: [1, 3]) func writtenBeforeConfirmed(mode: Int) throws {
        let folder = try TemporaryFolder()
        let file = try makeDatabase(folder)
        var probe = try RegistrarProbe(usrloc: settings(file, mode: mode), modules: ["db_sqlite"])
        let saved = try probe.register(["<sip:a@192.0.2.1>;q=0.5", "<sip:b@192.0.2.2>"])
        #expect(saved.statusCode == 200 && RegistrarProbe.contacts(saved).count == 2)
        #expect(
            try sqlite(file, "SELECT contact FROM location ORDER BY contact") == "sip:a@192.0.2.1\nsip:b@192.0.2.2\n")
        let told = try probe.told()
        #expect(told == "1 sip:a@192.0.2.1 <null> 1 sip:b@192.0.2.2")
        _ = try probe.register(["<sip:a@192.0.2.1>;expires=0"], cseq: 2)
        #expect(try sqlite(file, "SELECT contact FROM location") == "sip:b@192.0.2.2\n")
        _ = try probe.register(["*"], ["Expires: 0"], cseq: 3)
        #expect(try sqlite(file, "SELECT count(*) FROM location") == "0\n")
    }

    /// What cannot be written is refused, and nothing has changed.
    @Test(arguments: [1, 3]) func writesThatFail(mode: Int) throws {
        let folder = try TemporaryFolder()
        let file = try makeDatabase(folder)
        var probe = try RegistrarProbe(
            [#""retry_after", 20"#], usrloc: settings(file, mode: mode), modules: ["db_sqlite"])
        _ = try probe.register(["<sip:a@192.0.2.1>"])
        try sqlite(
            file, "CREATE TRIGGER refuse BEFORE INSERT ON location BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
        let refused = try probe.register(["<sip:b@192.0.2.2>"], call: "b")
        #expect(refused.startLine == "SIP/2.0 500 Server Internal Error" && refused.header("Retry-After") == "20")
        #expect(refused.header("P-Registrar-Error") == "usrloc_contact_update failed")
        try probe.probe.server.waitForLog("the disk is full")
        let query = try probe.register([], call: "b")
        #expect(RegistrarProbe.contacts(query) == ["<sip:a@192.0.2.1>"])
        try sqlite(file, "DROP TRIGGER refuse")
        let saved = try probe.register(["<sip:b@192.0.2.2>"], cseq: 2, call: "b")
        #expect(saved.statusCode == 200 && RegistrarProbe.contacts(saved).count == 2)
    }

    /// `save_memory` writes nothing.
    @Test func inMemoryOnly() throws {
        let folder = try TemporaryFolder()
        let file = try makeDatabase(folder)
        var probe = try RegistrarProbe(
            usrloc: settings(file, mode: 1), modules: ["db_sqlite"], save: #"save_memory("location");"#)
        let saved = try probe.register(["<sip:a@192.0.2.1>"])
        #expect(saved.statusCode == 200)
        #expect(try sqlite(file, "SELECT count(*) FROM location") == "0\n")
        let told = try probe.told()
        #expect(told.hasPrefix("1 sip:a@192.0.2.1 "))
    }

    /// Whoever registers proves who they are, and registers themselves only.
    @Test func authenticated() throws {
        let folder = try TemporaryFolder()
        let file = try makeDatabase(folder)
        let ha1 = Digest("n") { ($0.user, $0.password, $0.realm) = ("alice", "secret", "127.0.0.1") }.ha1
        try sqlite(
            file,
            "INSERT INTO subscriber(username, domain, password, ha1, ha1b) VALUES('alice', '127.0.0.1', '', '\(ha1)', '')"
        )
        var probe = try RegistrarProbe(
            usrloc: settings(file, mode: 1), modules: ["auth", "db_sqlite", "auth_db"],
            globals: "modparam(\"auth_db\", \"db_url\", \"sqlite://\(file)\")\n",
            save: """
                if (!auth_check("$fd", "subscriber", "1")) { auth_challenge("$fd", "1"); exit; }
                consume_credentials();
                save("location");
                """)
        let challenged = try probe.register(["<sip:a@192.0.2.1>"])
        #expect(challenged.statusCode == 401)
        let nonce = try #require(challenged.challenge("nonce"))
        func line(_ password: String) -> String {
            Digest(nonce) {
                ($0.user, $0.password, $0.realm, $0.method) = ("alice", password, "127.0.0.1", "REGISTER")
                $0.uri = "sip:127.0.0.1"
            }.line
        }
        let wrong = try probe.register(["<sip:a@192.0.2.1>"], [line("guess")], cseq: 2)
        #expect(wrong.statusCode == 401)
        let other = try probe.register(["<sip:a@192.0.2.1>"], [line("secret")], cseq: 3, to: "sip:bob@127.0.0.1")
        #expect(other.statusCode == 401)
        let right = try probe.register(["<sip:a@192.0.2.1>"], [line("secret")], cseq: 4)
        #expect(right.statusCode == 200 && RegistrarProbe.contacts(right) == ["<sip:a@192.0.2.1>"])
        #expect(try sqlite(file, "SELECT username, contact FROM location") == "alice|sip:a@192.0.2.1\n")
    }
}
