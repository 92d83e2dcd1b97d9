// Invariants: `base` may be read for `count` bytes as long as the message lives, and nobody changes them. `headers` holds
// `headerCapacity` entries of which `headerCount` are initialised. All slices lie in 0..<count or are `.none`. All that a pointer in
// `cache`, `edits` and `routing` leads to lies in `arena` or lives as long. A record belongs to one thread at a time.

/// Everything that the server knows about one message: plain data in memory that the caller gives (a receive slot, a transaction's
/// chunk). It has no destructor: its life ends when its memory and its arena are reused.
///
/// Others hold `Message`, the handle; only the Message room reads the fields here. `routing` is the exception.
struct MessageRecord {
    var base: UnsafePointer<UInt8>
    /// Bytes of the message: start line, headers and the body as Content-Length has it.
    var count: UInt32
    var arena: UnsafeMutablePointer<Arena>

    var isRequest: Bool
    /// The first fault that the first pass met.
    var fault: ParseFault
    /// Lines end in LF alone, all of them: written out with CRLF.
    var hasBareLF: Bool
    /// The headers ended in an empty line.
    var hasHeadersEnd: Bool
    var hasContentLength: Bool
    /// Of a request its method; of a reply that of its CSeq.
    var method: Method
    var cseqMethod: Method
    var statusCode: UInt16
    var maxForwards: Int16
    var contentLength: UInt32
    var cseqNumber: UInt32

    var methodText: Slice
    var requestURI: Slice
    var version: Slice
    var reason: Slice
    var callID: Slice
    var cseqMethodText: Slice
    /// Where the first header begins, the empty line after the last one, and the body.
    var headersStart: UInt32
    var headersEnd: UInt32
    var bodyStart: UInt32

    var headers: UnsafeMutablePointer<Header>
    var headerCount: UInt16
    var headerCapacity: UInt16
    /// By header id: 1 + the index of the first header of that kind, 0 when there is none; and likewise of the last.
    var firstOf: [96 of UInt16]
    var lastOf: [96 of UInt16]

    var cache: MessageCache
    var edits: EditList
    var routing: Routing
    /// Data that others keep with the message; nil until somebody does. What it points to is theirs.
    var slots: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    /// Who ends the message.
    var owner: MessageOwner
    /// What the message was before its edits were applied, in the arena; nil when none ever were.
    var unapplied: UnsafeMutablePointer<MessageRecord>?

    /// Begins the life of a record, in place: it is too large to be made elsewhere and copied. All fields are plain data, so that none of them
    /// need have had a value before.
    @inline(__always)
    mutating func begin(
        _ bytes: Bytes, arena: UnsafeMutablePointer<Arena>, headers: UnsafeMutablePointer<Header>, capacity: Int
    ) {
        base = bytes.start
        count = UInt32(truncatingIfNeeded: bytes.count)
        self.arena = arena
        isRequest = false
        fault = .none
        hasBareLF = false
        hasHeadersEnd = false
        hasContentLength = false
        method = .other
        cseqMethod = .other
        statusCode = 0
        maxForwards = MessageRecord.noMaxForwards
        contentLength = 0
        cseqNumber = 0
        methodText = .none
        requestURI = .none
        version = .none
        reason = .none
        callID = .none
        cseqMethodText = .none
        slots = nil
        owner = .caller
        unapplied = nil
        headersStart = 0
        headersEnd = 0
        bodyStart = 0
        self.headers = headers
        headerCount = 0
        headerCapacity = UInt16(truncatingIfNeeded: capacity)
        firstOf = InlineArray(repeating: 0)
        lastOf = InlineArray(repeating: 0)
        cache.clear()
        edits = EditList()
        routing = Routing()
    }

    /// `maxForwards` when there is no such header, and when it is no number.
    static let noMaxForwards: Int16 = -1
    static let badMaxForwards: Int16 = -2
}

/// Who ends a message, and so what else stands around its record.
enum MessageOwner: UInt8 {
    /// Whoever made it: a test, a run that has a copy of its own.
    case caller
    /// The server, when the message has been dealt with.
    case server
    /// A module that asked the server for it in a hook, and gives it back.
    case holder
    /// A module that has a copy in its worker's memory: a `KeptMessage`.
    case keeper
}

/// What has been parsed of a message beyond its first pass. Dropped when the message is copied or changes its arena.
struct MessageCache {
    var topVia: Via?
    /// Where its header's value goes on behind it.
    var topViaEnd: UInt32 = 0
    var from: NameAddr?
    var to: NameAddr?
    var fromURI: UnsafeMutablePointer<URI>?
    var toURI: UnsafeMutablePointer<URI>?
    /// Of the received Request-URI, of the new one, and of the next hop.
    var originalURI: UnsafeMutablePointer<URI>?
    var newURI: UnsafeMutablePointer<URI>?
    var destinationURI: UnsafeMutablePointer<URI>?
    var vias: Values<Via>?
    /// Lists of From-like values by header id, newest first.
    var lists: UnsafeMutablePointer<CachedList>?

    @inline(__always)
    mutating func clear() {
        topVia = nil
        from = nil
        to = nil
        fromURI = nil
        toURI = nil
        originalURI = nil
        newURI = nil
        destinationURI = nil
        vias = nil
        lists = nil
    }
}

/// A link of `MessageCache.lists`.
struct CachedList {
    var id: HeaderID
    var values: Values<NameAddr>
    var previous: UnsafeMutablePointer<CachedList>?
}

/// The values of all lines of one header field, in the order of the message, in the message's arena.
struct Values<Element>: Sequence {
    private let start: UnsafeMutablePointer<Element>?
    let count: Int
    /// A value was no such value: it and those behind it are left out.
    let isMalformed: Bool

    @inline(__always)
    init(start: UnsafeMutablePointer<Element>?, count: Int, isMalformed: Bool) {
        self.start = start
        self.count = count
        self.isMalformed = isMalformed
    }

    @inline(__always)
    var isEmpty: Bool { count == 0 }

    /// Precondition: 0 <= index < count.
    @inline(__always)
    subscript(_ index: Int) -> Element { start.unsafelyUnwrapped[index] }

    @inline(__always)
    var first: Element? { count > 0 ? self[0] : nil }

    @inline(__always)
    var last: Element? { count > 0 ? self[count &- 1] : nil }

    struct Iterator: IteratorProtocol {
        let values: Values
        var index = 0

        @inline(__always)
        mutating func next() -> Element? {
            guard index < values.count else { return nil }
            defer { index &+= 1 }
            return values[index]
        }
    }

    @inline(__always)
    func makeIterator() -> Iterator { Iterator(values: self) }
}
