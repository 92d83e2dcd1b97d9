import CBytes
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
        // All sixteen.
        var text = (
            bytes_hex_digits(UInt32(truncatingIfNeeded: value &>> 32)),
            bytes_hex_digits(UInt32(truncatingIfNeeded: value))
        )
        withUnsafeBytes(of: &text) {
            let start = $0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
            add(apus_str(start: start + (16 &- digits), count: digits))
        }
    }
}
