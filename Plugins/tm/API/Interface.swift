import PluginKit

// Invariants: the table lives for ever. Its functions are called on workers by other modules, with handles that tm gave them; a `tm_transaction` is
// a Transaction.

/// `tm_api`, what other modules see of tm.
func makeInterface() -> UnsafeMutablePointer<tm_api> {
    permanent(
        tm_api(
            size: UInt32(MemoryLayout<tm_api>.size), register_tmcb: registerCallback,
            t_gett: { transaction(of: $0) }, t_check: searchTransaction, t_lookup_ident: lookUpIdentity,
            t_lookup_callid: lookUpCallID, t_lookup_original: lookUpOriginal,
            worker_of: { Place.worker(ofPublicIndex: $0) }, facts: fillFacts, branch: fillBranch,
            request: { TransactionRef($0).pointee.request }, t_newtran: newTransactionForModule,
            t_relay: relayForModule, t_reply: replyForModule,
            cancel_uacs: { TransactionRef($0).cancelBranches($1, reason: $2) },
            t_release: { TransactionRef($0).release() ? .true : .false },
            t_retransmit_reply: { TransactionRef($0).retransmitReply() ? .true : .false }, t_suspend: suspendForModule,
            t_continue: continueForModule, t_cancel_suspend: cancelSuspensionForModule, context: fillContext,
            set_flags: { TransactionRef($0).setFlags($1) }, t_on: armRoute, t_is_set: isRouteArmed,
            t_drop: { TransactionRef($0).drop($1) ? .true : .false },
            t_request: requestForModule, ack_local_uac: acknowledgeForModule, generate_callid: generateCallID,
            generate_fromtag: generateFromTag, new_dlg_uac: newCallerDialog, new_dlg_uas: newCalledDialog,
            dlg_response_uac: { DialogRef($0).received(reply: $1) ? .true : .false },
            dlg_request_uas: { DialogRef($0).received(request: $1) ? .true : .false },
            set_dlg_target: { DialogRef($0).set(target: $1, nextHop: $2) ? .true : .false },
            dlg_facts: fillDialogFacts, print_routeset: printRouteSet,
            free_dlg: { dialog in if let dialog { DialogRef(dialog).free() } },
            via_flags: readViaFlags, set_via_flags: { TransactionRef($0).setViaFlags($2, of: $1) ? .true : .false },
            t_append_branches: { TransactionRef($0).append($1, count: $2) ? .true : .false },
            t_check_trans: checkTransactionForModule,
            set_fr: { TransactionRef($0).setFinalTimers(invite: $1, other: $2) },
            local_tag: { TransactionRef($0).localTag },
            set_xflags: { TransactionRef($0).setXFlags($1) }, next_branch: writeNextBranch))
}

/// How scripts and commands number transactions: worker and place in one.
enum Place {
    static let workerShift: UInt32 = 22

    @inline(__always)
    static func worker(ofPublicIndex index: UInt32) -> UInt32 { index >> workerShift }
    @inline(__always)
    static func place(ofPublicIndex index: UInt32) -> UInt32 { index & (1 << workerShift - 1) }
}

extension UnsafeMutablePointer<State> {
    /// The transaction of that identity, when it lives on the calling worker.
    func transaction(index: UInt32, label: UInt32) -> TransactionRef? {
        guard let home, home.pointee.index == Place.worker(ofPublicIndex: index) else { return nil }
        return home.find(place: Place.place(ofPublicIndex: index), label: label)
    }
}

