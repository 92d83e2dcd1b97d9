import PluginKit

// Invariants: callbacks of tm, on the worker of their transaction; whatever an event points to lives as long as the call. `user` is the State for
// `arrived`, and the transaction's Account for the others.

/// TM_REQUEST_IN: whether the transaction is accounted is decided by its flags when there is something to report, since scripts may set them
/// until then; only what can never be reported is left alone.
let arrived: tm_callback = { event in
    let state = event.pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
    let host = event.pointee.host
    guard let tm = state.pointee.tm, let request = event.pointee.request else { return }
    let method = Message(handle: request, api: host.pointee.message).method
    guard method != APUS_METHOD_CANCEL || state.pointee.reportCancels != 0 else { return }
    let isInvite = method == APUS_METHOD_INVITE
    guard isInvite || state.pointee.followsAll else { return }
    guard let place = host.pointee.memory.pointee.allocate(host, MemoryLayout<Account>.size) else {
        return host.log(.error, "a transaction is not accounted: memory is out")
    }
    let account = place.bindMemory(to: Account.self, capacity: 1)
    account.initialize(to: Account(host: host, state: state))
    var kinds = TM_RESPONSE_SENT | TM_QUIET
    if isInvite { kinds |= TM_ON_FAILURE_RO }
    if isInvite, state.pointee.reportAck > 0, state.pointee.followsAll { kinds |= TM_E2EACK_IN }
    let registered = tm.pointee.register_tmcb(
        host, event.pointee.transaction, UInt32(kinds), followed, account, releaseAccount)
    guard registered > 0 else {
        host.pointee.memory.pointee.release(host, place)
        return host.log(.error, "a transaction is not accounted: memory is out")
    }
    // Now: what loose_route has found out belongs to the message of the script, not to the copy that is kept of it.
    if state.pointee.direction != nil {
        _ = host.pointee.script.pointee.with_call(host, request, nil, findDirection, account)
    }
}

private let findDirection: @convention(c) (Call) -> CInt = { call in
    let account = call.pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: Account.self)
    account.pointee.isUpstream = account.pointee.state.isUpstream(call)
    return .true
}

extension UnsafeMutablePointer<State> {
    /// Whether the call's request goes from the called side to the caller, as rr knows after loose_route.
    func isUpstream(_ call: Call) -> Bool {
        guard let variable = pointee.direction else { return false }
        var value = apus_value()
        return call.host.pointee.vars.pointee.get(call, variable, &value) > 0 && value.num == 2
    }

    func isSet(_ flag: Int64, _ flags: UInt32) -> Bool { 0...31 ~= flag && flags & 1 << UInt32(flag) != 0 }

    /// Where a transaction with these flags is accounted.
    func targets(_ flags: UInt32) -> Targets { targets(flags, pointee.logFlag, pointee.dbFlag) }

    /// Where its failure is a missed call.
    func missedTargets(_ flags: UInt32) -> Targets { targets(flags, pointee.missedFlag, pointee.dbMissedFlag) }

    private func targets(_ flags: UInt32, _ log: Int64, _ database: Int64) -> Targets {
        var targets: Targets = isSet(log, flags) ? .log : []
        if pointee.rows != nil, isSet(database, flags) { targets.insert(.database) }
        return targets
    }

    /// The flags without one that says that a missed call is to be reported, and nothing else.
    func withoutMissed(_ flags: UInt32, _ flag: Int64) -> UInt32 {
        guard 0...31 ~= flag, flag != pointee.logFlag, flag != pointee.dbFlag else { return flags }
        return flags & ~(1 << UInt32(flag))
    }

    /// Of these targets those that something would come of.
    func active(_ host: Host, _ targets: Targets) -> Targets {
        var targets = targets
        if host.pointee.log.pointee.enabled(host, CInt(pointee.level)) <= 0 { targets.remove(.log) }
        if pointee.rows == nil { targets.remove(.database) }
        return targets
    }

