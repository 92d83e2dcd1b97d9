import Locations
import PluginKit
import RoutingKit

// Invariants: in `start`, on the main thread; pages come on a thread of the pool, while the main thread waits.

private final class Loading {
    let table: TableRef
    let shape: RowShape
    let now = wallSeconds()
    let host: Host
    let settings: Settings
    var rows = 0
    var refused = 0
    /// Of sockets of other servers.
    var foreign = 0
    /// Names of rows that go: their contacts came over connections.
    var stale: [String] = []
    var attributes = LoadedAttributes()
    /// What is done with a page.
    fileprivate var page: ((Loading, UnsafePointer<apus_db_result>) -> Void)?

    init(_ host: Host, _ table: TableRef, _ shape: RowShape, _ settings: Settings) {
        self.host = host
        self.settings = settings
        self.table = table
        self.shape = shape
    }

    func take(_ page: UnsafePointer<apus_db_result>) {
        guard let values = page.pointee.values, Int(page.pointee.column_count) == RowShape.readCount else { return }
        withUnsafeTemporaryAllocation(byteCount: Int(USRLOC_LONGEST_AOR), alignment: 1) { buffer in
            for row in 0..<Int(page.pointee.row_count) {
                rows += 1
                guard let (aor, contact) = shape.read(values + row * RowShape.readCount, buffer) else {
                    refused += 1
                    continue
                }
                if settings.cleansTCP != 0, cameOverConnection(contact) {
                    stale.append(contact.ruid.string)
                    continue
                }
                if settings.skipsRemote != 0, !contact.socket.isEmpty, host.listener(contact.socket) == nil {
                    foreign += 1
                    continue
                }
                // Connections of another life of the server are gone.
                var own = contact
                own.connection = 0
                if !attributes.with(own, { table.pointee.store.load(aor, $0, now: now) }) { refused += 1 }
            }
        }
    }
}

extension Loading {
    /// By the socket that it came to, else by its URI.
    private func cameOverConnection(_ contact: usrloc_contact) -> Bool {
        if let colon = contact.socket.index(of: UInt8(ascii: ":")) {
            let number = host.pointee.net.pointee.transport(contact.socket[0..<colon])
            if number != 0 { return number != UInt32(APUS_UDP) && number != UInt32(APUS_SCTP) }
        }
        let uri = apus_uri.filled { host.pointee.message.pointee.parse_uri(contact.uri, $0) }
        return uri.map { [APUS_TCP, APUS_TLS, APUS_WS, APUS_WSS].contains($0.transportNumber) } ?? false
    }

    /// Reads all rows of a query, a page at a time. False with the reason in the log.
    func read(
        _ name: apus_str, _ query: RowQuery, _ db: OpaquePointer,
        _ page: @escaping (Loading, UnsafePointer<apus_db_result>) -> Void
    ) -> Bool {
        self.page = page
        var work = query.work()
        var result: UnsafePointer<apus_db_result>?
        let status = withExtendedLifetime(query) {
            host.pointee.db.pointee.pages(
                db, &work, UInt32(settings.fetchRows),
                { page, user in
                    let loading = Unmanaged<Loading>.fromOpaque(user.unsafelyUnwrapped).takeUnretainedValue()
                    loading.page?(loading, page)
                    return .true
                }, Unmanaged.passUnretained(self).toOpaque(), &result)
        }
        defer { host.pointee.db.pointee.free(result) }
        guard status != CInt(APUS_OK) else { return true }
        let why = result.map { $0.pointee.text.string } ?? ""
        host.log(.error, "the table \(name.string) cannot be loaded: \(why.isEmpty ? "status \(status)" : why)")
        return false
    }

    /// Deletes the rows that go; a failure is no more than that they are there at the next start.
    func deleteStale(_ db: OpaquePointer) {
        var rest = stale[...]
        while !rest.isEmpty {
            let batch = rest.prefix(500)
            rest = rest.dropFirst(500)
            let arena = CopyArena()
            let requests = RowRequests(shape, table, capacity: batch.count)
            for ruid in batch {
                var ruid = ruid
                requests.delete(ruid.withUTF8 { arena.copy(apus_str(start: $0.baseAddress, count: $0.count)) })
            }
            var work = requests.work(key: 0, milliseconds: 60_000)
            var result: UnsafePointer<apus_db_result>?
            let status = withExtendedLifetime((requests, arena)) {
                host.pointee.db.pointee.wait(db, &work, &result)
            }
            host.pointee.db.pointee.free(result)
            guard status == CInt(APUS_OK) else {
                return host.log(.warning, "rows of contacts whose connections are gone cannot be deleted")
            }
        }
    }
}

extension UnsafeMutablePointer<State> {
    /// [start] Fills a new table from its rows. False with the reason in the log.
    func load(_ host: Host, _ table: TableRef) -> Bool {
        guard let db = pointee.db, let shape = pointee.rows else { return true }
        let settings = pointee.settings
        if settings.checksVersion != 0,
            host.pointee.db.pointee.check_version(db, table.pointee.name, RowShape.tableVersion) != CInt(APUS_OK)
        {
            return false
        }
        if shape.keepsAttributes, settings.checksVersion != 0,
            host.pointee.db.pointee.check_version(db, table.pointee.attributes, AttributeRows.tableVersion)
                != CInt(APUS_OK)
        {
            return false
        }
        guard settings.place != .database, settings.loads != 0 else { return true }
        let loading = Loading(pointee.host ?? host, table, shape, settings)
        if shape.keepsAttributes {
            let query = RowQuery.attributes(shape, table, of: nil)
            guard loading.read(table.pointee.attributes, query, db, { $0.attributes.take($1) }) else { return false }
        }
        let query = RowQuery.all(shape, table, ownOnly: settings.serverFilter != 0)
        guard loading.read(table.pointee.name, query, db, { $0.take($1) }) else { return false }
        let name = table.pointee.name.string
        if settings.place != .readOnly { loading.deleteStale(db) }
        // Whoever asked for the table: it is usrloc's.
        let own = loading.host
        if loading.refused > 0 {
            own.log(.warning, "\(loading.refused) rows of the table \(name) are no contacts, and are left alone")
        }
        if loading.foreign > 0 {
            own.log(.info, "\(loading.foreign) rows of the table \(name) are of sockets of other servers")
        }
        own.log(.info, "\(table.pointee.store.counts.contacts) contacts of the table \(name) are loaded")
        return true
    }
}
