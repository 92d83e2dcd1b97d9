// Invariants: one thread at a time, by the lock of whoever has the queue. A work is in the list of what may run, or behind its lane's head; a lane is there as
// long as a work of its key is in the queue or runs.

/// Work that waits for a connection: in the order of posting, but for that of a key of which other work has not ended yet.
struct WorkQueue {
    private var ready = List()
    private var lanes: [UInt64: List] = [:]
    /// Work that waits, with and without a connection to wait for.
    private(set) var count = 0
    /// Work that may run.
    private(set) var readyCount = 0

    /// Linked by `DatabaseWork.next`.
    private struct List {
        var first: UnsafeMutablePointer<DatabaseWork>?
        var last: UnsafeMutablePointer<DatabaseWork>?

        mutating func append(_ work: UnsafeMutablePointer<DatabaseWork>) {
            work.pointee.next = nil
            if let last { last.pointee.next = work } else { first = work }
            last = work
        }

        mutating func removeFirst() -> UnsafeMutablePointer<DatabaseWork>? {
            guard let work = first else { return nil }
            first = work.pointee.next
            if first == nil { last = nil }
            work.pointee.next = nil
            return work
        }
    }

    mutating func add(_ work: UnsafeMutablePointer<DatabaseWork>) {
        count += 1
        let key = work.pointee.key
        if key != 0 {
            guard lanes[key] == nil else {
                lanes[key]?.append(work)
                return
            }
            lanes[key] = List()
        }
        ready.append(work)
        readyCount += 1
    }

    /// The next to run.
    mutating func take() -> UnsafeMutablePointer<DatabaseWork>? {
        guard let work = ready.removeFirst() else { return nil }
        count -= 1
        readyCount -= 1
        return work
    }

    /// Work of that key has ended: the next one may run.
    /// - Returns: whether there is one.
    mutating func end(_ key: UInt64) -> Bool {
        guard key != 0, lanes[key] != nil else { return false }
        guard let next = lanes[key]?.removeFirst() else {
            lanes[key] = nil
            return false
        }
        ready.append(next)
        readyCount += 1
        return true
    }
}
