import PluginKit

extension apus_str {
    /// A number in lower-case hexadecimal digits, all of the text; nil for anything else and for more than 16 digits.
    public var hex: UInt64? {
        guard len > 0, len <= 16 else { return nil }
        var value: UInt64 = 0
        for byte in bytes {
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte &- 0x30
            case 0x61...0x66: digit = byte &- 0x57
            default: return nil
            }
            value = value &<< 4 | UInt64(digit)
        }
        return value
    }
}

extension Writer {
    /// In lower-case hexadecimal, with zeros in front up to `width` digits.
    public mutating func add(hex value: UInt64, width: Int = 1) {
        let digits = max(width, (64 - value.leadingZeroBitCount + 3) / 4)
        var shift = digits * 4
        while shift > 0 {
            shift -= 4
            let nibble = UInt8(truncatingIfNeeded: value &>> UInt64(shift)) & 0xf
            add(byte: nibble < 10 ? 0x30 + nibble : 0x57 + nibble)
        }
    }
}
