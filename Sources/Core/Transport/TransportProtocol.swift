/// How SIP travels. The numbers are those that scripts and modules know.
enum TransportProtocol: UInt8, CaseIterable {
    case udp = 1
    case tcp = 2
    case tls = 3
    case sctp = 4
    case ws = 5
    case wss = 6

    /// As in `listen` and `;transport=`: "udp".
    var name: StaticString {
        switch self {
        case .udp: "udp"
        case .tcp: "tcp"
        case .tls: "tls"
        case .sctp: "sctp"
        case .ws: "ws"
        case .wss: "wss"
        }
    }

    /// As in Via: "UDP".
    var viaName: StaticString {
        switch self {
        case .udp: "UDP"
        case .tcp: "TCP"
        case .tls: "TLS"
        case .sctp: "SCTP"
        case .ws: "WS"
        case .wss: "WSS"
        }
    }

    /// RFC 3261 section 19.1.2; RFC 7118 section 5.3.
    var defaultPort: UInt16 {
        switch self {
        case .udp, .tcp, .sctp: 5060
        case .tls: 5061
        case .ws: 80
        case .wss: 443
        }
    }

    /// A reliable transport needs no retransmissions.
    var isReliable: Bool { self != .udp }

    var isSecure: Bool { self == .tls || self == .wss }

    /// The protocol of that name in any case; nil for others.
    @_noLocks
    init?(_ text: Bytes) {
        var number: UInt8 = 1
        while let candidate = TransportProtocol(rawValue: number) {
            if text.equalsIgnoringCase(Bytes(candidate.name)) {
                self = candidate
                return
            }
            number &+= 1
        }
        return nil
    }
}
