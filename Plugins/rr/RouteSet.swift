import PluginKit

// Invariants: a RouteValue's texts are pieces of the received message.

/// One value of the Route headers.
struct RouteValue {
    /// Its place over all Route headers, from 0.
    let place: Int
    let uriText: apus_str
    let uri: apus_uri

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
    private var place = 0

    init(_ message: Message) { self.message = message }

    /// nil at the end, and at a value that cannot be parsed.
    mutating func next() -> RouteValue? {
        while rest.isEmpty {
            guard let found = message.find("Route", from: header.map { Int($0.index) + 1 } ?? 0) else { return nil }
            header = found
            rest = found.value
        }
        guard let value = message.parse(nameAddr: rest), let uri = message.parse(uri: value.uri) else { return nil }
        rest = rest.dropFirst(Int(value.length) + 1).trimmed
        defer { place += 1 }
        return RouteValue(place: place, uriText: value.uri, uri: uri)
    }

    /// Takes the first `leading` values out of the message, and the last one when `last` says so; false when an earlier edit is in
    /// the way.
    static func remove(_ message: Message, leading: Int, last: Bool) -> Bool {
        let count = RouteSet.count(message)
        var place = 0
        var from = 0
        while var header = message.find("Route", from: from) {
            from = Int(header.index) + 1
            let values = RouteSet.count(message, in: header.value)
            let front = max(0, min(values, leading - place))
            let back = last && place + values == count && front < values ? 1 : 0
            if front + back == values {
                guard values == 0 || message.remove(&header) else { return false }
            } else {
                guard remove(message, header.value, front: front, back: back, of: values) else { return false }
            }
            place += values
        }
        return true
    }

    private static func remove(
        _ message: Message, _ value: apus_str, front: Int, back: Int, of values: Int
    ) -> Bool {
        if front > 0 {
            let kept = offset(message, value, ofValue: front)
            guard message.replace(value[0..<kept], with: "") else { return false }
        }
        if back > 0 {
            let end = offset(message, value, ofValue: values - 1)
            // With the comma in front of it.
            var comma = end
            while comma > 0, value[comma - 1] != UInt8(ascii: ",") { comma -= 1 }
            guard message.replace(value[max(comma - 1, 0)..<value.len], with: "") else { return false }
        }
        return true
    }

    private static func count(_ message: Message) -> Int {
        var count = 0
        var from = 0
        while let header = message.find("Route", from: from) {
            from = Int(header.index) + 1
            count += RouteSet.count(message, in: header.value)
        }
        return count
    }

    private static func count(_ message: Message, in value: apus_str) -> Int {
        var rest = value
        var count = 0
        while !rest.isEmpty, let next = message.parse(nameAddr: rest) {
            count += 1
            rest = rest.dropFirst(Int(next.length) + 1).trimmed
        }
        return count
    }

    /// Where the value of that number, from 0, begins in a header's value.
    private static func offset(_ message: Message, _ value: apus_str, ofValue number: Int) -> Int {
        var rest = value
        for _ in 0..<number {
            guard let next = message.parse(nameAddr: rest) else { break }
            rest = rest.dropFirst(Int(next.length) + 1).trimmed
        }
        return value.len - rest.len
    }
}
