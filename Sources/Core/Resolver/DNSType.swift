/// The records that a SIP server asks for, by their numbers in DNS.
enum DNSType: UInt8 {
    /// RFC 1035 §3.4.1.
    case a = 1
    /// RFC 3596.
    case aaaa = 28
    /// RFC 2782.
    case srv = 33
    /// RFC 3403.
    case naptr = 35
}

/// What became of a look-up.
enum ResolverStatus: UInt8 {
    case found
    /// The name does not exist.
    case noSuchName
    /// The name exists, but not with such records.
    case noData
    case timedOut
    /// The servers refused, failed or answered nonsense.
    case serverFailed
    /// No DNS name: a wrong character, too long, empty.
    case badName
    /// Too many look-ups are under way.
    case busy
    /// The server does not listen with such a transport in such a family, or a sips URI was to go without TLS.
    case noTransport

    /// Of two failures the one to tell: what may be better another time stands before what is known.
    func worse(than other: ResolverStatus) -> Bool { weight > other.weight }

    private var weight: UInt8 {
        switch self {
        case .found: 0
        case .noSuchName: 1
        case .noData: 2
        case .badName: 3
        case .noTransport: 4
        case .serverFailed: 5
        case .timedOut: 6
        case .busy: 7
        }
    }
}
