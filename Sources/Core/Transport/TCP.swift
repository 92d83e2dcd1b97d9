import CLinux
import Glibc

/// SIP over TCP (RFC 3261 section 18): listeners that all workers accept from.
enum TCP {
    /// The transport's functions. Written once, never freed.
    nonisolated(unsafe) static let table: UnsafePointer<TransportTable> = {
        let table = UnsafeMutablePointer<TransportTable>.allocate(capacity: 1)
        table.initialize(to: TransportTable(proto: .tcp, open: open, attach: attach, send: TCP.sendOver))
        return UnsafePointer(table)
    }()

    /// Connections that one worker accepts in one turn: the next one may have more time.
    private static let acceptsAtOnce = 16

    private static let sendOver:
        @convention(c) (UnsafeMutableRawPointer, UnsafeRawPointer, UnsafePointer<UInt8>, Int) -> Int32 = {
            raw, flow, bytes, count in
            raw.assumingMemoryBound(to: Worker.self)
                .sendOverStream(flow.assumingMemoryBound(to: Flow.self).pointee, bytes, count)
        }

    // MARK: - Listening

    private static func open(_ address: SocketAddress, _ options: TransportOptions) throws(ListenError) -> Int32 {
        let fd = try step("socket") { () throws(SystemError) in try Syscalls.socket(Int32(address.family), .stream) }
        do {
            try listen(fd, address, options)
            return fd
        } catch {
            Syscalls.close(fd)
            throw error
        }
    }

