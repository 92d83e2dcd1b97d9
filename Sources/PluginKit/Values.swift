import Glibc
import PluginAPI

// Invariants: an apus_str borrows; its lifetime stands in the contract beside whatever gave it.

/// Results of a script function: `.true` goes on, `.false` is false, `.exit` ends the script.
extension CInt {
    public static var `true`: CInt { 1 }
    public static var `false`: CInt { -1 }
    public static var exit: CInt { 0 }
    public static var suspended: CInt { CInt(APUS_SUSPENDED) }
}

// swift-format-ignore: AvoidRetroactiveConformances
extension apus_str: @retroactive ExpressibleByStringLiteral {
    /// A literal lives for ever and costs nothing.
    @inlinable public init(stringLiteral text: StaticString) {
        self.init(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }

    @inlinable public init(start: UnsafePointer<UInt8>?, count: Int) {
        self.init(s: start.map { UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self) }, len: count)
    }

    /// The bytes; empty when there is no text.
    @inlinable public var bytes: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: s.map { UnsafeRawPointer($0).assumingMemoryBound(to: UInt8.self) }, count: len)
    }

    @inlinable public var isEmpty: Bool { len == 0 }
    /// There is no text at all, not even an empty one.
    @inlinable public var isNull: Bool { s == nil }

    /// Part of the text. Precondition: the range lies in it, and there is a text.
    @inlinable public subscript(_ range: Range<Int>) -> apus_str {
        apus_str(s: s.unsafelyUnwrapped + range.lowerBound, len: range.count)
    }
    @inlinable public subscript(_ index: Int) -> UInt8 { UInt8(bitPattern: s.unsafelyUnwrapped[index]) }

    /// What follows the first `count` bytes; all of it gone when there are fewer.
    @inlinable public func dropFirst(_ count: Int) -> apus_str { isNull ? self : self[Swift.min(count, len)..<len] }

    /// Byte for byte.
    public func equals(_ other: apus_str) -> Bool {
        len == other.len && (len == 0 || memcmp(s.unsafelyUnwrapped, other.s.unsafelyUnwrapped, len) == 0)
    }

    /// Without regard to the case of ASCII letters.
    public func equalsIgnoringCase(_ other: apus_str) -> Bool {
        len == other.len && bytes.elementsEqual(other.bytes) { apus_str.lower($0) == apus_str.lower($1) }
    }

    @inlinable public func hasPrefix(_ other: apus_str) -> Bool { bytes.prefix(other.len).elementsEqual(other.bytes) }
    @inlinable public func hasSuffix(_ other: apus_str) -> Bool { bytes.suffix(other.len).elementsEqual(other.bytes) }

    @inlinable public func index(of byte: UInt8, from: Int = 0) -> Int? {
        for index in from..<max(from, len) where self[index] == byte { return index }
        return nil
    }

    /// Takes what stands before the next `separator` off the front, with the separator; nil when nothing is left.
    public mutating func next(_ separator: UInt8) -> apus_str? {
        guard len > 0 else { return nil }
        let end = index(of: separator) ?? len
        defer { self = dropFirst(end + 1) }
        return self[0..<end]
    }

    /// Without blanks, tabs and line ends around it.
    public var trimmed: apus_str {
        var from = 0
        var to = len
        while from < to, apus_str.isBlank(self[from]) { from &+= 1 }
        while to > from, apus_str.isBlank(self[to - 1]) { to &-= 1 }
        return len == 0 ? self : self[from..<to]
    }

    /// A decimal number that is the whole text; nil for anything else and for more than 18 digits.
    public var number: Int64? {
        let negative = len > 0 && self[0] == 0x2d
        let digits = dropFirst(negative || (len > 0 && self[0] == 0x2b) ? 1 : 0)
        guard digits.len > 0, digits.len <= 18 else { return nil }
        var value: Int64 = 0
        for byte in digits.bytes {
            guard byte &- 0x30 <= 9 else { return nil }
            value = value &* 10 &+ Int64(byte &- 0x30)
        }
        return negative ? -value : value
    }

    /// For messages to people: cold code only.
    public var string: String { String(decoding: bytes, as: UTF8.self) }

    @inlinable public static func lower(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }
    @inlinable public static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte &- 0x09 < 5 }
}

extension apus_value {
    public init(_ number: Int64) { self.init(kind: UInt32(APUS_INT), reserved: 0, num: number, str: apus_str()) }

    @inlinable public init(_ text: apus_str) { self.init(kind: UInt32(APUS_STRING), reserved: 0, num: 0, str: text) }

    @inlinable public var isInt: Bool { kind & UInt32(APUS_INT) != 0 }
    @inlinable public var isText: Bool { kind & UInt32(APUS_STRING) != 0 }
}

/// Puts a text together in memory of fixed size, owned by whoever gave it. From the first text that does not fit on it takes no
/// more, and `overflowed` says so.
public struct Writer {
    public let start: UnsafeMutablePointer<UInt8>
    public let capacity: Int
    public private(set) var count = 0
    public private(set) var overflowed = false

    public init(_ memory: UnsafeMutableRawPointer, capacity: Int) {
        start = memory.assumingMemoryBound(to: UInt8.self)
        self.capacity = capacity
    }

    public var text: apus_str { apus_str(start: start, count: count) }

    public mutating func add(_ text: apus_str) {
        overflowed = overflowed || text.len > capacity - count
        if !overflowed, let bytes = text.s {
            UnsafeMutableRawPointer(start + count).copyMemory(from: bytes, byteCount: text.len)
            count += text.len
        }
    }

    public mutating func add(byte: UInt8) {
        overflowed = overflowed || count == capacity
        if !overflowed { (start[count], count) = (byte, count + 1) }
    }

    /// In decimal, with zeros in front up to `width` digits.
    public mutating func add(number: Int64, width: Int = 1) {
        if number < 0 { add(byte: 0x2d) }
        var digits: [20 of UInt8] = InlineArray(repeating: 0x30)
        var (rest, at) = (number.magnitude, 20)
        while rest > 0 || at > 20 - min(width, 19) {
            digits[at - 1] += UInt8(truncatingIfNeeded: rest % 10)
            (rest, at) = (rest / 10, at - 1)
        }
        for index in at..<20 { add(byte: digits[index]) }
    }
}
