import Testing

@testable import Core

@Suite struct CloneAndRoutingTests {
    private let via = OutgoingVia(
        transport: Bytes("UDP"), host: Bytes("192.0.2.9"), port: 5060, branch: Bytes("z9hG4bKp"))

    /// A copy must say and write the same after the original's memory is gone.
    @Test func aCloneStandsAlone() throws {
        let arena = UnsafeMutablePointer<Arena>.allocate(capacity: 1)
        arena.initialize(to: Arena(chunk: 4096, limit: 1 << 20))
        var chunk = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        defer {
            arena.pointee.free()
            arena.deallocate()
            chunk.deallocate()
        }
        let (copy, written) = try clone(&chunk, arena)
        #expect(
            copy.callID == "a84b4c76e66710@198.51.100.7" && copy.routes.count == 2
                && copy.topVia?.branch.string == "z9hG4bKabc")
        #expect(
            copy.requestURI?.pointee.user.string == "new" && copy.destinationURI?.pointee.host.string == "192.0.2.30")
        #expect(
            copy.branchCount == 2 && copy.branch(at: 1).uri == "sip:b1@x"
                && copy.branch(at: 1).path?.string == "<sip:p>")
        #expect(copy.routing.flags == 5 && copy.routing.errorReason == "why")
        #expect(text(copy) == written)
        #expect(copy.append(Bytes("More: 1\r\n")) && text(copy).contains("More: 1"))
        var branch = copy.branch(at: 0)
        branch.q = 500
        #expect(copy.appendBranch(branch) && copy.branchCount == 3)
        let reply = reply(copy)
        #expect(reply.contains("One: 1\r\nTwo: 2\r\n"))
    }

    private func clone(
        _ chunk: inout UnsafeMutableRawBufferPointer, _ arena: UnsafeMutablePointer<Arena>
    ) throws -> (Message, String) {
        let test = TestMessage(Sample.invite)
        let m = test.message
        m.routing.source = SocketAddress(v4: 0x7F00_0001, port: 1234)
        m.routing.flags = 5
        m.setError(code: 500, reason: Bytes("why"))
        #expect(m.setRequestURI(Bytes("sip:new@x")) && m.setDestinationURI(Bytes("sip:192.0.2.30")))
        #expect(m.appendToReply(Bytes("One: 1\r\n")) && m.appendToReply(Bytes("Two: 2\r\n")))
        let route = try #require(m.first(.route))
        #expect(
            m.append(Bytes("X: 1\r\n")) && m.insertFirst(Bytes("A: 1\r\n")) && m.remove(route))
        #expect(m.editLate(offset: Int(m.record.pointee.headersStart), payload: Bytes("late payload")))
        for index in 0..<2 {
            var branch = Branch(uri: Bytes(leaking: "sip:b\(index)@x"))
            branch.path = Bytes("<sip:p>")
            #expect(m.appendBranch(branch))
        }
        chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: m.cloneSize, alignment: 8)
        let copy = m.clone(into: try #require(chunk.baseAddress), arena: arena)
        #expect(copy.cloneSize == m.cloneSize)
        return (copy, text(m))
    }

    private func text(_ m: Message) -> String {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 8)
        defer { buffer.deallocate() }
        let count = m.writeRequest(into: buffer, via: via) { edit, out in
            out.write("Late: ")
            out.write(edit.text)
            out.write("\r\n")
        }
        return String(decoding: buffer[0..<(count ?? 0)], as: UTF8.self)
    }

    private func reply(_ m: Message) -> String {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 8)
        defer { buffer.deallocate() }
        let count = m.writeReply(into: buffer, ReplyParts(code: 404, reason: Bytes("Not Found")))
        return String(decoding: buffer[0..<(count ?? 0)], as: UTF8.self)
    }

    @Test func theRequestURIIsParsedAnewWhenItChanges() {
        let m = TestMessage(Sample.invite)
        #expect(m.message.requestURI?.pointee.user.string == "bob")
        #expect(m.message.setRequestURI(Bytes("sip:carol@x")) && m.message.requestURI?.pointee.user.string == "carol")
        #expect(m.message.setRequestURI(Bytes("sip:dave@x")) && m.message.requestURI?.pointee.user.string == "dave")
        #expect(
            !m.message.setRequestURI(Bytes("no uri")) && m.message.requestURI?.pointee.user.string == "dave",
            "nothing is changed")
        #expect(m.message.originalURI?.pointee.user.string == "bob")
        #expect(m.message.setRequestURI(nil) && m.message.requestURIText == "sip:bob@example.net")
        #expect(!m.message.setRequestURI(Bytes(leaking: "sip:" + String(repeating: "a", count: Limits.uriSize) + "@b")))
        #expect(m.message.setDestinationURI(Bytes("sip:h")) && m.message.destinationURI != nil)
        #expect(m.message.setDestinationURI(nil) && m.message.destinationURI == nil)
    }

    @Test func branchesAreLimitedAndOrdered() {
        let test = TestMessage(Sample.invite)
        let m = test.message
        for index in 0..<Limits.furtherBranches {
            #expect(m.appendBranch(Branch(uri: Bytes(leaking: "sip:\(index)@x"))))
        }
        #expect(!m.appendBranch(Branch(uri: Bytes("sip:more@x"))))
        #expect(
            m.removeBranch(at: 0) && m.branch(at: 0).uri == "sip:1@x" && m.branchCount == Limits.furtherBranches - 1)
        #expect(!m.removeBranch(at: 30) && !m.appendBranch(Branch(uri: Bytes("no uri"))))
        #expect(
            m.setBranch(at: Limits.furtherBranches - 2, Branch(uri: Bytes("sip:last@x")))
                && m.branch(at: Limits.furtherBranches - 2).uri == "sip:last@x")
        m.removeBranches()
        #expect(m.branchCount == 0 && m.appendBranch(Branch(uri: Bytes("sip:a@x")), limit: 1))
        #expect(!m.appendBranch(Branch(uri: Bytes("sip:b@x")), limit: 1))
    }

    @Test func aSnapshotOfTheRoutingIsPutBack() throws {
        let test = TestMessage(Sample.invite)
        let m = test.message
        #expect(m.setRequestURI(Bytes("sip:one@x")) && m.appendBranch(Branch(uri: Bytes("sip:a@x"))))
        #expect(m.appendBranch(Branch(uri: Bytes("sip:b@x"))))
        let snapshot = try #require(m.routingSnapshot())
        #expect(
            m.setRequestURI(Bytes("sip:two@x")) && m.removeBranch(at: 0) && m.requestURI?.pointee.user.string == "two")
        m.setRouting(snapshot)
        #expect(m.requestURI?.pointee.user.string == "one" && m.branchCount == 2 && m.branch(at: 0).uri == "sip:a@x")
    }
}
