import Glibc

// Invariants: a Bytes borrows. Whoever makes one names the owner (receive slot, arena, program, static text) and keeps
// it alive and unchanged for as long as the Bytes is used. `start` is never null and may be read for `count` bytes.

/// A borrowed run of bytes, the string of Core: pointer and length, never NUL-terminated, no ownership.
struct Bytes {
    let start: UnsafePointer<UInt8>
    let count: Int

    @inline(__always)
    init(_ start: UnsafePointer<UInt8>, _ count: Int) {
        self.start = start
        self.count = count
    }

    /// Text that lives as long as the program.
    @inline(__always)
    init(_ text: StaticString) {
        start = text.utf8Start
        count = text.utf8CodeUnitCount
    }

    @inline(__always)
    static var empty: Bytes { Bytes("") }

    @inline(__always)
    var isEmpty: Bool { count == 0 }

    @inline(__always)
    subscript(_ index: Int) -> UInt8 { start[index] }

    /// The bytes from `from` up to, not including, `to`. Precondition: 0 <= from <= to <= count.
    @inline(__always)
    subscript(_ range: Range<Int>) -> Bytes { Bytes(start + range.lowerBound, range.count) }

    /// A String with invalid UTF-8 repaired: for logs, diagnostics and other cold code only.
    var string: String { String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self) }
}

extension Bytes {
    /// A copy that lives as long as the program: for what is made once at start.
    init(permanent text: String) {
        var copy = text
        self = copy.withUTF8 { buffer in
            guard let start = buffer.baseAddress, buffer.count > 0 else { return .empty }
            let place = UnsafeMutablePointer<UInt8>.allocate(capacity: buffer.count)
            place.initialize(from: start, count: buffer.count)
            return Bytes(UnsafePointer(place), buffer.count)
        }
    }
}
