/// The header fields that the server knows by name. Raw values are dense, so that they index tables; they are internal
/// and may change from build to build.
enum HeaderID: UInt8 {
    /// Any other name (RFC 3261 `extension-header`).
    case other = 0
    case via  // compact form: v
    case from  // compact form: f
    case to  // compact form: t
    case callID  // compact form: i
    case cseq
    case contact  // compact form: m
    case maxForwards
    case contentLength  // compact form: l
    case contentType  // compact form: c
    case route
    case recordRoute
    case authorization
    case proxyAuthorization
    case wwwAuthenticate
    case proxyAuthenticate
    case authenticationInfo
    case proxyAuthenticationInfo
    case expires
    case minExpires
    case require
    case proxyRequire
    case supported  // compact form: k
    case unsupported
    case allow
    case allowEvents  // compact form: u
    case accept
    case acceptLanguage
    case acceptEncoding
    case acceptContact  // compact form: a
    case rejectContact  // compact form: j
    case requestDisposition  // compact form: d
    case contentDisposition
    case contentEncoding  // compact form: e
    case contentLanguage
    case mimeVersion
    case path
    case serviceRoute
    case event  // compact form: o
    case subscriptionState
    case rack
    case rseq
    case sessionExpires  // compact form: x
    case minSE
    case date
    case privacy
    case pAssertedIdentity
    case pPreferredIdentity
    case diversion
    case referTo  // compact form: r
    case referredBy  // compact form: b
    case referSub
    case replaces
    case join
    case remotePartyID
    case userAgent
    case server
    case subject  // compact form: s
    case organization
    case priority
    case alertInfo
    case callInfo
    case errorInfo
    case inReplyTo
    case replyTo
    case retryAfter
    case timestamp
    case warning
    case identity  // compact form: y
    case identityInfo  // compact form: n
    case historyInfo
    case reason
    case sipETag
    case sipIfMatch
    case pAssociatedURI
    case pCalledPartyID
    case pVisitedNetworkID
    case pAccessNetworkInfo
    case pChargingVector
    case pChargingFunctionAddresses
    case pEarlyMedia
    case securityClient
    case securityServer
    case securityVerify
    case geolocation
    case userToUser
    case maxBreadth
    case targetDialog
    case infoPackage
    case recvInfo
    case flowTimer
    case sessionID
    case featureCaps
    case answerMode
    case pAssertedService
    case pPreferredService

    /// One more than the largest raw value.
    static var count: Int { 96 }

    /// The name as RFC 3261 and its extensions write it; empty for `other`.
    var name: StaticString {
        switch self {
        case .other: ""
        case .via: "Via"
        case .from: "From"
        case .to: "To"
        case .callID: "Call-ID"
        case .cseq: "CSeq"
        case .contact: "Contact"
        case .maxForwards: "Max-Forwards"
        case .contentLength: "Content-Length"
        case .contentType: "Content-Type"
        case .route: "Route"
        case .recordRoute: "Record-Route"
        case .authorization: "Authorization"
        case .proxyAuthorization: "Proxy-Authorization"
        case .wwwAuthenticate: "WWW-Authenticate"
        case .proxyAuthenticate: "Proxy-Authenticate"
        case .authenticationInfo: "Authentication-Info"
        case .proxyAuthenticationInfo: "Proxy-Authentication-Info"
        case .expires: "Expires"
        case .minExpires: "Min-Expires"
        case .require: "Require"
        case .proxyRequire: "Proxy-Require"
        case .supported: "Supported"
        case .unsupported: "Unsupported"
        case .allow: "Allow"
        case .allowEvents: "Allow-Events"
        case .accept: "Accept"
        case .acceptLanguage: "Accept-Language"
        case .acceptEncoding: "Accept-Encoding"
        case .acceptContact: "Accept-Contact"
        case .rejectContact: "Reject-Contact"
        case .requestDisposition: "Request-Disposition"
        case .contentDisposition: "Content-Disposition"
        case .contentEncoding: "Content-Encoding"
        case .contentLanguage: "Content-Language"
        case .mimeVersion: "MIME-Version"
        case .path: "Path"
        case .serviceRoute: "Service-Route"
        case .event: "Event"
        case .subscriptionState: "Subscription-State"
        case .rack: "RAck"
        case .rseq: "RSeq"
        case .sessionExpires: "Session-Expires"
        case .minSE: "Min-SE"
        case .date: "Date"
        case .privacy: "Privacy"
        case .pAssertedIdentity: "P-Asserted-Identity"
        case .pPreferredIdentity: "P-Preferred-Identity"
        case .diversion: "Diversion"
        case .referTo: "Refer-To"
        case .referredBy: "Referred-By"
        case .referSub: "Refer-Sub"
        case .replaces: "Replaces"
        case .join: "Join"
        case .remotePartyID: "Remote-Party-ID"
        case .userAgent: "User-Agent"
        case .server: "Server"
        case .subject: "Subject"
        case .organization: "Organization"
        case .priority: "Priority"
        case .alertInfo: "Alert-Info"
        case .callInfo: "Call-Info"
        case .errorInfo: "Error-Info"
        case .inReplyTo: "In-Reply-To"
        case .replyTo: "Reply-To"
        case .retryAfter: "Retry-After"
        case .timestamp: "Timestamp"
        case .warning: "Warning"
        case .identity: "Identity"
        case .identityInfo: "Identity-Info"
        case .historyInfo: "History-Info"
        case .reason: "Reason"
        case .sipETag: "SIP-ETag"
        case .sipIfMatch: "SIP-If-Match"
        case .pAssociatedURI: "P-Associated-URI"
        case .pCalledPartyID: "P-Called-Party-ID"
        case .pVisitedNetworkID: "P-Visited-Network-ID"
        case .pAccessNetworkInfo: "P-Access-Network-Info"
        case .pChargingVector: "P-Charging-Vector"
        case .pChargingFunctionAddresses: "P-Charging-Function-Addresses"
        case .pEarlyMedia: "P-Early-Media"
        case .securityClient: "Security-Client"
        case .securityServer: "Security-Server"
        case .securityVerify: "Security-Verify"
        case .geolocation: "Geolocation"
        case .userToUser: "User-to-User"
        case .maxBreadth: "Max-Breadth"
        case .targetDialog: "Target-Dialog"
        case .infoPackage: "Info-Package"
        case .recvInfo: "Recv-Info"
        case .flowTimer: "Flow-Timer"
        case .sessionID: "Session-ID"
        case .featureCaps: "Feature-Caps"
        case .answerMode: "Answer-Mode"
        case .pAssertedService: "P-Asserted-Service"
        case .pPreferredService: "P-Preferred-Service"
        }
    }
}
