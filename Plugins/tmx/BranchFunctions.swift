import PluginKit

// Invariants: texts of a branch live as long as its transaction, which the route that calls keeps alive.

/// Functions about the branch that a route deals with.
func declareBranchFunctions(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    host.function(
        "t_cancel_branches", "which:word(all|others|this)", routes: APUS_TM_ONREPLY_ROUTE,
        doc: "Cancels branches that have no final reply: all, all but the reply's, or the reply's.", user: state,
        call: cancelBranches)
    host.function(
        "t_reuse_branch", routes: APUS_BRANCH_FAILURE_ROUTE,
        doc: "Makes the failed branch's URI, next hop, path, instance, ruid and flags the request's own again.",
        user: state, call: reuseBranch)
    host.function(
        "t_vbflag_set", "flag:flag", doc: "Sets a flag in our Via (;kvf=) of the branch at hand, before it is sent.",
        user: state
    ) { $0.changeViaFlags { $0 | $1 } }
    host.function(
        "t_vbflag_reset", "flag:flag", doc: "Takes a flag in our Via of the branch at hand back.", user: state
    ) { $0.changeViaFlags { $0 & ~$1 } }
    host.function(
        "t_vbflag_is_set", "flag:flag", doc: "Whether the flag in our Via of the branch at hand is set.", user: state
    ) { call in
        guard let (_, _, flags) = call.viaFlags else { return .false }
        return flags & call.flagBit != 0 ? .true : .false
    }
}

extension Call {
    /// The first argument as a bit.
    fileprivate var flagBit: UInt32 { 1 &<< UInt32(truncatingIfNeeded: int(0) & 31) }

    /// Transaction, branch at hand and its flags in our Via: that of the route, in a request route the first one. Nil without one.
    fileprivate var viaFlags: (Transaction, UInt32, UInt32)? {
        let context = tm.context(of: pointee.msg)
        let isRequest = pointee.route_kind & UInt32(APUS_REQUEST_ROUTE) != 0
        guard let transaction = context.transaction, let index = UInt32(exactly: isRequest ? 0 : context.subject) else {
            return nil
        }
        var flags: UInt32 = 0
        return tm.pointee.via_flags(transaction, index, &flags) > 0 ? (transaction, index, flags) : nil
    }

    fileprivate func changeViaFlags(_ change: (UInt32, UInt32) -> UInt32) -> CInt {
        guard let (transaction, index, flags) = viaFlags else { return fail("there is no branch at hand") }
        return tm.pointee.set_via_flags(transaction, index, change(flags, flagBit))
    }
}

/// `t_cancel_branches(which)`
private func cancelBranches(_ call: Call) -> CInt {
    let context = call.tm.context(of: call.pointee.msg)
    guard let transaction = context.transaction, 0..<32 ~= context.branch else {
        return call.fail("the reply belongs to no transaction")
    }
    let own: UInt32 = 1 &<< UInt32(context.branch)
    switch call.int(0) {
    case 0: call.tm.pointee.cancel_uacs(transaction, 0, 0)
    case 1: call.tm.pointee.cancel_uacs(transaction, ~own, 0)
    default: call.tm.pointee.cancel_uacs(transaction, own, 0)
    }
    return .true
}

/// `t_reuse_branch()`
private func reuseBranch(_ call: Call) -> CInt {
    let context = call.tm.context(of: call.pointee.msg)
    guard let failed = call.tm.branch(context.failure_branch, of: context.transaction) else {
        return call.fail("no branch has failed here")
    }
    var branch = apus_branch()
    branch.size = UInt32(MemoryLayout<apus_branch>.size)
    branch.q = Int32(APUS_NO_Q)
    branch.uri = failed.uri
    if !failed.next_hop.isEmpty { branch.destination = failed.next_hop }
    branch.path = failed.path
    branch.flags = failed.flags
    branch.send_through = failed.destination.listener
    branch.instance = failed.instance
    branch.ruid = failed.ruid
    branch.user_agent = failed.user_agent
    let branches = call.host.pointee.branches
    guard branches.pointee.set_current(call.pointee.msg, &branch) > 0 else {
        return call.fail("the branch cannot be used again: out of memory")
    }
    branches.pointee.set_new(call.pointee.msg, 1)
    return .true
}
