import PluginKit
import Synchronization

// Invariants: one thread at a time builds and publishes. Between `build` and `publish` nobody else sees the snapshot; `old` is the one in force, and
// stays until it is retired.

/// Makes snapshots from drafts, with the cells of destinations that stay.
package struct SnapshotBuilder {
    /// What the parameters say.
    package struct Options: Sendable {
        /// The last destination of a set is its last resort.
        package var usesDefault = false
        /// Among equal priorities the last one of the source comes first.
        package var reversesEqual = false
        /// Loads are counted.
        package var countsCalls = false
        /// Attributes of destinations that have none.
        package var noAttributes = ""

        package init() {}
    }

    private let options: Options
    private var lastVersion: UInt64 = 0
    private var lastNumber: UInt64 = 0
    private var replaced: [UnsafeMutableRawPointer] = []

    package init(_ options: Options) { self.options = options }

    /// A destination on its way into a snapshot.
    private struct Item {
        let prepared: Prepared
        let place: Int
        var attributes: String
        var old: UnsafeMutablePointer<Destination>?
        /// An earlier one of the set has the same duid.
        var isTwin = false

        /// Bytes of its texts.
        var size: Int {
            let own = prepared.draft.attributes
            return [
                prepared.draft.uri, prepared.host, attributes, own.duid, own.socket, own.socketName, own.pingSocket,
                own.pingFrom, own.outboundProxy,
            ].reduce(0) { $0 + $1.utf8.count }
        }
    }

    /// - Parameter now: seconds since 1970.
    package mutating func build(_ list: [Prepared], replacing old: SnapshotRef?) -> SnapshotRef {
        lastVersion += 1
        var sets: [Int32: [Item]] = [:]
        for (place, prepared) in list.enumerated() {
            let text = prepared.draft.attributes.text
            sets[prepared.draft.set, default: []].append(
                Item(prepared: prepared, place: place, attributes: text.isEmpty ? options.noAttributes : text))
        }
        let ids = sets.keys.sorted()
        var texts = TextBlock(bytes: sets.values.joined().reduce(0) { $0 + $1.size })
        let places = UnsafeMutablePointer<DestinationSet>.allocate(capacity: max(1, ids.count))
        let destinations = UnsafeMutablePointer<Destination>.allocate(capacity: max(1, list.count))
        let weights = UnsafeMutablePointer<UInt32>.allocate(capacity: max(1, ids.count * Weights.slots))
        var next = destinations
        for (number, id) in ids.enumerated() {
            var items = order(sets[id] ?? [])
            let known = old?.find(Int64(id))
            match(&items, known)
            let record = known?.pointee.record ?? .make(id)
            if known != nil { record.retain() }
            for (index, item) in items.enumerated() {
                (next + index).initialize(to: destination(item, of: record, &texts))
            }
            let count = items.count
            let choices = options.usesDefault && count > 1 ? count - 1 : count
            let first = items.first?.prepared.draft.priority ?? 0
            var made = DestinationSet(
                id: id, destinations: next, count: count, choices: choices, record: record, version: lastVersion)
            made.isEven = first > 0 && items.allSatisfy { $0.prepared.draft.priority == first }
            let slots = weights + number * Weights.slots
            let shares = items[..<choices].map { $0.prepared.draft.attributes.weight }
            if Weights.fill(slots, absolute: shares, seed: UInt64(UInt32(bitPattern: id))) { made.weights = slots }
            (places + number).initialize(to: made)
            next += count
        }
        let snapshot = SnapshotRef.allocate(capacity: 1)
        snapshot.initialize(
            to: Snapshot(
                version: lastVersion, sets: places, setCount: ids.count, destinations: destinations, count: list.count,
                texts: texts.start, weights: weights))
        if options.countsCalls {
            for number in 0..<ids.count { places[number].record.adopt(places + number) }
        }
        return snapshot
    }

    /// Higher priorities first; among equal ones as the source has them, or the other way round.
    private func order(_ items: [Item]) -> [Item] {
        items.sorted { a, b in
            let (one, other) = (a.prepared.draft.priority, b.prepared.draft.priority)
            if one != other { return one > other }
            return options.reversesEqual ? a.place > b.place : a.place < b.place
        }
    }

    /// Finds out which destinations were there before: by their URI, the others by their duid.
    private func match(_ items: inout [Item], _ known: SetRef?) {
        var byURI: [String: [UnsafeMutablePointer<Destination>]] = [:]
        var byDUID: [String: UnsafeMutablePointer<Destination>] = [:]
        if let known {
            for index in (0..<known.pointee.count).reversed() {
                byURI[known[index].pointee.uri.string, default: []].append(known[index])
            }
        }
        var duids: Set<String> = []
        // As the source has them: of several with one duid the first one counts.
        for index in items.indices.sorted(by: { items[$0].place < items[$1].place }) {
            items[index].old = byURI[items[index].prepared.draft.uri]?.popLast()
            let duid = items[index].prepared.draft.attributes.duid
            if !duid.isEmpty { items[index].isTwin = !duids.insert(duid).inserted }
        }
        for left in byURI.values.joined() where left.pointee.isCounted { byDUID[left.pointee.duid.string] = left }
        for index in items.indices where items[index].old == nil && !items[index].isTwin {
            let duid = items[index].prepared.draft.attributes.duid
            if !duid.isEmpty { items[index].old = byDUID.removeValue(forKey: duid) }
        }
    }

    private mutating func destination(_ item: Item, of record: RecordRef, _ texts: inout TextBlock) -> Destination {
        let draft = item.prepared.draft
        let cell: CellRef
        if let old = item.old {
            cell = old.pointee.cell
            cell.retain()
            // It is the same by its duid, and may be elsewhere now.
            if item.prepared.host != old.pointee.host.string { forgetAddresses(cell) }
        } else {
            lastNumber += 1
            cell = .make(draft.flags, number: lastNumber, of: record)
            cell.pointee.latency.begin(draft.attributes.latency)
        }
        if let found = item.prepared.found, let old = cell.take(found) { replaced.append(old) }
        var made = Destination(cell: cell)
        made.uri = texts.add(draft.uri)
        made.host = texts.add(item.prepared.host)
        made.attributes = texts.add(item.attributes)
        // Of several with one duid only the first one is known by it.
        made.duid = texts.add(draft.attributes.duid)
        made.socket = texts.add(draft.attributes.socket)
        made.socketName = texts.add(draft.attributes.socketName)
        made.pingSocket = texts.add(draft.attributes.pingSocket)
        made.pingFrom = texts.add(draft.attributes.pingFrom)
        made.outboundProxy = texts.add(draft.attributes.outboundProxy)
        made.address = item.prepared.address
        made.listener = item.prepared.listener
        made.pingListener = item.prepared.pingListener
        made.port = item.prepared.port
        made.transport = item.prepared.transport
        made.flags = draft.flags
        made.priority = draft.priority
        made.weight = draft.attributes.weight
        made.relativeWeight = draft.attributes.relativeWeight
        made.maxLoad = draft.attributes.maxLoad
        made.congestionControl = draft.attributes.congestionControl
        made.overloadMinimum = draft.attributes.overloadMinimum
        made.overloadMaximum = draft.attributes.overloadMaximum
        made.identity = Weights.identity(draft.uri.utf8)
        made.isCounted = !draft.attributes.duid.isEmpty && !item.isTwin
        return made
    }

    private mutating func forgetAddresses(_ cell: CellRef) {
        cell.pointee.namesDue.store(0, ordering: .relaxed)
        let old = cell.pointee.addresses.exchange(0, ordering: .acquiringAndReleasing)
        if let old = UnsafeMutableRawPointer(bitPattern: old) { replaced.append(old) }
    }

    /// Address lists that no cell has any more: to be freed when nobody can see them.
    package mutating func takeReplaced() -> [UnsafeMutableRawPointer] {
        defer { replaced = [] }
        return replaced
    }

    // MARK: - Publishing

    /// The snapshot is in force from now on: destinations that stay take what the source says now. Workers may see either snapshot
    /// meanwhile.
    /// - Parameters:
    ///   - time: seconds since 1970.
    ///   - turned: told of each destination that could be selected and cannot any more, or the other way round.
    package func publish(
        _ snapshot: SnapshotRef, replacing old: SnapshotRef?, at time: Int64,
        turned: (SetRef, UnsafeMutablePointer<Destination>, CellRef.Change) -> Void = { _, _, _ in }
    ) {
        let before = old.map { old in
            Dictionary(
                uniqueKeysWithValues: (0..<old.pointee.count).map {
                    (old.pointee.destinations[$0].cell, old.pointee.destinations[$0].flags)
                })
        }
        for number in 0..<snapshot.pointee.setCount {
            let set = snapshot.pointee.sets + number
            for index in 0..<set.pointee.count {
                let one = set[index]
                guard let flags = before?[one.pointee.cell] else { continue }
                let change = one.pointee.cell.take(one.pointee.flags, insteadOf: flags, at: time)
                if change.isTurn { turned(set, one, change) }
            }
        }
    }
}

