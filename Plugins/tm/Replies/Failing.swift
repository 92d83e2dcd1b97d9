import PluginKit

// Invariants: everything but `branchFinished` runs between `enter` and `leave`, `goOn` included. At most one route of the transaction runs or
// waits at a time; the next step is taken when it has ended.

extension TransactionRef {
    /// A branch has its outcome without a reply at hand: it timed out, or is given up. At once, or when the script that runs has ended. The
    /// transaction may be gone afterwards.
    func branchFinished(_ branch: BranchRef, reply: OpaquePointer?) {
        branch.pointee.flags.insert(.finished)
        if let reply, branch.pointee.reply == nil {
            branch.pointee.reply = home.messages.pointee.keep(home.host, reply)
        }
        guard !pointee.isBusy else {
            pointee.queue.needsSettling = true
            return
        }
        settle()
    }

    /// Looks whether branches failed while the transaction was busy, or all are finished now.
    func settle() {
        enter()
        proceed()
        leave()
    }

    /// The next step after a route of the transaction has ended.
    func goOn(_ run: RouteRun) {
        switch run.kind {
        case .onReply: onReplyEnded(run)
        case .branchFailure: proceed()
        case .failure: failureEnded(run)
        }
    }

    /// Tells of failed branches one by one, then, when none is out any more, of the failure of all.
    func proceed() {
        guard isOpen else { return }
        while let branch = nextFailedBranch() {
            branch.pointee.flags.insert(.failureTold)
            if runBranchFailure(branch) { return }
            guard isOpen else { return }
        }
        guard pointee.branches != nil, !hasPendingBranches else { return }
        // Who was to continue it came too late.
        pointee.flags.remove(.suspended)
        pointee.blindBranches = 0
        fail()
    }

    /// No final reply was sent yet.
    private var isOpen: Bool { pointee.phase == .active && pointee.lastStatus < 200 }

    private func nextFailedBranch() -> BranchRef? {
        guard pointee.onBranchFailure != nil || isWatched(TM_ON_BRANCH_FAILURE_RO | TM_ON_BRANCH_FAILURE) else {
            return nil
        }
        var next = pointee.branches
        while let branch = next {
            next = branch.pointee.next
            if branch.isFinished, branch.pointee.status >= 300,
                branch.pointee.flags.isDisjoint(with: [.failureTold, .blind, .dropped])
            {
                return branch
            }
        }
        return nil
    }

    /// One branch has failed. True when a route deals with that, whose end goes on.
    private func runBranchFailure(_ branch: BranchRef) -> Bool {
        let status = outcome(of: branch)
        let occurrence = failure(branch, status)
        tell(TM_ON_BRANCH_FAILURE_RO, occurrence)
        tell(TM_ON_BRANCH_FAILURE, occurrence)
        guard isOpen, let route = pointee.onBranchFailure, !pointee.flags.contains(.replica) else { return false }
        return start(route, description(.branchFailure, branch, status))
    }

    /// All branches have failed.
    private func fail() {
        let best = bestBranch()
        let status = outcome(of: best)
        let isLocal = pointee.flags.contains(.local)
        let occurrence = failure(best, status)
        tell(TM_ON_FAILURE_RO, occurrence)
        // Who has looked at it may want an answer to be sent now.
        if isSilent(best) { return wait() }
        tell(TM_ON_FAILURE, occurrence)
        guard isOpen, !hasPendingBranches else { return }
        let mayRun = !pointee.flags.contains(.replica) && (!isLocal || home.settings.pointee.enableUacFr != 0)
        if let route = pointee.onFailure, mayRun {
            pointee.onFailure = nil
            let home = home
            let hasStarted = start(route, description(.failure, best, status))
            home.letGo(route)
            if hasStarted { return }
        }
        conclude()
    }

    /// A failure_route, or what t_continue named, has ended: branches that it made decide, or its reply did; else the best outcome so far is
    /// the caller's.
    private func failureEnded(_ run: RouteRun) {
        guard isOpen else { return }
        if hasNewLeg(since: run) { dropReplies(before: run) }
        pointee.replyDropping = .byMode
        guard !hasPendingBranches else { return }
        // A CANCEL came while the script waited, when no branch was out any more.
        if pointee.flags.contains(.cancelled), !run.wasCancelled { return replyFinal(487, "Request Terminated") }
        conclude()
    }

