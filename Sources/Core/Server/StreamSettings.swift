/// What the config's `tcp_…` parameters mean to connections.
extension StreamOptions {
    init(_ settings: Settings) {
        self.init()
        func seconds(_ name: String) -> UInt64 {
            // Below 0: without end.
            let value = settings.number(name)
            return value < 0 ? StreamOptions.forever : UInt64(max(1, value)) * 1000
        }
        func option(_ name: String) -> Int32 { Int32(clamping: max(0, settings.number(name))) }
        maxConnections = max(0, settings.number("tcp_max_connections"))
        maxPerAddress = max(0, settings.number("tcp_accept_iplimit"))
        backlog = max(1, option("tcp_listen_backlog"))
        maxQueuedOfOne = max(0, settings.number("tcp_conn_wq_max"))
        maxQueued = max(0, settings.number("tcp_wq_max"))
        readSize = min(max(1024, settings.number("tcp_rd_buf_size")), 1 << 20)
        messageLimit = min(max(0, settings.number("msg_recv_max_size")), Limits.messageSize)
        connectTimeout = seconds("tcp_connect_timeout")
        sendTimeout = seconds("tcp_send_timeout")
        lifetime = seconds("tcp_connection_lifetime")
        firstDataTimeout = seconds("tcp_msg_data_timeout")
        messageTimeout = seconds("tcp_msg_read_timeout")
        acceptsNoLength = settings.isOn("tcp_accept_no_cl")
        answersPings = settings.isOn("tcp_crlf_ping")
        acceptsAliases = settings.isOn("tcp_accept_aliases")
        neverConnects = settings.isOn("tcp_no_connect")
        matchesListener = settings.number("tcp_connection_match") != 0
        closesWithReset = settings.isOn("tcp_close_rst")
        source4 = StreamOptions.address(settings.text("tcp_source_ipv4"), isV4: true)
        source6 = StreamOptions.address(settings.text("tcp_source_ipv6"), isV4: false)
        keepAlive = settings.isOn("tcp_keepalive")
        keepIdle = option("tcp_keepidle")
        keepInterval = option("tcp_keepintvl")
        keepCount = option("tcp_keepcnt")
        deferAccept = option("tcp_defer_accept")
        delayedAck = option("tcp_delayed_ack")
        linger2 = option("tcp_linger2")
        synCount = option("tcp_syncnt")
        reusePort = settings.isOn("tcp_reuse_port")
        tos = Int32(clamping: settings.number("tos"))
    }

    /// None for what is no address of that family, such as 0.
    private static func address(_ text: String?, isV4: Bool) -> SocketAddress {
        guard let text, let address = SocketAddress(text), address.isV4 == isV4 else { return SocketAddress() }
        return address
    }
}
