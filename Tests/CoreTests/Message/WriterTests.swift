import Testing

@testable import Core

@Suite struct WriterTests {
    private let via = OutgoingVia(
        transport: Bytes("UDP"), host: Bytes("192.0.2.9"), port: 5060, branch: Bytes("z9hG4bKp"))

    private func forwarded(_ test: TestMessage, source: SocketAddress) -> [String] {
        test.message.routing.source = source
        let text = test.written { test.message.writeRequest(into: $0, via: via) } ?? "overflow"
        return text.split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
    }

    private func invite(via text: String) -> TestMessage {
        TestMessage(Sample.invite.replacing("SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKabc;rport", with: text))
    }

    private let peer = SocketAddress(v4: 0xC633_6407, port: 40_000)

    /// RFC 3261 §18.2.1 and RFC 3581 §4: what the Via below ours says about the true source.
    @Test(arguments: [
        ("SIP/2.0/UDP 198.51.100.7:5060;branch=a", "SIP/2.0/UDP 198.51.100.7:5060;branch=a"),
        (
            "SIP/2.0/UDP 198.51.100.7:5060;branch=a;rport",
            "SIP/2.0/UDP 198.51.100.7:5060;received=198.51.100.7;rport=40000;branch=a"
        ),
        (
            "SIP/2.0/UDP 198.51.100.7;rport;branch=a",
            "SIP/2.0/UDP 198.51.100.7;received=198.51.100.7;rport=40000;branch=a"
        ),
        ("SIP/2.0/UDP phone.example.com;branch=a", "SIP/2.0/UDP phone.example.com;received=198.51.100.7;branch=a"),
        ("SIP/2.0/UDP 10.0.0.1", "SIP/2.0/UDP 10.0.0.1;received=198.51.100.7"),
        (
            "SIP/2.0/UDP 10.0.0.1;received=192.0.2.66;rport=1;branch=a",
            "SIP/2.0/UDP 10.0.0.1;received=198.51.100.7;rport=40000;branch=a"
        ),
        ("SIP/2.0/UDP 198.51.100.7;received=192.0.2.66;branch=a", "SIP/2.0/UDP 198.51.100.7;branch=a"),
        (
            "SIP/2.0/UDP 10.0.0.1;branch=a, SIP/2.0/UDP b",
            "SIP/2.0/UDP 10.0.0.1;received=198.51.100.7;branch=a, SIP/2.0/UDP b"
        ),
    ]) func theViaBelowNamesTheSource(before: String, after: String) {
        #expect(forwarded(invite(via: before), source: peer)[2] == "Via: " + after)
    }

