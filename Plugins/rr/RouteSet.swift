import PluginKit

// Invariants: a RouteValue's texts are pieces of the received message.

/// One value of the Route headers.
struct RouteValue {
    /// All of it, up to the comma.
    let text: apus_str
    let uriText: apus_str
    let uri: apus_uri

    /// Takes it out of the message; false when an earlier edit is in the way.
    func remove(from message: Message) -> Bool { message.api.pointee.remove_value(message.handle, text) > 0 }

    /// `lr` in any form: the next hop leaves the Request-URI alone (RFC 3261 section 19.1.1).
    var isLoose: Bool { !uri.lr.isNull }

    /// One of the two Routes of a request that changed listeners with us.
    var isOneOfTwo: Bool { !uri.r2.isNull }

    /// From the first `;` of the URI.
    var params: apus_str {
        guard let start = uriText.s, let params = uri.params.s, !uri.params.isEmpty else { return "" }
        let offset = params - start
        let from = offset > 0 && uriText[offset] != UInt8(ascii: ";") ? offset - 1 : offset
        return uriText[from..<offset + uri.params.len]
    }
}

/// The values of all Route headers of a request, in order.
struct RouteSet {
    let message: Message
    private(set) var header: apus_header?
    private var rest = apus_str()
    /// A value that cannot be parsed was met.
    private(set) var isBroken = false

    init(_ message: Message) { self.message = message }

    /// nil at the end, and at a value that cannot be parsed.
    mutating func next() -> RouteValue? {
        while rest.isEmpty {
            guard let found = message.find("Route", from: header.map { Int($0.index) + 1 } ?? 0) else { return nil }
            header = found
            rest = found.value
        }
        guard let value = message.parse(nameAddr: rest), let uri = message.parse(uri: value.uri) else {
            isBroken = true
            return nil
        }
        let text = rest[0..<Int(value.length)].trimmed
        rest = rest.dropFirst(Int(value.length) + 1).trimmed
        return RouteValue(text: text, uriText: value.uri, uri: uri)
    }
}
