import PluginKit

// Invariants: `log_fmt` holds known letters only.

/// The items that `log_fmt` can ask for.
enum Letters {
    /// Whether SER knows that letter.
    static func knows(_ letter: UInt8) -> Bool { name(letter) != nil }

    static func name(_ letter: UInt8) -> apus_str? {
        switch letter {
        case UInt8(ascii: "m"): "method"
        case UInt8(ascii: "i"): "i-uri"
        case UInt8(ascii: "o"): "o-uri"
        case UInt8(ascii: "c"): "call_id"
        case UInt8(ascii: "f"): "from"
        case UInt8(ascii: "t"): "to"
        case UInt8(ascii: "r"): "fromtag"
        case UInt8(ascii: "d"): "totag"
        case UInt8(ascii: "s"), UInt8(ascii: "S"): "code"
        case UInt8(ascii: "u"), UInt8(ascii: "U"): "uid"
        case UInt8(ascii: "F"): "fromuri"
        case UInt8(ascii: "T"): "touri"
        case UInt8(ascii: "0"): "fromuser"
        case UInt8(ascii: "1"): "touser"
        case UInt8(ascii: "X"): "fromdomain"
        case UInt8(ascii: "D"): "domain"
        case UInt8(ascii: "p"): "userpart"
        case UInt8(ascii: "n"): "cseq"
        default: nil
        }
    }
}

extension Report {
    /// The items of `log_fmt`, in its order.
    func addLetters(_ call: Call, _ items: inout Items) {
        let letters = state.pointee.letters
        for index in 0..<letters.len {
            guard let name = Letters.name(letters[index]) else { continue }
            let value = value(letters[index], call.message, items)
            items.add(name, value.isEmpty ? missing : value)
        }
    }

    private func value(_ letter: UInt8, _ message: Message, _ items: Items) -> apus_str {
        switch letter {
        case UInt8(ascii: "m"): message.field(APUS_FIELD_METHOD_TEXT)
        case UInt8(ascii: "i"): message.field(APUS_FIELD_ORIGINAL_URI)
        case UInt8(ascii: "o"): outboundURI.isEmpty ? message.field(APUS_FIELD_REQUEST_URI) : outboundURI
        case UInt8(ascii: "c"): message.field(APUS_FIELD_CALL_ID)
        case UInt8(ascii: "s"): items.joined(items.codeText(code), reason)
        case UInt8(ascii: "S"): items.codeText(code)
        case UInt8(ascii: "u"): digestUser(items)
        case UInt8(ascii: "U"):
            if case let user = digestUser(items), !user.isEmpty { user } else { fromURI(message) }
        case UInt8(ascii: "D"): host(message.field(APUS_FIELD_ORIGINAL_URI), message)
        case UInt8(ascii: "p"): user(message.field(APUS_FIELD_ORIGINAL_URI), message)
        case UInt8(ascii: "n"): message.field(APUS_FIELD_CSEQ_NUMBER)
        default: partyValue(letter, message)
        }
    }

    /// What is about the caller or the called side.
    private func partyValue(_ letter: UInt8, _ message: Message) -> apus_str {
        switch letter {
        case UInt8(ascii: "f"): isUpstream ? toHeader(message) : fromHeader(message)
        case UInt8(ascii: "t"): isUpstream ? fromHeader(message) : toHeader(message)
        case UInt8(ascii: "r"): isUpstream ? toTag(message) : message.field(APUS_FIELD_FROM_TAG)
        case UInt8(ascii: "d"): isUpstream ? message.field(APUS_FIELD_FROM_TAG) : toTag(message)
        case UInt8(ascii: "F"): fromURI(message)
        case UInt8(ascii: "T"): toURI(message)
        case UInt8(ascii: "0"): user(fromURI(message), message)
        case UInt8(ascii: "1"): user(toURI(message), message)
        case UInt8(ascii: "X"): host(fromURI(message), message)
        default: apus_str()
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

    private func digestUser(_ items: Items) -> apus_str {
        state.pointee.digestUser.flatMap { items.text($0) } ?? apus_str()
    }
}
