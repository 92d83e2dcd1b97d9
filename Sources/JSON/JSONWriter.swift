/// Writes JSON, compact or with a line for each value, as Kamailio's `pretty_format` does. Objects and arrays that are opened are to be
/// closed; in an object each value has a key.
public struct JSONWriter: Sendable {
    public private(set) var out: [UInt8] = []
    public let isPretty: Bool
    /// What is open: whether something stands in it.
    private var open: [Bool] = []

    public init(pretty: Bool) { isPretty = pretty }

    /// Takes what was written up to now.
    public mutating func take() -> [UInt8] {
        defer { out = [] }
        return out
    }

    public var depth: Int { open.count }

    public mutating func int(_ value: Int64, key: (some Collection<UInt8>)?) {
        begin(key)
        out.append(contentsOf: String(value).utf8)
    }

    /// What JSON has no form for becomes null.
    public mutating func double(_ value: Double, key: (some Collection<UInt8>)?) {
        begin(key)
        out.append(contentsOf: (value.isFinite ? "\(value)" : "null").utf8)
    }

    /// Bytes that are no UTF-8 become U+FFFD.
    public mutating func text(_ value: some Collection<UInt8>, key: (some Collection<UInt8>)?) {
        begin(key)
        quote(value)
    }

    /// true, false, null.
    public mutating func word(_ word: StaticString, key: (some Collection<UInt8>)?) {
        begin(key)
        out.append(contentsOf: UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    }

    public mutating func openObject(key: (some Collection<UInt8>)?) { open(UInt8(ascii: "{"), key) }
    public mutating func openArray(key: (some Collection<UInt8>)?) { open(UInt8(ascii: "["), key) }
    public mutating func closeObject() { close(UInt8(ascii: "}")) }
    public mutating func closeArray() { close(UInt8(ascii: "]")) }

    public mutating func value(_ value: JSONValue, key: (some Collection<UInt8>)?) {
        switch value {
        case .null: word("null", key: key)
        case .bool(let truth): word(truth ? "true" : "false", key: key)
        case .int(let number): int(number, key: key)
        case .double(let number): double(number, key: key)
        case .string(let text): self.text(text, key: key)
        case .array(let values):
            openArray(key: key)
            for value in values { self.value(value, key: JSONWriter.none) }
            closeArray()
        case .object(let members):
            openObject(key: key)
            for member in members { self.value(member.value, key: member.name) }
            closeObject()
        }
    }

    /// For values without a key.
    public static let none: [UInt8]? = nil

    private mutating func open(_ bracket: UInt8, _ key: (some Collection<UInt8>)?) {
        begin(key)
        out.append(bracket)
        open.append(false)
    }

    private mutating func close(_ bracket: UInt8) {
        if open.popLast() == true { newLine() }
        out.append(bracket)
    }

    private mutating func begin(_ key: (some Collection<UInt8>)?) {
        if !open.isEmpty {
            if open[open.count - 1] { out.append(UInt8(ascii: ",")) }
            open[open.count - 1] = true
            newLine()
        }
        guard let key else { return }
        quote(key)
        out.append(UInt8(ascii: ":"))
        if isPretty { out.append(0x09) }
    }

    private mutating func newLine() {
        guard isPretty else { return }
        out.append(0x0A)
        out.append(contentsOf: repeatElement(0x09, count: open.count))
    }

    private mutating func quote(_ text: some Collection<UInt8>) {
        out.append(UInt8(ascii: "\""))
        // Decoding puts U+FFFD in the place of what is no UTF-8.
        for byte in String(decoding: text, as: UTF8.self).utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): out.append(contentsOf: [UInt8(ascii: "\\"), byte])
            case 0x0A: out.append(contentsOf: "\\n".utf8)
            case 0x0D: out.append(contentsOf: "\\r".utf8)
            case 0x09: out.append(contentsOf: "\\t".utf8)
            case 0..<0x20:
                out.append(contentsOf: "\\u00".utf8)
                out.append(JSONWriter.digit(byte >> 4))
                out.append(JSONWriter.digit(byte & 15))
            default: out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
}
