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
