import PluginKit

// Invariants: everything here runs between `enter` and `leave`. The reply that is dealt with lives as long as the call; what is needed longer is
// kept in its branch.

extension TransactionRef {
    /// What becomes of a reply that its onreply_route let pass (RFC 3261 section 16.7).
    func decide(_ reply: OpaquePointer, _ branch: BranchRef) {
        let status = Int32(home.messages.pointee.status(reply))
        guard status >= 200 else { return decideProvisional(reply, branch, status) }
        guard status >= 300 else {
            finish(branch, status)
            return accept(reply, branch, status)
        }
        guard !branch.isFinished else { return }
        finish(branch, status)
        guard pointee.lastStatus < 200, pointee.phase == .active else { return }
        if status == 503 { branch.blockUnavailable(reply) }
        if failsOver(status) { _ = branch.failOver() }
        if settlesWithoutScript { return conclude(reply, of: branch) }
        branch.pointee.reply = home.messages.pointee.keep(home.host, reply)
        if status >= 600, status < 700, !pointee.flags.contains(.disable6xx) {
            forgetFurtherAddresses()
            cancelBranches(0, reason: status)
        }
        proceed()
    }

    /// Nobody wants the request any more: branches that are out try no other address. A leg that a failure route starts does.
    private func forgetFurtherAddresses() {
        var next = pointee.branches
        while let branch = next {
            next = branch.pointee.next
            home.release(branch.pointee.failover)
            branch.pointee.failover = nil
        }
    }

    /// The branch has its final reply.
    @inline(__always)
    func finish(_ branch: BranchRef, _ status: Int32) {
        branch.pointee.flags.insert(.finished)
        branch.pointee.status = status
    }

    private func decideProvisional(_ reply: OpaquePointer, _ branch: BranchRef, _ status: Int32) {
        guard status > 100, !branch.isFinished, pointee.phase == .active, pointee.lastStatus < 200,
            !pointee.flags.contains(.replica)
        else { return }
        guard !pointee.flags.contains(.local) else {
            guard home.settings.pointee.passProvisionalReplies != 0 || pointee.flags.contains(.passesProvisional) else {
                return
            }
            return tell(
                TM_LOCAL_RESPONSE_OUT, Occurrence(reply: reply, code: status, branch: Int32(branch.pointee.index)))
        }
        forward(reply, branch, status)
    }

    /// A 2xx goes to the caller at once, and the other branches are cancelled. Further ones to an INVITE go there, too (RFC 3261 section 13.3.1.4
    /// has each of them acknowledged), even after a negative reply that a timer or a script has sent.
    private func accept(_ reply: OpaquePointer, _ branch: BranchRef, _ status: Int32) {
        guard !pointee.flags.contains(.local) else { return acceptLocal(reply, branch, status) }
        let isFirst = pointee.lastStatus < 200
        guard isFirst || pointee.flags.contains(.invite) else { return }
        if pointee.lastStatus >= 300 { passLate(reply, branch, status) } else { forward(reply, branch, status) }
        guard isFirst else { return }
        pointee.flags.insert(.noNewBranches)
        cancelBranches(0, reason: status)
    }

    /// Sends a reply on to the caller.
    func forward(_ reply: OpaquePointer, _ branch: BranchRef, _ status: Int32) {
        guard !pointee.flags.contains(.replica) else {
            // Nobody gets it; the transaction is completed all the same.
            return put(apus_str(), status: status, isLocal: false, reply: reply, branch: Int32(branch.pointee.index))
        }
        guard let bytes = write(reply, branch, status) else {
            if status >= 200 { replyFinal(500, "Server Internal Error") }
            return
        }
        put(bytes, status: status, isLocal: false, reply: reply, branch: Int32(branch.pointee.index))
    }

    /// A 2xx to an INVITE that was answered negatively meanwhile goes through beside the transaction: the caller has to end that call.
    private func passLate(_ reply: OpaquePointer, _ branch: BranchRef, _ status: Int32) {
        guard !pointee.flags.contains(.replica), let bytes = write(reply, branch, status) else { return }
        let destination = UnsafePointer(pointer(to: \.source).unsafelyUnwrapped)
        guard mayLeave(reply, bytes),
            home.host.pointee.net.pointee.send(home.host, destination, bytes) == 0
        else { return }
        home.host.bump(home.counters.pointee.rplRelayed)
        home.host.bump(home.counters.pointee.rplSent)
        tell(
            TM_RESPONSE_SENT,
            Occurrence(reply: reply, code: status, branch: Int32(branch.pointee.index), destination: destination))
    }

    /// The reply as it goes to the caller; nil when it cannot be written.
    private func write(_ reply: OpaquePointer, _ branch: BranchRef, _ status: Int32) -> apus_str? {
        if isWatched(TM_RESPONSE_FWDED) {
            markReply(reply, branch)
            tell(TM_RESPONSE_FWDED, Occurrence(reply: reply, code: status, branch: Int32(branch.pointee.index)))
        }
        var bytes = apus_str()
        guard let listener = pointee.source.listener,
            home.messages.pointee.write_reply(home.host, reply, listener, &bytes) > 0
        else {
            tellUnwritten(reply)
            return nil
        }
        return bytes
    }

    /// Why a reply cannot be forwarded.
    private func tellUnwritten(_ reply: OpaquePointer) {
        if home.messages.pointee.via_count(reply) < 2 {
            home.host.bump(home.counters.pointee.rplWithoutVia)
            home.host.log(.error, "a reply has no Via below ours: there is nobody to forward it to")
        } else {
            home.host.bump(home.counters.pointee.rplTooLong)
            home.host.log(.error, "a reply is too long to be forwarded")
        }
    }

    /// A final reply of our own, unless one was sent.
    func replyFinal(_ code: Int32, _ reason: apus_str) { _ = reply(LocalReply(code: code, reason: reason)) }

    /// The outcome of a request of our own.
    func completeLocal(_ status: Int32, _ reply: OpaquePointer?, _ branch: BranchRef?) {
        guard pointee.phase == .active else { return }
        pointee.lastStatus = status
        countCompletion(status)
        tell(
            TM_LOCAL_COMPLETED,
            Occurrence(
                reply: reply, code: status, flags: reply == nil ? TM_FAKED : 0,
                branch: branch.map { Int32($0.pointee.index) } ?? -1))
        wait()
    }

    /// Whether such a reply lets the next address of the look-up be tried (RFC 3263 section 4.3).
    private func failsOver(_ status: Int32) -> Bool {
        guard !pointee.flags.contains(.disableFailover), !pointee.flags.contains(.noNewBranches) else { return false }
        return status == 503 || home.settings.pointee.failoverCodes.contains(status)
    }

    /// All branches are finished and nobody wants to do something about it: the reply at hand need not be kept.
    private var settlesWithoutScript: Bool {
        pointee.onFailure == nil && pointee.onBranchFailure == nil && pointee.branchCount == 1
            && !isWatched(TM_ON_FAILURE_RO | TM_ON_FAILURE | TM_ON_BRANCH_FAILURE_RO | TM_ON_BRANCH_FAILURE)
    }
}
