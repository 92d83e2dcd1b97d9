/// Counting what leaves, by what the first line says; replies by their method, too, when somebody wants to know.
extension UnsafeMutablePointer<ServerWorker> {
    /// [worker] A message was sent. What is no SIP message, as pings that keep a NAT's binding, is not counted.
    @_noLocks
    func countSent(_ bytes: Bytes) {
        // The shortest first line there can be is longer.
        guard bytes.count > 14 else { return }
        let shared = pointee.shared
        let shard = pointee.worker.pointee.shard
        if UnsafeRawPointer(bytes.start).loadUnaligned(as: UInt64.self) == Self.statusLine {
            let code = Int(bytes[8] &- 0x30) &* 100 &+ Int(bytes[9] &- 0x30) &* 10 &+ Int(bytes[10] &- 0x30)
            guard code >= 100, code < 700 else { return }
            shard.bump(shared.pointee.counters.sentReplies)
            if let own = shared.pointee.counters.sentClass(code / 100) { shard.bump(own) }
            if shared.pointee.replies.areCounted {
                shared.pointee.replies.count(
                    Self.method(ofReply: bytes), code, sent: true, worker: pointee.worker.pointee.index)
            }
        } else {
            var length = 0
            while length < 14, bytes[length] != UInt8(ascii: " ") { length &+= 1 }
            guard length > 0, bytes[0] > UInt8(ascii: " ") else { return }
            shard.bump(shared.pointee.counters.sentRequests)
            // Before the table is looked into: else that is copied to the stack first.
            let method = Method(bytes[0..<length])
            if let own = shared.pointee.counters.sent(method) { shard.bump(own) }
        }
    }

    /// What a reply begins with, as eight bytes are loaded.
    private static var statusLine: UInt64 { UInt64(bigEndian: 0x5349_502f_322e_3020) }  // "SIP/2.0 "

    /// [worker] A reply has come, and somebody wants to know.
    @_noLocks
    func countReceived(_ message: Message) {
        pointee.shared.pointee.replies.count(
            message.method, Int(message.statusCode), sent: false, worker: pointee.worker.pointee.index)
    }

    /// The method in the CSeq of a reply's bytes.
    @_noLocks
    static func method(ofReply bytes: Bytes) -> Method {
        var line = 0
        while let end = bytes.firstIndex(of: UInt8(ascii: "\n"), from: line), end > line &+ 1 {
            let header = bytes[line..<end]
            line = end &+ 1
            guard header[0] | 0x20 == UInt8(ascii: "c"), header.hasPrefixIgnoringCase("cseq") else { continue }
            var rest = header.dropFirst(4).trimmed
            guard !rest.isEmpty, rest[0] == UInt8(ascii: ":") else { continue }
            rest = rest.dropFirst(1).trimmed
            var number = 0
            while number < rest.count, rest[number] &- 0x30 <= 9 { number &+= 1 }
            return Method(rest.dropFirst(number).trimmed)
        }
        return .other
    }
}
