import PluginKit

// Invariants: a LocalCancel lies in a piece of the worker's memory from `prepareCancel` to the end of its branch. It is written when the branch
// is to be cancelled, and sent when a provisional reply allows it.

extension LocalCancel {
    static let timerFired: @convention(c) (Host, UnsafeMutablePointer<apus_timer>) -> Void = { _, timer in
        let cancel = UnsafeMutableRawPointer(timer).advanced(by: -MemoryLayout<LocalCancel>.offset(of: \.timer)!)
            .assumingMemoryBound(to: LocalCancel.self)
        cancel.repeatOrStop()
    }
}

extension UnsafeMutablePointer<LocalCancel> {
    /// An answer to it came, or is of no interest any more: it is not sent again.
    func stop() {
        pointee.isAnswered = true
        let host = pointee.branch.home.host
        host.pointee.timer.pointee.disarm(host, timer)
    }

    fileprivate func start() {
        let branch = pointee.branch
        let transaction = branch.pointee.transaction
        pointee.isSent = true
        // Dropped by the script: the branch runs into its deadline.
        guard CancelShown.mayLeave(pointee.bytes.text, branch.home) else { return }
        branch.putLocal(pointee.bytes.text, isRetransmission: false)
        guard !branch.isReliable else { return }
        let now = branch.home.now
        pointee.retransmissionInterval = transaction.pointee.timers.retr1
        pointee.nextRetransmission = now &+ UInt64(pointee.retransmissionInterval)
        pointee.deadline = now &+ UInt64(transaction.pointee.timers.fr)
        arm(now)
    }

    fileprivate func repeatOrStop() {
        let branch = pointee.branch
        let now = branch.home.now
        guard !pointee.isAnswered, now < pointee.deadline else { return }
        if now >= pointee.nextRetransmission {
            pointee.retransmissions &+= 1
            pointee.retransmissionInterval = branch.pointee.transaction.interval(
                after: pointee.retransmissionInterval, retransmissions: pointee.retransmissions)
            pointee.nextRetransmission = nextRepetition(
                after: pointee.nextRetransmission, pointee.retransmissionInterval, now)
            branch.putLocal(pointee.bytes.text, isRetransmission: true)
        }
        arm(now)
    }

    private func arm(_ now: UInt64) {
        let host = pointee.branch.home.host
        let next = Swift.min(pointee.nextRetransmission, pointee.deadline)
        host.pointee.timer.pointee.arm(host, timer, UInt32(clamping: next > now ? next &- now : 1))
    }
}

extension TransactionRef {
    /// Cancels branches of an INVITE that have no final reply (RFC 3261 section 9.1); branches of other requests are given up once the
    /// transaction has its final reply. At once, also while a script of the transaction runs.
    /// - Parameters:
    ///   - mask: bits of branch indexes; 0: all.
    ///   - reason: status of the final reply that causes it, for a Reason header (RFC 3326); 0: none.
    ///   - reasonHeaders: Reason headers of a received CANCEL, whole lines; may be empty.
    func cancelBranches(_ mask: UInt32, reason: Int32, reasonHeaders: apus_str = apus_str()) {
        addReference()
        var next = pointee.branches
        while let branch = next {
            next = branch.pointee.next
            guard mask == 0 || mask & (1 &<< branch.pointee.index) != 0, !branch.isFinished,
                branch.pointee.status < 200
            else { continue }
            if branch.pointee.flags.contains(.blind) {
                // There is nobody to be asked: only the caller ends the waiting, and that at once (section 9.2).
                guard pointee.flags.contains(.cancelled) else { continue }
                branch.pointee.flags.insert(.cancelWanted)
                branch.timeOut()
            } else if pointee.flags.contains(.invite) {
                branch.cancel(reason: reason, reasonHeaders: reasonHeaders)
            } else if pointee.flags.contains(.noNewBranches) {
                branch.stopTimers()
                branch.pointee.flags.insert([.finished, .dropped])
            }
        }
        dropReference()
    }
}

extension BranchRef {
    /// Wants the branch to be cancelled: at once when a provisional reply has come, else as `cancel_b_method` says.
    func cancel(reason: Int32, reasonHeaders: apus_str = apus_str()) {
        guard pointee.cancel == nil else { return }
        let wasFinished = isFinished
        pointee.flags.insert(.cancelWanted)
        // A relay that waits for an address or a branch route sees it and sends nothing.
        guard pointee.flags.contains(.sent), prepareCancel(reason, reasonHeaders) else { return }
        if pointee.flags.contains(.replied), pointee.status < 200 || wasFinished { return sendCancel() }
        guard !wasFinished else { return }
        switch home.settings.pointee.cancelBMethod {
        case 0:
            pointee.nextRetransmission = 0
            armTimer(home.now)
            timeOut()
        case 2:
            pointee.nextRetransmission = 0
            sendCancel()
        default: break
        }
    }

    /// Sends the CANCEL now, and waits for the final reply no longer than `fr_timer` from now (RFC 3261 section 9.1).
    func sendCancel() {
        guard pointee.cancel != nil || prepareCancel(0, apus_str()), let cancel = pointee.cancel,
            !cancel.pointee.isSent
        else { return }
        pointee.flags.insert(.cancelWanted)
        cancel.start()
        guard !isFinished else { return }
        let now = home.now
        let deadline = now &+ UInt64(pointee.transaction.pointee.timers.fr)
        if pointee.finalDeadline == 0 || deadline < pointee.finalDeadline { pointee.finalDeadline = deadline }
        armTimer(now)
    }

    /// A provisional reply came: the CANCEL that waited for it goes.
    func sendWaitingCancel() {
        if pointee.flags.contains(.cancelWanted), let cancel = pointee.cancel, !cancel.pointee.isSent { sendCancel() }
    }

    private func prepareCancel(_ reason: Int32, _ reasonHeaders: apus_str) -> Bool {
        let home = self.home
        let host = home.host
        guard let sent = template else { return false }
        let capacity = sent.capacity(to: apus_str(), lines: reasonHeaders)
        guard let cancel = home.allocate(LocalCancel.self) else { return false }
        guard let piece = host.pointee.memory.pointee.allocate(host, capacity) else {
            home.release(cancel)
            return false
        }
        var lines: [40 of UInt8] = InlineArray(repeating: 0)
        var out = Writer(piece, capacity: capacity)
        withUnsafeMutableBytes(of: &lines) { memory in
            var text = Writer(memory.baseAddress.unsafelyUnwrapped, capacity: memory.count)
            if reasonHeaders.isEmpty, reason > 0, home.settings.pointee.localCancelReason != 0 {
                text.add("Reason: SIP;cause=")
                text.add(number: Int64(reason))
                text.add("\r\n")
            }
            sent.write(
                "CANCEL", to: apus_str(), copied: home.settings.pointee.acExtraHdrs,
                lines: reasonHeaders.isEmpty ? text.text : reasonHeaders, into: &out)
        }
        cancel.initialize(to: LocalCancel(branch: self))
        cancel.pointee.bytes = out.overflowed ? Stored() : home.keep(out.text)
        home.release(piece)
        host.pointee.timer.pointee.prepare(host, cancel.timer, LocalCancel.timerFired)
        pointee.cancel = cancel
        return !cancel.pointee.bytes.isEmpty
    }
}
