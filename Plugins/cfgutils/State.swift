import Glibc
import PluginKit
import Synchronization

// Invariants: made when the module is loaded and never freed. What is not atomic is written on the main thread before workers run, but for what
// the locks guard themselves. A Generator belongs to its worker.

/// What the module keeps for the life of the server.
struct State {
    var initialProbability: Int64 = 10
    var initialFlags: Int64 = 0
    var file = apus_str()
    /// MD5 of `file` as the server started, in hexadecimal; empty without a file.
    var startHash = ""
    var lockBits: Int64 = 0
    /// Milliseconds.
    var lockTimeout: Int64 = 10_000
    var generatorSlot: CInt = 0
    var runSlot: CInt = 0
    var locks = LockTable()
    let numbers: UnsafeMutablePointer<Numbers> = {
        let place = UnsafeMutablePointer<Numbers>.allocate(capacity: 1)
        place.initialize(to: Numbers())
        return place
    }()

    /// Parameters are set.
    mutating func begin() {
        numbers.pointee.probability.store(initialProbability, ordering: .relaxed)
        numbers.pointee.flags.store(UInt32(truncatingIfNeeded: initialFlags), ordering: .relaxed)
        if lockBits > 0 { locks = LockTable(bits: Int(lockBits)) }
    }
}

extension UnsafePointer<apus_call> {
    var state: UnsafeMutablePointer<State> { pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self) }
}

/// What all workers and operators change.
struct Numbers: ~Copyable {
    /// Of rand_event, in percent.
    let probability = Atomic<Int64>(0)
    /// Global flags, a bit each.
    let flags = Atomic<UInt32>(0)
}

/// Numbers by chance for one worker: SplitMix64, sown by the system. Not for secrets.
struct Generator {
    private var seed: UInt64 = 0

    init() { _ = getentropy(&seed, MemoryLayout<UInt64>.size) }

    mutating func next() -> UInt64 {
        seed &+= 0x9e37_79b9_7f4a_7c15
        var mixed = seed
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    /// The calling worker's.
    static func own(_ host: Host, _ state: UnsafeMutablePointer<State>) -> UnsafeMutablePointer<Generator>? {
        host.pointee.slots.pointee.worker(host, state.pointee.generatorSlot)?
            .assumingMemoryBound(to: Generator.self)
    }
}
