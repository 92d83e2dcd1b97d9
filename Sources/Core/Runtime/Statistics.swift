import Synchronization

// Invariants: a shard has room for `Statistics.capacity` numbers from the start, so that a statistic declared later never
// moves one. A worker's shard is written by its worker alone and read by all: atomic loads and stores without a lock prefix.
// What is read without the lock never moves and is never taken away: an entry is complete before `names` leads to it, and a shard before
// `lastShard` does.

/// A declared statistic: index into every shard.
struct StatisticID: Equatable, BitwiseCopyable {
    let index: UInt32
}

/// One worker's numbers.
struct StatisticShard {
    fileprivate let cells: UnsafeMutablePointer<Atomic<UInt64>>

    fileprivate init() {
        cells = .allocate(capacity: Statistics.capacity)
        for i in 0..<Statistics.capacity { (cells + i).initialize(to: Atomic(0)) }
    }

    /// Adds to this worker's share; only on the worker's own thread. `by` may be negative, as two's complement, for what goes
    /// up and down: the sum over all shards is right.
    @inline(__always) @_noLocks
    func bump(_ id: StatisticID, by: Int = 1) {
        let cell = cells + Int(id.index)
        cell.pointee.store(
            cell.pointee.load(ordering: .relaxed) &+ UInt64(bitPattern: Int64(by)), ordering: .relaxed)
    }
}

/// The server's statistics by group and name. Declared at start, counted by each worker in a shard of its own, summed when
/// somebody reads. Counters never go back: a reset moves the base of those who read relative to it.
final class Statistics: @unchecked Sendable {
    /// Statistics that can be declared; each costs 8 bytes per worker.
    static let capacity = 4096

    enum Kind {
        /// Only grows.
        case counter
        /// Goes up and down.
        case gauge
        /// Computed when read.
        case computed(@Sendable () -> UInt64)
    }

    struct Description {
        let group: String
        let name: String
        let doc: String
        let kind: Kind
        /// The same texts for those who keep pointers; they live for ever.
        let permanent: (group: Bytes, name: Bytes, doc: Bytes)
    }

    private struct Tables {
        var descriptions: [Description] = []
        var indices: [String: Int] = [:]
    }

    /// What is needed of a statistic to read it.
    private struct Entry: ~Copyable {
        let kind: Kind
        /// Where it stood at the last reset.
        let base = Atomic<UInt64>(0)

        init(_ kind: Kind) { self.kind = kind }
    }

    /// A worker's numbers, and the worker's before.
    private struct ShardNode {
        let shard: StatisticShard
        let next: UnsafeMutablePointer<ShardNode>?
    }

    private let tables = Mutex(Tables())
    private let entries = UnsafeMutablePointer<Entry>.allocate(capacity: Statistics.capacity)
    private let names = StatisticNames(capacity: Statistics.capacity)
    private let lastShard = Atomic<UnsafeMutablePointer<ShardNode>?>(nil)
    /// The share of threads that are no workers.
    private let common = StatisticShard()

    /// Declares a statistic, or finds the one of that group and name.
    /// - Returns: nil when `capacity` is exhausted.
    func declare(_ group: String, _ name: String, _ doc: String = "", kind: Kind = .counter) -> StatisticID? {
        tables.withLock { tables in
            let key = group + ":" + name
            if let known = tables.indices[key] { return StatisticID(index: UInt32(known)) }
            let index = tables.descriptions.count
            guard index < Statistics.capacity else { return nil }
            let permanent = (Bytes(permanent: group), Bytes(permanent: name), Bytes(permanent: doc))
            tables.descriptions.append(
                Description(group: group, name: name, doc: doc, kind: kind, permanent: permanent))
            (entries + index).initialize(to: Entry(kind))
            names.add(permanent.0, permanent.1, index)
            tables.indices[key] = index
            return StatisticID(index: UInt32(index))
        }
    }

    /// A shard for one worker, which keeps it for ever: numbers stay when a worker ends.
    func makeShard() -> StatisticShard {
        // The lock is for those who make one at the same time.
        tables.withLock { _ in
            let node = UnsafeMutablePointer<ShardNode>.allocate(capacity: 1)
            node.initialize(to: ShardNode(shard: StatisticShard(), next: lastShard.load(ordering: .relaxed)))
            lastShard.store(node, ordering: .releasing)
            return node.pointee.shard
        }
    }

    /// Adds from a thread that is no worker.
    func bump(_ id: StatisticID, by: Int = 1) {
        common.cells[Int(id.index)].add(UInt64(bitPattern: Int64(by)), ordering: .relaxed)
    }

    /// The sum over all workers since the start.
    func value(_ id: StatisticID) -> UInt64 {
        if case .computed(let read) = entries[Int(id.index)].kind { return read() }
        var sum = common.cells[Int(id.index)].load(ordering: .relaxed)
        var next = lastShard.load(ordering: .acquiring)
        while let node = next {
            sum &+= node.pointee.shard.cells[Int(id.index)].load(ordering: .relaxed)
            next = node.pointee.next
        }
        return sum
    }

    /// The same since the last `reset`. What is computed has no base.
    func valueSinceReset(_ id: StatisticID) -> UInt64 {
        value(id) &- entries[Int(id.index)].base.load(ordering: .relaxed)
    }

    /// From now on `valueSinceReset` counts from this number; nobody else notices.
    /// - Returns: false for what is computed.
    @discardableResult
    func reset(_ id: StatisticID, to value: Int64 = 0) -> Bool {
        if case .computed = entries[Int(id.index)].kind { return false }
        entries[Int(id.index)].base.store(self.value(id) &- UInt64(bitPattern: value), ordering: .relaxed)
        return true
    }

    /// The statistic that a text means: `name`, `group:name` or `group.name`; `-` and `_` are the same. Neither lock nor heap: scripts ask for
    /// each message.
    func find(spelled text: Bytes) -> StatisticID? { names.find(text).map { StatisticID(index: $0) } }

    /// How a statistic was declared; nil when there is none of that number.
    func description(_ id: StatisticID) -> Description? {
        tables.withLock { Int(id.index) < $0.descriptions.count ? $0.descriptions[Int(id.index)] : nil }
    }

    /// The statistic of that group and name.
    func find(_ group: String, _ name: String) -> StatisticID? {
        tables.withLock { $0.indices[group + ":" + name].map { StatisticID(index: UInt32($0)) } }
    }

    /// All statistics in the order in which they were declared.
    var all: [(id: StatisticID, description: Description)] {
        tables.withLock { tables in
            tables.descriptions.enumerated().map { (StatisticID(index: UInt32($0.offset)), $0.element) }
        }
    }
}
