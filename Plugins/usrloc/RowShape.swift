import Locations
import PluginKit
import RoutingKit

// Invariants: made in `start` and constant from then on; its arrays live for ever. Texts of a contact that is read are those of the row.

/// How contacts stand in rows of the table `location`, version 9.
struct RowShape {
    static let tableVersion: Int32 = 9

    /// In the order of reading.
    private enum Place: Int {
        case ruid, user, domain, contact, received, path, expires, q, callId, cseq, modified, flags, cflags, userAgent
        case socket, methods, instance, regId, serverId, connectionId, keepalive
    }

    static let readCount = 21
    static let writtenCount = 22

    let columns: UnsafeMutablePointer<apus_str>
    private let partition: apus_str
    private let timeKind: UInt32
    let usesDomain: Bool
    let serverId: UInt32
    /// What scripts put on contacts has rows, too.
    let keepsAttributes: Bool

    init(_ settings: Settings, serverId: UInt32) {
        let names = settings.columns
        columns = .allocate(capacity: RowShape.readCount)
        let all = [
            names.ruid, names.user, names.domain, names.contact, names.received, names.path, names.expires, names.q,
            names.callId, names.cseq, "last_modified", names.flags, names.cflags, names.userAgent, names.socket,
            names.methods, names.instance, names.regId, names.serverId, names.connectionId, names.keepalive,
        ]
        for (index, name) in all.enumerated() { (columns + index).initialize(to: name) }
        partition = names.partition
        timeKind = UInt32(settings.expiresType != 0 ? APUS_DB_BIGINT : APUS_DB_DATETIME)
        usesDomain = settings.usesDomain != 0
        self.serverId = serverId
        keepsAttributes = !settings.xavp.isEmpty
    }

    var ruid: apus_str { columns[Place.ruid.rawValue] }
    var expires: apus_str { columns[Place.expires.rawValue] }
    var user: apus_str { columns[Place.user.rawValue] }
    var domain: apus_str { columns[Place.domain.rawValue] }
    var contact: apus_str { columns[Place.contact.rawValue] }
    var server: apus_str { columns[Place.serverId.rawValue] }

    func time(_ seconds: Int64) -> apus_db_value { apus_db_number(timeKind, seconds) }

    // MARK: - Reading

    /// A row's address of record, put together in the buffer when it has a domain; and its contact.
    func read(_ row: UnsafePointer<apus_db_value>, _ buffer: UnsafeMutableRawBufferPointer)
        -> (aor: apus_str, contact: usrloc_contact)?
    {
        func text(_ place: Place) -> apus_str {
            let value = row[place.rawValue]
            switch Int(value.kind) {
            case APUS_DB_STRING, APUS_DB_BLOB: return value.str
            default: return ""
            }
        }
        func number(_ place: Place) -> Int64 {
            let value = row[place.rawValue]
            switch Int(value.kind) {
            case APUS_DB_NULL: return 0
            case APUS_DB_DOUBLE: return Int64(exactly: value.real.rounded()) ?? 0
            case APUS_DB_STRING, APUS_DB_BLOB: return value.str.number ?? 0
            default: return value.num
            }
        }
        var contact = usrloc_contact()
        contact.size = UInt32(MemoryLayout<usrloc_contact>.size)
        contact.q = q(row[Place.q.rawValue])
        contact.uri = text(.contact)
        contact.received = text(.received)
        contact.path = text(.path)
        contact.call_id = text(.callId)
        contact.user_agent = text(.userAgent)
        contact.instance = text(.instance)
        contact.ruid = text(.ruid)
        contact.socket = text(.socket)
        contact.expires = max(0, number(.expires))
        contact.last_modified = max(0, number(.modified))
        contact.connection = UInt64(clamping: number(.connectionId))
        contact.cseq = UInt32(truncatingIfNeeded: number(.cseq))
        contact.flags = UInt32(truncatingIfNeeded: number(.flags))
        contact.cflags = UInt32(truncatingIfNeeded: number(.cflags))
        let methods = row[Place.methods.rawValue]
        contact.methods =
            Int(methods.kind) == APUS_DB_NULL ? USRLOC_ALL_METHODS : UInt32(truncatingIfNeeded: number(.methods))
        contact.reg_id = UInt32(truncatingIfNeeded: number(.regId))
        contact.server_id = UInt32(truncatingIfNeeded: number(.serverId))
        contact.state = UInt32(USRLOC_SYNC)
        contact.keepalive = number(.keepalive) != 0 ? 1 : 0
        contact.last_keepalive = contact.last_modified
        guard let aor = aor(text(.user), text(.domain), buffer) else { return nil }
        return (aor, contact)
    }

