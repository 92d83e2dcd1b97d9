/// What the config says about how requests leave.
struct SendingRules {
    /// By the socket at the address that the kernel would send from (mhomed).
    var isMultihomed = false

    /// Written before the workers start and constant afterwards.
    nonisolated(unsafe) static var current = SendingRules()
}

/// Which requests are too large for UDP; may change while the server runs.
struct LargeRequests: Sendable {
    /// Requests of more bytes leave by `transport` instead of UDP (udp_mtu, RFC 3261 section 18.1.1); 0: of any size.
    var udpMTU = 0
    /// UDP: none, unless the script says so for a message (udp_mtu_try_proto).
    var transport = TransportProtocol.udp

    /// The transport for a request of so many bytes that would leave by `proto`; nil: that one.
    @_noLocks
    func transport(for request: Message, of length: Int, insteadOf proto: TransportProtocol) -> TransportProtocol? {
        guard udpMTU > 0, proto == .udp, length > udpMTU else { return nil }
        let options = request.routing.options
        var chosen = transport
        if options.contains(.largeOverTCP) { chosen = .tcp }
        if options.contains(.largeOverTLS) { chosen = .tls }
        if options.contains(.largeOverSCTP) { chosen = .sctp }
        if options.contains(.largeOverUDP) { chosen = .udp }
        return chosen == .udp ? nil : chosen
    }
}

extension ListenerSet {
    /// The socket by which a request leaves: that which the script has forced; with `mhomed` the one at the address that the kernel would send
    /// from; else the one that the request came in by, where it leads there.
    /// - Returns: nil when nothing listens with this protocol in this family.
    @_noLocks
    func choose(_ proto: TransportProtocol, toward remote: SocketAddress, for request: Message) -> Listener? {
        let forced = request.routing.current.sendThrough
        if forced == nil, SendingRules.current.isMultihomed, let own = routed(proto, toward: remote) {
            return own
        }
        return choose(
            proto, toward: remote, preferring: (forced ?? request.routing.receivedOn).map { Listener(raw: $0) })
    }
}
