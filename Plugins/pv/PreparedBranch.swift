import PluginKit

/// What becomes of the branch that a script puts together in `$sbranch`.
func declarePreparedBranch(_ host: Host) {
    let routes = APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_BRANCH_ROUTE
    host.function(
        "sbranch_append", routes: routes, flags: APUS_SETS_DESTINATION,
        doc: "Adds the branch in $sbranch to the destinations."
    ) { call in
        guard let branch = prepared(call) else { return .false }
        var kept = branch
        return call.host.pointee.branches.pointee.append(call.pointee.msg, &kept) > 0 ? .true : .false
    }
    host.function(
        "sbranch_set_ruri", routes: routes, flags: APUS_SETS_DESTINATION,
        doc: "Makes the branch in $sbranch the request's own destination."
    ) { call in
        guard let branch = prepared(call) else { return .false }
        var kept = branch
        return call.host.pointee.branches.pointee.set_current(call.pointee.msg, &kept) > 0 ? .true : .false
    }
    host.function("sbranch_reset", doc: "Empties $sbranch.") { call in
        call.host.pointee.branches.pointee.clear_prepared(call.pointee.msg)
        return .true
    }
}

/// nil, with a line in the log, while it has no URI.
private func prepared(_ call: Call) -> apus_branch? {
    var branch = apus_branch()
    branch.size = UInt32(MemoryLayout<apus_branch>.size)
    call.host.pointee.branches.pointee.prepared(call.pointee.msg, &branch)
    guard !branch.uri.isEmpty else {
        call.log(.error, "$sbranch(uri) is not set")
        return nil
    }
    return branch
}
