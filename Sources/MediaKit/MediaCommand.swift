/// What a proxy can be told.
public enum MediaCommand: UInt8, Sendable {
    case offer, answer, delete, query
    /// ICE candidates that follow an offer or answer.
    case info
    case startRecording, stopRecording
    case blockDTMF, unblockDTMF, blockMedia, unblockMedia, silenceMedia, unsilenceMedia
    case startForwarding, stopForwarding
    case playMedia, stopMedia, playDTMF

    /// As it stands in the control protocol.
    var name: StaticString {
        switch self {
        case .offer, .info: "offer"
        case .answer: "answer"
        case .delete: "delete"
        case .query: "query"
        case .startRecording: "start recording"
        case .stopRecording: "stop recording"
        case .blockDTMF: "block DTMF"
        case .unblockDTMF: "unblock DTMF"
        case .blockMedia: "block media"
        case .unblockMedia: "unblock media"
        case .silenceMedia: "silence media"
        case .unsilenceMedia: "unsilence media"
        case .startForwarding: "start forwarding"
        case .stopForwarding: "stop forwarding"
        case .playMedia: "play media"
        case .stopMedia: "stop media"
        case .playDTMF: "play DTMF"
        }
    }

    /// It shows a session description, and brings one back.
    var hasDescription: Bool { self == .offer || self == .answer }
    /// It shows one, or a piece of one.
    var showsDescription: Bool { hasDescription || self == .info }
}
