/// One line of a session description, `x=value`.
struct SDPLine {
    /// The letter; 0 when the line is no `x=` line.
    var type: UInt8
    var value: Bytes
    /// The line without its end.
    var text: Bytes
    /// Where the line begins in the text that is read, and where the next one does.
    var offset: Int
    var next: Int
}

/// The lines of a text, one after the other; CRLF, LF and the end of the text end a line (RFC 8866 §5).
struct SDPLines: Sequence, IteratorProtocol {
    let text: Bytes
    private(set) var at: Int

    init(_ text: Bytes, from: Int = 0) {
        self.text = text
        at = from
    }

    @_noLocks
    mutating func next() -> SDPLine? {
        guard at < text.count else { return nil }
        let start = at
        var end = text.lineBreak(from: start)
        let lineEnd = end
        if end < text.count, text[end] == 13 { end &+= 1 }
        if end < text.count, text[end] == 10 { end &+= 1 }
        at = end
        let line = text[start..<lineEnd]
        guard line.count >= 2, line[1] == UInt8(ascii: "="), line[0].isASCIILetter else {
            return SDPLine(type: 0, value: .empty, text: line, offset: start, next: end)
        }
        return SDPLine(type: line[0], value: line.dropFirst(2), text: line, offset: start, next: end)
    }
}

/// A session description (RFC 8866) by its boundaries: the session level and the media sections. It is a view of the text: nothing is
/// copied, nothing is refused here; `check` says what is wrong.
struct SDP {
    let text: Bytes
    /// The lines before the first `m=`.
    let session: Bytes

    init(_ text: Bytes) {
        self.text = text
        session = text.prefix(SDP.mediaStart(text, from: 0))
    }

    /// The media sections in their order.
    var media: SDPMediaList { SDPMediaList(self) }

    /// The first line of that letter at session level.
    func sessionLine(_ letter: UInt8) -> SDPLine? { SDP.line(letter, in: session) }

    var origin: Bytes? { sessionLine(UInt8(ascii: "o"))?.value }

    /// The address of a media section: its own `c=`, else that of the session.
    func connection(of media: SDPMedia) -> SDPConnection? {
        let line = SDP.line(UInt8(ascii: "c"), in: media.text) ?? sessionLine(UInt8(ascii: "c"))
        return line.flatMap { SDPConnection.parse($0.value) }
    }

    /// The value of a session-level attribute: see `SDPMedia.attribute`.
    func attribute(_ name: StaticString) -> Bytes? { SDP.attribute(Bytes(name), in: session) }

    /// The first thing that the grammar forbids; `.none` when there is nothing. Unknown attributes and unknown lines are no fault.
    func check() -> ParseFault {
        var iterator = SDPLines(text)
        guard let first = iterator.next(), first.text == "v=0" else { return .sdp }
        while let line = iterator.next() {
            if line.type == 0 { return .sdp }
        }
        guard let origin, origin.fields == 6 else { return .sdp }
        for section in media where !section.isValid || connection(of: section) == nil { return .sdp }
        return .none
    }

    @_noLocks
    static func line(_ letter: UInt8, in text: Bytes) -> SDPLine? {
        var iterator = SDPLines(text)
        while let line = iterator.next() {
            if line.type == letter { return line }
        }
        return nil
    }

    /// The value of the first `a=name:value` or `a=name` in `text`; empty for the latter, nil when there is none.
    @_noLocks
    static func attribute(_ name: Bytes, in text: Bytes) -> Bytes? {
        var iterator = SDPLines(text)
        while let line = iterator.next() {
            guard line.type == UInt8(ascii: "a") else { continue }
            let end = line.value.firstIndex(of: UInt8(ascii: ":")) ?? line.value.count
            guard line.value.prefix(end) == name else { continue }
            return line.value.dropFirst(min(end &+ 1, line.value.count))
        }
        return nil
    }

