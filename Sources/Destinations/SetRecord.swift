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
    /// Of the snapshot whose destinations `order` has.
    var version: UInt64 = 0
    var order = LoadOrder()
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
        pointee.order.end()
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
            pointee.order.move(cell, by: 1)
            return true
        }
    }

    /// A call that was counted on it has ended.
    package func give(_ cell: CellRef) { guarded { pointee.order.move(cell, by: -1) } }

    /// Its state has changed.
    func refresh(_ cell: CellRef) { guarded { pointee.order.refresh(cell) } }

    /// The destination with the least calls, which gets one more: its place in the snapshot of that version. Nil: none can take one. False: the
    /// order is that of another snapshot.
    func takeLeast(_ version: UInt64) -> (isCurrent: Bool, index: Int?) {
        guarded {
            guard pointee.version == version else { return (false, nil) }
            guard let cell = pointee.order.least else { return (true, nil) }
            let index = cell.pointee.order.index
            pointee.order.move(cell, by: 1)
            return (true, index)
        }
    }
}

extension UnsafeMutablePointer where Pointee == Cell {
    /// Under the lock: its limit is not reached. One that never was in an order has none.
    @inline(__always)
    var hasRoom: Bool { pointee.order.limit == 0 || load < pointee.order.limit }
}
