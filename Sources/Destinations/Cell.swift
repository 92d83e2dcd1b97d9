import PluginKit
import Synchronization

// Invariants: a cell lives at one address until its last user lets go: the snapshots that list it, the calls that are counted on it, probes and look-ups
// under way. What is atomic is used by any thread; `places` and `limit` under the lock of its set's record only.

/// What a destination keeps beyond reloads: its state, its counters, its calls. Snapshots lead to it.
package struct Cell: ~Copyable {
    let uses = Atomic<Int>(1)
    let bits: Atomic<UInt32>
    let failures = Atomic<UInt32>(0)
    let successes = Atomic<UInt32>(0)
    /// Calls, for algorithm 10. Changed under the record's lock.
    let calls = Atomic<Int>(0)
    package let latency = Latency()
    package let overload = Overload()
    /// A probe is under way.
    package let isProbed = Atomic<Bool>(false)
    /// Seconds since 1970 of the last change of state, and why.
    let changed = Atomic<Int64>(0)
    let cause = Atomic<UInt8>(0)
    /// The addresses of its name: an AddressList, or 0.
    package let addresses = Atomic<UInt>(0)
    /// Monotonic milliseconds from which on they are to be asked for again; 0: nobody has asked yet.
    package let namesDue = Atomic<UInt64>(0)
    /// Names it in the server's life.
    package let number: UInt64
    /// Of its set; the cell holds a use of it.
    package let record: RecordRef
    /// Where it stands in the record's orders, of which one is in force and another on its way in or out.
    var places = (Place(), Place())
    /// As the source said last; 0: it takes as many calls as there are.
    var limit = 0

    /// Where it stands in an order of its set's loads.
    struct Place {
        var bucket: BucketRef?
        var previous: CellRef?
        var next: CellRef?
        /// In the bucket's list of those that may be selected.
        var isOpen = false
        /// Its place in the snapshot that the order is for.
        var index = 0
        /// The lower, the longer it has had its number of calls.
        var stamp: UInt64 = 0
        /// It has a duid, and is not the set's last resort.
        var isEligible = false
    }
}

package typealias CellRef = UnsafeMutablePointer<Cell>

extension UnsafeMutablePointer where Pointee == Cell {
    /// A new one with one use.
    static func make(_ condition: Condition, number: UInt64, of record: RecordRef) -> CellRef {
        let cell = CellRef.allocate(capacity: 1)
        record.retain()
        cell.initialize(to: Cell(bits: Atomic(condition.rawValue), number: number, record: record))
        return cell
    }

    package func retain() { pointee.uses.add(1, ordering: .relaxed) }

    /// Lets go of it.
    package func release() {
        guard pointee.uses.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
        let record = pointee.record
        if let list = AddressList.of(self) { list.deallocate() }
        deinitialize(count: 1)
        deallocate()
        record.release()
    }

    // MARK: - State

    @inline(__always)
    package var condition: Condition { Condition(rawValue: pointee.bits.load(ordering: .relaxed)) }

    @inline(__always)
    package var isUsable: Bool { condition.isUsable }

    package var load: Int { pointee.calls.load(ordering: .relaxed) }
    package var failureCount: UInt32 { pointee.failures.load(ordering: .relaxed) }
    package var lastChange: Int64 { pointee.changed.load(ordering: .relaxed) }
    package var lastCause: Cause { Cause(rawValue: pointee.cause.load(ordering: .relaxed)) ?? .start }

    /// How a change of state went.
    package struct Change {
        package let before: Condition
        package let after: Condition
        /// It could be selected and cannot any more, or the other way round.
        package var isTurn: Bool { before.isUsable != after.isUsable }
    }

    /// Replaces the state, and tells the set.
    /// - Parameter change: what becomes of it; called again when another thread was first.
    package func change(_ cause: Cause, at time: Int64, _ change: (Condition) -> Condition) -> Change {
        var old = pointee.bits.load(ordering: .relaxed)
        while true {
            let new = change(Condition(rawValue: old)).rawValue
            if new == old { return Change(before: Condition(rawValue: old), after: Condition(rawValue: old)) }
            let (done, seen) = pointee.bits.compareExchange(
                expected: old, desired: new, ordering: .acquiringAndReleasing)
            guard done else {
                old = seen
                continue
            }
            if (old ^ new) & Condition.states.rawValue != 0 {
                pointee.changed.store(time, ordering: .relaxed)
                pointee.cause.store(cause.rawValue, ordering: .relaxed)
            }
            let made = Change(before: Condition(rawValue: old), after: Condition(rawValue: new))
            if made.isTurn {
                pointee.record.pointee.generation.add(1, ordering: .relaxed)
                pointee.record.refresh(self)
            }
            return made
        }
    }

    /// The state that a script or an operator names, at once. The counters begin anew.
    package func set(_ state: Condition, _ cause: Cause, at time: Int64) -> Change {
        pointee.failures.store(0, ordering: .relaxed)
        pointee.successes.store(0, ordering: .relaxed)
        return change(cause, at: time) { old in
            old.subtracting([.states, .probing]).union(state.intersection([.states, .probing]))
        }
    }

    /// One failure. At the threshold it becomes inactive, before that trying; disabled and inactive ones stay what they are.
    /// - Parameter probing: it is probed from now on, or not any more; nil: as before.
    package func fail(threshold: UInt32, probing: Bool?, _ cause: Cause, at time: Int64) -> Change {
        let count = pointee.failures.add(1, ordering: .relaxed).newValue
        pointee.successes.store(0, ordering: .relaxed)
        return change(cause, at: time) { old in
            guard !old.contains(.disabled) else { return old }
            var new = old
            if let probing { if probing { new.insert(.probing) } else { new.remove(.probing) } }
            guard !old.contains(.inactive) else { return new }
            new.subtract(.states)
            new.insert(count >= threshold ? .inactive : .trying)
            return new
        }
    }

    /// One success. An inactive one needs as many as the threshold in a row to become active.
    /// - Parameter probing: whether it is still probed when it is active.
    package func succeed(threshold: UInt32, probing: Bool, at time: Int64) -> Change {
        pointee.failures.store(0, ordering: .relaxed)
        let count = pointee.successes.add(1, ordering: .relaxed).newValue
        return change(.probe, at: time) { old in
            guard !old.contains(.disabled), !old.contains(.inactive) || count >= threshold else { return old }
            var new = old.subtracting([.states, .probing])
            if probing { new.insert(.probing) }
            return new
        }
    }
}
