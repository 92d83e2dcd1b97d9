/// Privacy (RFC 3323 §4.2): values parted by semicolons.
struct Privacy: OptionSet {
    let rawValue: UInt8

    static var header: Privacy { Privacy(rawValue: 1) }
    static var session: Privacy { Privacy(rawValue: 2) }
    static var user: Privacy { Privacy(rawValue: 4) }
    static var none: Privacy { Privacy(rawValue: 8) }
    static var critical: Privacy { Privacy(rawValue: 16) }
    /// RFC 3325 §9.3.
    static var id: Privacy { Privacy(rawValue: 32) }
    /// RFC 7044.
    static var history: Privacy { Privacy(rawValue: 64) }

    /// Values that are not known are passed over; commas are taken for semicolons, as older phones write them.
    static func parse(_ text: Bytes) -> Privacy {
        var result = Privacy()
        var start = 0
        while start <= text.count {
            var end = start
            while end < text.count, text[end] != UInt8(ascii: ";"), text[end] != UInt8(ascii: ",") { end += 1 }
            let value = text[start..<end].trimmed
            if value.equalsIgnoringCase("header") { result.insert(.header) }
            if value.equalsIgnoringCase("session") { result.insert(.session) }
            if value.equalsIgnoringCase("user") { result.insert(.user) }
            if value.equalsIgnoringCase("none") { result.insert(.none) }
            if value.equalsIgnoringCase("critical") { result.insert(.critical) }
            if value.equalsIgnoringCase("id") { result.insert(.id) }
            if value.equalsIgnoringCase("history") { result.insert(.history) }
            start = end + 1
        }
        return result
    }
}

extension Message {
    /// What all Privacy lines ask for; empty when there is none.
    var privacy: Privacy {
        var result = Privacy()
        var next = first(.privacy)
        while let header = next {
            result.formUnion(Privacy.parse(value(of: header)))
            next = self.next(after: header)
        }
        return result
    }
}
