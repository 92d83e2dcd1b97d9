import PluginKit
import Synchronization

// Invariants: on any thread, on a set of a snapshot that stays for the call. Takes no memory; the lock of the set's record is taken for relative weights and
// loads only.

/// The ways to choose a destination, by the numbers that scripts have.
package enum Algorithm: Int64, Sendable {
    case callID = 0
    case from, to, requestURI
    case roundRobin = 4
    case user = 5
    case random = 6
    case text = 7
    case first = 8
    case weight = 9
    case load = 10
    case relativeWeight = 11
    case parallel = 12
    case latency = 13
    case priority = 14
    case service = 15
    case overload = 64

    /// It takes the hash of something.
    package var isHash: Bool { self == .callID || self == .from || self == .to || self == .requestURI || self == .text }
}

/// What a selection needs to know of the request and the server.
package struct Circumstances {
    /// Of what the algorithm hashes.
    package var hash: UInt32 = 0
    /// Any number by chance.
    package var chance: UInt64 = 0
    /// Monotonic milliseconds.
    package var now: UInt64 = 0
    /// `ds_hash_consistent`
    package var isConsistent = false
    /// Latencies are measured.
    package var knowsLatency = false

    package init() {}
}

extension UnsafeMutablePointer<DestinationSet> {
    /// The first usable place at `start` or behind it, going round.
    @inline(__always)
    package func usable(from start: Int) -> Int? {
        let count = pointee.choices
        var index = start
        for _ in 0..<count {
            if isUsable(index) { return index }
            index &+= 1
            if index == count { index = 0 }
        }
        return nil
    }

    /// The place that an algorithm chooses; nil: none can be used but, perhaps, the last resort. A call is counted on the place with `load`.
    package func choose(_ algorithm: Algorithm, _ known: Circumstances) -> Int? {
        switch algorithm {
        case .callID, .from, .to, .requestURI, .text, .user:
            if known.isConsistent { return consistent(known.hash) }
            return usable(from: Int(known.hash % UInt32(pointee.choices)))
        case .roundRobin: return roundRobin()
        case .random: return usable(from: Int(known.chance % UInt64(pointee.choices)))
        case .first, .parallel: return usable(from: 0)
        case .weight:
            guard let weights = pointee.weights else { return usable(from: 0) }
            let slot = pointee.record.pointee.slot.add(1, ordering: .relaxed).oldValue
            return usable(from: Int(weights[Int(slot % UInt(Weights.slots))]))
        case .load: return leastLoaded()
        case .relativeWeight: return relative(known)
        case .latency: return byLatency(known)
        case .priority: return pointee.isEven ? roundRobin() : usable(from: 0)
        case .service: return byService(known)
        case .overload: return sparing(known)
        }
    }

    /// One after the other, going on behind the one that was used.
    package func roundRobin() -> Int? {
        round { usable(from: $0) }
    }

    /// - Parameter search: the place that is used, from a place on.
    @inline(__always)
    private func round(_ search: (Int) -> Int?) -> Int? {
        let count = UInt(pointee.choices)
        var position = pointee.record.pointee.position.load(ordering: .relaxed)
        while true {
            guard let index = search(Int(position % count)) else { return nil }
            let (done, seen) = pointee.record.pointee.position.compareExchange(
                expected: position, desired: (UInt(index) &+ 1) % count, ordering: .relaxed)
            if done { return index }
            position = seen
        }
    }

    /// The usable one with the highest score for this key: when one comes, it takes a fair share from each other; when one goes, its keys alone move.
    private func consistent(_ hash: UInt32) -> Int? {
        let key = Weights.mix(UInt64(hash) &+ 0x9e37_79b9_7f4a_7c15)
        var best: (index: Int, score: UInt64)?
        for index in 0..<pointee.choices where isUsable(index) {
            let score = Weights.mix(key ^ pointee.destinations[index].identity)
            if best == nil || score > best.unsafelyUnwrapped.score { best = (index, score) }
        }
        return best?.index
    }

