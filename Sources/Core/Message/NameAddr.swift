/// One value of From, To, Contact, Route and their kin: `[display-name] <addr-spec> *(;param)` or `addr-spec *(;param)`
/// (RFC 3261 §20.10). All parts point into the text that was parsed.
struct NameAddr {
    /// The value from its first to its last byte, without white space around it.
    var text: Bytes
    /// As written, quotes included; empty when there is none.
    var displayName: Bytes
    /// All between the angle brackets (white space there makes it no URI), or the bare URI.
    var uri: Bytes
    /// From the first `;` behind the URI; may be empty.
    var params: Bytes
    /// The URI stands in angle brackets.
    var isBracketed: Bool
    /// The value of the `tag` parameter; nil when there is none.
    var tag: Bytes?

    @inline(__always)
    var parameters: Parameters { Parameters(params) }

    /// The display name without its quotes.
    @inline(__always)
    var displayText: Bytes { displayName.unquoted }

    /// `*` alone, as Contact has it in a REGISTER that removes all bindings.
    @inline(__always)
    var isStar: Bool { uri.count == 1 && uri[0] == UInt8(ascii: "*") && !isBracketed }

    /// The only value of `text`; nil when it is none or when a comma follows it.
    @_noLocks
    static func parse(_ text: Bytes) -> NameAddr? {
        var index = 0
        guard let value = parse(text, from: &index), index == text.count,
            text.dropFirst(text.offset(of: value.text) &+ value.text.count).trimmed.isEmpty
        else { return nil }
        return value
    }

    /// The value that begins at `index` of a comma-separated list; moves `index` behind its comma, or to `count`. Nil leaves
    /// `index` anywhere.
    @_noLocks
    static func parse(_ list: Bytes, from index: inout Int) -> NameAddr? {
        let start = list.skipSpace(from: index)
        guard start < list.count else { return nil }
        var value = NameAddr(
            text: .empty, displayName: .empty, uri: .empty, params: .empty, isBracketed: true, tag: nil)
        guard let open = openBracket(list, from: start) else { return parseBare(list, from: start, to: &index) }
        value.displayName = list[start..<open].trimmed
        guard let close = list.firstIndex(of: UInt8(ascii: ">"), from: open) else { return nil }
        value.uri = list[open &+ 1..<close]
        var at = list.skipSpace(from: close &+ 1)
        let params = at
        if at < list.count, list[at] == UInt8(ascii: ";") {
            guard parseParams(list, from: &at, tag: &value.tag) else { return nil }
        }
        guard at == list.count || list[at] == UInt8(ascii: ",") else { return nil }
        value.params = list[params..<at].trimmed
        value.text = list[start..<at].trimmed
        index = min(at &+ 1, list.count)
        return value
    }

    /// The index of the `<` that opens the URI when this value has one, passing the display name over.
    @inline(__always)
    private static func openBracket(_ list: Bytes, from start: Int) -> Int? {
        var at = start
        while true {
            // A display name has none of these outside quotes but the bracket behind it: what comes first is a bare URI.
            at = list.firstIndex(
                ofAny: UInt8(ascii: "<"), UInt8(ascii: "\""), UInt8(ascii: ":"), UInt8(ascii: ";"), UInt8(ascii: ","),
                UInt8(ascii: "="), from: at)
            guard at < list.count else { return nil }
            if list[at] == UInt8(ascii: "<") { return at }
            guard list[at] == UInt8(ascii: "\""), let end = list.endOfQuotedString(from: at) else { return nil }
            at = end
        }
    }

    /// A URI without brackets: parameters behind it belong to the header field (RFC 3261 §20.10).
    private static func parseBare(_ list: Bytes, from start: Int, to index: inout Int) -> NameAddr? {
        if list[start] == UInt8(ascii: "\"") { return nil }
        var at = start
        while at < list.count, list[at] != UInt8(ascii: ";"), list[at] != UInt8(ascii: ",") {
            if list[at] == UInt8(ascii: "<") || list[at] == UInt8(ascii: ">") || list[at] == UInt8(ascii: "\"") {
                return nil
            }
            at &+= 1
        }
        let uri = list[start..<at].trimmed
        guard !uri.isEmpty else { return nil }
        var value = NameAddr(
            text: .empty, displayName: .empty, uri: uri, params: .empty, isBracketed: false, tag: nil)
        let params = at
        guard parseParams(list, from: &at, tag: &value.tag) else { return nil }
        value.params = list[params..<at].trimmed
        value.text = list[start..<at].trimmed
        index = min(at &+ 1, list.count)
        return value
    }

    /// Passes `*(;param)` over up to a comma or the end and notes the tag. False when a quote is never closed.
    @inline(__always)
    private static func parseParams(_ list: Bytes, from at: inout Int, tag: inout Bytes?) -> Bool {
        while at < list.count, list[at] == UInt8(ascii: ";") {
            let start = list.skipSpace(from: at &+ 1)
            var equals = -1
            at = list.parameterMark(from: start)
            while at < list.count, list[at] != UInt8(ascii: ";"), list[at] != UInt8(ascii: ",") {
                if list[at] == UInt8(ascii: "\"") {
                    guard let end = list.endOfQuotedString(from: at) else { return false }
                    at = end
                } else {
                    if list[at] == UInt8(ascii: "="), equals < 0 { equals = at }
                    at &+= 1
                }
                at = list.parameterMark(from: at)
            }
            if tag == nil, equals &- start >= 3, list[start] | 0x20 == UInt8(ascii: "t"),
                list[start..<equals].trimmed.equalsIgnoringCase("tag")
            {
                tag = list[equals &+ 1..<at].trimmed
            }
        }
        return true
    }
}
