import PluginAPI
import Testing

@testable import Core

/// Copies of messages in a worker's memory, and their states to go back to.
@Suite struct KeptMessageTests {
    private final class Memory {
        let slab = UnsafeMutablePointer<Slab>.allocate(capacity: 1)

        init(limit: Int = 1 << 24) { slab.initialize(to: Slab(limit: limit)) }

        deinit {
            slab.pointee.end()
            slab.deinitialize(count: 1)
            slab.deallocate()
        }

        func keep(_ message: Message) throws -> Message {
            let piece = slab.pointee.allocate(KeptMessage.size(for: message))
            return KeptMessage.copy(message, into: try #require(piece), of: slab)
        }

        func parse(_ text: String) throws -> Message? {
            let bytes = Bytes(leaking: text)
            let taken = slab.pointee.allocate(KeptMessage.size(forBytes: bytes.count))
            let piece = try #require(taken)
            if let message = KeptMessage.parse(bytes, into: piece, of: slab) { return message }
            slab.pointee.free(piece)
            return nil
        }

        func release(_ message: Message) { slab.pointee.free(KeptMessage.end(message)) }
    }

    /// About what phones send: 850 bytes, with a session description.
    private static let invite: String = {
        let body = Sample.lines(
            "v=0", "o=- 3904 3904 IN IP4 198.51.100.7", "s=-", "c=IN IP4 198.51.100.7", "t=0 0",
            "m=audio 4000 RTP/AVP 0 8 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=sendrecv", "")
        return Sample.lines(
            "INVITE sip:bob@example.net SIP/2.0",
            "Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK-524287-1---8f31b9e0c5d2a76b;rport",
            "Max-Forwards: 70", "Contact: <sip:alice@198.51.100.7:5060;transport=udp>",
            "To: <sip:bob@example.net>", "From: \"Alice\" <sip:alice@example.com>;tag=6d2b1c8e",
            "Call-ID: 95331N2U0YzY5ZGE4MDBjYzI3ZWM0ZmM4ZTE", "CSeq: 1 INVITE",
            "Allow: INVITE, ACK, CANCEL, BYE, REFER, INFO, NOTIFY, UPDATE, PRACK, MESSAGE, OPTIONS",
            "Content-Type: application/sdp", "Supported: replaces, norefersub, timer",
            "User-Agent: Example Phone 5.6.1", "Session-Expires: 1800;refresher=uac", "Min-SE: 90",
            "Content-Length: \(body.utf8.count)", "", body)
    }()

    private func edited(_ message: Message) -> String {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 8192, alignment: 8)
        defer { buffer.deallocate() }
        let count =
            message.writeRequest(
                into: buffer,
                via: OutgoingVia(
                    transport: Bytes("UDP"), host: Bytes("192.0.2.9"), port: 5060, branch: Bytes("z9hG4bKp"))
            ) { edit, out in
                LateText.write(edit, of: message, leavingBy: UnsafeMutableRawPointer(bitPattern: 8)!, to: &out)
            } ?? 0
        return String(decoding: buffer[0..<count], as: UTF8.self)
    }

