import Glibc
import Testing

/// Rows about transactions.
@Suite struct AccDatabaseTests {
    /// The tables, and a database that calls are accounted in.
    private struct Ledger: ~Copyable {
        let folder: TemporaryFolder
        var file: String { folder.path + "/acc.db" }
        var spool: String { folder.path + "/acc.spool" }

        init(_ columns: [String] = []) throws {
            let made = try TemporaryFolder()
            let file = made.path + "/acc.db"
            for name in ["version", "acc", "missed_calls"] {
                try sqlite(file, ".read \(Products.sources)/share/db/sqlite/\(name).sql")
            }
            for table in ["acc", "missed_calls"] {
                for column in columns { try sqlite(file, "ALTER TABLE \(table) ADD COLUMN \(column)") }
            }
            folder = made
        }

        func call(
            _ script: String = "setflag(1); setflag(2); setflag(3); RELAY;", parameters: [String] = [],
            routes: String = "", modules: [String] = []
        ) throws -> AccountedCall {
            try AccountedCall(
                script,
                flags: """
                    modparam("acc", "db_flag", 1)
                    modparam("acc", "db_missed_flag", 2)
                    modparam("acc", "failed_transaction_flag", 3)
                    modparam("acc", "db_url", "sqlite:///\(file)")
                    modparam("acc", "spool_file", "\(spool)")
                    """, parameters: parameters, routes: routes, modules: ["db_sqlite"] + modules)
        }

        /// Waits until the query answers this.
        func expect(_ query: String, _ answer: String, location: SourceLocation = #_sourceLocation) throws {
            var last = ""
            let isThere = try until {
                last = try sqlite(file, query)
                return last == answer
            }
            #expect(isThere, "\(query): \(last)", sourceLocation: location)
        }
    }

    private static let columns = "SELECT method, from_tag, to_tag, callid, sip_code, sip_reason"

    @Test func anAnsweredCall() throws {
        let ledger = try Ledger()
        let call = try ledger.call()
        try call.establish()
        try ledger.expect(
            "\(AccDatabaseTests.columns) FROM acc", "INVITE|from-call|answered|call@tests|200|OK\n")
        // As a date of SQLite's, of now.
        try ledger.expect("SELECT abs(julianday(time) - julianday('now')) < 0.01 FROM acc", "1\n")
        let lines = try call.lines()
        #expect(lines.isEmpty)
        try ledger.expect("SELECT count(*) FROM missed_calls", "0\n")
    }

    @Test func failedAndMissedCalls() throws {
        let ledger = try Ledger()
        let call = try ledger.call()
        try call.send(call.invite())
        try call.answer(call.called("INVITE"), 486, "Busy Here")
        try call.acknowledge(call.reply(486))
        let row = "INVITE|from-call|answered|call@tests|486|Busy Here\n"
        try ledger.expect("\(AccDatabaseTests.columns) FROM acc", row)
        try ledger.expect("\(AccDatabaseTests.columns) FROM missed_calls", row)
    }

    /// What db_extra names, also where it is $null; the columns that a table lacks are told of at the start.
    @Test(arguments: [0, 1]) func furtherColumns(nullable: Int) throws {
        let ledger = try Ledger(["src_user VARCHAR(64)", "nobody VARCHAR(64)"])
        let call = try ledger.call(
            parameters: [
                #""db_extra", "src_user=$fU;nobody=$avp(none);""#, "\"acc_extra_nullable\", \(nullable)",
            ])
        try call.establish()
        try ledger.expect(
            "SELECT src_user <> '', nobody IS NULL, nobody = '' FROM acc",
            nullable == 1 ? "1|1|\n" : "1|0|1\n")
    }

