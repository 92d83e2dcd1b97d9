import PluginKit
import TableKit

// Invariants: made in `start` and constant from then on.

/// A table of proxies, in the place of the parameter that names them.
struct SocketTable: @unchecked Sendable {
    private let reading: TableReading

    /// The version of the table whose columns are read.
    private static let version: Int32 = 1

    /// [start] Nothing without a database; false with the reason in the log.
    static func open(_ host: Host) -> Bool {
        let settings = state.pointee.settings
        guard !settings.databaseURL.isEmpty else { return true }
        let databases = host.pointee.db
        guard let db = databases.pointee.open(host, settings.databaseURL, nil),
            databases.pointee.check_version(db, settings.table, version) == CInt(APUS_OK)
        else { return false }
        if !state.pointee.sockets.isEmpty {
            host.log(.notice, "\(state.pointee.dialect.socketParameter) has no effect beside db_url")
        }
        let columns = [settings.setColumn, settings.urlColumn, settings.weightColumn, settings.disabledColumn]
        state.pointee.table = SocketTable(reading: TableReading(db, settings.table, columns))
        return true
    }

    /// [start] [offload]
    func read(_ host: Host) throws(ReadFault) -> [PeerDraft] {
        var drafts: [PeerDraft] = []
        try reading.read(host) { (row) throws(ReadFault) in
            guard let set = row.number(0), set >= 0, let weight = row.number(2), let weight = UInt32(exactly: weight)
            else {
                throw ReadFault("table \(reading.table.string), row \(row.number): set and weight are numbers")
            }
            let url = row.text(1)
            drafts.append(
                PeerDraft(set: set, url: url, weight: min(weight, 1_000_000), isDisabled: row.number(3) == 1))
        }
        return drafts
    }
}