    @Test func aTypicalInviteTakesOnePieceOfThreeKilobytes() throws {
        let memory = Memory()
        let test = TestMessage(Self.invite)
        #expect(test.result.isAccepted && (700...900).contains(Self.invite.utf8.count))
        let size = KeptMessage.size(for: test.message)
        #expect(Slab.room(for: size) <= 3056)
        let kept = try memory.keep(test.message)
        #expect(memory.slab.pointee.inUse == 1)
        // What a transaction asks it for has room in the piece.
        #expect(
            kept.from?.tag?.string == "6d2b1c8e" && kept.topVia != nil
                && kept.requestURI?.pointee.host.string == "example.net")
        #expect(kept.callID == test.message.callID && kept.record.pointee.owner == .keeper)
        #expect(memory.slab.pointee.inUse == 1)
        memory.release(kept)
        #expect(memory.slab.pointee.inUse == 0)
    }

    @Test func itsArenaGrowsOutOfTheSlabAndEndsWithIt() throws {
        let memory = Memory()
        let kept = try memory.keep(TestMessage(Self.invite).message)
        var taken = 0
        for size in [8, 600, 3000, 20_000, 100_000] {
            let place = kept.arena.pointee.allocate(size)
            #expect(place != nil)
            place?.initializeMemory(as: UInt8.self, repeating: 0xAA, count: size)
            taken += size
        }
        let tooLarge = kept.arena.pointee.allocate(Slab.largest)
        #expect(taken < Limits.keptArena && tooLarge == nil)
        var pieces = 0
        while kept.arena.pointee.allocate(4000) != nil { pieces += 1 }
        #expect(pieces > 100 && pieces < Limits.keptArena / 4000, "it has a limit")
        #expect(kept.callID == "95331N2U0YzY5ZGE4MDBjYzI3ZWM0ZmM4ZTE")
        memory.release(kept)
        #expect(memory.slab.pointee.inUse == 0)
    }

    @Test func keepingAndReleasingTakesNothingFromTheSystemInSteadyState() throws {
        let memory = Memory()
        let message = TestMessage(Self.invite).message
        func round() throws {
            let kept = try memory.keep(message)
            for _ in 0..<10 { #expect(kept.append(Bytes("X-A-Header-Of-Some-Length: with a value\r\n"))) }
            #expect(kept.mark() != nil && kept.vias.count == 1)
            memory.release(kept)
        }
        try round()
        let reserved = memory.slab.pointee.reserved
        for _ in 0..<1000 { try round() }
        #expect(memory.slab.pointee.reserved == reserved && memory.slab.pointee.inUse == 0)
    }

    @Test func bytesAreParsed() throws {
        let memory = Memory()
        let kept = try #require(try memory.parse(Self.invite))
        #expect(kept.isRequest && kept.method == .invite && kept.routing.source.isNone)
        #expect(kept.received.count == Self.invite.utf8.count && memory.slab.pointee.inUse == 1)
        memory.release(kept)
        #expect(try memory.parse("no message") == nil)
        #expect(try memory.parse(Self.invite.replacing("CSeq: 1 INVITE\r\n", with: "")) == nil)
        #expect(memory.slab.pointee.inUse == 0)
        // More headers than the index has room for at first.
        let many = (0..<200).map { "X-\($0): \($0)\r\n" }.joined()
        let long = try #require(try memory.parse(Self.invite.replacing("Min-SE: 90\r\n", with: many)))
        #expect(long.headerCount == 213)
        memory.release(long)
        #expect(memory.slab.pointee.inUse == 0)
    }

    // MARK: - Late texts

    private static let produce: LateText.Produce = { _, _, _, buffer, room, user in
        let value = user!.load(as: UInt8.self)
        let line = "X-Late: \(value)\r\n"
        guard line.utf8.count <= room else { return 0 }
        for (index, byte) in line.utf8.enumerated() { buffer[index] = CChar(bitPattern: byte) }
        return line.utf8.count
    }

    private func lateInvite(_ user: UnsafeMutableRawPointer, _ copy: LateText.Copy?) -> Message {
        let message = TestMessage(Self.invite).message
        let text = LateText(host: TestModules().modules.core.host, produce: Self.produce, copy: copy, user: user)
        #expect(LateText.insert(text, into: message, offset: Int(message.record.pointee.headersStart)))
        return message
    }

    @Test func aCopyHasLateTextsOfItsOwn() throws {
        let memory = Memory()
        let user = permanent(UInt8(7))
        let message = lateInvite(user) { _, to, user in
            let place = Message(opaque: to).arena.pointee.allocate(1)
            place?.storeBytes(of: user!.load(as: UInt8.self), as: UInt8.self)
            return place
        }
        let kept = try memory.keep(message)
        user.pointee = 8
        #expect(edited(message).contains("X-Late: 8\r\n") && edited(kept).contains("X-Late: 7\r\n"))
        // A copy of the copy.
        let again = try memory.keep(kept)
        memory.release(kept)
        #expect(edited(again).contains("X-Late: 7\r\n"))
        memory.release(again)
        #expect(memory.slab.pointee.inUse == 0)
    }

    @Test func aLateTextThatCannotBeCopiedIsLeftOut() throws {
        let memory = Memory()
        let message = lateInvite(permanent(UInt8(7))) { _, _, _ in nil }
        #expect(message.append(Bytes("X-Plain: 1\r\n")))
        let kept = try memory.keep(message)
        #expect(edited(message).contains("X-Late: 7\r\n"))
        #expect(!edited(kept).contains("X-Late") && edited(kept).contains("X-Plain: 1\r\n"))
        memory.release(kept)
    }

    @Test func aLateTextWithoutCopyIsShared() throws {
        let memory = Memory()
        let user = permanent(UInt8(7))
        let kept = try memory.keep(lateInvite(user, nil))
        user.pointee = 9
        #expect(edited(kept).contains("X-Late: 9\r\n"))
        memory.release(kept)
    }

    // MARK: - Marks

    @Test func aMarkIsGoneBackToAsOftenAsWanted() throws {
        #expect(MemoryLayout<MessageMark>.size <= MemoryLayout<apus_mark>.size)
        let memory = Memory()
        let m = try memory.keep(TestMessage(Self.invite).message)
        #expect(m.setRequestURI(Bytes("sip:one@x")) && m.append(Bytes("X: 1\r\n")))
        for user in ["a", "b"] { #expect(m.appendBranch(Branch(uri: Bytes(leaking: "sip:\(user)@x")))) }
        m.routing.current.flags = 1
        let mark = try #require(m.mark())
        let before = edited(m)
        for round in 1...3 {
            #expect(m.setRequestURI(Bytes("sip:two@x")) && m.setDestinationURI(Bytes("sip:192.0.2.1")))
            #expect(m.append(Bytes("X: 2\r\n")) && m.insertFirst(Bytes("A: 1\r\n")))
            #expect(m.removeBranch(at: 0) && m.setBranch(at: 0, Branch(uri: Bytes("sip:c@x"))))
            for _ in 0..<10 { #expect(m.appendBranch(Branch(uri: Bytes("sip:d@x")))) }
            m.routing.flags = UInt32(round)
            m.routing.current.flags = 99
            m.routing.options.insert([.noReply, .addViaAlias])
            #expect(m.appendToReply(Bytes("R: 1\r\n")))
            m.rewind(to: mark)
            #expect(edited(m) == before && m.requestURI?.pointee.user.string == "one" && m.destinationURI == nil)
            #expect(m.branchCount == 2 && m.branch(at: 0).uri == "sip:a@x" && m.branch(at: 1).uri == "sip:b@x")
            #expect(m.routing.current.flags == 1 && !m.routing.options.contains(.addViaAlias))
            #expect(m.routing.flags == UInt32(round), "flags are the message's, not the branch's")
            #expect(m.routing.options.contains(.noReply) && m.routing.replyLines != nil)
        }
        memory.release(m)
        #expect(memory.slab.pointee.inUse == 0)
    }
}
