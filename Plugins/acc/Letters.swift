import PluginKit

// Invariants: `log_fmt` holds known letters only.

/// The items that `log_fmt` can ask for, by their letters.
enum Letter: Unicode.Scalar, CaseIterable {
    case method = "m"
    case originalURI = "i"
    case outboundURI = "o"
    case callID = "c"
    case from = "f"
    case to = "t"
    case fromTag = "r"
    case toTag = "d"
    case status = "s"
    case code = "S"
    case digestUser = "u"
    case user = "U"
    case fromURI = "F"
    case toURI = "T"
    case fromUser = "0"
    case toUser = "1"
    case fromDomain = "X"
    case domain = "D"
    case userPart = "p"
    case cseq = "n"

    /// What stands before its value.
    var name: apus_str {
        switch self {
        case .method: "method"
        case .originalURI: "i-uri"
        case .outboundURI: "o-uri"
        case .callID: "call_id"
        case .from: "from"
        case .to: "to"
        case .fromTag: "fromtag"
        case .toTag: "totag"
        case .status, .code: "code"
        case .digestUser, .user: "uid"
        case .fromURI: "fromuri"
        case .toURI: "touri"
        case .fromUser: "fromuser"
        case .toUser: "touser"
        case .fromDomain: "fromdomain"
        case .domain: "domain"
        case .userPart: "userpart"
        case .cseq: "cseq"
        }
    }
}

extension Report {
    /// The items of `log_fmt`, in its order.
    func addLetters(_ call: Call, _ items: inout Items) {
        let letters = state.pointee.letters
        for index in 0..<letters.len {
            guard let letter = Letter(rawValue: UnicodeScalar(letters[index])) else { continue }
            let value = value(letter, call)
            items.add(letter.name, value.isEmpty ? missing : value)
        }
    }

    /// Empty when there is none.
    func value(_ letter: Letter, _ call: Call) -> apus_str {
        let message = call.message
        return switch letter {
        case .method: message.field(APUS_FIELD_METHOD_TEXT)
        case .originalURI: message.field(APUS_FIELD_ORIGINAL_URI)
        case .outboundURI: outboundURI.isEmpty ? message.field(APUS_FIELD_REQUEST_URI) : outboundURI
        case .callID: message.field(APUS_FIELD_CALL_ID)
        case .from: isUpstream ? toHeader(message) : fromHeader(message)
        case .to: isUpstream ? fromHeader(message) : toHeader(message)
        case .fromTag: isUpstream ? toTag(message) : message.field(APUS_FIELD_FROM_TAG)
        case .toTag: isUpstream ? message.field(APUS_FIELD_FROM_TAG) : toTag(message)
        case .status: call.joined(call.codeText(code), reason)
        case .code: call.codeText(code)
        case .digestUser: digestUser(call)
        case .user: if case let user = digestUser(call), !user.isEmpty { user } else { fromURI(message) }
        case .fromURI: fromURI(message)
        case .toURI: toURI(message)
        case .fromUser: user(fromURI(message), message)
        case .toUser: user(toURI(message), message)
        case .fromDomain: host(fromURI(message), message)
        case .domain: host(message.field(APUS_FIELD_ORIGINAL_URI), message)
        case .userPart: user(message.field(APUS_FIELD_ORIGINAL_URI), message)
        case .cseq: message.field(APUS_FIELD_CSEQ_NUMBER)
        }
    }

    private func fromHeader(_ message: Message) -> apus_str { message.find("From")?.value ?? apus_str() }

    /// The reply's, which has the tag.
    private func toHeader(_ message: Message) -> apus_str {
        let answered = reply.flatMap { Message(handle: $0, api: message.api).find("To")?.value }
        return answered ?? message.find("To")?.value ?? apus_str()
    }

    private func fromURI(_ message: Message) -> apus_str {
        message.field(isUpstream ? APUS_FIELD_TO_URI : APUS_FIELD_FROM_URI)
    }

    private func toURI(_ message: Message) -> apus_str {
        message.field(isUpstream ? APUS_FIELD_FROM_URI : APUS_FIELD_TO_URI)
    }

    private func user(_ uri: apus_str, _ message: Message) -> apus_str { message.parse(uri: uri)?.user ?? apus_str() }
    private func host(_ uri: apus_str, _ message: Message) -> apus_str { message.parse(uri: uri)?.host ?? apus_str() }

    private func digestUser(_ call: Call) -> apus_str {
        state.pointee.digestUser.flatMap { call.text(of: $0) } ?? apus_str()
    }
}
