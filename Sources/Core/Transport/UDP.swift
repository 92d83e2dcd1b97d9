import CLinux
import Glibc

/// SIP over UDP (RFC 3261 section 18): one socket per listener, shared by all workers.
enum UDP {
    /// The transport's functions. Written once, never freed.
    nonisolated(unsafe) static let table: UnsafePointer<TransportTable> = {
        let table = UnsafeMutablePointer<TransportTable>.allocate(capacity: 1)
        table.initialize(to: TransportTable(proto: .udp, open: open, attach: attach, send: UDP.sendOver))
        return UnsafePointer(table)
    }()

    /// Longest datagram that IPv4 and IPv6 carry without jumbograms.
    static let longest = 65_535

    private static func open(_ address: SocketAddress, _ options: TransportOptions) throws(ListenError) -> Int32 {
        let fd = try step("socket") { () throws(SystemError) in
            try Syscalls.socket(Int32(address.family), .datagram)
        }
        do {
            try prepare(fd, address, options)
            return fd
        } catch {
            Syscalls.close(fd)
            throw error
        }
    }

    private static func prepare(
        _ fd: Int32, _ address: SocketAddress, _ options: TransportOptions
    ) throws(ListenError) {
        if address.isV6 {
            try step("IPV6_V6ONLY") { () throws(SystemError) in
                try Syscalls.setOption(fd, Int(IPPROTO_IPV6), IPV6_V6ONLY, 1)
            }
        }
        if options.tos != 0 {
            try step("tos") { () throws(SystemError) in
                if address.isV6 {
                    try Syscalls.setOption(fd, Int(IPPROTO_IPV6), IPV6_TCLASS, options.tos)
                } else {
                    try Syscalls.setOption(fd, Int(IPPROTO_IP), IP_TOS, options.tos)
                }
            }
        }
        try step("pmtu_discovery") { () throws(SystemError) in
            if address.isV6 {
                let mode = options.discoversPathMTU ? IPV6_PMTUDISC_DO : IPV6_PMTUDISC_DONT
                try Syscalls.setOption(fd, Int(IPPROTO_IPV6), IPV6_MTU_DISCOVER, mode)
            } else {
                let mode = options.discoversPathMTU ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT
                try Syscalls.setOption(fd, Int(IPPROTO_IP), IP_MTU_DISCOVER, mode)
            }
        }
        if options.freeBind {
            try step("ip_free_bind") { () throws(SystemError) in
                try Syscalls.setOption(fd, Int(IPPROTO_IP), IP_FREEBIND, 1)
            }
        }
        if address.isMulticast {
            // Several programs may listen to a group.
            try step("SO_REUSEADDR") { () throws(SystemError) in
                try Syscalls.setOption(fd, Int(SOL_SOCKET), SO_REUSEADDR, 1)
            }
        }
        if address.isWildcard {
            try step("IP_PKTINFO") { () throws(SystemError) in try Syscalls.wantDestination(fd, address.family) }
        }
        try step("bind") { () throws(SystemError) in try Syscalls.bind(fd, address) }
        if address.isMulticast { try join(fd, address, options) }
        growBuffer(fd, address, SO_RCVBUF, "SO_RCVBUF", options.maxReceiveBuffer)
        growBuffer(fd, address, SO_SNDBUF, "SO_SNDBUF", options.maxSendBuffer)
    }

    private static func join(
        _ fd: Int32, _ address: SocketAddress, _ options: TransportOptions
    ) throws(ListenError) {
        var interface: UInt32 = 0
        if !options.multicastInterface.isEmpty {
            guard let index = InterfaceAddress.index(of: options.multicastInterface) else {
                throw ListenError(text: "mcast: no interface \(options.multicastInterface)")
            }
            interface = index
        }
        try step("joining the group") { () throws(SystemError) in
            try Syscalls.joinGroup(fd, address, interface: interface)
        }
        let loop: Int32 = options.multicastLoopback ? 1 : 0
        try step("mcast_loopback") { () throws(SystemError) in
            if address.isV6 {
                try Syscalls.setOption(fd, Int(IPPROTO_IPV6), IPV6_MULTICAST_LOOP, loop)
            } else {
                try Syscalls.setOption(fd, Int(IPPROTO_IP), IP_MULTICAST_LOOP, loop)
            }
        }
        guard options.multicastTTL >= 0 else { return }
        try step("mcast_ttl") { () throws(SystemError) in
            if address.isV6 {
                try Syscalls.setOption(fd, Int(IPPROTO_IPV6), IPV6_MULTICAST_HOPS, options.multicastTTL)
            } else {
                try Syscalls.setOption(fd, Int(IPPROTO_IP), IP_MULTICAST_TTL, options.multicastTTL)
            }
        }
    }

    /// Asks for a larger kernel buffer, as far as the kernel gives one; less than asked for is no error. The kernel reports
    /// twice what was asked, as it counts its own overhead.
    private static func growBuffer(
        _ fd: Int32, _ address: SocketAddress, _ option: Int32, _ name: String, _ bound: Int32
    ) {
        guard bound > 0, let initial = try? Syscalls.option(fd, Int(SOL_SOCKET), option) else { return }
        Log.info("udp_init: \(name) is initially \(initial) on \(address.text)")
        if initial < bound { try? Syscalls.setOption(fd, Int(SOL_SOCKET), option, bound) }
        if let final = try? Syscalls.option(fd, Int(SOL_SOCKET), option) {
            Log.info("udp_init: \(name) is finally \(final) on \(address.text)")
        }
    }

    private static func step<R>(_ name: String, _ body: () throws(SystemError) -> R) throws(ListenError) -> R {
        do {
            return try body()
        } catch {
            throw ListenError(text: "\(name): \(error.text)")
        }
    }
}
