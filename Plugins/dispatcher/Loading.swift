import Destinations
import Glibc
import PluginKit
import RoutingKit
import Synchronization

// Invariants: `Sets.shared` is used on the main thread in `start`, and on the management thread from then on: nobody else builds or replaces snapshots.

/// Builds the snapshots, and replaces the one in force.
final class Sets {
    static nonisolated(unsafe) var shared: Sets?

    private let host: Host
    private var builder: SnapshotBuilder
    /// As the list in force was last read or changed.
    private(set) var current: [Prepared] = []

    init(_ host: Host) {
        self.host = host
        let settings = state.pointee.settings
        var options = SnapshotBuilder.Options()
        options.usesDefault = settings.useDefault != 0
        options.reversesEqual = settings.orderCompat != 0
        options.countsCalls = settings.countsCalls
        options.noAttributes = settings.attributesNone != 0 ? "none=yes" : ""
        builder = SnapshotBuilder(options)
    }

    /// Puts these in force.
    func put(_ destinations: [Prepared]) {
        let old = state.snapshot
        let made = builder.build(destinations, replacing: old)
        // What was found holds for now only.
        current = destinations.map { destination in
            var destination = destination
            destination.found = nil
            return destination
        }
        state.pointee.shared.pointee.snapshot.store(UInt(bitPattern: made), ordering: .releasing)
        let known = Set((0..<(old?.pointee.count ?? 0)).compactMap { old?.pointee.destinations[$0].cell })
        let tells = state.pointee.settings.eventMode == 2
        builder.publish(made, replacing: old, at: wallSeconds()) { set, destination, change in
            if tells { self.host.tellLater(set, destination, change.after) }
        }
        if tells {
            for number in 0..<made.pointee.setCount {
                let set = made.pointee.sets + number
                for index in 0..<set.pointee.count where !known.contains(set[index].pointee.cell) {
                    host.tellLater(set, set[index], set[index].pointee.cell.condition)
                }
            }
        }
        for list in builder.takeReplaced() {
            host.pointee.shared.pointee.retire(host, list) { _, list in list.deallocate() }
        }
        Naming.shared?.setsChanged()
        guard let old else { return }
        host.pointee.shared.pointee.retire(host, old) { _, old in
            SnapshotRef(old.assumingMemoryBound(to: Snapshot.self)).free()
        }
    }
}

/// [start] The first sets; false when there are none to work with.
func load(_ host: Host) -> Bool {
    guard let source = state.pointee.source else { return false }
    let contents = source.read(host)
    for remark in contents.remarks { host.log(remark.level, remark.text) }
    if let failure = contents.failure {
        host.log(.error, "there are no destinations: \(failure)")
        return false
    }
    let sets = Sets(host)
    Sets.shared = sets
    Reloading.shared = Reloading(host)
    sets.put(contents.destinations)
    tellOfEqualPriorities(host)
    let count = state.snapshot?.pointee.setCount ?? 0
    if count == 0 { host.log(.notice, "\(source.name) has no destinations") }
    host.log(.info, "\(contents.destinations.count) destinations in \(count) sets, from \(source.name)")
    return true
}

/// Algorithm 8 takes the first of them: which one that is differs from Kamailio.
private func tellOfEqualPriorities(_ host: Host) {
    guard let snapshot = state.snapshot, state.pointee.settings.orderCompat == 0,
        state.pointee.shared.pointee.takesFirst.load(ordering: .relaxed)
    else { return }
    var told: [String] = []
    for number in 0..<snapshot.pointee.setCount {
        let set = snapshot.pointee.sets + number
        guard set.pointee.choices > 1, set[0].pointee.priority == set[1].pointee.priority else { continue }
        told.append("\(set[0].pointee.uri.string) of set \(set.pointee.id)")
    }
    guard let first = told.first else { return }
    let others = told.count > 1 ? " (and so on in \(told.count - 1) further sets)" : ""
    host.log(
        .notice,
        "of several destinations of the highest priority algorithm 8 takes the first one of the source: "
            + "\(first)\(others); with ds_order_compat the last one, as Kamailio does")
}

/// Since 1970.
func wallMilliseconds() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return UInt64(now.tv_sec) * 1000 + UInt64(now.tv_nsec) / 1_000_000
}

extension UnsafePointer<apus_host> {
    /// Monotonic milliseconds, also between two turns of a worker's loop.
    var clock: UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return UInt64(now.tv_sec) * 1000 + UInt64(now.tv_nsec) / 1_000_000
    }
}
