// Invariants: see Message+Parse.swift. A message is cut out of the stream before its head is parsed as that of a datagram is.

/// What a stream holds at its beginning.
enum FramingResult {
    /// A whole message of `count` bytes, empty lines before it included, was parsed; `result` says whether it is good. The next one
    /// begins behind it in either case.
    case complete(count: Int, result: ParseResult)
    /// Not a whole message yet. Nothing new can come of it before `atLeast` bytes are there.
    case needsMore(atLeast: Int)
    /// Nobody can tell where the next message begins: answer where the result allows it, then close.
    case broken(ParseResult)
}

extension Message {
    /// Reads the message at the beginning of a stream (RFC 3261 §18.3), with the same code as a datagram.
    ///
    /// - Parameters:
    ///   - bytes: all that has been received and not consumed.
    ///   - seen: how many of them the previous call was given, 0 at first: they are not searched again.
    ///   - limit: bytes that a message may have, head and body.
    ///   - record, arena: as in `parse`. On `.needsMore` neither holds anything: reset the arena before the next call.
    @_noLocks
    static func parse(
        stream bytes: Bytes, seen: Int = 0, limit: Int = Limits.messageSize,
        record: UnsafeMutablePointer<MessageRecord>,
        arena: UnsafeMutablePointer<Arena>
    ) -> FramingResult {
        var start = 0
        while start < bytes.count, bytes[start] == 13 || bytes[start] == 10 { start &+= 1 }
        guard start < bytes.count else { return .needsMore(atLeast: bytes.count &+ 1) }
        let stream = bytes.dropFirst(start)
        guard startsLikeSIP(stream) else { return .broken(ParseResult(fault: .notSIP, isReplyAllowed: false)) }
        guard let headEnd = endOfHead(stream, seen: max(0, seen &- start)) else {
            if stream.count >= min(limit, Limits.headSize) {
                return .broken(ParseResult(fault: .tooLarge, isReplyAllowed: false))
            }
            return .needsMore(atLeast: bytes.count &+ 1)
        }
        guard Message.start(stream.prefix(headEnd), record, arena) else {
            return .broken(ParseResult(fault: .outOfMemory, isReplyAllowed: false))
        }
        let message = Message(record)
        guard message.readHead(), record.pointee.hasHeadersEnd else {
            message.note(.headersEnd)
            return .broken(message.result(record.pointee.fault))
        }
        return message.frameBody(stream, skipped: start, limit: limit)
    }

    /// Finds the end of the message whose head was read.
    @inline(__always)
    private func frameBody(_ stream: Bytes, skipped: Int, limit: Int) -> FramingResult {
        // Without a length that can be believed nobody knows where the next message begins.
        guard record.pointee.hasContentLength, record.pointee.fault != .twoContentLength else {
            note(.contentLengthMissing)
            return .broken(result(record.pointee.fault))
        }
        let head = Int(record.pointee.bodyStart)
        let (size, isTooMuch) = head.addingReportingOverflow(Int(record.pointee.contentLength))
        guard !isTooMuch, size <= limit else {
            record.pointee.fault = .none
            return .broken(result(.tooLarge))
        }
        guard size <= stream.count else { return .needsMore(atLeast: skipped &+ size) }
        record.pointee.count = UInt32(truncatingIfNeeded: size)
        return .complete(count: skipped &+ size, result: result(record.pointee.fault))
    }

    /// Whether the bytes can still become a start line: a token and a space, or `SIP/`. What is garbage at once is not waited for.
    @inline(__always)
    private static func startsLikeSIP(_ stream: Bytes) -> Bool {
        let end = stream.end(of: .token)
        if end == stream.count { return end <= 128 }
        return end > 0 && (stream[end] == 32 || (end == 3 && stream[end] == UInt8(ascii: "/")))
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
}