    private func q(_ value: apus_db_value) -> Int32 {
        let q: Double
        switch Int(value.kind) {
        case APUS_DB_NULL: return Int32(APUS_NO_Q)
        case APUS_DB_DOUBLE: q = value.real
        case APUS_DB_STRING: q = Double(value.str.string) ?? -1
        default: q = Double(value.num)
        }
        return q < 0 ? Int32(APUS_NO_Q) : Int32(min(1000, (q * 1000).rounded()))
    }

    private func aor(_ user: apus_str, _ domain: apus_str, _ buffer: UnsafeMutableRawBufferPointer) -> apus_str? {
        guard usesDomain, !domain.isEmpty else { return user.isEmpty ? nil : user }
        guard let start = buffer.baseAddress else { return nil }
        var writer = Writer(start, capacity: buffer.count)
        if !user.isEmpty {
            writer.add(user)
            writer.add("@")
        }
        writer.add(domain)
        return writer.overflowed ? nil : writer.text
    }

    /// The two columns of an address of record: an address without a user is a domain.
    func parts(_ aor: apus_str) -> (user: apus_str, domain: apus_str?) {
        guard usesDomain else { return (aor, nil) }
        var at = aor.len
        while at > 0, aor[at - 1] != UInt8(ascii: "@") { at -= 1 }
        return at == 0 ? ("", aor) : (aor[0..<at - 1], aor.dropFirst(at))
    }

    // MARK: - Writing

    /// Fills in what the row of a contact is: `writtenCount` terms.
    func write(_ aor: apus_str, _ one: usrloc_contact, _ terms: UnsafeMutablePointer<apus_db_term>) {
        var count = 0
        func put(_ column: apus_str, _ value: apus_db_value) {
            var term = apus_db_term()
            term.column = column
            term.value = value
            (terms + count).initialize(to: term)
            count += 1
        }
        func put(_ place: Place, _ value: apus_db_value) { put(columns[place.rawValue], value) }
        func put(_ place: Place, int value: Int64) { put(place, apus_db_number(UInt32(APUS_DB_INT), value)) }
        func put(_ place: Place, optional text: apus_str) {
            put(place, text.isEmpty ? apus_db_text(apus_str()) : apus_db_text(text))
        }
        func put(_ place: Place, text: apus_str) { put(place, apus_db_text(text.isEmpty ? "" : text)) }
        let (user, domain) = parts(aor)
        put(.ruid, text: one.ruid)
        put(.user, text: user)
        put(.domain, optional: domain ?? "")
        put(.contact, text: one.uri)
        put(.received, optional: one.received)
        put(.path, optional: one.path)
        put(.expires, time(one.expires))
        var q = apus_db_number(UInt32(APUS_DB_DOUBLE), 0)
        q.real = one.q == APUS_NO_Q ? -1 : Double(one.q) / 1000
        put(.q, q)
        put(.callId, text: one.call_id)
        put(.cseq, int: Int64(one.cseq))
        put(.modified, time(one.last_modified))
        put(.flags, int: Int64(one.flags))
        put(.cflags, int: Int64(one.cflags))
        put(.userAgent, text: one.user_agent)
        put(.socket, optional: one.socket)
        let hasAll = one.methods == USRLOC_ALL_METHODS
        put(.methods, hasAll ? apus_db_text(apus_str()) : apus_db_number(UInt32(APUS_DB_BITMAP), Int64(one.methods)))
        put(.instance, optional: one.instance)
        put(.regId, int: Int64(one.reg_id))
        put(.serverId, int: Int64(one.server_id))
        // Columns of that name hold 32 bits in other databases.
        put(.connectionId, int: one.connection == 0 ? -1 : Int64(Int32(exactly: one.connection) ?? -1))
        put(.keepalive, int: Int64(one.keepalive))
        put(partition, apus_db_number(UInt32(APUS_DB_INT), 0))
    }
}