    /// Whether the route has sent the request somewhere: a blind branch only waits, and what came before still counts.
    private func hasNewLeg(since run: RouteRun) -> Bool {
        var next = pointee.branches
        while let branch = next {
            if branch.pointee.index >= run.branchCount, !branch.pointee.flags.contains(.blind) { return true }
            next = branch.pointee.next
        }
        return false
    }

    /// The transaction gets its final reply: the best one, or what stands for it.
    private func conclude() {
        let best = bestBranch()
        guard let best, let reply = best.pointee.reply else { return conclude(without: best) }
        conclude(reply, of: best)
    }

    /// The reply of that branch becomes the final one.
    func conclude(_ reply: OpaquePointer, of branch: BranchRef) {
        let status = branch.pointee.status
        guard !pointee.flags.contains(.local) else { return completeLocal(status, reply, branch) }
        pointee.flags.insert(.noNewBranches)
        // What made one server refuse says nothing about this one (section 16.7, step 6).
        if status == 503, home.settings.pointee.remap503500 != 0, !pointee.flags.contains(.replica) {
            return replyFinal(500, "Server Internal Error")
        }
        if status == 401 || status == 407, home.settings.pointee.aggregateChallenges != 0, pointee.branchCount > 1 {
            aggregateChallenges(into: reply, of: branch)
        }
        forward(reply, branch, status)
    }

    private func conclude(without best: BranchRef?) {
        let status = outcome(of: best)
        guard !pointee.flags.contains(.local) else { return completeLocal(status, nil, best) }
        guard !pointee.flags.contains(.replica) else { return wait() }
        pointee.flags.insert(.noNewBranches)
        let settings = home.settings
        switch status {
        case 487: replyFinal(487, "Request Terminated")
        case 408:
            let reason = settings.pointee.reply408Reason
            replyFinal(Int32(clamping: settings.pointee.reply408Code), reason.isEmpty ? "Request Timeout" : reason)
        case 503 where settings.pointee.remap503500 != 0: replyFinal(500, "Server Internal Error")
        case 500: replyFinal(500, "Server Internal Error")
        default: replyFinal(status, "Request Failed")
        }
    }

    /// `noisy_ctimer` 0: an INVITE that one destination never answered ends without a reply, unless somebody wants to know.
    private func isSilent(_ best: BranchRef?) -> Bool {
        guard home.settings.pointee.noisyCtimer == 0, let best, best.pointee.flags.contains(.timedOut),
            pointee.flags.contains(.invite), pointee.branchCount == 1, !best.pointee.flags.contains(.replied),
            !best.pointee.flags.contains(.blind), pointee.onFailure == nil,
            pointee.flags.isDisjoint(with: [.local, .cancelled, .expired])
        else { return false }
        return !pointee.callbacks.demandsNoise
    }

    private func failure(_ branch: BranchRef?, _ status: Int32) -> Occurrence {
        Occurrence(
            reply: branch?.pointee.reply, code: status, flags: branch?.pointee.reply == nil ? TM_FAKED : 0,
            branch: branch.map { Int32($0.pointee.index) } ?? -1)
    }

    func description(_ kind: RouteRun.Kind, _ branch: BranchRef?, _ status: Int32) -> RouteRun {
        RouteRun(
            kind: kind, transaction: self, branch: branch, message: branch?.pointee.reply, status: status,
            branchCount: pointee.branchCount, legStart: pointee.legStart,
            wasCancelled: pointee.flags.contains(.cancelled))
    }

    /// A new leg has begun: which earlier replies still count, as t_drop_replies or `failure_reply_mode` says.
    private func dropReplies(before run: RouteRun) {
        var dropping = pointee.replyDropping
        if dropping == .byMode {
            switch home.settings.pointee.failureReplyMode {
            case 0: dropping = .none
            case 2: dropping = .lastLeg
            default: dropping = .all
            }
        }
        guard dropping != .none else { return }
        let first = dropping == .all ? 0 : run.legStart
        var next = pointee.branches
        while let branch = next, branch.pointee.index < run.branchCount {
            next = branch.pointee.next
            guard branch.pointee.index >= first, branch.isFinished else { continue }
            branch.pointee.flags.insert(.dropped)
            home.messages.pointee.release(home.host, branch.pointee.reply)
            branch.pointee.reply = nil
        }
    }
}