    private static func listen(
        _ fd: Int32, _ address: SocketAddress, _ options: TransportOptions
    ) throws(ListenError) {
        let streams = options.streams
        // Connections of the last run may still be in TIME_WAIT.
        try set(fd, "SO_REUSEADDR", Int(SOL_SOCKET), SO_REUSEADDR, 1)
        if address.isV6 { try set(fd, "IPV6_V6ONLY", Int(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
        if streams.reusePort { try set(fd, "tcp_reuse_port", Int(SOL_SOCKET), SO_REUSEPORT, 1) }
        if options.freeBind { try set(fd, "ip_free_bind", Int(IPPROTO_IP), IP_FREEBIND, 1) }
        if streams.deferAccept > 0 {
            try set(fd, "tcp_defer_accept", Int(IPPROTO_TCP), TCP_DEFER_ACCEPT, streams.deferAccept)
        }
        prepare(fd, address, streams)
        try step("bind") { () throws(SystemError) in try Syscalls.bind(fd, address) }
        try step("listen") { () throws(SystemError) in try Syscalls.listen(fd, backlog: streams.backlog) }
    }

    private static func set(
        _ fd: Int32, _ name: String, _ level: Int, _ option: Int32, _ value: Int32
    ) throws(ListenError) {
        try step(name) { () throws(SystemError) in try Syscalls.setOption(fd, level, option, value) }
    }

    private static func step<R>(_ name: String, _ body: () throws(SystemError) -> R) throws(ListenError) -> R {
        do {
            return try body()
        } catch {
            throw ListenError(text: "\(name): \(error.text)")
        }
    }

    /// Options of a connection, which those that are accepted inherit from their listener. A kernel that does not know one goes without.
    static func prepare(_ fd: Int32, _ address: SocketAddress, _ options: StreamOptions) {
        let tcp = Int(IPPROTO_TCP)
        // A message is written at once and whole: waiting for more would only delay it.
        try? Syscalls.setOption(fd, tcp, TCP_NODELAY, 1)
        if options.keepAlive { try? Syscalls.setOption(fd, Int(SOL_SOCKET), SO_KEEPALIVE, 1) }
        if options.keepIdle > 0 { try? Syscalls.setOption(fd, tcp, TCP_KEEPIDLE, options.keepIdle) }
        if options.keepInterval > 0 { try? Syscalls.setOption(fd, tcp, TCP_KEEPINTVL, options.keepInterval) }
        if options.keepCount > 0 { try? Syscalls.setOption(fd, tcp, TCP_KEEPCNT, options.keepCount) }
        if options.synCount > 0 { try? Syscalls.setOption(fd, tcp, TCP_SYNCNT, options.synCount) }
        if options.linger2 > 0 { try? Syscalls.setOption(fd, tcp, TCP_LINGER2, options.linger2) }
        if options.delayedAck > 0 { try? Syscalls.setOption(fd, tcp, TCP_QUICKACK, 0) }
        guard options.tos != 0 else { return }
        if address.isV6 {
            try? Syscalls.setOption(fd, Int(IPPROTO_IPV6), IPV6_TCLASS, options.tos)
        } else {
            try? Syscalls.setOption(fd, Int(IPPROTO_IP), IP_TOS, options.tos)
        }
    }

    // MARK: - Accepting

    /// Takes part in accepting. EPOLLEXCLUSIVE: a connection wakes one worker, not all.
    private static func attach(_ worker: UnsafeMutablePointer<Worker>, _ listener: Listener) throws(SystemError) {
        let exclusive = worker.pointee.count > 1 ? EPOLLEXCLUSIVE.rawValue : 0
        _ = try worker.pointee.loop.watch(listener.fd, EPOLLIN.rawValue | exclusive, context: listener.raw, readable)
    }

    private static let readable: EventLoop.Callback = { raw, context, _ in
        let worker = raw.assumingMemoryBound(to: Worker.self)
        guard let context else { return }
        let listener = Listener(raw: context)
        for _ in 0..<acceptsAtOnce {
            var remote = SocketAddress()
            let fd = Syscalls.accept(listener.fd, &remote)
            if fd == -EMFILE || fd == -ENFILE { return refuse(worker, listener) }
            // A connection that is gone already says nothing about the next one.
            if fd == -ECONNABORTED { continue }
            guard fd >= 0 else { return }
            accept(worker, listener, fd, remote)
        }
    }

    private static func accept(
        _ worker: UnsafeMutablePointer<Worker>, _ listener: Listener, _ fd: Int32, _ remote: SocketAddress
    ) {
        let shared = worker.pointee.streams.pointee.shared
        let options = worker.pointee.streams.pointee.options
        // Behind a load balancer a connection counts for whomever its header names.
        let limit = options.acceptsProxy ? 0 : options.maxPerAddress
        let isFull =
            shared.pointee.connections.load(ordering: .relaxed) >= options.maxConnections
        guard !isFull, shared.pointee.table.admit(remote, limit: limit) else {
            Log.limited(.warning, "a connection is refused: there are too many", source: remote) { _ in }
            worker.pointee.shard.bump(shared.pointee.counters.localReject)
            return Syscalls.close(fd)
        }
        var local = listener.address
        if listener.isWildcard, let own = try? Syscalls.boundAddress(fd) { local = own }
        let isAdmitted = limit > 0
        let connection = worker.adopt(
            fd, listener, remote: remote, local: local, isOutgoing: false, isAdmitted: isAdmitted, isConnected: true)
        guard let connection else {
            if isAdmitted { shared.pointee.table.leave(remote) }
            return worker.pointee.shard.bump(shared.pointee.counters.localReject)
        }
        connection.pointee.awaitsProxy = options.acceptsProxy
        worker.pointee.shard.bump(shared.pointee.counters.passiveOpen)
        worker.pointee.shard.bump(shared.pointee.counters.established)
    }

    /// Descriptors are out: the connection would wait, and wake us, for ever.
    private static func refuse(_ worker: UnsafeMutablePointer<Worker>, _ listener: Listener) {
        let streams = worker.pointee.streams
        if streams.pointee.spare >= 0 {
            Syscalls.close(streams.pointee.spare)
            var remote = SocketAddress()
            let fd = Syscalls.accept(listener.fd, &remote)
            if fd >= 0 { Syscalls.close(fd) }
            streams.pointee.spare = (try? Syscalls.open("/dev/null", flags: O_RDONLY)) ?? -1
        }
        worker.pointee.shard.bump(streams.pointee.shared.pointee.counters.localReject)
        Log.limited(.error, "a connection is refused: the process has no descriptors left", source: listener.address) {
            _ in
        }
    }
}
