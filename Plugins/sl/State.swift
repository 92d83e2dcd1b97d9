import PluginKit

// Invariants: there is one State, allocated when the module is loaded and never freed. It is written while the module declares
// itself and parameters are set, on the main thread, and only read by workers.

/// What the module keeps for the life of the server.
struct State {
    var defaultCode: Int64 = 500
    var defaultReason = apus_str()
    var richRedirect: Int64 = 0
    /// Worker slot: monotonic milliseconds of the last negative reply to an INVITE, as the pointer's bits.
    var lastReply: CInt = -1
    /// Id of `event_route[sl:filtered-ack]`.
    var filteredAck: CInt = -1
    var counters = Counters()
    /// Id of `event_route[sl:local-response]`.
    var localResponse: CInt = -1
    /// send_reply uses the request's transaction when there is one.
    var bindTM: Int64 = 1
    /// tm's interface; nil when it is not loaded.
    var tm: UnsafePointer<tm_api>?
    /// The server's replies, for other modules that ask for our tag.
    var replies: UnsafePointer<apus_reply_api>?
}

extension UnsafeMutableRawPointer? {
    /// The State that the module's functions and hooks were declared with.
    var state: UnsafeMutablePointer<State> { unsafelyUnwrapped.assumingMemoryBound(to: State.self) }
}
