import PluginKit

// Invariants: after the hook the run's message is gone: nothing of a transaction points to it any more.

/// The script of a request is over: its transaction goes on without it.
let requestEnded: @convention(c) (UnsafePointer<apus_hook>) -> CInt = { hook in
    let state = hook.pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
    let handle = hook.pointee.msg
    guard let context = state.context(of: handle), let transaction = context.pointee.transaction else { return .true }
    context.pointee.transaction = nil
    if context.pointee.isCreator {
        transaction.addReference()
        transaction.runEnded(handle, context)
        transaction.becomeIdle()
        transaction.dropReference()
    } else if context.pointee.holdsReference {
        transaction.dropReference()
    }
    return .true
}

extension TransactionRef {
    /// Makes the transaction's own copy of its request, so that later edits do not reach it. False when memory is out.
    @discardableResult
    func keepRequest(_ message: OpaquePointer) -> Bool {
        guard !pointee.ownsRequest else { return true }
        guard let kept = home.messages.pointee.keep(home.host, message) else { return false }
        takeFlags(of: message)
        pointee.request = kept
        pointee.ownsRequest = true
        return true
    }

    fileprivate func runEnded(_ message: OpaquePointer, _ context: UnsafeMutablePointer<Context>) {
        // What the script has set since it relayed.
        takeFlags(of: message)
        if pointee.phase == .active {
            // A script that has answered without the transaction (sl_reply_error) has answered. Then the transaction is of no use: the
            // request's repetitions are answered that way, too.
            let isAnswered = home.host.pointee.reply.pointee.was_sent(message) > 0
            if pointee.lastStatus < 200, context.pointee.relayError != 0, !isAnswered, !hasPendingBranches,
                !pointee.flags.contains(.disableInternalReply)
            {
                replyError(message, code: context.pointee.relayError)
            }
            if pointee.phase == .active, !hasPendingBranches, pointee.blindBranches == 0,
                pointee.flags.isDisjoint(with: [.suspended, .awaitsCancels])
            {
                if isAnswered { end() } else { leaveUnanswered() }
            }
        }
        guard !pointee.ownsRequest else { return }
        if !needsRequest || !keepRequest(message) { pointee.request = nil }
    }

    /// Nobody is going to answer. After a provisional reply of the script's that may still be a command, until the lifetime is over.
    private func leaveUnanswered() {
        if pointee.flags.contains(.cancelled) {
            _ = reply(LocalReply(code: 487, reason: "Request Terminated"))
        } else if pointee.flags.contains(.expired) {
            abandon()
        } else if pointee.lastStatus <= 100, pointee.queue.isEmpty {
            wait()
        }
    }

    /// Whether some branch is still to get its final reply.
    var hasPendingBranches: Bool {
        var next = pointee.branches
        while let branch = next {
            if !branch.isFinished { return true }
            next = branch.pointee.next
        }
        return false
    }

    /// Retransmissions of a request that was answered at once are recognised by its key; all else needs the request itself.
    private var needsRequest: Bool {
        switch pointee.phase {
        case .active: true
        case .completed, .waiting: !key.pointee.isUnique || pointee.branches != nil || pointee.acceptedHash != 0
        case .ended: false
        }
    }

    /// Replies with the last error that the processing of the request ran into. False when a final reply was sent before.
    /// - Parameter code: the status when the message has noted no error.
    @discardableResult
    func replyError(_ message: OpaquePointer, code: Int32 = 500) -> Bool {
        var reason = apus_str()
        let noted = home.messages.pointee.error(message, &reason)
        var status = 400...699 ~= noted ? noted : code
        if !(400...699 ~= status) { status = 500 }
        if reason.isEmpty { reason = status == 500 ? "Server error occurred" : "Error" }
        return withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { memory in
            var text = Writer(memory.baseAddress.unsafelyUnwrapped, capacity: 256)
            text.add(reason[0..<min(reason.len, 224)])
            text.add(" (")
            text.add(number: Int64(noted != 0 ? noted : 1))
            text.add("/TM)")
            return reply(LocalReply(code: status, reason: text.text, on: message))
        }
    }
}
