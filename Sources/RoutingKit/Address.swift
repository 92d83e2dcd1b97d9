import PluginKit

/// A URI as the address of a server.
extension apus_uri {
    private var isSips: Bool { scheme == 2 }

    /// `APUS_UDP` …: what its parameter says, else what its scheme means.
    public var transportNumber: Int {
        if transport.isEmpty { return isSips ? APUS_TLS : APUS_UDP }
        if transport.equalsIgnoringCase("udp") { return APUS_UDP }
        if transport.equalsIgnoringCase("tcp") { return isSips ? APUS_TLS : APUS_TCP }
        if transport.equalsIgnoringCase("tls") { return APUS_TLS }
        if transport.equalsIgnoringCase("sctp") { return APUS_SCTP }
        if transport.equalsIgnoringCase("ws") { return isSips ? APUS_WSS : APUS_WS }
        return transport.equalsIgnoringCase("wss") ? APUS_WSS : 0
    }

    /// With the default of its transport when it says none (RFC 3261 section 19.1.2).
    public var effectivePort: UInt16 {
        if port_number != 0 { return UInt16(truncatingIfNeeded: port_number) }
        return transportNumber == APUS_TLS || transportNumber == APUS_WSS ? 5061 : 5060
    }

    /// It names this server.
    public func isOurs(_ host: Host) -> Bool { host.pointee.net.pointee.is_myself(host, self.host, effectivePort) > 0 }

    /// The listener that it names; nil when it is none of ours.
    public func listener(_ host: Host) -> OpaquePointer? {
        host.pointee.net.pointee.find(host, UInt32(transportNumber), self.host, effectivePort)
    }
}
