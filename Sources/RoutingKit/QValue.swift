import PluginKit

extension apus_str {
    /// A q value in thousandths, 0 to 1000 (RFC 3261 section 25.1, qvalue); nil for anything else.
    public var qValue: Int32? {
        guard len > 0, len <= 5, self[0] == 0x30 || self[0] == 0x31, len == 1 || self[1] == UInt8(ascii: ".") else {
            return nil
        }
        var value = Int32(self[0] - 0x30) * 1000
        var unit: Int32 = 100
        var at = 2
        while at < len {
            guard self[at] &- 0x30 <= 9 else { return nil }
            value += Int32(self[at] - 0x30) * unit
            unit /= 10
            at += 1
        }
        return value <= 1000 ? value : nil
    }
}

extension Writer {
    /// `;q=0.7`, from thousandths; nothing below 0.
    public mutating func add(q: Int32) {
        guard q >= 0 else { return }
        if q >= 1000 { return add(";q=1") }
        add(q == 0 ? ";q=0" : ";q=0.")
        var (digits, width) = (Int64(q), 3)
        while digits > 0, digits % 10 == 0 { (digits, width) = (digits / 10, width - 1) }
        if digits > 0 { add(number: digits, width: width) }
    }
}
