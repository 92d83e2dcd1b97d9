import Glibc

// Invariants: every piece carries a 16-byte header before the address handed out; while it is free, its first bytes hold
// the link of its class's list. A slab belongs to one thread; pieces of another slab are never given back here (the header
// tells the owner, whoever frees from elsewhere posts to the owner's mailbox).

/// A worker's memory for what lives longer than a turn of its loop: size classes half a power of two apart, a free list each.
/// Taking and giving back are a few loads and stores; memory goes back to the system only when the slab ends.
struct Slab {
    private struct Header {
        var sizeClass: UInt16
        var owner: UInt16
        /// Asked for, or `freed`.
        var size: UInt32
        var unused: UInt64
    }

    /// What `size` says while a piece is free: finds what is given back twice.
    private static let freed: UInt32 = 0xFFFF_FFFF
    private static let header = 16
    /// Classes: 64, 96, 128, 192, … 131072 bytes, header included.
    static let classes = 23
    /// The largest piece: holds a datagram or a message of 64 KiB with what stands around it.
    static let largest = 131_072 - header
    private static let block = 65_536

    private struct Class {
        var free: UnsafeMutableRawPointer?
        /// Never used part of the newest block.
        var fresh: UnsafeMutableRawPointer?
        var freshCount: UInt32
        /// Pieces handed out now, at most so far, and ever.
        var inUse: UInt32
        var peak: UInt32
        var taken: UInt64
    }

    private let list: UnsafeMutablePointer<Class>
    private var blocks: [UnsafeMutableRawPointer] = []
    /// Index of the worker that owns all pieces.
    let owner: UInt16
    /// Bytes taken from the system, and the bound beyond which `allocate` answers nil.
    private(set) var reserved = 0
    let limit: Int
    /// Allocations since the start, and the number that fails: the test switch. 0 is never.
    private(set) var count: UInt64 = 0
    var failing: UInt64 = 0

    init(owner: Int = 0, limit: Int = 1 << 32) {
        self.owner = UInt16(truncatingIfNeeded: owner)
        self.limit = limit
        list = .allocate(capacity: Slab.classes)
        list.initialize(
            repeating: Class(free: nil, fresh: nil, freshCount: 0, inUse: 0, peak: 0, taken: 0), count: Slab.classes)
    }

    /// Bytes of a piece of this class, header included.
    @inline(__always)
    static func size(ofClass index: Int) -> Int {
        if index == 0 { return 64 }
        let base = 64 &<< ((index &- 1) >> 1)
        return index & 1 == 1 ? base &+ base >> 1 : base &<< 1
    }

    /// The smallest class that holds `size` bytes. Precondition: 0 <= size <= largest.
    @inline(__always)
    static func sizeClass(_ size: Int) -> Int {
        let last = size &+ header &- 1
        if last < 64 { return 0 }
        let log = 63 &- last.leadingZeroBitCount
        return (log &- 6) &* 2 &+ (last >> (log &- 1) & 1) &+ 1
    }

    /// Uninitialised memory, aligned to 16 bytes; nil beyond `largest`, beyond the limit, or when the switch says so.
    @inline(__always) @_noLocks
    mutating func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        count &+= 1
        guard size >= 0, size <= Slab.largest, count != failing else { return nil }
        let index = Slab.sizeClass(size)
        let entry = list + index
        var piece: UnsafeMutableRawPointer
        if let first = entry.pointee.free {
            piece = first
            entry.pointee.free = first.load(as: UnsafeMutableRawPointer?.self)
        } else {
            guard let fresh = takeFresh(index) else { return nil }
            piece = fresh
        }
        let inUse = entry.pointee.inUse &+ 1
        entry.pointee.inUse = inUse
        if inUse > entry.pointee.peak { entry.pointee.peak = inUse }
        entry.pointee.taken &+= 1
        (piece - Slab.header).storeBytes(
            of: Header(
                sizeClass: UInt16(truncatingIfNeeded: index), owner: owner, size: UInt32(truncatingIfNeeded: size),
                unused: 0),
            as: Header.self)
        return piece
    }

    /// Gives a piece of this slab back.
    @inline(__always) @_noLocks
    mutating func free(_ piece: UnsafeMutableRawPointer) {
        let header = (piece - Slab.header).assumingMemoryBound(to: Header.self)
        precondition(header.pointee.size != Slab.freed, "given back twice")
        precondition(header.pointee.owner == owner, "given back to another worker's slab")
        header.pointee.size = Slab.freed
        let entry = list + Int(header.pointee.sizeClass)
        piece.storeBytes(of: entry.pointee.free, as: UnsafeMutableRawPointer?.self)
        entry.pointee.free = piece
        entry.pointee.inUse &-= 1
    }

    /// The bytes that were asked for when the piece was taken.
    @inline(__always)
    static func size(of piece: UnsafeMutableRawPointer) -> Int {
        Int((piece - header).assumingMemoryBound(to: Header.self).pointee.size)
    }

    /// The bytes that a piece of `size` really has: those of its class. Precondition: 0 <= size <= largest.
    @inline(__always)
    static func room(for size: Int) -> Int { Slab.size(ofClass: sizeClass(size)) &- header }

    /// The worker that a piece belongs to: where it has to go back.
    @inline(__always)
    static func owner(of piece: UnsafeMutableRawPointer) -> Int {
        Int((piece - header).assumingMemoryBound(to: Header.self).pointee.owner)
    }

    /// A copy of the bytes in a piece of its own.
    @_noLocks
    mutating func copy(_ bytes: Bytes) -> Bytes? {
        guard let place = allocate(bytes.count) else { return nil }
        place.copyMemory(from: bytes.start, byteCount: bytes.count)
        return Bytes(UnsafePointer(place.assumingMemoryBound(to: UInt8.self)), bytes.count)
    }

    @inline(never) @_semantics("no_performance_analysis")
    private mutating func takeFresh(_ index: Int) -> UnsafeMutableRawPointer? {
        let size = Slab.size(ofClass: index)
        let entry = list + index
        if entry.pointee.freshCount == 0 {
            let bytes = max(Slab.block, size)
            guard reserved + bytes <= limit, let memory = aligned_alloc(64, bytes) else { return nil }
            reserved += bytes
            blocks.append(memory)
            entry.pointee.fresh = memory
            entry.pointee.freshCount = UInt32(bytes / size)
        }
        guard let start = entry.pointee.fresh else { return nil }
        entry.pointee.fresh = start + size
        entry.pointee.freshCount -= 1
        return start + Slab.header
    }

    /// Pieces handed out now, over all classes.
    var inUse: Int { (0..<Slab.classes).reduce(0) { $0 + Int(list[$1].inUse) } }

    /// Figures of one class: for reports.
    func usage(ofClass index: Int) -> (size: Int, inUse: Int, peak: Int, taken: UInt64) {
        let entry = list[index]
        return (Slab.size(ofClass: index), Int(entry.inUse), Int(entry.peak), entry.taken)
    }

    /// Ends the slab and everything in it.
    mutating func end() {
        for block in blocks { Glibc.free(block) }
        blocks = []
        list.deallocate()
    }
}
