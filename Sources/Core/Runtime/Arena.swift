import Glibc

// Invariants: every pointer handed out lies in a chunk of this arena, or in the room given to it at first, and is valid until `reset` or
// `free`; nothing is freed one by one; nothing here runs a destructor. An arena belongs to one thread at a time; one whose chunks come from
// a slab to the slab's thread, and it ends before the slab does.

/// Memory that ends all at once: a bump allocator over chunks. There are two kinds. One asks the system for its chunks and keeps the first in
/// `reset`, so that the steady state of a worker asks for nothing. The other has chunks of a slab, none before it is needed: for the
/// many objects that live long and allocate little.
struct Arena {
    /// Stands at the head of each chunk; the usable bytes follow it.
    private struct Chunk {
        var next: UnsafeMutablePointer<Chunk>?
        var size: Int
    }

    /// Kept across `reset`; nil when chunks come from a slab.
    private let first: UnsafeMutablePointer<Chunk>?
    /// All others, newest first.
    private var extra: UnsafeMutablePointer<Chunk>?
    private let slab: UnsafeMutablePointer<Slab>?
    private var cursor: UnsafeMutableRawPointer
    private var end: UnsafeMutableRawPointer
    /// Bytes that may still be asked of the system before `allocate` fails.
    private var allowance: Int
    private let limit: Int

    /// Bytes of the first chunk from a slab, and of the largest one that is taken ahead; each is twice as large as the one before.
    private static let slabChunk = 512
    private static let largestSlabChunk = 8192

    /// - Parameters:
    ///   - chunk: usable bytes of the first chunk, kept across `reset`.
    ///   - limit: bytes that one life may take beyond the first chunk; then `allocate` answers nil.
    init(chunk: Int, limit: Int) {
        let first = Arena.makeChunk(chunk)
        self.first = first
        slab = nil
        cursor = UnsafeMutableRawPointer(first + 1)
        end = cursor + chunk
        allowance = limit
        self.limit = limit
    }

    /// - Parameters:
    ///   - slab: gives the chunks; that of the arena's worker.
    ///   - room: memory to begin with, aligned to 8 bytes; the caller's.
    ///   - limit: bytes that it may take beyond it; then `allocate` answers nil.
    init(slab: UnsafeMutablePointer<Slab>, room: UnsafeMutableRawBufferPointer, limit: Int) {
        first = nil
        self.slab = slab
        cursor = room.baseAddress ?? UnsafeMutableRawPointer(bitPattern: 8).unsafelyUnwrapped
        end = cursor + room.count
        allowance = limit
        self.limit = limit
    }

    /// Uninitialised memory, aligned to 8 bytes; nil when the arena's limit is reached.
    @inline(__always)
    mutating func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        let rounded = (size &+ 7) & ~7
        if rounded <= end - cursor {
            let result = cursor
            cursor += rounded
            return result
        }
        return allocateSlow(rounded)
    }

    @inline(never) @_semantics("no_performance_analysis")
    private mutating func allocateSlow(_ size: Int) -> UnsafeMutableRawPointer? {
        guard size >= 0, size <= allowance, let chunk = slab == nil ? systemChunk(size) : slabChunk(size) else {
            return nil
        }
        allowance -= chunk.pointee.size
        chunk.pointee.next = extra
        extra = chunk
        cursor = UnsafeMutableRawPointer(chunk + 1) + size
        end = UnsafeMutableRawPointer(chunk + 1) + chunk.pointee.size
        return UnsafeMutableRawPointer(chunk + 1)
    }

    /// A chunk of at least `size` bytes, within the allowance.
    private func systemChunk(_ size: Int) -> UnsafeMutablePointer<Chunk>? {
        let size = max(size, 4096)
        return size <= allowance ? Arena.makeChunk(size) : nil
    }

    private func slabChunk(_ size: Int) -> UnsafeMutablePointer<Chunk>? {
        let header = MemoryLayout<Chunk>.stride
        let usual = min(2 * (extra.map { $0.pointee.size } ?? Arena.slabChunk / 2), Arena.largestSlabChunk)
        guard let slab, size <= Slab.largest - header else { return nil }
        // All that the piece's class has, which is more than what is asked for.
        let room = Slab.room(for: max(size, usual - 2 * header) + header)
        guard room - header <= allowance, let raw = slab.pointee.allocate(room) else { return nil }
        let chunk = raw.bindMemory(to: Chunk.self, capacity: 1)
        chunk.initialize(to: Chunk(next: nil, size: room - header))
        return chunk
    }

    /// A copy of the bytes that lives as long as the arena; nil when the limit is reached.
    mutating func copy(_ bytes: Bytes) -> Bytes? {
        guard let place = allocate(bytes.count) else { return nil }
        place.copyMemory(from: bytes.start, byteCount: bytes.count)
        return Bytes(UnsafePointer(place.assumingMemoryBound(to: UInt8.self)), bytes.count)
    }

    /// Ends the life of everything allocated; keeps the first chunk, but not the room of an arena over a slab.
    mutating func reset() {
        if extra != nil { freeExtra() }
        if let first {
            cursor = UnsafeMutableRawPointer(first + 1)
            end = cursor + first.pointee.size
        } else {
            end = cursor
        }
        allowance = limit
    }

    /// Gives everything back. The arena must not be used afterwards.
    mutating func free() {
        freeExtra()
        if let first { Glibc.free(first) }
    }

    @inline(never)
    private mutating func freeExtra() {
        var chunk = extra
        while let c = chunk {
            chunk = c.pointee.next
            if let slab { slab.pointee.free(UnsafeMutableRawPointer(c)) } else { Glibc.free(c) }
        }
        extra = nil
    }

    private static func makeChunk(_ size: Int) -> UnsafeMutablePointer<Chunk> {
        guard let raw = malloc(MemoryLayout<Chunk>.stride + size) else { fatalError("out of memory") }
        let chunk = raw.bindMemory(to: Chunk.self, capacity: 1)
        chunk.initialize(to: Chunk(next: nil, size: size))
        return chunk
    }
}
