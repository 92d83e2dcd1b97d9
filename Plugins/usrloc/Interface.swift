import Locations
import PluginKit
import RoutingKit

// Invariants: the interface lives for ever. Its functions are called on the threads that apus/usrloc.h says; a table's handle is a TableRef.

typealias Looked = @convention(c) (Call, CInt, UnsafePointer<usrloc_record>?, UnsafeMutableRawPointer?) -> CInt
typealias Fetched = (CInt, UnsafePointer<usrloc_record>?) -> Void
typealias Changed = @convention(c) (Call, UnsafePointer<usrloc_outcome>, UnsafeMutableRawPointer?) -> CInt
typealias Submitted = (UnsafePointer<usrloc_outcome>) -> Void

/// `usrloc_api`, what other modules see of usrloc.
func makeInterface() -> UnsafeMutablePointer<usrloc_api> {
    permanent(
        usrloc_api(
            size: UInt32(MemoryLayout<usrloc_api>.size),
            settings: { _, out in
                let settings = state.pointee.settings
                out.pointee = usrloc_settings(
                    size: UInt32(MemoryLayout<usrloc_settings>.size), db_mode: UInt32(settings.mode),
                    use_domain: UInt32(settings.usesDomain), matching_mode: UInt32(settings.matchingMode),
                    cseq_delay: UInt32(settings.cseqDelay),
                    desc_time_order: state.pointee.store.pointee.ordersByTime ? 1 : 0,
                    nat_bflag: Int32(settings.natFlag), server_id: state.pointee.store.pointee.serverId,
                    xavp_contact: settings.xavp)
            },
            order_by_time: { _, isOn in state.pointee.store.pointee.ordersByTime = isOn != 0 },
            register_table: { host, name in state.makeTable(host, name)?.handle },
            find_table: { _, name in state.table(name)?.handle },
            table_name: { TableRef(handle: $0).pointee.name },
            lookup: { call, table, query, then, user in
                lookUp(call, TableRef(handle: table), query.pointee, then, user)
            },
            fetch: { host, table, query, then, user in
                fetch(host, TableRef(handle: table), query.pointee) { then(host, $0, $1, user) }
            },
            change: { call, table, change, then, user in
                makeChange(call, TableRef(handle: table), change.pointee, then, user)
            },
            submit: { host, table, change, then, user in
                submit(host, TableRef(handle: table), change.pointee) { then?(host, $0, user) }
            },
            visit: { host, table, visit, seen, user in
                guard state.pointee.settings.place != .database else { return .false }
                let arena = CopyArena()
                var all: [LocationTable.Seen] = []
                let goesOn = TableRef(handle: table).pointee.store.slice(
                    visit.pointee, place: &visit.pointee.place, now: wallSeconds(), includesExpired: false, arena, &all)
                withExtendedLifetime(arena) {
                    for one in all {
                        var contact = one.contact
                        seen(host, one.aor, one.hash, &contact, user)
                    }
                }
                return goesOn ? .true : .exit
            },
            refresh_keepalive: { _, table, hash, ruid, roundTrip in
                let store = TableRef(handle: table).pointee.store
                return store.refresh(hash, ruid, roundTrip: roundTrip, now: wallSeconds()) ? .true : .false
            },
            register_callback: { host, kinds, call, user in
                guard state.pointee.listenerCount < State.mostListeners else { return .false }
                (state.pointee.listeners + state.pointee.listenerCount).initialize(
                    to: State.Listener(host: host, kinds: kinds, call: call, user: user))
                state.pointee.listenerCount += 1
                state.pointee.wanted |= kinds
                return .true
            },
            expired: { message in
                guard let host = state.pointee.host else { return nil }
                let slot = host.pointee.slots.pointee.message(message, state.pointee.eventSlot)
                return slot.map { UnsafePointer($0.assumingMemoryBound(to: usrloc_record.self)) }
            },
            counts: { table, users, contacts, expired in
                let counts = TableRef(handle: table).pointee.store.counts
                users.pointee = counts.users
                contacts.pointee = counts.contacts
                expired.pointee = counts.expired
            },
            table_at: { _, index in
                Int(index) < state.pointee.tableCount ? state.pointee.tables[Int(index)].handle : nil
            },
            contacts: { host, table, aor, seen, user in
                guard state.pointee.settings.place != .database else { return .false }
                var query = usrloc_query()
                query.size = UInt32(MemoryLayout<usrloc_query>.size)
                query.aor = aor
                let arena = CopyArena()
                return withExtendedLifetime(arena) {
                    let store = TableRef(handle: table).pointee.store
                    let record = store.record(query, now: wallSeconds(), table: table, arena.allocate)
                    guard let record else { return .false }
                    for index in 0..<Int(record.pointee.count) {
                        if let contacts = record.pointee.contacts { seen?(host, contacts + index, user) }
                    }
                    return CInt(record.pointee.count)
                }
            },
            expire: { _, table, hash, ruid in
                TableRef(handle: table).pointee.store.expire(hash, ruid, now: wallSeconds()) ? .true : .false
            },
            rows: { host, table, after, limit, seen, done, user in
                walkRows(host, TableRef(handle: table), after, limit) { one in
                    var contact = one.contact
                    seen?(host, one.aor, one.hash, &contact, user)
                } _: {
                    done(host, $0, user)
                }
            }))
}

