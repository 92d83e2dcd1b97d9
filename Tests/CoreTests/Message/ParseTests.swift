import Testing

@testable import Core

@Suite struct ParseTests {
    /// A request of these lines with the mandatory fields, those named in `without` left out.
    private func request(
        _ extra: String..., start: String = "OPTIONS sip:b@example.net SIP/2.0", without: [String] = [],
        end: String = "\r\n",
        body: String = ""
    ) -> TestMessage {
        let fields = [
            "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "From: <sip:a@example.net>;tag=1", "To: <sip:b@example.net>",
            "Call-ID: 1@a", "CSeq: 1 OPTIONS",
        ].filter { field in !without.contains { field.hasPrefix($0 + ":") } }
        return TestMessage(([start] + fields + extra + ["", body]).joined(separator: end))
    }

    @Test func aPlainRequestIsGood() {
        let test = request()
        #expect(test.result.isAccepted && test.result.isReplyAllowed && test.message.check() == .none)
        #expect(test.message.body.isEmpty && test.message.contentLength == nil && test.message.maxForwards == nil)
    }

    @Test(arguments: [
        ("Via", ParseFault.noVia), ("From", .noFrom), ("To", .noTo), ("Call-ID", .noCallID), ("CSeq", .noCSeq),
    ]) func whatIsMissingIsNamed(field: String, fault: ParseFault) {
        let test = request(without: [field])
        #expect(test.result.fault == fault && !test.result.isReplyAllowed)
    }

    @Test(arguments: [
        ("From: <sip:x@y>;tag=2", ParseFault.twoFrom), ("t: <sip:x@y>", .twoTo), ("i: 2@b", .twoCallID),
        ("CSeq: 2 OPTIONS", .twoCSeq),
        ("Content-Length: x", .contentLength), ("l: 1\r\nContent-Length: 2", .twoContentLength),
        ("Content-Length: 5", .bodyShort),
        ("No colon", .headerLine), (": value", .headerLine), ("X\u{0}Y: z", .headerLine), ("X: a\nY: b", .lineEnd),
        ("X: a\rY: b", .lineEnd),
        ("Max-Forwards: 1\r\nMax-Forwards: 2", .twoMaxForwards),
    ]) func whatIsWrongIsAnswered(line: String, fault: ParseFault) {
        let test = request(line)
        #expect(test.result.fault == fault && test.result.isReplyAllowed)
        #expect(fault.statusCode == 400 && fault.reason.utf8CodeUnitCount > 0)
        var parts = ReplyParts(code: fault.statusCode, reason: Bytes(fault.reason))
        parts.toTag = Bytes("x")
        let reply = test.written { test.message.writeReply(into: $0, parts) }
        #expect(reply.map { TestMessage($0).result.isAccepted } == true)
    }

    @Test(arguments: [
        ("OPTIONS sip:b c@d SIP/2.0", ParseFault.requestLine), ("OPTIONS sip:b@c  SIP/2.0", .requestLine),
        ("OPTIONS sip:b@c SIP/2.0 ", .requestLine), ("OPTIONS sip:b@c SIP/3.0", .version),
        ("OPTIONS sip:b@c SIP/2.0.0", .version),
        ("OPTIONS  SIP/2.0", .requestLine), ("OPTIONS", .notSIP), (" OPTIONS sip:b@c SIP/2.0", .notSIP),
        ("OPTIONS sip:b@c HTTP/1.1", .notSIP),
        ("SIP/2.0 99 Low", .statusLine), ("SIP/2.0 700 High", .statusLine), ("SIP/2.0 2000 Long", .statusLine),
        ("SIP/2.0 2OO OK", .statusLine),
        ("SIP/2.0", .notSIP), ("SIP/3.0 200 OK", .version), ("BYE sip:b@c SIP/2.0", .cseqMethod),
    ]) func startLines(line: String, fault: ParseFault) {
        let test = request(start: line)
        #expect(test.result.fault == fault)
        if fault == .notSIP || fault == .statusLine { #expect(!test.result.isReplyAllowed) }
    }

    @Test func whitespaceInARequestLineIsStillAnswered() {
        let test = request(start: "OPTIONS sip:b c@d SIP/2.0")
        #expect(test.result.isReplyAllowed && test.message.requestURIText == "sip:b c@d")
    }

    @Test func anAckIsNeverAnswered() {
        let test = request("CSeq: 1 ACK", "No colon", start: "ACK sip:b@c SIP/2.0", without: ["CSeq"])
        #expect(test.result.fault == .headerLine && !test.result.isReplyAllowed)
    }

    @Test func repliesAreRead() {
        let test = request(start: "SIP/2.0 183 Session Progress")
        #expect(test.result.isAccepted && !test.message.isRequest && test.message.statusCode == 183)
        #expect(test.message.reason == "Session Progress" && test.message.method == .options)
        #expect(
            request(start: "SIP/2.0 200 ").message.reason.isEmpty && request(start: "SIP/2.0 200").result.isAccepted)
    }

