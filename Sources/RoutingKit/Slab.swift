import Glibc

// Invariants: used under the lock of whoever it belongs to. A piece is in a list, or in the hands of whoever allocated it, never both. A piece in
// a list has the next one's address in its first bytes. Chunks are given back to the system by `free` only.

/// Memory for many things of a few sizes, such as the contacts of one stripe: pieces cut from chunks, kept in lists by size when they are given back.
public struct Slab {
    /// Bytes of the largest piece.
    public static let largest = 8192
    private static let unit = 16
    private static let listCount = 71
    private static let smallestChunk = 4096
    private static let largestChunk = 65536
    /// A larger piece is cut when what remains of it can hold a contact.
    private static let smallestRest = 160

    private let lists: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    /// Lists 0 to 63 that have pieces.
    private var filled: UInt64 = 0
    private var bump: UnsafeMutableRawPointer?
    private var left = 0
    private var chunk: UnsafeMutableRawPointer?
    private var chunkSize = Slab.smallestChunk
    /// Bytes of all chunks.
    public private(set) var footprint = 0

    public init() {
        lists = .allocate(capacity: Slab.listCount)
        lists.initialize(repeating: nil, count: Slab.listCount)
    }

    public func free() {
        var next = chunk
        while let one = next {
            next = one.load(as: UnsafeMutableRawPointer?.self)
            Glibc.free(one)
        }
        lists.deallocate()
    }

    /// By 16 bytes up to 1024, then by 1024.
    private static func list(of size: Int) -> Int { size <= 1024 ? (size + 15) / unit - 1 : 62 + (size + 1023) / 1024 }

    private static func size(ofList list: Int) -> Int { list < 64 ? (list + 1) * unit : (list - 62) * 1024 }

    /// Aligned to 16 bytes, uninitialised. Nil when the size is 0 or too large, or the system has no memory.
    public mutating func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        guard 1...Slab.largest ~= size else { return nil }
        let list = Slab.list(of: size)
        if let piece = pop(list) { return piece }
        let wanted = Slab.size(ofList: list)
        if left < wanted {
            if let piece = cut(list, wanted) { return piece }
            guard grow(wanted) else { return nil }
        }
        guard let piece = bump else { return nil }
        bump = piece + wanted
        left -= wanted
        return piece
    }

    /// - Parameter size: as it was allocated.
    public mutating func release(_ piece: UnsafeMutableRawPointer, _ size: Int) { push(Slab.list(of: size), piece) }

    private mutating func pop(_ list: Int) -> UnsafeMutableRawPointer? {
        guard let piece = lists[list] else { return nil }
        lists[list] = piece.load(as: UnsafeMutableRawPointer?.self)
        if lists[list] == nil, list < 64 { filled &= ~(1 << UInt64(list)) }
        return piece
    }

    private mutating func push(_ list: Int, _ piece: UnsafeMutableRawPointer) {
        piece.storeBytes(of: lists[list], as: UnsafeMutableRawPointer?.self)
        lists[list] = piece
        if list < 64 { filled |= 1 << UInt64(list) }
    }

    /// From a free piece that is larger: sizes shift in the course of time, and memory shall not grow by that.
    private mutating func cut(_ list: Int, _ wanted: Int) -> UnsafeMutableRawPointer? {
        let first = list + Slab.smallestRest / Slab.unit
        guard first < 64 else { return nil }
        let candidates = (filled &>> UInt64(first)) &<< UInt64(first)
        guard candidates != 0 else { return nil }
        let from = candidates.trailingZeroBitCount
        guard let piece = pop(from) else { return nil }
        keep(piece + wanted, Slab.size(ofList: from) - wanted)
        return piece
    }

    /// Puts memory into the lists, in pieces as large as they come.
    private mutating func keep(_ start: UnsafeMutableRawPointer, _ count: Int) {
        var start = start
        var count = count
        while count >= Slab.unit {
            let size = count >= 2048 ? min(count / 1024 * 1024, Slab.largest) : min(count / Slab.unit * Slab.unit, 1024)
            push(Slab.list(of: size), start)
            start += size
            count -= size
        }
    }

    private mutating func grow(_ wanted: Int) -> Bool {
        let size = max(chunkSize, wanted + Slab.unit)
        guard let memory = malloc(size) else { return false }
        if let rest = bump { keep(rest, left) }
        memory.storeBytes(of: chunk, as: UnsafeMutableRawPointer?.self)
        chunk = memory
        bump = memory + Slab.unit
        left = (size - Slab.unit) / Slab.unit * Slab.unit
        footprint += size
        chunkSize = min(chunkSize * 2, Slab.largestChunk)
        return true
    }
}
