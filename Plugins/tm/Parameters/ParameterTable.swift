import PluginKit

// Invariants: as Parameters.swift.

/// Every number and text that `modparam` sets as it stands: the defaults, ranges and meanings stand here and nowhere else.
enum ParameterTable {
    /// Relaying, answering, requests of our own.
    static var request: [Parameter<Settings>] {
        [
            .flag(
                "auto_inv_100", \.autoInv100, 1, .whileRunning,
                doc: "1: an INVITE is answered 100 when it is relayed and nothing was sent yet."),
            .text(
                "auto_inv_100_reason", \.autoInv100Reason, "trying -- your call is important to us",
                doc: "Reason phrase of that 100."),
            .flag(
                "aggregate_challenges", \.aggregateChallenges, 1,
                doc: "1: a 401 or 407 that is forwarded carries the challenges of all branches that got one."),
            .text(
                "ac_extra_hdrs", \.acExtraHdrs,
                doc:
                    "Headers whose names begin so are copied from the INVITE into CANCEL and the ACK to a negative reply."
            ),
            .flag(
                "failure_exec_mode", \.failureExecMode, 0,
                doc: "1: a branch that cannot be sent goes to failure_route; 0: the relaying function is false."),
            .flag(
                "delayed_reply", \.delayedReply, 1,
                doc:
                    "1: when relaying fails the script may answer itself; the automatic reply waits until it has ended."
            ),
            .flag(
                "loop_checks", \.loopChecks, 0,
                doc: "1: a request that comes back unchanged is answered 482; 0: only when it would fork."),
            .flag(
                "reparse_invite", \.reparseInvite, 1,
                doc:
                    "1: CANCEL and the ACK to a negative reply have the headers of the INVITE as it was sent; 0: as it came."
            ),
            .number(
                "exec_time_check", \.execTimeCheck, 5_000, 0...86_400_000,
                doc: "A failure_route that takes so many milliseconds is told of; 0: none."),
            .text(
                "contacts_avp", \.contactsAVP, "tm_contacts", doc: "The XAVP in which t_load_contacts keeps contacts."),
            .text(
                "contact_flows_avp", \.contactFlowsAVP, "tm_contact_flows",
                doc: "The XAVP in which t_next_contacts keeps further flows to devices."),
            .text(
                "uac_from", \.uacFrom, "sip:foo@foo.bar", doc: "From URI of requests of our own that are given none."),
            .flag(
                "enable_uac_fr", \.enableUacFr, 0, .whileRunning,
                doc: "1: requests of our own may have a failure route."),
            .number(
                "local_ack_mode", \.localAckMode, 0, 0...2, .whileRunning,
                doc:
                    "ACK to a 2xx of our own INVITE goes: 0 by Contact and route set, 1 where the INVITE went, 2 to the source of the 2xx."
            ),
            .number(
                "local_ack_branch_mode", \.localAckBranchMode, 0, 0...2,
                doc: "Branch of that ACK: 1 nearly the INVITE's, 2 a new one."),
            .flag(
                "evlreq_mode", \.evlreqMode, 0,
                doc: "1: event_route[tm:local-request] runs for hop-by-hop CANCELs, too."),
        ]
    }

    /// CANCEL.
    static var cancel: [Parameter<Settings>] {
        [
            .number(
                "cancel_b_method", \.cancelBMethod, 1, 0...2, .whileRunning,
                doc:
                    "A branch without any reply is cancelled: 0 by stopping it, 1 when its first reply comes, 2 at once."
            ),
            .number(
                "unmatched_cancel", \.unmatchedCancel, 0, 0...2,
                doc: "A CANCEL without INVITE is: 0 forwarded statefully, 1 forwarded statelessly, 2 dropped."),
            .flag(
                "e2e_cancel_hop_by_hop", \.e2eCancelHopByHop, 1,
                doc: "1: a CANCEL is answered at once; 0: when the called side has answered ours, as it does."),
            .flag(
                "local_cancel_reason", \.localCancelReason, 1, .whileRunning,
                doc: "1: our CANCELs say why in a Reason header."),
            .flag(
                "e2e_cancel_reason", \.e2eCancelReason, 1, .whileRunning,
                doc: "1: our CANCELs carry the Reason headers of the CANCEL that caused them."),
            .number(
                "headers_mode", \.headersMode, 0, 0...3,
                doc: "Bits: 1 our CANCELs carry further headers of the one received, 2 a stateless CANCEL has one Via."),
        ]
    }

