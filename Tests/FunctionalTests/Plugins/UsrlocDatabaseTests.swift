import Glibc
import Testing

/// Contacts and their rows, in each db_mode, with a database that dies, goes and comes.
@Suite struct UsrlocDatabaseTests {
    private let columns = "SELECT username, contact, callid, cseq, user_agent FROM location ORDER BY contact;"

    @Test func written() throws {
        let folder = try TemporaryFolder()
        let file = try UsrlocDesk.makeDatabase(folder)
        do {
            var desk = try UsrlocDesk(folder, database: file, [#""db_mode", 1"#])
            #expect(try desk.save("100", "sip:1@h sip:2@h") == "0 +2 =0 -0 ~0: sip:2@h sip:1@h")
            // Before the answer came.
            #expect(try sqlite(file, columns) == "100|sip:1@h|call|1|ulcalls\n100|sip:2@h|call|1|ulcalls\n")
            #expect(try desk.save("100", "sip:1@h", cseq: 0).hasPrefix("64 "))
            #expect(try desk.save("100", "sip:2@h", expires: 0, cseq: 2) == "0 +0 =0 -1 ~0: sip:1@h")
            #expect(try desk.save("100", "sip:1@h", cseq: 3) == "0 +0 =1 -0 ~0: sip:1@h")
            #expect(try desk.save("200", "sip:3@h", flags: 1) == "0 +1 =0 -0 ~0: sip:3@h", "in memory only")
            #expect(try sqlite(file, columns) == "100|sip:1@h|call|3|ulcalls\n")
            #expect(try desk.door.call("ul.lookup", "location", "100").json.contains("CS_SYNC"))
            try desk.door.expect("ul.db_users", ["location"], is: "1")
            desk.server.signal(SIGKILL)
            _ = desk.server.wait()
        }
        var desk = try UsrlocDesk(folder, database: file, [#""db_mode", 1"#, #""fetch_rows", 1"#])
        #expect(try desk.look("100") == "0: sip:1@h" && desk.look("200") == "0:")
        // Its place in the order is known still.
        #expect(try desk.save("100", "sip:1@h", cseq: 2).hasPrefix("64 "))
        try desk.door.expect("ul.rm", ["location", "100"], is: "null")
        #expect(try sqlite(file, columns).isEmpty)
    }

    /// Killed in the midst of registrations: what was confirmed is there.
    @Test func nothingConfirmedIsLost() throws {
        let folder = try TemporaryFolder()
        let file = try UsrlocDesk.makeDatabase(folder)
        var confirmed: [String] = []
        do {
            var desk = try UsrlocDesk(folder, database: file, [#""db_mode", 1"#])
            for number in 0..<400 { try desk.begin("user\(number)", "sip:\(number)@h") }
            confirmed = desk.confirmed(50, within: .seconds(10))
            desk.server.signal(SIGKILL)
            _ = desk.server.wait()
            confirmed += desk.confirmed(400, within: .milliseconds(1))
        }
        let rows = Set(try sqlite(file, "SELECT contact FROM location;").split(separator: "\n").map(String.init))
        #expect(!confirmed.isEmpty && rows.isSuperset(of: confirmed))
        var desk = try UsrlocDesk(folder, database: file, [#""db_mode", 1"#])
        #expect(try desk.statistic("location_contacts") == "\(rows.count)")
        let number = try #require(confirmed.last?.dropFirst(4).split(separator: "@").first)
        #expect(try desk.look("user\(number)") == "0: sip:\(number)@h")
    }

    /// Many changes of one address at once, from two workers: one after the other, and never more than fit.
    @Test func oneAfterTheOther() throws {
        let folder = try TemporaryFolder()
        let file = try UsrlocDesk.makeDatabase(folder)
        var desk = try UsrlocDesk(folder, database: file, [#""db_mode", 1"#])
        for number in 0..<40 { try desk.begin("same", "sip:\(number)@h") }
        let confirmed = desk.confirmed(40, within: .seconds(10))
        #expect(confirmed.count == 40)
        #expect(try sqlite(file, "SELECT COUNT(*), COUNT(DISTINCT ruid) FROM location;") == "40|40\n")
        #expect(try desk.walk() == "0 40")
    }

    @Test func aDatabaseThatIsAway() throws {
        let folder = try TemporaryFolder()
        let file = try UsrlocDesk.makeDatabase(folder)
        var desk = try UsrlocDesk(folder, database: file, [#""db_mode", 1"#, #""timer_interval", 1"#])
        #expect(try desk.save("100", "sip:1@h").hasPrefix("0 +1"))
        try #require(rename(file, file + ".away") == 0)
        let refused = try desk.save("100", "sip:2@h", cseq: 2)
        #expect(!refused.hasPrefix("0 ") && refused.hasSuffix(": sip:1@h"), "\(refused)")
        #expect(try desk.look("100") == "0: sip:1@h", "memory is as it was")
        try #require(rename(file + ".away", file) == 0)
        #expect(try until(within: .seconds(30)) { try desk.save("100", "sip:2@h", cseq: 3).hasPrefix("0 +1") })
        #expect(
            until {
                (try? sqlite(file, "SELECT contact FROM location ORDER BY contact;")) == "sip:1@h\nsip:2@h\n"
            })
    }

    @Test func writtenLater() throws {
        let folder = try TemporaryFolder()
        let file = try UsrlocDesk.makeDatabase(folder)
        do {
            var desk = try UsrlocDesk(folder, database: file, [#""db_mode", 2"#, #""timer_interval", 3600"#])
            for number in 0..<1200 { #expect(try desk.save("user\(number)", "sip:\(number)@h").hasPrefix("0 +1")) }
            #expect(try sqlite(file, "SELECT COUNT(*) FROM location;") == "0\n")
            #expect(try desk.door.call("ul.lookup", "location", "user7").json.contains("CS_NEW"))
            try desk.door.expect("ul.flush", is: "null")
            #expect(try sqlite(file, "SELECT COUNT(*) FROM location;") == "1200\n")
            #expect(try desk.door.call("ul.lookup", "location", "user7").json.contains("CS_SYNC"))
            _ = try desk.save("user7", "sip:7@h", cseq: 2)
            #expect(try desk.door.call("ul.lookup", "location", "user7").json.contains("CS_DIRTY"))
            _ = try desk.save("user8", "sip:8@h", expires: 0, cseq: 2)
            _ = try desk.save("user9", "sip:9@h", expires: 1, cseq: 2)
            #expect(try until { try desk.look("user9") == "0:" && desk.statistic("location_expires") == "1" })
            #expect(desk.server.stop() == .exited(0))
        }
        // At the end everything is written.
        #expect(try sqlite(file, "SELECT cseq FROM location WHERE username = 'user7';") == "2\n")
        #expect(try sqlite(file, "SELECT COUNT(*) FROM location WHERE username IN ('user8', 'user9');") == "0\n")
        var desk = try UsrlocDesk(folder, database: file, [#""db_mode", 2"#])
        #expect(try desk.statistic("location_contacts") == "1198" && desk.look("user7") == "0: sip:7@h")
    }

    /// Rows that cannot be written are, once the database is back.
    @Test func writtenInTheEnd() throws {
        let folder = try TemporaryFolder()
        let file = try UsrlocDesk.makeDatabase(folder)
        var desk = try UsrlocDesk(folder, database: file, [#""db_mode", 2"#, #""timer_interval", 1"#])
        try #require(rename(file, file + ".away") == 0)
        #expect(try desk.save("100", "sip:1@h").hasPrefix("0 +1"), "it is done in memory")
        try desk.server.waitForLog("rows are not written, and will be later")
        try #require(rename(file + ".away", file) == 0)
        #expect(until(within: .seconds(40)) { (try? sqlite(file, "SELECT contact FROM location;")) == "sip:1@h\n" })
    }

    @Test func theDatabaseAlone() throws {
        let folder = try TemporaryFolder()
        let file = try UsrlocDesk.makeDatabase(folder)
        var desk = try UsrlocDesk(
            folder, database: file, [#""db_mode", 3"#, #""use_domain", 1"#, #""timer_interval", 1"#],
            routes: "event_route[usrloc:contact-expired] { ul_told(); }")
        #expect(try desk.save("100@d", "sip:1@h") == "0 +1 =0 -0 ~0: sip:1@h")
        #expect(try sqlite(file, "SELECT username, domain, contact FROM location;") == "100|d|sip:1@h\n")
        #expect(try desk.statistic("location_contacts") == "0", "nothing stays in memory")
        // What others do is seen.
        try sqlite(
            file,
            """
            INSERT INTO location (ruid, username, domain, contact, expires, q, callid, cseq) VALUES
            ('other-1', '100', 'd', 'sip:2@h', julianday('now', '+1 hour'), 0.5, 'x', 7),
            ('other-2', '100', 'elsewhere', 'sip:3@h', julianday('now', '+1 hour'), 0.5, 'x', 7),
            ('other-3', '100', 'd', 'sip:4@h', julianday('now', '-1 hour'), 1, 'x', 7);
            """)
        #expect(try desk.look("100@d") == "0: sip:2@h sip:1@h")
        #expect(try desk.save("100@d", "sip:2@h", call: "x", cseq: 6).hasPrefix("64 "))
        #expect(try desk.save("100@d", "sip:2@h", call: "x", cseq: 8).hasPrefix("0 +0 =1"))
        try desk.server.waitForLog("ulcalls: route 100@d sip:4@h")
        #expect(try sqlite(file, "SELECT ruid FROM location WHERE contact = 'sip:2@h';") == "other-1\n")
        #expect(until { (try? sqlite(file, "SELECT COUNT(*) FROM location WHERE ruid = 'other-3';")) == "0\n" })
        try desk.door.expect("ul.rm", ["location", "100@d"], is: "null")
        #expect(try desk.look("100@d") == "0:")
        #expect(try sqlite(file, "SELECT ruid FROM location;") == "other-2\n")
    }

    @Test func readAtTheStart() throws {
        let folder = try TemporaryFolder()
        let file = try UsrlocDesk.makeDatabase(folder)
        try sqlite(
            file,
            """
            INSERT INTO location (ruid, username, contact, received, path, expires, q, callid, cseq, flags, cflags, user_agent,
            socket, methods, instance, reg_id, server_id, last_modified) VALUES
            ('a', '100', 'sip:1@h', 'sip:127.0.0.1:9', '<sip:p;lr>', julianday('now', '+1 hour'), 0.7, 'call', 5, 2, 64, 'ua',
            'udp:127.0.0.1:9999', 31, '<urn:uuid:1>', 3, 4, julianday('now')),
            ('b', '100', 'sip:2@h', NULL, NULL, 2440587.5, -1, 'call', 5, 0, 0, 'ua', NULL, NULL, NULL, 0, 0, julianday('now')),
            ('c', '', 'sip:3@h', NULL, NULL, 2440587.5, -1, 'call', 5, 0, 0, 'ua', NULL, NULL, NULL, 0, 0, julianday('now'));
            """)
        var desk = try UsrlocDesk(folder, database: file, [#""db_mode", 4"#])
        #expect(desk.server.log.contains("1 rows of the table location are no contacts"))
        let json = try desk.door.call("ul.lookup", "location", "100").json
        for part in [
            #""Address":"sip:1@h""#, #""Q":0.7"#,
            #""Received":"sip:127.0.0.1:9","Path":"<sip:p;lr>","State":"CS_SYNC""#,
            #""Flags":2,"CFlags":64,"Socket":"udp:127.0.0.1:9999","Methods":31,"Ruid":"a","Instance":"<urn:uuid:1>","Reg-Id":3"#,
            #""Address":"sip:2@h","Expires":"permanent","Q":-1"#,
        ] {
            #expect(json.contains(part), "\(part) is not in \(json)")
        }
        _ = try desk.save("200", "sip:4@h")
        _ = try desk.save("100", "sip:1@h", expires: 0, cseq: 6, flags: 0)
        #expect(desk.server.stop() == .exited(0))
        #expect(try sqlite(file, "SELECT COUNT(*) FROM location;") == "3\n", "nothing is written")
    }

    @Test func columnsOfOtherNames() throws {
        let folder = try TemporaryFolder()
        let file = try UsrlocDesk.makeDatabase(folder)
        let names = [
            "ruid", "username", "domain", "contact", "received", "path", "expires", "q", "callid", "cseq", "flags",
            "cflags", "user_agent", "socket", "methods", "instance", "reg_id", "server_id", "connection_id",
            "keepalive",
            "partition",
        ]
        for name in names { try sqlite(file, "ALTER TABLE location RENAME COLUMN \(name) TO my_\(name);") }
        let parameters = names.map { #""\#($0 == "username" ? "user" : $0)_column", "my_\#($0)""# }
        var desk = try UsrlocDesk(folder, database: file, [#""db_mode", 1"#] + parameters)
        #expect(try desk.save("100", "sip:1@h").hasPrefix("0 +1"))
        #expect(try sqlite(file, "SELECT my_username, my_contact FROM location;") == "100|sip:1@h\n")
    }

    @Test func oneAddressAnew() throws {
        let folder = try TemporaryFolder()
        let file = try UsrlocDesk.makeDatabase(folder)
        var desk = try UsrlocDesk(folder, database: file, [#""db_mode", 1"#])
        _ = try desk.save("100", "sip:1@h sip:2@h")
        try sqlite(
            file,
            "UPDATE location SET contact = 'sip:9@h' WHERE contact = 'sip:1@h'; DELETE FROM location WHERE contact = 'sip:2@h';"
        )
        #expect(try desk.look("100") == "0: sip:2@h sip:1@h", "what others write is not seen")
        try desk.door.expect("ul.reload_aor", ["location", "100"], is: "null")
        #expect(try desk.look("100") == "0: sip:9@h")
    }

    @Test func wrongTables() throws {
        for change in ["UPDATE version SET table_version = 8 WHERE table_name = 'location';", "DROP TABLE location;"] {
            let folder = try TemporaryFolder()
            let file = try UsrlocDesk.makeDatabase(folder)
            try sqlite(file, change)
            #expect(throws: (any Error).self) { _ = try UsrlocDesk(folder, database: file, [#""db_mode", 1"#]) }
        }
    }
}