    func facts(_ transaction: OpaquePointer) -> tm_facts {
        var facts = tm_facts()
        facts.size = UInt32(MemoryLayout<tm_facts>.size)
        pointee.tm.unsafelyUnwrapped.pointee.facts(transaction, &facts)
        return facts
    }
}

private let followed: tm_callback = { event in
    let account = event.pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: Account.self)
    switch Int(event.pointee.type) {
    case TM_RESPONSE_SENT: account.replied(event)
    case TM_ON_FAILURE_RO: account.failed(event)
    case TM_E2EACK_IN: account.acknowledged(event)
    default: break
    }
}

extension AccountRef {
    /// A reply has left.
    fileprivate func replied(_ event: UnsafePointer<tm_event>) {
        let state = pointee.state
        let code = event.pointee.code
        // Retransmissions of what was sent bring no reply; a 2xx that comes after another one does.
        guard event.pointee.flags & UInt32(TM_RETRANSMISSION) == 0 || event.pointee.reply != nil else { return }
        let isInteresting = code >= 200 || (state.pointee.earlyMedia != 0 && event.pointee.reply != nil)
        guard isInteresting else { return }
        let facts = state.facts(event.pointee.transaction)
        let targets = state.targets(facts.flags)
        guard code < 300 else {
            reportMissed(event, facts)
            if state.reportsFailure(code, facts.flags) { report(.answered, targets, event, facts) }
            return
        }
        guard !targets.isEmpty, code >= 200 || isEarlyMedia(event) else { return }
        if facts.method == UInt32(APUS_METHOD_INVITE) {
            guard pointee.notes(status: code, tag: tag(event, facts)) else { return }
        }
        report(.answered, targets, event, facts)
    }

    /// All branches have failed: a missed call, whatever a failure route is going to do about it.
    fileprivate func failed(_ event: UnsafePointer<tm_event>) {
        let facts = pointee.state.facts(event.pointee.transaction)
        demandAnswer(event, facts)
        reportMissed(event, facts)
    }

    /// A call that is accounted does not end in silence (tm's `noisy_ctimer` 0): who registers without TM_QUIET wants it answered.
    private func demandAnswer(_ event: UnsafePointer<tm_event>, _ facts: tm_facts) {
        let state = pointee.state
        let targets = state.targets(facts.flags).union(state.missedTargets(facts.flags))
        guard !targets.isEmpty, let tm = state.pointee.tm else { return }
        _ = tm.pointee.register_tmcb(
            pointee.host, event.pointee.transaction, UInt32(TM_DESTROY), { _ in }, nil, nil)
    }

    /// The ACK to a 2xx.
    fileprivate func acknowledged(_ event: UnsafePointer<tm_event>) {
        let facts = pointee.state.facts(event.pointee.transaction)
        report(.acknowledged, pointee.state.targets(facts.flags), event, facts, code: facts.status)
    }

    private func reportMissed(_ event: UnsafePointer<tm_event>, _ facts: tm_facts) {
        let state = pointee.state
        let targets = state.missedTargets(facts.flags)
        guard facts.method == UInt32(APUS_METHOD_INVITE), !targets.isEmpty,
            pointee.notesMissed(branches: facts.branches)
        else { return }
        report(.missed, targets, event, facts)
        // A route that wants the next leg reported, too, sets them again. A flag for both purposes still says that the call is accounted.
        let left = state.withoutMissed(
            state.withoutMissed(facts.flags, state.pointee.missedFlag), state.pointee.dbMissedFlag)
        state.pointee.tm.unsafelyUnwrapped.pointee.set_flags(event.pointee.transaction, left)
    }

    private func isEarlyMedia(_ event: UnsafePointer<tm_event>) -> Bool {
        guard let reply = event.pointee.reply else { return false }
        return !Message(handle: reply, api: pointee.host.pointee.message).part(APUS_PART_BODY).isEmpty
    }

