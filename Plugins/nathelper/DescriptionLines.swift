import PluginKit

/// The lines of a session description (RFC 8866), one by one.
struct DescriptionLines {
    enum Kind {
        case origin
        case connection
        /// A stream begins.
        case media
        case other
    }

    struct Line {
        let kind: Kind
        /// Without its end.
        let text: apus_str
        /// `IP4` or `IP6`, and the address without what stands behind a slash: of lines that have one.
        let family, address: apus_str?
    }

    private var rest: apus_str

    init(_ description: apus_str) { rest = description }

    mutating func next() -> Line? {
        guard var text = rest.next(UInt8(ascii: "\n")) else { return nil }
        if text.hasSuffix("\r") { text = text[0..<text.len - 1] }
        if text.hasPrefix("m=") { return Line(kind: .media, text: text, family: nil, address: nil) }
        let kind: Kind = text.hasPrefix("c=") ? .connection : text.hasPrefix("o=") ? .origin : .other
        guard kind != .other else { return Line(kind: kind, text: text, family: nil, address: nil) }
        // o=user session version IN IP4 192.0.2.1, c=IN IP4 192.0.2.1/127
        var fields = text.dropFirst(2)
        for _ in 0..<(kind == .origin ? 4 : 1) { _ = fields.next(UInt8(ascii: " ")) }
        let family = fields.next(UInt8(ascii: " "))
        var last = fields.trimmed
        let address = last.next(UInt8(ascii: "/"))
        guard let family, let address, !address.isEmpty else {
            return Line(kind: .other, text: text, family: nil, address: nil)
        }
        return Line(kind: kind, text: text, family: family, address: address)
    }
}
