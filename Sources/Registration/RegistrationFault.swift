import PluginKit

/// Why a REGISTER is refused: the code and reason of the reply, and the text of its P-Registrar-Error.
package enum RegistrationFault: UInt8, Error {
    case invalidCSeq
    case noUser
    case addressOfRecord
    case addressTooLong
    case invalidQ
    case noTo
    case noCallID
    case noCSeq
    case contact
    case starWithExpires
    case starWithOthers
    case unescaping
    case tooManyContacts
    case contactTooLong
    case callIDTooLong
    case path
    case pathUnsupported
    case outboundUnsupported
    case outboundRequired
    case firstHopLacksOutbound
    case invalidRegID
    case tooBrief
    case reading
    case writing

    package var code: Int32 {
        switch self {
        case .pathUnsupported, .outboundUnsupported: 420
        case .outboundRequired: 421
        case .tooBrief: 423
        case .firstHopLacksOutbound: 439
        case .addressTooLong, .reading, .writing: 500
        case .tooManyContacts: 503
        default: 400
        }
    }

    package var reason: apus_str {
        switch code {
        case 420: "Bad Extension"
        case 421: "Extension Required"
        case 423: "Interval Too Brief"
        case 439: "First Hop Lacks Outbound Support"
        case 500: "Server Internal Error"
        case 503: "Service Unavailable"
        default: "Bad Request"
        }
    }

    /// As operators know it from other servers.
    package var text: apus_str {
        switch self {
        case .invalidCSeq: "Invalid CSeq number"
        case .noUser: "No username in To URI"
        case .addressOfRecord: "Error while parsing AOR"
        case .addressTooLong: "Address Of Record too long"
        case .invalidQ: "Invalid q param in contact"
        case .noTo: "To header not found"
        case .noCallID: "Call-ID header not found"
        case .noCSeq: "CSeq header not found"
        case .contact: "Contact parse error"
        case .starWithExpires: "* used in contact and expires is not zero"
        case .starWithOthers: "* used in contact and more than 1 contact"
        case .unescaping: "Error while unescaping username"
        case .tooManyContacts: "Too many registered contacts"
        case .contactTooLong: "Contact/received too long"
        case .callIDTooLong: "Callid too long"
        case .path: "Path parse error"
        case .pathUnsupported: "No support for found Path indicated"
        case .outboundUnsupported: "No support for Outbound on server"
        case .outboundRequired: "No support for Outbound indicated"
        case .firstHopLacksOutbound: "No support for Outbound on edge proxy"
        case .invalidRegID: "Invalid Reg-Id number"
        case .tooBrief: "Interval too brief"
        case .reading: "usrloc_record_get failed"
        case .writing: "usrloc_contact_update failed"
        }
    }
}
