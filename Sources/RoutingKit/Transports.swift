import PluginKit

/// The value of a URI's transport parameter (RFC 3261 section 19.1.1, RFC 7118 section 5).
public func transportName(_ number: UInt32) -> apus_str {
    switch Int(number) {
    case APUS_TCP: "tcp"
    case APUS_TLS: "tls"
    case APUS_SCTP: "sctp"
    case APUS_WS, APUS_WSS: "ws"
    default: "udp"
    }
}

/// A transport as Via has it (RFC 3261 section 20.42, RFC 7118 section 5.1).
public func viaTransport(_ number: UInt32) -> apus_str {
    switch Int(number) {
    case APUS_TCP: "TCP"
    case APUS_TLS: "TLS"
    case APUS_SCTP: "SCTP"
    case APUS_WS: "WS"
    case APUS_WSS: "WSS"
    default: "UDP"
    }
}
