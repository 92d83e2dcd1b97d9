import PluginKit

// Invariants: a function works on the transaction that its message's context names, which lives as long as the call; before there is one,
// what a request's script arms is kept in the context for the transaction that it will make.

private let anyRoute = APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_ONREPLY_ROUTE | APUS_BRANCH_ROUTE
private let armingRoutes = APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_TM_ONREPLY_ROUTE | APUS_BRANCH_ROUTE

/// Functions about routes of a transaction, and those that routes ask about it.
func declareRouteFunctions(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    declareArming(host, state)
    declareStatusTests(host, state)
    declareBranchTests(host, state)
}

private func declareArming(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    host.function(
        "t_on_failure", "route:route(failure)", routes: armingRoutes,
        doc: "Arms a failure_route, once, for the moment when all branches have failed; \"0\" takes it back.",
        user: state, call: onFailure)
    host.function(
        "t_on_reply", "route:route(onreply)", routes: armingRoutes,
        doc: "Arms an onreply_route for every reply; in a branch_route for those to that branch; \"0\" takes it back.",
        user: state, call: onReply)
    host.function(
        "t_on_branch", "route:route(branch)", routes: APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE,
        doc: "Arms a branch_route for each branch before it is sent; \"0\" takes it back.", user: state, call: onBranch)
    host.function(
        "t_on_branch_failure", "name:route(branch-failure)", routes: armingRoutes,
        doc: "Arms event_route[tm:branch-failure:name] for the failure of each branch; \"0\" takes it back.",
        user: state, call: onBranchFailure)
    host.function(
        "t_is_set", "target:word(branch_route|failure_route|onreply_route)",
        doc: "Whether such a route is armed.", user: state, call: isSet)
    host.function(
        "t_drop_replies", "mode:word(a|l|n)?", routes: APUS_FAILURE_ROUTE,
        doc: "Which replies count no more when a new branch is added: all (a, default), the last leg's (l), none (n).",
        user: state, call: dropReplies)
}

private func declareStatusTests(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    host.function(
        "t_check_status", "expression:regex",
        routes: APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_ONREPLY_ROUTE,
        doc:
            "Whether the status matches: of the reply, of the winning one in a failure_route, else of the last one sent.",
        user: state, call: checkStatus)
    host.function(
        "t_grep_status", "code:int", routes: anyRoute, doc: "Whether some branch has got that status.", user: state,
        call: grepStatus)
    host.function(
        "t_is_canceled", routes: anyRoute, doc: "Whether the caller has cancelled the transaction.", user: state
    ) { call in
        .from(call.known?.pointee.flags.contains(.cancelled) ?? false)
    }
    host.function(
        "t_is_expired", routes: anyRoute, doc: "Whether the transaction's lifetime has run out.", user: state
    ) { call in
        .from(call.known?.pointee.flags.contains(.expired) ?? false)
    }
}

private func declareBranchTests(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    host.function("t_any_timeout", routes: anyRoute, doc: "Whether some branch timed out.", user: state) { call in
        .from(call.known?.hasBranch(.timedOut) ?? false)
    }
    host.function(
        "t_any_replied", routes: anyRoute,
        doc: "Whether some branch got a reply before the one that the route deals with.", user: state
    ) { call in
        .from(call.known?.wasReplied(except: call.failedBranch) ?? false)
    }
    host.function(
        "t_branch_timeout", routes: APUS_FAILURE_ROUTE | APUS_BRANCH_FAILURE_ROUTE,
        doc: "Whether the branch that failed, or the winning one, timed out.", user: state
    ) { call in
        .from(call.failedBranch?.pointee.flags.contains(.timedOut) ?? false)
    }
    host.function(
        "t_branch_replied", routes: APUS_FAILURE_ROUTE | APUS_BRANCH_FAILURE_ROUTE,
        doc: "Whether the branch that failed, or the winning one, had got a reply before its final one.", user: state
    ) { call in
        .from(call.failedBranch?.pointee.flags.contains(.heard) ?? false)
    }
}

private let onFailure: @convention(c) (Call) -> CInt = { call in
    let route = call.argument(0).route
    guard let transaction = call.known else { return call.preset { $0.onFailure = route } }
    transaction.home.arm(transaction.pointer(to: \.onFailure).unsafelyUnwrapped, route)
    return .true
}

private let onReply: @convention(c) (Call) -> CInt = { call in
    let route = call.argument(0).route
    guard let transaction = call.known else { return call.preset { $0.onReply = route } }
    guard call.pointee.route_kind == UInt32(APUS_BRANCH_ROUTE) else {
        transaction.home.arm(transaction.pointer(to: \.onReply).unsafelyUnwrapped, route)
        return .true
    }
    guard let context = call.state.context(of: call.pointee.msg), context.pointee.branch >= 0,
        let branch = transaction.branch(UInt32(context.pointee.branch))
    else { return .false }
    transaction.home.arm(branch.pointer(to: \.onReply).unsafelyUnwrapped, route)
    return .true
}

