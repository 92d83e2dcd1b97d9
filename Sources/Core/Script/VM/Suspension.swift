import Glibc
import PluginAPI
import Synchronization

// Invariants: suspensions lie in blocks that are never freed, so that a token can be looked up from any thread at any time. `state`
// decides alone: whoever moves it from waiting to answered (one compare-and-swap) owns the answer fields until the worker
// has taken them; everybody else is late. All other fields are the worker's.

/// One waiting function. A token names it: worker, place and generation, so that a stale one is recognised.
struct Suspension: ~Copyable {
    typealias Done = @convention(c) (UnsafePointer<apus_call>, CInt, UnsafeMutableRawPointer?) -> CInt
    typealias Release = @convention(c) (UnsafeMutableRawPointer?) -> Void

    /// First, so that the node's address is the suspension's.
    var mail: MailNode
    var timer: TimerNode

    /// generation << 1, plus 1 once it is answered. A generation that ends makes every token of it stale.
    let state: Atomic<UInt64>
    let worker: UInt32
    let place: UInt32
    /// The run that waits; nil while the suspension is free.
    var run: UnsafeMutablePointer<Run>?
    var done: Done?
    var user: UnsafeMutableRawPointer?

    // The answer.
    var status: CInt
    var payload: UnsafeMutableRawPointer?
    var release: Release?

    var nextFree: UnsafeMutablePointer<Suspension>?

    /// - Parameter own: where it will lie.
    init(worker: UInt32, place: UInt32, own: UnsafeMutableRawPointer) {
        mail = MailNode { _, node in node.assumingMemoryBound(to: Suspension.self).completed() }
        timer = TimerNode(context: own) { _, own in own?.assumingMemoryBound(to: Suspension.self).timedOut() }
        // Generations begin at 1, so that no token is 0.
        state = Atomic(2)
        self.worker = worker
        self.place = place
        run = nil
        done = nil
        user = nil
        status = 0
        payload = nil
        release = nil
        nextFree = nil
    }
}

/// The suspensions of one worker.
struct SuspensionTable {
    static let blockSize = 256
    /// Blocks at most: 262,144 suspensions a worker.
    static let maxBlocks = 1024

    private let worker: UInt32
    /// Published with release, read with acquire by lookups of other threads.
    private let blocks: UnsafeMutablePointer<Atomic<UInt>>
    private var blockCount = 0
    private var free: UnsafeMutablePointer<Suspension>?
    private(set) var waiting = 0

    init(worker: UInt32) {
        self.worker = worker
        blocks = UnsafeMutablePointer<Atomic<UInt>>.allocate(capacity: SuspensionTable.maxBlocks)
        for index in 0..<SuspensionTable.maxBlocks { (blocks + index).initialize(to: Atomic(0)) }
    }

    /// [worker] A suspension for the run; nil when there is no room for another block.
    mutating func take(for run: UnsafeMutablePointer<Run>) -> UnsafeMutablePointer<Suspension>? {
        if free == nil { addBlock() }
        guard let suspension = free else { return nil }
        free = suspension.pointee.nextFree
        suspension.pointee.run = run
        waiting += 1
        return suspension
    }

    /// [worker] Makes its tokens stale and frees it.
    mutating func giveBack(_ suspension: UnsafeMutablePointer<Suspension>) {
        let state = suspension.pointee.state.load(ordering: .relaxed)
        suspension.pointee.state.store((state | 1) &+ 1, ordering: .releasing)
        suspension.pointee.run = nil
        suspension.pointee.payload = nil
        suspension.pointee.release = nil
        suspension.pointee.nextFree = free
        free = suspension
        waiting -= 1
    }

    /// [any] The suspension at that place, whatever its generation; nil when there never was one.
    func at(_ place: UInt32) -> UnsafeMutablePointer<Suspension>? {
        let block = Int(place) / SuspensionTable.blockSize
        guard block < SuspensionTable.maxBlocks else { return nil }
        let address = blocks[block].load(ordering: .acquiring)
        guard let base = UnsafeMutablePointer<Suspension>(bitPattern: address) else { return nil }
        return base + Int(place) % SuspensionTable.blockSize
    }

    /// [worker] Every suspension that waits.
    func forEachWaiting(_ body: (UnsafeMutablePointer<Suspension>) -> Void) {
        for place in 0..<UInt32(blockCount * SuspensionTable.blockSize) {
            if let suspension = at(place), suspension.pointee.run != nil { body(suspension) }
        }
    }

    @inline(never)
    private mutating func addBlock() {
        guard blockCount < SuspensionTable.maxBlocks else { return }
        let base = UnsafeMutablePointer<Suspension>.allocate(capacity: SuspensionTable.blockSize)
        for index in (0..<SuspensionTable.blockSize).reversed() {
            let place = UInt32(blockCount * SuspensionTable.blockSize + index)
            (base + index).initialize(to: Suspension(worker: worker, place: place, own: base + index))
            base[index].nextFree = free
            free = base + index
        }
        blocks[blockCount].store(UInt(bitPattern: base), ordering: .releasing)
        blockCount += 1
    }
}

/// The parts of an `apus_token`: generation in the upper half, then eight bits of worker and 24 of place.
struct Token {
    let value: UInt64

    init(_ value: UInt64) { self.value = value }

    init(worker: UInt32, place: UInt32, state: UInt64) {
        value = (state >> 1) << 32 | UInt64(worker & 0xff) << 24 | UInt64(place & 0xff_ffff)
    }