/// Requests for the rows of one table, with the memory that they point to. One thread's.
final class RowRequests {
    private let shape: RowShape
    private let table: TableRef
    private var requests: [apus_db_request] = []
    private let arena = CopyArena()

    /// - Parameter capacity: contacts, about.
    init(_ shape: RowShape, _ table: TableRef, capacity: Int) {
        self.shape = shape
        self.table = table
        requests.reserveCapacity(capacity)
    }

    /// Room for so many, for as long as this.
    private func room<Value>(_ count: Int, of type: Value.Type) -> UnsafeMutablePointer<Value> {
        guard let memory = arena.allocate(max(count, 1) * MemoryLayout<Value>.stride) else {
            fatalError("memory is out")
        }
        return memory.bindMemory(to: type, capacity: count)
    }

    private func request(_ kind: Int, _ table: apus_str) -> apus_db_request {
        var request = apus_db_request()
        request.size = UInt32(MemoryLayout<apus_db_request>.size)
        request.kind = UInt32(kind)
        request.table = table
        return request
    }

    func write(_ aor: apus_str, _ contact: usrloc_contact) {
        let terms = room(RowShape.writtenCount, of: apus_db_term.self)
        shape.write(aor, contact, terms)
        var request = request(APUS_DB_UPSERT, table.pointee.name)
        request.sets = UnsafePointer(terms)
        request.set_count = UInt32(RowShape.writtenCount)
        request.keys = UnsafePointer(shape.columns)
        request.key_count = 1
        requests.append(request)
        guard shape.keepsAttributes else { return }
        delete(contact.ruid, from: table.pointee.attributes)
        var attributes = ContactAttributes(contact.attributes)
        while let one = attributes.next() {
            let terms = room(AttributeRows.writtenCount, of: apus_db_term.self)
            shape.write(aor, contact, one, terms)
            var request = self.request(APUS_DB_INSERT, table.pointee.attributes)
            request.sets = UnsafePointer(terms)
            request.set_count = UInt32(AttributeRows.writtenCount)
            requests.append(request)
        }
    }

    func delete(_ ruid: apus_str) {
        delete(ruid, from: table.pointee.name)
        if shape.keepsAttributes { delete(ruid, from: table.pointee.attributes) }
    }

    private func delete(_ ruid: apus_str, from table: apus_str) {
        let term = room(1, of: apus_db_term.self)
        term.initialize(
            to: apus_db_term(
                column: shape.ruid, comparison: UInt32(APUS_DB_EQUAL), reserved: 0, value: apus_db_text(ruid)))
        var request = request(APUS_DB_DELETE, table)
        request.where = UnsafePointer(term)
        request.where_count = 1
        requests.append(request)
    }

    /// All of them, or none.
    /// - Parameter key: work with the same one is done in its order; 0: none.
    func work(key: UInt64, milliseconds: UInt32 = 0) -> apus_db_work {
        let list = room(requests.count, of: apus_db_request.self)
        for (index, request) in requests.enumerated() { (list + index).initialize(to: request) }
        return apus_db_work(
            size: UInt32(MemoryLayout<apus_db_work>.size), count: UInt32(requests.count), requests: list, key: key,
            milliseconds: milliseconds, reserved: 0)
    }
}

/// A request for rows, with the memory that it points to. One thread's.
final class RowQuery {
    private let request: UnsafeMutablePointer<apus_db_request>
    private let terms: UnsafeMutablePointer<apus_db_term>

    private convenience init(_ shape: RowShape, _ table: TableRef, _ conditions: [apus_db_term], limit: UInt32) {
        self.init(
            table.pointee.name, UnsafeBufferPointer(start: shape.columns, count: RowShape.readCount), conditions,
            limit: limit)
    }

    private init(
        _ table: apus_str, _ columns: UnsafeBufferPointer<apus_str>, _ conditions: [apus_db_term], limit: UInt32
    ) {
        request = .allocate(capacity: 1)
        terms = .allocate(capacity: max(conditions.count, 1))
        for (index, condition) in conditions.enumerated() { (terms + index).initialize(to: condition) }
        var made = apus_db_request()
        made.size = UInt32(MemoryLayout<apus_db_request>.size)
        made.kind = UInt32(APUS_DB_SELECT)
        made.table = table
        made.columns = columns.baseAddress
        made.column_count = UInt32(columns.count)
        made.where = UnsafePointer(terms)
        made.where_count = UInt32(conditions.count)
        made.limit = limit
        request.initialize(to: made)
    }

