import Testing

/// Proxies out of a table, which is read again while calls run.
@Suite struct MediaTableTests {
    private static let script = """
        request_route {
            if ($rU == "five") set_rtpengine_set("5");
            rtpengine_offer();
            sl_send_reply("200", "$rc $avp(proxy)");
        }
        """

    /// A server whose proxies stand in that file.
    private func serve(
        _ file: String, _ rows: String, parameters: [String] = [], proxies: [String] = []
    ) throws -> MediaCall {
        for name in ["version", "rtpengine"] {
            try sqlite(file, ".read \(Products.sources)/share/db/sqlite/\(name).sql")
        }
        try sqlite(file, rows)
        return try MediaCall(
            proxies,
            parameters: ["\"db_url\", \"sqlite:///\(file)\"", #""rtp_inst_pvar", "$avp(proxy)""#] + parameters,
            modules: ["db_sqlite"], MediaTableTests.script)
    }

    private func offer(_ call: borrowing MediaCall, _ id: String, user: String = "bob") throws -> String {
        try call.ask(call.request("INVITE", id: id, user: user, body: MediaCall.plain)).reason
    }

    @Test func readAndReadAgain() throws {
        let one = try MediaPeer()
        let two = try MediaPeer()
        let folder = try TemporaryFolder()
        let file = folder.path + "/test.db"
        let call = try serve(
            file,
            """
            INSERT INTO rtpengine (setid, url, weight, disabled) VALUES
            (0, '\(one.url)', 3, 0), (0, '\(two.url)', 1, 1), (5, '\(two.url)', 7, 0);
            """, proxies: ["udp:127.0.0.1:9"])
        #expect(call.server.log.contains("rtpengine_sock has no effect beside db_url"))
        let shown = try call.door.call("rtpengine.show", "all").json
        #expect(shown.contains("\"url\":\"\(one.url)\",\"set\":0,\"index\":0,\"weight\":3,\"disabled\":0"))
        #expect(shown.count(of: "1(permanent)") == 2 && !shown.contains("127.0.0.1:9\""))
        for number in 0..<6 { #expect(try offer(call, "first\(number)") == "1 \(one.url)") }
        // A proxy goes, another one comes: its calls stay where they are known to be.
        try sqlite(
            file,
            "DELETE FROM rtpengine WHERE setid = 0; UPDATE rtpengine SET disabled = 0; INSERT INTO rtpengine (setid, url) VALUES (7, '\(one.url)');"
        )
        try call.door.expect("rtpengine.reload", is: #""ok""#)
        _ = try call.door.call("rtpengine.enable", two.url, "1")
        let after = try call.door.call("rtpengine.show").json
        #expect(after.contains(#""set":5"#) && after.contains(#""set":7"#) && !after.contains(#""set":0"#))
        #expect(try offer(call, "five", user: "five") == "1 \(two.url)")
        #expect(try offer(call, "none").hasPrefix("-1"))
        #expect(try call.counter("unserved") == 1)
    }

    /// A table that cannot be read changes nothing.
    @Test func wrongRows() throws {
        let one = try MediaPeer()
        let folder = try TemporaryFolder()
        let file = folder.path + "/test.db"
        let call = try serve(file, "INSERT INTO rtpengine (setid, url) VALUES (0, '\(one.url)');")
        try sqlite(file, "INSERT INTO rtpengine (setid, url) VALUES (1, 'tcp:x:1');")
        let refused = try call.door.call("rtpengine.reload")
        #expect(refused.code == 500 && refused.json.contains("`tcp:x:1` is no proxy"), "\(refused)")
        try sqlite(file, "UPDATE rtpengine SET url = '\(one.url)', weight = -1 WHERE setid = 1;")
        #expect(try call.door.call("rtpengine.reload").json.contains("set and weight are numbers"))
        try sqlite(file, "ALTER TABLE rtpengine RENAME TO moved;")
        #expect(try call.door.call("rtpengine.reload").code == 500)
        #expect(try offer(call, "still") == "1 \(one.url)")
    }

    /// Other names of the table and its columns.
    @Test func columns() throws {
        let one = try MediaPeer()
        let folder = try TemporaryFolder()
        let file = folder.path + "/test.db"
        let call = try serve(
            file,
            """
            CREATE TABLE media (s INTEGER, u TEXT, w INTEGER, d INTEGER);
            INSERT INTO media VALUES (5, '\(one.url)', 2, 0);
            INSERT INTO version (table_name, table_version) VALUES ('media', 1);
            """,
            parameters: [
                #""table_name", "media""#, #""setid_col", "s""#, #""url_col", "u""#, #""weight_col", "w""#,
                #""disabled_col", "d""#,
            ])
        #expect(try offer(call, "other", user: "five") == "1 \(one.url)")
        #expect(try call.door.call("rtpengine.show").json.contains(#""set":5,"index":0,"weight":2"#))
    }

    /// Without a table there is nothing to read again.
    @Test func withoutATable() throws {
        let one = try MediaPeer()
        let call = try MediaCall([one.url], MediaTableTests.script)
        let refused = try call.door.call("rtpengine.reload")
        #expect(refused.code == 500 && refused.json.contains("db_url is not set"))
    }

    /// A table of another version stops the start.
    @Test func anotherVersion() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/test.db"
        #expect(throws: (any Error).self) {
            _ = try serve(file, "UPDATE version SET table_version = 9 WHERE table_name = 'rtpengine';")
        }
    }
}
