import PluginKit

// Invariants: a reading borrows the text and lives as long as that; it takes no memory, so that flags that a variable holds cost what constant ones do.

/// What the flags of a function say, one by one. Both modules' ways to write them come down to these.
enum Flag {
    /// An element of the list `flags`.
    case word(apus_str)
    /// A key with a value of its own.
    case entry(apus_str, apus_str)
    case number(apus_str, Int64)
    /// An element of another list.
    case item(FlagList, apus_str)
    case viaBranch(ViaBranch)
    /// Bits of the transport, and those that the flag decides about.
    case transport(set: UInt8, decided: UInt8)
    /// The offer becomes an answer.
    case forceAnswer
    case callID(apus_str)
    case fromTag(apus_str)
    /// A tag of the flag's own; without text that of the message.
    case toTag(apus_str)
    case receivedFrom(apus_str)
    /// It changes nothing.
    case nothing
}

/// The lists of a command, by their keys.
enum FlagList: UInt8 {
    case direction, replace, rtcpMux, sdes, t38, osrtp
    case codecStrip, codecOffer, codecMask, codecSet, codecExcept, codecConsume, codecAccept, codecIgnore,
        codecTranscode

    /// As it stands in the command; those of codecs in the dictionary `codec`.
    var key: StaticString {
        switch self {
        case .direction: "direction"
        case .replace: "replace"
        case .rtcpMux: "rtcp-mux"
        case .sdes: "SDES"
        case .t38: "T.38"
        case .osrtp: "OSRTP"
        case .codecStrip: "strip"
        case .codecOffer: "offer"
        case .codecMask: "mask"
        case .codecSet: "set"
        case .codecExcept: "except"
        case .codecConsume: "consume"
        case .codecAccept: "accept"
        case .codecIgnore: "ignore"
        case .codecTranscode: "transcode"
        }
    }

    /// Behind the last raw value, and the first of those that are about codecs.
    static var end: UInt8 { FlagList.codecTranscode.rawValue + 1 }
    static var firstOfCodecs: UInt8 { FlagList.codecStrip.rawValue }
}

/// Which branch, if any, makes a media session of its own.
enum ViaBranch: Equatable {
    /// That of the first or second Via.
    case first, second
    /// The first of a request, the second of a reply: that of whoever sent the request, on both.
    case auto
    /// The value of `extra_id_pv`.
    case extra
    /// The same of a request, and the first Via's of a reply.
    case autoExtra
    /// That of the Via which a request will leave with, and the first Via's of a reply, which is the same one.
    case next
}

/// What is wrong with flags, and at which byte.
struct FlagFault: Error {
    let text: StaticString
    let offset: Int
}

/// How flags are written.
public enum Dialect: Sendable {
    /// A letter each, as `rtpproxy` and `rtpproxy-ng` have them.
    case letters
    /// Words with blanks between them, as `rtpengine` has them.
    case words

    func reader(_ text: apus_str) -> FlagReader {
        switch self {
        case .letters: .letters(FlagLetters(text))
        case .words: .words(FlagWords(text))
        }
    }
}

/// Reads flags one by one, in order. Those before a fault are to be thrown away.
enum FlagReader {
    case letters(FlagLetters)
    case words(FlagWords)

    @_noLocks mutating func next() throws(FlagFault) -> Flag? {
        switch self {
        case .letters(var reader):
            defer { self = .letters(reader) }
            return try reader.next()
        case .words(var reader):
            defer { self = .words(reader) }
            return try reader.next()
        }
    }
}

/// Bits of `transport-protocol`.
enum TransportBits {
    static let secure: UInt8 = 1
    static let feedback: UInt8 = 2
    static let dtls: UInt8 = 4
    static let all: UInt8 = 7

    static func name(_ bits: UInt8) -> StaticString {
        switch bits & all {
        case 0: "RTP/AVP"
        case secure: "RTP/SAVP"
        case feedback: "RTP/AVPF"
        case secure | feedback: "RTP/SAVPF"
        case dtls, dtls | secure: "UDP/TLS/RTP/SAVP"
        default: "UDP/TLS/RTP/SAVPF"
        }
    }
}
