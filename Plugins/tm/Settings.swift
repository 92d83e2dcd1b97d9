import PluginKit

// Invariants: written while the config is read and in `start`, on the main thread; read only once workers run.

/// What the module's parameters say. Times are milliseconds once `start` has run: see `Units.swift` for how they are written.
struct Settings {
    /// The least interval of retransmission, milliseconds.
    static let shortestRetransmission: Int64 = 10

    // Timers.
    var frTimer: Int64 = 30_000
    var frInvTimer: Int64 = 120_000
    var wtTimer: Int64 = 5_000
    var deleteTimer: Int64 = 2_000
    var maxInvLifetime: Int64 = 180_000
    var maxNoninvLifetime: Int64 = 32_000
    /// First interval, and the largest.
    var retrTimer1: Int64 = 500
    /// SER's fixed intervals; p1 is 0 where intervals double.
    var retrTimer1p1: Int64 = 0
    var retrTimer1p2: Int64 = 0
    var retrTimer1p3: Int64 = 0
    var retrTimer2: Int64 = 4_000
    var unixTxTimeout: Int64 = 500
    /// `tw_append`, the last one first; nil: none.
    var appendSets: UnsafeMutablePointer<AppendSet>?
    var restartFrOnEachReply: Int64 = 1
    /// `fr_timer_avp`, `fr_inv_timer_avp`: seconds for one transaction. Compiled; nil when unset.
    var frTimerAVP: OpaquePointer?
    var frInvTimerAVP: OpaquePointer?

    // Requests.
    var autoInv100: Int64 = 1
    var autoInv100Reason = apus_str()
    var noisyCtimer: Int64 = 1
    var aggregateChallenges: Int64 = 1
    var acExtraHdrs = apus_str()
    var failureExecMode: Int64 = 0
    var delayedReply: Int64 = 1
    var loopChecks: Int64 = 0
    var reparseInvite: Int64 = 1
    var execTimeCheck: Int64 = 5_000
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
    var blst503MaxTimeout: Int64 = 3_600
    var blstMethodsAdd: Int64 = 1
    var blstMethodsLookup: Int64 = 503
    /// The core's use_dst_blocklist and dst_blocklist_expire, from `start` on.
    var usesBlockList = false
    var blockListExpire: UInt32 = 60_000
    var reparseOnDnsFailover: Int64 = 1
    var dnsReuseRcvSocket: Int64 = 0
    var failoverReplyCodes = apus_str()
    /// What it says, from `start` on.
    var failoverCodes = FailoverCodes()

    // CANCEL.
    var cancelBMethod: Int64 = 1
    var unmatchedCancel: Int64 = 0
    var e2eCancelHopByHop: Int64 = 1
    var localCancelReason: Int64 = 1
    var e2eCancelReason: Int64 = 1
    var headersMode: Int64 = 0

    // Matching.
    var ruriMatching: Int64 = 1
    var via1Matching: Int64 = 1
    var callidMatching: Int64 = 0
    var callidCseqMatching: Int64 = 0
    var replyMatching: Int64 = 0

    // Replies.
    var passProvisionalReplies: Int64 = 0
    var defaultCode: Int64 = 500
    var defaultReason = apus_str()
    var disable6xxBlock: Int64 = 0
    var failureReplyMode: Int64 = 3
    var fakedReplyPrio: Int64 = 0
    var remap503500: Int64 = 1
    var replyRelayMode: Int64 = 1
    var reply408Code: Int64 = 408
    var reply408Reason = apus_str()
    var relay100: Int64 = 0
    /// `on_sl_reply`: an onreply_route for replies that match nothing. Nil when unset.
    var onSlReply = apus_str()
}
