/// The two ends of a way that messages take: the socket or connection here, the address there. A reply to a request goes back
/// over the request's flow (RFC 3261 section 18.2.2), perhaps to another port.
struct Flow {
    var listener: Listener
    /// The peer.
    var remote: SocketAddress
    /// Our end: the listener's address, or for a wildcard listener the address that the peer sent to. The family is none where
    /// it does not matter (then the kernel chooses).
    var local: SocketAddress
    /// Of connection-oriented transports: which connection (`ConnectionID.raw`), else 0: any to that address.
    var connection: UInt64 = 0
    var options = Options(rawValue: 0)

    /// What connection-oriented transports are asked for besides.
    struct Options: OptionSet {
        let rawValue: UInt32
        @inline(__always)
        init(rawValue: UInt32) { self.rawValue = rawValue }

        /// Over a connection that exists, or not at all.
        static var noConnect: Options { Options(rawValue: 1) }
        /// The connection ends when the message is written.
        static var closeAfterwards: Options { Options(rawValue: 2) }
    }

    @inline(__always)
    init(listener: Listener, remote: SocketAddress) {
        self.listener = listener
        self.remote = remote
        local = listener.isWildcard ? SocketAddress() : listener.address
    }

    @inline(__always)
    init(listener: Listener, remote: SocketAddress, local: SocketAddress, connection: UInt64 = 0) {
        self.listener = listener
        self.remote = remote
        self.local = local
        self.connection = connection
    }
}

/// What became of a message that was to be sent.
enum SendResult: Equatable {
    /// The kernel has it, or it waits for room in the socket's buffer.
    case sent
    /// It was not sent: the errno. EMSGSIZE: too long for UDP; EINVAL, ENETUNREACH: this socket does not lead there.
    case failed(Int32)
}

/// What one transport can do: the rooms above see listeners and flows only. The functions of each transport stand in a table
/// made once, so that TCP and TLS need no change elsewhere.
struct TransportTable {
    let proto: TransportProtocol
    /// Makes the socket for an address: bound, options set, for stream transports listening. On the starting thread.
    /// Answers the descriptor, or throws with a text that names the step that failed.
    let open: (_ address: SocketAddress, _ options: TransportOptions) throws(ListenError) -> Int32
    /// Makes a worker take part in receiving. On the worker's thread, before its loop runs.
    let attach: (_ worker: UnsafeMutablePointer<Worker>, _ listener: Listener) throws(SystemError) -> Void
    /// Sends a message over a flow. On a worker's thread; never blocks. Answers 0 or an errno.
    let send:
        @convention(c) (
            _ worker: UnsafeMutableRawPointer, _ flow: UnsafeRawPointer, _ bytes: UnsafePointer<UInt8>, _ count: Int
        ) -> Int32
}

/// What the config says about sockets.
struct TransportOptions {
    /// Upper bounds of SO_RCVBUF and SO_SNDBUF probing, bytes; 0 leaves the kernel's default.
    var maxReceiveBuffer: Int32 = 262_144
    var maxSendBuffer: Int32 = 0
    /// IP_TOS / IPV6_TCLASS; 16 is IPTOS_LOWDELAY. 0 sets nothing.
    var tos: Int32 = 16
    /// Bind to addresses that the machine does not have (yet): IP_FREEBIND.
    var freeBind = false
    /// Datagrams are never taken apart on their way (pmtu_discovery); else they may be.
    var discoversPathMTU = false
    /// Link-local IPv6 addresses are listened on where an interface is named, or all addresses are meant (bind_ipv6_link_local).
    var bindsLinkLocal = false
    /// Multicast: interface to join on, whether own datagrams come back, and time to live (-1: the kernel's).
    var multicastInterface = ""
    var multicastLoopback = false
    var multicastTTL: Int32 = -1
    var streams = StreamOptions()
}

/// Why a listener cannot be opened: a sentence for whoever wrote the config.
struct ListenError: Error {
    /// Position of the `listen` line in the list given.
    var spec: Int?
    let text: String
    /// What to do about it.
    var hint: String?
}
