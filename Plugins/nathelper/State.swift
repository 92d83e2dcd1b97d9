import PluginKit

// Invariants: the State is written before workers start and only read by them.

/// What the module keeps for the life of the server.
struct State {
    var receivedName = apus_str()
    /// `received_avp`, compiled; nil: not set.
    var received: OpaquePointer?
    var aliasName = apus_str()
    var addressMode: Int64 = 1
    var noProxyLine = apus_str()
    var keepsOldAddress: Int64 = 1
    var pings = PingSettings()
    let pinger = Pinger.make()
}

extension UnsafePointer<apus_call> {
    var state: UnsafeMutablePointer<State> {
        pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
    }
}
