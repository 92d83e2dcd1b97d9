import Glibc
import Testing

/// db_sqlite, driven through the server by the modules of `Tests/Modules`.
@Suite struct DbSqliteTests {
    private static let table = """
        CREATE TABLE t(id INTEGER PRIMARY KEY, i INTEGER, b BIGINT, d REAL, s VARCHAR(64) UNIQUE, t DATETIME, x BLOB, m INTEGER); \
        CREATE TABLE version(table_name VARCHAR(32), table_version INT); INSERT INTO version VALUES('t', 3);
        """

    private func server(
        _ folder: borrowing TemporaryFolder, url: String, module: String = "dbuse", _ parameters: String = ""
    ) throws -> Server {
        try CModule.build(module, into: folder.path)
        let path = folder.path
        let door = try RPCDoor.config(path)
        // Of the server before.
        unlink(path + "/door")
        return try Server { port in
            """
            children=1
            listen=udp:127.0.0.1:\(port)
            \(door)
            loadpath "\(path)"
            loadmodule "\(module).so"
            loadmodule "db_sqlite.so"
            \(parameters)
            modparam("\(module)", "url", "\(url)")
            request_route { exit; }
            """
        }
    }

    /// What the server says instead of starting.
    private func refusal(
        _ folder: borrowing TemporaryFolder, url: String, module: String = "dbtypes", _ parameters: String = ""
    ) throws -> String {
        do {
            let server = try server(folder, url: url, module: module, parameters)
            return "process \(server.pid) has started"
        } catch let error as HarnessError {
            return "\(error)"
        }
    }