    var worker: UInt32 { UInt32(truncatingIfNeeded: value >> 24) & 0xff }
    var place: UInt32 { UInt32(truncatingIfNeeded: value) & 0xff_ffff }
    /// The state of a suspension that waits under this token, but for generations above 32 bits.
    func waits(in state: UInt64) -> Bool {
        state & 1 == 0 && UInt32(truncatingIfNeeded: state >> 1) == UInt32(truncatingIfNeeded: value >> 32)
    }
}

extension UnsafeMutablePointer<Run> {
    /// [worker] `suspend->begin`: the run's function will wait. 0 when it cannot.
    func beginSuspension(milliseconds: UInt32, done: @escaping Suspension.Done, user: UnsafeMutableRawPointer?)
        -> UInt64
    {
        let worker = pointee.worker
        guard pointee.mayWait, pointee.suspension == 0, pointee.routeKind & UInt32(APUS_ONSEND_ROUTE) == 0,
            worker.pointee.suspensions.waiting < worker.pointee.maxSuspended,
            let suspension = worker.pointee.suspensions.take(for: self)
        else { return 0 }
        suspension.pointee.done = done
        suspension.pointee.user = user
        let state = suspension.pointee.state.load(ordering: .relaxed)
        pointee.suspension = Token(worker: worker.pointee.index, place: suspension.pointee.place, state: state).value
        if milliseconds > 0 {
            worker.pointee.timers.schedule(
                suspension.timer, at: worker.pointee.clock.pointee.now &+ UInt64(milliseconds))
        }
        return pointee.suspension
    }

    /// [worker] The function did not wait after all, or the run ends: tokens become stale, an answer that came is released.
    func dropSuspension() {
        guard pointee.suspension != 0,
            let suspension = pointee.worker.pointee.suspensions.at(Token(pointee.suspension).place)
        else { return }
        pointee.suspension = 0
        if suspension.answer(status: CInt(APUS_CANCELLED), payload: nil, release: nil) {
            suspension.retire()
        }
        // Else an answer is on its way through the mailbox: `completed` finds no run and retires it.
        else {
            suspension.pointee.run = nil
        }
    }
}

extension UnsafeMutablePointer<Suspension> {
    /// The embedded nodes, as the mailbox and the wheel want them.
    fileprivate var mail: UnsafeMutablePointer<MailNode> {
        UnsafeMutableRawPointer(self).assumingMemoryBound(to: MailNode.self)
    }
    fileprivate var timer: UnsafeMutablePointer<TimerNode> {
        withUnsafeMutablePointer(to: &pointee.timer) { $0 }
    }

    /// [any] Whether the caller is the one who answers; then the answer is stored.
    func answer(status: CInt, payload: UnsafeMutableRawPointer?, release: Suspension.Release?) -> Bool {
        let state = pointee.state.load(ordering: .acquiring)
        return state & 1 == 0 && answer(state, status, payload, release)
    }

    fileprivate func answer(
        _ waiting: UInt64, _ status: CInt, _ payload: UnsafeMutableRawPointer?, _ release: Suspension.Release?
    ) -> Bool {
        guard
            pointee.state.compareExchange(expected: waiting, desired: waiting | 1, ordering: .acquiringAndReleasing)
                .exchanged
        else { return false }
        pointee.status = status
        pointee.payload = payload
        pointee.release = release
        return true
    }

    /// [worker] Frees it; an answer's payload must have been dealt with.
    fileprivate func retire() {
        guard let worker = worker else { return }
        worker.pointee.timers.remove(timer)
        worker.pointee.suspensions.giveBack(self)
    }

    private var worker: UnsafeMutablePointer<ScriptWorker>? { SuspensionDirectory.worker(pointee.worker) }

    /// [worker] The mailbox brings an answer: the run goes on.
    func completed() {
        guard let run = pointee.run else {
            pointee.release?(pointee.payload)
            retire()
            return
        }
        let (done, status, payload, release) = (pointee.done, pointee.status, pointee.payload, pointee.release)
        // The function may suspend again at once, so this suspension ends before `done` is called — but for its user.
        let user = pointee.user
        retire()
        run.pointee.suspension = 0
        run.resume(done: done, status: status, payload: payload, user: user)
        release?(payload)
    }

    /// [worker] The timer ran out.
    func timedOut() {
        if answer(status: CInt(APUS_TIMED_OUT), payload: nil, release: nil) { completed() }
    }
}

/// Finds a worker's suspensions by the worker's number. Filled before the workers start, constant afterwards.
enum SuspensionDirectory {
    static let maxWorkers = 256
    private static nonisolated(unsafe) let workers: UnsafeMutablePointer<UnsafeMutablePointer<ScriptWorker>?> = {
        let table = UnsafeMutablePointer<UnsafeMutablePointer<ScriptWorker>?>.allocate(capacity: maxWorkers)
        table.initialize(repeating: nil, count: maxWorkers)
        return table
    }()

    /// [start]
    static func register(_ worker: UnsafeMutablePointer<ScriptWorker>) { workers[Int(worker.pointee.index)] = worker }

    static func worker(_ index: UInt32) -> UnsafeMutablePointer<ScriptWorker>? { workers[Int(index & 0xff)] }

    /// [any] `suspend->complete`: the answer to a token. A stale token's payload is released at once.
    static func complete(
        _ token: UInt64, status: CInt, payload: UnsafeMutableRawPointer?, release: Suspension.Release?
    ) {
        let token = Token(token)
        guard let worker = worker(token.worker), let suspension = worker.pointee.suspensions.at(token.place) else {
            release?(payload)
            return
        }
        let state = suspension.pointee.state.load(ordering: .acquiring)
        guard token.waits(in: state), suspension.answer(state, status, payload, release) else {
            release?(payload)
            return
        }
        worker.pointee.mailbox.post(suspension.mail)
    }
}
