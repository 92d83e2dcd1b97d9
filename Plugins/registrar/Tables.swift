import PluginKit
import RoutingKit

// Invariants: the place of a table lives as long as the script that names it; it is filled before a run of that script begins.

/// A table that a script names, and where the functions look for it.
struct NamedTable {
    let name: String
    let place: UnsafeMutablePointer<OpaquePointer?>
}

/// The first argument, the name of a table, in `prepare`.
func prepareTable(
    _ host: Host, _ name: apus_str, _ prepared: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
    _ complaint: UnsafeMutablePointer<apus_complaint>
) -> CInt {
    guard !name.isEmpty else { return complaint.say("the table has no name") }
    guard name.len <= 64 else { return complaint.say("a table's name has at most 64 characters") }
    guard let state = State.shared, let place = host.prepared(OpaquePointer?.self) else { return .false }
    place.initialize(to: nil)
    prepared.pointee = UnsafeMutableRawPointer(place)
    if let tables = state.pointee.tables {
        state.pointee.tables = tables + [NamedTable(name: name.string, place: place)]
        return .true
    }
    place.pointee = state.pointee.usrloc?.pointee.find_table(host, name)
    return place.pointee != nil
        ? .true : complaint.say("there is no such table: the server reads tables when it starts; restart it")
}

extension UnsafeMutablePointer<State> {
    /// [start] The tables that the script names.
    func registerTables(_ host: Host) -> Bool {
        let tables = pointee.tables ?? []
        pointee.tables = nil
        for table in tables {
            var name = table.name
            table.place.pointee = name.withUTF8 {
                pointee.usrloc?.pointee.register_table(host, apus_str(start: $0.baseAddress, count: $0.count))
            }
            guard table.place.pointee != nil else { return false }
        }
        return true
    }
}

extension UnsafePointer<apus_call> {
    /// The table that the first argument names.
    var table: OpaquePointer? {
        argument(0).prepared?.assumingMemoryBound(to: OpaquePointer?.self).pointee
    }
}
