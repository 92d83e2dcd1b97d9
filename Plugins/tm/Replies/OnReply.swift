import PluginKit

// Invariants: a reply that is dealt with is the hook's, and ends with it, or held, and released here once.

extension TransactionRef {
    /// The onreply_route that a reply to the branch runs through, or event_route[tm:local-response] when the request is our own; nil when
    /// there is none. Replies to replicas reach no route.
    @inline(__always)
    func onReplyRoute(of branch: BranchRef) -> OpaquePointer? {
        guard pointee.flags.isDisjoint(with: [.replica, .local]) else { return onLocalReplyRoute(of: branch) }
        return branch.pointee.onReply ?? pointee.onReply
    }

    private func onLocalReplyRoute(of branch: BranchRef) -> OpaquePointer? {
        guard pointee.flags.contains(.local) else { return nil }
        let host = home.host
        return branch.pointee.onReply ?? pointee.onReply
            ?? host.pointee.events.pointee.route(host, home.pointee.state.pointee.localResponseEvent)
    }

    /// Deals with one reply, at a moment when no script of the transaction runs.
    /// - Parameter isHeld: the reply is ours to release.
    func deal(with reply: OpaquePointer, to branch: BranchRef, isHeld: Bool) {
        guard pointee.phase != .ended else { return letGo(reply, isHeld) }
        if isHeld, let route = onReplyRoute(of: branch) {
            if branch.pointee.branchFlags != 0 { giveFlags(of: branch, to: reply) }
            let run = RouteRun(kind: .onReply, transaction: self, branch: branch, message: reply)
            if start(route, run) { return }
        }
        enter()
        noteProvisional(reply, branch)
        decide(reply, branch)
        letGo(reply, isHeld)
        leave()
    }

    /// isbflagset() in the route is about the branch that has answered.
    private func giveFlags(of branch: BranchRef, to reply: OpaquePointer) {
        let host = home.host
        _ = host.pointee.script.pointee.with_call(
            host, reply, nil,
            { call in
                let branch = call.pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: Branch.self)
                guard let variable = branch.pointee.transaction.home.settings.pointee.branchFlags else { return .false }
                var flags = apus_value(Int64(branch.pointee.branchFlags))
                return call.host.pointee.vars.pointee.set(call, variable, &flags) > 0 ? .true : .false
            }, branch)
    }

    /// The onreply_route of a reply has ended. Only provisional replies can be dropped there.
    func onReplyEnded(_ run: RouteRun) {
        guard let reply = run.message, let branch = run.branch else { return }
        let status = Int32(home.messages.pointee.status(reply))
        noteProvisional(reply, branch)
        // The caller has got another final reply while the script waited.
        let isLate =
            run.hasWaited && status >= 200 && pointee.lastStatus >= 300 && home.settings.pointee.replyRelayMode != 0
        if isLate {
            finish(branch, status)
        } else if !run.isDropped || status >= 200 {
            decide(reply, branch)
        }
        letGo(reply, true)
    }

    /// For t_branch_replied and t_any_replied, which are about earlier replies than the one that a route has at hand.
    @inline(__always)
    private func noteProvisional(_ reply: OpaquePointer, _ branch: BranchRef) {
        if home.messages.pointee.status(reply) < 200 { branch.pointee.flags.insert(.heard) }
    }

    private func letGo(_ reply: OpaquePointer, _ isHeld: Bool) {
        if isHeld { home.messages.pointee.release(home.host, reply) }
    }
}
