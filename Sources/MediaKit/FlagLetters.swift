import PluginKit

// Invariants: as Flags.

/// `rtpproxy_offer("co+ie")`
enum FlagLetters {
    static func read(_ text: apus_str, _ take: (Flag) -> Void) throws(FlagFault) {
        var directions = 0
        var branches = (ofVia: false, ofVariable: false)
        var ice = (force: false, remove: false)
        var at = 0
        while at < text.len {
            let byte = text[at]
            let letter = letter(byte)
            switch letter {
            case "1", "2", "3", "b":
                if letter == "b" { branches.ofVariable = true } else { branches.ofVia = true }
                guard !(branches.ofVia && branches.ofVariable) else {
                    throw FlagFault(text: "b does not go together with 1, 2 and 3", offset: at)
                }
                take(.viaBranch(letter == "1" ? .first : letter == "2" ? .second : letter == "3" ? .auto : extra))
            case "i", "e":
                directions += 1
                take(.item(.direction, letter == "i" ? "internal" : "external"))
            case "+", "-":
                if letter == "+" { ice.force = true } else { ice.remove = true }
                guard !(ice.force && ice.remove) else {
                    throw FlagFault(text: "+ and - do not go together", offset: at)
                }
                take(.entry("ICE", letter == "+" ? "force" : "remove"))
            case "z":
                let digits = digits(text, from: at + 1)
                guard let milliseconds = digits.number, milliseconds > 0 else {
                    throw FlagFault(text: "z is followed by the milliseconds of a packet", offset: at)
                }
                take(.number("repacketize", milliseconds))
                at += digits.len
            case "s":
                let bit = TransportBits.secure
                take(.transport(set: byte == UInt8(ascii: "s") ? 0 : bit, decided: bit))
            case "p":
                let bit = TransportBits.feedback
                take(.transport(set: byte == UInt8(ascii: "p") ? 0 : bit, decided: bit))
            default: try single(letter, text, at, take)
            }
            at += 1
        }
        guard directions == 0 || directions == 2 else {
            throw FlagFault(text: "i and e stand in pairs: where media come from, and where they go", offset: 0)
        }
    }

    /// Letters that neither go on nor depend on others.
    private static func single(
        _ letter: Unicode.Scalar, _ text: apus_str, _ at: Int, _ take: (Flag) -> Void
    ) throws(FlagFault) {
        switch letter {
        case "a":
            take(.word("asymmetric"))
            if !has("r", text) { take(.word("trust-address")) }
        case "r": take(.word("trust-address"))
        case "l": take(.forceAnswer)
        case "x": take(.word("auto-bridge"))
        case "f": take(.word("force"))
        case "w": take(.word("symmetric"))
        case "o": take(.item(.replace, "origin"))
        case "c": take(.item(.replace, "session-connection"))
        case "t": take(.nothing)
        default: throw FlagFault(text: "there is no such flag", offset: at)
        }
    }

    private static var extra: ViaBranch { .extra(orAuto: false) }

    private static func letter(_ byte: UInt8) -> Unicode.Scalar { Unicode.Scalar(apus_str.lower(byte)) }

    private static func has(_ letter: Unicode.Scalar, _ text: apus_str) -> Bool {
        text.bytes.contains { self.letter($0) == letter }
    }

    private static func digits(_ text: apus_str, from start: Int) -> apus_str {
        var end = start
        while end < text.len, end - start < 6, text[end] &- 0x30 <= 9 { end += 1 }
        return text[start..<end]
    }
}
