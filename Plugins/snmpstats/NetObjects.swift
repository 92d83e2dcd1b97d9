import PluginKit

/// The subtree `…Net`: connections, their parameters, and which transports there are.
extension Objects {
    private static let net = own + [4]

    mutating func addNet() {
        addConnections()
        addConnectionParameters()
        addWebSockets()
        addTransports()
    }

    private mutating func addConnections() {
        let stat = Objects.net + [1, 2]
        counter(stat + [1], ("tcp", "established"))  // NetTcpConnEstablished
        counter(stat + [2], ("tcp", "connect_failed"))  // NetTcpConnFailed
        counter(stat + [3], ("tcp", "con_reset"))  // NetTcpConnReset
        counter(stat + [4], ("tcp", "connect_success"))  // NetTcpConnSuccess
        gauge(stat + [5], "tcp", "current_opened_connections")  // NetTcpConnOpen
        counter(stat + [6], ("tcp", "passive_open"))  // NetTcpConnPassiveOpen
        counter(stat + [8], ("tcp", "local_reject"))  // NetTcpConnReject
    }

    private var hasTCP: Bool { facts.number("disable_tcp") == 0 }

    private mutating func addConnectionParameters() {
        let config = Objects.net + [1, 3]
        constant(config + [1], .truth(hasTCP))  // NetTcpEnabled
        constant(config + [8], .truth(true))  // NetTcpFdCache
        // NetTcpAsync, NetTcpAsyncConnWait: no worker waits for a connection, and what is sent waits for the one that is being made, whatever the
        // config says.
        constant(config + [9], .truth(true))
        constant(config + [10], .truth(true))
        let numbers: [(UInt32, apus_str)] = [
            (2, "tcp_max_connections"), (3, "tcp_connect_timeout"), (4, "tcp_send_timeout"),
            (5, "tcp_connection_lifetime"), (11, "tcp_conn_wq_max"), (12, "tcp_wq_max"), (13, "tcp_rd_buf_size"),
            (17, "tcp_linger2"), (19, "tcp_keepidle"), (20, "tcp_keepintvl"), (21, "tcp_keepcnt"),
        ]
        for (place, name) in numbers { constant(config + [place], .integer(stopping: facts.number(name))) }
        let truths: [(UInt32, apus_str)] = [
            (7, "tcp_no_connect"), (14, "tcp_defer_accept"),
            (15, "tcp_delayed_ack"), (16, "tcp_syncnt"), (18, "tcp_keepalive"), (22, "tcp_crlf_ping"),
            (23, "tcp_accept_aliases"), (24, "tcp_accept_no_cl"),
        ]
        for (place, name) in truths { constant(config + [place], .truth(facts.number(name) != 0)) }
    }

    private mutating func addWebSockets() {
        let stat = Objects.net + [2, 1]
        gauge(stat + [1], "websocket", "ws_current_connections")  // NetWsConnsActive
        gauge(stat + [2], "websocket", "ws_max_concurrent_connections")  // NetWsConnsActiveMax
        let counters: [apus_str] = [
            "ws_failed_connections", "ws_local_closed_connections", "ws_remote_closed_connections",
            "ws_received_frames", "ws_transmitted_frames", "ws_successful_handshakes", "ws_failed_handshakes",
        ]
        for (number, name) in counters.enumerated() { counter(stat + [UInt32(number) + 3], ("websocket", name)) }
    }

    private mutating func addTransports() {
        let config = Objects.net + [4]
        let (tls, websocket) = (facts.isLoaded("tls"), facts.isLoaded("websocket"))
        let truths = [
            true,  // NetConfUdpTransport
            false,  // NetConfUdpDtlsTransport
            hasTCP, tls, facts.isLoaded("sctp"),  // NetConfTcpTransport, …TcpTlsTransport, …SctpTransport
            false,  // NetConfSctpTlsTransport
            websocket, websocket && tls, facts.isLoaded("xhttp"),  // NetConfWsTransport, …WsTlsTransport, …HttpServer
            // NetConfMsrpRelay, …StunServer, …Outbound
            facts.isLoaded("msrp"), facts.isLoaded("stun"), facts.isLoaded("outbound"),
        ]
        for (number, isTrue) in truths.enumerated() { constant(config + [UInt32(number) + 1], .truth(isTrue)) }
    }
}
