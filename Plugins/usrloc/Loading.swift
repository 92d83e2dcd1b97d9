import Locations
import PluginKit

// Invariants: in `start`, on the main thread; pages come on a thread of the pool, while the main thread waits.

private final class Loading {
    let table: TableRef
    let shape: RowShape
    let now = unixTime()
    var rows = 0
    var refused = 0

    init(_ table: TableRef, _ shape: RowShape) {
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
                // Connections of another life of the server are gone.
                var own = contact
                own.connection = 0
                if !table.pointee.store.load(aor, own, now: now) { refused += 1 }
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
        guard settings.place != .database, settings.loads != 0 else { return true }
        let loading = Loading(table, shape)
        let query = RowQuery.all(shape, table, ownOnly: settings.serverFilter != 0)
        var work = query.work()
        var result: UnsafePointer<apus_db_result>?
        let status = withExtendedLifetime(query) {
            host.pointee.db.pointee.pages(
                db, &work, UInt32(settings.fetchRows),
                { page, user in
                    Unmanaged<Loading>.fromOpaque(user.unsafelyUnwrapped).takeUnretainedValue().take(page)
                    return .true
                }, Unmanaged.passUnretained(loading).toOpaque(), &result)
        }
        defer { host.pointee.db.pointee.free(result) }
        let name = table.pointee.name.string
        guard status == CInt(APUS_OK) else {
            let why = result.map { $0.pointee.text.string } ?? ""
            host.log(.error, "the table \(name) cannot be loaded: \(why.isEmpty ? "status \(status)" : why)")
            return false
        }
        if loading.refused > 0 {
            host.log(.warning, "\(loading.refused) rows of the table \(name) are no contacts, and are left alone")
        }
        host.log(.info, "\(table.pointee.store.counts.contacts) contacts of the table \(name) are loaded")
        return true
    }
}
