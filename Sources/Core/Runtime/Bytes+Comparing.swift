// Invariants: reads lie in 0..<count of both sides; both counts are compared first.

extension Bytes: Equatable {
    /// Equal byte by byte.
    @_noLocks
    static func == (a: Bytes, b: Bytes) -> Bool {
        guard a.count == b.count else { return false }
        var index = 0
        while index &+ 8 <= a.count {
            if a.word(at: index, as: UInt64.self) != b.word(at: index, as: UInt64.self) { return false }
            index &+= 8
        }
        while index < a.count {
            if a.start[index] != b.start[index] { return false }
            index &+= 1
        }
        return true
    }

    @inline(__always)
    static func == (a: Bytes, b: StaticString) -> Bool { a == Bytes(b) }

    /// Equal when ASCII letters are compared without their case, as SIP compares tokens (RFC 3261 §7.3.1).
    @_noLocks
    func equalsIgnoringCase(_ other: Bytes) -> Bool {
        guard count == other.count else { return false }
        // Most texts are written as the standards write them: what is equal by words needs no look at each byte.
        var index = 0
        while index &+ 8 <= count {
            if word(at: index, as: UInt64.self) != other.word(at: index, as: UInt64.self) { break }
            index &+= 8
        }
        // The rest with some of what was compared before it, as one word, or two.
        if count >= 8, index &+ 8 > count {
            if word(at: count &- 8, as: UInt64.self) == other.word(at: count &- 8, as: UInt64.self) { return true }
        } else if count >= 4, count < 8, word(at: 0, as: UInt32.self) == other.word(at: 0, as: UInt32.self),
            word(at: count &- 4, as: UInt32.self) == other.word(at: count &- 4, as: UInt32.self)
        {
            return true
        }
        while index < count {
            let a = start[index]
            let b = other.start[index]
            if a != b, a.asciiLowercased != b.asciiLowercased { return false }
            index &+= 1
        }
        return true
    }

    /// Bytes at a place as they lie there.
    @inline(__always)
    private func word<Word: FixedWidthInteger>(at index: Int, as _: Word.Type) -> Word {
        UnsafeRawPointer(start + index).loadUnaligned(as: Word.self)
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
