// Invariants: reads the bytes that it is given and nothing else; takes no memory.

/// The encoding in which media proxies are spoken to: numbers `i7e`, texts `3:abc`, lists `l…e`, dictionaries `d…e` with texts as keys.
///
/// It is read strictly: one way to write a number, no blanks, nothing left over. Only the order of keys is not looked at, and of equal keys the
/// first counts, since proxies write them as they come.
public enum Bencode {
    /// Lists and dictionaries inside of each other: a proxy's statistics have six.
    public static let maximumDepth = 32

    public enum Scan: Equatable, Sendable {
        /// The first value has so many bytes.
        case whole(Int)
        /// There may be one when more bytes come.
        case unfinished
        case broken
    }

    /// The value that these bytes are; nil when they are not exactly one.
    @_noLocks public static func read(_ bytes: UnsafeRawBufferPointer) -> BencodedValue? {
        guard scan(bytes) == .whole(bytes.count) else { return nil }
        return BencodedValue(unchecked: bytes)
    }

    /// Looks for the end of the value at the beginning.
    @_noLocks public static func scan(_ bytes: UnsafeRawBufferPointer) -> Scan {
        var at = 0
        // One bit for each level that is open: it is a dictionary; the value that comes is a key.
        var dictionaries: UInt64 = 0
        var keys: UInt64 = 0
        var depth = 0
        while true {
            guard at < bytes.count else { return .unfinished }
            let isKey = dictionaries & 1 == 1 && keys & 1 == 1
            switch bytes[at] {
            case UInt8(ascii: "e"):
                // A dictionary ends where a key could be.
                guard depth > 0, dictionaries & 1 == 0 || isKey else { return .broken }
                at += 1
                (dictionaries, keys, depth) = (dictionaries >> 1, keys >> 1, depth - 1)
            case UInt8(ascii: "l"), UInt8(ascii: "d"):
                guard !isKey, depth < maximumDepth else { return .broken }
                let isDictionary: UInt64 = bytes[at] == UInt8(ascii: "d") ? 1 : 0
                at += 1
                (dictionaries, keys, depth) = (dictionaries << 1 | isDictionary, keys << 1 | isDictionary, depth + 1)
                continue
            case UInt8(ascii: "i"):
                guard !isKey else { return .broken }
                switch scanNumber(bytes, from: at + 1) {
                case .whole(let end): at = end
                case let other: return other
                }
            default:
                switch scanText(bytes, from: at) {
                case .whole(let end): at = end
                case let other: return other
                }
            }
            if depth == 0 { return .whole(at) }
            if dictionaries & 1 == 1 { keys ^= 1 }
        }
    }

    /// - Returns: whole: where the number's `e` ends.
    private static func scanNumber(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Scan {
        var at = start
        // 19 digits and a sign.
        while at < bytes.count, at - start <= 20, bytes[at] != UInt8(ascii: "e") {
            guard bytes[at] &- 0x30 <= 9 || (at == start && bytes[at] == UInt8(ascii: "-")) else { return .broken }
            at += 1
        }
        guard at - start <= 20 else { return .broken }
        guard at < bytes.count else { return .unfinished }
        guard number(UnsafeRawBufferPointer(rebasing: bytes[start..<at])) != nil else { return .broken }
        return .whole(at + 1)
    }

    /// - Returns: whole: where the text ends.
    private static func scanText(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Scan {
        var at = start
        var length = 0
        while at < bytes.count, bytes[at] != UInt8(ascii: ":") {
            let digit = bytes[at] &- 0x30
            // No zero in front, and no length that could not be: nine digits.
            guard digit <= 9, at - start < 9, at == start || length > 0 else { return .broken }
            length = length * 10 + Int(digit)
            at += 1
        }
        guard at < bytes.count else { return .unfinished }
        guard at > start else { return .broken }
        return at + 1 + length <= bytes.count ? .whole(at + 1 + length) : .unfinished
    }

    /// A number as bencode has it: no zero in front, no -0; nil for anything else and for what does not fit.
    static func number(_ digits: UnsafeRawBufferPointer) -> Int64? {
        let isNegative = digits.first == UInt8(ascii: "-")
        let digits = digits.dropFirst(isNegative ? 1 : 0)
        guard let first = digits.first, first != 0x30 || (digits.count == 1 && !isNegative) else { return nil }
        var value: Int64 = 0
        for byte in digits {
            let digit = byte &- 0x30
            guard digit <= 9 else { return nil }
            let (tens, tooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = tens.subtractingReportingOverflow(Int64(digit))
            if tooLarge || overflow { return nil }
            value = sum
        }
        if isNegative { return value }
        return value == .min ? nil : -value
    }
}
