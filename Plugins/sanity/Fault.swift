import PluginKit

/// Why a message is refused, and with which reply.
enum Fault: UInt8 {
    /// Refused without a reply.
    case silent = 1
    case requestURI, unsupportedScheme
    case cseqNumber
    case expiresHeader, expiresValue
    case proxyRequire
    case from, to, contactHeader, contactURI
    case authorizationHeader, credentials, emptyUser, emptyNonce, emptyResponse
    case fromTags, toTags

    /// 0: there is no reply.
    var code: Int32 {
        switch self {
        case .silent: 0
        case .unsupportedScheme: 416
        case .proxyRequire: 420
        default: 400
        }
    }

    var reason: apus_str {
        switch self {
        case .silent: ""
        case .requestURI: "Bad Request URI"
        case .unsupportedScheme: "Unsupported URI Scheme in Request URI"
        case .cseqNumber: "CSeq number is illegal"
        case .expiresHeader: "Bad Expires Header"
        case .expiresValue: "Expires value is illegal"
        case .proxyRequire: "Bad Proxy Require Extension"
        case .from: "Invalid From Header"
        case .to: "Invalid To Header"
        case .contactHeader: "Bad Contact Header"
        case .contactURI: "Bad Contact URI"
        case .authorizationHeader: "Bad Auth Header"
        case .credentials: "Bad Auth Credentials"
        case .emptyUser: "Auth Empty User"
        case .emptyNonce: "Auth Empty Nonce"
        case .emptyResponse: "Auth Empty Response"
        case .fromTags: "Many From Tag Params"
        case .toTags: "Many To Tag Params"
        }
    }
}
