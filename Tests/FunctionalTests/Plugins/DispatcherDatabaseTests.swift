import Glibc
import Testing

/// Destination sets from a table, and the sample config that takes them from there.
@Suite struct DispatcherDatabaseTests {
    private let table = """
        CREATE TABLE dispatcher (id INTEGER PRIMARY KEY, setid INTEGER NOT NULL DEFAULT 0, destination VARCHAR(192) NOT NULL DEFAULT '',
        flags INTEGER NOT NULL DEFAULT 0, priority INTEGER NOT NULL DEFAULT 0, attrs VARCHAR(128) NOT NULL DEFAULT '',
        description VARCHAR(64) NOT NULL DEFAULT '');
        """ + versionTable(of: "dispatcher")

    private func server(_ file: String, _ parameters: [String] = [], script: String = "exit;") throws -> Dispatching {
        try Dispatching(
            "# not read\n9 sip:nowhere\n", parameters: ["flags=2", "db_url=sqlite:///\(file)"] + parameters,
            modules: ["db_sqlite"],
            script: script)
    }

    @Test func tables() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/test.db"
        try sqlite(
            file,
            table + """
                INSERT INTO dispatcher (setid, destination, flags, priority, attrs) VALUES (1, 'sip:127.0.0.1:7001', 0, 0, 'duid=a'),
                (1, 'sip:127.0.0.1:7002', 8, 7, 'weight=500'), (2, '127.0.0.1:8001', 0, 0, '');
                """)
        let server = try server(
            file, script: Dispatching.steps([#"ds_select_dst("1", "8")| $du $xavp(_dsdst_[1]=>attrs)"#]))
        #expect(try server.tell(id: "one") == ["1 sip:127.0.0.1:7002 duid=a"])
        #expect(try server.flags() == ["AP", "AX", "AX"])
        #expect(server.base.server.log.contains(", row 2: weight is 1 to 100, not `500`"))
        try sqlite(
            file, "UPDATE dispatcher SET priority = 9 WHERE attrs = 'duid=a'; DELETE FROM dispatcher WHERE setid = 2;")
        let door = server.base.door
        #expect(try door.call("dispatcher.reload", "dry").json.contains(#""removed":["2 sip:127.0.0.1:8001"]"#))
        try door.expect("dispatcher.reload", is: #""Ok. Dispatcher successfully reloaded.""#)
        #expect(try server.tell(id: "two") == ["1 sip:127.0.0.1:7001 weight=500"])
        // A query that fails changes nothing.
        try sqlite(file, "ALTER TABLE dispatcher RENAME TO moved;")
        let failed = try door.call("dispatcher.reload")
        #expect(
            failed.code == 500 && failed.json.contains("Reload Failed: table dispatcher of sqlite:///"), "\(failed)")
        #expect(try server.tell(id: "three") == ["1 sip:127.0.0.1:7001 weight=500"])
        try sqlite(
            file, "CREATE TABLE dispatcher (setid INTEGER, description TEXT); INSERT INTO dispatcher VALUES (1, 'x');")
        #expect(try door.call("dispatcher.reload").json.hasSuffix("has no column destination"))
        try sqlite(
            file,
            "ALTER TABLE dispatcher ADD COLUMN destination TEXT DEFAULT 'sip:old'; UPDATE dispatcher SET setid = -4;")
        #expect(
            try door.call("dispatcher.reload").json.contains("row 1: the set's number is 0 to 2147483647, not `-4`"))
    }

    /// A file that another program keeps locked is waited for.
    @Test func aLockedFile() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/test.db"
        try sqlite(file, table + "INSERT INTO dispatcher (setid, destination) VALUES (1, 'sip:127.0.0.1:7001');")
        let server = try server(file)
        // It stays locked as long as its input is open.
        let pipe = try #require(popen("exec sqlite3 \(file)", "w"))
        fputs("BEGIN EXCLUSIVE;\n.shell touch \(folder.path)/locked\n", pipe)
        fflush(pipe)
        #expect(until { access(folder.path + "/locked", F_OK) == 0 })
        let door = server.base.door
        try door.send("dispatcher.reload")
        let other = try server.base.anotherDoor()
        #expect(try until { try other.call("db.status").json.contains(#""running":1"#) })
        pclose(pipe)
        #expect(try door.receive().json == #""Ok. Dispatcher successfully reloaded.""#)
    }

