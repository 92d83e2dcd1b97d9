import Locations
import PluginKit
import RoutingKit

// Invariants: a number of a connection travels in the place of a pointer, which nobody follows.

/// Contacts that are taken out of a table in one turn when their connection has ended.
private let mostInOneTurn = 500

extension UnsafeMutablePointer<State> {
    /// [start] `handle_lost_tcp`: contacts go with the connection that they came over. Before tables are made.
    func followConnections(_ host: Host) {
        guard pointee.settings.handlesLostTCP != 0 else { return }
        guard pointee.settings.place != .database else {
            host.log(.notice, "handle_lost_tcp has no effect with db_mode 3: there are no contacts in memory")
            return
        }
        pointee.store.pointee.isConnected = { connection in
            guard let host = state.pointee.host else { return 0 }
            return host.pointee.net.pointee.is_connected(host, connection)
        }
        _ = host.pointee.net.pointee.on_closed(
            host, { host, destination, _, _ in lose(host, destination.pointee.connection) }, nil)
    }
}

/// [worker] The contacts of a connection are over: a few at once, if there are many the others in later turns.
private func lose(_ host: Host, _ connection: UInt64) {
    var isMore = false
    for number in 0..<state.pointee.tableCount
    where state.pointee.tables[number].pointee.store.lose(connection, limit: mostInOneTurn, now: wallSeconds()) {
        isMore = true
    }
    guard isMore else { return }
    let rest = UnsafeMutableRawPointer(bitPattern: UInt(connection))
    let timer = host.pointee.timer.pointee.after(
        host, 10, { lose($0.pointee.host, UInt64(UInt(bitPattern: $0.pointee.user))) }, rest)
    if timer == 0 {
        host.log(.warning, "memory is out: contacts of a connection that has ended stay until they expire")
    }
}
