import PluginKit
import RoutingKit

// Invariants: belongs to one worker, the home of the calls in it, and is used on that thread alone. A record and its texts are one piece of that worker's
// memory; it is in the table, and in one of the two lists, from when it is made until it is removed.

/// What is remembered of a call, or of one branch of it.
struct CallRecord {
    fileprivate(set) var nextInBucket: CallRef?
    fileprivate var older: CallRef?
    fileprivate var newer: CallRef?
    fileprivate let hash: UInt64
    let callID: apus_str
    /// What makes the media session of a branch its own; empty: the call's.
    let branch: apus_str
    /// In the chain of sets that the call's media run through: 0 or 1.
    let place: UInt8
    fileprivate var usedAt: UInt64
    fileprivate var isInEnded = false
    /// Number of the proxy that has the session.
    var peer: Int32
    /// As it was chosen for the offer.
    var set: Int64
    /// An offer was accepted, and no answer since.
    var hasOpenOffer = false
    /// It was deleted at the proxy; what the proxy said of it then is kept for a little while.
    var isDeleted: Bool { isInEnded }
    /// Of the deletion that is under way; 0: none is.
    var deletion: UInt64 = 0
    var totals: Totals?
}

typealias CallRef = UnsafeMutablePointer<CallRecord>

/// The proxies of running calls, by Call-ID.
struct CallTable {
    private let host: Host
    private let key = KeyedHash()
    private let buckets: UnsafeMutablePointer<CallRef?>
    private let mask: UInt64
    /// Milliseconds without a command after which a call is forgotten.
    private let timeout: UInt64
    private var running = List()
    private var ended = List()

    /// Milliseconds for which a call that has ended is remembered: what was counted may be asked for.
    static let memory: UInt64 = 32_000

    /// In the order of their last use.
    private struct List {
        var oldest: CallRef?
        var newest: CallRef?
    }

    /// - Parameters:
    ///   - size: buckets, rounded up to a power of two.
    ///   - timeout: milliseconds.
    init(_ host: Host, size: Int, timeout: UInt64) {
        self.host = host
        self.timeout = timeout
        var count = 16
        while count < size { count *= 2 }
        mask = UInt64(count - 1)
        buckets = .allocate(capacity: count)
        buckets.initialize(repeating: nil, count: count)
    }

    /// The record of a branch; nil when nothing is known of it.
    @_noLocks func find(_ callID: apus_str, _ branch: apus_str, place: UInt8 = 0) -> CallRef? {
        var record = first(callID)
        while let this = record {
            if this.pointee.place == place, this.pointee.branch.isSame(branch) { return this }
            record = next(this)
        }
        return nil
    }

    /// The first record of a call at that place, whatever its branch.
    @_noLocks func first(_ callID: apus_str, place: UInt8) -> CallRef? {
        var record = first(callID)
        while let this = record, this.pointee.place != place { record = next(this) }
        return record
    }

    /// The first record of a call.
    @_noLocks func first(_ callID: apus_str) -> CallRef? {
        let hash = key(callID)
        return following(buckets[Int(hash & mask)], hash, callID)
    }

    /// The next record of the same call.
    @_noLocks func next(_ record: CallRef) -> CallRef? {
        following(record.pointee.nextInBucket, record.pointee.hash, record.pointee.callID)
    }

    private func following(_ from: CallRef?, _ hash: UInt64, _ callID: apus_str) -> CallRef? {
        var record = from
        while let this = record {
            if this.pointee.hash == hash, this.pointee.callID.isSame(callID) { return this }
            record = this.pointee.nextInBucket
        }
        return nil
    }

    /// Remembers, or changes, where the session of a branch is: it runs from now on. Nil when memory is out.
    @discardableResult
    @_noLocks mutating func put(
        _ callID: apus_str, _ branch: apus_str, place: UInt8, peer: Int32, set: Int64, now: UInt64
    ) -> CallRef? {
        if let known = find(callID, branch, place: place) {
            (known.pointee.peer, known.pointee.set) = (peer, set)
            known.pointee.deletion = 0
            known.pointee.totals = nil
            move(known, toEnded: false, now)
            return known
        }
        let size = MemoryLayout<CallRecord>.stride
        guard let raw = host.allocate(size + callID.len + branch.len) else { return nil }
        let texts = raw.copy(callID, branch, at: size)
        let record = raw.bindMemory(to: CallRecord.self, capacity: 1)
        let hash = key(callID)
        record.initialize(
            to: CallRecord(
                hash: hash, callID: texts.0, branch: texts.1, place: place, usedAt: now, peer: peer, set: set))
        record.pointee.nextInBucket = buckets[Int(hash & mask)]
        buckets[Int(hash & mask)] = record
        append(record, to: &running)
        state.pointee.shared.pointee.calls.add(1, ordering: .relaxed)
        return record
    }

    /// It is in use: its time begins anew.
    @_noLocks mutating func touch(_ record: CallRef, now: UInt64) {
        move(record, toEnded: record.pointee.isInEnded, now)
    }

    /// It is being deleted at the proxy.
    @_noLocks mutating func end(_ record: CallRef, deletion: UInt64, now: UInt64) {
        record.pointee.deletion = deletion
        record.pointee.hasOpenOffer = false
        record.pointee.totals = nil
        move(record, toEnded: true, now)
    }

    /// Forgets what was not used for its time.
    @_noLocks mutating func expire(now: UInt64) {
        while let oldest = running.oldest, oldest.pointee.usedAt + timeout <= now { remove(oldest) }
        while let oldest = ended.oldest, oldest.pointee.usedAt + CallTable.memory <= now { remove(oldest) }
    }

    private mutating func remove(_ record: CallRef) {
        detach(record)
        let bucket = buckets + Int(record.pointee.hash & mask)
        if bucket.pointee == record {
            bucket.pointee = record.pointee.nextInBucket
        } else {
            var previous = bucket.pointee
            while let this = previous, this.pointee.nextInBucket != record { previous = this.pointee.nextInBucket }
            previous?.pointee.nextInBucket = record.pointee.nextInBucket
        }
        host.release(record)
        state.pointee.shared.pointee.calls.subtract(1, ordering: .relaxed)
    }

    private mutating func move(_ record: CallRef, toEnded isEnded: Bool, _ now: UInt64) {
        detach(record)
        record.pointee.usedAt = now
        record.pointee.isInEnded = isEnded
        if isEnded { append(record, to: &ended) } else { append(record, to: &running) }
    }

    private mutating func detach(_ record: CallRef) {
        if record.pointee.isInEnded { detach(record, from: &ended) } else { detach(record, from: &running) }
    }

    private func detach(_ record: CallRef, from list: inout List) {
        if let older = record.pointee.older { older.pointee.newer = record.pointee.newer }
        if let newer = record.pointee.newer { newer.pointee.older = record.pointee.older }
        if list.oldest == record { list.oldest = record.pointee.newer }
        if list.newest == record { list.newest = record.pointee.older }
        (record.pointee.older, record.pointee.newer) = (nil, nil)
    }

    private func append(_ record: CallRef, to list: inout List) {
        record.pointee.older = list.newest
        if let newest = list.newest { newest.pointee.newer = record } else { list.oldest = record }
        list.newest = record
    }
}
