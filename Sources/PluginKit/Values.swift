import PluginAPI

// Invariants: an apus_str borrows; its lifetime stands in the contract beside whatever gave it.

/// Results of a script function: `.true` goes on, `.false` is false, `.exit` ends the script.
extension CInt {
    public static var `true`: CInt { 1 }
    public static var `false`: CInt { -1 }
    public static var exit: CInt { 0 }
    public static var suspended: CInt { CInt(APUS_SUSPENDED) }
}

extension apus_str {
    /// Text that lives for ever.
    @inlinable
    public init(_ text: StaticString) {
        self.init(s: UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self), len: text.utf8CodeUnitCount)
    }

    @inlinable
    public init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.init(
            s: bytes.baseAddress.map { UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self) }, len: bytes.count)
    }

    @inlinable
    public init(start: UnsafePointer<UInt8>, count: Int) {
        self.init(s: UnsafeRawPointer(start).assumingMemoryBound(to: CChar.self), len: count)
    }

    /// The bytes; empty when there is no text.
    @inlinable
    public var bytes: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: s.map { UnsafeRawPointer($0).assumingMemoryBound(to: UInt8.self) }, count: len)
    }

    @inlinable
    public var isEmpty: Bool { len == 0 }

    /// There is no text at all, not even an empty one.
    @inlinable
    public var isNull: Bool { s == nil }

    /// Part of the text. Precondition: the range lies in it.
    @inlinable
    public subscript(_ range: Range<Int>) -> apus_str { apus_str(s: s! + range.lowerBound, len: range.count) }

    @inlinable
    public subscript(_ index: Int) -> UInt8 { UInt8(bitPattern: s![index]) }

    /// Byte for byte.
    @inlinable
    public func equals(_ other: apus_str) -> Bool {
        guard len == other.len else { return false }
        for i in 0..<len where s![i] != other.s![i] { return false }
        return true
    }

    /// Without regard to the case of ASCII letters.
    @inlinable
    public func equalsIgnoringCase(_ other: apus_str) -> Bool {
        guard len == other.len else { return false }
        for i in 0..<len where apus_str.lower(self[i]) != apus_str.lower(other[i]) { return false }
        return true
    }

    @inlinable
    public func equals(_ other: StaticString) -> Bool { equals(apus_str(other)) }

    @inlinable
    public func equalsIgnoringCase(_ other: StaticString) -> Bool { equalsIgnoringCase(apus_str(other)) }

    @inlinable
    public func hasPrefix(_ other: apus_str) -> Bool { len >= other.len && self[0..<other.len].equals(other) }

    @inlinable
    public func hasSuffix(_ other: apus_str) -> Bool { len >= other.len && self[len - other.len..<len].equals(other) }

    @inlinable
    public func index(of byte: UInt8, from: Int = 0) -> Int? {
        var i = from
        while i < len {
            if self[i] == byte { return i }
            i += 1
        }
        return nil
    }

    /// Without blanks, tabs and line ends around it.
    @inlinable
    public var trimmed: apus_str {
        var from = 0
        var to = len
        while from < to, apus_str.isBlank(self[from]) { from += 1 }
        while to > from, apus_str.isBlank(self[to - 1]) { to -= 1 }
        return len == 0 ? self : self[from..<to]
    }

    /// A decimal number that is the whole text; nil for anything else and for more than 18 digits.
    @inlinable
    public var number: Int64? {
        var i = 0
        let negative = len > 0 && (self[0] == 0x2d)
        if negative || (len > 0 && self[0] == 0x2b) { i = 1 }
        guard len > i, len - i <= 18 else { return nil }
        var value: Int64 = 0
        while i < len {
            let digit = self[i] &- 0x30
            guard digit <= 9 else { return nil }
            value = value * 10 + Int64(digit)
            i += 1
        }
        return negative ? -value : value
    }

    /// For messages to people: cold code only.
    public var string: String { String(decoding: bytes, as: UTF8.self) }

    @inlinable
    static func lower(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

    @inlinable
    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte &- 0x09 < 5 }
}

extension apus_value {
    @inlinable
    public static var null: apus_value { apus_value() }

    @inlinable
    public init(_ number: Int64) {
        self.init(kind: UInt32(APUS_INT), reserved: 0, num: number, str: apus_str())
    }

    @inlinable
    public init(_ text: apus_str) {
        self.init(kind: UInt32(APUS_STRING), reserved: 0, num: 0, str: text)
    }

    @inlinable
    public var isNull: Bool { kind == 0 }
    @inlinable
    public var isInt: Bool { kind & UInt32(APUS_INT) != 0 }
    @inlinable
    public var isText: Bool { kind & UInt32(APUS_STRING) != 0 }
}
