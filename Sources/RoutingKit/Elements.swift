import CBytes
import PluginKit

extension apus_str {
    /// Where the next `separator` stands at `from` or later, outside quotes and angle brackets; the end when there is none.
    public func end(of separator: UInt8, from: Int = 0) -> Int {
        let start = bytes.baseAddress
        let quote = UInt8(ascii: "\"")
        let bracket = UInt8(ascii: "<")
        var at = from
        // What is looked for: the separator, or what closes the brackets.
        var wanted = separator
        while true {
            at = bytes_find(start, len, at, wanted, quote, bracket, wanted, wanted, wanted)
            guard at < len else { return len }
            switch self[at] {
            case quote: at = endOfQuotes(from: at + 1)
            case bracket: wanted = UInt8(ascii: ">")
            case wanted where wanted == separator: return at
            default: wanted = separator
            }
            at &+= 1
        }
    }

    /// Where the quotes that were opened before `from` are closed; the end when they are not.
    private func endOfQuotes(from: Int) -> Int {
        let (quote, escape) = (UInt8(ascii: "\""), UInt8(ascii: "\\"))
        var at = from
        while true {
            at = bytes_find(bytes.baseAddress, len, at, quote, escape, escape, escape, escape, escape)
            if at >= len || self[at] == quote { return at }
            at &+= 2
        }
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
