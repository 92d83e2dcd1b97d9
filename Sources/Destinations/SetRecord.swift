import Glibc
import Synchronization

// Invariants: a record lives at one address until its last user lets go: the snapshots that have its set, and its cells. What is not atomic is read and
// written under its mutex, which is held for a few instructions and never across a call of the host.

/// What a destination set keeps beyond reloads: where round robin is, and its destinations in the order of their calls.
package struct SetRecord: ~Copyable {
    package let id: Int32
    let uses = Atomic<Int>(1)
    /// Round robin goes on here.
    let position = Atomic<UInt>(0)
    /// And in the hundred slots of weights.
    let slot = Atomic<UInt>(0)
    /// Grows when a destination can be selected that could not, or the other way round, and when congestion changes.
    package let generation = Atomic<UInt64>(0)

    fileprivate var mutex = pthread_mutex_t()
    /// One for the snapshot in force; the other one for the snapshot before as long as somebody may see that, or for the next one.
    var orders = (LoadOrder(slot: 0), LoadOrder(slot: 1))
    /// Which of them is the newest.
    var newest = 1
    /// Slots of relative weights: places of destinations, a hundred of them, of the snapshot of that version; 0: not filled yet.
    let relative = UnsafeMutablePointer<UInt32>.allocate(capacity: Weights.slots)
    var relativeVersion: UInt64 = 0
    var relativeGeneration: UInt64 = 0
    var relativePosition = 0
}

package typealias RecordRef = UnsafeMutablePointer<SetRecord>

extension UnsafeMutablePointer where Pointee == SetRecord {
    static func make(_ id: Int32) -> RecordRef {
        let record = RecordRef.allocate(capacity: 1)
        record.initialize(to: SetRecord(id: id))
        pthread_mutex_init(record.guardian, nil)
        return record
    }

    func retain() { pointee.uses.add(1, ordering: .relaxed) }

    func release() {
        guard pointee.uses.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
        pthread_mutex_destroy(guardian)
        pointee.orders.0.end()
        pointee.orders.1.end()
        pointee.relative.deallocate()
        deinitialize(count: 1)
        deallocate()
    }

    private var guardian: UnsafeMutablePointer<pthread_mutex_t> { withUnsafeMutablePointer(to: &pointee.mutex) { $0 } }

    @inline(__always)
    func guarded<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(guardian)
        defer { pthread_mutex_unlock(guardian) }
        return body()
    }

    // MARK: - Calls

    /// Counts a call on a destination of one's choice; false when it has reached its limit.
    package func take(_ cell: CellRef) -> Bool {
        guarded {
            guard cell.hasRoom else { return false }
            count(cell, by: 1)
            return true
        }
    }

    /// A call that was counted on it has ended.
    package func give(_ cell: CellRef) { guarded { count(cell, by: -1) } }

    /// Under the lock: one call more or less.
    func count(_ cell: CellRef, by change: Int) {
        let load = cell.pointee.calls.add(change, ordering: .relaxed).newValue
        pointee.orders.0.move(cell, by: change, to: load)
        pointee.orders.1.move(cell, by: change, to: load)
    }

    /// Its state has changed.
    func refresh(_ cell: CellRef) { guarded { refreshOrders(cell) } }

    fileprivate func refreshOrders(_ cell: CellRef) {
        pointee.orders.0.refresh(cell)
        pointee.orders.1.refresh(cell)
    }

    /// The destination with the least calls, which gets one more: its place in the snapshot of that version. Nil: none can take one. False: the
    /// order is that of another snapshot.
    func takeLeast(_ version: UInt64) -> (isCurrent: Bool, index: Int?) {
        guarded {
            let cell: CellRef?
            let slot: Int
            if pointee.orders.0.version == version {
                (cell, slot) = (pointee.orders.0.least, 0)
            } else if pointee.orders.1.version == version {
                (cell, slot) = (pointee.orders.1.least, 1)
            } else {
                return (false, nil)
            }
            guard let cell else { return (true, nil) }
            count(cell, by: 1)
            return (true, cell.place(slot).pointee.index)
        }
    }
}

// What a reload does, on its thread. The lock is taken for a few destinations at a time, so that calls go on meanwhile.
extension UnsafeMutablePointer where Pointee == SetRecord {
    /// Destinations for which the lock is held once.
    private static var portion: Int { 64 }

    /// Makes the order of a set that nobody selects from yet.
    func adopt(_ set: SetRef) {
        let slot = 1 - pointee.newest
        // Two reloads in a row: those who still see the last but one choose without an order.
        vacate(slot)
        let cells = sorted(set)
        withOrder(slot) { $0.set = set }
        var last: CellRef?
        portions(cells.count) { range in
            for index in cells[range] {
                let one = set[index]
                let place = one.pointee.cell.place(slot)
                place.pointee.index = index
                place.pointee.isEligible = one.pointee.isCounted && index < set.pointee.choices
                one.pointee.cell.pointee.limit = one.pointee.maxLoad
                withOrder(slot) { $0.join(one.pointee.cell, near: last) }
                refreshOrders(one.pointee.cell)
                last = one.pointee.cell
            }
        }
        guarded {
            withOrder(slot) { $0.version = set.pointee.version }
            pointee.newest = slot
        }
    }

    /// Nobody selects from that set any more.
    func vacate(_ set: SetRef) {
        if pointee.orders.0.set == set { vacate(0) }
        if pointee.orders.1.set == set { vacate(1) }
    }

    private func vacate(_ slot: Int) {
        guard let set = slot == 0 ? pointee.orders.0.set : pointee.orders.1.set else { return }
        guarded { withOrder(slot) { $0.version = 0 } }
        portions(set.pointee.count) { range in
            for index in range { withOrder(slot) { $0.leave(set[index].pointee.cell) } }
        }
        withOrder(slot) { $0.set = nil }
    }

    /// Places by the numbers of calls, as they are just now; among equal ones those first that have had theirs for the longest time.
    private func sorted(_ set: SetRef) -> [Int] {
        var keys: [(load: Int, stamp: UInt64, index: Int)] = []
        keys.reserveCapacity(set.pointee.count)
        portions(set.pointee.count) { range in
            for index in range {
                let cell = set[index].pointee.cell
                let place = cell.place(pointee.newest)
                keys.append((cell.load, place.pointee.bucket == nil ? .max : place.pointee.stamp, index))
            }
        }
        keys.sort { ($0.load, $0.stamp, $0.index) < ($1.load, $1.stamp, $1.index) }
        return keys.map(\.index)
    }

    private func portions(_ count: Int, _ body: (Range<Int>) -> Void) {
        for start in stride(from: 0, to: count, by: UnsafeMutablePointer.portion) {
            guarded { body(start..<Swift.min(count, start + UnsafeMutablePointer.portion)) }
        }
    }

    private func withOrder(_ slot: Int, _ body: (inout LoadOrder) -> Void) {
        if slot == 0 { body(&pointee.orders.0) } else { body(&pointee.orders.1) }
    }
}

extension UnsafeMutablePointer where Pointee == Cell {
    /// Under the lock: its limit is not reached. One that never was in an order has none.
    @inline(__always)
    var hasRoom: Bool { pointee.limit == 0 || load < pointee.limit }
}
