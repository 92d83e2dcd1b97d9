import CLinux
import Glibc

/// One `listen` of the config or `-l` of the command line.
struct ListenSpec {
    /// Empty: UDP, and whatever else is enabled.
    var protocols: [TransportProtocol] = []
    /// An IP literal (IPv6 with or without brackets), an interface, or a host name.
    var host: String
    /// nil: the config's `port`, one higher for TLS.
    var port: UInt16?
    var advertisedHost: String?
    var advertisedPort: UInt16?
    var name = ""
    /// Ours for `myself`, but nothing is bound.
    var isVirtual = false
}

/// One `alias` of the config: a name or address that is ours. The protocol is not compared.
struct AliasSpec {
    var host: String
    /// nil: any port.
    var port: UInt16?
}

/// All listeners, and what `myself` means. Made at start, then read by all threads without a lock.
final class ListenerSet: @unchecked Sendable {
    let listeners: [Listener]
    let aliases: [AliasSpec]
    private let names: HostTable
    private let table: UnsafeMutablePointer<Listener>
    /// Of `listeners`, for those who may not touch an array.
    private let count: Int

    /// - Parameter addresses: the machine's own, for wildcard listeners.
    init(_ listeners: [Listener], aliases: [AliasSpec] = [], addresses: [InterfaceAddress] = []) {
        self.listeners = listeners
        self.aliases = aliases
        count = listeners.count
        table = .allocate(capacity: max(1, listeners.count))
        for (i, listener) in listeners.enumerated() { (table + i).initialize(to: listener) }
        var entries: [(host: String, port: UInt16)] = []
        for listener in listeners {
            let port = listener.address.port
            if listener.isWildcard {
                for own in addresses where own.address.family == listener.address.family {
                    entries.append((own.address.addressText, port))
                }
            }
            entries.append((listener.address.addressText, port))
            if listener.hasAdvertised { entries.append((listener.advertisedHost.string, listener.advertisedPort)) }
        }
        for alias in aliases { entries.append((alias.host, alias.port ?? 0)) }
        names = HostTable(entries)
    }

    /// The same sockets with further names.
    func with(_ more: [AliasSpec]) -> ListenerSet {
        ListenerSet(listeners, aliases: aliases + more, addresses: (try? InterfaceAddress.all()) ?? [])
    }

    /// Does this host and port mean this server: a listen address, an advertised address, or an alias?
    /// - Parameters:
    ///   - host: of a URI or Via; any case, IPv6 with or without brackets.
    ///   - port: the caller puts the scheme's or transport's default in; 0 matches any port.
    func isMyself(host: Bytes, port: UInt16) -> Bool { names.contains(host, port: port) }

    /// The same for an address, such as the source of a message; port 0 matches any.
    func isMyself(_ address: SocketAddress, port: UInt16) -> Bool { names.contains(address, port: port) }

    /// The socket to send from.
    /// - Parameters:
    ///   - remote: where to.
    ///   - preferred: the socket that the message came in by: taken when it can reach that family by that protocol.
    /// - Returns: nil when nothing listens with this protocol in this family.
    func choose(
        _ proto: TransportProtocol, toward remote: SocketAddress, preferring preferred: Listener? = nil
    ) -> Listener? {
        if let preferred, preferred.proto == proto, preferred.address.family == remote.family, !preferred.isVirtual {
            return preferred
        }
        var found: Listener?
        var isFitting = false
        for i in 0..<count {
            let listener = table[i]
            guard listener.proto == proto, listener.address.family == remote.family, !listener.isVirtual else {
                continue
            }
            // The address that the message came to, by another transport.
            if let preferred, listener.address.hasSameAddress(as: preferred.address) { return listener }
            // A socket on 127.0.0.1 reaches nobody outside, and the other way round it may.
            let leadsThere = listener.address.isLoopback == remote.isLoopback || listener.isWildcard
            if found == nil || leadsThere && !isFitting { found = listener }
            if leadsThere { isFitting = true }
            if isFitting, preferred == nil { break }
        }
        return found
    }

    /// The socket whose address the kernel's routing would send from: for machines with several networks. On a worker what was asked is
    /// remembered for a while.
    // It may ask the kernel, and remembers: not for the checks of what neither allocates nor locks.
    @inline(never) @_semantics("no_performance_analysis")
    func routed(_ proto: TransportProtocol, toward remote: SocketAddress) -> Listener? {
        let source: SocketAddress
        if let worker = Worker.current {
            source = worker.source(toward: remote)
        } else {
            source = (try? ListenerSet.source(toward: remote)) ?? SocketAddress()
        }
        guard !source.isNone else { return nil }
        var wildcard: Listener?
        for i in 0..<count where table[i].proto == proto && !table[i].isVirtual {
            if table[i].address.hasSameAddress(as: source) { return table[i] }
            if table[i].isWildcard, table[i].address.family == remote.family { wildcard = table[i] }
        }
        return wildcard
    }

    /// The address that this machine would send from: one look into the routing table, no packet.
    static func source(toward remote: SocketAddress) throws(SystemError) -> SocketAddress {
        let fd = try Syscalls.socket(Int32(remote.family), .datagram)
        defer { Syscalls.close(fd) }
        var target = remote
        if target.port == 0 { target.port = 5060 }
        try Syscalls.connect(fd, target)
        return try Syscalls.boundAddress(fd)
    }

    /// The listener bound to exactly this address and port, or to the wildcard of its family with that port.
    func find(_ proto: TransportProtocol?, _ address: SocketAddress) -> Listener? {
        var wildcard: Listener?
        for i in 0..<listeners.count where proto == nil || table[i].proto == proto {
            if table[i].address == address { return table[i] }
            let own = table[i].address
            if own.isWildcard, own.family == address.family, own.port == address.port { wildcard = table[i] }
        }
        return wildcard
    }

    /// The listener with this `name "…"`.
    func find(name: Bytes) -> Listener? {
        for i in 0..<listeners.count where table[i].name.count == name.count && !name.isEmpty {
            if memcmp(table[i].name.start, name.start, name.count) == 0 { return table[i] }
        }
        return nil
    }
}
