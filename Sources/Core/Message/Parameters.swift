/// One `name` or `name=value` of a header field or URI.
struct Parameter {
    var name: Bytes
    /// As written, quotes included; nil when there is no `=`.
    var rawValue: Bytes?
    /// From the name to the end of the value.
    var text: Bytes

    /// The value without its quotes; empty when there is none. Quoted pairs stay as they are.
    @inline(__always)
    var value: Bytes { rawValue?.unquoted ?? .empty }

    @_noLocks
    func isNamed(_ text: StaticString) -> Bool { name.equalsIgnoringCase(text) }
}

extension Bytes {
    /// Without the double quotes around it, if it has both.
    @inline(__always)
    var unquoted: Bytes {
        guard count >= 2, self[0] == UInt8(ascii: "\""), self[count &- 1] == UInt8(ascii: "\"") else { return self }
        return self[1..<count &- 1]
    }
}

/// The parameters of a text such as `;a;b=c;d="e;f"`, one after the other. The first semicolon may be missing. Borrowed from the
/// text; allocates nothing.
struct Parameters: Sequence, IteratorProtocol {
    let text: Bytes
    private var index = 0
    private let separator: UInt8

    /// - Parameter separator: `;` for parameters, `,` for challenges and credentials, `&` for URI headers.
    @inline(__always)
    init(_ text: Bytes, separator: UInt8 = UInt8(ascii: ";")) {
        self.text = text
        self.separator = separator
    }

    /// The next parameter; empty ones (`;;`) are passed over. Nil at the end.
    @_noLocks
    mutating func next() -> Parameter? {
        while index < text.count {
            let start = text.skipSpace(from: index)
            var equals = -1
            var at = start
            while at < text.count {
                let byte = text[at]
                if byte == separator { break }
                if byte == UInt8(ascii: "=") {
                    if equals < 0 { equals = at }
                } else if byte == UInt8(ascii: "\"") {
                    // A quote that nobody closes reaches to the end: no separator behind it is believed.
                    at = text.endOfQuotedString(from: at) ?? text.count
                    continue
                }
                at &+= 1
            }
            index = at &+ 1
            if at == start { continue }
            let whole = text[start..<at].trimmed
            if whole.isEmpty { continue }
            guard equals >= 0 else { return Parameter(name: whole, rawValue: nil, text: whole) }
            let name = text[start..<equals].trimmed
            let value = text[equals &+ 1..<at].trimmed
            return Parameter(name: name, rawValue: value, text: whole)
        }
        return nil
    }

    /// The first parameter of that name in any case, or nil.
    @_noLocks
    func first(_ name: StaticString) -> Parameter? { first(Bytes(name)) }

    @_noLocks
    func first(_ name: Bytes) -> Parameter? {
        var rest = self
        rest.index = 0
        while let parameter = rest.next() {
            if parameter.name.equalsIgnoringCase(name) { return parameter }
        }
        return nil
    }

    /// The value of the first parameter of that name, without quotes; empty when it has none, nil when it is absent.
    @inline(__always)
    subscript(_ name: StaticString) -> Bytes? { first(name)?.value }
}