    /// The offset of the first `m=` line at `from` or behind, else the end.
    @_noLocks
    static func mediaStart(_ text: Bytes, from: Int) -> Int {
        var iterator = SDPLines(text, from: from)
        while let line = iterator.next() {
            if line.type == UInt8(ascii: "m") { return line.offset }
        }
        return text.count
    }
}

/// The media sections of a session description.
struct SDPMediaList: Sequence, IteratorProtocol {
    private let sdp: SDP
    private var at: Int

    init(_ sdp: SDP) {
        self.sdp = sdp
        at = sdp.session.count
    }

    mutating func next() -> SDPMedia? {
        guard at < sdp.text.count else { return nil }
        var lines = SDPLines(sdp.text, from: at)
        guard let line = lines.next() else { return nil }
        let end = SDP.mediaStart(sdp.text, from: line.next)
        defer { at = end }
        return SDPMedia(sdp.text[at..<end], line.value, offset: at)
    }
}

/// One media section: its `m=` line and what belongs to it (RFC 8866 §5.14).
struct SDPMedia {
    /// From the `m` to the next section.
    let text: Bytes
    /// Where the section begins in the description.
    let offset: Int
    /// `audio`, `video` …
    let kind: Bytes
    /// The port as written, without a count; parts of the `m=` line are empty where it ends too soon.
    let portText: Bytes
    /// Nil when it is no number up to 65535.
    let port: UInt16?
    /// 1 unless written `port/count`.
    let portCount: UInt16
    /// `RTP/AVP` …
    let transport: Bytes
    /// Payload types, parted by spaces.
    let formats: Bytes

    init(_ text: Bytes, _ line: Bytes, offset: Int) {
        self.text = text
        self.offset = offset
        var at = 0
        kind = line.nextField(&at)
        let ports = line.nextField(&at)
        let slash = ports.firstIndex(of: UInt8(ascii: "/"))
        portText = ports.prefix(slash ?? ports.count)
        port = portText.uint16
        portCount = slash.map { ports.dropFirst($0 + 1).uint16 ?? 0 } ?? 1
        transport = line.nextField(&at)
        formats = line.dropFirst(min(at, line.count)).trimmed
    }

    /// All parts are there and the port is one.
    var isValid: Bool { !kind.isEmpty && port != nil && portCount > 0 && !transport.isEmpty && !formats.isEmpty }

    func line(_ letter: UInt8) -> SDPLine? { SDP.line(letter, in: text) }

    /// The value of the first attribute of that name; empty when it has none, nil when it is absent.
    func attribute(_ name: StaticString) -> Bytes? { SDP.attribute(Bytes(name), in: text) }
}

/// `c=IN IP4 192.0.2.1[/ttl[/count]]` (RFC 8866 §5.7).
struct SDPConnection {
    var isV6: Bool
    /// A numeric address or a host name, without ttl and count.
    var address: Bytes

    static func parse(_ value: Bytes) -> SDPConnection? {
        var at = 0
        let network = value.nextField(&at)
        let type = value.nextField(&at)
        let whole = value.nextField(&at)
        let address = whole.prefix(whole.firstIndex(of: UInt8(ascii: "/")) ?? whole.count)
        guard network == "IN", type == "IP4" || type == "IP6", !address.isEmpty, at >= value.count else { return nil }
        return SDPConnection(isV6: type == "IP6", address: address)
    }
}

extension Bytes {
    /// The next of the fields parted by single spaces; empty at the end.
    @inline(__always)
    func nextField(_ at: inout Int) -> Bytes {
        guard at < count else { return .empty }
        let start = at
        let end = firstIndex(of: 32, from: at) ?? count
        at = end &+ 1
        return self[start..<end]
    }

    /// How many fields there are, none of them empty; 0 when one is.
    var fields: Int {
        var at = 0
        var number = 0
        while at < count {
            if nextField(&at).isEmpty { return 0 }
            number += 1
        }
        return number
    }
}
