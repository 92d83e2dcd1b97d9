import CBytes

// Invariants: reads lie in 0..<count of both sides; both counts are compared first.

extension Bytes: Equatable {
    /// Equal byte by byte.
    @_noLocks
    static func == (a: Bytes, b: Bytes) -> Bool {
        guard a.count == b.count else { return false }
        return bytes_same(a.start, b.start, a.count) != 0
    }

    @inline(__always)
    static func == (a: Bytes, b: StaticString) -> Bool { a == Bytes(b) }

    /// Equal when ASCII letters are compared without their case, as SIP compares tokens (RFC 3261 §7.3.1).
    @_noLocks
    func equalsIgnoringCase(_ other: Bytes) -> Bool {
        guard count == other.count else { return false }
        return bytes_equal_ignoring_case(start, other.start, count) != 0
    }

    @inline(__always)
    func equalsIgnoringCase(_ text: StaticString) -> Bool { equalsIgnoringCase(Bytes(text)) }

    @inline(__always)
    func hasPrefix(_ text: StaticString) -> Bool {
        count >= text.utf8CodeUnitCount && prefix(text.utf8CodeUnitCount) == Bytes(text)
    }

    @inline(__always)
    func hasPrefixIgnoringCase(_ text: StaticString) -> Bool {
        count >= text.utf8CodeUnitCount && prefix(text.utf8CodeUnitCount).equalsIgnoringCase(text)
    }
}

extension UInt8 {
    /// ASCII capital letters in lower case, all else unchanged.
    @inline(__always)
    var asciiLowercased: UInt8 { self &- 65 < 26 ? self | 0x20 : self }

    @inline(__always)
    var isASCIIDigit: Bool { self &- 48 < 10 }

    @inline(__always)
    var isASCIILetter: Bool { (self | 0x20) &- 97 < 26 }

    /// The value of a hexadecimal digit, or nil.
    @inline(__always)
    var hexValue: UInt8? {
        if self &- 48 < 10 { return self &- 48 }
        let letter = (self | 0x20) &- 97
        return letter < 6 ? letter &+ 10 : nil
    }
}