    private func leastLoaded() -> Int? {
        let found = pointee.record.takeLeast(pointee.version)
        if found.isCurrent { return found.index }
        // The sets are being replaced: by this snapshot's own numbers.
        return pointee.record.guarded {
            var least: Int?
            for index in 0..<pointee.choices {
                let one = pointee.destinations[index]
                guard one.isCounted, one.cell.isUsable, one.maxLoad == 0 || one.cell.load < one.maxLoad else {
                    continue
                }
                if let known = least, pointee.destinations[known].cell.load <= one.cell.load { continue }
                least = index
            }
            if let least { pointee.record.count(pointee.destinations[least].cell, by: 1) }
            return least
        }
    }

    /// Round robin among the best priorities, which are the lower the later answers come.
    private func byLatency(_ known: Circumstances) -> Int? {
        round { start in
            var best: (index: Int, priority: Int64)?
            var index = start
            for _ in 0..<pointee.choices {
                defer { index = index &+ 1 == pointee.choices ? 0 : index &+ 1 }
                guard isUsable(index) else { continue }
                let one = pointee.destinations + index
                var priority = Int64(one.pointee.priority)
                if known.knowsLatency, priority > 0 {
                    let latency =
                        one.pointee.congestionControl
                        ? one.pointee.cell.pointee.latency.congestion : one.pointee.cell.pointee.latency.estimate
                    priority -= Int64(latency) / priority
                }
                if best == nil || priority > best.unsafelyUnwrapped.priority { best = (index, priority) }
            }
            return best?.index
        }
    }

    /// Round robin, passing over those that want to be spared.
    private func sparing(_ known: Circumstances) -> Int? {
        round { start in
            var index = start
            for _ in 0..<pointee.choices {
                let cell = pointee.destinations[index].cell
                if cell.isUsable, !cell.pointee.overload.spares(now: known.now) { return index }
                index = index &+ 1 == pointee.choices ? 0 : index &+ 1
            }
            return nil
        }
    }

    // MARK: - Weights

    private func relative(_ known: Circumstances) -> Int? {
        let record = pointee.record
        let generation = record.pointee.generation.load(ordering: .relaxed)
        let start = record.guarded {
            let table = record.pointee.relative
            if record.pointee.relativeGeneration != generation || record.pointee.relativeVersion != pointee.version {
                fill(table, known)
                record.pointee.relativeGeneration = generation
                record.pointee.relativeVersion = pointee.version
            }
            record.pointee.relativePosition = (record.pointee.relativePosition &+ 1) % Weights.slots
            return Int(table[record.pointee.relativePosition])
        }
        return start < pointee.choices ? usable(from: start) : usable(from: 0)
    }

    /// Under the lock: the slots, by the weights of what is usable now.
    private func fill(_ table: UnsafeMutablePointer<UInt32>, _ known: Circumstances) {
        var sum: UInt64 = 0
        var total: Double = 0
        for index in 0..<pointee.choices {
            sum &+= tolerance(index, known)
            if isUsable(index), pointee.destinations[index].relativeWeight > 0 {
                total += congestion(index, known)
            }
        }
        if sum > 0 {
            var slots = Weights.Relative(table, sum: sum)
            for index in 0..<pointee.choices { slots.add(UInt32(index), weight: tolerance(index, known)) }
            return slots.finish(seed: UInt64(UInt32(bitPattern: pointee.id)))
        }
        // All are congested beyond their weights: the less one is, the more it gets.
        var shares: UInt64 = 0
        for index in 0..<pointee.choices { shares &+= relief(index, total, known) }
        var slots = Weights.Relative(table, sum: max(1, shares))
        for index in 0..<pointee.choices { slots.add(UInt32(index), weight: relief(index, total, known)) }
        slots.finish(seed: UInt64(UInt32(bitPattern: pointee.id)))
    }

    private func congestion(_ index: Int, _ known: Circumstances) -> Double {
        let one = pointee.destinations + index
        return known.knowsLatency && one.pointee.congestionControl
            ? one.pointee.cell.pointee.latency.congestion.rounded(.down) : 0
    }

