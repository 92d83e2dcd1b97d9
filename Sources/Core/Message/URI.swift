/// A URI taken apart (RFC 3261 §19.1, RFC 3966, RFC 3986 for the rest). All parts point into the text that was parsed; absent parts are
/// empty.
struct URI {
    enum Scheme: UInt8 {
        case sip, sips, tel, tels, urn, other
    }

    enum HostKind: UInt8 {
        case none, name, v4, v6
    }

    var text: Bytes
    var scheme: Scheme
    /// As written, without the colon.
    var schemeText: Bytes
    /// Escapes left as written. Of a tel URI the number; of a urn and other schemes all behind the colon.
    var user: Bytes
    var password: Bytes
    /// An `@` was there, which `user` alone cannot tell for `sip:@example.net`.
    var hasUser: Bool
    /// Of an IPv6 reference with its brackets.
    var host: Bytes
    var hostKind: HostKind
    /// 0 when there is none.
    var port: UInt16
    var portText: Bytes
    /// Behind the first `;`, up to the `?`.
    var params: Bytes
    /// Behind the `?`.
    var headers: Bytes
    /// Of the parameters that routing asks for. Values as written; empty when absent.
    var transport: Bytes
    var maddr: Bytes
    var userParam: Bytes
    var method: Bytes
    var ttl: Bytes
    /// `lr`, with or without a value: the proxy behind this URI is a loose router.
    var isLooseRouter: Bool
    /// The value of `r2` is `on`: the second of two Record-Routes that a proxy with two sockets put in.
    var isSecondRoute: Bool

    @inline(__always)
    var isSIP: Bool { scheme == .sip || scheme == .sips }

    @inline(__always)
    var isSecure: Bool { scheme == .sips || scheme == .tels }

    @inline(__always)
    var parameters: Parameters { Parameters(params) }

    /// The URI's header fields, `name=value`.
    @inline(__always)
    var headerFields: Parameters { Parameters(headers, separator: UInt8(ascii: "&")) }

    /// Host and port as written.
    @inline(__always)
    var hostPort: Bytes {
        portText.isEmpty ? host : Bytes(host.start, portText.end - host.start)
    }

    /// Nil when the text is no URI. White space, control bytes, quotes and angle brackets make it none anywhere.
    @inline(__always)
    static func parse(_ text: Bytes) -> URI? {
        var uri = URI()
        return uri.read(text) ? uri : nil
    }

    /// Parses in place, without the copies of a value that is handed on. False when the text is no URI; what is here then means nothing.
    @_noLocks
    mutating func read(_ text: Bytes) -> Bool {
        guard text.isURIText else { return false }
        self = URI()
        self.text = text
        var colon = 3
        if text.startsAsSIP {
            scheme = .sip
            schemeText = text.prefix(colon)
        } else {
            guard let first = text.firstIndex(of: UInt8(ascii: ":")), first > 0, text[0].isASCIILetter else {
                return false
            }
            colon = first
            schemeText = text.prefix(colon)
            guard schemeText.end(of: .scheme) == colon else { return false }
            scheme = URI.schemeOf(schemeText)
        }
        let rest = text.dropFirst(colon &+ 1)
        switch scheme {
        case .sip, .sips: return parseSIP(rest) || parseTolerantly(rest)
        case .tel, .tels: return parseTel(rest)
        case .urn, .other:
            user = rest
            return !rest.isEmpty
        }
    }

    /// Nothing: to be read into.
    @inline(__always)
    init() {
        text = .empty
        scheme = .other
        schemeText = .empty
        user = .empty
        password = .empty
        hasUser = false
        host = .empty
        hostKind = .none
        port = 0
        portText = .empty
        params = .empty
        headers = .empty
        transport = .empty
        maddr = .empty
        userParam = .empty
        method = .empty
        ttl = .empty
        isLooseRouter = false
        isSecondRoute = false
    }

