import CAres
import CLinux
import Glibc

// Invariants: the channel and the place of the answer live for one call; c-ares calls back on its thread, within `ares_process` or before.

/// The addresses of a host, looked up on a thread that may wait, by the name servers and in the way of the workers' resolvers.
struct HostLookup {
    private(set) var addresses: [SocketAddress] = []
    /// Seconds for which they hold.
    private(set) var seconds: UInt32 = .max
    private var isOver = false

    /// Seconds that are taken for those of names that hold shorter, or that say nothing, such as those of /etc/hosts.
    static let least: UInt32 = 5
    static let silent: UInt32 = 60

    /// Waits for the answer: at most as long as the options let a question take.
    /// - Returns: no addresses when there are none or nobody knows.
    static func look(up name: String, _ options: ResolverOptions) -> HostLookup {
        var result = HostLookup()
        guard ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS else { return result }
        defer { ares_library_cleanup() }
        var settings = ares_options()
        settings.timeout = options.timeout
        settings.tries = options.tries
        settings.flags = options.usesSearchList ? 0 : Int32(ARES_FLAG_NOSEARCH)
        var channel: ares_channel?
        let mask = Int32(ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_FLAGS)
        guard ares_init_options(&channel, &settings, mask) == ARES_SUCCESS, let channel else {
            return result
        }
        defer { ares_destroy(channel) }
        if !options.servers.isEmpty { ares_set_servers_ports_csv(channel, options.servers) }
        withUnsafeMutablePointer(to: &result) { place in
            var hints = ares_addrinfo_hints()
            hints.ai_family = options.preferences.family
            hints.ai_flags = Int32(ARES_AI_NOSORT)
            hints.ai_socktype = linux_sock_dgram()
            ares_getaddrinfo(channel, name, nil, &hints, HostLookup.found, place)
            HostLookup.wait(channel, place)
        }
        if result.seconds == .max { result.seconds = silent }
        result.seconds = max(least, result.seconds)
        return result
    }

    private static func wait(_ channel: ares_channel, _ place: UnsafeMutablePointer<HostLookup>) {
        while !place.pointee.isOver {
            var sockets: [16 of ares_socket_t] = InlineArray(repeating: ARES_SOCKET_BAD)
            var polls: [pollfd] = []
            withUnsafeMutablePointer(to: &sockets) { raw in
                let list = UnsafeMutableRawPointer(raw).assumingMemoryBound(to: ares_socket_t.self)
                let bits = UInt32(bitPattern: ares_getsock(channel, list, 16))
                for i in 0..<16 {
                    var events: Int32 = 0
                    if bits & 1 << UInt32(i) != 0 { events |= Int32(POLLIN) }
                    if bits & 1 << UInt32(i + 16) != 0 { events |= Int32(POLLOUT) }
                    if events != 0 { polls.append(pollfd(fd: list[i], events: Int16(events), revents: 0)) }
                }
            }
            var limit = timeval(tv_sec: 1, tv_usec: 0)
            var left = timeval()
            let time = ares_timeout(channel, &limit, &left)?.pointee ?? limit
            _ = poll(&polls, nfds_t(polls.count), Int32(time.tv_sec * 1000 + time.tv_usec / 1000 + 1))
            if polls.allSatisfy({ $0.revents == 0 }) { ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD) }
            for one in polls where one.revents != 0 {
                let reads = Int32(one.revents) & Int32(POLLIN | POLLERR | POLLHUP) != 0
                let writes = Int32(one.revents) & Int32(POLLOUT) != 0
                ares_process_fd(channel, reads ? one.fd : ARES_SOCKET_BAD, writes ? one.fd : ARES_SOCKET_BAD)
            }
        }
    }

    private static let found: ares_addrinfo_callback = { raw, _, _, list in
        let place = raw!.assumingMemoryBound(to: HostLookup.self)
        place.pointee.isOver = true
        guard let list else { return }
        var node = list.pointee.nodes
        while let this = node {
            if let address = this.pointee.ai_addr.flatMap({ SocketAddress($0) }) {
                place.pointee.addresses.append(address)
                if this.pointee.ai_ttl > 0 {
                    place.pointee.seconds = min(place.pointee.seconds, UInt32(this.pointee.ai_ttl))
                }
            }
            node = this.pointee.ai_next
        }
        ares_freeaddrinfo(list)
    }
}

extension ResolverOptions.Preferences {
    fileprivate var family: Int32 { usesIPv4 ? usesIPv6 ? AF_UNSPEC : AF_INET : AF_INET6 }
}
