// Invariants: every read lies in 0..<count, the wide loads included: they are made where 8 bytes remain, or of the last 8 of at least as many,
// so that a message may end at the end of a page.

extension Bytes {
    /// One past the last byte: for pointer differences only.
    @inline(__always)
    var end: UnsafePointer<UInt8> { start + count }

    /// The bytes from `index` on. Precondition: 0 <= index <= count.
    @inline(__always)
    func dropFirst(_ index: Int) -> Bytes { Bytes(start + index, count &- index) }

    /// The first `length` bytes. Precondition: 0 <= length <= count.
    @inline(__always)
    func prefix(_ length: Int) -> Bytes { Bytes(start, length) }

    /// Whether `other` is a part of the same memory as these bytes.
    @inline(__always)
    func contains(_ other: Bytes) -> Bool { other.start >= start && other.end <= end }

    /// The distance of `other` from our start. Precondition: `contains(other)`.
    @inline(__always)
    func offset(of other: Bytes) -> Int { other.start - start }

    /// The index of the first `byte` at or after `from`, or nil.
    @_noLocks
    func firstIndex(of byte: UInt8, from: Int = 0) -> Int? {
        let found = firstIndex(ofEither: byte, byte, from: from)
        return found < count ? found : nil
    }

    /// The index of the first CR or LF at or after `from`; `count` when there is none.
    @_noLocks
    func lineBreak(from: Int) -> Int { firstIndex(ofEither: 13, 10, from: from) }

    /// The index of the first byte equal to `a` or `b` at or after `from`; `count` when there is none.
    @inline(__always)
    private func firstIndex(ofEither a: UInt8, _ b: UInt8, from: Int) -> Int {
        var index = from
        let first = 0x0101_0101_0101_0101 &* UInt64(a)
        let second = 0x0101_0101_0101_0101 &* UInt64(b)
        while index &+ 8 <= count {
            let word = UInt64(littleEndian: UnsafeRawPointer(start + index).loadUnaligned(as: UInt64.self))
            let matches = Bytes.zeroBytes(word ^ first) | Bytes.zeroBytes(word ^ second)
            if matches != 0 { return index &+ matches.trailingZeroBitCount &>> 3 }
            index &+= 8
        }
        guard index < count else { return count }
        guard count >= 8 else {
            while index < count, start[index] != a, start[index] != b { index &+= 1 }
            return index
        }
        // The rest as part of the last whole word: what lies before it is shifted out, and what comes in instead lies behind the end.
        let word = UInt64(littleEndian: UnsafeRawPointer(start + (count &- 8)).loadUnaligned(as: UInt64.self))
        let rest = word &>> UInt64((8 &- (count &- index)) &* 8)
        let matches = Bytes.zeroBytes(rest ^ first) | Bytes.zeroBytes(rest ^ second)
        return matches == 0 ? count : min(count, index &+ matches.trailingZeroBitCount &>> 3)
    }

    /// The high bit of every byte that is zero; above the lowest such byte there may be false ones. Plain words, since Swift's SIMD
    /// masks are compiled lane by lane: this is ten times as fast.
    @inline(__always)
    private static func zeroBytes(_ word: UInt64) -> UInt64 {
        (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
    }

    /// The index of the last `byte`, or nil.
    @_noLocks
    func lastIndex(of byte: UInt8) -> Int? {
        var index = count
        while index > 0 {
            index &-= 1
            if start[index] == byte { return index }
        }
        return nil
    }

    /// The index of the first occurrence of `needle` at or after `from`, or nil. An empty needle is found at once.
    @_noLocks
    func firstIndex(of needle: Bytes, from: Int = 0) -> Int? {
        if needle.count == 0 { return from <= count ? from : nil }
        var index = from
        while let candidate = firstIndex(of: needle[0], from: index), candidate &+ needle.count <= count {
            if self[candidate..<candidate &+ needle.count] == needle { return candidate }
            index = candidate &+ 1
        }
        return nil
    }

    /// The index of the first byte at or after `from` that `set` does not contain; `count` when all are in it.
    @inline(__always)
    func end(of set: ByteSet, from: Int = 0) -> Int {
        var index = from
        while index < count, set.contains(start[index]) { index &+= 1 }
        return index
    }

    /// The index of the first byte at or after `from` that is no white space of RFC 3261 `LWS`: SP, HTAB, and CR and LF
    /// as they stand in folded lines.
    @inline(__always)
    func skipSpace(from: Int = 0) -> Int { end(of: .space, from: from) }

    /// Without white space (SP, HTAB, CR, LF) at either end.
    var trimmed: Bytes {
        @_noLocks get {
            var low = 0
            var high = count
            while low < high, ByteSet.space.contains(start[low]) { low &+= 1 }
            while high > low, ByteSet.space.contains(start[high &- 1]) { high &-= 1 }
            return self[low..<high]
        }
    }

    /// Whether every byte lies in `set`; true for no bytes.
    @_noLocks
    func allSatisfy(_ set: ByteSet) -> Bool { end(of: set) == count }

    /// The index after the closing `"` of the quoted string that opens at `index`, or nil when it is never closed. A
    /// backslash takes the meaning from the byte behind it (RFC 3261 `quoted-pair`).
    @_noLocks
    func endOfQuotedString(from index: Int) -> Int? {
        var index = index &+ 1
        while index < count {
            switch start[index] {
            case UInt8(ascii: "\\"): index &+= 2
            case UInt8(ascii: "\""): return index &+ 1
            default: index &+= 1
            }
        }
        return nil
    }
}
