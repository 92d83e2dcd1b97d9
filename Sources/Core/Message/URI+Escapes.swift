extension Bytes {
    /// Writes the bytes with every well-formed `%HH` as the byte it stands for; broken ones stay as they are.
    @_noLocks
    func unescape(into out: inout ByteWriter) {
        var at = 0
        while at < count {
            let (byte, next) = unescaped(at)
            out.write(byte: byte)
            at = next
        }
    }

    /// Writes the bytes with all that `allowed` does not contain as `%HH`. A `%` is escaped unless `allowed` has it.
    @_noLocks
    func escape(into out: inout ByteWriter, allowed: ByteSet) {
        var at = 0
        while at < count {
            let byte = self[at]
            if allowed.contains(byte) {
                out.write(byte: byte)
            } else {
                out.write(byte: UInt8(ascii: "%"))
                out.write(capitalHex: byte)
            }
            at &+= 1
        }
    }

    /// The byte at `at` with its escape taken off, and the index behind it. Precondition: at < count.
    @inline(__always)
    func unescaped(_ at: Int) -> (UInt8, Int) {
        if self[at] == UInt8(ascii: "%"), at &+ 2 < count, let high = self[at &+ 1].hexValue,
            let low = self[at &+ 2].hexValue
        {
            return (high &<< 4 | low, at &+ 3)
        }
        return (self[at], at &+ 1)
    }

    /// Equal by RFC 3261 §19.1.4: a byte equals its escape unless it is reserved, in which case escaping gives it another meaning.
    @_noLocks
    func equalsUnescaped(_ other: Bytes, ignoringCase: Bool) -> Bool {
        var a = 0
        var b = 0
        while a < count, b < other.count {
            let (left, nextA) = unescaped(a)
            let (right, nextB) = other.unescaped(b)
            if left != right, !ignoringCase || left.asciiLowercased != right.asciiLowercased { return false }
            if nextA &- a != nextB &- b, ByteSet.reserved.contains(left) { return false }
            a = nextA
            b = nextB
        }
        return a == count && b == other.count
    }
}
