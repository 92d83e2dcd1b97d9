import PluginKit

// Invariants: as Parameters.swift.

func declareRequestParameters(_ host: Host, _ settings: UnsafeMutablePointer<Settings>) {
    host.parameter(
        "auto_inv_100", into: settings.pointer(to: \.autoInv100)!, initial: "1", range: 0...1,
        doc: "1: an INVITE is answered 100 when it is relayed and nothing was sent yet.")
    host.parameter(
        "auto_inv_100_reason", into: settings.pointer(to: \.autoInv100Reason)!,
        initial: "trying -- your call is important to us", doc: "Reason phrase of that 100.")
    host.parameter(
        "aggregate_challenges", into: settings.pointer(to: \.aggregateChallenges)!, initial: "1", range: 0...1,
        doc: "1: a 401 or 407 that is forwarded carries the challenges of all branches that got one.")
    host.parameter(
        "ac_extra_hdrs", into: settings.pointer(to: \.acExtraHdrs)!,
        doc: "Headers whose names begin so are copied from the INVITE into CANCEL and the ACK to a negative reply.")
    host.parameter(
        "failure_exec_mode", into: settings.pointer(to: \.failureExecMode)!, initial: "0", range: 0...1,
        doc: "1: a branch that cannot be sent goes to failure_route; 0: the relaying function is false.")
    host.parameter(
        "delayed_reply", into: settings.pointer(to: \.delayedReply)!, initial: "1", range: 0...1,
        doc: "1: when relaying fails the script may answer itself; the automatic reply waits until it has ended.")
    host.parameter(
        "loop_checks", into: settings.pointer(to: \.loopChecks)!, initial: "0", range: 0...1,
        doc: "1: a request that comes back unchanged is answered 482; 0: only when it would fork.")
    host.parameter(
        "reparse_invite", into: settings.pointer(to: \.reparseInvite)!, initial: "1", range: 0...1,
        doc: "1: CANCEL and the ACK to a negative reply have the headers of the INVITE as it was sent; 0: as it came.")
    host.parameter(
        "exec_time_check", into: settings.pointer(to: \.execTimeCheck)!, initial: "5000", range: 0...86_400_000,
        doc: "A failure_route that takes so many milliseconds is told of; 0: none.")
    host.parameter(
        "contacts_avp", into: settings.pointer(to: \.contactsAVP)!, initial: "tm_contacts",
        doc: "The XAVP in which t_load_contacts keeps contacts.")
    host.parameter(
        "contact_flows_avp", into: settings.pointer(to: \.contactFlowsAVP)!, initial: "tm_contact_flows",
        doc: "The XAVP in which t_next_contacts keeps further flows to devices.")
    host.parameter(
        "uac_from", into: settings.pointer(to: \.uacFrom)!, initial: "sip:foo@foo.bar",
        doc: "From URI of requests of our own that are given none.")
    host.parameter(
        "enable_uac_fr", into: settings.pointer(to: \.enableUacFr)!, initial: "0", range: 0...1,
        doc: "1: requests of our own may have a failure route.")
    host.parameter(
        "local_ack_mode", into: settings.pointer(to: \.localAckMode)!, initial: "0", range: 0...2,
        doc:
            "ACK to a 2xx of our own INVITE goes: 0 by Contact and route set, 1 where the INVITE went, 2 to the source of the 2xx."
    )
    host.parameter(
        "local_ack_branch_mode", into: settings.pointer(to: \.localAckBranchMode)!, initial: "0", range: 0...2,
        doc: "Branch of that ACK: 1 nearly the INVITE's, 2 a new one.")
    host.parameter(
        "evlreq_mode", into: settings.pointer(to: \.evlreqMode)!, initial: "0", range: 0...1,
        doc: "1: event_route[tm:local-request] runs for hop-by-hop CANCELs, too.")
}