    /// Names of columns, those of older versions, and further ones.
    @Test func columns() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/test.db"
        try sqlite(
            file,
            """
            \(versionTable(of: "gates", 1))
            CREATE TABLE gates (grp INTEGER, uri TEXT, prefix TEXT, sock TEXT, share INTEGER, flags TEXT);
            INSERT INTO gates VALUES (4, 'sip:127.0.0.1:7001', '49', NULL, 30, NULL),
            (4, 'sip:127.0.0.1:7002', NULL, NULL, NULL, 'none');
            """)
        let server = try server(
            file,
            [
                "table_name=gates", "setid_col=grp", "destination_col=uri",
                "ds_db_extra_attrs=pref=prefix;socket=sock;weight=share",
            ],
            script: Dispatching.steps([#"ds_select_dst("4", "8")| $du $xavp(_dsdst_=>attrs) $xavp(_dsdst_[1]=>attrs)"#])
        )
        #expect(try server.tell(id: "one") == ["1 sip:127.0.0.1:7001 pref=49;weight=30 <null>"])
        #expect(try server.flags() == ["AX", "AX"])
        #expect(server.base.server.log.contains(", row 2: flags are a number, not `none`: 0 is taken"))
    }

    /// Later versions than the module knows, and tables of which nobody says the version, are no reason to guess.
    @Test(arguments: [(0, "found 0"), (5, "found 5"), (nil, "found none")]) func versions(
        version: Int?, found: String
    ) throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/test.db"
        let change =
            version.map { "UPDATE version SET table_version = \($0);" } ?? "DELETE FROM version;"
        try sqlite(file, table + change)
        let config = try folder.write(
            "apus.cfg",
            """
            listen=udp:127.0.0.1:\(try Ports.free())
            loadmodule "db_sqlite.so"
            loadmodule "dispatcher.so"
            modparam("dispatcher", "db_url", "sqlite:///\(file)")
            request_route { exit; }

            """)
        let result = try run(Products.path("apus"), ["-f", config, "-DD", "-E"])
        #expect(!result.succeeded)
        #expect(
            (result.output + result.errors).contains("expected 1 to 4, \(found), table dispatcher"),
            "\(result.output + result.errors)")
    }

    @Test func manyRows() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/test.db"
        try sqlite(
            file,
            table + """
                WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
                INSERT INTO dispatcher (setid, destination, attrs) SELECT i / 1000, 'sip:127.0.0.1:' || (2000 + i), 'duid=d' || i FROM n;
                """)
        let server = try server(file)
        let begun = ContinuousClock.now
        try server.base.door.expect("dispatcher.reload", is: #""Ok. Dispatcher successfully reloaded.""#)
        print("10,000 destinations reloaded from a table in \(ContinuousClock.now - begun)")
        try server.write((0..<10_000).map { "\($0 / 1000) sip:127.0.0.1:\(2000 + $0) 0 0 duid=d\($0)\n" }.joined())
        #expect(server.base.server.log.contains("10000 destinations in 10 sets"))
    }

    /// Without its database the server does not start, and says so without the password.
    @Test func noDatabase() throws {
        let folder = try TemporaryFolder()
        let port = try Ports.free()
        func start(_ module: String, _ url: String) throws -> String {
            let file = try folder.write(
                "apus.cfg",
                """
                #!KAMAILIO
                children=1
                listen=udp:127.0.0.1:\(port)
                loadmodule "\(module).so"
                loadmodule "dispatcher.so"
                modparam("dispatcher", "db_url", "\(url)")
                request_route { exit; }

                """)
            let result = try run(Products.path("apus"), ["-f", file, "-DD", "-E"])
            #expect(!result.succeeded)
            return result.output + result.errors
        }
        let missing = try start("db_sqlite", "sqlite:////nowhere/at/all.db")
        #expect(
            missing.contains(
                "module `dispatcher` does not start: sqlite:////nowhere/at/all.db: the version of table dispatcher is not known"
            ),
            "\(missing)")
        let other = try start("db_sqlite", "mysql://openser:openserro@localhost/openser")
        #expect(other.contains("mysql") && !other.contains("openserro"), "\(other)")
    }

    // MARK: - The sample config

    /// The whole config as it is written, but for the database, the socket, the port and the FIFO.
    private func sample(_ folder: borrowing TemporaryFolder, _ destinations: [Address]) throws -> Server {
        let file = folder.path + "/openser.db"
        let made = try Apusctl.run(["db", "create", "sqlite:///\(file)"], folder: folder)
        guard made.succeeded else { throw HarnessError(made.output + made.errors) }
        let rows = destinations.map { "(1, 'sip:\($0)')" }.joined(separator: ", ")
        try sqlite(file, "INSERT INTO dispatcher (setid, destination) VALUES \(rows);")
        guard let text = readText(Products.sources + "/Tests/FunctionalTests/Samples/dispatcher-sample.cfg") else {
            throw HarnessError("there is no sample")
        }
        let path = folder.path
        return try Server { port in
            text.replacing(#"loadmodule "db_mysql.so""#, with: #"loadmodule "db_sqlite.so""#)
                .replacing("mysql://openser:openserro@localhost/openser", with: "sqlite:///\(file)")
                .replacing("port=5060\n", with: "port=\(port)\n")
                .replacing("# listen=udp:127.0.0.1:5060", with: "listen=udp:127.0.0.1:\(port)")
                .replacing("/tmp/kamailio_fifo", with: path + "/kamailio_fifo")
                .replacing(
                    #"loadmodule "ctl.so""#,
                    with: "loadmodule \"ctl.so\"\nmodparam(\"ctl\", \"binrpc\", \"unix:\(path)/ctl\")")
        }
    }

    @Test func theSampleRuns() throws {
        let folder = try TemporaryFolder()
        let one = try UDPClient()
        let two = try UDPClient()
        let server = try sample(folder, [one.address, two.address])
        let client = try UDPClient()
        func request(_ method: String, _ id: String, user: String = "bob@", headers: [String] = [], forwards: Int = 70)
            -> String
        {
            SIPText.request(
                method, "sip:\(user)\(server.address)", from: client.address, id: id, maxForwards: forwards,
                headers: headers)
        }
        func ask(_ text: String) throws -> String { try client.exchange(text, with: server.port).startLine }
        #expect(try ask(request("REGISTER", "reg")) == "SIP/2.0 404 No registrar")
        #expect(try ask(request("SUBSCRIBE", "sub")) == "SIP/2.0 404 Not here")
        #expect(try ask(request("PUBLISH", "pub")) == "SIP/2.0 404 Not here")
        #expect(try ask(request("INVITE", "nouser", user: "")) == "SIP/2.0 484 Address Incomplete")
        #expect(try ask(request("INVITE", "loop", forwards: 0)) == "SIP/2.0 483 Too Many Hops")
        // One after the other.
        for (number, isFirst) in [(1, true), (2, false), (3, true)] {
            let invite = request("INVITE", "call\(number)")
            try client.send(invite, to: server.port)
            let taken = isFirst ? try one.request("INVITE") : try two.request("INVITE")
            #expect(taken.startLine == "INVITE sip:bob@\(server.address) SIP/2.0")
            #expect(taken.header("Record-Route")?.contains("lr=on") == true)
            let answer = taken.response(
                200, "OK", headers: ["Contact: <sip:gw@\(isFirst ? one.address : two.address)>"])
            if isFirst { try one.send(answer, to: server.port) } else { try two.send(answer, to: server.port) }
            var reply = try client.receive().message
            while reply.statusCode == 100 { reply = try client.receive().message }
            #expect(reply.statusCode == 200)
        }
        try server.waitForLog("ACC: transaction answered")
        #expect(server.log.contains("src_user=tester") || server.log.contains("src_ip=127.0.0.1"))
    }

    /// A gateway with an error, a silent one, and none that is left.
    @Test func theSampleFailsOver() throws {
        let folder = try TemporaryFolder()
        let failing = try UDPClient()
        let silent = try UDPClient()
        let good = try UDPClient()
        let server = try sample(folder, [failing.address, silent.address, good.address])
        let client = try UDPClient()
        let invite = SIPText.request("INVITE", "sip:bob@\(server.address)", from: client.address, id: "over")
        try client.send(invite, to: server.port)
        let first = try failing.request("INVITE")
        try failing.send(first.response(500, "Broken"), to: server.port)
        _ = try failing.request("ACK")
        _ = try silent.request("INVITE")
        // After fr_timer, two seconds.
        guard let datagram = good.datagram(within: .seconds(10)) else {
            throw HarnessError("no failover\n\(server.log)")
        }
        let last = SIPText(String(decoding: datagram.bytes, as: UTF8.self))
        #expect(last.startLine == "INVITE sip:bob@\(server.address) SIP/2.0")
        try good.send(last.response(486, "Busy Here"), to: server.port)
        var reply = try client.receive(within: .seconds(10)).message
        while (reply.statusCode ?? 0) < 200 { reply = try client.receive().message }
        #expect(reply.statusCode == 486)
        try client.send(SIPText.ack(invite, reply), to: server.port)
        // All of them out of use, by command.
        let kamcmd = try run("kamcmd", ["-s", "unix:\(folder.path)/ctl", "dispatcher.set_state", "i", "1", "all"])
        #expect(kamcmd.output == "Ok. Dispatcher state updated.\n")
        let none = SIPText.request("INVITE", "sip:bob@\(server.address)", from: client.address, id: "none")
        let refused = try client.exchange(none, with: server.port)
        #expect(refused.startLine == "SIP/2.0 404 No destination")
        try client.send(SIPText.ack(none, refused), to: server.port)
    }

    @Test func theCallerOfTheSampleCancels() throws {
        let folder = try TemporaryFolder()
        let one = try UDPClient()
        let two = try UDPClient()
        let server = try sample(folder, [one.address, two.address])
        let client = try UDPClient()
        let invite = SIPText.request("INVITE", "sip:bob@\(server.address)", from: client.address, id: "cancel")
        try client.send(invite, to: server.port)
        let taken = try one.request("INVITE")
        try one.send(taken.response(180, "Ringing"), to: server.port)
        var reply = try client.receive().message
        while reply.statusCode != 180 { reply = try client.receive().message }
        try client.send(SIPText.cancel(invite), to: server.port)
        _ = try one.request("CANCEL")
        try one.send(taken.response(500, "Broken"), to: server.port)
        while reply.statusCode != 487 && reply.statusCode != 500 || reply.header("CSeq") != "1 INVITE" {
            reply = try client.receive().message
        }
        try client.send(SIPText.ack(invite, reply), to: server.port)
        // The call is not tried elsewhere.
        #expect(two.datagram(within: .milliseconds(300)) == nil)
    }
}

/// The table of versions, with one row.
private func versionTable(of table: String, _ version: Int = 4) -> String {
    """
    CREATE TABLE version (table_name VARCHAR(32) NOT NULL, table_version INTEGER NOT NULL);
    INSERT INTO version VALUES ('\(table)', \(version));
    """
}