    @Test func columnsThatAreMissing() throws {
        let ledger = try Ledger()
        let call = try ledger.call(
            #"if (is_method("MESSAGE")) { sl_send_reply("200", "$stat(acc:rows_written) $stat(acc:rows_lost)"); exit; } setflag(1); RELAY;"#,
            parameters: [#""db_extra", "src_user=$fU""#], modules: ["textops", "kex"])
        try call.probe.server.waitForLog(
            "ALTER TABLE missed_calls ADD COLUMN src_user VARCHAR(128) NOT NULL DEFAULT ''")
        try call.establish()
        try call.probe.server.waitForLog("a row is lost, and others may be until rows are written again")
        func count() throws -> String {
            try call.probe.client.exchange(
                call.probe.request("MESSAGE", id: "count\(Int.random(in: 0..<1_000_000))"), with: call.probe.server.port
            ).reason
        }
        #expect(try until { try count() == "0 1" })
        try sqlite(ledger.file, "ALTER TABLE acc ADD COLUMN src_user VARCHAR(64)")
        try call.send(call.request("BYE", cseq: 2))
        try call.answer(call.called("BYE"), 200, "OK")
        try call.reply(200)
        try call.probe.server.waitForLog("rows are written again; 1 were not meanwhile")
        #expect(try until { try count() == "1 1" })
    }

    @Test func renamedTablesAndColumns() throws {
        let ledger = try Ledger()
        try sqlite(
            ledger.file,
            "CREATE TABLE acc_x (a TEXT, b TEXT, c TEXT, d TEXT, e TEXT, f TEXT, g DATETIME); CREATE TABLE mine AS SELECT * FROM acc_x;"
        )
        let names = ["method", "from_tag", "to_tag", "callid", "sip_code", "sip_reason", "time"]
        let call = try ledger.call(
            #"$avp(t) = "x"; setflag(1); acc_db_request("404 Nobody", "mine"); RELAY;"#,
            parameters: [#""db_table_acc", "acc_$avp(t)""#]
                + zip(names, "abcdefg").map { "\"acc_\($0)_column\", \"\($1)\"" }
                + [#""db_version_check", 0"#, #""db_table_missed_calls", "mine""#])
        try call.establish()
        try ledger.expect("SELECT a, b, c, d, e, f FROM acc_x", "INVITE|from-call|answered|call@tests|200|OK\n")
        try ledger.expect("SELECT a, b, d, e, f FROM mine", "INVITE|from-call|call@tests|404|Nobody\n")
    }

    /// A row for each leg, the same but for the columns of the leg.
    @Test func legs() throws {
        let ledger = try Ledger(["leg_src TEXT", "leg_dst TEXT"])
        let call = try ledger.call(
            #"$avp(s) = "a"; $avp(d) = "b"; $avp(s) = "b"; $avp(d) = "c"; setflag(1); RELAY;"#,
            parameters: [#""multi_leg_info", "leg_src=$avp(s);leg_dst=$avp(d)""#])
        try call.establish()
        try ledger.expect(
            "SELECT callid, leg_src, leg_dst FROM acc ORDER BY leg_src", "call@tests|a|b\ncall@tests|b|c\n")
    }

    @Test(arguments: [
        (1, "seconds INTEGER", "abs(seconds - strftime('%s', 'now')) < 60 AND micros BETWEEN 0 AND 999999"),
        (2, "seconds DOUBLE", "abs(seconds - strftime('%s', 'now')) < 60 AND typeof(seconds) = 'real'"),
        (4, "seconds TEXT", "seconds LIKE '20__-__-__T%Z'"),
    ])
    func times(mode: Int, column: String, condition: String) throws {
        let ledger = try Ledger([column, "micros INTEGER"])
        let call = try ledger.call(
            parameters: [
                "\"time_mode\", \(mode)", #""time_attr", "seconds""#, #""time_exten", "micros""#,
                #""time_format", "%Y-%m-%dT%H:%M:%SZ""#,
            ])
        try call.establish()
        try ledger.expect("SELECT \(condition) FROM acc", "1\n")
    }

    /// Lines and rows at the same time, by flags of their own.
    @Test func linesAndRows() throws {
        let ledger = try Ledger()
        let call = try ledger.call(
            #"setflag(1); setflag(5); acc_request("100 Here", "acc"); RELAY;"#, parameters: [#""log_flag", 5"#])
        try call.establish()
        try ledger.expect("SELECT sip_code, sip_reason FROM acc ORDER BY id", "100|Here\n200|OK\n")
        let lines = try call.lines()
        #expect(lines.count == 2)
        try call.waitForNothing()
    }

    /// Rows as SER's tables have them.
    @Test(arguments: [0, 1]) func columnsOfSER(isLocal: Int) throws {
        let ledger = try Ledger()
        let names = [
            "from_uri", "to_uri", "sip_method", "i_uri", "o_uri", "sip_from", "sip_callid", "sip_to", "sip_status",
            "who", "fromtag", "totag", "domain",
        ]
        let columns = names.map { "\($0) TEXT" }.joined(separator: ", ")
        try sqlite(
            ledger.file,
            "DROP TABLE acc; DROP TABLE missed_calls; CREATE TABLE acc (\(columns), time DATETIME); CREATE TABLE missed_calls AS SELECT * FROM acc;"
        )
        let call = try ledger.call(
            parameters: [#""acc_format", "ser""#, #""acc_user_column", "who""#, "\"db_localtime\", \(isLocal)"])
        try call.send(call.invite())
        let invite = try call.called("INVITE")
        try call.answer(invite, 486, "Busy Here")
        try call.acknowledge(call.reply(486))
        let server = call.probe.server.address
        let own = "sip:tester@\(call.probe.client.address)"
        let all = names.joined(separator: ", ")
        func row(_ user: String, _ domain: String) -> String {
            let to = "sip:alice@\(server)"
            return [
                own, to, "INVITE", to, to, "<\(own)>;tag=from-call", "call@tests", "<\(to)>;tag=answered",
                "486 Busy Here", user, "from-call", "answered", domain,
            ].joined(separator: "|") + "\n"
        }
        try ledger.expect("SELECT \(all) FROM acc", row("tester", "127.0.0.1"))
        try ledger.expect("SELECT \(all) FROM missed_calls", row("alice", "127.0.0.1"))
        let now = isLocal == 1 ? "'now', 'localtime'" : "'now'"
        try ledger.expect("SELECT abs(julianday(time) - julianday(\(now))) < 0.01 FROM acc", "1\n")
    }

    /// Rows go into a file while the database is away, and from there into the database.
    @Test func theSpool() throws {
        let ledger = try Ledger()
        let call = try ledger.call()
        try call.establish()
        try ledger.expect("SELECT method FROM acc", "INVITE\n")
        try #require(rename(ledger.file, ledger.file + ".away") == 0)
        for (index, method) in ["INFO", "UPDATE", "BYE"].enumerated() {
            try call.send(call.request(method, cseq: index + 2))
            try call.answer(call.called(method), 200, "OK")
            try call.reply(200)
        }
        try call.probe.server.waitForLog("rows go into the spool until the database takes them")
        #expect(until { AccDatabaseTests.size(ledger.spool) > 16 })
        try #require(rename(ledger.file + ".away", ledger.file) == 0)
        try ledger.expect("SELECT method FROM acc ORDER BY method", "BYE\nINFO\nINVITE\nUPDATE\n")
        try ledger.expect(
            "SELECT DISTINCT from_tag, callid, sip_code, sip_reason FROM acc", "from-call|call@tests|200|OK\n")
        try call.probe.server.waitForLog("rows of the spool \(ledger.spool) are written")
        #expect(until { AccDatabaseTests.size(ledger.spool) == 16 })
    }

    /// The next server writes what the last one could not; a row that was cut off is left out.
    @Test func theSpoolBehindARestart() throws {
        let ledger = try Ledger()
        do {
            let call = try ledger.call()
            try #require(rename(ledger.file, ledger.file + ".away") == 0)
            try call.establish()
            #expect(until { AccDatabaseTests.size(ledger.spool) > 16 })
            let status = call.probe.server.stop()
            #expect(status == .exited(0))
        }
        try #require(rename(ledger.file + ".away", ledger.file) == 0)
        let file = try #require(fopen(ledger.spool, "a"))
        fputs("\u{9}\u{1}rubbish", file)
        fclose(file)
        let call = try ledger.call()
        try ledger.expect("\(AccDatabaseTests.columns) FROM acc", "INVITE|from-call|answered|call@tests|200|OK\n")
        try call.probe.server.waitForLog("ends with 9 bytes that are no row")
        #expect(until { AccDatabaseTests.size(ledger.spool) == 16 })
    }

    /// A file of somebody else's is left alone.
    @Test func noSpool() throws {
        let ledger = try Ledger()
        let file = try #require(fopen(ledger.spool, "w"))
        fputs("what somebody has written", file)
        fclose(file)
        let call = try ledger.call()
        try #require(rename(ledger.file, ledger.file + ".away") == 0)
        try call.establish()
        try call.probe.server.waitForLog("has no rows of acc: rows that the database cannot take are lost")
        #expect(AccDatabaseTests.size(ledger.spool) == 25)
    }

    private static func size(_ path: String) -> Int {
        var facts = stat()
        return stat(path, &facts) == 0 ? Int(facts.st_size) : -1
    }

    /// What was reported before the server ends is written.
    @Test func theEndOfTheServer() throws {
        let ledger = try Ledger()
        let call = try ledger.call()
        // Somebody else writes: rows have to wait.
        let other = try Child(
            "sqlite3",
            [
                "-cmd", "BEGIN IMMEDIATE;", "-cmd", ".shell echo locked >&2; sleep 1", "-cmd", "COMMIT;", ledger.file,
            ])
        try other.waitForErrors("locked", within: .seconds(10))
        try call.establish()
        let status = call.probe.server.stop()
        #expect(status == .exited(0))
        try ledger.expect("SELECT count(*) FROM acc", "1\n")
    }

    /// The tables must be of the versions that are written.
    @Test func versions() throws {
        let ledger = try Ledger()
        try sqlite(ledger.file, "UPDATE version SET table_version = 4 WHERE table_name = 'acc'")
        let config = try ledger.folder.write(
            "apus.cfg",
            """
            listen=udp:127.0.0.1:\(try Ports.free())
            loadmodule "tm.so"
            loadmodule "db_sqlite.so"
            loadmodule "acc.so"
            modparam("acc", "db_flag", 1)
            modparam("acc", "db_url", "sqlite:///\(ledger.file)")
            request_route { exit; }

            """)
        let result = try run(Products.path("apus"), ["-f", config, "-DD", "-E"])
        #expect(!result.succeeded)
        #expect((result.output + result.errors).contains("expected 5, found 4, table acc"))
    }
}