private let onBranch: @convention(c) (Call) -> CInt = { call in
    let route = call.argument(0).route
    guard let transaction = call.known else { return call.preset { $0.onBranch = route } }
    transaction.home.arm(transaction.pointer(to: \.onBranch).unsafelyUnwrapped, route)
    return .true
}

private let onBranchFailure: @convention(c) (Call) -> CInt = { call in
    let route = call.argument(0).route
    guard let transaction = call.known else { return call.preset { $0.onBranchFailure = route } }
    transaction.home.arm(transaction.pointer(to: \.onBranchFailure).unsafelyUnwrapped, route)
    return .true
}

private let isSet: @convention(c) (Call) -> CInt = { call in
    let transaction = call.known
    let presets = transaction == nil ? call.state.context(of: call.pointee.msg)?.pointee.presets : nil
    switch call.int(0) {
    case 0: return .from((transaction?.pointee.onBranch ?? presets?.onBranch) != nil)
    case 1: return .from((transaction?.pointee.onFailure ?? presets?.onFailure) != nil)
    default: return .from((transaction?.pointee.onReply ?? presets?.onReply) != nil)
    }
}

private let dropReplies: @convention(c) (Call) -> CInt = { call in
    guard let transaction = call.known else { return .false }
    switch call.has(0) ? call.int(0) : 0 {
    case 0: transaction.pointee.replyDropping = .all
    case 1: transaction.pointee.replyDropping = .lastLeg
    default: transaction.pointee.replyDropping = .none
    }
    return .true
}

private let checkStatus: @convention(c) (Call) -> CInt = { call in
    guard let regex = call.argument(0).regex, case let status = call.status, 100...999 ~= status else { return .false }
    return withUnsafeTemporaryAllocation(byteCount: 4, alignment: 1) { memory in
        var text = Writer(memory.baseAddress.unsafelyUnwrapped, capacity: 4)
        text.add(number: Int64(status))
        var match = apus_match()
        return .from(call.host.pointee.regex.pointee.match(regex, text.text, 0, &match, 1) > 0)
    }
}

private let grepStatus: @convention(c) (Call) -> CInt = { call in
    var next = call.known?.pointee.branches
    while let branch = next {
        if Int64(branch.pointee.status) == call.int(0) { return .true }
        next = branch.pointee.next
    }
    return .false
}

extension CInt {
    @inline(__always)
    fileprivate static func from(_ condition: Bool) -> CInt { condition ? .true : .false }
}

extension Call {
    /// The transaction of the call's message; of a reply that reply_route sees, the one that it will be given to.
    fileprivate var known: TransactionRef? {
        if let transaction { return transaction }
        guard pointee.route_kind == UInt32(APUS_CORE_ONREPLY_ROUTE) else { return nil }
        return home?.branch(of: pointee.msg)?.pointee.transaction
    }

    /// The branch that a failure is about; nil when none was ever made.
    fileprivate var failedBranch: BranchRef? {
        guard let context = state.context(of: pointee.msg), context.pointee.failureBranch >= 0 else { return nil }
        return context.pointee.transaction?.branch(UInt32(context.pointee.failureBranch))
    }

    /// The status that the script deals with; 0: none.
    var status: Int32 {
        if !message.isRequest { return Int32(message.api.pointee.status(pointee.msg)) }
        guard let context = state.context(of: pointee.msg) else { return 0 }
        if context.pointee.failureStatus != 0 { return context.pointee.failureStatus }
        return context.pointee.transaction?.pointee.lastStatus ?? 0
    }

    /// For the transaction that this run will make. False when memory is out.
    @inline(__always)
    fileprivate func preset(_ set: (inout Presets) -> Void) -> CInt {
        guard let context = state.makeContext(of: pointee.msg) else { return .false }
        set(&context.pointee.presets)
        return .true
    }
}

extension TransactionRef {
    /// Whether a reply was dealt with before.
    /// - Parameter failed: the branch whose final reply is the one at hand; nil: none is.
    fileprivate func wasReplied(except failed: BranchRef?) -> Bool {
        var next = pointee.branches
        while let branch = next {
            let isEnded = branch != failed && branch.isFinished && branch.pointee.flags.contains(.replied)
            if isEnded || branch.pointee.flags.contains(.heard) { return true }
            next = branch.pointee.next
        }
        return false
    }

    fileprivate func hasBranch(_ flag: Branch.Flags) -> Bool {
        var next = pointee.branches
        while let branch = next {
            if branch.pointee.flags.contains(flag) { return true }
            next = branch.pointee.next
        }
        return false
    }
}
