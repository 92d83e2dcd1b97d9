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

    /// What the config says.
    var options: StreamOptions { shared.pointee.options.pointee }
    /// Connections there are, being opened or closed among them.
    var count: Int { shared.pointee.connections.load(ordering: .relaxed) }
    /// Bytes that wait to be written.
    var queued: Int { shared.pointee.queued.load(ordering: .relaxed) }

    /// All that take messages, in the order of their numbers.
    var lines: [Line] {
        var found: [Line] = []
        let now = Syscalls.monotonicNanoseconds() / 1_000_000
        let lifetime = options.lifetime
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
