/// What a peer may make us hold or do for one message. Beyond a limit the message is refused, never cut.
enum Limits {
    /// Bytes of a message on any transport. A datagram ends at 65,535; a stream may not make us hold more than that either
    /// unless its configuration says so.
    static let messageSize = 65_535
    /// Bytes of a message's start line and headers on a stream, before which its end must have been seen.
    static let headSize = 65_535
    /// Header lines. Honest messages have under 40; long Record-Route and History-Info sets add some dozens.
    static let headers = 1024
    /// Header lines that the first piece of the index holds; most messages need no second one.
    static let headersAtFirst = 32
    /// Values of one kind of header, over all its lines: a value takes some 100 bytes of the arena once it is looked at.
    static let values = 2048
    /// Edits of one message. Each is checked against the others, so their number is squared.
    static let edits = 512
    /// Destinations beside the Request-URI at most, as users of Kamailio know it.
    static let branches = 31
    /// Those that the config allows: one less than max_branches. Written before the workers start and constant afterwards.
    nonisolated(unsafe) static var furtherBranches = 11
    /// Bytes of a URI that a script sets.
    static let uriSize = 4096
    /// Bytes that a kept message may take beside itself, for what is parsed of it and for edits: as above.
    static let keptArena = 1 << 20
    /// Parts of parts of a multipart body.
    static let multipartDepth = 8
    /// Parts of a multipart body.
    static let multipartParts = 64
}
