import Glibc

// Invariants: one table a worker, touched by its thread only: all messages of a Call-ID are at home there. A holder is kept, its run waits, and it is in
// exactly one bucket until it is given back; those that wait for it are kept, have no run, and hang on it by `next`, oldest first.

/// With route_locks_size: messages of one Call-ID whose scripts would overlap, because that of an earlier one waits, run one after the other.
struct CallLocks {
    private let buckets: UnsafeMutablePointer<UnsafeMutablePointer<Space>?>
    private let mask: Int
    /// Messages that wait.
    fileprivate(set) var waiting = 0
    /// Those whose turn it is when this turn of the loop ends, oldest first.
    fileprivate var first: UnsafeMutablePointer<Space>?
    fileprivate var last: UnsafeMutablePointer<Space>?

    /// - Parameter size: of the table; it costs comparisons only when there are more holders.
    init(size: Int) {
        var count = 16
        while count < min(size, 1 << 20) { count *= 2 }
        mask = count - 1
        buckets = .allocate(capacity: count)
        buckets.initialize(repeating: nil, count: count)
    }

    private func hash(_ callID: Bytes) -> UInt64 {
        // FNV-1a: the table is bounded by max_suspended.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for index in 0..<callID.count { hash = (hash ^ UInt64(callID[index])) &* 0x100_0000_01b3 }
        return hash
    }

    fileprivate func holder(of callID: Bytes) -> UnsafeMutablePointer<Space>? {
        var next = buckets[Int(truncatingIfNeeded: hash(callID)) & mask]
        while let space = next {
            if space.message.callID == callID { return space }
            next = space.pointee.nextHolder
        }
        return nil
    }

    fileprivate func insert(_ space: UnsafeMutablePointer<Space>) {
        let bucket = Int(truncatingIfNeeded: hash(space.message.callID)) & mask
        space.pointee.isHolder = true
        space.pointee.nextHolder = buckets[bucket]
        buckets[bucket] = space
    }

    fileprivate func remove(_ space: UnsafeMutablePointer<Space>) {
        space.pointee.isHolder = false
        var link = buckets + (Int(truncatingIfNeeded: hash(space.message.callID)) & mask)
        while let candidate = link.pointee {
            if candidate == space {
                link.pointee = space.pointee.nextHolder
                return
            }
            link = candidate.pointer(to: \.nextHolder)!
        }
    }
}

extension UnsafeMutablePointer<ServerWorker> {
    /// The message's script has begun to wait: later messages of its Call-ID wait for it.
    func hold(_ space: UnsafeMutablePointer<Space>) {
        guard let locks = pointee.locks, !space.pointee.isHolder else { return }
        space.pointee.firstWaiter = nil
        space.pointee.lastWaiter = nil
        locks.insert(space)
    }

    /// Whether the message's script must wait for that of an earlier one; if so it is taken care of.
    func waitsForItsCall(_ space: UnsafeMutablePointer<Space>) -> Bool {
        guard let holder = pointee.locks?.holder(of: space.message.callID) else { return false }
        let all = pointee.script.pointee.suspensions.waiting + pointee.held + (pointee.locks?.waiting ?? 0)
        guard all < pointee.shared.pointee.maxSuspended else {
            let counters = pointee.shared.pointee.counters
            bump(space.message.isRequest ? counters.dropRequests : counters.dropReplies)
            Log.limited(.error, "a message is dropped: too many wait", source: space.message.routing.source) { _ in }
            giveBack(space)
            return true
        }
        nowWaits(space, holds: false)
        space.pointee.next = nil
        if let last = holder.pointee.lastWaiter {
            last.pointee.next = space
        } else {
            holder.pointee.firstWaiter = space
        }
        holder.pointee.lastWaiter = space
        pointee.locks?.waiting += 1
        return true
    }

    /// A message that held its Call-ID is dealt with: those that waited for it have their turn when this turn of the loop ends.
    func letGo(_ space: UnsafeMutablePointer<Space>) {
        pointee.locks?.remove(space)
        guard let first = space.pointee.firstWaiter else { return }
        if let last = pointee.locks?.last { last.pointee.next = first } else { pointee.locks?.first = first }
        pointee.locks?.last = space.pointee.lastWaiter
        space.pointee.firstWaiter = nil
        space.pointee.lastWaiter = nil
    }

    /// At the end of a turn: one after the other; a script that waits again holds up the rest.
    func runReleased() {
        while let space = pointee.locks?.first {
            pointee.locks?.first = space.pointee.next
            if space.pointee.next == nil { pointee.locks?.last = nil }
            space.pointee.next = nil
            pointee.locks?.waiting -= 1
            if waitsForItsCall(space) { continue }
            if space.message.isRequest { runRequest(space) } else { runReply(space) }
        }
    }
}
