import CBytes

// Invariants: every read lies in 0..<count, so that a message may end at the end of a page; CBytes sees to that, too.

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
        let found = firstIndex(ofAny: byte, from: from)
        return found < count ? found : nil
    }

    /// The index of the first CR or LF at or after `from`; `count` when there is none.
    @_noLocks
    func lineBreak(from: Int) -> Int { firstIndex(ofAny: 13, 10, from: from) }

    /// The index of the first byte at or after `from` that ends a name or value among parameters, or may: a semicolon, a comma, `=`, a quote or an
    /// opening parenthesis; `count` when there is none.
    @_noLocks
    func parameterMark(from: Int) -> Int {
        firstIndex(
            ofAny: UInt8(ascii: ";"), UInt8(ascii: ","), UInt8(ascii: "="), UInt8(ascii: "\""), UInt8(ascii: "("),
            from: from)
    }

    /// The index of the first byte equal to one of these at or after `from`; `count` when there is none.
    @inline(__always)
    func firstIndex(
        ofAny a: UInt8, _ b: UInt8? = nil, _ c: UInt8? = nil, _ d: UInt8? = nil, _ e: UInt8? = nil, _ f: UInt8? = nil,
        from: Int
    ) -> Int {
        bytes_find(start, count, from, a, b ?? a, c ?? a, d ?? a, e ?? a, f ?? a)
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
    @inline(__always)
    var trimmed: Bytes {
        // Nothing to take away, as a rule.
        !isEmpty && start[0] > 32 && start[count &- 1] > 32 ? self : withoutSpaceAround
    }

    private var withoutSpaceAround: Bytes {
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

    /// Whether all are printing characters of ASCII without the space, 0x21 to 0x7e; true for no bytes.
    var isPrinting: Bool {
        @_noLocks get { bytes_all_printing(start, count) != 0 }
    }

    /// The index after the closing `"` of the quoted string that opens at `index`, or nil when it is never closed. A
    /// backslash takes the meaning from the byte behind it (RFC 3261 `quoted-pair`).
    @_noLocks
    func endOfQuotedString(from index: Int) -> Int? {
        var index = index &+ 1
        while index < count {
            index = firstIndex(ofAny: UInt8(ascii: "\""), UInt8(ascii: "\\"), from: index)
            guard index < count else { break }
            if start[index] == UInt8(ascii: "\"") { return index &+ 1 }
            index &+= 2
        }
        return nil
    }
}
