/// Content-Type (RFC 3261 §20.15): `type/subtype *(;param)`.
struct ContentType {
    var type: Bytes
    var subtype: Bytes
    var params: Bytes

    @inline(__always)
    var parameters: Parameters { Parameters(params) }

    /// Between the parts of a multipart body; nil when the parameter is absent, empty or longer than RFC 2046 allows.
    var boundary: Bytes? {
        guard let value = parameters["boundary"], !value.isEmpty, value.count <= 70 else { return nil }
        return value
    }

    func isType(_ type: StaticString, _ subtype: StaticString) -> Bool {
        self.type.equalsIgnoringCase(type) && self.subtype.equalsIgnoringCase(subtype)
    }

    static func parse(_ text: Bytes) -> ContentType? {
        let typeEnd = text.end(of: .token)
        let slash = text.skipSpace(from: typeEnd)
        guard typeEnd > 0, slash < text.count, text[slash] == UInt8(ascii: "/") else { return nil }
        let start = text.skipSpace(from: slash + 1)
        let end = text.end(of: .token, from: start)
        guard end > start else { return nil }
        let params = text.skipSpace(from: end)
        guard params == text.count || text[params] == UInt8(ascii: ";"), text.hasClosedQuotes else { return nil }
        return ContentType(type: text.prefix(typeEnd), subtype: text[start..<end], params: text.dropFirst(params))
    }
}

extension Message {
    /// Nil when there is none or it is broken.
    var contentType: ContentType? { value(.contentType).flatMap { ContentType.parse($0) } }
}
