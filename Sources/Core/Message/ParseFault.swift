/// Why a message, or a part of one, is not what the grammar asks for.
enum ParseFault: UInt8 {
    case none = 0
    /// Not SIP: nothing to answer to.
    case notSIP
    case requestLine, requestURI, statusLine, version
    case headerLine, lineEnd, tooManyHeaders, tooLarge, headersEnd
    case noVia, noFrom, noTo, noCallID, noCSeq
    case twoFrom, twoTo, twoCallID, twoCSeq, twoContentLength, twoMaxForwards
    case via, from, to, callID, cseq, cseqMethod, contentLength, maxForwards, bodyShort, contentLengthMissing
    case contact, contactStar, route, recordRoute, path, serviceRoute, contentType, authorization, require
    case event, rack, rseq, sessionExpires, referTo, twoReferTo, identity, diversion, date, multipart, sdp
    case outOfMemory

    /// A reason phrase for the reply or the log.
    var reason: StaticString {
        switch self {
        case .none: "OK"
        case .notSIP: "Not a SIP Message"
        case .requestLine: "Bad Request-Line"
        case .requestURI: "Bad Request-URI"
        case .statusLine: "Bad Status-Line"
        case .version: "Version Not Supported"
        case .headerLine: "Bad Header Line"
        case .lineEnd: "Bad Line End"
        case .tooManyHeaders: "Too Many Headers"
        case .tooLarge: "Message Too Large"
        case .headersEnd: "No Empty Line After Headers"
        case .noVia: "Missing Via Header Field"
        case .noFrom: "Missing From Header Field"
        case .noTo: "Missing To Header Field"
        case .noCallID: "Missing Call-ID Header Field"
        case .noCSeq: "Missing CSeq Header Field"
        case .twoFrom: "Several From Header Fields"
        case .twoTo: "Several To Header Fields"
        case .twoCallID: "Several Call-ID Header Fields"
        case .twoCSeq: "Several CSeq Header Fields"
        case .twoContentLength: "Contradicting Content-Length Header Fields"
        case .twoMaxForwards: "Several Max-Forwards Header Fields"
        case .via: "Bad Via Header Field"
        case .from: "Bad From Header Field"
        case .to: "Bad To Header Field"
        case .callID: "Bad Call-ID Header Field"
        case .cseq: "Bad CSeq Header Field"
        case .cseqMethod: "CSeq Method Differs From Request Method"
        case .contentLength: "Bad Content-Length Header Field"
        case .maxForwards: "Bad Max-Forwards Header Field"
        case .bodyShort: "Body Shorter Than Content-Length"
        case .contentLengthMissing: "Missing Content-Length Header Field"
        case .contact: "Bad Contact Header Field"
        case .contactStar: "Contact * Without Expires 0"
        case .route: "Bad Route Header Field"
        case .recordRoute: "Bad Record-Route Header Field"
        case .path: "Bad Path Header Field"
        case .serviceRoute: "Bad Service-Route Header Field"
        case .contentType: "Bad Content-Type Header Field"
        case .authorization: "Bad Credentials"
        case .require: "Bad Option Tags"
        case .event: "Bad Event Header Field"
        case .rack: "Bad RAck Header Field"
        case .rseq: "Bad RSeq Header Field"
        case .sessionExpires: "Bad Session-Expires Header Field"
        case .referTo: "Bad Refer-To Header Field"
        case .twoReferTo: "Several Refer-To Header Fields"
        case .identity: "Bad Identity Header Field"
        case .diversion: "Bad Diversion Header Field"
        case .date: "Bad Date Header Field"
        case .multipart: "Bad Multipart Body"
        case .sdp: "Bad Session Description"
        case .outOfMemory: "Out Of Memory"
        }
    }

    /// The status code of a reply that says so.
    var statusCode: UInt16 {
        switch self {
        case .version: 505
        case .tooLarge, .tooManyHeaders: 513
        case .outOfMemory: 500
        default: 400
        }
    }
}

/// What the first pass says about a message.
struct ParseResult {
    /// `.none` when the message may be routed.
    var fault: ParseFault
    /// Whether a refused message may be answered (`fault.statusCode`, `fault.reason`): a request other than ACK whose Via,
    /// From, To, Call-ID and CSeq could be read, so that `Message.writeReply` yields a proper reply.
    var isReplyAllowed: Bool

    @inline(__always)
    var isAccepted: Bool { fault == .none }
}