    @Test(arguments: ["DELETE", "WAL"]) func everyKindOfValueAndRequest(mode: String) throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/t.db"
        try sqlite(file, DbSqliteTests.table)
        let server = try server(
            folder, url: "sqlite://\(file)", module: "dbtypes",
            #"modparam("db_sqlite", "db_set_journal_mode", "\#(file)=\#(mode)")"#)
        let door = try RPCDoor(folder.path)
        let answer = try door.call("db.exec", "sqlite", "PRAGMA journal_mode").json
        #expect(answer == #"{"affected":0,"id":0,"rows":[{"journal_mode":"\#(mode.lowercased())"}]}"#)
        let status = try door.call("db.status").json
        #expect(
            status
                == #"[{"module":"dbtypes","url":"sqlite://\#(file)","state":"up","connections":1,"limit":1,"running":0,"waiting":0}]"#
        )
        #expect(try door.call("db.exec", "nobody", "SELECT 1").json.contains("no module uses a database nobody"))
        #expect(server.pid > 0)
    }

    @Test func theFileIsTheDefaultOneWhenNoneIsNamed() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/default.db"
        try sqlite(file, DbSqliteTests.table)
        for url in ["", "sqlite"] {
            let server = try server(
                folder, url: url, #"modparam("db_sqlite", "default_file", "\#(file)")"#)
            let door = try RPCDoor(folder.path)
            let insertion = try door.call("db.exec", "dbuse", "INSERT INTO t(s, d) VALUES ('\(url)', 0.5)").json
            #expect(insertion.hasPrefix(#"{"affected":1,"id":"#))
            let rows = try door.call("db.exec", "dbuse", "SELECT i, s, d FROM t WHERE s = '\(url)'").json
            #expect(rows == #"{"affected":0,"id":0,"rows":[{"s":"\#(url)","d":0.5}]}"#)
            #expect(server.pid > 0)
        }
    }

    @Test func filesThatAreNone() throws {
        let folder = try TemporaryFolder()
        let missing = try refusal(folder, url: "sqlite://\(folder.path)/missing.db")
        #expect(
            missing.contains(
                "there is no file \(folder.path)/missing.db: `apusctl db create sqlite://\(folder.path)/missing.db`"),
            "\(missing)")
        #expect(readText(folder.path + "/missing.db") == nil)
        try folder.write("text.db", String(repeating: "this is no database\n", count: 100))
        let text = try refusal(folder, url: "sqlite://\(folder.path)/text.db")
        #expect(text.contains("file is not a database"), "\(text)")
        let unread = try refusal(folder, url: "mysql://u:secret@h/n")
        #expect(unread.contains("no loaded module reads mysql:// databases: load `db_mysql.so`"), "\(unread)")
        #expect(unread.contains("module `dbtypes` does not start") && !unread.contains("secret"))
    }

    @Test func versionsOfTables() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/t.db"
        try sqlite(file, DbSqliteTests.table + "UPDATE version SET table_version = 2;")
        let found = try refusal(folder, url: "sqlite://\(file)")
        #expect(found.contains("expected 3, found 2, table t"), "\(found)")
        try sqlite(file, "DELETE FROM t; DELETE FROM version;")
        let none = try refusal(folder, url: "sqlite://\(file)")
        #expect(none.contains("expected 3, found none, table t"), "\(none)")
        try sqlite(file, "DELETE FROM t; ALTER TABLE version RENAME TO versions; INSERT INTO versions VALUES('t', 3);")
        let missing = try refusal(folder, url: "sqlite://\(file)")
        #expect(missing.contains("the version of table t is not known: no such table: version"), "\(missing)")
        try sqlite(file, "DELETE FROM t")
        let server = try server(folder, url: "sqlite://\(file)", module: "dbtypes", "version_table=\"versions\"")
        #expect(server.pid > 0)
    }

    @Test func aFileThatIsOnlyRead() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/t.db"
        try sqlite(file, DbSqliteTests.table + "INSERT INTO t(id, s) VALUES (1, 'kept');")
        let server = try server(
            folder, url: "sqlite:///\(file)", #"modparam("db_sqlite", "db_set_readonly", "\#(file)")"#)
        let door = try RPCDoor(folder.path)
        #expect(
            try door.call("db.exec", "dbuse", "DELETE FROM t").json.contains("attempt to write a readonly database"))
        #expect(try door.call("db.exec", "dbuse", "SELECT s FROM t").json.contains("kept"))
        #expect(server.pid > 0)
    }

    @Test func aFileThatIsLockedOrReplaced() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/t.db"
        try sqlite(file, DbSqliteTests.table)
        let server = try server(
            folder, url: "sqlite://\(file)", #"modparam("db_sqlite", "db_set_busy_timeout", "\#(file)=20")"#)
        let door = try RPCDoor(folder.path)
        #expect(try door.call("db.exec", "dbuse", "INSERT INTO t(s) VALUES ('a')").json.contains(#""affected":1"#))
        // Another program keeps it locked as long as its input is open.
        let pipe = try #require(popen("exec sqlite3 \(file)", "w"))
        fputs("BEGIN EXCLUSIVE;\n.shell touch \(folder.path)/locked\n", pipe)
        fflush(pipe)
        #expect(until { access(folder.path + "/locked", F_OK) == 0 })
        #expect(
            try door.call("db.exec", "dbuse", "INSERT INTO t(s) VALUES ('b')").json.contains("database is locked"))
        pclose(pipe)
        #expect(try door.call("db.exec", "dbuse", "INSERT INTO t(s) VALUES ('b')").json.contains(#""affected":1"#))
        // A copy is put in its place.
        try sqlite(folder.path + "/new.db", DbSqliteTests.table + "INSERT INTO t(s) VALUES ('other');")
        #expect(rename(folder.path + "/new.db", file) == 0)
        #expect(try door.call("db.exec", "dbuse", "SELECT s FROM t").json.contains(#""rows":[{"s":"other"}]"#))
        unlink(file)
        #expect(try door.call("db.exec", "dbuse", "SELECT s FROM t").json.contains("there is no file"))
        #expect(try door.call("db.status").json.contains(#""state":"down""#))
        #expect(server.pid > 0)
    }

    @Test func parametersThatAreWrong() throws {
        for (line, text) in [
            (#"modparam("db_sqlite", "db_set_journal_mode", "/x=FAST")"#, "mode one of DELETE, TRUNCATE, PERSIST"),
            (#"modparam("db_sqlite", "db_set_busy_timeout", "/x")"#, "`path=milliseconds` is expected"),
        ] {
            let result = try Server.check("loadmodule \"db_sqlite.so\"\n\(line)\nrequest_route { exit; }\n")
            #expect(!result.succeeded && result.output.contains(text), "\(result.output)")
        }
    }
}
