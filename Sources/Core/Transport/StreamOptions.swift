/// What the config says about connections (the parameters `tcp_…`). Times in milliseconds.
struct StreamOptions: Sendable {
    /// No limit in time.
    static let forever = UInt64.max

    /// Connections at most, over all workers, both directions (tcp_max_connections).
    var maxConnections = 2048
    /// Accepted connections of one address at most (tcp_accept_iplimit); 0: no limit of its own.
    var maxPerAddress = 1024
    /// Connections that the kernel keeps until they are accepted (tcp_listen_backlog).
    var backlog: Int32 = 1024
    /// Bytes that wait to be written: of one connection (tcp_conn_wq_max), and of all (tcp_wq_max).
    var maxQueuedOfOne = 32_768
    var maxQueued = 10 << 20
    /// Bytes of one read (tcp_rd_buf_size).
    var readSize = 16_384
    /// Bytes of a message (msg_recv_max_size).
    var messageLimit = Limits.messageSize
    /// Until an attempt to connect has failed (tcp_connect_timeout), and until a peer that takes nothing is given up (tcp_send_timeout).
    var connectTimeout: UInt64 = 10_000
    var sendTimeout: UInt64 = 10_000
    /// Without traffic in either direction (tcp_connection_lifetime).
    var lifetime: UInt64 = 120_000
    /// Until the first byte of an accepted connection (tcp_msg_data_timeout), and from a message's first byte to its last
    /// (tcp_msg_read_timeout).
    var firstDataTimeout: UInt64 = 20_000
    var messageTimeout: UInt64 = 20_000
    /// A message without Content-Length has no body (tcp_accept_no_cl).
    var acceptsNoLength = false
    /// Two empty lines are answered with one (tcp_crlf_ping, RFC 5626 §3.5.1).
    var answersPings = true
    /// `;alias` in the topmost Via of a request opens its port to requests in the other direction (tcp_accept_aliases, RFC 5923).
    var acceptsAliases = false
    /// Each accepted connection begins with a header of the PROXY protocol, which says whose it is (tcp_accept_haproxy).
    var acceptsProxy = false
    /// Never open a connection (tcp_no_connect).
    var neverConnects = false
    /// A connection is used again for the listener only that it belongs to (tcp_connection_match).
    var matchesListener = false
    /// Connections are reset instead of closed (tcp_close_rst).
    var closesWithReset = false
    /// Where connections are opened from (tcp_source_ipv4, tcp_source_ipv6): none for the listener's address.
    var source4 = SocketAddress()
    var source6 = SocketAddress()
    /// Socket options: tcp_keepalive, tcp_keepidle, tcp_keepintvl (seconds), tcp_keepcnt, tcp_defer_accept, tcp_delayed_ack, tcp_linger2,
    /// tcp_syncnt, tcp_reuse_port. 0 leaves the kernel's default.
    var keepAlive = true
    var keepIdle: Int32 = 0
    var keepInterval: Int32 = 0
    var keepCount: Int32 = 0
    var deferAccept: Int32 = 0
    var delayedAck: Int32 = 0
    var linger2: Int32 = 0
    var synCount: Int32 = 0
    var reusePort = false
    /// IP_TOS / IPV6_TCLASS (tos); 0 sets nothing.
    var tos: Int32 = 16
}
