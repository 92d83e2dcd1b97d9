import Synchronization

// Invariants: one count for each worker, each in a cache line of its own. A worker alone writes its count, so it needs no locked instruction;
// any thread may read it. Freed by the Program.

/// Who keeps a program, worker by worker: runs, routes that modules have armed, and the worker itself while the program is in force there.
struct ProgramUses: @unchecked Sendable {
    private static let stride = 64
    private let counts: UnsafeMutableRawPointer

    init() {
        let size = SuspensionDirectory.maxWorkers * ProgramUses.stride
        counts = .allocate(byteCount: size, alignment: ProgramUses.stride)
        for worker in 0..<SuspensionDirectory.maxWorkers {
            (counts + worker * ProgramUses.stride).bindMemory(to: Atomic<Int>.self, capacity: 1)
                .initialize(to: Atomic(0))
        }
    }

    func free() { counts.deallocate() }

    @inline(__always)
    private func count(_ worker: UInt32) -> UnsafeMutablePointer<Atomic<Int>> {
        (counts + Int(worker) &* ProgramUses.stride).assumingMemoryBound(to: Atomic<Int>.self)
    }

    /// [worker]
    @inline(__always)
    func add(_ worker: UInt32) {
        let count = count(worker)
        count.pointee.store(count.pointee.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }

    /// [worker] One use less; the program stays until the worker's turn of the loop is over at least.
    @inline(__always)
    func remove(_ worker: UInt32) {
        let count = count(worker)
        count.pointee.store(count.pointee.load(ordering: .relaxed) &- 1, ordering: .releasing)
    }

    /// [any] Of so many workers, as each of them was at some moment.
    func total(workers: Int) -> Int {
        (0..<workers).reduce(0) { $0 + count(UInt32($1)).pointee.load(ordering: .acquiring) }
    }
}
