/// The handle of a message: what everybody passes. Trivial to copy; it owns nothing. Valid as long as the record, the received bytes and
/// the arena behind it are; to be used on the thread that owns them. Texts that it answers point into the received bytes or the
/// arena and live as long.
struct Message {
    let record: UnsafeMutablePointer<MessageRecord>

    @inline(__always)
    init(_ record: UnsafeMutablePointer<MessageRecord>) { self.record = record }

    /// What is decided about the message while it is routed.
    @inline(__always)
    var routing: Routing {
        // By its address: a coroutine that yields it copies all of it in debug builds, and what is read of that copy may be read too late.
        unsafeAddress { UnsafePointer(withUnsafeMutablePointer(to: &record.pointee.routing) { $0 }) }
        nonmutating unsafeMutableAddress { withUnsafeMutablePointer(to: &record.pointee.routing) { $0 } }
    }

    /// What the message keeps while it lives is taken from here.
    @inline(__always)
    var arena: UnsafeMutablePointer<Arena> { record.pointee.arena }

    /// A request, not a reply.
    @inline(__always)
    var isRequest: Bool { record.pointee.isRequest }

    /// Of a request its method; of a reply the method of its CSeq.
    @inline(__always)
    var method: Method { record.pointee.method }

    /// The text of `method`.
    @inline(__always)
    var methodText: Bytes {
        isRequest ? bytes(record.pointee.methodText) : bytes(record.pointee.cseqMethodText)
    }

    /// The Request-URI as it was received; empty in a reply.
    @inline(__always)
    var originalURIText: Bytes { bytes(record.pointee.requestURI) }

    /// The Request-URI in force: the one that a script set, else the received one.
    @inline(__always)
    var requestURIText: Bytes { record.pointee.routing.newURI ?? bytes(record.pointee.requestURI) }

    /// Of a reply, 100 to 699; 0 for a request.
    @inline(__always)
    var statusCode: UInt16 { record.pointee.statusCode }

    /// The reason phrase of a reply; may be empty.
    @inline(__always)
    var reason: Bytes { bytes(record.pointee.reason) }

    /// `SIP/2.0` as written.
    @inline(__always)
    var version: Bytes { bytes(record.pointee.version) }

    @inline(__always)
    var callID: Bytes { bytes(record.pointee.callID) }

    @inline(__always)
    var cseqNumber: UInt32 { record.pointee.cseqNumber }

    @inline(__always)
    var cseqMethod: Method { record.pointee.cseqMethod }

    @inline(__always)
    var cseqMethodText: Bytes { bytes(record.pointee.cseqMethodText) }

    /// The number of Max-Forwards; nil when there is none or it is no number up to 255.
    @inline(__always)
    var maxForwards: UInt8? { UInt8(exactly: record.pointee.maxForwards) }

    /// The number of Content-Length; nil when there is none.
    @inline(__always)
    var contentLength: UInt32? { record.pointee.hasContentLength ? record.pointee.contentLength : nil }

    /// All bytes of the message as received: start line, headers and body, without what a datagram has behind it.
    @inline(__always)
    var received: Bytes { Bytes(record.pointee.base, Int(record.pointee.count)) }

    /// The start line without its line end.
    @inline(__always)
    var startLine: Bytes { received[startOffset..<Int(record.pointee.headersStart)].trimmed }

    /// From the first header to the empty line, which is not counted.
    @inline(__always)
    var headersText: Bytes { received[Int(record.pointee.headersStart)..<Int(record.pointee.headersEnd)] }

    @inline(__always)
    var body: Bytes { received.dropFirst(Int(record.pointee.bodyStart)) }

    /// Where the start line begins.
    @inline(__always)
    var startOffset: Int {
        let first = isRequest ? record.pointee.methodText : record.pointee.version
        return first.isPresent ? Int(first.offset) : 0
    }

    /// The bytes of a slice; none for an absent one.
    @inline(__always)
    func bytes(_ slice: Slice) -> Bytes {
        slice.isPresent ? Bytes(record.pointee.base + Int(slice.offset), Int(slice.count)) : .empty
    }

    /// Where `text`, a part of the received bytes, lies in them. Precondition: it does.
    @inline(__always)
    func slice(_ text: Bytes) -> Slice {
        Slice(
            offset: UInt32(truncatingIfNeeded: text.start - record.pointee.base),
            count: UInt32(truncatingIfNeeded: text.count))
    }
}
