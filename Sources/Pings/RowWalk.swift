import PluginKit
import RoutingKit

// Invariants: of the first worker, which alone touches it, at one address for ever. While `isAsking` the database has a question, whose answer leads back to it.

/// A walk over the contacts of one table that are in the database only: each once in an interval, spread evenly over it, by as many rows at a time as are due.
struct RowWalk {
    let home: UnsafeMutablePointer<PingHome>
    let table: UInt32
    /// When the round began, monotonic milliseconds; nil: there is none.
    var begun: UInt64?
    var isAsking = false
    fileprivate var asked: UInt64 = 0
    fileprivate var limit: UInt32 = 0
    /// Contacts that there were when the round began, and those that it has seen.
    fileprivate var total: Int64 = 0
    fileprivate var count: Int64 = 0
    fileprivate var isDone = false
    /// The ruid behind which the next rows are.
    fileprivate var last: [64 of UInt8] = InlineArray(repeating: 0)
    fileprivate var lastLength = 0
    fileprivate var seen: PingHome.Seen

    init(_ home: UnsafeMutablePointer<PingHome>, _ table: UInt32, _ seen: @escaping PingHome.Seen) {
        self.home = home
        self.table = table
        self.seen = seen
    }

    private static let mostRows: Int64 = 500
    /// Milliseconds between two questions of one that is in time.
    private static let pause: UInt64 = 1000

    /// Rows that are to be asked for now; 0: none.
    /// - Parameter interval: milliseconds.
    fileprivate func due(_ now: UInt64, _ interval: UInt64) -> UInt32 {
        guard let begun, !isDone else { return 0 }
        let elapsed = now - begun
        if elapsed >= interval { return UInt32(RowWalk.mostRows) }
        guard now - asked >= RowWalk.pause else { return 0 }
        return UInt32(clamping: min(total * Int64(elapsed) / Int64(interval) - count, RowWalk.mostRows))
    }
}

extension UnsafeMutablePointer<RowWalk> {
    /// [worker] Asks for what is due.
    func turn(_ host: Host, _ usrloc: UnsafePointer<usrloc_api>, now: UInt64, interval: UInt64) {
        guard !pointee.isAsking else { return }
        if pointee.begun.map({ pointee.isDone && now - $0 >= interval }) ?? true {
            (pointee.begun, pointee.count, pointee.lastLength, pointee.isDone) = (now, 0, 0, false)
            return ask(host, usrloc, now, limit: 0)
        }
        let due = pointee.due(now, interval)
        if due > 0 { ask(host, usrloc, now, limit: due) }
    }

    /// - Parameter limit: 0: how many contacts there are.
    private func ask(_ host: Host, _ usrloc: UnsafePointer<usrloc_api>, _ now: UInt64, limit: UInt32) {
        guard let table = usrloc.pointee.table_at(host, pointee.table) else { return }
        (pointee.isAsking, pointee.limit, pointee.asked) = (true, limit, now)
        withUnsafeTemporaryAllocation(byteCount: pointee.last.count, alignment: 1) { memory in
            var after = Writer(memory.baseAddress.unsafelyUnwrapped, capacity: memory.count)
            for index in 0..<pointee.lastLength { after.add(byte: pointee.last[index]) }
            usrloc.pointee.rows(
                host, table, after.text, limit,
                { host, aor, hash, contact, user in
                    user?.assumingMemoryBound(to: RowWalk.self).see(host, aor, hash, contact)
                }, { _, count, user in user?.assumingMemoryBound(to: RowWalk.self).end(count) }, self)
        }
    }

    private func see(_ host: Host, _ aor: apus_str, _ hash: UInt64, _ contact: UnsafePointer<usrloc_contact>) {
        pointee.lastLength = Swift.min(contact.pointee.ruid.len, pointee.last.count)
        for index in 0..<pointee.lastLength { pointee.last[index] = contact.pointee.ruid[index] }
        let home = pointee.home
        guard contact.pointee.expires == 0 || contact.pointee.expires > wallSeconds(),
            home.pointee.cflags == 0 || contact.pointee.cflags & home.pointee.cflags != 0
        else { return }
        home.pointee.table = pointee.table
        pointee.seen(host, aor, hash, contact, home)
    }

    /// The answer. A database that fails is asked again in the next interval.
    private func end(_ count: Int64) {
        pointee.isAsking = false
        if count < 0 {
            pointee.isDone = true
        } else if pointee.limit == 0 {
            pointee.total = count
        } else {
            pointee.count += count
            pointee.isDone = count < Int64(pointee.limit)
        }
    }
}

extension UnsafeMutablePointer<PingHome> {
    /// [worker] As `turn`, where contacts are in the database only (db_mode 3): one worker walks over all of them.
    public func turnRows(
        _ host: Host, _ usrloc: UnsafePointer<usrloc_api>, now: UInt64, _ seen: @escaping PingHome.Seen
    ) {
        var count = pointee.walkCount
        while count < PingHome.mostWalks, usrloc.pointee.table_at(host, UInt32(count)) != nil {
            if pointee.walks == nil { pointee.walks = .allocate(capacity: PingHome.mostWalks) }
            if let walks = pointee.walks { (walks + count).initialize(to: RowWalk(self, UInt32(count), seen)) }
            count += 1
        }
        pointee.walkCount = count
        guard let walks = pointee.walks else { return }
        for index in 0..<count { (walks + index).turn(host, usrloc, now: now, interval: pointee.interval) }
    }

    /// Nothing is pinged now; what follows begins anew.
    public func pause() {
        pointee.rounds.pause()
        guard let walks = pointee.walks else { return }
        for index in 0..<pointee.walkCount where !walks[index].isAsking { walks[index].begun = nil }
    }
}