private let registerCallback:
    @convention(c) (
        Host, OpaquePointer?, UInt32, tm_callback, UnsafeMutableRawPointer?,
        (@convention(c) (UnsafeMutableRawPointer?) -> Void)?
    ) -> CInt = { host, transaction, kinds, call, user, release in
        guard let state = State.shared else { return .false }
        if let transaction {
            return TransactionRef(transaction).register(host, kinds, call, user, release) ? .true : .false
        }
        let global = UInt32(TM_REQUEST_IN | TM_LOCAL_REQUEST_IN)
        guard state.pointee.homes == nil || host.pointee.worker.pointee.index(host) < 0, kinds & ~global == 0 else {
            host.log(
                .error, "register_tmcb without a transaction is for TM_REQUEST_IN and TM_LOCAL_REQUEST_IN, in `start`")
            return .false
        }
        let entry = CallbackList.Entry(host: host, kinds: kinds, call: call, user: user, release: release, next: nil)
        state.pointee.globalCallbacks.add(permanent(entry))
        return .true
    }

// MARK: - Finding

private func transaction(of message: OpaquePointer) -> OpaquePointer? {
    State.shared?.context(of: message)?.pointee.transaction.map { OpaquePointer($0) }
}

private let searchTransaction: @convention(c) (OpaquePointer) -> OpaquePointer? = { message in
    if let known = transaction(of: message) { return known }
    guard let state = State.shared, let home = state.home else { return nil }
    let request = Message(handle: message, api: home.messages)
    guard request.isRequest else {
        guard let via = request.via(0), let identity = Identity(via.branch),
            let known = home.pointee.table[identity.place], known.pointee.secret == identity.secret
        else { return nil }
        return OpaquePointer(known)
    }
    let method = request.method
    let wanted = method == APUS_METHOD_ACK || method == APUS_METHOD_CANCEL ? APUS_METHOD_INVITE : method
    return home.match(message, method: UInt32(wanted)).map { OpaquePointer($0) }
}

private let lookUpIdentity: @convention(c) (Host, UInt32, UInt32) -> OpaquePointer? = { _, index, label in
    State.shared?.transaction(index: index, label: label).map { OpaquePointer($0) }
}

private let lookUpCallID: @convention(c) (Host, apus_str, apus_str) -> OpaquePointer? = { _, callID, cseq in
    guard let home = State.shared?.home else { return nil }
    return home.find(callID: callID, cseq: cseq).map { OpaquePointer($0) }
}

private let lookUpOriginal: @convention(c) (OpaquePointer) -> OpaquePointer? = { cancel in
    guard let home = State.shared?.home else { return nil }
    return home.match(cancel, method: UInt32(APUS_METHOD_INVITE)).map { OpaquePointer($0) }
}

extension UnsafeMutablePointer<Home> {
    /// The newest transaction with that Call-ID and CSeq number, by a look at all of them: for commands. Never that of a CANCEL, which shares
    /// both with its INVITE.
    func find(callID: apus_str, cseq: apus_str) -> TransactionRef? {
        var found: TransactionRef?
        let messages = self.messages
        pointee.table.visit { candidate in
            guard candidate.pointee.method != UInt32(APUS_METHOD_CANCEL), let request = candidate.pointee.request
            else { return }
            let message = Message(handle: request, api: messages)
            guard message.field(APUS_FIELD_CALL_ID).equals(callID),
                message.field(APUS_FIELD_CSEQ_NUMBER).equals(cseq),
                candidate.pointee.started >= found?.pointee.started ?? 0
            else { return }
            found = candidate
        }
        return found
    }
}

// MARK: - Facts

private let fillFacts: @convention(c) (OpaquePointer, UnsafeMutablePointer<tm_facts>) -> Void = { handle, out in
    let transaction = TransactionRef(handle)
    let tag = transaction.pointer(to: \.toTag).unsafelyUnwrapped
    let facts = tm_facts(
        size: out.pointee.size, method: transaction.pointee.method, index: transaction.publicIndex,
        label: transaction.label, flags: transaction.currentFlags, branches: transaction.pointee.branchCount,
        status: transaction.pointee.lastStatus, is_local: transaction.pointee.flags.contains(.local) ? 1 : 0,
        is_cancelled: transaction.pointee.flags.contains(.cancelled) ? 1 : 0,
        replied_here: transaction.pointee.flags.contains(.localReply) ? 1 : 0,
        to_tag: apus_str(
            s: UnsafePointer(UnsafeMutableRawPointer(tag).assumingMemoryBound(to: CChar.self)),
            len: Int(transaction.pointee.toTagCount)),
        started: transaction.pointee.started, avps: transaction.pointee.avps, reason: transaction.lastReason,
        received: transaction.pointee.lastReceived, reserved: 0)
    fill(out, facts)
}