// MARK: - Looking up

/// A lookup that waits for the database; in memory of its run.
private struct Lookup {
    let table: TableRef
    var query: usrloc_query
    /// What was found, while its attributes are asked for.
    var record: UnsafeMutablePointer<usrloc_record>?
    let then: Looked
    let user: UnsafeMutableRawPointer?
}

private func lookUp(
    _ call: Call, _ table: TableRef, _ query: usrloc_query, _ then: Looked, _ user: UnsafeMutableRawPointer?
) -> CInt {
    let script = call.host.pointee.script
    func allocate(_ size: Int) -> UnsafeMutableRawPointer? { script.pointee.allocate(call, size) }
    guard state.pointee.settings.place == .database else {
        let record = table.pointee.store.record(query, now: wallSeconds(), table: table.handle, allocate)
        return then(call, CInt(record == nil ? APUS_FAILED : APUS_OK), record.map { UnsafePointer($0) }, user)
    }
    guard let db = state.pointee.db, let shape = state.pointee.rows, !query.aor.isNull,
        let place = allocate(MemoryLayout<Lookup>.stride), let text = allocate(max(query.aor.len + query.ruid.len, 1))
    else { return then(call, CInt(APUS_FAILED), nil, user) }
    let lookup = place.bindMemory(to: Lookup.self, capacity: 1)
    var own = query
    var writer = Writer(text, capacity: query.aor.len + query.ruid.len)
    writer.add(query.aor)
    writer.add(query.ruid)
    own.aor = writer.text[0..<query.aor.len]
    own.ruid = writer.text.dropFirst(query.aor.len)
    lookup.initialize(to: Lookup(table: table, query: own, then: then, user: user))
    let rows = RowQuery.of(shape, table, own.aor)
    var work = rows.work(key: table.pointee.store.hash(own.aor))
    return withExtendedLifetime(rows) {
        call.host.pointee.db.pointee.ask(
            call, db, &work,
            { call, status, result, user in
                let lookup = user.unsafelyUnwrapped.assumingMemoryBound(to: Lookup.self)
                guard status == CInt(APUS_OK) else { return lookup.end(call, status) }
                let script = call.host.pointee.script
                lookup.pointee.record = record(of: result, lookup.pointee.table, lookup.pointee.query) {
                    script.pointee.allocate(call, $0)
                }
                guard let record = lookup.pointee.record else { return lookup.end(call, CInt(APUS_FAILED)) }
                guard record.pointee.count > 0, state.pointee.rows?.keepsAttributes == true else {
                    return lookup.end(call, CInt(APUS_OK))
                }
                return lookup.askForAttributes(call)
            }, lookup)
    }
}

extension UnsafeMutablePointer<Lookup> {
    fileprivate func end(_ call: Call, _ status: CInt) -> CInt {
        let record = status == CInt(APUS_OK) ? pointee.record.map { UnsafePointer($0) } : nil
        return pointee.then(call, status, record, pointee.user)
    }

    fileprivate func askForAttributes(_ call: Call) -> CInt {
        guard let db = state.pointee.db, let shape = state.pointee.rows else { return end(call, CInt(APUS_FAILED)) }
        let rows = RowQuery.attributes(shape, pointee.table, of: pointee.query.aor)
        var work = rows.work(key: pointee.table.pointee.store.hash(pointee.query.aor))
        return withExtendedLifetime(rows) {
            call.host.pointee.db.pointee.ask(
                call, db, &work,
                { call, status, result, user in
                    let lookup = user.unsafelyUnwrapped.assumingMemoryBound(to: Lookup.self)
                    if status == CInt(APUS_OK), let record = lookup.pointee.record {
                        let script = call.host.pointee.script
                        AttributeRows(result: result).attach(to: record) { script.pointee.allocate(call, $0) }
                    }
                    return lookup.end(call, status)
                }, self)
        }
    }
}

