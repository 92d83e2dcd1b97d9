import PluginKit

// Invariants: the settings are written before workers start, and only read by them.

/// Parameters of the rows.
struct DatabaseSettings {
    var url = apus_str()
    var table = apus_str()
    var missedTable = apus_str()
    var method = apus_str()
    var fromTag = apus_str()
    var toTag = apus_str()
    var callID = apus_str()
    var code = apus_str()
    var reason = apus_str()
    var time = apus_str()
    /// The columns of ser's form.
    var ser = SERColumns()
    var isLocalTime: Int64 = 0
    var spoolFile = apus_str()
    var extraText = apus_str()
    var extras = Extras()
    var isNullable: Int64 = 0
    var checksVersion: Int64 = 1
    var insertMode: Int64 = 0
    var tableFormat: OpaquePointer?
    var missedFormat: OpaquePointer?

    /// Versions of the tables.
    private static let version: Int32 = 5
    private static let missedVersion: Int32 = 4

    /// Rows that may wait for the database; what comes then is lost.
    private static let mostWaiting: UInt32 = 16384
    /// Milliseconds for one, with its waiting.
    private static let patience: UInt32 = 10_000

    /// [start] What rows are written by; nil with the reason in the log.
    mutating func open(_ host: Host, _ state: UnsafeMutablePointer<State>) -> UnsafePointer<RowWriter>? {
        let vars = host.pointee.vars
        guard let extras = Extras(host, "db_extra", extraText),
            let tableFormat = vars.pointee.compile_format(host, table),
            let missedFormat = vars.pointee.compile_format(host, missedTable)
        else { return nil }
        (self.extras, self.tableFormat, self.missedFormat) = (extras, tableFormat, missedFormat)
        var options = apus_db_options()
        options.size = UInt32(MemoryLayout<apus_db_options>.size)
        options.queue = DatabaseSettings.mostWaiting
        options.milliseconds = DatabaseSettings.patience
        guard let db = host.pointee.db.pointee.open(host, url, &options) else { return nil }
        // Tables whose names are known only later are looked at by nobody.
        for (table, version) in [(table, DatabaseSettings.version), (missedTable, DatabaseSettings.missedVersion)]
        where table.index(of: UInt8(ascii: "$")) == nil {
            // SER's tables have versions of their own.
            if checksVersion != 0, !state.pointee.isSER,
                host.pointee.db.pointee.check_version(db, table, version) != CInt(APUS_OK)
            {
                return nil
            }
            tellMissing(host, db, table, state)
        }
        let spool = spoolFile.isEmpty ? nil : Spool(host, db, spoolFile.string)
        return UnsafePointer(permanent(RowWriter(host, db: db, state, spool: spool)))
    }

    /// Says which columns a table lacks, and how it gets them.
    private func tellMissing(
        _ host: Host, _ db: OpaquePointer, _ table: apus_str, _ state: UnsafeMutablePointer<State>
    ) {
        var request = apus_db_request()
        request.size = UInt32(MemoryLayout<apus_db_request>.size)
        request.kind = UInt32(APUS_DB_SELECT)
        request.table = table
        request.limit = 1
        var result: UnsafePointer<apus_db_result>?
        let status = withUnsafePointer(to: request) { request in
            var work = apus_db_work(
                size: UInt32(MemoryLayout<apus_db_work>.size), count: 1, requests: request, key: 0, milliseconds: 0,
                reserved: 0)
            return host.pointee.db.pointee.wait(db, &work, &result)
        }
        defer { host.pointee.db.pointee.free(result) }
        guard status == CInt(APUS_OK), let result else { return }
        let legs = state.pointee.legs
        for name in (0..<extras.count).map({ extras[$0].name }) + (0..<legs.count).map({ legs[$0].name })
        where host.pointee.db.pointee.column(result, name) < 0 {
            host.log(
                .warning,
                "table \(table.string) has no column \(name.string), so no row can be written: "
                    + "ALTER TABLE \(table.string) ADD COLUMN \(name.string) VARCHAR(128) NOT NULL DEFAULT ''")
        }
    }
}