extension UnsafeMutablePointer where Pointee == Cell {
    /// The source has been read again. What was found out here stays, unless the source says now that it is not used, or does not say so any more; it goes
    /// on being probed as long as that may bring it back.
    fileprivate func take(_ flags: Condition, insteadOf before: Condition, at time: Int64) -> Change {
        change(.source, at: time) { current in
            let said = Condition(rawValue: 5)
            var new = current.intersection(.states)
            new.subtract(before.intersection(said).subtracting(flags))
            new.formUnion(flags.intersection(said))
            if new.contains(.disabled) { new.subtract([.inactive, .trying]) }
            if new.contains(.inactive) { new.remove(.trying) }
            let isComingBack = !new.isDisjoint(with: [.inactive, .trying]) && current.contains(.probing)
            new.formUnion(flags.subtracting(.states))
            if isComingBack { new.insert(.probing) }
            return new
        }
    }
}

/// Texts one behind the other.
private struct TextBlock {
    let start: UnsafeMutablePointer<UInt8>
    private var used = 0

    init(bytes: Int) { start = .allocate(capacity: max(1, bytes)) }

    mutating func add(_ text: String) -> apus_str {
        let place = start + used
        var count = 0
        for byte in text.utf8 {
            (place + count).initialize(to: byte)
            count += 1
        }
        used += count
        return apus_str(start: place, count: count)
    }
}
