import PluginKit

// Invariants: a branch's timer is armed to the nearest of its deadlines, or disarmed when it has none. The transaction may be gone after
// `timeOut` and after `branchFinished`: nothing of it is touched then.

extension Branch {
    /// The timer of a branch: time to send the request again, or to give up (RFC 3261 section 17.1.1.2, timers A and B; 17.1.2.2, E and F).
    static let timerFired: @convention(c) (Host, UnsafeMutablePointer<apus_timer>) -> Void = { _, timer in
        let branch = UnsafeMutableRawPointer(timer).advanced(by: -MemoryLayout<Branch>.offset(of: \.timer)!)
            .assumingMemoryBound(to: Branch.self)
        let now = branch.home.now
        if branch.pointee.finalDeadline != 0, now >= branch.pointee.finalDeadline {
            branch.pointee.nextRetransmission = 0
            branch.pointee.finalDeadline = 0
            return branch.timeOut()
        }
        if branch.pointee.nextRetransmission != 0, now >= branch.pointee.nextRetransmission {
            branch.pointee.retransmissions &+= 1
            branch.lengthenInterval()
            branch.pointee.nextRetransmission = nextRepetition(
                after: branch.pointee.nextRetransmission, branch.pointee.retransmissionInterval, now)
            branch.put()
            let method = branch.pointee.transaction.pointee.method
            branch.home.host.bump(branch.home.counters.pointee.retransmitted[0][method])
        }
        branch.armTimer(now)
    }
}

/// When a message is repeated again that was due at `due`: counted from then, so that a timer that fires late does not make all that follow
/// later. After a standstill that was longer than the interval it is counted from now: nothing is sent twice in a row.
@inline(__always)
func nextRepetition(after due: UInt64, _ interval: UInt32, _ now: UInt64) -> UInt64 {
    let next = due &+ UInt64(interval)
    return next > now ? next : now &+ UInt64(interval)
}

extension BranchRef {
    /// The request has been sent for the first time: repeats it over transports that lose messages, until somebody answers.
    func startTimers() {
        let timers = pointee.transaction.pointee.timers
        let now = home.now
        pointee.finalDeadline = now &+ UInt64(timers.fr)
        pointee.retransmissions = 0
        pointee.retransmissionInterval = timers.retr1
        pointee.nextRetransmission = isReliable ? 0 : now &+ UInt64(timers.retr1)
        armTimer(now)
        home.host.bump(home.counters.pointee.clientTransactions)
    }

    /// A reply to this branch came, whether it is dealt with now or later: stops or slows the repetition of the request and moves the
    /// deadline; sends the CANCEL that waited for a provisional reply.
    func received(_ status: Int32) {
        let isFirst = !pointee.flags.contains(.replied)
        let previous = pointee.status
        pointee.flags.insert(.replied)
        if isFinished {
            if status < 200 { sendWaitingCancel() }
            return
        }
        pointee.status = status
        guard status < 200 else {
            pointee.nextRetransmission = 0
            pointee.finalDeadline = 0
            return stopTimers()
        }
        let timers = pointee.transaction.pointee.timers
        let now = home.now
        if pointee.transaction.pointee.flags.contains(.invite) {
            pointee.nextRetransmission = 0
            let restarts = home.settings.pointee.restartFrOnEachReply != 0 || (status >= 180 && status > previous)
            let isCancelled = pointee.cancel.map { $0.pointee.isSent } ?? false
            if isFirst || (restarts && !isCancelled) { pointee.finalDeadline = now &+ UInt64(timers.frInvite) }
            armTimer(now)
            sendWaitingCancel()
        } else if pointee.nextRetransmission != 0 {
            pointee.retransmissionInterval = timers.retr2
            pointee.nextRetransmission = now &+ UInt64(timers.retr2)
            armTimer(now)
        }
    }

    /// No final reply came in time, none is waited for, or the request could not be delivered: another address of the look-up is tried, or the branch has
    /// failed. An INVITE that somebody works on is cancelled. While a script of the transaction runs, all this waits for its end.
    func timeOut() {
        guard !isFinished else { return }
        // A final reply came while a script ran, and is dealt with when it has ended.
        guard pointee.status < 200 else { return }
        let transaction = pointee.transaction
        guard !transaction.pointee.isBusy else {
            pointee.flags.insert(.timeoutPending)
            transaction.pointee.queue.hasTimeouts = true
            return
        }
        let isCancelled = pointee.flags.contains(.cancelWanted)
        if !isCancelled { blockSilent() }
        if !isCancelled, !pointee.flags.contains(.replied), failOver() { return }
        stopTimers()
        pointee.flags.insert(.finished)
        let isUndelivered = pointee.flags.contains(.undelivered)
        pointee.status = isCancelled ? 487 : isUndelivered ? 503 : 408
        if !isCancelled, !isUndelivered { pointee.flags.insert(.timedOut) }
        if !isCancelled, !isUndelivered, transaction.pointee.flags.contains(.invite), pointee.flags.contains(.sent) {
            cancel(reason: 0)
        }
        transaction.branchFinished(self, reply: nil)
    }

