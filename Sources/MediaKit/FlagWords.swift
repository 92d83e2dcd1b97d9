import PluginKit

// Invariants: as Flags.

/// `rtpengine_offer("replace-origin ICE=force RTP/SAVPF")`
struct FlagWords {
    private let text: apus_str
    private var rest: apus_str

    init(_ text: apus_str) {
        self.text = text
        rest = text
    }

    @_noLocks mutating func next() throws(FlagFault) -> Flag? {
        while let word = unchecked({ rest.next(UInt8(ascii: " ")) }) {
            guard !word.isEmpty else { continue }
            let offset = word.s.unsafelyUnwrapped - text.s.unsafelyUnwrapped
            guard let equals = word.index(of: UInt8(ascii: "=")) else { return try FlagWords.single(word, offset) }
            guard equals > 0 else { throw FlagFault(text: "a word stands in front of =", offset: offset) }
            return try FlagWords.pair(word[0..<equals], word.dropFirst(equals + 1), offset)
        }
        return nil
    }

    /// What begins the words of a list, `replace-origin`, and may also stand before an equals sign, `replace=origin`.
    private static func list(_ word: apus_str) -> (FlagList, length: Int)? {
        let first = word[0]
        switch first {
        case UInt8(ascii: "r"): return begins(word, "replace", .replace) ?? begins(word, "rtcp-mux", .rtcpMux)
        case UInt8(ascii: "S"): return begins(word, "SDES", .sdes)
        case UInt8(ascii: "O"): return begins(word, "OSRTP", .osrtp)
        case UInt8(ascii: "T"): return begins(word, "T.38", .t38) ?? begins(word, "T38", .t38)
        case UInt8(ascii: "t"): return begins(word, "transcode", .codecTranscode)
        case UInt8(ascii: "c") where word.hasPrefix("codec-"):
            return begins(word, "codec-strip", .codecStrip) ?? begins(word, "codec-offer", .codecOffer)
                ?? begins(word, "codec-mask", .codecMask) ?? begins(word, "codec-set", .codecSet)
                ?? begins(word, "codec-except", .codecExcept) ?? begins(word, "codec-consume", .codecConsume)
                ?? begins(word, "codec-accept", .codecAccept) ?? begins(word, "codec-ignore", .codecIgnore)
                ?? begins(word, "codec-transcode", .codecTranscode)
        default: return nil
        }
    }

    private static func begins(_ word: apus_str, _ prefix: apus_str, _ list: FlagList) -> (FlagList, length: Int)? {
        word.hasPrefix(prefix) ? (list, prefix.len) : nil
    }

    private static func single(_ word: apus_str, _ offset: Int) throws(FlagFault) -> Flag {
        if let (list, length) = list(word), word.len > length + 1, word[length] == UInt8(ascii: "-") {
            return .item(list, word.dropFirst(length + 1))
        }
        switch word.bytes.first {
        case UInt8(ascii: "i") where word.isSame("internal"), UInt8(ascii: "e") where word.isSame("external"):
            return .item(.direction, word)
        case UInt8(ascii: "f") where word.isSame("force-answer"): return .forceAnswer
        case UInt8(ascii: "t") where word.isSame("to-tag"): return .toTag(apus_str())
        case UInt8(ascii: "v") where word.isSame("via-branch"):
            throw FlagFault(
                text: "via-branch says which: 1, 2, auto, extra, auto-extra, next or auto-next", offset: offset)
        default: return transport(word) ?? .word(word)
        }
    }

    /// A transport as a whole, or a part of one, which adds to others.
    private static func transport(_ word: apus_str) -> Flag? {
        if word.isSame("SRTP") { return .transport(set: TransportBits.secure, decided: TransportBits.secure) }
        if word.isSame("AVPF") { return .transport(set: TransportBits.feedback, decided: TransportBits.feedback) }
        if word.isSame("DTLS") { return .transport(set: TransportBits.dtls, decided: TransportBits.dtls) }
        guard word.hasPrefix("RTP/") || word.hasPrefix("UDP/") else { return nil }
        for bits in 0...TransportBits.all where bits != TransportBits.dtls && bits != TransportBits.dtls | 2 {
            let name = TransportBits.name(bits)
            guard word.isSame(apus_str(start: name.utf8Start, count: name.utf8CodeUnitCount)) else { continue }
            return .transport(set: bits, decided: TransportBits.all)
        }
        return nil
    }

    private static func pair(_ key: apus_str, _ value: apus_str, _ offset: Int) throws(FlagFault) -> Flag {
        if let (list, length) = list(key), length == key.len { return .item(list, value) }
        if key.isSame("direction") { return .item(.direction, value) }
        if key.isSame("via-branch") { return .viaBranch(try branch(value, offset)) }
        if key.isSame("call-id") { return .callID(value) }
        if key.isSame("from-tag") { return .fromTag(value) }
        if key.isSame("to-tag") { return .toTag(value) }
        if key.isSame("received-from") { return .receivedFrom(value) }
        if key.isSame("repacketize") || key.isSame("TOS") || key.isSame("delete-delay") {
            guard let number = unchecked({ value.number }), number >= 0 else {
                throw FlagFault(text: "a number is wanted behind =", offset: offset + key.len + 1)
            }
            return .number(key, number)
        }
        return .entry(key, value)
    }

    private static func branch(_ value: apus_str, _ offset: Int) throws(FlagFault) -> ViaBranch {
        if value.isSame("1") { return .first }
        if value.isSame("2") { return .second }
        if value.isSame("auto") { return .auto }
        if value.isSame("extra") { return .extra }
        if value.isSame("next") { return .next }
        if value.isSame("auto-extra") { return .autoExtra }
        if value.isSame("auto-next") { return .next }
        throw FlagFault(text: "via-branch is 1, 2, auto, extra, auto-extra, next or auto-next", offset: offset)
    }
}
