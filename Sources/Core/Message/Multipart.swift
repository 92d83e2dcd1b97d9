/// The parts of a multipart body (RFC 2046 §5.1), one after the other; preamble and epilogue are passed over.
struct Multipart: Sequence, IteratorProtocol {
    struct Part {
        /// From the delimiter line in front of it up to the next one, or to the end.
        var text: Bytes
        /// The part's header lines, and what follows their empty line.
        var headers: Bytes
        var body: Bytes

        /// The value of a header of the part in any case, folds left as they are; nil when there is none.
        func value(_ name: StaticString) -> Bytes? {
            var at = 0
            while at < headers.count {
                let start = at
                repeat {
                    at = headers.lineBreak(from: at)
                    while at < headers.count, headers[at] == 13 { at += 1 }
                    at = Swift.min(at + 1, headers.count)
                } while at < headers.count && (headers[at] == 32 || headers[at] == 9)
                let line = headers[start..<at]
                guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
                if line.prefix(colon).trimmed.equalsIgnoringCase(name) { return line.dropFirst(colon + 1).trimmed }
            }
            return nil
        }

        var contentType: ContentType? { value("Content-Type").flatMap { ContentType.parse($0) } }
    }

    private let body: Bytes
    private let boundary: Bytes
    /// Behind the delimiter line before the next part; nil when there is no further one.
    private var at: Int?
    /// Where that delimiter line begins.
    private var line = 0
    private var count = 0

    /// - Parameter boundary: see `ContentType.boundary`.
    init(_ body: Bytes, boundary: Bytes) {
        self.body = body
        self.boundary = boundary
        at = 0
        advance(to: delimiter(from: 0))
    }

    /// The next part; at most `Limits.multipartParts`.
    mutating func next() -> Part? {
        guard let start = at, count < Limits.multipartParts else { return nil }
        count += 1
        let from = line
        let end = delimiter(from: start)
        advance(to: end)
        var part = Multipart.split(body[start..<(end?.start ?? body.count)])
        part.text = body[from..<(end?.line ?? body.count)]
        return part
    }

    private mutating func advance(to delimiter: Delimiter?) {
        at = delimiter.flatMap { $0.isLast ? nil : $0.next }
        line = delimiter?.line ?? body.count
    }

    /// A delimiter line: where it begins, where the line break before it does, where the next line does, and whether it is the closing one.
    private typealias Delimiter = (line: Int, start: Int, next: Int, isLast: Bool)

    /// The next one; nil at the end.
    private func delimiter(from: Int) -> Delimiter? {
        var at = from
        while let dashes = body.firstIndex(of: Bytes("--"), from: at) {
            at = dashes + 1
            let end = dashes + 2 + boundary.count
            guard dashes == 0 || body[dashes - 1] == 10, end <= body.count, body[dashes + 2..<end] == boundary else {
                continue
            }
            let isLast = end + 2 <= body.count && body[end..<end + 2] == "--"
            var next = body.lineBreak(from: end)
            // Only white space may stand between the boundary and the line end: a longer boundary is another one.
            let tail = body[(isLast ? end + 2 : end)..<next]
            if !tail.trimmed.isEmpty { continue }
            if next < body.count, body[next] == 13 { next += 1 }
            if next < body.count, body[next] == 10 { next += 1 }
            var start = Swift.max(dashes, from)
            if start > from, body[start - 1] == 10 { start -= 1 }
            if start > from, body[start - 1] == 13 { start -= 1 }
            return (dashes, start, next, isLast)
        }
        return nil
    }

    /// Parts the headers of a part from its body. A part that begins with an empty line has no headers.
    private static func split(_ part: Bytes) -> Part {
        var at = 0
        while at < part.count {
            let end = part.lineBreak(from: at)
            var next = end
            if next < part.count, part[next] == 13 { next += 1 }
            if next < part.count, part[next] == 10 { next += 1 }
            if end == at { return Part(text: part, headers: part.prefix(at), body: part.dropFirst(next)) }
            at = next
        }
        return Part(text: part, headers: part, body: .empty)
    }
}

extension Message {
    /// The session description: the body when its type says so, else the first such part of a multipart body. Nil when there is none.
    var sessionDescription: SDP? { part("application", "sdp").map { SDP($0) } }

    /// The body of that type, or the first part of that type, in `Limits.multipartDepth` levels.
    func part(_ type: StaticString, _ subtype: StaticString) -> Bytes? {
        guard !body.isEmpty, let own = contentType else { return nil }
        return Message.part(type, subtype, in: body, of: own, depth: 0)
    }

    private static func part(
        _ type: StaticString, _ subtype: StaticString, in body: Bytes, of own: ContentType, depth: Int
    ) -> Bytes? {
        if own.isType(type, subtype) { return body }
        guard own.type.equalsIgnoringCase("multipart"), let boundary = own.boundary, depth < Limits.multipartDepth
        else {
            return nil
        }
        for part in Multipart(body, boundary: boundary) {
            guard let inner = part.contentType else { continue }
            if let found = Message.part(type, subtype, in: part.body, of: inner, depth: depth + 1) { return found }
        }
        return nil
    }
}