    /// The weight that congestion leaves; 0 when it cannot be used.
    private func tolerance(_ index: Int, _ known: Circumstances) -> UInt64 {
        guard isUsable(index) else { return 0 }
        let left = Double(pointee.destinations[index].relativeWeight) - congestion(index, known)
        return left > 0 ? UInt64(left) : 0
    }

    private func relief(_ index: Int, _ total: Double, _ known: Circumstances) -> UInt64 {
        let own = congestion(index, known)
        guard isUsable(index), pointee.destinations[index].relativeWeight > 0, own > 0 else { return 0 }
        return UInt64(min(total / own, 1e6) * 100)
    }

    /// As SRV records (RFC 2782): of the lowest number of priority that has usable ones, by weight.
    private func byService(_ known: Circumstances) -> Int? {
        var end = pointee.choices
        while end > 0 {
            let start = levelStart(end)
            if let index = weighted(start..<end, known.chance) { return index }
            end = start
        }
        return nil
    }

    /// Where those begin that have the priority of the place before `end`.
    private func levelStart(_ end: Int) -> Int {
        var start = end &- 1
        while start > 0, pointee.destinations[start &- 1].priority == pointee.destinations[end &- 1].priority {
            start &-= 1
        }
        return start
    }

    private func weighted(_ range: Range<Int>, _ chance: UInt64) -> Int? {
        var (sum, count): (UInt64, UInt64) = (0, 0)
        for index in range where isUsable(index) {
            sum &+= UInt64(pointee.destinations[index].weight)
            count &+= 1
        }
        guard count > 0 else { return nil }
        var rest = chance % (sum > 0 ? sum : count)
        for index in range where isUsable(index) {
            let own = sum > 0 ? UInt64(pointee.destinations[index].weight) : 1
            if rest < own { return index }
            rest &-= own
        }
        return nil
    }

    // MARK: - What follows

    /// The places to try: the chosen one, then the other usable ones in the order of the set, going round, and the last resort at the end.
    /// - Parameters:
    ///   - chosen: nil: none of the choices.
    ///   - places: room for as many as the set has.
    ///   - limit: at most so many; at least 1.
    /// - Returns: how many.
    package func list(
        _ algorithm: Algorithm, _ chosen: Int?, into places: UnsafeMutablePointer<UInt32>, limit: Int
    ) -> Int {
        var count = 0
        let hasDefault = pointee.choices < pointee.count && isUsable(pointee.count &- 1)
        // The first one and the last resort have their places before others.
        let endsWithDefault = hasDefault && (chosen == nil || limit > 1)
        let limit = endsWithDefault && chosen != nil ? limit &- 1 : limit
        if let chosen {
            places[0] = UInt32(chosen)
            count = 1
            if limit > 1 {
                algorithm == .service
                    ? levels(behind: chosen, into: places, &count, limit)
                    : go(from: chosen &+ 1, 0..<pointee.choices, but: chosen, into: places, &count, limit)
            }
        }
        if endsWithDefault {
            places[count] = UInt32(pointee.count &- 1)
            count &+= 1
        }
        return count
    }

    /// Those of a range in their order from a place on, going round.
    private func go(
        from start: Int, _ range: Range<Int>, but chosen: Int, into places: UnsafeMutablePointer<UInt32>,
        _ count: inout Int, _ limit: Int
    ) {
        var index = start
        for _ in range {
            if index >= range.upperBound { index = range.lowerBound }
            if count >= limit { return }
            if index != chosen, isUsable(index) {
                places[count] = UInt32(index)
                count &+= 1
            }
            index &+= 1
        }
    }

    private func levels(
        behind chosen: Int, into places: UnsafeMutablePointer<UInt32>, _ count: inout Int, _ limit: Int
    ) {
        var end = pointee.choices
        while end > 0 {
            let start = levelStart(end)
            let isOwn = (start..<end).contains(chosen)
            go(from: isOwn ? chosen &+ 1 : start, start..<end, but: chosen, into: places, &count, limit)
            end = start
        }
    }
}