/// The contacts that rows of one address are, as a table in memory would give them.
private func record(
    of result: UnsafePointer<apus_db_result>, _ table: TableRef, _ query: usrloc_query,
    _ allocate: LocationTable.Allocate
) -> UnsafeMutablePointer<usrloc_record>? {
    var contacts: [usrloc_contact] = []
    let now = wallSeconds()
    withUnsafeTemporaryAllocation(byteCount: Int(USRLOC_LONGEST_AOR), alignment: 1) { buffer in
        for row in 0..<Int(result.pointee.row_count) {
            guard let values = result.pointee.values, let shape = state.pointee.rows,
                let (_, contact) = shape.read(values + row * Int(result.pointee.column_count), buffer),
                query.flags & UInt32(USRLOC_EXPIRED_TOO) != 0 || contact.expires == 0 || contact.expires > now,
                query.ruid.isEmpty || contact.ruid.equals(query.ruid)
            else { continue }
            var own = contact
            own.listener = own.socket.isEmpty ? nil : state.pointee.host?.listener(own.socket)
            contacts.append(own)
        }
    }
    let byTime = state.pointee.store.pointee.ordersByTime
    contacts.sort { a, b in
        if !byTime, a.q != b.q { return a.q > b.q }
        return a.last_modified > b.last_modified
    }
    return contacts.withUnsafeBufferPointer {
        usrloc_record.made(query.aor, table.pointee.store.hash(query.aor), $0, table: table.handle, allocate)
    }
}

/// [worker] With db_mode 3: shows the contacts of the next rows behind a ruid, and says how many rows there were.
private func walkRows(
    _ host: Host, _ table: TableRef, _ after: apus_str, _ limit: UInt32, _ seen: @escaping (LocationTable.Seen) -> Void,
    _ done: @escaping (Int64) -> Void
) {
    guard state.pointee.settings.place == .database, let shape = state.pointee.rows else { return done(-1) }
    let query = RowQuery.behind(after, shape, table, now: wallSeconds(), limit: limit)
    ask(host, query.work()) { answer in
        let result = answer.result.pointee
        guard answer.status == CInt(APUS_OK), let values = result.values else {
            return done(answer.status == CInt(APUS_OK) ? 0 : -Int64(max(1, answer.status)))
        }
        if limit == 0 { return done(values[0].num) }
        withUnsafeTemporaryAllocation(byteCount: Int(USRLOC_LONGEST_AOR), alignment: 1) { buffer in
            for row in 0..<Int(result.row_count) {
                guard let (aor, contact) = shape.read(values + row * Int(result.column_count), buffer) else { continue }
                var own = contact
                own.listener = own.socket.isEmpty ? nil : state.pointee.host?.listener(own.socket)
                seen(LocationTable.Seen(aor: aor, hash: table.pointee.store.hash(aor), contact: own))
            }
        }
        done(Int64(result.row_count))
    }
    withExtendedLifetime(query) {}
}

/// [worker] [management]
func fetch(_ host: Host, _ table: TableRef, _ query: usrloc_query, _ then: @escaping Fetched) {
    guard state.pointee.settings.place == .database else {
        let arena = CopyArena()
        let record = table.pointee.store.record(query, now: wallSeconds(), table: table.handle, arena.allocate)
        withExtendedLifetime(arena) {
            then(CInt(record == nil ? APUS_FAILED : APUS_OK), record.map { UnsafePointer($0) })
        }
        return
    }
    guard let shape = state.pointee.rows, !query.aor.isNull else { return then(CInt(APUS_FAILED), nil) }
    let arena = CopyArena()
    var own = query
    own.aor = arena.copy(query.aor)
    own.ruid = arena.copy(query.ruid)
    let rows = RowQuery.of(shape, table, own.aor)
    ask(host, rows.work(key: table.pointee.store.hash(own.aor))) { answer in
        let isOK = answer.status == CInt(APUS_OK)
        let found = isOK ? record(of: answer.result, table, own, arena.allocate) : nil
        let status = isOK && found == nil ? CInt(APUS_FAILED) : answer.status
        withExtendedLifetime(arena) { then(status, found.map { UnsafePointer($0) }) }
    }
    withExtendedLifetime(rows) {}
}

// MARK: - Changing

/// A change that waits for its rows; in memory of its run.
private struct Waiter {
    let then: Changed
    let user: UnsafeMutableRawPointer?
}

