import Locations
import PluginKit
import RoutingKit

// Invariants: as Commands.swift. Between two parts of a dump the tables change: what comes or goes meanwhile is in it or not.

/// Addresses of record in one part of a dump.
private let part: UInt32 = 100

/// `ul.dump [brief]`. `place` is the table and the stripe, and the bucket; its lowest bit says that the table's map is open.
let dump: @convention(c) (Command) -> CInt = { command in
    let isBrief = command.text(0).equals("brief")
    guard command.text(0).isEmpty || isBrief else { return command.fail(400, "only `brief` may be said") }
    let place = command.pointee.place
    let rpc = command.rpc
    let answer = command.pointee.answer
    if place[0] == 0, place[1] == 0 {
        rpc.pointee.open_map(answer, nil)
        rpc.pointee.open_array(answer, "Domains")
    }
    let number = Int(place[0] >> 16)
    guard number < state.pointee.tableCount else {
        rpc.pointee.close(answer)
        rpc.pointee.close(answer)
        return .true
    }
    let table = state.pointee.tables[number]
    if place[1] & 1 == 0 {
        rpc.pointee.open_map(answer, nil)
        rpc.pointee.open_map(answer, "Domain")
        command.add("Domain", table.pointee.name)
        command.add("Size", 1 << state.pointee.settings.hashSize)
        rpc.pointee.open_array(answer, "AoRs")
    }
    var visit = usrloc_visit()
    visit.limit = part
    var at = (place[0] & 0xffff, place[1] >> 1)
    let arena = CopyArena()
    var seen: [LocationTable.Seen] = []
    let goesOn = table.pointee.store.slice(
        visit, place: &at, now: wallSeconds(), includesExpired: true, arena, &seen)
    withExtendedLifetime(arena) { list(command, seen, isBrief) }
    guard !goesOn else {
        place[0] = UInt64(number) << 16 | at.0
        place[1] = at.1 << 1 | 1
        return CInt(APUS_RPC_MORE)
    }
    rpc.pointee.close(answer)
    command.map("Stats") {
        command.add("Records", Int64(clamping: table.pointee.store.counts.users))
        command.add("Max-Slots", Int64(table.pointee.store.longestBucket))
    }
    rpc.pointee.close(answer)
    rpc.pointee.close(answer)
    place[0] = UInt64(number + 1) << 16
    // Not 0: the beginning is behind us.
    place[1] = 0
    return CInt(APUS_RPC_MORE)
}

/// Contacts of one address follow each other.
private func list(_ command: Command, _ seen: [LocationTable.Seen], _ isBrief: Bool) {
    var index = 0
    while index < seen.count {
        let first = seen[index]
        var end = index
        while end < seen.count, seen[end].hash == first.hash, seen[end].aor.equals(first.aor) { end += 1 }
        command.map {
            if isBrief {
                command.add("AoR", first.aor)
            } else {
                command.map("Info") {
                    command.add("AoR", first.aor)
                    command.add("HashID", Int64(bitPattern: first.hash))
                    command.array("Contacts") {
                        for one in seen[index..<end] { command.map { describe(command, one.contact) } }
                    }
                }
            }
        }
        index = end
    }
}

/// Asks for the contacts of the address that the first two arguments name, and answers when they are there.
/// - Parameter form: that there are none is said in the words of SER's text.
func withContacts(
    of command: Command, form: Bool,
    _ body: @escaping (Command, usrloc_record, UnsafeBufferPointer<usrloc_contact>) -> Void
) -> CInt {
    guard let table = command.table(0), let aor = command.aor(1) else { return .false }
    return command.later { answer in
        var query = usrloc_query()
        query.size = UInt32(MemoryLayout<usrloc_query>.size)
        query.aor = aor
        fetch(command.host, table, query) { status, record in
            answer { command in
                guard status == CInt(APUS_OK), let record = record?.pointee else {
                    return command.fail(status, because: "")
                }
                guard record.count > 0 else {
                    if form { return notFound(command, table, aor, nil, form: true) }
                    command.fail(404, "AOR not found in location table")
                    return
                }
                body(command, record, UnsafeBufferPointer(start: record.contacts, count: Int(record.count)))
            }
        }
    }
}

