import PluginKit

extension apus_str {
    /// A number in lower-case hexadecimal digits, all of the text; nil for anything else and for more than 16 digits.
    public var hex: UInt64? {
        guard len > 0, len <= 16 else { return nil }
        var value: UInt64 = 0
        var index = 0
        while index < len {
            let decimal = self[index] &- 0x30
            let letter = self[index] &- 0x61
            guard decimal < 10 || letter < 6 else { return nil }
            value = value &<< 4 | UInt64(decimal < 10 ? decimal : letter &+ 10)
            index &+= 1
        }
        return value
    }
}

extension Writer {
    /// In lower-case hexadecimal, with zeros in front up to `width` digits (16 at most).
    public mutating func add(hex value: UInt64, width: Int = 1) {
        let digits = min(16, max(width, (67 &- value.leadingZeroBitCount) / 4))
        // All sixteen, the first digit in the lowest byte.
        var text = (
            Writer.digits(UInt32(truncatingIfNeeded: value &>> 32)).bigEndian,
            Writer.digits(UInt32(truncatingIfNeeded: value)).bigEndian
        )
        withUnsafeBytes(of: &text) {
            let start = $0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
            add(apus_str(start: start + (16 &- digits), count: digits))
        }
    }

    /// Eight digits, the last in the lowest byte: the nibbles are spread over the bytes, which become digits all at once.
    private static func digits(_ value: UInt32) -> UInt64 {
        var spread = UInt64(value)
        spread = (spread | spread &<< 16) & 0x0000_ffff_0000_ffff
        spread = (spread | spread &<< 8) & 0x00ff_00ff_00ff_00ff
        spread = (spread | spread &<< 4) & 0x0f0f_0f0f_0f0f_0f0f
        // 1 in each byte whose nibble is above 9: these are letters, 0x27 behind the digits.
        let letters = (spread &+ 0x0606_0606_0606_0606) &>> 4 & 0x0101_0101_0101_0101
        return spread &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
    }
}
