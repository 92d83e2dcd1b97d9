import PluginKit

// Invariants: a branch lies in one piece of its worker's memory, is linked to its transaction from its making to the transaction's end, and
// owns what it stores. `reply` is a kept message.

typealias BranchRef = UnsafeMutablePointer<Branch>

/// One client transaction of a relayed or own request (RFC 3261 section 17.1).
struct Branch {
    struct Flags: OptionSet {
        let rawValue: UInt32
        @inline(__always)
        init(rawValue: UInt32) { self.rawValue = rawValue }

        static var sent: Flags { Flags(rawValue: 1) }
        /// A final reply came, or stands for one.
        static var finished: Flags { Flags(rawValue: 2) }
        static var timedOut: Flags { Flags(rawValue: 4) }
        /// Some reply came.
        static var replied: Flags { Flags(rawValue: 8) }
        /// It is to be cancelled as soon as a provisional reply allows it (section 9.1).
        static var cancelWanted: Flags { Flags(rawValue: 16) }
        /// `failure_reply_mode`, t_drop_replies: its reply is not considered any more.
        static var dropped: Flags { Flags(rawValue: 32) }
        /// Its timer ran out while the transaction was busy.
        static var timeoutPending: Flags { Flags(rawValue: 64) }
        /// Made without a destination: t_write_req, t_suspend.
        static var blind: Flags { Flags(rawValue: 128) }
        /// Its branch-failure event was run.
        static var failureTold: Flags { Flags(rawValue: 256) }
        /// A provisional reply was dealt with: whatever comes now is not the first.
        static var heard: Flags { Flags(rawValue: 512) }
        /// The transport could not deliver its request: that counts as a 503.
        static var undelivered: Flags { Flags(rawValue: 1024) }
    }

    let transaction: TransactionRef
    let index: UInt32
    var next: BranchRef?

    var flags = Flags(rawValue: 0)
    /// Status of the last reply; 408 after a timeout.
    var status: Int32 = 0
    var branchFlags: UInt32 = 0
    /// t_vbflag_set: shown in our Via.
    var viaFlags: UInt32 = 0
    var ruid = Stored()
    var instance = Stored()
    var userAgent = Stored()
    /// Its destination ($du) and path when they say more than its Request-URI.
    var nextHopURI = Stored()
    var path = Stored()
    var destination = apus_destination()
    /// Further addresses to try, best first, in the worker's memory; nil when there are none (RFC 3263 section 4.3).
    var failover: UnsafeMutablePointer<apus_lookup>?
    var nextHop: UInt32 = 0

    /// The request as it was sent.
    var request = Stored()
    /// Of a negative final reply; nil once it is of no use.
    var reply: OpaquePointer?
    var onReply: OpaquePointer?

    // Timers A/E and B/F in one.
    var timer = apus_timer()
    /// When to repeat the request, 0: not; after which interval again.
    var nextRetransmission: UInt64 = 0
    var retransmissionInterval: UInt32 = 0
    var retransmissions: UInt32 = 0
    /// When the final response is overdue; 0: never.
    var finalDeadline: UInt64 = 0

    /// Our CANCEL for it; nil until there is one.
    var cancel: UnsafeMutablePointer<LocalCancel>?
}

/// A CANCEL of our own: a client transaction beside that of its INVITE.
struct LocalCancel {
    let branch: BranchRef
    var bytes = Stored()
    /// False while it waits for a provisional reply.
    var isSent = false
    var isAnswered = false
    var timer = apus_timer()
    var nextRetransmission: UInt64 = 0
    var retransmissionInterval: UInt32 = 0
    var retransmissions: UInt32 = 0
    var deadline: UInt64 = 0
}

extension BranchRef {
    @inline(__always)
    var isFinished: Bool { pointee.flags.contains(.finished) }
    @inline(__always)
    var home: UnsafeMutablePointer<Home> { pointee.transaction.pointee.home }
    @inline(__always)
    var timer: UnsafeMutablePointer<apus_timer> { pointer(to: \.timer).unsafelyUnwrapped }
}
