import PluginKit

// Invariants: the State's is written while the config is read and in `start`, on the main thread, and constant from then on. A Home's is its
// worker's.

/// What the module's parameters say; their defaults stand in ParameterTable. Times are milliseconds once `start` has run: see Durations.swift for how
/// they are written. Each worker has a copy of its own, which changes with parameters that change while the server runs.
struct Settings {
    /// The least interval of retransmission, milliseconds.
    static let shortestRetransmission: Int64 = 10

    // Timers.
    var frTimer: Int64 = 0
    var frInvTimer: Int64 = 0
    var wtTimer: Int64 = 0
    var deleteTimer: Int64 = 0
    var maxInvLifetime: Int64 = 0
    var maxNoninvLifetime: Int64 = 0
    /// First interval, and the largest.
    var retrTimer1: Int64 = 0
    /// SER's fixed intervals; p1 is 0 where intervals double.
    var retrTimer1p1: Int64 = 0
    var retrTimer1p2: Int64 = 0
    var retrTimer1p3: Int64 = 0
    var retrTimer2: Int64 = 0
    var unixTxTimeout: Int64 = 0
    /// `tw_append`, the last one first; nil: none.
    var appendSets: UnsafeMutablePointer<AppendSet>?
    var restartFrOnEachReply: Int64 = 0
    /// `fr_timer_avp`, `fr_inv_timer_avp`: seconds for one transaction. Compiled; nil when unset.
    var frTimerAVP: OpaquePointer?
    var frInvTimerAVP: OpaquePointer?

    // Requests.
    var autoInv100: Int64 = 0
    var autoInv100Reason = apus_str()
    var noisyCtimer: Int64 = 0
    var aggregateChallenges: Int64 = 0
    var acExtraHdrs = apus_str()
    var failureExecMode: Int64 = 0
    var delayedReply: Int64 = 0
    var loopChecks: Int64 = 0
    var reparseInvite: Int64 = 0
    var execTimeCheck: Int64 = 0
    var contactsAVP = apus_str()
    var contactFlowsAVP = apus_str()
    var richRedirect: Int64 = 0
    var uacFrom = apus_str()
    var enableUacFr: Int64 = 0
    var localAckMode: Int64 = 0
    var localAckBranchMode: Int64 = 0
    var evlreqMode: Int64 = 0

    // DNS failover and the block list.
    var blst503: Int64 = 0
    var blst503DefTimeout: Int64 = 0
    var blst503MinTimeout: Int64 = 0
    var blst503MaxTimeout: Int64 = 0
    var blstMethodsAdd: Int64 = 0
    var blstMethodsLookup: Int64 = 0
    /// Transactions of one worker at most: its part of the core's max_transactions. From `start` on.
    var mostTransactions = Int.max
    /// The header line of requests of our own (the core's user_agent_header); empty: none. From `start` on.
    var userAgent = apus_str()
    /// onsend_route sees replies that are passed on (the core's onsend_route_reply); from `start` on.
    var showsReplies = false
    /// There may be a block list (the core's dst_blocklist_init), and it is in use (use_dst_blocklist). These four from `start` on.
    var hasBlockList = true
    var usesBlockList = false
    /// Reasons that put nobody on it, by transport: UDP, TCP, TLS, SCTP.
    var blockListMasks: (Int64, Int64, Int64, Int64) = (0, 0, 0, 0)
    /// Milliseconds (dst_blocklist_expire).
    var blockListExpire: UInt32 = 60_000
    var reparseOnDnsFailover: Int64 = 0
    var dnsReuseRcvSocket: Int64 = 0
    var failoverReplyCodes = apus_str()
    /// What it says, from `start` on.
    var failoverCodes = FailoverCodes()

    // CANCEL.
    var cancelBMethod: Int64 = 0
    var unmatchedCancel: Int64 = 0
    var e2eCancelHopByHop: Int64 = 0
    var localCancelReason: Int64 = 0
    var e2eCancelReason: Int64 = 0
    var headersMode: Int64 = 0

    // Matching.
    var ruriMatching: Int64 = 0
    var via1Matching: Int64 = 0
    var callidMatching: Int64 = 0
    var callidCseqMatching: Int64 = 0
    var replyMatching: Int64 = 0

    // Replies.
    var passProvisionalReplies: Int64 = 0
    var defaultCode: Int64 = 0
    var defaultReason = apus_str()
    var disable6xxBlock: Int64 = 0
    var failureReplyMode: Int64 = 0
    var fakedReplyPrio: Int64 = 0
    var remap503500: Int64 = 0
    var replyRelayMode: Int64 = 0
    var reply408Code: Int64 = 0
    var reply408Reason = apus_str()
    var relay100: Int64 = 0
    /// `$bf`: flags of a branch, which its replies have as well.
    var branchFlags: OpaquePointer?
    /// `on_sl_reply`: an onreply_route for replies that match nothing. Nil when unset.
    var onSlReply = apus_str()
}
