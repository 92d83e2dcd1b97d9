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