func declareCancelParameters(_ host: Host, _ settings: UnsafeMutablePointer<Settings>) {
    host.parameter(
        "cancel_b_method", into: settings.pointer(to: \.cancelBMethod)!, initial: "1", range: 0...2,
        doc: "A branch without any reply is cancelled: 0 by stopping it, 1 when its first reply comes, 2 at once.")
    host.parameter(
        "unmatched_cancel", into: settings.pointer(to: \.unmatchedCancel)!, initial: "0", range: 0...2,
        doc: "A CANCEL without INVITE is: 0 forwarded statefully, 1 forwarded statelessly, 2 dropped.")
    host.parameter(
        "e2e_cancel_hop_by_hop", into: settings.pointer(to: \.e2eCancelHopByHop)!, initial: "1", range: 0...1,
        doc: "1: a CANCEL is answered at once; 0: when the called side has answered ours, as it does.")
    host.parameter(
        "local_cancel_reason", into: settings.pointer(to: \.localCancelReason)!, initial: "1", range: 0...1,
        doc: "1: our CANCELs say why in a Reason header.")
    host.parameter(
        "e2e_cancel_reason", into: settings.pointer(to: \.e2eCancelReason)!, initial: "1", range: 0...1,
        doc: "1: our CANCELs carry the Reason headers of the CANCEL that caused them.")
    host.parameter(
        "headers_mode", into: settings.pointer(to: \.headersMode)!, initial: "0", range: 0...3,
        doc: "Bits: 1 our CANCELs carry further headers of the one received, 2 a stateless CANCEL has one Via.")
}

func declareMatchingParameters(_ host: Host, _ settings: UnsafeMutablePointer<Settings>) {
    host.parameter(
        "ruri_matching", into: settings.pointer(to: \.ruriMatching)!, initial: "1", range: 0...1,
        doc: "1: the Request-URI counts when requests of RFC 2543 are matched.")
    host.parameter(
        "via1_matching", into: settings.pointer(to: \.via1Matching)!, initial: "1", range: 0...1,
        doc: "1: the topmost Via counts when requests of RFC 2543 are matched.")
    host.parameter(
        "callid_matching", into: settings.pointer(to: \.callidMatching)!, initial: "0", range: 0...1,
        doc: "1: the Call-ID must be equal, too.")
    host.parameter(
        "callid_cseq_matching", into: settings.pointer(to: \.callidCseqMatching)!, initial: "0", range: 0...1,
        doc: "1: requests are matched by Call-ID and CSeq instead of the branch, against RFC 3261.")
}

func declareReplyMatching(_ host: Host, _ settings: UnsafeMutablePointer<Settings>) {
    host.parameter(
        "reply_matching", into: settings.pointer(to: \.replyMatching)!, initial: "0", range: 0...1,
        doc:
            "1: a transaction that waits for its end has no replies but the final ones to its INVITE; others pass without state."
    )
}

func declareReplyParameters(_ host: Host, _ settings: UnsafeMutablePointer<Settings>) {
    host.parameter(
        "pass_provisional_replies", into: settings.pointer(to: \.passProvisionalReplies)!, initial: "0", range: 0...1,
        doc: "1: modules learn of provisional replies to requests of our own.")
    host.parameter(
        "default_code", into: settings.pointer(to: \.defaultCode)!, initial: "500", range: 400...699,
        doc: "Status code of a t_reply whose code is no number.")
    host.parameter(
        "default_reason", into: settings.pointer(to: \.defaultReason)!, initial: "Server Internal Error",
        doc: "Reason phrase of a t_reply whose reason is empty.")
    host.parameter(
        "disable_6xx_block", into: settings.pointer(to: \.disable6xxBlock)!, initial: "0", range: 0...1,
        doc: "1: a 6xx is as any negative reply; 0: it cancels the other branches and stops forking.")
    host.parameter(
        "faked_reply_prio", into: settings.pointer(to: \.fakedReplyPrio)!, initial: "0", range: -10_000...10_000,
        doc: "Added to the priority number of replies made here, when the best is chosen; the smaller one wins.")
    host.parameter(
        "remap_503_500", into: settings.pointer(to: \.remap503500)!, initial: "1", range: 0...1,
        doc: "1: a 503 that was received is forwarded as 500 (RFC 3261 section 16.7).")
    host.parameter(
        "reply_relay_mode", into: settings.pointer(to: \.replyRelayMode)!, initial: "1", range: 0...1,
        doc: "1: a 2xx that waited is not sent once another final reply went out.")
    host.parameter(
        "reply_408_code", into: settings.pointer(to: \.reply408Code)!, initial: "408", range: 400...699,
        doc: "Status code of the reply to a request that timed out.")
    host.parameter(
        "reply_408_reason", into: settings.pointer(to: \.reply408Reason)!, initial: "Request Timeout",
        doc: "Reason phrase of that reply.")
    host.parameter(
        "relay_100", into: settings.pointer(to: \.relay100)!, initial: "0", range: 0...1,
        doc: "1: a 100 that matches no transaction is forwarded.")
    host.parameter(
        "on_sl_reply", into: settings.pointer(to: \.onSlReply)!,
        doc: "onreply_route for replies that match no transaction; it can drop them.")
    host.parameter(
        "rich_redirect", into: settings.pointer(to: \.richRedirect)!, initial: "0", range: 0...3,
        doc: "Bits: what the Contacts of a 3xx say beside URI and q: 1 branch flags, 2 path.")
}

