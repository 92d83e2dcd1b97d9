import PluginAPI

/// Names and numbers of transports, as `$pr` and `$prid` have them.
enum TransportNames {
    /// APUS_UDP …; 0 for a name that is none. Case does not matter.
    @_noLocks
    static func number(of name: Bytes) -> Int {
        switch name.count {
        case 2: return name.equalsIgnoringCase("ws") ? APUS_WS : 0
        case 3:
            if name.equalsIgnoringCase("udp") { return APUS_UDP }
            if name.equalsIgnoringCase("tcp") { return APUS_TCP }
            if name.equalsIgnoringCase("tls") { return APUS_TLS }
            return name.equalsIgnoringCase("wss") ? APUS_WSS : 0
        case 4: return name.equalsIgnoringCase("sctp") ? APUS_SCTP : 0
        default: return 0
        }
    }

    /// In lower case; `none` for a number that means nothing.
    static func name(of number: UInt32) -> StaticString {
        switch Int(number) {
        case APUS_UDP: "udp"
        case APUS_TCP: "tcp"
        case APUS_TLS: "tls"
        case APUS_SCTP: "sctp"
        case APUS_WS: "ws"
        case APUS_WSS: "wss"
        default: "none"
        }
    }
}
