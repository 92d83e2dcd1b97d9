import Glibc
import Synchronization

// Invariants: the cells have their size from the start and are never freed; pages that nobody counts on are never touched. A worker writes to its own
// cells alone, everybody reads: atomic loads and stores without a lock prefix.

/// Replies by method and status code, in a share of its own for each worker. Counting begins when somebody wants to know.
struct ReplyCounts: @unchecked Sendable {
    private typealias Cell = Atomic<UInt64>

    /// Methods by the place of their bit; what the server does not know is the last.
    private static let methods = 16
    private static let codes = 600
    private static let share = methods * codes * 2

    private let workers: Int
    private let cells: UnsafeMutablePointer<Cell>
    private let isOn: UnsafeMutablePointer<Atomic<Bool>>

    init(workers: Int) {
        self.workers = workers
        // Zeros are what an Atomic<UInt64> of 0 consists of; pages come when they are needed.
        let memory = calloc(workers * ReplyCounts.share, MemoryLayout<Cell>.stride)!
        cells = memory.bindMemory(to: Cell.self, capacity: workers * ReplyCounts.share)
        isOn = .allocate(capacity: 1)
        isOn.initialize(to: Atomic(false))
    }

    /// Whether anybody wants to know.
    @inline(__always)
    var areCounted: Bool { isOn.pointee.load(ordering: .relaxed) }

    func begin() { isOn.pointee.store(true, ordering: .relaxed) }

    /// [worker] One reply more; `worker` is the calling one. Codes that SIP does not have are not counted.
    @inline(__always)
    func count(_ method: Method, _ code: Int, sent: Bool, worker: Int) {
        guard let place = ReplyCounts.place(method, code) else { return }
        let cell = cells + (worker &* ReplyCounts.share &+ place &+ (sent ? 1 : 0))
        cell.pointee.store(cell.pointee.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }

    /// Over all workers; nil for a code that SIP does not have.
    func sum(_ method: Method, _ code: UInt32) -> (received: UInt64, sent: UInt64)? {
        guard let place = ReplyCounts.place(method, Int(code)) else { return nil }
        var sum: (received: UInt64, sent: UInt64) = (0, 0)
        for worker in 0..<workers {
            let cell = cells + worker * ReplyCounts.share + place
            sum.received &+= cell.pointee.load(ordering: .relaxed)
            sum.sent &+= (cell + 1).pointee.load(ordering: .relaxed)
        }
        return sum
    }

    @inline(__always)
    private static func place(_ method: Method, _ code: Int) -> Int? {
        guard code >= 100, code < 100 + codes else { return nil }
        return (min(method.rawValue.trailingZeroBitCount, methods &- 1) &* codes &+ code &- 100) &* 2
    }
}
