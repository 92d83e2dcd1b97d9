/// What operators want to know of connections. From any thread while the workers exist.
struct ConnectionReport {
    /// One connection.
    struct Line {
        let id: ConnectionID
        let proto: TransportProtocol
        let phase: ConnectionEntry.Phase
        let isOutgoing: Bool
        let remote: SocketAddress
        let local: SocketAddress
        /// Seconds until it is closed if nothing comes or goes; nil: never.
        let timeout: Int?
    }

    private let shared: UnsafeMutablePointer<StreamShared>

    init(_ workers: Workers) { shared = workers.streams }

    /// Connections there are, being opened or closed among them.
    var count: Int { shared.pointee.connections.load(ordering: .relaxed) }
    /// Bytes that wait to be written.
    var queued: Int { shared.pointee.queued.load(ordering: .relaxed) }

    /// Of secured transports.
    var securedCount: Int {
        var count = 0
        shared.pointee.table.visit { if !$0.isAlias, $0.listener.proto.isSecure { count += 1 } }
        return count
    }

    /// All that take messages, in the order of their numbers.
    /// - Parameter lifetime: milliseconds that a connection may be idle.
    func lines(lifetime: UInt64) -> [Line] {
        var found: [Line] = []
        let now = Syscalls.monotonicNanoseconds() / 1_000_000
        shared.pointee.table.visit { entry in
            guard !entry.isAlias else { return }
            var timeout: Int?
            if lifetime != StreamOptions.forever {
                let end = entry.lastActive.load(ordering: .relaxed) &+ lifetime
                timeout = end > now ? Int((end - now) / 1000) : 0
            }
            found.append(
                Line(
                    id: entry.id, proto: entry.listener.proto,
                    phase: ConnectionEntry.Phase(rawValue: entry.phase.load(ordering: .relaxed)) ?? .ending,
                    isOutgoing: entry.isOutgoing, remote: entry.remote, local: entry.local, timeout: timeout))
        }
        return found.sorted { $0.id.raw < $1.id.raw }
    }
}