func declareFailoverParameters(_ host: Host, _ settings: UnsafeMutablePointer<Settings>) {
    host.parameter(
        "blst_503", into: settings.pointer(to: \.blst503)!, initial: "0", range: 0...1,
        doc: "1: the source of a 503 is not used for the time of its Retry-After; with the core's use_dst_blocklist.")
    host.parameter(
        "blst_503_def_timeout", into: settings.pointer(to: \.blst503DefTimeout)!, initial: "0", range: 0...86_400,
        doc: "Seconds for a 503 without Retry-After; 0: not at all.")
    host.parameter(
        "blst_503_min_timeout", into: settings.pointer(to: \.blst503MinTimeout)!, initial: "0", range: 0...86_400,
        doc: "Least of those seconds.")
    host.parameter(
        "blst_503_max_timeout", into: settings.pointer(to: \.blst503MaxTimeout)!, initial: "3600", range: 0...86_400,
        doc: "Most of those seconds.")
    host.parameter(
        "blst_methods_add", into: settings.pointer(to: \.blstMethodsAdd)!, initial: "1", range: 0...511,
        doc:
            "Methods whose timeouts block a destination, with the core's use_dst_blocklist; bits: INVITE 1, CANCEL 2, ACK 4, BYE 8, INFO 16, REGISTER 32, SUBSCRIBE 64, NOTIFY 128, others 256."
    )
    host.parameter(
        "blst_methods_lookup", into: settings.pointer(to: \.blstMethodsLookup)!, initial: "503", range: 0...511,
        doc: "Methods that do not use blocked destinations, the same bits.")
    host.parameter(
        "reparse_on_dns_failover", into: settings.pointer(to: \.reparseOnDnsFailover)!, initial: "1", range: 0...1,
        doc: "1: a request for the next address of a name is built from the one that failed.")
    host.parameter(
        "dns_reuse_rcv_socket", into: settings.pointer(to: \.dnsReuseRcvSocket)!, initial: "0", range: 0...1,
        doc: "1: it leaves through the listener that received the request.")
    host.parameter(
        "failover_reply_codes", into: settings.pointer(to: \.failoverReplyCodes)!,
        doc: "Replies after which the next address is tried: \"code=500;class=5\".")
}

/// A parameter that is accepted without effect, and what is said of it when it asks for something else than what is done.
struct Fixed {
    let name: StaticString
    /// The value that asks for what is done anyway; nil: none does.
    let value: Int64?
    let notice: String

    static let set: ParameterSetter = { host, value, user in
        let fixed = user.unsafelyUnwrapped.assumingMemoryBound(to: Fixed.self)
        if !value.pointee.isInt || value.pointee.num != fixed.pointee.value {
            host.log(.notice, "\(fixed.pointee.name) has no effect: \(fixed.pointee.notice)")
        }
        return .true
    }
}

/// Parameters that configs have and that have nothing to change here: accepted, and told of.
func declareWithoutEffect(_ host: Host) {
    func fixed(_ name: StaticString, _ kind: Int, _ value: Int64?, _ notice: String, doc: StaticString) {
        let user = permanent(Fixed(name: name, value: value, notice: notice))
        host.parameter(name, kind: kind, flags: 0, user: user, doc: doc, set: Fixed.set)
    }
    fixed(
        "xavp_contact", APUS_PARAM_STRING, nil, "attributes of a contact are kept with its branch, not in an XAVP",
        doc: "Accepted without effect: attributes of a contact are kept with its branch.")
    let language = "there is no embedded language for event callbacks; use the event routes"
    fixed(
        "event_callback", APUS_PARAM_STRING, nil, language,
        doc: "Accepted without effect: function of an embedded language.")
    fixed(
        "event_callback_lres_sent", APUS_PARAM_STRING, nil, language,
        doc: "Accepted without effect: function of an embedded language.")
    fixed(
        "evcb_local_ack_sent", APUS_PARAM_STRING, nil, language,
        doc: "Accepted without effect: function of an embedded language.")
}
