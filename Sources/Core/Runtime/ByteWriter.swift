// Invariants: `cursor` never passes `end`: what does not fit is not written, and `isOverflown` says so for good.

/// Appends bytes and numbers to memory that somebody else owns.
struct ByteWriter {
    private(set) var cursor: UnsafeMutablePointer<UInt8>
    private let start: UnsafeMutablePointer<UInt8>
    private let end: UnsafeMutablePointer<UInt8>
    /// Something did not fit; what was written is not the whole.
    private(set) var isOverflown = false

    /// Writes to `start`, at most `capacity` bytes.
    @inline(__always)
    init(_ start: UnsafeMutablePointer<UInt8>, capacity: Int) {
        self.start = start
        cursor = start
        end = start + capacity
    }

    @inline(__always)
    init(_ buffer: UnsafeMutableRawBufferPointer) {
        if let base = buffer.baseAddress {
            self.init(base.assumingMemoryBound(to: UInt8.self), capacity: buffer.count)
        } else {
            self.init(UnsafeMutablePointer(mutating: Bytes.empty.start), capacity: 0)
        }
    }

    /// Bytes written so far.
    @inline(__always)
    var count: Int { cursor - start }

    /// Bytes that still fit.
    @inline(__always)
    var room: Int { end - cursor }

    /// What was written, for as long as the memory holds it.
    @inline(__always)
    var bytes: Bytes { Bytes(UnsafePointer(start), count) }

    @inline(__always)
    mutating func write(_ bytes: Bytes) {
        guard bytes.count <= room else {
            isOverflown = true
            return
        }
        UnsafeMutableRawPointer(cursor).copyMemory(from: bytes.start, byteCount: bytes.count)
        cursor += bytes.count
    }

    @inline(__always)
    mutating func write(_ text: StaticString) { write(Bytes(text)) }

    @inline(__always)
    mutating func write(byte: UInt8) {
        guard cursor < end else {
            isOverflown = true
            return
        }
        cursor.pointee = byte
        cursor += 1
    }

    /// Two hexadecimal digits.
    @inline(__always)
    mutating func write(capitalHex byte: UInt8) {
        let digits: StaticString = "0123456789ABCDEF"
        write(byte: digits.utf8Start[Int(byte &>> 4)])
        write(byte: digits.utf8Start[Int(byte & 15)])
    }

    /// A number in decimal digits.
    @_noLocks
    mutating func write(decimal value: UInt64) {
        var digits = 1
        var rest = value
        while rest >= 10 {
            rest /= 10
            digits &+= 1
        }
        guard digits <= room else {
            isOverflown = true
            return
        }
        rest = value
        var at = cursor + digits
        cursor = at
        for _ in 0..<digits {
            at -= 1
            at.pointee = 48 &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }

    /// Numeric address: `192.0.2.1`, `2001:db8::1`, the latter in brackets where a host of SIP is meant.
    @_noLocks
    mutating func write(address: SocketAddress, brackets: Bool) {
        guard room >= SocketAddress.longestText else {
            isOverflown = true
            return
        }
        cursor += address.writeAddress(to: cursor, brackets: brackets)
    }

    /// Lets `body` write to the room that is left and answer how many bytes it wrote.
    @inline(__always)
    mutating func write(_ body: (UnsafeMutablePointer<UInt8>, Int) -> Int) {
        let written = body(cursor, room)
        guard written >= 0, written <= room else {
            isOverflown = true
            return
        }
        cursor += written
    }
}
