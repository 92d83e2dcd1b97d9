// Invariants: reads lie in 0..<count of the bytes given; nothing is remembered between calls but what the caller passes on.

/// What a stream holds at its beginning (RFC 3261 §18.3). Offsets count from there.
enum StreamFrame {
    /// A whole message at `start..<end`, after empty lines that are ignored (§7.5). The next one begins at `end`.
    case message(start: Int, end: Int)
    /// Not a whole message yet. Nothing new can come of it before `atLeast` bytes are there, and the first `seen` of them need not be searched
    /// again.
    case needsMore(atLeast: Int, seen: Int)
    /// Nobody can tell where the next message begins: the stream must end. `start..<end` is the head, by which the sender can be answered;
    /// empty when its end was not seen.
    case broken(ParseFault, start: Int, end: Int)
}

extension Message {
    /// Finds the message at the beginning of a stream. It looks at line ends and Content-Length only: whether the message is good, its home
    /// worker finds out.
    ///
    /// - Parameters:
    ///   - bytes: all that has been received and not consumed.
    ///   - seen: what the previous call has said, 0 at first: so many bytes do not hold the end of the head.
    ///   - limit: bytes that a message may have, head and body.
    ///   - needsLength: false takes a message without Content-Length for one without body.
    @_noLocks
    static func frame(
        _ bytes: Bytes, seen: Int = 0, limit: Int = Limits.messageSize, needsLength: Bool = true
    ) -> StreamFrame {
        var start = 0
        while start < bytes.count, bytes[start] == 13 || bytes[start] == 10 { start &+= 1 }
        guard start < bytes.count else { return .needsMore(atLeast: bytes.count &+ 1, seen: 0) }
        let stream = bytes.dropFirst(start)
        guard startsLikeSIP(stream) else { return .broken(.notSIP, start: start, end: start) }
        guard let head = endOfHead(stream, seen: max(0, seen &- start)) else {
            if stream.count >= min(limit, Limits.headSize) { return .broken(.tooLarge, start: start, end: start) }
            return .needsMore(atLeast: bytes.count &+ 1, seen: bytes.count)
        }
        guard hasSIPVersion(stream.prefix(head)) else { return .broken(.notSIP, start: start, end: start) }
        var length: UInt32?
        let fault = readLength(stream.prefix(head), &length)
        guard fault == .none else { return .broken(fault, start: start, end: start &+ head) }
        if length == nil, needsLength { return .broken(.contentLengthMissing, start: start, end: start &+ head) }
        let size = head &+ Int(length ?? 0)
        guard size <= limit else { return .broken(.tooLarge, start: start, end: start &+ head) }
        guard size <= stream.count else { return .needsMore(atLeast: start &+ size, seen: 0) }
        return .message(start: start, end: start &+ size)
    }

    /// Whether the bytes can still become a start line: a token and a space, or `SIP/`. What is garbage at once is not waited for.
    @inline(__always)
    private static func startsLikeSIP(_ stream: Bytes) -> Bool {
        let end = stream.end(of: .token)
        if end == stream.count { return end <= 128 }
        return end > 0 && (stream[end] == 32 || (end == 3 && stream[end] == UInt8(ascii: "/")))
    }

    /// Whether the start line names SIP, at its beginning (a reply) or in its last word: HTTP and its kin share the rest of the syntax.
    @inline(__always)
    private static func hasSIPVersion(_ head: Bytes) -> Bool {
        if head.hasPrefixIgnoringCase("SIP/") { return true }
        let line = head.prefix(head.lineBreak(from: 0)).trimmed
        guard let space = line.lastIndex(of: 32) else { return false }
        return line.dropFirst(space &+ 1).hasPrefixIgnoringCase("SIP/")
    }

    /// The offset after the empty line, or nil. LF alone ends a line only where the start line does so.
    @inline(__always)
    private static func endOfHead(_ stream: Bytes, seen: Int) -> Int? {
        // A break that was cut in two begins at most three bytes before what is new.
        var at = stream.firstIndex(of: 10, from: 0) ?? stream.count
        guard at < stream.count else { return nil }
        let hasBareLF = at == 0 || stream[at &- 1] != 13
        at = max(at, seen &- 4)
        while let feed = stream.firstIndex(of: 10, from: at) {
            let next = feed &+ 1
            if next < stream.count {
                if hasBareLF {
                    if stream[next] == 10 { return next &+ 1 }
                } else if stream[next] == 13, next &+ 1 < stream.count, stream[next &+ 1] == 10 {
                    return next &+ 2
                }
            }
            at = next
        }
        return nil
    }

    /// Content-Length of a head that is there as a whole, by the rules of the first pass: several must agree, and lines end in one way only,
    /// since what one server takes for a line end and another does not hides headers, and with them messages, from one of them.
    @inline(__always)
    private static func readLength(_ head: Bytes, _ length: inout UInt32?) -> ParseFault {
        var at = head.lineBreak(from: 0)
        let hasBareLF = at < head.count && head[at] == 10
        // Each turn begins at a line break.
        while at < head.count {
            if hasBareLF {
                guard head[at] == 10 else { return .lineEnd }
                at &+= 1
            } else {
                guard head[at] == 13, at &+ 1 < head.count, head[at &+ 1] == 10 else { return .lineEnd }
                at &+= 2
            }
            let line = at
            at = head.lineBreak(from: at)
            guard line < at, let value = lengthValue(head, line) else { continue }
            guard let number = value.uint32 else { return .contentLength }
            if let length, length != number { return .twoContentLength }
            length = number
        }
        return .none
    }

    /// The value of the header line at `start`, its folded lines included, when it is a Content-Length.
    @inline(__always)
    private static func lengthValue(_ head: Bytes, _ start: Int) -> Bytes? {
        let first = head[start] | 0x20
        guard first == UInt8(ascii: "c") || first == UInt8(ascii: "l") else { return nil }
        let nameEnd = head.end(of: .token, from: start)
        guard HeaderName.id(of: head[start..<nameEnd]) == .contentLength else { return nil }
        // Old equipment folds even before the colon (RFC 2543 allowed it).
        let colon = head.skipSpace(from: nameEnd)
        guard colon < head.count, head[colon] == UInt8(ascii: ":") else { return nil }
        var end = head.firstIndex(of: 10, from: colon) ?? head.count
        while end &+ 1 < head.count, head[end &+ 1] == 32 || head[end &+ 1] == 9 {
            end = head.firstIndex(of: 10, from: end &+ 1) ?? head.count
        }
        return head[colon &+ 1..<end].trimmed
    }
}
