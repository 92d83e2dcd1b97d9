import Testing

@testable import Core

/// Another status of a reply that is passed on (`Message.setStatus`).
@Suite struct StatusTests {
    private func reply(_ line: String) -> TestMessage {
        TestMessage(
            Sample.lines(
                line, "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa", "Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKb",
                "From: <sip:a@h>;tag=1", "To: <sip:b@h>;tag=2", "Call-ID: c", "CSeq: 1 OPTIONS", "Content-Length: 0",
                "", ""))
    }

    private func line(_ test: TestMessage) -> String? {
        test.written { test.message.writeForwardedReply(into: $0) }.map { String($0.prefix { $0 != "\r\n" }) }
    }

    @Test(arguments: [
        ("SIP/2.0 603 Decline", "SIP/2.0 404 Decline"), ("SIP/2.0 603 ", "SIP/2.0 404 "),
        ("SIP/2.0 603", "SIP/2.0 404 "),
    ]) func theReasonMayStay(received: String, written: String) {
        let test = reply(received)
        #expect(test.message.setStatus(404, reason: nil))
        #expect(test.message.statusCode == 404 && line(test) == written)
    }

    /// The last word counts; other edits and a copy of the message see it.
    @Test func itMayBeSetAgain() {
        let test = reply("SIP/2.0 603 Decline")
        let m = test.message
        #expect(m.setStatus(404, reason: Bytes("Gone")) && line(test) == "SIP/2.0 404 Gone")
        #expect(m.setStatus(486, reason: nil) && line(test) == "SIP/2.0 486 Gone")
        #expect(m.setStatus(480, reason: Bytes("")) && line(test) == "SIP/2.0 480 ")
        #expect(m.setStatus(487, reason: Bytes("Request Terminated")) && m.editCount == 1)
        #expect(m.append(Bytes("X: 1\r\n")) && m.applyEdits())
        #expect(m.statusCode == 487 && m.reason == Bytes("Request Terminated"))
        #expect(line(test) == "SIP/2.0 487 Request Terminated")
    }

    @Test func aMarkLeadsBack() throws {
        let test = reply("SIP/2.0 603 Decline")
        let m = test.message
        let mark = try #require(m.mark())
        #expect(m.setStatus(404, reason: Bytes("Gone")))
        m.rewind(to: mark)
        #expect(m.statusCode == 603 && line(test) == "SIP/2.0 603 Decline")
    }

    /// Also to a status that was set, with edits behind it.
    @Test func aMarkLeadsBackToAStatusThatWasSet() throws {
        let test = reply("SIP/2.0 603 Decline")
        let m = test.message
        #expect(m.setStatus(404, reason: Bytes("Gone")) && m.append(Bytes("X: 1\r\n")) && m.append(Bytes("Y: 2\r\n")))
        let mark = try #require(m.mark())
        #expect(m.setStatus(486, reason: Bytes("Busy")) && m.editCount == 3 && line(test) == "SIP/2.0 486 Busy")
        let text = try #require(test.written { m.writeForwardedReply(into: $0) })
        #expect(text.contains("X: 1\r\nY: 2\r\n"))
        m.rewind(to: mark)
        #expect(m.statusCode == 404 && m.editCount == 3 && line(test) == "SIP/2.0 404 Gone")
    }

    @Test func whatIsRefused() {
        let test = reply("SIP/2.0 603 Decline")
        for code: Int32 in [99, 700, -1] { #expect(!test.message.setStatus(code, reason: nil)) }
        #expect(
            !test.message.setStatus(404, reason: Bytes("a\r\nX: 1"))
                && !test.message.setStatus(404, reason: Bytes("a\rb")))
        #expect(test.message.statusCode == 603 && test.message.editCount == 0)
        #expect(!TestMessage(Sample.invite).message.setStatus(404, reason: nil))
        let edited = reply("SIP/2.0 603 Decline").message
        #expect(edited.edit(offset: 12, deleted: 7, text: Bytes("No")))
        #expect(!edited.setStatus(404, reason: nil) && edited.statusCode == 603)
    }
}
