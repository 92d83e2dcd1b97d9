import PluginKit

/// The methods that a contact can be sent, as bits (apus/usrloc.h).
package struct MethodMask: Equatable, Sendable {
    package var bits: UInt32

    /// What a contact can do of which nothing is known.
    package static var all: MethodMask { MethodMask(bits: UInt32(USRLOC_ALL_METHODS)) }

    package init(bits: UInt32) { self.bits = bits }

    /// Names with commas between them, as in Allow. Unknown ones share a bit.
    package init(_ list: apus_str) {
        var rest = list
        bits = 0
        while let name = rest.next(UInt8(ascii: ",")) {
            let trimmed = name.trimmed
            if !trimmed.isEmpty { bits |= MethodMask.bit(trimmed) }
        }
    }

    package func contains(_ method: apus_str) -> Bool { bits & MethodMask.bit(method) != 0 }

    private static func bit(_ name: apus_str) -> UInt32 {
        let bit =
            switch name.len {
            case 3 where name.equals("ACK"): USRLOC_METHOD_ACK
            case 3 where name.equals("BYE"): USRLOC_METHOD_BYE
            case 4 where name.equals("INFO"): USRLOC_METHOD_INFO
            case 4 where name.equals("KDMQ"): USRLOC_METHOD_KDMQ
            case 5 where name.equals("PRACK"): USRLOC_METHOD_PRACK
            case 5 where name.equals("REFER"): USRLOC_METHOD_REFER
            case 6 where name.equals("INVITE"): USRLOC_METHOD_INVITE
            case 6 where name.equals("CANCEL"): USRLOC_METHOD_CANCEL
            case 6 where name.equals("NOTIFY"): USRLOC_METHOD_NOTIFY
            case 6 where name.equals("UPDATE"): USRLOC_METHOD_UPDATE
            case 7 where name.equals("MESSAGE"): USRLOC_METHOD_MESSAGE
            case 7 where name.equals("OPTIONS"): USRLOC_METHOD_OPTIONS
            case 7 where name.equals("PUBLISH"): USRLOC_METHOD_PUBLISH
            case 8 where name.equals("REGISTER"): USRLOC_METHOD_REGISTER
            case 9 where name.equals("SUBSCRIBE"): USRLOC_METHOD_SUBSCRIBE
            default: USRLOC_METHOD_OTHER
            }
        return UInt32(bit)
    }
}
