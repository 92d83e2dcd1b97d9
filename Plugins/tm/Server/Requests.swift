import PluginKit

// Invariants: a hook: on the message's home worker, before any script of the message runs.

/// What a request is to the transactions that are there (RFC 3261 section 17.2): retransmissions are answered with the last reply and ACKs to
/// negative replies end here. Everything else is the script's.
let receiveRequest: @convention(c) (UnsafePointer<apus_hook>) -> CInt = { hook in
    let state = hook.pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
    let handle = hook.pointee.msg
    guard let home = state.home, let probe = RequestProbe(home, handle) else { return .true }
    let invite = UInt32(APUS_METHOD_INVITE)
    switch probe.message.method {
    case APUS_METHOD_ACK:
        guard let transaction = home.match(probe, method: invite), transaction.absorbAck(handle) else { return .true }
        return .exit
    case APUS_METHOD_CANCEL:
        if let known = home.match(probe, method: UInt32(APUS_METHOD_CANCEL)) {
            known.absorbRetransmission(handle)
            return .exit
        }
        if let invited = home.match(probe, method: invite), invited.pointee.phase == .active {
            invited.pointee.flags.insert(.cancelled)
        }
        return .true
    default:
        guard let known = home.match(probe, method: UInt32(probe.message.method)) else { return .true }
        known.absorbRetransmission(handle)
        return .exit
    }
}

extension TransactionRef {
    /// The request came again.
    func absorbRetransmission(_ message: OpaquePointer) {
        home.host.bump(home.counters.pointee.requestRetransmissions)
        tell(TM_REQ_RETR_IN, Occurrence(request: message, flags: TM_RETRANSMISSION))
        retransmitReply()
    }

    /// An ACK whose branch is that of the INVITE. True when it acknowledges a negative reply of this transaction; another one, of a peer
    /// that gives the ACK to a 2xx the branch of its INVITE, goes on to the script.
    func absorbAck(_ message: OpaquePointer) -> Bool {
        guard pointee.lastStatus >= 300 else { return false }
        let isFirst = pointee.phase == .completed
        tell(
            TM_ACK_NEG_IN,
            Occurrence(request: message, code: pointee.lastStatus, flags: isFirst ? 0 : TM_RETRANSMISSION))
        // The wait phase absorbs further ones (section 17.2.1, confirmed).
        if isFirst { wait() }
        return true
    }
}
