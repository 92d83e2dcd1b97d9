import Locations
import PluginKit
import RoutingKit

// Invariants: each worker takes contacts out of stripes of its own, by its index, so that no contact is told of twice. A record that an event route reads lies in memory of the
// message that the route runs on, whose slot leads to it.

/// Contacts of all stripes that a worker takes out in one turn: what is left waits for the next, and is not found meanwhile.
private let mostInOneTurn = 2000
/// The same of one stripe at a time: its lock is held that long.
private let mostInOneLock = 100
/// Rows of a table that are looked at in one go with db_mode 3.
private let mostRows: UInt32 = 500

extension UnsafeMutablePointer<State> {
    /// [start]
    func beginTimers(_ host: Host) -> Bool {
        let settings = pointee.settings
        let timer = host.pointee.timer
        let interval = UInt32(settings.timerInterval * 1000)
        switch settings.place {
        case .database:
            return timer.pointee.every(host, interval, UInt32(APUS_TIMER_ONE_WORKER), expireRows, nil) > 0
        case .writeThrough, .writeBack:
            guard timer.pointee.every(host, interval, UInt32(APUS_TIMER_ONE_WORKER), flushInTurn, nil) > 0 else {
                return false
            }
        case .memory, .readOnly: break
        }
        return timer.pointee.every(host, 1000, UInt32(APUS_TIMER_EACH_WORKER), expireContacts, nil) > 0
    }

    /// [worker] A contact is over.
    fileprivate func over(
        _ host: Host, _ table: TableRef, _ aor: apus_str, _ hash: UInt64, _ contact: UnsafePointer<usrloc_contact>,
        _ route: OpaquePointer?
    ) {
        tell(table, aor, hash, UInt32(USRLOC_EXPIRED), contact)
        if pointee.settings.closesExpiredTCP != 0, contact.pointee.connection != 0 {
            _ = host.pointee.net.pointee.end_connection(host, contact.pointee.connection)
        }
        if let route { runEvent(host, table, aor, hash, contact, route) }
    }

    private func runEvent(
        _ host: Host, _ table: TableRef, _ aor: apus_str, _ hash: UInt64, _ contact: UnsafePointer<usrloc_contact>,
        _ route: OpaquePointer
    ) {
        var telling = usrloc_record(
            size: UInt32(MemoryLayout<usrloc_record>.size), count: 1, contacts: contact, aor: aor,
            table: table.handle, hash: hash)
        withUnsafeMutablePointer(to: &telling) { telling in
            var start = apus_start(
                size: UInt32(MemoryLayout<apus_start>.size), kind: UInt32(APUS_EVENT_ROUTE), flags: 0, reserved: 0,
                route: route, msg: nil, avps: nil,
                begun: { host, message, user in
                    guard let telling = user?.assumingMemoryBound(to: usrloc_record.self) else { return }
                    let api = host.pointee.message
                    guard let copy = telling.pointee.copied({ api.pointee.allocate(message, $0) }) else { return }
                    host.pointee.slots.pointee.set_message(message, state.pointee.eventSlot, copy)
                }, ended: nil, user: UnsafeMutableRawPointer(telling))
            if host.pointee.script.pointee.start_run(host, &start) <= 0 {
                host.log(.warning, "event_route[usrloc:contact-expired] does not run for \(aor.string): too much waits")
            }
        }
    }

    /// The script's block for contacts that are over.
    fileprivate func route(_ host: Host) -> OpaquePointer? {
        host.pointee.events.pointee.route(host, pointee.expiredEvent)
    }
}

/// Each second, on each worker.
private let expireContacts: @convention(c) (UnsafePointer<apus_tick>) -> Void = { tick in
    guard let host = state.pointee.host else { return }
    let now = wallSeconds()
    let workers = max(1, Int(host.pointee.worker.pointee.count(host)))
    let route = state.route(host)
    let isWanted =
        route != nil || state.pointee.wanted & UInt32(USRLOC_EXPIRED) != 0
        || state.pointee.settings.closesExpiredTCP != 0
    var left = mostInOneTurn
    for number in 0..<state.pointee.tableCount {
        let table = state.pointee.tables[number]
        var index = Int(tick.pointee.worker)
        while index < LocationTable.stripeCount, left > 0 {
            let arena = isWanted ? CopyArena() : nil
            var gone: [LocationTable.Gone] = []
            let limit = min(left, mostInOneLock)
            let count = table.pointee.store.expire(stripe: index, now: now, limit: limit, arena, &gone)
            left -= count
            withExtendedLifetime(arena) {
                for one in gone {
                    var contact = one.contact
                    state.over(host, table, one.aor, one.hash, &contact, route)
                }
            }
            if count < limit { index += workers }
        }
    }
}

// MARK: - Rows alone

/// With db_mode 3, on one worker.
private let expireRows: @convention(c) (UnsafePointer<apus_tick>) -> Void = { _ in
    guard let host = state.pointee.host else { return }
    for number in 0..<state.pointee.tableCount { expireRows(of: state.pointee.tables[number], host) }
}

private func expireRows(of table: TableRef, _ host: Host) {
    guard let shape = state.pointee.rows else { return }
    let query = RowQuery.expired(
        shape, table, now: wallSeconds(), ownOnly: state.pointee.settings.serverFilter != 0, limit: mostRows)
    ask(host, query.work()) { answer in
        guard answer.status == CInt(APUS_OK), let values = answer.result.pointee.values else { return }
        let arena = CopyArena()
        var gone: [LocationTable.Seen] = []
        withUnsafeTemporaryAllocation(byteCount: Int(USRLOC_LONGEST_AOR), alignment: 1) { buffer in
            for row in 0..<Int(answer.result.pointee.row_count) {
                guard let (aor, contact) = shape.read(values + row * Int(answer.result.pointee.column_count), buffer),
                    // A row without a name cannot be deleted by it, and would be found for ever.
                    !contact.ruid.isEmpty, let copy = contact.copied(arena.allocate)
                else { continue }
                gone.append(
                    LocationTable.Seen(aor: arena.copy(aor), hash: table.pointee.store.hash(aor), contact: copy))
            }
        }
        guard !gone.isEmpty else { return }
        let isFull = answer.result.pointee.row_count == UInt64(mostRows)
        let requests = RowRequests(shape, table, capacity: gone.count)
        for one in gone { requests.delete(one.contact.ruid) }
        ask(host, requests.work(key: 0)) { answer in
            guard answer.status == CInt(APUS_OK) else { return }
            let route = state.route(host)
            for one in gone {
                var contact = one.contact
                state.over(host, table, one.aor, one.hash, &contact, route)
            }
            withExtendedLifetime(arena) {}
            if isFull { expireRows(of: table, host) }
        }
        withExtendedLifetime(requests) {}
    }
    withExtendedLifetime(query) {}
}
