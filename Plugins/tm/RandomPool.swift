import Glibc

// Invariants: one thread; `pool` holds `capacity` numbers of which those from `next` on were never handed out.

/// Numbers from the kernel's generator, fetched many at a time: secrets of transactions, tags, Call-IDs.
struct RandomPool {
    private static let capacity = 512
    private let pool: UnsafeMutablePointer<UInt64>
    private var next = RandomPool.capacity

    init() { pool = .allocate(capacity: RandomPool.capacity) }

    @inline(__always)
    mutating func take() -> UInt64 {
        if next == RandomPool.capacity { fill() }
        defer { next &+= 1 }
        return pool[next]
    }

    @inline(never)
    private mutating func fill() {
        var done = 0
        while done < RandomPool.capacity {
            // getentropy gives 256 bytes at most, all of them or none; it cannot fail with a valid place.
            let count = min(32, RandomPool.capacity - done)
            _ = getentropy(pool + done, count * MemoryLayout<UInt64>.size)
            done += count
        }
        next = 0
    }
}
