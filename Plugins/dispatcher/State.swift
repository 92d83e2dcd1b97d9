import Destinations
import PluginKit
import Synchronization

// Invariants: the State is made as the module is declared, written on the main thread until `start` has run, and constant from then on; what it leads to
// lives for ever. A WorkerState belongs to its worker.

/// What the module keeps for the life of the server.
struct State {
    var settings = Settings()
    let shared: UnsafeMutablePointer<Shared>
    var tm: UnsafePointer<tm_api>?
    var workerSlot: CInt = 0
    /// Of messages of event routes: what $dsv reads.
    var eventSlot: CInt = 0
    /// Of runs: what $dsg reads.
    var groupSlot: CInt = 0
    var downEvents: (CInt, CInt) = (0, 0)
    var upEvents: (CInt, CInt) = (0, 0)

    // Compiled parameters.
    var destinationAVP: AVPParameter?
    var groupAVP: AVPParameter?
    var countAVP: AVPParameter?
    var callAVP: AVPParameter?
    var attributesAVP: AVPParameter?
    var hashText: OpaquePointer?
    var setVariable: OpaquePointer?
    var attributesVariable: OpaquePointer?
    /// By which requests and probes leave when their destination says nothing.
    var defaultListener: OpaquePointer?
    var pingListener: OpaquePointer?

    var source: Source?
    /// Counters.
    var probes: UInt32 = 0
    var failedProbes: UInt32 = 0
    var selections: UInt32 = 0
    var failedSelections: UInt32 = 0
}

/// What all workers and operators change.
struct Shared: ~Copyable {
    /// The snapshot in force.
    let snapshot = Atomic<UInt>(0)
    /// Probes are sent.
    let pingActive = Atomic<Int64>(1)
    let probingThreshold = Atomic<UInt32>(1)
    let inactiveThreshold = Atomic<UInt32>(1)
    /// The ReplyCodes in force.
    let replyCodes = Atomic<UInt>(0)
    /// Monotonic milliseconds from which on the address of some name is to be asked for again.
    let namesDue = Atomic<UInt64>(.max)
    /// The same when an unknown algorithm was last told of.
    let toldUnknown = Atomic<UInt64>(0)
    /// A script names algorithm 8, or one that there is not.
    let takesFirst = Atomic<Bool>(false)
}

/// Made in `declare`. A plain pointer: messages read it without asking whether it is there.
private nonisolated(unsafe) var made: UnsafeMutablePointer<State>?

func makeState() {
    let shared = UnsafeMutablePointer<Shared>.allocate(capacity: 1)
    shared.initialize(to: Shared())
    made = made ?? permanent(State(shared: shared))
}

var state: UnsafeMutablePointer<State> { made.unsafelyUnwrapped }

extension UnsafeMutablePointer<State> {
    /// The sets in force: for the call of a worker, or of the management thread.
    @inline(__always)
    var snapshot: SnapshotRef? {
        SnapshotRef(bitPattern: pointee.shared.pointee.snapshot.load(ordering: .acquiring))
    }
}

/// What a worker keeps.
struct WorkerState {
    var calls: CallTable?
    private var seed: UInt64
    /// Room for the places of a selection.
    private(set) var places: UnsafeMutablePointer<UInt32>
    private var capacity: Int
    private(set) var picks: UnsafeMutablePointer<Pick>
    private var pickCapacity: Int

    init(seed: UInt64, hashBits: Int) {
        self.seed = seed
        calls = hashBits > 0 ? CallTable(bits: hashBits) : nil
        capacity = 64
        places = .allocate(capacity: capacity)
        pickCapacity = 64
        picks = .allocate(capacity: pickCapacity)
    }

    mutating func chance() -> UInt64 {
        seed &+= 0x9e37_79b9_7f4a_7c15
        return Weights.mix(seed)
    }

    /// Room for so many places; it grows when sets have.
    mutating func reserve(places count: Int) {
        guard count > capacity else { return }
        places.deallocate()
        capacity = count * 2
        places = .allocate(capacity: capacity)
    }

    /// The same for picks, of which `used` are there already.
    mutating func reserve(picks count: Int, used: Int) {
        guard count > pickCapacity else { return }
        let larger = UnsafeMutablePointer<Pick>.allocate(capacity: count * 2)
        larger.moveInitialize(from: picks, count: used)
        picks.deallocate()
        (picks, pickCapacity) = (larger, count * 2)
    }
}

/// One destination of a selection.
struct Pick {
    let set: SetRef
    let place: Int
    /// A call is counted on it.
    var isCounted = false

    var destination: UnsafeMutablePointer<Destination> { self.set[place] }
}

extension UnsafePointer<apus_host> {
    /// The calling worker's.
    @inline(__always)
    var workerState: UnsafeMutablePointer<WorkerState>? {
        pointee.slots.pointee.worker(self, state.pointee.workerSlot)?.assumingMemoryBound(to: WorkerState.self)
    }

    /// Monotonic milliseconds.
    @inline(__always)
    var now: UInt64 { pointee.timer.pointee.now(self) }
}