private let fillBranch: @convention(c) (OpaquePointer, UInt32, UnsafeMutablePointer<tm_branch>) -> CInt = {
    handle, index, out in
    guard let branch = TransactionRef(handle).branch(index) else { return .false }
    let flags = branch.pointee.flags
    let facts = tm_branch(
        size: out.pointee.size, status: branch.pointee.status, flags: branch.pointee.branchFlags,
        is_finished: flags.contains(.finished) ? 1 : 0, timed_out: flags.contains(.timedOut) ? 1 : 0,
        replied: flags.contains(.replied) ? 1 : 0, uri: branch.uri, ruid: branch.pointee.ruid.text,
        destination: branch.pointee.destination, reply: branch.pointee.reply,
        next_hop: branch.pointee.nextHopURI.text, path: branch.pointee.path.text,
        instance: branch.pointee.instance.text, user_agent: branch.pointee.userAgent.text)
    fill(out, facts)
    return .true
}

private let fillContext: @convention(c) (OpaquePointer, UnsafeMutablePointer<tm_context>) -> CInt = { message, out in
    var known = tm_context()
    known.size = out.pointee.size
    known.branch = -1
    known.failure_branch = -1
    let context = State.shared?.context(of: message)
    if let context {
        known.branch = context.pointee.branch
        known.transaction = context.pointee.transaction.map { OpaquePointer($0) }
        known.failure_status = context.pointee.failureStatus
        known.failure_branch = context.pointee.failureBranch
        known.failure_reply = context.pointee.failureReply
    }
    fill(out, known)
    return context?.pointee.transaction == nil ? .false : .true
}

private let writeNextBranch: @convention(c) (OpaquePointer, UnsafeMutablePointer<CChar>, Int) -> Int = {
    message, buffer, capacity in
    guard let context = State.shared?.context(of: message), let transaction = context.pointee.transaction,
        capacity >= Identity.longest, Message(handle: message, api: transaction.home.messages).isRequest
    else { return 0 }
    let index = context.pointee.branch >= 0 ? UInt32(context.pointee.branch) : transaction.pointee.branchCount
    let identity = Identity(
        place: transaction.pointee.place, secret: transaction.pointee.secret, branch: index,
        loopHash: transaction.home.loopHash(of: message))
    return transaction.home.write(identity, to: UnsafeMutableRawPointer(buffer)).len
}

extension TransactionRef {
    /// Reason phrase of the last reply that was sent; no text when there is none.
    fileprivate var lastReason: apus_str {
        let reply = pointee.lastReply.text
        // "SIP/2.0 180 "
        guard reply.len > 12, let end = reply.index(of: 0x0d, from: 12) else { return apus_str() }
        return reply[12..<end]
    }
}

/// Writes as much as the caller's version of the struct has room for.
func fill<Facts>(_ out: UnsafeMutablePointer<Facts>, _ facts: Facts) {
    let room = Int(UnsafeRawPointer(out).load(as: UInt32.self))
    withUnsafeBytes(of: facts) { bytes in
        guard let start = bytes.baseAddress else { return }
        UnsafeMutableRawPointer(out).copyMemory(from: start, byteCount: min(room, bytes.count))
    }
}

private let readViaFlags: @convention(c) (OpaquePointer, UInt32, UnsafeMutablePointer<UInt32>) -> CInt = {
    handle, index, out in
    let transaction = TransactionRef(handle)
    if let branch = transaction.branch(index) {
        out.pointee = branch.pointee.viaFlags
    } else if index == 0, transaction.pointee.branches == nil {
        out.pointee = transaction.pointee.viaFlags
    } else {
        return .false
    }
    return .true
}