    @inline(__always)
    private static func schemeOf(_ text: Bytes) -> Scheme {
        switch text.count {
        case 3:
            if text.equalsIgnoringCase("sip") { return .sip }
            if text.equalsIgnoringCase("tel") { return .tel }
            return text.equalsIgnoringCase("urn") ? .urn : .other
        case 4:
            if text.equalsIgnoringCase("sips") { return .sips }
            return text.equalsIgnoringCase("tels") ? .tels : .other
        default: return .other
        }
    }

    /// With the characters in host names that the config allows besides.
    @inline(never)
    private mutating func parseTolerantly(_ rest: Bytes) -> Bool {
        guard let set = ExtraCharacters.inHosts.joined(with: .host) else { return false }
        let (text, scheme, schemeText) = (text, scheme, schemeText)
        self = URI()
        (self.text, self.scheme, self.schemeText) = (text, scheme, schemeText)
        return parseSIP(rest, hostSet: set)
    }

    @inline(__always)
    private mutating func parseSIP(_ rest: Bytes, hostSet: ByteSet = .host) -> Bool {
        var at = 0
        // Semicolons and question marks may stand in the user part, so the `@` is sought first; another one must be escaped.
        if let sign = rest.firstIndex(of: UInt8(ascii: "@")) {
            guard parseUserInfo(rest.prefix(sign)) else { return false }
            at = sign &+ 1
            if rest.firstIndex(of: UInt8(ascii: "@"), from: at) != nil { return false }
        }
        guard parseHostPort(rest, from: &at, hostSet) else { return false }
        if at < rest.count, rest[at] == UInt8(ascii: ";") {
            let end = rest.firstIndex(of: UInt8(ascii: "?"), from: at) ?? rest.count
            params = rest[at &+ 1..<end]
            guard noteParameters() else { return false }
            if !userParam.isEmpty { takeAsTelephone() }
            at = end
        }
        if at < rest.count {
            guard rest[at] == UInt8(ascii: "?") else { return false }
            headers = rest.dropFirst(at &+ 1)
            return headers.isEscapedWell
        }
        return true
    }

    /// With `user=phone` the user is a telephone number, perhaps with parameters of its own behind it (RFC 3261 §19.1.6).
    @inline(never)
    private mutating func takeAsTelephone() {
        guard URI.treatsPhonesAsTel, userParam.equalsIgnoringCase("phone"), password.isEmpty,
            let semicolon = user.firstIndex(of: UInt8(ascii: ";")), semicolon > 0
        else { return }
        user = user.prefix(semicolon)
    }

    /// phone2tel. Written before the workers start and constant afterwards.
    nonisolated(unsafe) static var treatsPhonesAsTel = true

    /// What stands behind the telephone number of a URI with `user=phone`, up to the `@`, with its semicolon.
    @inline(__always)
    var userParams: Bytes {
        guard hasUser, !userParam.isEmpty, password.isEmpty, user.end.pointee == UInt8(ascii: ";") else {
            return .empty
        }
        return Bytes(user.end, host.start - user.end - 1)
    }

    @inline(__always)
    private mutating func parseUserInfo(_ info: Bytes) -> Bool {
        hasUser = true
        let colon = info.firstIndex(of: UInt8(ascii: ":"))
        user = info.prefix(colon ?? info.count)
        guard !user.isEmpty, user.end(of: .user) == user.count, user.isEscapedWell else { return false }
        if let colon {
            password = info.dropFirst(colon &+ 1)
            return password.end(of: .password) == password.count && password.isEscapedWell
        }
        return true
    }

