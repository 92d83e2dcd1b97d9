import Testing

@testable import Core

/// Edits that become part of the message (`Message.applyEdits`).
@Suite struct AppliedEditsTests {
    private func text(_ test: TestMessage) -> String {
        test.written { test.message.writeEdited(into: $0) } ?? "overflow"
    }

    @Test func withoutEditsNothingHappens() {
        let test = TestMessage(Sample.invite)
        let base = test.message.record.pointee.base
        #expect(test.message.applyEdits() && test.message.record.pointee.base == base)
    }

    /// Whoever looks sees them; the text is what the edits made of it, and further edits count from there.
    @Test func theyAreSeen() throws {
        let test = TestMessage(Sample.invite)
        let m = test.message
        let to = try #require(m.first(.to))
        let route = try #require(m.first(.route))
        let before = m.callID
        #expect(m.replaceValue(of: to, with: Bytes("<sip:carol@example.org>")) && m.remove(route))
        #expect(m.append(Bytes("X-New: 1\r\n")) && m.replaceBody(Bytes("a longer body"), contentType: .empty))
        let written = text(test)
        #expect(m.first(.route) != nil, "not yet")
        #expect(m.applyEdits())
        #expect(m.editCount == 0 && text(test) == written)
        #expect(m.first(.route) == nil)
        #expect(m.first(.to).map({ m.bytes($0.value).string }) == "<sip:carol@example.org>")
        #expect(m.body.string == "a longer body")
        #expect(before.string == "a84b4c76e66710@198.51.100.7", "texts of before stay")
        let again = try #require(m.first(.to))
        #expect(m.replaceValue(of: again, with: Bytes("<sip:dave@example.org>")) && m.applyEdits())
        #expect(text(test) == written.replacing("sip:carol@", with: "sip:dave@"))
    }

    /// Texts that are made when the message is written are still made then, at their place.
    @Test func lateTextsStayEdits() {
        let test = TestMessage(Sample.invite)
        let m = test.message
        #expect(m.editLate(offset: Int(m.record.pointee.headersStart), payload: Bytes("<sip:me>")))
        #expect(m.insertFirst(Bytes("X-First: 1\r\n")) && m.applyEdits() && m.editCount == 1)
        let via = OutgoingVia(
            transport: Bytes("UDP"), host: Bytes("192.0.2.9"), port: 5060, branch: Bytes("z9hG4bKp"))
        for socket in ["a", "b"] {
            let text = test.written { buffer in
                m.writeRequest(into: buffer, via: via) { edit, out in
                    out.write("Record-Route: ")
                    out.write(edit.text)
                    out.write(Bytes(leaking: ";out=\(socket)\r\n"))
                }
            }
            #expect(text?.contains("Record-Route: <sip:me>;out=\(socket)\r\n") == true)
            #expect(text?.contains("X-First: 1\r\n") == true)
        }
    }

    /// A mark of before leads back behind any number of applications, as often as is wanted; one in between to its own place.
    @Test func marksLeadBack() throws {
        let test = TestMessage(Sample.invite)
        let m = test.message
        let first = try #require(m.mark())
        #expect(m.append(Bytes("X: 1\r\n")) && m.applyEdits())
        let second = try #require(m.mark())
        let between = text(test)
        for _ in 0..<2 {
            #expect(m.append(Bytes("Y: 1\r\n")) && m.applyEdits() && m.append(Bytes("Z: 1\r\n")))
            #expect(text(test).contains("Y: 1\r\nZ: 1\r\n"))
            m.rewind(to: second)
            #expect(text(test) == between)
        }
        for _ in 0..<2 {
            m.rewind(to: first)
            #expect(text(test) == Sample.invite && m.editCount == 0)
            let route = try #require(m.first(.route))
            #expect(m.remove(route) && m.applyEdits() && m.first(.route) == nil)
        }
    }

    /// What comes of the edits is no message, or there is no memory: nothing has changed.
    @Test func whatCannotBeAppliedChangesNothing() throws {
        let test = TestMessage(Sample.invite)
        let m = test.message
        let cseq = try #require(m.first(.cseq))
        #expect(m.replaceValue(of: cseq, with: Bytes("none at all")))
        let base = m.record.pointee.base
        #expect(!m.applyEdits())
        #expect(m.record.pointee.base == base && m.editCount == 1)
        let narrow = TestMessage(Array(Sample.invite.utf8), arenaLimit: 9000)
        let long = Bytes(leaking: "X: " + String(repeating: "x", count: 5000) + "\r\n")
        #expect(narrow.message.edit(offset: Int(narrow.message.record.pointee.headersStart), deleted: 0, text: long))
        #expect(!narrow.message.applyEdits() && narrow.message.editCount == 1)
    }

    /// Other bytes take the place of all of it; what was decided about sending stays but for the Request-URI.
    @Test func bytesAreReplaced() throws {
        let test = TestMessage(Sample.invite)
        let m = test.message
        let before = text(test)
        #expect(m.append(Bytes("X-Lost: 1\r\n")) && m.setRequestURI(Bytes("sip:lost@example.com")))
        #expect(m.setDestinationURI(Bytes("sip:192.0.2.5")))
        m.routing.flags = 5
        let mark = try #require(m.mark())
        let bytes = before.replacing("sip:bob@example.net SIP", with: "sip:new@example.net SIP")
            .replacing("INVITE", with: "MESSAGE")
        #expect(m.setBytes(Bytes(leaking: bytes + "surplus")))
        #expect(m.editCount == 0 && text(test) == bytes)
        #expect(m.method == .message && m.requestURIText == Bytes("sip:new@example.net"))
        #expect(m.routing.current.destination == Bytes("sip:192.0.2.5") && m.routing.flags == 5)
        m.rewind(to: mark)
        #expect(m.method == .invite && m.requestURIText == Bytes("sip:lost@example.com") && m.editCount == 1)
    }

    /// What may not take its place: nothing has changed then.
    @Test func bytesThatAreRefused() {
        let test = TestMessage(Sample.invite)
        let m = test.message
        #expect(m.append(Bytes("X-Kept: 1\r\n")))
        let edited = text(test)
        let call = "Call-ID: a84b4c76e66710@198.51.100.7"
        #expect(edited.contains(call))
        for bytes in [
            "", "nonsense", String(edited.prefix(100)),
            edited.replacing("INVITE sip:bob@example.net SIP/2.0", with: "SIP/2.0 200 OK"),
            edited.replacing(call, with: "Call-ID: other"),
            edited.replacing("sip:bob@example.net SIP", with: "sip: SIP"),
            edited + String(repeating: "x", count: 65_536),
        ] {
            #expect(!m.setBytes(Bytes(leaking: bytes)), "\(bytes.prefix(60))")
            #expect(text(test) == edited && m.editCount == 1)
        }
        let narrow = TestMessage(Array(Sample.invite.utf8), arenaLimit: 8192)
        #expect(!narrow.message.setBytes(Bytes(leaking: edited + String(repeating: "x", count: 20_000))))
    }
}
