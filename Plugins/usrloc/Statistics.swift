import Locations
import PluginKit

/// [start] Of whichever module asks for the table first.
func declareStatistics(_ host: Host, _ table: TableRef) {
    typealias Read = @convention(c) (UnsafeMutableRawPointer?) -> Int64
    let all: [(String, String, Read)] = [
        ("users", "Addresses of record with contacts.", { Int64(clamping: counts($0).users) }),
        ("contacts", "Contacts.", { Int64(clamping: counts($0).contacts) }),
        ("expires", "Contacts that have expired since the start.", { Int64(clamping: counts($0).expired) }),
    ]
    let separator = host.core("stats_name_separator").str.string
    for (name, doc, read) in all {
        _ = "\(table.pointee.name.string)\(separator)\(name)".withCString { name in
            doc.withCString { host.pointee.stats.pointee.add_gauge(host, "usrloc", name, $0, read, table) }
        }
    }
}

private func counts(
    _ user: UnsafeMutableRawPointer?
) -> (users: UInt64, contacts: UInt64, expired: UInt64, bytes: UInt64) {
    user.unsafelyUnwrapped.assumingMemoryBound(to: Table.self).pointee.store.counts
}
