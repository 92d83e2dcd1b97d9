import PluginKit

// Invariants: the timer is part of its transaction, armed to the nearest of the phase's deadlines from `schedule` on, and disarmed by `end`.

extension Transaction {
    /// Repeats a negative reply, and ends phases.
    static let timerFired: @convention(c) (Host, UnsafeMutablePointer<apus_timer>) -> Void = { _, timer in
        let offset = MemoryLayout<Transaction>.offset(of: \Transaction.timer).unsafelyUnwrapped
        (UnsafeMutableRawPointer(timer) - offset).assumingMemoryBound(to: Transaction.self).deadlineReached()
    }
}

extension TransactionRef {
    /// Arms the timer to the nearest deadline.
    func schedule() {
        guard pointee.phase != .ended else { return }
        var next = pointee.phaseEnd
        if pointee.nextRetransmission != 0 { next = min(next, pointee.nextRetransmission) }
        let now = home.now
        let interval = next > now ? next &- now : 0
        home.host.pointee.timer.pointee.arm(home.host, timer, UInt32(clamping: interval))
    }

    /// A new bound of the active life from its beginning on, in milliseconds.
    func setLifetime(_ milliseconds: UInt32) {
        pointee.timers.lifetime = milliseconds
        guard pointee.phase == .active else { return }
        pointee.phaseEnd = pointee.started &+ UInt64(milliseconds)
        schedule()
    }

    /// Nothing more is expected: late messages are absorbed for `wt_timer`, then it ends.
    func wait() {
        guard pointee.phase == .active || pointee.phase == .completed else { return }
        pointee.phase = .waiting
        home.pointee.waitingCount += 1
        home.host.bump(home.counters.pointee.completed)
        pointee.nextRetransmission = 0
        pointee.phaseEnd = home.now &+ (losesNothing ? 0 : UInt64(clamping: home.settings.pointee.wtTimer))
        schedule()
    }

    /// No message of it can come again, since both sides use reliable transports (timers D, I, J and K are zero then, RFC 3261 section 17). Where
    /// more may come all the same it is kept: further 2xx to an INVITE (RFC 6026), replies of other branches, the reply to our CANCEL.
    private var losesNothing: Bool {
        let net = home.host.pointee.net
        guard pointee.flags.isDisjoint(with: [.local, .replica]), pointee.branchCount == 1,
            !pointee.flags.contains(.invite) || pointee.lastStatus >= 300, let branch = pointee.branches,
            branch.pointee.cancel == nil, branch.isFinished
        else { return false }
        return net.pointee.is_reliable(pointee.source.transport) > 0 && branch.isReliable
    }

    /// t_release: whatever is out is forgotten, and it waits for its end. False when it does so already.
    func release() -> Bool {
        guard pointee.phase == .active || pointee.phase == .completed else { return false }
        var next = pointee.branches
        while let branch = next {
            next = branch.pointee.next
            branch.stopTimers()
        }
        wait()
        return true
    }

    fileprivate func deadlineReached() {
        let now = home.now
        switch pointee.phase {
        case .active:
            guard now >= pointee.phaseEnd else { return schedule() }
            expire()
        case .completed:
            // No ACK came (timer H).
            guard now < pointee.phaseEnd else { return wait() }
            if pointee.nextRetransmission != 0, now >= pointee.nextRetransmission {
                pointee.retransmissions &+= 1
                pointee.retransmissionInterval = interval(
                    after: pointee.retransmissionInterval, retransmissions: pointee.retransmissions)
                pointee.nextRetransmission = nextRepetition(
                    after: pointee.nextRetransmission, pointee.retransmissionInterval, now)
                retransmitReply()
            }
            schedule()
        case .waiting:
            if now >= pointee.phaseEnd { end() } else { schedule() }
        case .ended: break
        }
    }

    /// The lifetime is over without a final reply: all branches that are out time out, and the caller is told so.
    private func expire() {
        pointee.flags.insert([.expired, .noNewBranches])
        addReference()
        var hadBranch = false
        var next = pointee.branches
        while let branch = next {
            next = branch.pointee.next
            guard !branch.isFinished else { continue }
            hadBranch = true
            branch.timeOut()
        }
        // A script that waits answers itself, or its end does.
        if !hadBranch, !pointee.isBusy, pointee.phase == .active { abandon() }
        dropReference()
    }

    /// There is nobody left who could answer: a timeout towards the caller.
    func abandon() {
        let settings = home.settings.pointee
        let reason: apus_str = settings.reply408Reason.isEmpty ? "Request Timeout" : settings.reply408Reason
        let isAnswered = reply(LocalReply(code: Int32(truncatingIfNeeded: settings.reply408Code), reason: reason))
        if !isAnswered { wait() }
    }
}
