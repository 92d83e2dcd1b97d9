/// What is known of a destination: whether it takes calls, and how it is asked. The bits are those of the flags in destination lists.
package struct Condition: OptionSet, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// It does not answer, or was taken out of use by a script.
    package static var inactive: Condition { Condition(rawValue: 1) }
    /// It has failed, but not often enough.
    package static var trying: Condition { Condition(rawValue: 2) }
    /// Taken out of use by an administrator.
    package static var disabled: Condition { Condition(rawValue: 4) }
    /// It is asked from time to time whether it is there.
    package static var probing: Condition { Condition(rawValue: 8) }
    /// Its name is never looked up beforehand.
    package static var noLookup: Condition { Condition(rawValue: 16) }
    /// It is never asked.
    package static var noPing: Condition { Condition(rawValue: 32) }

    /// inactive, trying, disabled: at most one of them is shown.
    package static var states: Condition { Condition(rawValue: 7) }
    /// All bits with a meaning.
    package static var all: Condition { Condition(rawValue: 63) }

    /// It may be selected.
    @inlinable @inline(__always)
    package var isUsable: Bool { rawValue & 5 == 0 }

    /// `AP`, `IX`: the state, then whether it is probed.
    package var letters: String {
        let state = contains(.disabled) ? "D" : contains(.inactive) ? "I" : contains(.trying) ? "T" : "A"
        return state + (contains(.noPing) ? "N" : contains(.probing) ? "P" : "X")
    }

    /// The states that operators and scripts name, `a`, `i`, `t` or `d`, each but the last with `p` behind or before it; nil for anything else.
    package init?(letters: some Sequence<UInt8>) {
        var state: Condition?
        var isProbed = false
        for byte in letters {
            let named: Condition
            switch byte | 0x20 {
            case UInt8(ascii: "a"): named = []
            case UInt8(ascii: "i"): named = .inactive
            case UInt8(ascii: "t"): named = .trying
            case UInt8(ascii: "d"): named = .disabled
            case UInt8(ascii: "p"):
                if isProbed { return nil }
                isProbed = true
                continue
            default: return nil
            }
            if state != nil { return nil }
            state = named
        }
        guard let state, !isProbed || state != .disabled else { return nil }
        self = isProbed ? state.union(.probing) : state
    }
}

/// Why a destination is in the state that it is in.
package enum Cause: UInt8, Sendable {
    case start = 0
    case source, probe, noReply, script, command

    package var text: String {
        switch self {
        case .start: "start"
        case .source: "reload"
        case .probe: "reply to a probe"
        case .noReply: "no reply to a probe"
        case .script: "script"
        case .command: "command"
        }
    }
}
