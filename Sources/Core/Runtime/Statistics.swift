import Synchronization

// Invariants: a shard has room for `Statistics.capacity` numbers from the start, so that a statistic declared later never
// moves one. A worker's shard is written by its worker alone and read by all: atomic loads and stores without a lock prefix.

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
        /// By `name`, `group:name` and `group.name`, with `_` for `-`: the first one that is called so.
        var spellings: [String: Int] = [:]
        var bases: [UInt64] = []
        var shards: [StatisticShard] = []
    }

    private let tables = Mutex(Tables())
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
            tables.descriptions.append(
                Description(
                    group: group, name: name, doc: doc, kind: kind,
                    permanent: (Bytes(permanent: group), Bytes(permanent: name), Bytes(permanent: doc))))
            for spelling in [name, key, group + "." + name].map(Statistics.spelling)
            where tables.spellings[spelling] == nil {
                tables.spellings[spelling] = index
            }
            tables.bases.append(0)
            tables.indices[key] = index
            return StatisticID(index: UInt32(index))
        }
    }

    /// A shard for one worker, which keeps it for ever: numbers stay when a worker ends.
    func makeShard() -> StatisticShard {
        tables.withLock { tables in
            let shard = StatisticShard()
            tables.shards.append(shard)
            return shard
        }
    }

    /// Adds from a thread that is no worker.
    func bump(_ id: StatisticID, by: Int = 1) {
        common.cells[Int(id.index)].add(UInt64(bitPattern: Int64(by)), ordering: .relaxed)
    }

    /// The sum over all workers since the start.
    func value(_ id: StatisticID) -> UInt64 {
        let (kind, shards) = tables.withLock { ($0.descriptions[Int(id.index)].kind, $0.shards) }
        if case .computed(let read) = kind { return read() }
        return Statistics.sum(id, shards, common)
    }

    /// The same since the last `reset`. What is computed has no base.
    func valueSinceReset(_ id: StatisticID) -> UInt64 {
        value(id) &- tables.withLock { $0.bases[Int(id.index)] }
    }

    /// From now on `valueSinceReset` counts from this number; nobody else notices.
    /// - Returns: false for what is computed.
    @discardableResult
    func reset(_ id: StatisticID, to value: Int64 = 0) -> Bool {
        let now = self.value(id)
        return tables.withLock { tables in
            if case .computed = tables.descriptions[Int(id.index)].kind { return false }
            tables.bases[Int(id.index)] = now &- UInt64(bitPattern: value)
            return true
        }
    }

    /// The statistic that a text means: `name`, `group:name` or `group.name`; `-` and `_` are the same.
    func find(spelled text: String) -> StatisticID? {
        let spelling = Statistics.spelling(text)
        return tables.withLock { $0.spellings[spelling] }.map { StatisticID(index: UInt32($0)) }
    }

    private static func spelling(_ text: String) -> String {
        text.utf8.contains(UInt8(ascii: "-")) ? text.replacing("-", with: "_") : text
    }

    /// How a statistic was declared; nil when there is none of that number.
    func description(_ id: StatisticID) -> Description? {
        tables.withLock { Int(id.index) < $0.descriptions.count ? $0.descriptions[Int(id.index)] : nil }
    }

    private static func sum(_ id: StatisticID, _ shards: [StatisticShard], _ common: StatisticShard) -> UInt64 {
        var sum = common.cells[Int(id.index)].load(ordering: .relaxed)
        for shard in shards { sum &+= shard.cells[Int(id.index)].load(ordering: .relaxed) }
        return sum
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