    deinit {
        request.deallocate()
        terms.deallocate()
    }

    private static func term(_ column: apus_str, _ comparison: Int, _ value: apus_db_value) -> apus_db_term {
        apus_db_term(column: column, comparison: UInt32(comparison), reserved: 0, value: value)
    }

    /// Of one address.
    static func of(_ shape: RowShape, _ table: TableRef, _ aor: apus_str) -> RowQuery {
        RowQuery(shape, table, address(shape, aor, user: shape.user, domain: shape.domain), limit: 0)
    }

    private static func address(
        _ shape: RowShape, _ aor: apus_str, user column: apus_str, domain domainColumn: apus_str
    ) -> [apus_db_term] {
        let (user, domain) = shape.parts(aor)
        var terms = [term(column, APUS_DB_EQUAL, apus_db_text(user.isEmpty ? "" : user))]
        if let domain { terms.append(term(domainColumn, APUS_DB_EQUAL, apus_db_text(domain))) }
        return terms
    }

    /// What scripts have put on contacts, on those of one address or on all: rows for AttributeRows.
    static func attributes(_ shape: RowShape, _ table: TableRef, of aor: apus_str?) -> RowQuery {
        RowQuery(
            table.pointee.attributes, AttributeRows.columns,
            aor.map { address(shape, $0, user: AttributeRows.user, domain: AttributeRows.domain) } ?? [], limit: 0)
    }

    /// Those behind a ruid, in the order of ruids; with limit 0 how many are not over.
    static func behind(_ ruid: apus_str, _ shape: RowShape, _ table: TableRef, now: Int64, limit: UInt32) -> RowQuery {
        guard limit > 0 else { return count(shape, table, now: now, isExpired: false, distinct: false) }
        let query = RowQuery(
            shape, table, [term(shape.ruid, APUS_DB_GREATER, apus_db_text(ruid))], limit: limit)
        query.request.pointee.order = UnsafePointer(shape.columns)
        query.request.pointee.order_count = 1
        return query
    }

    /// All, or those of this server.
    static func all(_ shape: RowShape, _ table: TableRef, ownOnly: Bool) -> RowQuery {
        let own = apus_db_number(UInt32(APUS_DB_INT), Int64(shape.serverId))
        return RowQuery(shape, table, ownOnly ? [term(shape.server, APUS_DB_EQUAL, own)] : [], limit: 0)
    }

    /// Those that are over, a few of them.
    static func expired(_ shape: RowShape, _ table: TableRef, now: Int64, ownOnly: Bool, limit: UInt32) -> RowQuery {
        var terms = [
            // The first second of all means never.
            term(shape.expires, APUS_DB_GREATER, shape.time(0)),
            term(shape.expires, APUS_DB_LESS_OR_EQUAL, shape.time(now)),
        ]
        let own = apus_db_number(UInt32(APUS_DB_INT), Int64(shape.serverId))
        if ownOnly { terms.append(term(shape.server, APUS_DB_EQUAL, own)) }
        return RowQuery(shape, table, terms, limit: limit)
    }

    /// How many are over, or are not.
    /// - Parameter distinct: how many addresses have such.
    static func count(
        _ shape: RowShape, _ table: TableRef, now: Int64, isExpired: Bool, distinct: Bool
    ) -> RowQuery {
        let never = term(shape.expires, isExpired ? APUS_DB_GREATER : APUS_DB_LESS_OR_EQUAL, shape.time(0))
        let then = term(shape.expires, isExpired ? APUS_DB_LESS_OR_EQUAL : APUS_DB_GREATER, shape.time(now))
        let query = RowQuery(shape, table, [never, then], limit: 0)
        query.request.pointee.flags = UInt32(
            APUS_DB_COUNT | (isExpired ? 0 : APUS_DB_ANY) | (distinct ? APUS_DB_DISTINCT : 0))
        query.request.pointee.columns = UnsafePointer(shape.columns + 1)
        query.request.pointee.column_count = 2
        return query
    }

    func work(key: UInt64 = 0) -> apus_db_work {
        apus_db_work(
            size: UInt32(MemoryLayout<apus_db_work>.size), count: 1, requests: request, key: key, milliseconds: 0,
            reserved: 0)
    }
}
