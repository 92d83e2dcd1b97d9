// A message as a datagram and as a stream: read and written in every way. What is accepted must still be accepted, and mean the same, after it
// was forwarded; a reply to it must be a proper one.
import Glibc

private func allocate<T>(_ value: T) -> UnsafeMutablePointer<T> {
    let place = UnsafeMutablePointer<T>.allocate(capacity: 1)
    place.initialize(to: value)
    return place
}

nonisolated(unsafe) private let arena = allocate(Arena(chunk: 16_384, limit: 8 << 20))
nonisolated(unsafe) private let secondArena = allocate(Arena(chunk: 16_384, limit: 8 << 20))
nonisolated(unsafe) private let record = UnsafeMutablePointer<MessageRecord>.allocate(capacity: 1)
nonisolated(unsafe) private let secondRecord = UnsafeMutablePointer<MessageRecord>.allocate(capacity: 1)
nonisolated(unsafe) private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 200_000, alignment: 16)

@c(LLVMFuzzerTestOneInput)
public func fuzzMessage(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let data, size > 0 else { return 0 }
    let bytes = Bytes(data, size)
    datagram(bytes)
    stream(bytes)
    return 0
}

private func datagram(_ bytes: Bytes) {
    arena.pointee.reset()
    let result = Message.parse(bytes, record: record, arena: arena)
    let message = Message(record)
    _ = readEverything(message)
    if result.isAccepted || result.isReplyAllowed { checkWritten(message, result) }
    _ = writeEverything(message, buffer, arena: arena)
}

private func checkWritten(_ message: Message, _ result: ParseResult) {
    message.routing.source = SocketAddress(v4: 0x7F00_0001, port: 5070)
    if message.isRequest, result.isReplyAllowed {
        var parts = ReplyParts(code: 200, reason: Bytes("OK"))
        parts.toTag = Bytes("tag")
        if let count = message.writeReply(into: buffer, parts) {
            let reply = reread(count)
            precondition(reply.callID == message.callID && reply.cseqNumber == message.cseqNumber)
            precondition(reply.toTag != nil && reply.vias.count == message.vias.count)
        }
    }
    guard result.isAccepted else { return }
    let via = OutgoingVia(transport: Bytes("UDP"), host: Bytes("127.0.0.1"), port: 5060, branch: Bytes("z9hG4bKx"))
    if message.isRequest, let count = message.writeRequest(into: buffer, via: via), count <= Limits.messageSize,
        message.headerCount < Limits.headers
    {
        let copy = reread(count)
        precondition(copy.method == message.method && copy.requestURIText == message.requestURIText)
        precondition(copy.body == message.body && copy.headerCount == message.headerCount + 1)
        precondition(copy.topVia?.branch == Bytes("z9hG4bKx"))
    }
    if !message.isRequest, let count = message.writeForwardedReply(into: buffer) {
        arenaReset()
        _ = Message.parse(
            Bytes(UnsafePointer(buffer.baseAddress!.assumingMemoryBound(to: UInt8.self)), count), record: secondRecord,
            arena: secondArena)
        precondition(Message(secondRecord).statusCode == message.statusCode)
        precondition(Message(secondRecord).body == message.body)
    }
}

private func arenaReset() { secondArena.pointee.reset() }

/// Parses what was written, which must be a good message.
private func reread(_ count: Int) -> Message {
    arenaReset()
    let bytes = Bytes(UnsafePointer(buffer.baseAddress!.assumingMemoryBound(to: UInt8.self)), count)
    let result = Message.parse(bytes, record: secondRecord, arena: secondArena)
    if !result.isAccepted { fatalError("what was written is refused: \(result.fault)\n\(bytes.string)") }
    return Message(secondRecord)
}

private func stream(_ bytes: Bytes) {
    var rest = bytes
    var seen = 0
    while !rest.isEmpty {
        arena.pointee.reset()
        switch Message.frame(rest, seen: seen) {
        case .message(let start, let end):
            precondition(start >= 0 && start < end && end <= rest.count)
            // Framer and parser must agree where a message ends, or one could be hidden in another.
            let result = Message.parse(rest[start..<end], record: record, arena: arena)
            precondition(!result.isAccepted || Int(record.pointee.count) == end - start)
            _ = Message(record).check()
            rest = rest.dropFirst(end)
            seen = 0
        case .needsMore(let atLeast, let searched):
            precondition(atLeast > rest.count && searched <= rest.count)
            return
        case .broken: return
        }
    }
}
