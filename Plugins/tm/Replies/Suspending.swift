import PluginKit

// Invariants: a suspended transaction has exactly one unfinished blind branch, whose timer gives up for it.

extension TransactionRef {
    /// t_suspend: the transaction stays after the script's end and waits for `resumeLater`, no longer than `fr_timer`. False when it waits
    /// already, is answered, or has too many branches.
    func suspend() -> Bool {
        guard pointee.phase == .active, pointee.lastStatus < 200, !pointee.flags.contains(.suspended),
            addBlindBranch() != nil
        else { return false }
        pointee.flags.insert(.suspended)
        tell(TM_REQUEST_PENDING)
        return true
    }

    /// A branch without a destination, which keeps the transaction waiting for an answer from elsewhere; nil when there are too many.
    func addBlindBranch() -> BranchRef? {
        guard let branch = addBranch() else { return nil }
        branch.pointee.flags.insert(.blind)
        pointee.blindBranches += 1
        let now = home.now
        branch.pointee.finalDeadline = now &+ UInt64(pointee.timers.fr)
        branch.armTimer(now)
        return branch
    }

    /// t_continue: runs the route now, or when the script that runs has ended. False when nothing waits for it.
    func resumeLater(_ route: OpaquePointer) -> Bool {
        guard pointee.flags.contains(.suspended), pointee.phase == .active else { return false }
        guard pointee.isBusy else {
            resume(route)
            return true
        }
        return enqueue(.resume, route: route)
    }

    /// Runs the route of t_continue on a copy of the request, with the rights of a failure_route.
    func resume(_ route: OpaquePointer) {
        guard endSuspension(), pointee.phase == .active, pointee.lastStatus < 200 else { return }
        enter()
        if !start(route, description(.failure, nil, 0)) { replyFinal(500, "Server Internal Error") }
        leave()
    }

    /// t_cancel_suspend: the script goes on by itself. False when it does not wait.
    func cancelSuspension() -> Bool { endSuspension() }

    private func endSuspension() -> Bool {
        guard pointee.flags.contains(.suspended) else { return false }
        pointee.flags.remove(.suspended)
        var next = pointee.branches
        while let branch = next {
            next = branch.pointee.next
            guard branch.pointee.flags.contains(.blind), !branch.isFinished else { continue }
            branch.stopTimers()
            branch.pointee.flags.insert([.finished, .dropped])
            pointee.blindBranches -= 1
        }
        return true
    }
}
