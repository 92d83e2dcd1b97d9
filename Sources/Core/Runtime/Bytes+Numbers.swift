extension Bytes {
    /// The value of 1*DIGIT, all of the bytes; nil for anything else and for values above `limit`: never wrapped, never
    /// cut.
    @_noLocks
    func decimal(limit: UInt64 = UInt64.max / 16) -> UInt64? {
        guard count > 0 else { return nil }
        var value: UInt64 = 0
        var index = 0
        while index < count {
            let digit = start[index] &- 48
            guard digit < 10 else { return nil }
            value = value &* 10 &+ UInt64(digit)
            guard value <= limit else { return nil }
            index &+= 1
        }
        return value
    }

    /// The value of 1*DIGIT up to 2^32-1.
    @inline(__always)
    var uint32: UInt32? { decimal(limit: UInt64(UInt32.max)).map { UInt32(truncatingIfNeeded: $0) } }

    /// The value of 1*DIGIT up to 65535.
    @inline(__always)
    var uint16: UInt16? { decimal(limit: UInt64(UInt16.max)).map { UInt16(truncatingIfNeeded: $0) } }
}