/// `ul.lookup`
let showContacts: @convention(c) (Command) -> CInt = { command in
    withContacts(of: command, form: false) { command, record, contacts in
        command.map {
            command.add("AoR", record.aor)
            command.add("HashID", Int64(bitPattern: record.hash))
            command.array("Contacts") { for contact in contacts { command.map { describe(command, contact) } } }
        }
    }
}

private func describe(_ command: Command, _ one: usrloc_contact) {
    func optional(_ key: StaticString, _ text: apus_str) { command.add(key, text.isEmpty ? "[not set]" : text) }
    command.map("Contact") {
        command.add("Address", one.uri)
        let left = one.expires - wallSeconds()
        if one.expires == 0 {
            command.add("Expires", "permanent")
        } else if left <= 0 {
            command.add("Expires", "expired")
        } else {
            command.add("Expires", left)
        }
        let q = one.q == APUS_NO_Q ? -1 : Double(one.q) / 1000
        command.rpc.pointee.add_double(command.pointee.answer, "Q", q)
        command.add("Call-ID", one.call_id)
        command.add("CSeq", Int64(one.cseq))
        optional("User-Agent", one.user_agent)
        optional("Received", one.received)
        optional("Path", one.path)
        switch Int(one.state) {
        case USRLOC_NEW: command.add("State", "CS_NEW")
        case USRLOC_SYNC: command.add("State", "CS_SYNC")
        default: command.add("State", "CS_DIRTY")
        }
        command.add("Flags", Int64(one.flags))
        command.add("CFlags", Int64(one.cflags))
        optional("Socket", one.socket)
        command.add("Methods", one.methods == USRLOC_ALL_METHODS ? -1 : Int64(one.methods))
        optional("Ruid", one.ruid)
        optional("Instance", one.instance)
        command.add("Reg-Id", Int64(one.reg_id))
        command.add("Server-Id", Int64(one.server_id))
        command.add("Tcpconn-Id", one.connection == 0 ? -1 : Int64(bitPattern: one.connection))
        command.add("Keepalive", Int64(one.keepalive))
        command.add("Last-Keepalive", one.last_keepalive)
        command.add("KA-Roundtrip", Int64(one.round_trip))
        command.add("Last-Modified", one.last_modified)
    }
}

// MARK: - Rows

func declareCounts(_ host: Host) {
    host.command(
        "ul.db_users", arguments: "table:string", flags: APUS_RPC_READS, reply: "int",
        doc: "Addresses of record with contacts that are not over, in the database."
    ) { count($0, isExpired: false, distinct: true) }
    host.command(
        "ul.db_contacts", arguments: "table:string", flags: APUS_RPC_READS, reply: "int",
        doc: "Contacts that are not over, in the database."
    ) { count($0, isExpired: false, distinct: false) }
    host.command(
        "ul.db_expired_contacts", arguments: "table:string", flags: APUS_RPC_READS, reply: "int",
        doc: "Contacts that are over, in the database."
    ) { count($0, isExpired: true, distinct: false) }
}

private func count(_ command: Command, isExpired: Bool, distinct: Bool) -> CInt {
    guard let table = command.table(0) else { return .false }
    guard let shape = state.pointee.rows else { return command.fail(500, "there is no database (db_mode 0)") }
    return command.later { answer in
        let query = RowQuery.count(shape, table, now: wallSeconds(), isExpired: isExpired, distinct: distinct)
        ask(command.host, query.work()) { found in
            let result = found.result.pointee
            answer { command in
                guard found.status == CInt(APUS_OK) else { return command.fail(found.status, because: result.text) }
                command.add(nil, result.row_count > 0 ? result.values?[0].num ?? 0 : 0)
            }
        }
        withExtendedLifetime(query) {}
    }
}
