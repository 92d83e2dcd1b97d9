/// A run of a message's received bytes as offset and length, so that it stays right when the message is copied elsewhere.
struct Slice {
    var offset: UInt32
    var count: UInt32

    /// Nothing was found.
    @inline(__always)
    static var none: Slice { Slice(offset: UInt32.max, count: 0) }

    @inline(__always)
    var isPresent: Bool { offset != UInt32.max }

    @inline(__always)
    var end: UInt32 { offset &+ count }

    @inline(__always)
    init(offset: UInt32, count: UInt32) {
        self.offset = offset
        self.count = count
    }

    @inline(__always)
    init(_ range: Range<Int>) {
        offset = UInt32(truncatingIfNeeded: range.lowerBound)
        count = UInt32(truncatingIfNeeded: range.count)
    }
}
