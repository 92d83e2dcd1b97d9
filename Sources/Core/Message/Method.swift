/// A request's method. Raw values are bits, so that sets of methods (Kamailio's `is_method("INVITE|ACK")`) are masks.
enum Method: UInt32 {
    case other = 0x8000_0000
    case invite = 0x1
    case cancel = 0x2
    case ack = 0x4
    case bye = 0x8
    case info = 0x10
    case register = 0x20
    case subscribe = 0x40
    case notify = 0x80
    case message = 0x100
    case options = 0x200
    case prack = 0x400
    case update = 0x800
    case refer = 0x1000
    case publish = 0x2000
    case kdmq = 0x4000

    /// The name on the wire; empty for `other`.
    var name: StaticString {
        switch self {
        case .other: ""
        case .invite: "INVITE"
        case .cancel: "CANCEL"
        case .ack: "ACK"
        case .bye: "BYE"
        case .info: "INFO"
        case .register: "REGISTER"
        case .subscribe: "SUBSCRIBE"
        case .notify: "NOTIFY"
        case .message: "MESSAGE"
        case .options: "OPTIONS"
        case .prack: "PRACK"
        case .update: "UPDATE"
        case .refer: "REFER"
        case .publish: "PUBLISH"
        case .kdmq: "KDMQ"
        }
    }

    /// Methods compare by case (RFC 3261 §7.1): `invite` is another method.
    @_noLocks
    init(_ text: Bytes) {
        let candidate: Method
        switch (text.isEmpty ? 0 : text[0], text.count) {
        case (UInt8(ascii: "I"), 6): candidate = .invite
        case (UInt8(ascii: "I"), 4): candidate = .info
        case (UInt8(ascii: "A"), 3): candidate = .ack
        case (UInt8(ascii: "B"), 3): candidate = .bye
        case (UInt8(ascii: "C"), 6): candidate = .cancel
        case (UInt8(ascii: "K"), 4): candidate = .kdmq
        case (UInt8(ascii: "M"), 7): candidate = .message
        case (UInt8(ascii: "N"), 6): candidate = .notify
        case (UInt8(ascii: "O"), 7): candidate = .options
        case (UInt8(ascii: "P"), 5): candidate = .prack
        case (UInt8(ascii: "P"), 7): candidate = .publish
        case (UInt8(ascii: "R"), 5): candidate = .refer
        case (UInt8(ascii: "R"), 8): candidate = .register
        case (UInt8(ascii: "S"), 9): candidate = .subscribe
        case (UInt8(ascii: "U"), 6): candidate = .update
        default: candidate = .other
        }
        self = text == candidate.name ? candidate : .other
    }

    /// Whether a 2xx to a request of this method sets up a dialog, so that Record-Route is copied into it (RFC 3261 §12.1.1,
    /// RFC 3515, RFC 6665).
    @inline(__always)
    var formsDialog: Bool {
        rawValue & (Method.invite.rawValue | Method.subscribe.rawValue | Method.refer.rawValue | Method.notify.rawValue)
            != 0
    }
}
