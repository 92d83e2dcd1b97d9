import PluginKit

extension apus_str {
    /// Where the next `separator` stands at `from` or later, outside quotes and angle brackets; the end when there is none.
    public func end(of separator: UInt8, from: Int = 0) -> Int {
        var at = from
        var isQuoted = false
        var isBracketed = false
        while at < len {
            let byte = self[at]
            if isQuoted {
                if byte == UInt8(ascii: "\\") { at &+= 1 } else if byte == UInt8(ascii: "\"") { isQuoted = false }
            } else if byte == separator, !isBracketed {
                return at
            } else if byte == UInt8(ascii: "\"") {
                isQuoted = true
            } else if byte == UInt8(ascii: "<") {
                isBracketed = true
            } else if byte == UInt8(ascii: ">") {
                isBracketed = false
            }
            at &+= 1
        }
        return len
    }

    /// Takes the next value of a list off the front, with the separator behind it; it comes without the blanks around it and may be empty. Nil
    /// when nothing is left. Separators in quotes and angle brackets part nothing.
    public mutating func nextElement(_ separator: UInt8 = UInt8(ascii: ",")) -> apus_str? {
        guard len > 0 else { return nil }
        let end = end(of: separator)
        defer { self = dropFirst(end + 1) }
        return self[0..<end].trimmed
    }
}