extension TransactionRef {
    fileprivate func setViaFlags(_ flags: UInt32, of index: UInt32) -> Bool {
        if let branch = branch(index) {
            branch.pointee.viaFlags = flags
        } else if index == 0, pointee.branches == nil {
            pointee.viaFlags = flags
        } else {
            return false
        }
        return true
    }
}

// MARK: - Doing

private let newTransactionForModule: @convention(c) (Call) -> CInt = { call in
    guard let state = State.shared, let home = state.home, call.pointee.route_kind & UInt32(APUS_REQUEST_ROUTE) != 0
    else { return .false }
    switch state.withOwnCall(call, { home.newTransaction($0) }) {
    case .made, .acknowledgement: return .true
    case .retransmission: return .exit
    case .failed: return .false
    }
}

private let checkTransactionForModule: @convention(c) (Call) -> CInt = { call in
    guard let state = State.shared else { return .false }
    return state.withOwnCall(call, checkTransaction)
}

private let replyForModule: @convention(c) (OpaquePointer, UnsafePointer<tm_reply>) -> CInt = { handle, reply in
    let reply = reply.pointee
    guard 100...999 ~= reply.code else { return .false }
    var local = LocalReply(code: reply.code, reason: reply.reason, on: nil)
    local.toTag = reply.to_tag
    local.headers = reply.headers
    local.body = reply.body
    local.bodyType = reply.body_type
    return TransactionRef(handle).reply(local) ? .true : .false
}

extension UnsafeMutablePointer<State> {
    /// A call of another module's function as tm's own functions see theirs: with tm's state behind it.
    func withOwnCall<R>(_ call: Call, _ body: (Call) -> R) -> R {
        var own = call.pointee
        own.user = UnsafeMutableRawPointer(self)
        return withUnsafePointer(to: &own) { body($0) }
    }
}

// MARK: - Routes

private let armRoute: @convention(c) (Call, UInt32, OpaquePointer?) -> CInt = { call, kind, route in
    guard let state = State.shared, let place = state.armedRoute(call, kind) else { return .false }
    if let home = state.context(of: call.pointee.msg)?.pointee.transaction?.home {
        home.arm(place, route)
    } else {
        place.pointee = route
    }
    return .true
}

private let isRouteArmed: @convention(c) (Call, UInt32) -> CInt = { call, kind in
    State.shared?.armedRoute(call, kind)?.pointee == nil ? .false : .true
}

extension UnsafeMutablePointer<State> {
    /// Where the route of that kind (`TM_ROUTE_…`) stands: in the call's transaction, or in what its message's will begin with.
    func armedRoute(_ call: Call, _ kind: UInt32) -> UnsafeMutablePointer<OpaquePointer?>? {
        guard let context = makeContext(of: call.pointee.msg) else { return nil }
        if let transaction = context.pointee.transaction {
            switch Int(kind) {
            case TM_ROUTE_FAILURE: return transaction.pointer(to: \.onFailure)
            case TM_ROUTE_BRANCH: return transaction.pointer(to: \.onBranch)
            case TM_ROUTE_ONREPLY: return transaction.pointer(to: \.onReply)
            case TM_ROUTE_BRANCH_FAILURE: return transaction.pointer(to: \.onBranchFailure)
            default: return nil
            }
        }
        let presets = context.pointer(to: \.presets).unsafelyUnwrapped
        switch Int(kind) {
        case TM_ROUTE_FAILURE: return presets.pointer(to: \.onFailure)
        case TM_ROUTE_BRANCH: return presets.pointer(to: \.onBranch)
        case TM_ROUTE_ONREPLY: return presets.pointer(to: \.onReply)
        case TM_ROUTE_BRANCH_FAILURE: return presets.pointer(to: \.onBranchFailure)
        default: return nil
        }
    }
}
