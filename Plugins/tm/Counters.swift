import PluginKit

// Invariants: made in `declare`, constant afterwards.

/// Ids of the statistics, in tmx's group: there whether tmx is loaded or not.
struct Counters {
    var uasTransactions: UInt32 = 0
    var uacTransactions: UInt32 = 0
    /// Transactions completed with 2xx … 6xx: index 0 is 2xx.
    var classes: [5 of UInt32] = InlineArray(repeating: 0)
    var rplReceived: UInt32 = 0
    var rplAbsorbed: UInt32 = 0
    var rplRelayed: UInt32 = 0
    var rplGenerated: UInt32 = 0
    var rplSent: UInt32 = 0
    /// Replies that could not be forwarded.
    var rplWithoutVia: UInt32 = 0
    var rplTooLong: UInt32 = 0
    var requestRetransmissions: UInt32 = 0
    var created: UInt32 = 0
    var freed: UInt32 = 0
    /// Entered and left the waiting phase.
    var completed: UInt32 = 0
    var waited: UInt32 = 0
}

extension UnsafeMutablePointer<Home> {
    /// Ids for `host.bump`.
    @inline(__always)
    var counters: UnsafeMutablePointer<Counters> { pointee.state.pointer(to: \.counters).unsafelyUnwrapped }
}