    /// Which transaction a message belongs to.
    static var matching: [Parameter<Settings>] {
        [
            .flag(
                "ruri_matching", \.ruriMatching, 1, .whileRunning,
                doc: "1: the Request-URI counts when requests of RFC 2543 are matched."),
            .flag(
                "via1_matching", \.via1Matching, 1, .whileRunning,
                doc: "1: the topmost Via counts when requests of RFC 2543 are matched."),
            .flag("callid_matching", \.callidMatching, 0, .whileRunning, doc: "1: the Call-ID must be equal, too."),
            .flag(
                "callid_cseq_matching", \.callidCseqMatching, 0,
                doc: "1: requests are matched by Call-ID and CSeq instead of the branch, against RFC 3261."),
        ]
    }

    /// Replies.
    static var reply: [Parameter<Settings>] {
        [
            .flag(
                "reply_matching", \.replyMatching, 0,
                doc:
                    "1: a transaction that waits for its end has no replies but the final ones to its INVITE; others pass without state."
            ),
            .flag(
                "pass_provisional_replies", \.passProvisionalReplies, 0, .whileRunning,
                doc: "1: modules learn of provisional replies to requests of our own."),
            .number(
                "default_code", \.defaultCode, 500, 400...699, .whileRunning,
                doc: "Status code of a t_reply whose code is no number."),
            .text(
                "default_reason", \.defaultReason, "Server Internal Error", .whileRunning,
                doc: "Reason phrase of a t_reply whose reason is empty."),
            .flag(
                "disable_6xx_block", \.disable6xxBlock, 0, .whileRunning,
                doc: "1: a 6xx is as any negative reply; 0: it cancels the other branches and stops forking."),
            .number(
                "faked_reply_prio", \.fakedReplyPrio, 0, -10_000...10_000,
                doc: "Added to the priority number of replies made here, when the best is chosen; the smaller one wins."
            ),
            .flag(
                "remap_503_500", \.remap503500, 1,
                doc: "1: a 503 that was received is forwarded as 500 (RFC 3261 section 16.7)."),
            .flag(
                "reply_relay_mode", \.replyRelayMode, 1,
                doc: "1: a 2xx that waited is not sent once another final reply went out."),
            .number(
                "reply_408_code", \.reply408Code, 408, 400...699,
                doc: "Status code of the reply to a request that timed out."),
            .text("reply_408_reason", \.reply408Reason, "Request Timeout", doc: "Reason phrase of that reply."),
            .flag("relay_100", \.relay100, 0, .whileRunning, doc: "1: a 100 that matches no transaction is forwarded."),
            .text(
                "on_sl_reply", \.onSlReply,
                doc: "onreply_route for replies that match no transaction; it can drop them."),
            .number(
                "rich_redirect", \.richRedirect, 0, 0...3,
                doc: "Bits: what the Contacts of a 3xx say beside URI and q: 1 branch flags, 2 path."),
        ]
    }

    /// DNS failover and the block list.
    static var failover: [Parameter<Settings>] {
        [
            .flag(
                "blst_503", \.blst503, 0, .whileRunning,
                doc:
                    "1: the source of a 503 is not used for the time of its Retry-After; with the core's use_dst_blocklist."
            ),
            .number(
                "blst_503_def_timeout", \.blst503DefTimeout, 0, 0...86_400, .whileRunning,
                doc: "Seconds for a 503 without Retry-After; 0: not at all."),
            .number(
                "blst_503_min_timeout", \.blst503MinTimeout, 0, 0...86_400, .whileRunning,
                doc: "Least of those seconds."),
            .number(
                "blst_503_max_timeout", \.blst503MaxTimeout, 3600, 0...86_400, .whileRunning,
                doc: "Most of those seconds."),
            .number(
                "blst_methods_add", \.blstMethodsAdd, 1, 0...511, .whileRunning,
                doc:
                    "Methods whose timeouts block a destination, with the core's use_dst_blocklist; bits: INVITE 1, CANCEL 2, ACK 4, BYE 8, INFO 16, REGISTER 32, SUBSCRIBE 64, NOTIFY 128, others 256."
            ),
            .number(
                "blst_methods_lookup", \.blstMethodsLookup, 503, 0...511, .whileRunning,
                doc: "Methods that do not use blocked destinations, the same bits."),
            .flag(
                "reparse_on_dns_failover", \.reparseOnDnsFailover, 1, .whileRunning,
                doc: "1: a request for the next address of a name is built from the one that failed."),
            .flag(
                "dns_reuse_rcv_socket", \.dnsReuseRcvSocket, 0,
                doc: "1: it leaves through the listener that received the request."),
            .text(
                "failover_reply_codes", \.failoverReplyCodes,
                doc: "Replies after which the next address is tried: \"code=500;class=5\"."),
        ]
    }
}