private func failed(_ status: Int, _ text: apus_str) -> usrloc_outcome {
    var outcome = usrloc_outcome()
    outcome.size = UInt32(MemoryLayout<usrloc_outcome>.size)
    outcome.status = Int32(status)
    outcome.text = text
    return outcome
}

private var isWrittenFirst: Bool {
    state.pointee.settings.place == .writeThrough || state.pointee.settings.place == .database
}

private func makeChange(
    _ call: Call, _ table: TableRef, _ change: usrloc_change, _ then: Changed, _ user: UnsafeMutableRawPointer?
) -> CInt {
    let script = call.host.pointee.script
    guard let place = script.pointee.allocate(call, MemoryLayout<usrloc_outcome>.stride) else {
        var outcome = failed(APUS_FAILED, "the run's memory is used up")
        return then(call, &outcome, user)
    }
    let outcome = place.bindMemory(to: usrloc_outcome.self, capacity: 1)
    guard isWrittenFirst else {
        let made = table.pointee.store.make(
            change, now: wallSeconds(), ruids: state.pointee.ruids.pointee, events: state.pointee.wanted,
            table: table.handle
        ) { script.pointee.allocate(call, $0) }
        outcome.initialize(to: made.outcome)
        state.tell(table, change.aor, made)
        return then(call, outcome, user)
    }
    guard let memory = script.pointee.allocate(call, MemoryLayout<Waiter>.stride) else {
        outcome.initialize(to: failed(APUS_FAILED, "the run's memory is used up"))
        return then(call, outcome, user)
    }
    memory.bindMemory(to: Waiter.self, capacity: 1).initialize(to: Waiter(then: then, user: user))
    let token = call.host.pointee.suspend.pointee.begin(call, 0, changed, memory)
    guard token.value != 0 else {
        outcome.initialize(to: failed(APUS_FAILED, "the script cannot wait here"))
        return then(call, outcome, user)
    }
    let host = state.pointee.host ?? call.host
    guard state.pointee.begin(Pending(host, table, change, .script(token)), host) else {
        outcome.initialize(to: failed(APUS_BUSY, "too many changes of this address wait"))
        return then(call, outcome, user)
    }
    return .suspended
}

/// The change has ended: its outcome comes into memory of the run.
private let changed: @convention(c) (Call, CInt, UnsafeMutableRawPointer?) -> CInt = { call, status, payload in
    let script = call.host.pointee.script
    guard let waiter = call.host.pointee.suspend.pointee.user(call)?.assumingMemoryBound(to: Waiter.self).pointee
    else { return .false }
    guard status == CInt(APUS_OK), let payload else {
        var outcome = failed(Int(status), "the server stops")
        return waiter.then(call, &outcome, waiter.user)
    }
    let pending = Unmanaged<Pending>.fromOpaque(payload).takeUnretainedValue()
    func allocate(_ size: Int) -> UnsafeMutableRawPointer? { script.pointee.allocate(call, size) }
    guard let place = allocate(MemoryLayout<usrloc_outcome>.stride) else {
        var outcome = pending.outcome
        outcome.record = nil
        return waiter.then(call, &outcome, waiter.user)
    }
    let outcome = place.bindMemory(to: usrloc_outcome.self, capacity: 1)
    outcome.initialize(to: pending.outcome)
    outcome.pointee.record = pending.outcome.record.flatMap { $0.pointee.copied(allocate) }.map { UnsafePointer($0) }
    if outcome.pointee.text.len > 0, let text = allocate(outcome.pointee.text.len) {
        var writer = Writer(text, capacity: outcome.pointee.text.len)
        writer.add(outcome.pointee.text)
        outcome.pointee.text = writer.text
    } else {
        outcome.pointee.text = ""
    }
    return waiter.then(call, outcome, waiter.user)
}

/// [worker] [management]
func submit(_ host: Host, _ table: TableRef, _ change: usrloc_change, _ then: @escaping Submitted) {
    let own = state.pointee.host ?? host
    guard isWrittenFirst else {
        let arena = CopyArena()
        let made = table.pointee.store.make(
            change, now: wallSeconds(), ruids: state.pointee.ruids.pointee, events: state.pointee.wanted,
            table: table.handle, arena.allocate)
        var outcome = made.outcome
        withExtendedLifetime(arena) {
            state.tell(table, change.aor, made)
            then(&outcome)
        }
        return
    }
    guard state.pointee.begin(Pending(own, table, change, .module(then)), own) else {
        var outcome = failed(APUS_BUSY, "too many changes of this address wait")
        return then(&outcome)
    }
}