    @inline(__always)
    private mutating func parseHostPort(_ rest: Bytes, from at: inout Int, _ hostSet: ByteSet) -> Bool {
        let start = at
        guard at < rest.count else { return false }
        if rest[at] == UInt8(ascii: "[") {
            let end = rest.end(of: .ipv6, from: at &+ 1)
            // Only the characters are looked at: RFC 5118 §4.5 wants forms tolerated that are no address (`:::192.0.2.1`). Whoever
            // sends there finds out.
            guard end > start &+ 1, end < rest.count, rest[end] == UInt8(ascii: "]") else { return false }
            at = end &+ 1
            host = rest[start..<at]
            hostKind = .v6
        } else {
            at = rest.end(of: hostSet, from: at)
            host = rest[start..<at]
            guard !host.isEmpty else { return false }
            hostKind = host[0].isASCIIDigit && SocketAddress(parsing: host)?.isV4 == true ? .v4 : .name
        }
        guard at < rest.count, rest[at] == UInt8(ascii: ":") else { return true }
        let digits = rest.end(of: .digit, from: at &+ 1)
        portText = rest[at &+ 1..<digits]
        guard let number = portText.uint16 else { return false }
        port = number
        at = digits
        return true
    }

    /// Notes the parameters that routing asks for. False when one is written twice or an escape is broken.
    @inline(__always)
    private mutating func noteParameters() -> Bool {
        guard params.isEscapedWell else { return false }
        var iterator = parameters
        while let p = iterator.next() {
            switch p.name.count {
            case 2:
                if p.isNamed("lr") { isLooseRouter = true }
                if p.isNamed("r2"), p.value.equalsIgnoringCase("on") { isSecondRoute = true }
            case 3: if p.isNamed("ttl"), !URI.take(p, &ttl) { return false }
            case 4: if p.isNamed("user"), !URI.take(p, &userParam) { return false }
            case 5: if p.isNamed("maddr"), !URI.take(p, &maddr) { return false }
            case 6: if p.isNamed("method"), !URI.take(p, &method) { return false }
            case 9: if p.isNamed("transport"), !URI.take(p, &transport) { return false }
            default: break
            }
        }
        return true
    }

    /// A parameter that decides where a request goes must have one meaning: a value, and one only.
    @inline(__always)
    private static func take(_ parameter: Parameter, _ place: inout Bytes) -> Bool {
        guard place.isEmpty, let value = parameter.rawValue, !value.isEmpty else { return false }
        place = value
        return true
    }

    @inline(__always)
    private mutating func parseTel(_ rest: Bytes) -> Bool {
        let semicolon = rest.firstIndex(of: UInt8(ascii: ";")) ?? rest.count
        user = rest.prefix(semicolon)
        guard user.end(of: .telephone) == user.count, user.contains(where: .hexOrSign) else { return false }
        params = rest.dropFirst(min(semicolon &+ 1, rest.count))
        return params.isEscapedWell
    }
}

extension Bytes {
    /// As nearly all URIs begin: `sip:` in any case.
    @inline(__always)
    fileprivate var startsAsSIP: Bool {
        guard count >= 4 else { return false }
        let word = UInt32(littleEndian: UnsafeRawPointer(start).loadUnaligned(as: UInt32.self))
        // s, i, p in lower case; the colon has that bit set as it is.
        return word | 0x0020_2020 == 0x3a70_6973
    }

    /// Nothing in it that no URI has anywhere: white space, control bytes, quotes, angle brackets.
    @inline(__always)
    fileprivate var isURIText: Bool {
        isPrinting
            && firstIndex(ofAny: UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\""), from: 0) == count
    }

    /// Every `%` has two hexadecimal digits behind it.
    var isEscapedWell: Bool {
        @_noLocks get {
            var at = 0
            while let percent = firstIndex(of: UInt8(ascii: "%"), from: at) {
                guard percent &+ 2 < count, self[percent &+ 1].hexValue != nil, self[percent &+ 2].hexValue != nil
                else {
                    return false
                }
                at = percent &+ 3
            }
            return true
        }
    }

    @inline(__always)
    func contains(where set: ByteSet) -> Bool {
        var at = 0
        while at < count {
            if set.contains(self[at]) { return true }
            at &+= 1
        }
        return false
    }
}
