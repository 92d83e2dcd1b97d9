/// One Via value: `SIP/2.0/UDP host[:port];branch=…;received=…;rport…` (RFC 3261 §20.42, RFC 3581). All parts point into the text
/// that was parsed.
struct Via {
    /// The value from its first to its last byte, without white space around it.
    var text: Bytes
    /// `UDP`, `TCP`, `TLS`, `WS` … as written.
    var transport: Bytes
    /// Host of sent-by, the brackets of an IPv6 reference included.
    var host: Bytes
    /// Port of sent-by; 0 when there is none.
    var port: UInt16
    /// From the first `;`; may be empty.
    var params: Bytes
    var branch: Bytes
    /// The `received` parameter's value; nil when there is none.
    var received: Bytes?
    /// The `rport` parameter's value, empty when it has none; nil when there is no such parameter.
    var rport: Bytes?
    /// What the `received` and `rport` parameters occupy, their semicolons included, so that they can be replaced.
    var receivedText: Bytes
    var rportText: Bytes

    @inline(__always)
    var parameters: Parameters { Parameters(params) }

    /// The magic cookie of RFC 3261 §8.1.1.7 stands before something: matching by branch is allowed.
    @inline(__always)
    var hasMagicCookie: Bool { branch.count > 7 && branch.hasPrefixIgnoringCase("z9hG4bK") }

    /// The value that begins at `index` of a comma-separated list; moves `index` behind its comma, or to `count`.
    @_noLocks
    static func parse(_ list: Bytes, from index: inout Int) -> Via? {
        let start = list.skipSpace(from: index)
        var at = start
        guard let transport = protocolParts(list, from: &at) else { return nil }
        var via = Via(
            text: .empty, transport: transport, host: .empty, port: 0, params: .empty, branch: .empty, received: nil,
            rport: nil, receivedText: .empty, rportText: .empty)
        guard parseSentBy(list, from: &at, into: &via) else { return nil }
        let params = at
        guard parseParams(list, from: &at, into: &via) else { return nil }
        guard at == list.count || list[at] == UInt8(ascii: ",") else { return nil }
        via.params = list[params..<at].trimmed
        via.text = list[start..<at].trimmed
        index = min(at &+ 1, list.count)
        return via
    }

    /// `SIP / 2.0 / UDP` and the white space behind it; answers the transport.
    @inline(__always)
    private static func protocolParts(_ list: Bytes, from at: inout Int) -> Bytes? {
        if list.count &- at > 9, list[at..<at &+ 8] == "SIP/2.0/" {
            at &+= 8
        } else {
            guard let name = token(list, from: &at), name.equalsIgnoringCase("SIP"), slash(list, from: &at),
                let version = token(list, from: &at), version == "2.0", slash(list, from: &at)
            else { return nil }
        }
        guard let transport = token(list, from: &at) else { return nil }
        // At least one white space parts the transport from sent-by.
        let next = list.skipSpace(from: at)
        guard next > at else { return nil }
        at = next
        return transport
    }

    @inline(__always)
    private static func token(_ list: Bytes, from at: inout Int) -> Bytes? {
        let end = list.end(of: .token, from: at)
        guard end > at else { return nil }
        defer { at = end }
        return list[at..<end]
    }

    @inline(__always)
    private static func slash(_ list: Bytes, from at: inout Int) -> Bool {
        at = list.skipSpace(from: at)
        guard at < list.count, list[at] == UInt8(ascii: "/") else { return false }
        at = list.skipSpace(from: at &+ 1)
        return true
    }

    @inline(__always)
    private static func parseSentBy(_ list: Bytes, from at: inout Int, into via: inout Via) -> Bool {
        guard at < list.count else { return false }
        let start = at
        if list[at] == UInt8(ascii: "[") {
            let end = list.end(of: .ipv6, from: at &+ 1)
            guard end > at &+ 1, end < list.count, list[end] == UInt8(ascii: "]") else { return false }
            at = end &+ 1
        } else {
            at = list.end(of: .host, from: at)
        }
        guard at > start else { return false }
        via.host = list[start..<at]
        at = list.skipSpace(from: at)
        guard at < list.count, list[at] == UInt8(ascii: ":") else { return true }
        at = list.skipSpace(from: at &+ 1)
        let digits = list.end(of: .digit, from: at)
        guard let port = list[at..<digits].uint16, port > 0 else { return false }
        via.port = port
        at = list.skipSpace(from: digits)
        return true
    }

    /// Parameters up to a comma or the end. A comment of RFC 2543 between them is passed over.
    @inline(__always)
    private static func parseParams(_ list: Bytes, from at: inout Int, into via: inout Via) -> Bool {
        while at < list.count, list[at] != UInt8(ascii: ",") {
            let semicolon = at
            guard list[at] == UInt8(ascii: ";") else { return skipComment(list, from: &at) }
            let start = list.skipSpace(from: at &+ 1)
            var equals = -1
            at = list.parameterMark(from: start)
            while at < list.count, list[at] != UInt8(ascii: ";"), list[at] != UInt8(ascii: ","),
                list[at] != UInt8(ascii: "(")
            {
                if list[at] == UInt8(ascii: "\"") {
                    guard let end = list.endOfQuotedString(from: at) else { return false }
                    at = end
                } else {
                    if equals < 0 { equals = at }
                    at &+= 1
                }
                at = list.parameterMark(from: at)
            }
            let nameEnd = equals < 0 ? at : equals
            let name = list[start..<nameEnd].trimmed
            let value = equals < 0 ? Bytes.empty : list[equals &+ 1..<at].trimmed
            via.note(name, value, list[semicolon..<at])
            if at < list.count, list[at] == UInt8(ascii: "(") { return skipComment(list, from: &at) }
        }
        return true
    }

    @inline(__always)
    private mutating func note(_ name: Bytes, _ value: Bytes, _ text: Bytes) {
        switch name.count {
        case 6 where name.equalsIgnoringCase("branch"): if branch.isEmpty { branch = value }
        case 8 where name.equalsIgnoringCase("received"):
            received = value
            receivedText = text
        case 5 where name.equalsIgnoringCase("rport"):
            rport = value
            rportText = text
        default: break
        }
    }

    /// A comment in parentheses ends a value; it may nest.
    private static func skipComment(_ list: Bytes, from at: inout Int) -> Bool {
        guard list[at] == UInt8(ascii: "(") else { return false }
        var depth = 0
        while at < list.count {
            switch list[at] {
            case UInt8(ascii: "\\"): at &+= 1
            case UInt8(ascii: "("): depth &+= 1
            case UInt8(ascii: ")"): depth &-= 1
            default: break
            }
            at &+= 1
            if depth == 0 { break }
        }
        guard depth == 0, at <= list.count else { return false }
        at = list.skipSpace(from: at)
        return true
    }
}
