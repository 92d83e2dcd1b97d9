import PluginKit

// Invariants: a hook: on the message's home worker, which is the transaction's, since a reply has the Call-ID of its request. A reply that is
// put off or that a route works on is held before anything of it counts; one that cannot be held was never here, and comes again.

/// A reply that reply_route let pass: one of ours goes to its branch (RFC 3261 section 17.1.3), others pass without state.
let receiveReply: @convention(c) (UnsafePointer<apus_hook>) -> CInt = { hook in
    let state = hook.pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
    guard let home = state.home else { return .true }
    let message = hook.pointee.msg
    home.host.bump(home.counters.pointee.rplReceived)
    guard let branch = home.branch(of: message) else { return home.routeStray(message) }
    let transaction = branch.pointee.transaction
    if home.settings.pointee.replyMatching != 0, !transaction.stillWants(message) { return home.routeStray(message) }
    transaction.addReference()
    transaction.receive(message, branch)
    transaction.dropReference()
    return .exit
}

extension UnsafeMutablePointer<Home> {
    /// The branch that a reply belongs to, by the branch parameter of its top Via and the method of its CSeq; nil when it is none of ours.
    func branch(of reply: OpaquePointer) -> BranchRef? {
        let message = Message(handle: reply, api: messages)
        if let via = message.via(0), let identity = Identity(via.branch),
            let transaction = pointee.table[identity.place], transaction.pointee.secret == identity.secret,
            let branch = transaction.branch(identity.branch), branch.fits(message)
        {
            return settings.pointee.callidMatching == 0 || transaction.hasCallID(of: message) ? branch : nil
        }
        return settings.pointee.callidCseqMatching == 0 ? nil : branchByFields(of: message)
    }

    /// `callid_cseq_matching`: for peers that do not give our branch parameter back. Looks at every transaction.
    private func branchByFields(of message: Message) -> BranchRef? {
        var found: BranchRef?
        func look(_ transaction: TransactionRef) {
            guard found == nil, transaction.hasCallID(of: message), transaction.hasCSeq(of: message) else { return }
            var next = transaction.pointee.branches
            while let branch = next {
                next = branch.pointee.next
                if branch.fits(message), found == nil || !branch.isFinished { found = branch }
            }
        }
        pointee.table.visit(look)
        return found
    }
}

extension TransactionRef {
    fileprivate func hasCallID(of message: Message) -> Bool {
        guard let request = pointee.request else { return false }
        return message.api.pointee.field(request, UInt32(APUS_FIELD_CALL_ID)).equals(message.field(APUS_FIELD_CALL_ID))
    }

    fileprivate func hasCSeq(of message: Message) -> Bool {
        guard let request = pointee.request else { return false }
        return message.api.pointee.field(request, UInt32(APUS_FIELD_CSEQ_NUMBER))
            .equals(message.field(APUS_FIELD_CSEQ_NUMBER))
    }

    /// `reply_matching` 1: one that waits for its end has to do with final replies to its INVITE, which are acknowledged or passed on, and
    /// with those to its CANCELs.
    fileprivate func stillWants(_ message: OpaquePointer) -> Bool {
        guard pointee.phase == .waiting else { return true }
        if home.messages.pointee.method(message) != pointee.method { return true }
        return pointee.flags.contains(.invite) && home.messages.pointee.status(message) >= 200
    }

    /// A reply to one of the branches has come.
    fileprivate func receive(_ message: OpaquePointer, _ branch: BranchRef) {
        let messages = home.messages
        let status = Int32(messages.pointee.status(message))
        let before = branch.pointee.status
        if messages.pointee.method(message) == UInt32(APUS_METHOD_CANCEL), pointee.method != UInt32(APUS_METHOD_CANCEL)
        {
            tellReceived(message, status, branch, before)
            if status >= 200 {
                branch.pointee.cancel?.stop()
                if pointee.canceller != nil {
                    answerCanceller(status, messages.pointee.field(message, UInt32(APUS_FIELD_REASON)))
                }
            }
            return
        }
        // Dealt with now without a script, or later, or by a script that may wait: held first, so that none is acknowledged and then lost.
        let isLater = pointee.isBusy
        let route = isLater ? nil : onReplyRoute(of: branch)
        let isNew = before < 200 || (status < 300 && status >= 200)
        if isNew, isLater || route != nil {
            guard messages.pointee.hold(home.host, message) > 0 else { return }
            guard !isLater || enqueue(.reply, branch: branch.pointee.index, message: message) else {
                return messages.pointee.release(home.host, message)
            }
        }
        tellReceived(message, status, branch, before)
        pointee.lastReceived = status
        branch.received(status)
        if status >= 300, pointee.flags.contains(.invite) {
            branch.acknowledge(message, isRetransmission: before >= 300)
        }
        guard isNew else { return home.host.bump(home.counters.pointee.rplAbsorbed) }
        if !isLater { deal(with: message, to: branch, isHeld: route != nil) }
    }

    @inline(__always)
    private func tellReceived(_ message: OpaquePointer, _ status: Int32, _ branch: BranchRef, _ before: Int32) {
        guard isWatched(TM_RESPONSE_IN | TM_LOCAL_RESPONSE_IN) else { return }
        markReply(message, branch)
        let kind = pointee.flags.contains(.local) ? TM_LOCAL_RESPONSE_IN : TM_RESPONSE_IN
        tell(
            kind,
            Occurrence(
                reply: message, code: status, flags: before >= 200 ? TM_RETRANSMISSION : 0,
                branch: Int32(branch.pointee.index)))
    }

    /// Notes in the reply which transaction and branch it belongs to. False when memory is out.
    @discardableResult
    func markReply(_ message: OpaquePointer, _ branch: BranchRef) -> Bool {
        guard let context = home.pointee.state.makeContext(of: message) else { return false }
        context.pointee.transaction = self
        context.pointee.isChecked = true
        context.pointee.branch = Int32(branch.pointee.index)
        return true
    }
}

extension BranchRef {
    /// Whether the reply can be one to this branch: to its request, or to a CANCEL of ours for it.
    fileprivate func fits(_ message: Message) -> Bool {
        guard pointee.flags.contains(.sent) else { return false }
        let method = message.api.pointee.method(message.handle)
        return method == pointee.transaction.pointee.method
            || (method == UInt32(APUS_METHOD_CANCEL) && pointee.cancel != nil)
    }
}
