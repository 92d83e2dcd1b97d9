import Testing

/// Pings of `nathelper`: who gets which, what an answer does, and what none.
@Suite struct NathelperPingTests {
    private static let sip = [
        #""nathelper", "sipping_bflag", 7"#, #""nathelper", "sipping_from", "sip:pinger@a.test""#,
    ]

    @Test func phonesBehindNAT() throws {
        let folder = try TemporaryFolder()
        let desk = try PhoneDesk(
            folder,
            [
                #""nathelper", "natping_interval", 1"#, #""nathelper", "ping_nated_only", 1"#,
                #""nathelper", "natping_disable_bflag", 8"#,
            ] + NathelperPingTests.sip)
        let plain = try desk.phone("plain", ["X-Sip: 1"])
        let off = try desk.phone("off", ["X-Nat: 1", "X-Sip: 1", "X-Off: 1"])
        let tcp = try desk.connectedPhone(["tcp"], ["X-Nat: 1", "X-Sip: 1", "X-Received: 1"])
        let zeros = try desk.phone("zeros", ["X-Nat: 1"])
        let own = try desk.phone("own", ["X-Nat: 1", "X-Sip: 1"])
        let received = try desk.phone(
            "received", contact: "sip:received@10.9.9.9", ["X-Nat: 1", "X-Sip: 1", "X-Received: 1"])
        let path = try desk.phone(
            "path", contact: "sip:path@10.9.9.9", ["X-Nat: 1", "X-Sip: 1", "Path: <sip:HERE;lr>"])
        #expect(zeros.datagram(within: .seconds(10))?.bytes == [0, 0, 0, 0])
        let ping = try own.receive(within: .seconds(10)).message
        #expect(ping.startLine == "OPTIONS sip:own@\(own.address) SIP/2.0")
        #expect(ping.header("Via")?.hasPrefix("SIP/2.0/UDP \(desk.server.address);branch=z9hG4bK") == true)
        #expect(ping.header("From")?.hasPrefix("<sip:pinger@a.test>;tag=") == true)
        #expect(ping.header("To") == "<sip:own@\(own.address)>" && ping.header("Content-Length") == "0")
        #expect(try received.receive(within: .seconds(10)).message.startLine == "OPTIONS sip:received@10.9.9.9 SIP/2.0")
        let routed = try path.receive(within: .seconds(10)).message
        #expect(routed.startLine == "OPTIONS sip:path@10.9.9.9 SIP/2.0")
        #expect(routed.header("Route") == "<sip:\(path.address);lr>")
        // Whatever it says, it has answered; the script sees nothing of it, and nobody is pinged a second time at once.
        #expect(try desk.number("KA-Roundtrip", of: "own") == 0)
        try own.send(ping.response(404, "Nobody"), to: desk.server.port)
        #expect(try until { try desk.number("KA-Roundtrip", of: "own") ?? 0 > 0 })
        let again = try own.receive(within: .seconds(10)).message
        #expect(again.header("Call-ID") != ping.header("Call-ID"))
        // What is no answer to a ping of ours is the script's.
        let tag = try #require(again.header("From")?.split(separator: ";").last)
        try own.send(
            again.response(200, "OK").replacing(tag, with: "tag=natping-0-0-0-none"), to: desk.server.port)
        try own.send(again.response(200, "OK").replacing(tag, with: "tag=other"), to: desk.server.port)
        try desk.server.waitForLog("the script sees a reply")
        #expect(desk.server.log.ranges(of: "the script sees a reply").count == 1)
        #expect(plain.datagram(within: .milliseconds(10)) == nil && off.datagram(within: .milliseconds(10)) == nil)
        #expect(tcp.bytes(within: .milliseconds(10)) == nil, "a connection is no hole in a NAT")
        #expect(try desk.statistic("nathelper.pings_answered") == "1")
    }

