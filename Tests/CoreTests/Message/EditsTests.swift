import Testing

@testable import Core

@Suite struct EditsTests {
    private let via = OutgoingVia(
        transport: Bytes("UDP"), host: Bytes("192.0.2.9"), port: 5060, branch: Bytes("z9hG4bKp"))

    private func text(_ test: TestMessage) -> String {
        test.written { test.message.writeEdited(into: $0) } ?? "overflow"
    }

    private func lines(_ test: TestMessage) -> [String] {
        text(test).split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
    }

    @Test func withoutEditsNothingChanges() {
        let test = TestMessage(Sample.invite)
        #expect(text(test) == Sample.invite)
    }

    @Test func insertionsStandInTheOrderTheyWereMade() throws {
        let test = TestMessage(Sample.invite)
        let m = test.message
        let route = try #require(m.first(.route))
        #expect(m.append(Bytes("Z: 1\r\n")) && m.insertFirst(Bytes("A: 1\r\n")) && m.insertFirst(Bytes("A: 2\r\n")))
        #expect(
            m.append(Bytes("Z: 2\r\n")) && m.insert(Bytes("B: 1\r\n"), before: route)
                && m.insert(Bytes("C: 1\r\n"), after: route))
        let all = lines(test)
        #expect(
            all[1...3].elementsEqual(["A: 1", "A: 2", "Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKabc;rport"]))
        #expect(all[5...7].elementsEqual(["B: 1", "Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>", "C: 1"]))
        #expect(all[14...16].elementsEqual(["Content-Length: 4", "Z: 1", "Z: 2"]) && all[17] == "")
    }

    @Test func theFirstOfTwoEditsAtOnePlaceWins() throws {
        let test = TestMessage(Sample.invite)
        let m = test.message
        let to = try #require(m.first(.to))
        #expect(m.replaceValue(of: to, with: Bytes("<sip:x@y>")) && !m.replaceValue(of: to, with: Bytes("<sip:z@y>")))
        #expect(!m.edit(offset: Int(to.value.offset) + 1, deleted: 0, text: Bytes("x")), "within what is deleted")
        #expect(m.editConflicts == 2 && m.editCount == 1)
        #expect(
            m.insert(Bytes("X: 1\r\n"), before: to) && m.insert(Bytes("Y: 1\r\n"), after: to),
            "at its ends there is room")
        #expect(lines(test).contains("To: <sip:x@y>"))
        #expect(m.remove(to) && !m.remove(to), "what is left of it is removed once")
        #expect(!lines(test).contains { $0.hasPrefix("To: <sip:b") })
        #expect(
            !m.edit(offset: 100_000, deleted: 0, text: .empty) && !m.edit(offset: 0, deleted: 100_000, text: .empty))
        #expect(!m.edit(offset: -1, deleted: 0, text: .empty))
    }

    @Test func rewindingForgets() throws {
        let test = TestMessage(Sample.invite)
        let m = test.message
        #expect(m.append(Bytes("X: 1\r\n")))
        let mark = m.editMark
        let route = try #require(m.first(.route))
        #expect(m.remove(route) && m.append(Bytes("Y: 1\r\n")))
        m.rewindEdits(to: mark)
        #expect(m.editCount == 1)
        #expect(text(test) == Sample.invite.replacing("Content-Length: 4\r\n", with: "Content-Length: 4\r\nX: 1\r\n"))
        #expect(m.remove(route), "the place is free again")
    }

    @Test(
        arguments: [
            ([0], "Route: <sip:2@b;x=\"a,b\">;y, <sip:3@c>"), ([1], "Route: <sip:1@a>, <sip:3@c>"),
            ([2], "Route: <sip:1@a>, <sip:2@b;x=\"a,b\">;y"), ([0, 1], "Route: <sip:3@c>"),
            ([1, 2], "Route: <sip:1@a>"), ([2, 1], "Route: <sip:1@a>"),
            ([0, 2], "Route: <sip:2@b;x=\"a,b\">;y"), ([2, 0], "Route: <sip:2@b;x=\"a,b\">;y"), ([0, 1, 2], nil),
            ([2, 1, 0], nil), ([1, 0, 2], nil),
        ] as [([Int], String?)]) func valuesOfAListAreRemovedOneByOne(order: [Int], left: String?)
    {
        let source = Sample.invite.replacing(
            "Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>",
            with: "Route: <sip:1@a>, <sip:2@b;x=\"a,b\">;y, <sip:3@c>")
        let test = TestMessage(source)
        // A comma within <URI> parts nothing.
        #expect(test.message.routes.count == 3)
        for index in order { #expect(test.message.removeValue(test.message.routes[index].text)) }
        #expect(lines(test).first { $0.hasPrefix("Route:") } == left)
        #expect(!test.message.removeValue(test.message.routes[order[0]].text), "it is gone already")
        #expect(TestMessage(text(test)).result.isAccepted)
    }

    @Test func aNewBodyHasItsLength() {
        let test = TestMessage(Sample.invite)
        #expect(test.message.replaceBody(Bytes("a longer body"), contentType: Bytes("text/plain")))
        let all = lines(test)
        #expect(
            all.contains("Content-Length: 13") && all.contains("Content-Type: text/plain")
                && all.last == "a longer body")
        let bare = TestMessage(
            Sample.invite.replacing("Content-Length: 4\r\n", with: "").replacing(
                "Content-Type: application/sdp\r\n", with: ""))
        #expect(bare.message.replaceBody(Bytes("xy"), contentType: Bytes("a/b")))
        #expect(text(bare).hasSuffix("Content-Type: a/b\r\nContent-Length: 2\r\n\r\nxy"))
        let part = TestMessage(Sample.invite)
        #expect(
            part.message.edit(offset: Int(part.message.record.pointee.bodyStart) + 2, deleted: 1, text: Bytes("123")))
        #expect(text(part).hasSuffix("Content-Length: 6\r\n\r\nv=123\n"))
    }

    @Test func lateTextsAreAskedForEachTime() {
        let test = TestMessage(Sample.invite)
        let m = test.message
        #expect(m.editLate(offset: Int(m.record.pointee.headersStart), payload: Bytes("<sip:me>")))
        for socket in ["a", "b"] {
            let text = test.written { buffer in
                m.writeRequest(into: buffer, via: via) { edit, out in
                    out.write("Record-Route: ")
                    out.write(edit.text)
                    out.write(Bytes(leaking: ";out=\(socket)\r\n"))
                }
            }
            #expect(text?.contains("z9hG4bKp\r\nRecord-Route: <sip:me>;out=\(socket)\r\nVia: ") == true)
        }
        #expect(
            !m.editLate(offset: Int(m.record.pointee.count), payload: .empty),
            "the length of a body must be known before")
    }

    @Test func editsAreLimited() {
        let test = TestMessage(Sample.invite)
        for _ in 0..<Limits.edits { #expect(test.message.append(Bytes("X: 1\r\n"))) }
        #expect(!test.message.append(Bytes("X: 1\r\n")))
        #expect(lines(test).count { $0 == "X: 1" } == Limits.edits)
    }
}
