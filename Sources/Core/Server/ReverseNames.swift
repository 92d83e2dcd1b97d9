import CLinux
import Glibc
import Synchronization

// Invariants: a thread of its own asks, since the system's resolver blocks; it may outlive `find`, and writes to what it shares with that only.

/// The names that addresses have in the DNS or in /etc/hosts (auto_aliases).
final class ReverseNames: Sendable {
    /// Seconds that the start waits for them in all.
    static let patience = 2.0

    private struct Found {
        var aliases: [AliasSpec] = []
        var isDone = false
    }

    private let found = Mutex(Found())

    private init() {}

    /// [start] The names of the sockets' addresses, each with its port; what is not known in time is left out, with a line in the log.
    static func find(_ listeners: ListenerSet) -> [AliasSpec] {
        let names = ReverseNames()
        let questions = listeners.listeners.compactMap { listener -> SocketAddress? in
            listener.isWildcard || listener.isVirtual || listener.address.isMulticast ? nil : listener.address
        }
        guard !questions.isEmpty, let thread = try? Threads.start("apus/names", { names.ask(questions) }) else {
            return []
        }
        pthread_detach(thread)
        let end = Syscalls.monotonicNanoseconds() + UInt64(patience * 1e9)
        while !names.found.withLock({ $0.isDone }), Syscalls.monotonicNanoseconds() < end { usleep(2000) }
        let result = names.found.withLock { $0 }
        if !result.isDone {
            Log.notice(
                "auto_aliases: the names of some listen addresses are not known in time; `auto_aliases=no` does not ask"
            )
        }
        return result.aliases
    }

    private func ask(_ addresses: [SocketAddress]) {
        var known: [(address: SocketAddress, name: String?)] = []
        for address in addresses {
            let earlier = known.first { $0.address.hasSameAddress(as: address) }
            let name = earlier?.name ?? (earlier == nil ? ReverseNames.name(of: address) : nil)
            if earlier == nil { known.append((address, name)) }
            if let name { found.withLock { $0.aliases.append(AliasSpec(host: name, port: address.port)) } }
        }
        found.withLock { $0.isDone = true }
    }

    private static func name(of address: SocketAddress) -> String? {
        var address = address
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let code = withUnsafePointer(to: &address) { place in
            place.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getnameinfo($0, place.pointee.length, &text, socklen_t(text.count), nil, 0, NI_NAMEREQD)
            }
        }
        guard code == 0 else { return nil }
        return text.withUnsafeBufferPointer { String(cString: $0.baseAddress.unsafelyUnwrapped) }
    }
}