    @Test func foldedLinesAreOneHeader() {
        let test = request("Subject: one\r\n two\r\n\tthree", "X: y")
        let m = test.message
        #expect(test.result.isAccepted && m.headerCount == 7)
        #expect(m.first(.subject).flatMap { m.unfolded($0) }?.string == "one two three")
        #expect(m.value(.subject)?.string == "one\r\n two\r\n\tthree")
    }

    @Test func whatFollowsTheBodyIsNotPartOfIt() {
        let test = request("Content-Length: 2", body: "abcdef")
        #expect(test.result.isAccepted && test.message.body == "ab")
        #expect(request(body: "abc").message.body == "abc", "without a length the body is all that is there")
    }

    @Test func linesMayEndInLFAlone() {
        let test = request("Subject: a\n b", end: "\n", body: "x\ny")
        #expect(test.result.isAccepted && test.message.body == "x\ny")
        let via = OutgoingVia(transport: Bytes("UDP"), host: Bytes("p"), port: 0, branch: Bytes("z9hG4bKp"))
        let text = test.written { test.message.writeRequest(into: $0, via: via) }
        #expect(
            text?.hasPrefix("OPTIONS sip:b@example.net SIP/2.0\r\nVia: SIP/2.0/UDP p;branch=z9hG4bKp\r\nVia: ") == true)
        #expect(text?.hasSuffix("Subject: a\r\n b\r\n\r\nx\ny") == true, "written with CRLF, the body as it is")
    }

    @Test func headersAreLimited() {
        let many = Array(repeating: "X: y", count: Limits.headers - 5)
        #expect(TestMessage(lines(many)).result.isAccepted)
        let test = TestMessage(lines(many + ["X: y"]))
        #expect(test.result.fault == .tooManyHeaders && test.result.fault.statusCode == 513)
        #expect(test.message.headerCount == Limits.headers)
        #expect(TestMessage(Array(lines(many).utf8), arenaLimit: 0).result.fault == .outOfMemory)
    }

    private func lines(_ extra: [String]) -> String {
        ([
            "OPTIONS sip:b@c SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.1", "From: <sip:a@b>;tag=1", "To: <sip:b@c>",
            "Call-ID: 1",
            "CSeq: 1 OPTIONS",
        ] + extra + ["", ""]).joined(separator: "\r\n")
    }

    @Test func datagramsAreLimited() {
        let test = TestMessage([UInt8](repeating: 65, count: Limits.messageSize + 1))
        #expect(test.result.fault == .tooLarge && test.message.received.isEmpty)
    }

    @Test func headersAreFoundByName() {
        let m = request("X-A: 1", "s: compact", "x-a: 2").message
        #expect(m.index(named: Bytes("X-a")) == 5 && m.index(named: Bytes("X-A"), from: 6) == 7)
        #expect(m.index(named: Bytes("Subject")) == 6 && m.value(.subject)?.string == "compact")
        #expect(m.index(named: Bytes("None")) == nil)
    }

    @Test func listsRunOverAllLines() {
        let m = request("Supported: path, , timer;x=1", "k: gruu", "Contact: <sip:1@a>", "m: <sip:2@a>,<sip:3@a>")
            .message
        #expect(m.tokens(.supported).map { $0.string } == ["path", "timer;x=1", "gruu"])
        #expect(m.has(.supported, token: Bytes("TIMER")) && !m.has(.supported, token: Bytes("x")))
        #expect(m.contacts.map { $0.uri.string } == ["sip:1@a", "sip:2@a", "sip:3@a"] && !m.contacts.isMalformed)
        let broken = request("Contact: <sip:1@a>, <sip:2@a").message
        #expect(broken.contacts.count == 1 && broken.contacts.isMalformed && broken.check() == .contact)
    }

    @Test(arguments: [
        ("Contact: *", ParseFault.contactStar), ("Contact: sip:a@b?x=y", .contact), ("Route: sip:a@b", .route),
        ("Route: <>", .route),
        ("Route: <sip:a@b>;;lr", .route), ("Max-Forwards: 256", .maxForwards), ("Content-Type: text", .contentType),
        ("Content-Type: multipart/mixed", .multipart), ("Require: a b", .require),
        ("Authorization: Digest a", .authorization),
        ("Refer-To: <sip:a@b>, <sip:c@d>", .twoReferTo), ("Event: ", .event), ("Diversion: /", .diversion),
        ("Via: SIP/2.0", .via),
    ]) func theCheckLooksAtEverything(line: String, fault: ParseFault) {
        let test = request(line)
        #expect(test.result.isAccepted && test.message.check() == fault)
    }
}
