/// What the config's `tcp_…` parameters mean to connections.
extension StreamOptions {
    init(_ settings: Settings) {
        self.init()
        maxPerAddress = max(0, settings.number("tcp_accept_iplimit"))
        backlog = StreamOptions.option(max(1, settings.number("tcp_listen_backlog")))
        readSize = min(max(1024, settings.number("tcp_rd_buf_size")), 1 << 20)
        messageLimit = min(max(0, settings.number("msg_recv_max_size")), Limits.messageSize)
        firstDataTimeout = StreamOptions.time(settings.number("tcp_msg_data_timeout"))
        messageTimeout = StreamOptions.time(settings.number("tcp_msg_read_timeout"))
        acceptsNoLength = settings.isOn("tcp_accept_no_cl")
        matchesListener = settings.number("tcp_connection_match") != 0
        acceptsProxy = settings.isOn("tcp_accept_haproxy")
        closesWithReset = settings.isOn("tcp_close_rst")
        source4 = StreamOptions.address(settings.text("tcp_source_ipv4"), isV4: true)
        source6 = StreamOptions.address(settings.text("tcp_source_ipv6"), isV4: false)
        deferAccept = StreamOptions.option(settings.number("tcp_defer_accept"))
        reusePort = settings.isOn("tcp_reuse_port")
        tos = Int32(clamping: settings.number("tos"))
        takeChangeable { settings.number("tcp_" + $0) }
    }

    /// The parameters that may change while the server runs, as group `tcp` names them; the config's have `tcp_` before them. Options of sockets
    /// are those of connections that are made from then on.
    static let changeable = [
        "connect_timeout", "send_timeout", "connection_lifetime", "max_connections", "no_connect", "conn_wq_max",
        "wq_max", "delayed_ack", "syncnt", "linger2", "keepalive", "keepidle", "keepintvl", "keepcnt", "crlf_ping",
        "accept_aliases",
    ]

    /// Takes over what `number` says of each of them.
    mutating func takeChangeable(_ number: (String) -> Int) {
        maxConnections = max(0, number("max_connections"))
        maxQueuedOfOne = max(0, number("conn_wq_max"))
        maxQueued = max(0, number("wq_max"))
        connectTimeout = StreamOptions.time(number("connect_timeout"))
        sendTimeout = StreamOptions.time(number("send_timeout"))
        lifetime = StreamOptions.time(number("connection_lifetime"))
        answersPings = number("crlf_ping") != 0
        acceptsAliases = number("accept_aliases") != 0
        neverConnects = number("no_connect") != 0
        keepAlive = number("keepalive") != 0
        keepIdle = StreamOptions.option(number("keepidle"))
        keepInterval = StreamOptions.option(number("keepintvl"))
        keepCount = StreamOptions.option(number("keepcnt"))
        delayedAck = StreamOptions.option(number("delayed_ack"))
        linger2 = StreamOptions.option(number("linger2"))
        synCount = StreamOptions.option(number("syncnt"))
    }

    /// Milliseconds; below 0: without end.
    private static func time(_ seconds: Int) -> UInt64 {
        seconds < 0 ? StreamOptions.forever : UInt64(max(1, seconds)) * 1000
    }

    private static func option(_ value: Int) -> Int32 { Int32(clamping: max(0, value)) }

    /// None for what is no address of that family, such as 0.
    private static func address(_ text: String?, isV4: Bool) -> SocketAddress {
        guard let text, let address = SocketAddress(text), address.isV4 == isV4 else { return SocketAddress() }
        return address
    }
}
