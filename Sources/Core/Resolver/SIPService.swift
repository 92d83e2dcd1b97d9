/// What RFC 3263 knows of each transport; transports by the numbers that scripts and modules see.
enum SIPService {
    static let udp: UInt8 = 1
    static let tcp: UInt8 = 2
    static let tls: UInt8 = 3
    static let sctp: UInt8 = 4
    static let ws: UInt8 = 5
    static let wss: UInt8 = 6

    /// What stands before the domain in the name of SRV records (RFC 3263 §4.1, RFC 4168 §5); nil where none is registered.
    static func prefix(_ transport: UInt8) -> StaticString? {
        switch transport {
        case udp: "_sip._udp."
        case tcp: "_sip._tcp."
        case tls: "_sips._tcp."
        case sctp: "_sip._sctp."
        default: nil
        }
    }

    /// RFC 3261 §19.1.2; RFC 7118 §5.3.
    static func defaultPort(_ transport: UInt8) -> UInt16 {
        switch transport {
        case tls: 5061
        case ws: 80
        case wss: 443
        default: 5060
        }
    }

    static func isSecure(_ transport: UInt8) -> Bool { transport == tls || transport == wss }

    /// The transport that keeps what a sips URI promises: TLS above the one named (RFC 3261 §26.2.2). Nil when there is none.
    static func secured(_ transport: UInt8) -> UInt8? {
        switch transport {
        case tcp, tls: tls
        case ws, wss: wss
        default: nil
        }
    }

    /// By the service field of a NAPTR record (RFC 3263 §4.1, RFC 4168 §5, RFC 7118 §5.4); nil for other services.
    static func transport(naptr service: Bytes) -> UInt8? {
        if service.equalsIgnoringCase("SIP+D2U") { return udp }
        if service.equalsIgnoringCase("SIP+D2T") { return tcp }
        if service.equalsIgnoringCase("SIPS+D2T") { return tls }
        if service.equalsIgnoringCase("SIP+D2S") { return sctp }
        if service.equalsIgnoringCase("SIP+D2W") { return ws }
        return service.equalsIgnoringCase("SIPS+D2W") ? wss : nil
    }
}

/// The transports that the server has listeners for: a bit for each number.
struct OfferedTransports {
    var v4: UInt8 = 0
    var v6: UInt8 = 0

    mutating func add(_ transport: UInt8, isV6: Bool) {
        if isV6 { v6 |= 1 &<< transport } else { v4 |= 1 &<< transport }
    }

    @inline(__always)
    func hasV4(_ transport: UInt8) -> Bool { v4 & 1 &<< transport != 0 }
    @inline(__always)
    func hasV6(_ transport: UInt8) -> Bool { v6 & 1 &<< transport != 0 }
    @inline(__always)
    func has(_ transport: UInt8) -> Bool { (v4 | v6) & 1 &<< transport != 0 }
}
