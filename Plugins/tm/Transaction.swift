import PluginKit

// Invariants: a transaction lies in one piece of its worker's memory from `Home.begin` to `end`, and is touched by that worker only. While
// `references` is above 0 or it is busy it is not freed. `request` and the messages of its branches are kept messages of this worker,
// released once. `branches` leads to all branches, oldest first; their indexes count up and never repeat.

typealias TransactionRef = UnsafeMutablePointer<Transaction>

/// One transaction of RFC 3261 section 17 on the server side, or one of our own, with its branches on the client side.
struct Transaction {
    /// Where it is in its life.
    enum Phase: UInt8 {
        /// No final reply was sent (trying, proceeding).
        case active
        /// INVITE: a negative final reply was sent and repeated until its ACK comes (section 17.2.1, completed).
        case completed
        /// Nothing is expected; late messages are absorbed until the wait timer ends it. With a 2xx to INVITE, further 2xx pass (RFC 6026,
        /// accepted).
        case waiting
        /// Out of the table; freed as soon as nobody works on it.
        case ended
    }

    /// t_drop_replies
    enum ReplyDropping: UInt8 {
        /// As `failure_reply_mode` says.
        case byMode
        case none
        case lastLeg
        case all
    }

    struct Flags: OptionSet {
        let rawValue: UInt32
        @inline(__always)
        init(rawValue: UInt32) { self.rawValue = rawValue }

        static var invite: Flags { Flags(rawValue: 1 << 0) }
        /// A request of our own: there is no server side.
        static var local: Flags { Flags(rawValue: 1 << 1) }
        /// A CANCEL for it came.
        static var cancelled: Flags { Flags(rawValue: 1 << 2) }
        /// Relayed at least once: the request is fixed.
        static var relayed: Flags { Flags(rawValue: 1 << 3) }
        /// Replicas: replies go nowhere.
        static var replica: Flags { Flags(rawValue: 1 << 4) }
        /// A final reply ended further forking.
        static var noNewBranches: Flags { Flags(rawValue: 1 << 5) }
        /// The last reply was made here.
        static var localReply: Flags { Flags(rawValue: 1 << 6) }
        static var suspended: Flags { Flags(rawValue: 1 << 7) }
        static var disable6xx: Flags { Flags(rawValue: 1 << 8) }
        static var disableFailover: Flags { Flags(rawValue: 1 << 9) }
        static var disableInternalReply: Flags { Flags(rawValue: 1 << 10) }
        static var noAutoAck: Flags { Flags(rawValue: 1 << 11) }
        static var noE2ECancelReason: Flags { Flags(rawValue: 1 << 12) }
        static var noAuto100: Flags { Flags(rawValue: 1 << 13) }
        /// The lifetime has run out.
        static var expired: Flags { Flags(rawValue: 1 << 14) }
        /// An ACK to a 2xx came by.
        static var acknowledged: Flags { Flags(rawValue: 1 << 15) }
        /// Our own: provisional replies are told of, whatever the parameter says.
        static var passesProvisional: Flags { Flags(rawValue: 1 << 16) }
        /// A CANCEL that is answered when ours are (`e2e_cancel_hop_by_hop` 0).
        static var awaitsCancels: Flags { Flags(rawValue: 1 << 20) }
        /// Our own, within a dialog.
        static var inDialog: Flags { Flags(rawValue: 1 << 17) }
    }

    /// Intervals of this transaction, milliseconds.
    struct Timers {
        var fr: UInt32
        var frInvite: UInt32
        var retr1: UInt32
        var retr2: UInt32
        var lifetime: UInt32
    }

    /// Finds another transaction of the worker, as long as there is one.
    struct Canceller {
        let place: UInt32
        let secret: UInt64
    }

    // Identity.
    let home: UnsafeMutablePointer<Home>
    /// Place in the worker's table; with the worker the `index` that scripts and commands see.
    var place: UInt32
    /// In the branch parameter of our Vias: whoever does not know it cannot answer.
    var secret: UInt64
    /// Chain of the table's bucket; the hash by which a retransmission is found, nil for our own.
    var nextInBucket: TransactionRef?
    let hash: UInt64?
    /// What a retransmission, ACK or CANCEL is compared with.
    var key = RequestKey()
    /// INVITE with a 2xx: chain and hash of `AcceptedIndex`; hash 0: not in it.
    var nextAccepted: TransactionRef?
    var acceptedHash: UInt64 = 0

    var phase = Phase.active
    var flags = Flags(rawValue: 0)
    /// `APUS_METHOD_…`
    var method: UInt32
    /// Those who need it to stay: runs, look-ups, deferred commands.
    var references: UInt32 = 0
    var started: UInt64

    // Server side.
    /// The request: the kept one, or while its own run lasts and nothing was relayed the run's.
    var request: OpaquePointer?
    /// `request` is ours to release.
    var ownsRequest = false
    /// Where replies go.
    var source: apus_destination
    /// The last reply that was sent, to be repeated.
    var lastReply = Stored()
    var lastStatus: Int32 = 0
    /// To tag of replies of our own.
    var toTag: [16 of UInt8] = InlineArray(repeating: 0)
    var toTagCount: UInt8 = 0
    /// Repeats the reply, ends the completed and the waiting phase, and bounds the active one.
    var timer = apus_timer()
    var nextRetransmission: UInt64 = 0
    var retransmissionInterval: UInt32 = 0
    var retransmissions: UInt32 = 0
    /// When the phase is over, on the worker's clock.
    var phaseEnd: UInt64 = 0

    // Client side.
    /// The transaction of a CANCEL for it that waits for the answer to ours.
    var canceller: Canceller?
    var branches: BranchRef?
    var lastBranch: BranchRef?
    var branchCount: UInt32 = 0
    /// Index of the first branch of the current leg: the branches that one relay made.
    var legStart: UInt32 = 0
    /// Blind: t_write_req and t_suspend wait for somebody else's answer.
    var blindBranches: UInt32 = 0
    /// Status of the last reply that any branch has received.
    var lastReceived: Int32 = 0

    // What the script said. Routes are held: `arm` puts them there.
    /// Which replies of earlier legs count no more when the failure route that runs starts a new one.
    var replyDropping = ReplyDropping.byMode
    var timers: Timers
    var onFailure: OpaquePointer?
    var onReply: OpaquePointer?
    var onBranch: OpaquePointer?
    var onBranchFailure: OpaquePointer?
    /// Message flags (setflag).
    var messageFlags: UInt32 = 0
    /// The extended ones (corex' setxflag).
    var messageXFlags: UInt64 = 0
    var avps: OpaquePointer?
    /// t_vbflag_set before there is a branch: those of the first one.
    var viaFlags: UInt32 = 0

    var callbacks = CallbackList()

    // One event at a time.
    /// A script of this transaction runs or waits.
    var isBusy = false
    /// Events that are dealt with: one within the other when a route of it waits.
    var runs: UInt32 = 0
    var queue = EventQueue()
}
