extension Answer {
    /// The answer as JSON text: `null` when it is empty, one value as itself, several as an array.
    var json: [UInt8] {
        var writer = JSONWriter()
        writer.out.reserveCapacity(bytes.count + bytes.count / 4)
        if count == 0 { return Array("null".utf8) }
        if count > 1 { writer.openArray(key: nil) }
        visit(&writer)
        if count > 1 { writer.closeArray() }
        return writer.out
    }
}

/// Writes JSON (RFC 8259). Numbers that JSON has no form for become null, bytes that are no UTF-8 U+FFFD.
struct JSONWriter: AnswerVisitor {
    var out: [UInt8] = []
    /// The next value needs a comma before it.
    private var follows = false

    mutating func int(_ value: Int64, key: Bytes?) {
        begin(key)
        out.append(contentsOf: String(value).utf8)
    }

    mutating func double(_ value: Double, key: Bytes?) {
        begin(key)
        out.append(contentsOf: (value.isFinite ? "\(value)" : "null").utf8)
    }

    mutating func text(_ value: Bytes, key: Bytes?) {
        begin(key)
        quote(value)
    }

    mutating func openMap(key: Bytes?) { open(UInt8(ascii: "{"), key) }
    mutating func openArray(key: Bytes?) { open(UInt8(ascii: "["), key) }
    mutating func closeMap() { close(UInt8(ascii: "}")) }
    mutating func closeArray() { close(UInt8(ascii: "]")) }

    private mutating func open(_ bracket: UInt8, _ key: Bytes?) {
        begin(key)
        out.append(bracket)
        follows = false
    }

    private mutating func close(_ bracket: UInt8) {
        out.append(bracket)
        follows = true
    }

    private mutating func begin(_ key: Bytes?) {
        if follows { out.append(UInt8(ascii: ",")) }
        follows = true
        if let key {
            quote(key)
            out.append(UInt8(ascii: ":"))
        }
    }

    private mutating func quote(_ text: Bytes) {
        out.append(UInt8(ascii: "\""))
        // Decoding puts U+FFFD in the place of what is no UTF-8.
        for byte in text.string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                out.append(UInt8(ascii: "\\"))
                out.append(byte)
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