    /// Arms the timer to what comes first, or disarms it.
    func armTimer(_ now: UInt64) {
        let timers = home.host.pointee.timer
        var next = pointee.finalDeadline
        let repetition = pointee.nextRetransmission
        if repetition != 0, next == 0 || repetition < next { next = repetition }
        guard next != 0 else { return timers.pointee.disarm(home.host, timer) }
        timers.pointee.arm(home.host, timer, UInt32(clamping: next > now ? next &- now : 1))
    }

    /// The deadline begins anew with the interval that counts for the branch now, milliseconds; 0: that one stays as it is. Nothing changes
    /// when its time is up already, or when it is cancelled and has its last deadline.
    fileprivate func restartDeadline(invite: UInt32, other: UInt32) {
        guard !isFinished, pointee.finalDeadline != 0, pointee.cancel.map({ !$0.pointee.isSent }) ?? true else {
            return
        }
        let rings = pointee.flags.contains(.replied) && pointee.transaction.pointee.flags.contains(.invite)
        let interval = rings ? invite : other
        guard interval > 0 else { return }
        let now = home.now
        pointee.finalDeadline = now &+ UInt64(interval)
        armTimer(now)
    }

    /// The repetition of the request begins anew with the interval that counts for the branch now, milliseconds; 0: that one stays.
    fileprivate func restartRepetition(first: UInt32, largest: UInt32) {
        guard !isFinished, pointee.nextRetransmission != 0 else { return }
        let interval = pointee.flags.contains(.replied) ? largest : first
        guard interval > 0 else { return }
        let now = home.now
        pointee.retransmissionInterval = interval
        pointee.nextRetransmission = now &+ UInt64(interval)
        armTimer(now)
    }

    /// Whether the branch's transport loses no messages.
    @inline(__always)
    var isReliable: Bool { home.host.pointee.net.pointee.is_reliable(pointee.destination.transport) > 0 }

    fileprivate func lengthenInterval() {
        let transaction = pointee.transaction
        let isSlow = pointee.flags.contains(.replied)
        pointee.retransmissionInterval =
            isSlow
            ? transaction.pointee.timers.retr2
            : transaction.interval(after: pointee.retransmissionInterval, retransmissions: pointee.retransmissions)
    }
}

extension TransactionRef {
    /// Other final-response timers for this transaction, milliseconds, from now on for branches that are out; 0 leaves one as it is.
    func setFinalTimers(invite: UInt32, other: UInt32) {
        if invite > 0 { pointee.timers.frInvite = invite }
        if other > 0 { pointee.timers.fr = other }
        var next = pointee.branches
        while let branch = next {
            next = branch.pointee.next
            branch.restartDeadline(invite: invite, other: other)
        }
    }

    /// Other retransmission intervals for this transaction, milliseconds, from now on for branches that are out; 0 leaves one as it is.
    func setIntervals(first: UInt32, largest: UInt32) {
        if first > 0 { pointee.timers.retr1 = first }
        if largest > 0 { pointee.timers.retr2 = largest }
        var next = pointee.branches
        while let branch = next {
            next = branch.pointee.next
            branch.restartRepetition(first: first, largest: largest)
        }
    }

    /// How long to wait for the next repetition of a message, in milliseconds: twice as long as for the last one, or as SER's three steps
    /// say, but never longer than `retr_timer2`.
    /// - Parameter retransmissions: that were sent, this one included.
    func interval(after last: UInt32, retransmissions: UInt32) -> UInt32 {
        let timers = pointee.timers
        let settings = home.settings
        var interval = last &* 2
        if settings.pointee.retrTimer1p2 > 0 {
            switch retransmissions {
            case 1: interval = UInt32(clamping: settings.pointee.retrTimer1p2)
            case 2: interval = UInt32(clamping: settings.pointee.retrTimer1p3)
            default: interval = timers.retr2
            }
        }
        return Swift.max(1, Swift.min(interval, timers.retr2))
    }
}
