import COpenSSL
import PluginKit

/// The hash functions of digest authentication (RFC 8760 section 2.1). Raw values are those of apus/auth.h.
public enum DigestAlgorithm: UInt32, CaseIterable, Sendable {
    case md5 = 1
    case sha256, sha512t256, sha512

    /// As it stands in challenges and credentials.
    public var name: apus_str {
        switch self {
        case .md5: "MD5"
        case .sha256: "SHA-256"
        case .sha512t256: "SHA-512-256"
        case .sha512: "SHA-512"
        }
    }

    /// Bytes of a hash.
    public var size: Int {
        switch self {
        case .md5: 16
        case .sha256, .sha512t256: 32
        case .sha512: 64
        }
    }

    /// Digits of a hash, of HA1 and of a response.
    public var digits: Int { 2 * size }

    /// Its bit in a set of algorithms.
    public var bit: UInt8 { 1 << UInt8(truncatingIfNeeded: rawValue &- 1) }

    /// The algorithm of that name, case ignored; nil for an unknown one.
    public init?(_ name: apus_str) {
        switch name.len {
        case 3 where name.equalsIgnoringCase("MD5"): self = .md5
        case 7 where name.equalsIgnoringCase("SHA-256"): self = .sha256
        case 7 where name.equalsIgnoringCase("SHA-512"): self = .sha512
        case 11 where name.equalsIgnoringCase("SHA-512-256"): self = .sha512t256
        default: return nil
        }
    }

    /// OpenSSL's name of it.
    var fetchName: StaticString {
        switch self {
        case .md5: "MD5"
        case .sha256: "SHA2-256"
        case .sha512t256: "SHA2-512/256"
        case .sha512: "SHA2-512"
        }
    }
}

/// What the parameter `algorithm` of credentials says: a hash function, and whether HA1 is of the session (RFC 7616 section 3.4.2).
public struct CredentialsAlgorithm {
    public let algorithm: DigestAlgorithm
    public let isSession: Bool

    /// Nil for an unknown name; none at all is MD5.
    public init?(_ name: apus_str) {
        guard !name.isNull else {
            (algorithm, isSession) = (.md5, false)
            return
        }
        var base = name
        isSession = name.len > 5 && name.dropFirst(name.len - 5).equalsIgnoringCase("-sess")
        if isSession { base = name[0..<name.len - 5] }
        guard let algorithm = DigestAlgorithm(base) else { return nil }
        self.algorithm = algorithm
    }
}
