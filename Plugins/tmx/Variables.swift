import PluginKit

// Invariants: texts of a branch live as long as its transaction, which the script that reads them keeps alive; the reason of the last reply is
// copied, since the next reply replaces it.

/// What variables tell of a transaction; the order is that of `$T(…)`.
private enum Fact: Int {
    case index, label, indexMade, labelMade, code, reason, last, branch, ruid, type
}

/// Variables about the transaction of the message at hand.
func declareVariables(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    host.variable(
        "T_branch_idx", flags: APUS_PV_NUMBER | APUS_PV_OF_TRANSACTION,
        doc: "Index of the branch at hand; of a request the number of branches; -1 outside of transactions.",
        user: state
    ) { $0.answer(.branch, $1) }
    host.variable(
        "T_reply_code", flags: APUS_PV_NUMBER | APUS_PV_OF_TRANSACTION,
        doc: "Status of the reply at hand, of the winning one, or of the last one sent; 0: none.", user: state
    ) { $0.answer(.code, $1) }
    host.variable(
        "T_reply_reason", flags: APUS_PV_OF_TRANSACTION, doc: "Reason phrase of that reply.", user: state
    ) { $0.answer(.reason, $1) }
    host.variable(
        "T_reply_last", flags: APUS_PV_NUMBER | APUS_PV_OF_TRANSACTION,
        doc: "Status of the last reply that a branch has received; 0: none.", user: state
    ) { $0.answer(.last, $1) }
    host.variable(
        "T_reply_ruid", flags: APUS_PV_OF_TRANSACTION,
        doc: "Record id (ruid) of the contact whose branch is at hand, or has failed.", user: state
    ) { $0.answer(.ruid, $1) }
    host.variable(
        "T",
        inner:
            "id_index|id_label|id_index_n|id_label_n|reply_code|reply_reason|reply_last|branch_index|ruid|reply_type",
        doc: "Facts about the transaction; id_index_n and id_label_n make it when there is none.", user: state
    ) { access, out in
        Fact(rawValue: Int(access.pointee.inner_id)).map { access.answer($0, out) } ?? .false
    }
    host.variable(
        "T_branch", inner: "flags|uri", doc: "Branch flags and Request-URI of the branch at hand, or that has failed.",
        user: state, get: branchValue)
}

extension Access {
    var tm: UnsafePointer<tm_api> {
        pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self).pointee.tm.unsafelyUnwrapped
    }

    private func isIn(_ kinds: Int) -> Bool { pointee.route_kind & UInt32(kinds) != 0 }

    fileprivate func answer(_ fact: Fact, _ out: UnsafeMutablePointer<apus_value>) -> CInt {
        switch fact {
        case .index, .label, .indexMade, .labelMade: return identity(fact, out)
        case .code: return out.answer(Int64(status))
        case .reason: return reason(out)
        case .last: return out.answer(tm.pointee.t_gett(pointee.msg).map { Int64(tm.facts(of: $0).received) } ?? 0)
        case .branch: return out.answer(branchIndex)
        case .ruid:
            let context = tm.context(of: pointee.msg)
            guard let branch = tm.branch(context.subject, of: context.transaction), !branch.ruid.isEmpty else {
                return .false
            }
            return out.answer(branch.ruid)
        case .type: return out.answer(isLocalReply ? 1 : 0)
        }
    }

    private func identity(_ fact: Fact, _ out: UnsafeMutablePointer<apus_value>) -> CInt {
        var known = tm.pointee.t_gett(pointee.msg)
        if known == nil, fact == .indexMade || fact == .labelMade { known = made }
        guard let known else { return .false }
        let facts = tm.facts(of: known)
        return out.answer(Int64(fact == .index || fact == .indexMade ? facts.index : facts.label))
    }

    /// A new transaction of the request; nil when it cannot have one.
    private var made: Transaction? {
        guard isIn(APUS_REQUEST_ROUTE) else { return nil }
        var call = apus_call(
            size: UInt32(MemoryLayout<apus_call>.size), count: 0, route_kind: pointee.route_kind, reserved: 0,
            host: pointee.host, run: pointee.run, msg: pointee.msg, args: nil, user: nil)
        return tm.pointee.t_newtran(&call) > 0 ? tm.pointee.t_gett(pointee.msg) : nil
    }

    private var branchIndex: Int64 {
        let context = tm.context(of: pointee.msg)
        guard let transaction = context.transaction else { return -1 }
        if context.branch >= 0 { return Int64(context.branch) }
        let known = Int64(tm.facts(of: transaction).branches)
        guard isIn(APUS_FAILURE_ROUTE) else { return isIn(APUS_BRANCH_FAILURE_ROUTE) ? Int64(context.subject) : known }
        return known + Int64(host.pointee.branches.pointee.count(pointee.msg))
    }

    private var status: Int32 {
        if !message.isRequest { return Int32(message.api.pointee.status(pointee.msg)) }
        let context = tm.context(of: pointee.msg)
        if context.failure_status != 0 { return context.failure_status }
        return context.transaction.map { tm.facts(of: $0).status } ?? 0
    }

    private func reason(_ out: UnsafeMutablePointer<apus_value>) -> CInt {
        if !message.isRequest { return out.answer(message.field(APUS_FIELD_REASON)) }
        let context = tm.context(of: pointee.msg)
        if context.failure_status != 0 {
            guard let reply = context.failure_reply else { return out.answer(usualReason(context.failure_status)) }
            return out.answer(Message(handle: reply, api: message.api).field(APUS_FIELD_REASON))
        }
        guard let transaction = context.transaction, case let reason = tm.facts(of: transaction).reason,
            !reason.isNull, var copy = writer(reason.len)
        else { return .false }
        copy.add(reason)
        return out.answer(copy.text)
    }

    /// The reply that the status is of was made here.
    private var isLocalReply: Bool {
        guard message.isRequest else { return false }
        let context = tm.context(of: pointee.msg)
        if context.failure_status != 0 { return context.failure_reply == nil }
        guard let transaction = context.transaction else { return false }
        let facts = tm.facts(of: transaction)
        return facts.status != 0 && facts.replied_here != 0
    }
}

/// `$T_branch(…)`
private let branchValue: @convention(c) (Access, UnsafeMutablePointer<apus_value>) -> CInt = { access, out in
    let isFlags = access.pointee.inner_id == 0
    let context = access.tm.context(of: access.pointee.msg)
    // Before it leaves, the branch is the request that its route works on.
    if access.pointee.route_kind & UInt32(APUS_BRANCH_ROUTE) != 0 {
        var current = apus_branch()
        current.size = UInt32(MemoryLayout<apus_branch>.size)
        access.host.pointee.branches.pointee.current(access.pointee.msg, &current)
        return isFlags ? out.answer(Int64(current.flags)) : out.answer(current.uri)
    }
    guard let branch = access.tm.branch(context.subject, of: context.transaction) else { return .false }
    return isFlags ? out.answer(Int64(branch.flags)) : out.answer(branch.uri)
}

/// The reason phrases of outcomes that have no reply.
private func usualReason(_ status: Int32) -> apus_str {
    switch status {
    case 408: "Request Timeout"
    case 487: "Request Terminated"
    case 500: "Server Internal Error"
    default: apus_str()
    }
}

extension UnsafeMutablePointer<apus_value> {
    fileprivate func answer(_ number: Int64) -> CInt {
        pointee = apus_value(number)
        return .true
    }
}