    @Test func forceRportAndIPv6() {
        let test = invite(via: "SIP/2.0/UDP 198.51.100.7;branch=a")
        test.message.routing.options.insert(.forceRport)
        #expect(
            forwarded(test, source: peer)[2]
                == "Via: SIP/2.0/UDP 198.51.100.7;received=198.51.100.7;rport=40000;branch=a")
        var address = SocketAddress(parsing: Bytes("2001:db8::7")) ?? SocketAddress()
        address.port = 5062
        let six = invite(via: "SIP/2.0/UDP [2001:DB8:0::7]:5060;branch=a")
        #expect(
            forwarded(six, source: address)[2] == "Via: SIP/2.0/UDP [2001:DB8:0::7]:5060;branch=a", "the same address")
        #expect(
            forwarded(invite(via: "SIP/2.0/UDP h"), source: address)[2] == "Via: SIP/2.0/UDP h;received=2001:db8::7")
    }

    @Test func aForwardedRequestIsOtherwiseAsItCame() {
        let test = TestMessage(Sample.invite)
        let all = forwarded(test, source: peer)
        #expect(
            all[0] == "INVITE sip:bob@example.net SIP/2.0"
                && all[1] == "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKp")
        let rest = Sample.invite.split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
        #expect(Array(all[3...]) == Array(rest[2...]))
    }

    @Test func requestURIAndPath() {
        let test = TestMessage(Sample.invite)
        #expect(
            test.message.setRequestURI(Bytes("sip:new@192.0.2.20;x")) && test.message.setPath(Bytes("<sip:edge;lr>")))
        let all = forwarded(test, source: peer)
        #expect(all[0] == "INVITE sip:new@192.0.2.20;x SIP/2.0" && all[2] == "Route: <sip:edge;lr>")
        let branch = test.written { test.message.writeRequest(into: $0, via: via, uri: Bytes("tel:+1"), path: .empty) }
        #expect(
            branch?.hasPrefix("INVITE tel:+1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKp\r\nVia: ")
                == true)
    }

    @Test func whatDoesNotFitIsNotCut() {
        let test = TestMessage(Sample.invite)
        let whole = test.written { test.message.writeRequest(into: $0, via: via) } ?? ""
        for room in 0..<whole.utf8.count {
            #expect(test.written(room: room) { test.message.writeRequest(into: $0, via: via) } == nil, "\(room)")
        }
        #expect(test.written(room: whole.utf8.count) { test.message.writeRequest(into: $0, via: via) } == whole)
    }

    /// RFC 3261 §8.2.6.
    @Test func repliesTakeTheirFieldsFromTheRequest() {
        let test = TestMessage(
            Sample.invite.replacing(
                "Max-Forwards: 70", with: "Via: SIP/2.0/UDP b\r\nRecord-Route: <sip:r;lr>\r\nTimestamp: 5"))
        test.message.routing.source = peer
        #expect(test.message.appendToReply(Bytes("X-One: 1\r\n")) && test.message.appendToReply(Bytes("X-Two: 2\r\n")))
        var parts = ReplyParts(code: 200, reason: Bytes("OK"))
        parts.toTag = Bytes("tt")
        parts.headers = Bytes("X-Three: 3\r\n")
        parts.server = Bytes("apus")
        parts.body = Bytes("hi")
        parts.contentType = Bytes("text/plain")
        let expected = Sample.lines(
            "SIP/2.0 200 OK", "Via: SIP/2.0/UDP 198.51.100.7:5060;received=198.51.100.7;rport=40000;branch=z9hG4bKabc",
            "Via: SIP/2.0/UDP b", "From: \"Alice, A.\" <sip:alice@example.com>;tag=1928301774",
            "To: <sip:bob@example.net>;tag=tt",
            "Call-ID: a84b4c76e66710@198.51.100.7", "CSeq: 314159 INVITE", "Record-Route: <sip:r;lr>", "X-One: 1",
            "X-Two: 2", "X-Three: 3",
            "Server: apus", "Content-Type: text/plain", "Content-Length: 2", "", "hi")
        #expect(test.written { test.message.writeReply(into: $0, parts) } == expected)
        parts = ReplyParts(code: 100, reason: Bytes("Trying"))
        parts.toTag = Bytes("tt")
        let trying = test.written { test.message.writeReply(into: $0, parts) } ?? ""
        #expect(
            trying.contains("To: <sip:bob@example.net>\r\n") && trying.contains("Timestamp: 5\r\n")
                && !trying.contains("Record-Route"))
        parts.code = 404
        #expect(test.written { test.message.writeReply(into: $0, parts) }?.contains("Record-Route") == false)
        #expect(test.written(room: 100) { test.message.writeReply(into: $0, parts) } == nil)
    }

    @Test func aTagThatIsThereStays() {
        let test = TestMessage(
            Sample.invite.replacing("To: <sip:bob@example.net>", with: "To: <sip:bob@example.net>;tag=old"))
        var parts = ReplyParts(code: 486, reason: Bytes("Busy Here"))
        parts.toTag = Bytes("new")
        #expect(
            test.written { test.message.writeReply(into: $0, parts) }?.contains("To: <sip:bob@example.net>;tag=old\r\n")
                == true)
    }

    @Test(
        arguments: [
            ("Via: SIP/2.0/UDP me;branch=1\r\nVia: SIP/2.0/UDP you;branch=2\r\n", "Via: SIP/2.0/UDP you;branch=2\r\n"),
            ("Via: SIP/2.0/UDP me;branch=1 , SIP/2.0/UDP you;branch=2\r\n", "Via: SIP/2.0/UDP you;branch=2\r\n"),
            ("v: SIP/2.0/UDP me;branch=1,\r\n SIP/2.0/UDP you;branch=2\r\n", "v: SIP/2.0/UDP you;branch=2\r\n"),
            ("Via: SIP/2.0/UDP me\r\nX: y\r\nVia: SIP/2.0/UDP you\r\n", "X: y\r\nVia: SIP/2.0/UDP you\r\n"),
            ("Via: SIP/2.0/UDP me\r\n", nil),
        ] as [(String, String?)]) func repliesLoseTheirTopVia(before: String, after: String?)
    {
        let rest =
            "From: <sip:a@b>;tag=1\r\nTo: <sip:b@c>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
        let test = TestMessage("SIP/2.0 180 Ringing\r\n" + before + rest)
        #expect(test.result.isAccepted)
        let text = test.written { test.message.writeForwardedReply(into: $0) }
        #expect(text == after.map { "SIP/2.0 180 Ringing\r\n" + $0 + rest })
    }
}
