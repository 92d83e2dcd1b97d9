/// The credentials of an Authorization or Proxy-Authorization header, or the challenge of a WWW-Authenticate or Proxy-Authenticate
/// header (RFC 3261 §20.7, §20.27, §20.44, RFC 8760). Values are without their quotes, quoted pairs as written; absent ones
/// are nil. All parts point into the text that was parsed.
struct Credentials {
    /// `Digest`, `Bearer` … as written.
    var scheme: Bytes
    /// Everything behind the scheme.
    var params: Bytes
    var username: Bytes?
    var realm: Bytes?
    var nonce: Bytes?
    var uri: Bytes?
    var response: Bytes?
    var algorithm: Bytes?
    var cnonce: Bytes?
    var opaque: Bytes?
    var qop: Bytes?
    /// Eight hexadecimal digits, as written.
    var nonceCount: Bytes?
    var stale: Bytes?

    @inline(__always)
    var isDigest: Bool { scheme.equalsIgnoringCase("Digest") }

    /// All that a digest response is computed from is there (RFC 3261 §22.4).
    var isComplete: Bool {
        guard isDigest, let username, !username.isEmpty, let realm, !realm.isEmpty, let nonce, !nonce.isEmpty,
            uri != nil,
            let response, !response.isEmpty
        else { return false }
        return qop == nil || (cnonce != nil && nonceCount != nil)
    }

    /// User name without the domain that some clients append (`alice@example.com`).
    var user: Bytes {
        guard let username else { return .empty }
        return username.prefix(username.firstIndex(of: UInt8(ascii: "@")) ?? username.count)
    }

    /// The domain in the user name, else the realm.
    var domain: Bytes {
        guard let username, let sign = username.firstIndex(of: UInt8(ascii: "@")) else { return realm ?? .empty }
        return username.dropFirst(sign + 1)
    }

    /// Nil when the text is no scheme with `name=value` parameters behind it, when a quote is never closed, or when a parameter that the
    /// digest is computed from is written twice.
    @_noLocks
    static func parse(_ text: Bytes) -> Credentials? {
        let schemeEnd = text.end(of: .token)
        guard schemeEnd > 0, schemeEnd < text.count, ByteSet.space.contains(text[schemeEnd]), text.hasClosedQuotes
        else {
            return nil
        }
        var result = Credentials(scheme: text.prefix(schemeEnd), params: text.dropFirst(schemeEnd).trimmed)
        guard !result.params.isEmpty else { return nil }
        guard result.isDigest else { return result }
        var iterator = Parameters(result.params, separator: UInt8(ascii: ","))
        while let parameter = iterator.next() {
            guard parameter.rawValue != nil, parameter.name.allSatisfy(.token), result.take(parameter) else {
                return nil
            }
        }
        return result
    }

    @inline(__always)
    private init(scheme: Bytes, params: Bytes) {
        self.scheme = scheme
        self.params = params
    }

    /// Notes a parameter; false when it was there before.
    @inline(__always)
    private mutating func take(_ p: Parameter) -> Bool {
        switch p.name.count {
        case 2 where p.isNamed("nc"): return Credentials.set(&nonceCount, p)
        case 3 where p.isNamed("uri"): return Credentials.set(&uri, p)
        case 3 where p.isNamed("qop"): return Credentials.set(&qop, p)
        case 5 where p.isNamed("realm"): return Credentials.set(&realm, p)
        case 5 where p.isNamed("nonce"): return Credentials.set(&nonce, p)
        case 5 where p.isNamed("stale"): return Credentials.set(&stale, p)
        case 6 where p.isNamed("cnonce"): return Credentials.set(&cnonce, p)
        case 6 where p.isNamed("opaque"): return Credentials.set(&opaque, p)
        case 8 where p.isNamed("username"): return Credentials.set(&username, p)
        case 8 where p.isNamed("response"): return Credentials.set(&response, p)
        case 9 where p.isNamed("algorithm"): return Credentials.set(&algorithm, p)
        default: return true
        }
    }

    @inline(__always)
    private static func set(_ place: inout Bytes?, _ parameter: Parameter) -> Bool {
        guard place == nil else { return false }
        place = parameter.value
        return true
    }
}

extension Message {
    /// The first credentials for `realm` among the headers of that kind (Authorization or Proxy-Authorization); for an empty realm the
    /// first at all. Those that cannot be parsed are passed over.
    func credentials(_ id: HeaderID, realm: Bytes = .empty) -> (header: Header, credentials: Credentials)? {
        var next = first(id)
        while let header = next {
            if let found = Credentials.parse(value(of: header)), realm.isEmpty || found.realm == realm {
                return (header, found)
            }
            next = self.next(after: header)
        }
        return nil
    }
}

extension Bytes {
    /// Every quoted string is closed.
    var hasClosedQuotes: Bool {
        @_noLocks get {
            var at = 0
            while let quote = firstIndex(of: UInt8(ascii: "\""), from: at) {
                guard let end = endOfQuotedString(from: quote) else { return false }
                at = end
            }
            return true
        }
    }
}
