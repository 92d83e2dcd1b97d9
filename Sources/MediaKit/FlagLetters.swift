import PluginKit

// Invariants: as Flags.

/// `rtpproxy_offer("co+ie")`
struct FlagLetters {
    private let text: apus_str
    private var at = 0
    private var directions = 0
    private var branches = (ofVia: false, ofVariable: false)
    private var ice = (force: false, remove: false)
    /// The second flag of a letter that means two.
    private var second: Flag?

    init(_ text: apus_str) { self.text = text }

    @_noLocks mutating func next() throws(FlagFault) -> Flag? {
        if let flag = second {
            second = nil
            return flag
        }
        guard at < text.len else {
            guard directions == 0 || directions == 2 else {
                throw FlagFault(text: "i and e stand in pairs: where media come from, and where they go", offset: 0)
            }
            return nil
        }
        defer { at += 1 }
        let byte = text[at]
        let letter = FlagLetters.letter(byte)
        switch letter {
        case "1": return .viaBranch(try branch(.first, ofVia: true))
        case "2": return .viaBranch(try branch(.second, ofVia: true))
        case "3": return .viaBranch(try branch(.auto, ofVia: true))
        case "b": return .viaBranch(try branch(.extra, ofVia: false))
        case "i", "e":
            directions += 1
            return .item(.direction, letter == "i" ? "internal" : "external")
        case "+", "-":
            if letter == "+" { ice.force = true } else { ice.remove = true }
            guard !(ice.force && ice.remove) else { throw FlagFault(text: "+ and - do not go together", offset: at) }
            return .entry("ICE", letter == "+" ? "force" : "remove")
        case "z": return .number("repacketize", try milliseconds())
        case "s": return FlagLetters.transport(TransportBits.secure, isOn: byte == UInt8(ascii: "S"))
        case "p": return FlagLetters.transport(TransportBits.feedback, isOn: byte == UInt8(ascii: "P"))
        case "a":
            if !has("r") { second = .word("trust-address") }
            return .word("asymmetric")
        default: return try single(letter)
        }
    }

    /// Letters that neither go on nor depend on others.
    private func single(_ letter: Unicode.Scalar) throws(FlagFault) -> Flag {
        switch letter {
        case "r": return .word("trust-address")
        case "l": return .forceAnswer
        case "x": return .word("auto-bridge")
        case "f": return .word("force")
        case "w": return .word("symmetric")
        case "o": return .item(.replace, "origin")
        case "c": return .item(.replace, "session-connection")
        case "t": return .nothing
        default: throw FlagFault(text: "there is no such flag", offset: at)
        }
    }

    private mutating func branch(_ branch: ViaBranch, ofVia: Bool) throws(FlagFault) -> ViaBranch {
        if ofVia { branches.ofVia = true } else { branches.ofVariable = true }
        guard !(branches.ofVia && branches.ofVariable) else {
            throw FlagFault(text: "b does not go together with 1, 2 and 3", offset: at)
        }
        return branch
    }

    /// The number behind the letter, up to six digits; `at` is then its last one.
    private mutating func milliseconds() throws(FlagFault) -> Int64 {
        let start = at
        var value: Int64 = 0
        while at + 1 < text.len, at - start < 6, text[at + 1] &- 0x30 <= 9 {
            at += 1
            value = value * 10 + Int64(text[at] - 0x30)
        }
        guard value > 0 else { throw FlagFault(text: "z is followed by the milliseconds of a packet", offset: start) }
        return value
    }

    private static func transport(_ bit: UInt8, isOn: Bool) -> Flag { .transport(set: isOn ? bit : 0, decided: bit) }

    private static func letter(_ byte: UInt8) -> Unicode.Scalar { Unicode.Scalar(apus_str.lower(byte)) }

    private func has(_ letter: Unicode.Scalar) -> Bool {
        for byte in text.bytes where FlagLetters.letter(byte) == letter { return true }
        return false
    }
}
