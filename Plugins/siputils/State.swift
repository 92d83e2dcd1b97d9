import PluginKit

// Invariants: the State is written before workers start and only read by them.

/// What the module keeps for the life of the server.
struct State {
    var accept = apus_str()
    var acceptEncoding = apus_str()
    var acceptLanguage = apus_str()
    var supported = apus_str()
    var longestNumber: Int64 = 16
    var partyPrefix = apus_str()
    var partySuffix = apus_str()
    var partyName = apus_str()
    /// `rpid_avp`, compiled.
    var party: OpaquePointer?
    /// Between the fields of an encoded Contact.
    var separator = apus_str()
    /// Message slot: its Vector.
    var vector: CInt = -1
    /// Worker slot: how many charging identifiers it has made, as the pointer's bits.
    var identifiers: CInt = -1
}

extension UnsafePointer<apus_call> {
    var state: UnsafeMutablePointer<State> {
        pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
    }
}
