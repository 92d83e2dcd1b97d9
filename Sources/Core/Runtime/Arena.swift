import Glibc

// Invariants: every pointer handed out lies in a chunk of this arena and is valid until `reset` or `free`; nothing is
// freed one by one; nothing here runs a destructor. An arena belongs to one thread at a time.

/// Memory that ends all at once: a bump allocator over chunks. The first chunk is kept by `reset`, so that the steady state
/// of a worker asks the system for nothing.
struct Arena {
    /// Stands at the head of each chunk; the usable bytes follow it.
    private struct Chunk {
        var next: UnsafeMutablePointer<Chunk>?
        var size: Int
    }

    private var first: UnsafeMutablePointer<Chunk>
    private var current: UnsafeMutablePointer<Chunk>
    private var cursor: UnsafeMutableRawPointer
    private var end: UnsafeMutableRawPointer
    /// Bytes that may still be asked of the system before `allocate` fails.
    private var allowance: Int
    private let limit: Int

    /// - Parameters:
    ///   - chunk: usable bytes of the first chunk, kept across `reset`.
    ///   - limit: bytes that one life may take beyond the first chunk; then `allocate` answers nil.
    init(chunk: Int, limit: Int) {
        first = Arena.makeChunk(chunk)
        current = first
        cursor = UnsafeMutableRawPointer(first + 1)
        end = cursor + chunk
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
        let chunkSize = max(size, 4096)
        guard size >= 0, chunkSize <= allowance else { return nil }
        allowance -= chunkSize
        let chunk = Arena.makeChunk(chunkSize)
        chunk.pointee.next = current.pointee.next
        current.pointee.next = chunk
        current = chunk
        cursor = UnsafeMutableRawPointer(chunk + 1) + size
        end = UnsafeMutableRawPointer(chunk + 1) + chunkSize
        return UnsafeMutableRawPointer(chunk + 1)
    }

    /// A copy of the bytes that lives as long as the arena; nil when the limit is reached.
    mutating func copy(_ bytes: Bytes) -> Bytes? {
        guard let place = allocate(bytes.count) else { return nil }
        place.copyMemory(from: bytes.start, byteCount: bytes.count)
        return Bytes(UnsafePointer(place.assumingMemoryBound(to: UInt8.self)), bytes.count)
    }

    /// Ends the life of everything allocated; keeps the first chunk.
    mutating func reset() {
        if first.pointee.next != nil { freeExtra() }
        current = first
        cursor = UnsafeMutableRawPointer(first + 1)
        end = cursor + first.pointee.size
        allowance = limit
    }

    /// Gives everything back to the system. The arena must not be used afterwards.
    mutating func free() {
        freeExtra()
        Glibc.free(first)
    }

    @inline(never)
    private mutating func freeExtra() {
        var chunk = first.pointee.next
        while let c = chunk {
            chunk = c.pointee.next
            Glibc.free(c)
        }
        first.pointee.next = nil
    }

    private static func makeChunk(_ size: Int) -> UnsafeMutablePointer<Chunk> {
        guard let raw = malloc(MemoryLayout<Chunk>.stride + size) else { fatalError("out of memory") }
        let chunk = raw.bindMemory(to: Chunk.self, capacity: 1)
        chunk.initialize(to: Chunk(next: nil, size: size))
        return chunk
    }
}