    /// To tag of the reply that the event is about.
    private func tag(_ event: UnsafePointer<tm_event>, _ facts: tm_facts) -> apus_str {
        guard let reply = event.pointee.reply else { return facts.to_tag }
        return Message(handle: reply, api: pointee.host.pointee.message).field(APUS_FIELD_TO_TAG)
    }

    private func report(
        _ kind: Report.Kind, _ targets: Targets, _ event: UnsafePointer<tm_event>, _ facts: tm_facts,
        code: Int32? = nil
    ) {
        let host = pointee.host
        let state = pointee.state
        let targets = state.active(host, targets)
        guard !targets.isEmpty else { return }
        guard let request = event.pointee.request else {
            return host.log(.error, "a transaction is not accounted: its request is not kept any more")
        }
        let code = code ?? event.pointee.code
        var report = Report(
            state: state, kind: kind, targets: targets, reply: event.pointee.reply, code: code,
            isUpstream: pointee.isUpstream)
        report.reason = reason(event, code)
        report.localTag = facts.to_tag
        if state.pointee.isSER { report.outboundURI = outboundURI(event, facts) }
        withUnsafeMutablePointer(to: &report) {
            _ = host.pointee.script.pointee.with_call(host, request, facts.avps, writeReport, $0)
        }
    }

    /// The reason phrase: that of the header `reason_from_hf`, else what was sent, else what the status is called.
    private func reason(_ event: UnsafePointer<tm_event>, _ code: Int32) -> apus_str {
        let reply = event.pointee.reply.map { Message(handle: $0, api: pointee.host.pointee.message) }
        let header = pointee.state.pointee.reasonHeader
        if !header.isEmpty, let value = reply?.find(header)?.value { return value }
        if let sent = statusLineReason(event.pointee.bytes) { return sent }
        return reply?.field(APUS_FIELD_REASON) ?? phrase(of: code)
    }

    /// `OK` of `SIP/2.0 200 OK`.
    private func statusLineReason(_ bytes: apus_str) -> apus_str? {
        let before = "SIP/2.0 200 ".utf8.count
        guard bytes.len > before, let end = bytes.index(of: 0x0d, from: before) else { return nil }
        return bytes[before..<end]
    }

    /// Request-URI of the branch that the event is about; empty when there is none.
    private func outboundURI(_ event: UnsafePointer<tm_event>, _ facts: tm_facts) -> apus_str {
        let tm = pointee.state.pointee.tm.unsafelyUnwrapped
        var branch = tm_branch()
        branch.size = UInt32(MemoryLayout<tm_branch>.size)
        var context = tm_context()
        context.size = UInt32(MemoryLayout<tm_context>.size)
        if let reply = event.pointee.reply, tm.pointee.context(reply, &context) > 0, context.branch >= 0,
            tm.pointee.branch(event.pointee.transaction, UInt32(context.branch), &branch) > 0
        {
            return branch.uri
        }
        if event.pointee.branch >= 0 {
            guard tm.pointee.branch(event.pointee.transaction, UInt32(event.pointee.branch), &branch) > 0 else {
                return apus_str()
            }
            return branch.uri
        }
        // The last one that the status can be from.
        var index = facts.branches
        while index > 0 {
            index -= 1
            guard tm.pointee.branch(event.pointee.transaction, index, &branch) > 0 else { continue }
            if facts.branches == 1 || branch.status == event.pointee.code { return branch.uri }
        }
        return apus_str()
    }
}

extension UnsafeMutablePointer<State> {
    /// Whether a negative reply of an accounted transaction is reported.
    fileprivate func reportsFailure(_ code: Int32, _ flags: UInt32) -> Bool {
        guard pointee.failedTransactions != 0 || isSet(pointee.failedFlag, flags) else { return false }
        return !pointee.failedFilter.contains(code)
    }
}
