import Glibc
import Testing

/// `apusctl db`: the tables of a database.
@Suite struct ApusctlDatabaseTests {
    /// By module, as their authors have agreed on.
    private static let versions = [
        "version version 1", "acc version 5", "address version 6", "aliases version 9", "dbaliases version 1",
        "dispatcher version 4", "domain version 2", "domain_attrs version 1", "grp version 2", "location version 9",
        "location_attrs version 1", "missed_calls version 4", "re_grp version 1", "rtpengine version 1",
        "speed_dial version 2", "subscriber version 7", "trusted version 6", "uri version 1",
    ]

    @Test func allTablesAreMadeOnceAndKept() throws {
        let folder = try TemporaryFolder()
        let url = "sqlite://\(folder.path)/new.db"
        let made = try Apusctl.run(["db", "create", url], folder: folder)
        #expect(made.succeeded)
        #expect(made.output == ApusctlDatabaseTests.versions.map { $0 + ": made\n" }.joined() + url + "\n")
        let row = "INSERT INTO dispatcher(setid, destination) VALUES (1, 'sip:192.0.2.1')"
        try sqlite(folder.path + "/new.db", row)
        let kept = try Apusctl.run(["db", "create"], folder: folder, settings: "APUS_DB=\(url)\n")
        #expect(
            kept.output
                == ApusctlDatabaseTests.versions.map { $0 + ": there already, kept\n" }.joined() + url + "\n")
        let shown = try Apusctl.run(["db", "show", url, "dispatcher"], folder: folder)
        #expect(
            shown.output == """
                id\tsetid\tdestination\tflags\tpriority\tattrs\tdescription
                1\t1\tsip:192.0.2.1\t0\t0\t\t

                """)
        let json = try Apusctl.run(["--json", "db", "show", url, "version"], folder: folder)
        #expect(json.output.hasPrefix(#"[{"id":"1","table_name":"version","table_version":"1"},{"id":"2","#))
    }

    @Test func oneTableCanBeMade() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/one.db"
        let made = try Apusctl.run(["db", "create", file, "dispatcher"], folder: folder)
        #expect(made.output == "version version 1: made\ndispatcher version 4: made\nsqlite://\(file)\n")
        #expect(try sqlite(file, "SELECT count(*) FROM sqlite_master WHERE type = 'table'") == "2\n")
    }

    @Test func whatCannotBeDoneIsTold() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/x.db"
        func refused(_ words: String...) throws -> String {
            let result = try Apusctl.run(["db"] + words, folder: folder)
            #expect(!result.succeeded)
            return result.errors
        }
        #expect(try refused("create", "mysql://u:p@h/n").contains("apusctl opens databases of sqlite:// only"))
        #expect(try refused("create", file, "nothing").contains("there is no table nothing: version, acc,"))
        #expect(try refused("create", "new.db").contains("; a file has a slash, as ./new.db"))
        #expect(try refused("creat").contains("did you mean `create`?"))
        #expect(try refused("show", file, "version").contains("x.db: No such file or directory"))
        #expect(try refused("show", file).contains("one table is shown"))
        try folder.write("no.db", String(repeating: "This is no database. ", count: 50))
        #expect(try refused("show", folder.path + "/no.db", "version").contains("/no.db: file is not a database"))
        #expect(try refused("create", folder.path + "/no/folder.db").contains("unable to open database file"))
        // Nothing half done: a view of that name has no place for a version.
        try sqlite(file, "CREATE VIEW version AS SELECT 1 AS a")
        #expect(try refused("create", file).contains("no such column: table_version"))
        #expect(try sqlite(file, "SELECT count(*) FROM sqlite_master") == "1\n")
    }
}
