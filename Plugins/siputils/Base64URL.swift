import PluginKit

// RFC 4648 section 5, without padding, which cannot stand in a URI's parameter.

private let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

extension Writer {
    mutating func add(base64URL text: apus_str) {
        var bits: UInt32 = 0
        var count = 0
        for byte in text.bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                add(byte: alphabet.utf8Start[Int(bits >> UInt32(count) & 63)])
            }
        }
        if count > 0 { add(byte: alphabet.utf8Start[Int(bits << UInt32(6 - count) & 63)]) }
    }
}

extension UnsafePointer<apus_call> {
    /// What the text encodes, padded or not; nil when it encodes nothing, or memory is out.
    func decoded(base64URL text: apus_str) -> apus_str? {
        guard var writer = writer(text.len + 1) else { return nil }
        var bits: UInt32 = 0
        var count = 0
        var rest = text
        while rest.hasSuffix("=") { rest = rest[0..<rest.len - 1] }
        for byte in rest.bytes {
            guard let value = value(of: byte) else { return nil }
            bits = bits << 6 | value
            count += 6
            if count >= 8 {
                count -= 8
                writer.add(byte: UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return rest.len % 4 == 1 || writer.count == 0 ? nil : writer.text
    }

    private func value(of byte: UInt8) -> UInt32? {
        switch byte {
        case 0x41...0x5a: UInt32(byte - 0x41)
        case 0x61...0x7a: UInt32(byte - 0x61 + 26)
        case 0x30...0x39: UInt32(byte - 0x30 + 52)
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
