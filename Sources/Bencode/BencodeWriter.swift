// Invariants: writes within the memory that it was given, which is the caller's; from the first piece that does not fit on it writes nothing.

/// Puts a bencoded text together in memory of fixed size. What is opened is closed by `end`; in a dictionary a key stands in front of each value.
public struct BencodeWriter {
    private let memory: UnsafeMutableRawBufferPointer
    public private(set) var count = 0
    public private(set) var overflowed = false

    @_noLocks public init(_ memory: UnsafeMutableRawBufferPointer) { self.memory = memory }

    public var bytes: UnsafeRawBufferPointer {
        @_noLocks get { UnsafeRawBufferPointer(rebasing: memory[..<count]) }
    }

    @_noLocks public mutating func beginDictionary() { add(UInt8(ascii: "d")) }
    @_noLocks public mutating func beginList() { add(UInt8(ascii: "l")) }
    @_noLocks public mutating func end() { add(UInt8(ascii: "e")) }

    @_noLocks public mutating func text(_ text: StaticString) {
        self.text(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @_noLocks public mutating func text(_ text: UnsafeRawBufferPointer) {
        digits(UInt64(text.count))
        add(UInt8(ascii: ":"))
        add(text)
    }

    @_noLocks public mutating func number(_ number: Int64) {
        add(UInt8(ascii: "i"))
        if number < 0 { add(UInt8(ascii: "-")) }
        digits(number.magnitude)
        add(UInt8(ascii: "e"))
    }

    private mutating func digits(_ number: UInt64) {
        var unit: UInt64 = 1
        while number / unit >= 10 { unit *= 10 }
        while unit > 0 {
            add(0x30 + UInt8(number / unit % 10))
            unit /= 10
        }
    }

    private mutating func add(_ byte: UInt8) {
        overflowed = overflowed || count == memory.count
        guard !overflowed else { return }
        memory[count] = byte
        count += 1
    }

    private mutating func add(_ piece: UnsafeRawBufferPointer) {
        overflowed = overflowed || piece.count > memory.count - count
        guard !overflowed else { return }
        UnsafeMutableRawBufferPointer(rebasing: memory[count..<count + piece.count]).copyMemory(from: piece)
        count += piece.count
    }
}
