import Testing

/// Contacts that came over connections, and the pings of usrloc itself.
@Suite struct UsrlocConnectionTests {
    @Test func contactsGoWithTheirConnection() throws {
        let folder = try TemporaryFolder()
        let desk = try PhoneDesk(folder, [#""usrloc", "handle_lost_tcp", 1"#])
        let users = (0..<40).map { "user\($0)" }
        let kept = try desk.connectedPhone(["kept"])
        do {
            let lost = try desk.connectedPhone(users)
            // It has come back by another way: that contact stays.
            try kept.send(
                PhoneDesk.request(
                    "user0", from: kept.address, contact: "sip:user0@\(lost.address);transport=tcp", [],
                    transport: "TCP",
                    cseq: 2))
            #expect(try kept.receive().statusCode == 200)
            #expect(try desk.statistic("usrloc.location_contacts") == "41")
            lost.endSending()
        }
        #expect(try until { try desk.statistic("usrloc.location_contacts") == "2" })
        #expect(try desk.isThere("kept") && desk.isThere("user0") && !desk.isThere("user39"))
        for user in users.dropFirst() { try desk.server.waitForLog("over: \(user)") }
        #expect(try desk.statistic("usrloc.location_expires") == "39")
    }

    @Test func contactsStayOtherwise() throws {
        let folder = try TemporaryFolder()
        let desk = try PhoneDesk(folder, [])
        do { _ = try desk.connectedPhone(["one"]).endSending() }
        let other = try desk.connectedPhone(["two"])
        _ = other
        #expect(try desk.isThere("one") && desk.isThere("two"))
    }

    @Test func lookupsNeedTheConnection() throws {
        let folder = try TemporaryFolder()
        let desk = try PhoneDesk(folder, [#""registrar", "lookup_filter_mode", 2"#])
        let client = try UDPClient()
        func found(_ user: String) throws -> String {
            let request = SIPText.request(
                "OPTIONS", "sip:\(user)@127.0.0.1", from: client.address, id: "look\(Int.random(in: 1...1_000_000))")
            return try client.exchange(request, with: desk.server.port).header("X-Found") ?? "none"
        }
        _ = try desk.phone("udp")
        let there = try desk.connectedPhone(["there"])
        do {
            let gone = try desk.connectedPhone(["gone"])
            #expect(try found("gone") == "1")
            gone.endSending()
        }
        #expect(try until { try found("gone") == "-1" })
        #expect(try desk.isThere("gone") && found("there") == "1" && found("udp") == "1")
        withExtendedLifetime(there) {}
    }

    @Test func rowsThatAreNotLoaded() throws {
        let folder = try TemporaryFolder()
        let file = try UsrlocDesk.makeDatabase(folder)
        let later = "julianday('now', '+1 hour')"
        for (user, contact, socket) in [
            ("udp", "sip:udp@h", "NULL"), ("tcp", "sip:tcp@h;transport=tcp", "NULL"),
            ("ws", "sip:ws@h", "'ws:1.2.3.4:80'"),
            ("other", "sip:other@h", "'udp:192.0.2.1:5060'"),
            ("over", "sip:over@h;transport=tcp", "'udp:192.0.2.1:5060'"),
        ] {
            try sqlite(
                file,
                """
                INSERT INTO location (ruid, username, contact, expires, socket)
                VALUES ('r-\(user)', '\(user)', '\(contact)', \(later), \(socket));
                """)
        }
        let desk = try PhoneDesk(
            folder,
            [#""usrloc", "db_mode", 1"#, #""usrloc", "db_clean_tcp", 1"#, #""usrloc", "skip_remote_socket", 1"#],
            database: file)
        #expect(try desk.statistic("usrloc.location_contacts") == "1" && desk.isThere("udp"))
        #expect(try sqlite(file, "SELECT username FROM location ORDER BY username;") == "other\nover\nudp\n")
        // The module's own line, though it was registrar that asked for the table.
        #expect(desk.server.log.contains("usrloc: 1 contacts of the table location are loaded"))
    }

    @Test func connectionsGoWithTheirContact() throws {
        let folder = try TemporaryFolder()
        let desk = try PhoneDesk(
            folder, [#""usrloc", "close_expired_tcp", 1"#, #""registrar", "min_expires", 1"#])
        let long = try desk.connectedPhone(["long"])
        let short = try desk.connectedPhone(["short"], expires: 1)
        #expect(short.bytes(within: .seconds(10))?.isEmpty == true, "the end of the stream")
        try desk.server.waitForLog("over: short")
        #expect(long.bytes(within: .milliseconds(10)) == nil)
    }

    @Test func pingsOfItsOwn() throws {
        let folder = try TemporaryFolder()
        let desk = try PhoneDesk(
            folder,
            [
                #""usrloc", "ka_mode", 1"#, #""usrloc", "ka_interval", 1"#, #""usrloc", "ka_timeout", 2"#,
                #""usrloc", "ka_from", "sip:ka@a.test""#, #""usrloc", "ka_domain", "a.test""#,
                #""usrloc", "ka_loglevel", 1"#,
            ])
        let udp = try desk.phone("udp")
        let dead = try desk.phone("dead")
        let tcp = try desk.connectedPhone(["tcp"], ["X-Received: 1"])
        let ping = try udp.receive(within: .seconds(10)).message
        #expect(ping.startLine == "OPTIONS sip:udp@\(udp.address) SIP/2.0")
        #expect(ping.header("From")?.hasPrefix("<sip:ka@a.test>;tag=ulping-") == true)
        #expect(ping.header("To") == "<sip:udp@a.test>")
        try udp.send(ping.response(200, "OK"), to: desk.server.port)
        let other = try tcp.receive()
        #expect(other.header("Via")?.hasPrefix("SIP/2.0/TCP \(desk.server.address);") == true)
        try tcp.send(other.response(200, "OK"))
        try desk.server.waitForLog("keepalive roundtrip: 0.")
        try desk.server.waitForLog("to-uri: [sip:udp@a.test] remote-addr: [udp:\(udp.address)]")
        #expect(try until { try desk.number("KA-Roundtrip", of: "tcp") ?? 0 > 0 })
        #expect(
            try until(within: .seconds(30)) {
                while let (bytes, _) = udp.datagram(within: .milliseconds(20)) {
                    try udp.send(
                        SIPText(String(decoding: bytes, as: UTF8.self)).response(486, "Busy"), to: desk.server.port)
                }
                return try !desk.isThere("dead")
            })
        #expect(try desk.isThere("udp"))
        #expect(dead.datagram(within: .milliseconds(10)) != nil)
        #expect(!desk.server.log.contains("the script sees a reply"))
    }
}
