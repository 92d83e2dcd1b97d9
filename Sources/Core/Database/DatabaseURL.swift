import PluginAPI

/// Where a database is: `scheme://[user[:password]@]host[:port]/name`, or a scheme alone.
struct DatabaseURL {
    let scheme: String
    private(set) var user: [UInt8] = []
    private(set) var password: [UInt8] = []
    private(set) var host: [UInt8] = []
    private(set) var port: UInt16 = 0
    private(set) var name: [UInt8] = []
    /// All behind the `://`, as it was written.
    private(set) var rest: [UInt8] = []
    /// For logs: without the password, and without what stands behind a `?`, where drivers may take one.
    private(set) var masked = ""

    struct Mistake: Error {
        /// Never holds a part of the url but its scheme.
        let text: String
    }

    init(_ text: [UInt8]) throws(Mistake) {
        let end = text.firstIndex(of: UInt8(ascii: ":")) ?? text.count
        let letters = text[..<end].map { $0 >= 0x41 && $0 <= 0x5a ? $0 | 0x20 : $0 }
        scheme = String(decoding: letters, as: UTF8.self)
        guard DatabaseURL.isScheme(scheme) else {
            throw Mistake(text: "it is no database url: scheme://[user[:password]@]host[:port]/name is expected")
        }
        masked = scheme
        guard end < text.count else { return }
        guard text[end...].starts(with: Array("://".utf8)) else {
            throw Mistake(text: "`\(scheme):` is not followed by `//`")
        }
        rest = Array(text[(end + 3)...])
        let slash = rest.firstIndex(of: UInt8(ascii: "/"))
        try readAuthority(rest[..<(slash ?? rest.count)])
        if let slash { name = try DatabaseURL.unescaped(rest[(slash + 1)...]) }
        mask(slash)
    }

    /// Letters, digits, `_`, `+` and `-`; a letter first.
    static func isScheme(_ text: String) -> Bool {
        guard let first = text.utf8.first, first >= 0x61, first <= 0x7a else { return false }
        return text.utf8.allSatisfy {
            ($0 >= 0x61 && $0 <= 0x7a) || ($0 >= 0x30 && $0 <= 0x39) || "_+-".utf8.contains($0)
        }
    }

    /// `[user[:password]@]host[:port]`
    private mutating func readAuthority(_ text: ArraySlice<UInt8>) throws(Mistake) {
        var place = text
        if let at = text.lastIndex(of: UInt8(ascii: "@")) {
            let credentials = text[..<at]
            let colon = credentials.firstIndex(of: UInt8(ascii: ":")) ?? at
            user = try DatabaseURL.unescaped(credentials[..<colon])
            if colon < at { password = try DatabaseURL.unescaped(credentials[(colon + 1)...]) }
            place = text[(at + 1)...]
        }
        var end = place.endIndex
        if let colon = place.lastIndex(of: UInt8(ascii: ":")), !place[colon...].contains(UInt8(ascii: "]")) {
            guard let port = UInt16(String(decoding: place[(colon + 1)...], as: UTF8.self)) else {
                throw Mistake(
                    text: "the port of the `\(scheme)` url is no number"
                        + " (a `/`, `@` or `:` in a user or password is written %2F, %40, %3A)")
            }
            self.port = port
            end = colon
        }
        host = try DatabaseURL.unescaped(place[..<end])
        if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") { host = Array(host.dropFirst().dropLast()) }
    }

    private mutating func mask(_ slash: Int?) {
        let authority = rest[..<(slash ?? rest.count)]
        var shown = Array("\(scheme)://".utf8)
        if let at = authority.lastIndex(of: UInt8(ascii: "@")) {
            shown += authority[..<(authority.firstIndex(of: UInt8(ascii: ":")).map { min($0, at) } ?? at)]
            if !password.isEmpty { shown += Array(":***".utf8) }
            shown += authority[at...]
        } else {
            shown += authority
        }
        if let slash { shown += rest[slash...].prefix { $0 != UInt8(ascii: "?") } }
        masked = String(decoding: shown, as: UTF8.self)
    }

    private static func unescaped(_ text: ArraySlice<UInt8>) throws(Mistake) -> [UInt8] {
        var out: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                out.append(byte)
                continue
            }
            guard let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16), value != 0 else {
                throw Mistake(text: "a `%` of the url is not followed by two hexadecimal digits")
            }
            out.append(value)
            rest = rest.dropFirst(2)
        }
        return out
    }

    /// Calls `body` with the url as drivers get it.
    func withDriverURL<R>(_ body: (UnsafePointer<apus_db_url>) -> R) -> R {
        let parts = [Array(scheme.utf8), user, password, host, name, rest, Array(masked.utf8)]
        let bytes = UnsafeMutablePointer<CChar>.allocate(capacity: parts.reduce(0) { $0 + $1.count + 1 })
        defer { bytes.deallocate() }
        var place = bytes
        let texts = parts.map { part in
            let text = apus_str(s: place, len: part.count)
            for byte in part + [0] {
                place.initialize(to: CChar(bitPattern: byte))
                place += 1
            }
            return text
        }
        var url = apus_db_url(
            size: UInt32(MemoryLayout<apus_db_url>.size), port: UInt32(port), scheme: texts[0], user: texts[1],
            password: texts[2], host: texts[3], name: texts[4], rest: texts[5], masked: texts[6])
        return withUnsafePointer(to: &url, body)
    }
}