    @Test func whoDoesNotAnswerIsRemoved() throws {
        let folder = try TemporaryFolder()
        let desk = try PhoneDesk(
            folder,
            [
                #""nathelper", "natping_interval", 1"#, #""nathelper", "ping_nated_only", 1"#,
                #""nathelper", "keepalive_timeout", 2"#,
            ] + NathelperPingTests.sip)
        let dead = try desk.phone("dead", ["X-Nat: 1", "X-Sip: 1"])
        let quiet = try desk.phone("quiet", ["X-Nat: 1"])
        let alive = try desk.phone("alive", ["X-Nat: 1", "X-Sip: 1"])
        let gone = try desk.phone("gone", ["X-Nat: 1", "X-Sip: 1"])
        func answer() throws {
            while let (bytes, _) = alive.datagram(within: .milliseconds(20)) {
                try alive.send(
                    SIPText(String(decoding: bytes, as: UTF8.self)).response(200, "OK"), to: desk.server.port)
            }
            // A proxy on the way says that the phone is not there.
            while let (bytes, _) = gone.datagram(within: .milliseconds(20)) {
                try gone.send(
                    SIPText(String(decoding: bytes, as: UTF8.self)).response(408, "Timeout"), to: desk.server.port)
            }
        }
        #expect(
            try until(within: .seconds(30)) {
                try answer()
                return try !desk.isThere("dead") && !desk.isThere("gone")
            })
        try desk.server.waitForLog("over: dead")
        try desk.server.waitForLog("over: gone")
        #expect(try desk.isThere("alive") && desk.isThere("quiet"))
        #expect(try desk.statistic("nathelper.contacts_removed") == "2")
        #expect(dead.datagram(within: .milliseconds(10)) != nil && quiet.datagram(within: .milliseconds(10)) != nil)
    }

    @Test func everybody() throws {
        let folder = try TemporaryFolder()
        let desk = try PhoneDesk(folder, [#""nathelper", "natping_interval", 1"#] + NathelperPingTests.sip)
        // Where all are pinged, all are pinged in one way; operators may stop it.
        let plain = try desk.phone("plain")
        #expect(try plain.receive(within: .seconds(10)).message.method == "OPTIONS")
        try desk.door.expect("nathelper.enable_ping", ["0"], is: "null")
        let one = try desk.statistic("nathelper.pings_sent")
        let other = try desk.phone("other")
        #expect(other.datagram(within: .seconds(2)) == nil)
        // One that was on its way is one more.
        #expect(try (Int(desk.statistic("nathelper.pings_sent")) ?? 0) - (Int(one) ?? 0) <= 1)
        try desk.door.expect("nathelper.enable_ping", ["1"], is: "null")
        #expect(try other.receive(within: .seconds(10)).message.method == "OPTIONS")
    }

    /// Contacts that are in the database only.
    @Test func rowsOfADatabase() throws {
        let folder = try TemporaryFolder()
        let file = try UsrlocDesk.makeDatabase(folder)
        let desk = try PhoneDesk(
            folder,
            [
                #""usrloc", "db_mode", 3"#, #""nathelper", "natping_interval", 2"#,
                #""nathelper", "ping_nated_only", 1"#,
                #""nathelper", "keepalive_timeout", 1"#,
            ] + NathelperPingTests.sip, database: file)
        try desk.server.waitForLog("keepalive_timeout has no effect with db_mode 3")
        let plain = try desk.phone("plain", ["X-Sip: 1"])
        let zeros = try desk.phone("zeros", ["X-Nat: 1"])
        let phones = try (0..<5).map { try Kept(desk.phone("own\($0)", ["X-Nat: 1", "X-Sip: 1"])) }
        let over = try desk.phone("over", ["X-Nat: 1"])
        try sqlite(file, "UPDATE location SET expires = '2001-01-01 00:00:00' WHERE username = 'over'")
        #expect(zeros.datagram(within: .seconds(10))?.bytes == [0, 0, 0, 0])
        for (index, phone) in phones.enumerated() {
            let ping = try phone.client.receive(within: .seconds(10)).message
            #expect(ping.startLine == "OPTIONS sip:own\(index)@\(phone.client.address) SIP/2.0")
            try phone.client.send(ping.response(200, "OK"), to: desk.server.port)
        }
        // Round after round, and each once in a round.
        let again = try phones[0].client.receive(within: .seconds(10)).message
        #expect(again.method == "OPTIONS")
        #expect(try until { try Int(desk.statistic("nathelper.pings_answered")) ?? 0 >= 5 })
        #expect(plain.datagram(within: .milliseconds(10)) == nil && over.datagram(within: .milliseconds(10)) == nil)
        let sent = try Int(desk.statistic("nathelper.pings_sent")) ?? 0
        #expect(sent <= 18, "three rounds of six contacts at most, not \(sent)")
    }

    /// A client that can stand in an array.
    private final class Kept {
        let client: UDPClient

        init(_ client: consuming UDPClient) { self.client = client }
    }

    @Test func withoutSIP() throws {
        let folder = try TemporaryFolder()
        let desk = try PhoneDesk(
            folder,
            [
                #""nathelper", "natping_interval", 1"#, #""nathelper", "sipping_bflag", 7"#,
                #""nathelper", "force_socket", "127.0.0.1:PORT""#,
            ])
        let one = try desk.phone("one", ["X-Sip: 1"])
        let datagram = one.datagram(within: .seconds(10))
        #expect(datagram?.bytes == [0, 0, 0, 0] && datagram?.from == desk.server.address)
        try desk.server.waitForLog("sipping_from is not set")
    }

    @Test(arguments: [
        (#"modparam("nathelper", "ping_nated_only", 1)"#, "ping_nated_only needs nat_bflag"),
        (#"modparam("nathelper", "force_socket", "192.0.2.1:5060")"#, "no listener of this server"),
        (#"modparam("nathelper", "sipping_method", "A B")"#, "sipping_method is no method"),
    ])
    func mistakes(line: String, text: String) throws {
        expectRefusal(
            """
            loadmodule "usrloc.so"
            loadmodule "nathelper.so"
            modparam("nathelper", "natping_interval", 10)
            \(line)
            """, text)
    }

    @Test func usrlocIsNeeded() {
        expectRefusal(
            """
            loadmodule "nathelper.so"
            modparam("nathelper", "natping_interval", 10)
            """, "usrloc")
    }

    private func expectRefusal(_ lines: String, _ text: String) {
        do {
            _ = try Server { "listen=udp:127.0.0.1:\($0)\n\(lines)\nrequest_route { drop; }\n" }
            Issue.record("it starts")
        } catch { #expect("\(error)".contains(text)) }
    }
}
