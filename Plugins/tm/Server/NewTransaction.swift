import PluginKit

// Invariants: called from a script run of the request itself: until its end the transaction uses the run's message.

/// What came of asking for a transaction.
enum NewTransaction {
    case made(TransactionRef)
    /// It was there: the last reply was sent again.
    case retransmission
    /// An ACK: it has no transaction of its own.
    case acknowledgement
    /// A status code for the caller.
    case failed(Int32)
}

extension UnsafeMutablePointer<Home> {
    /// Makes the transaction of the call's request, with what the script has armed so far. The caller has seen that there is none yet.
    func newTransaction(_ call: Call) -> NewTransaction {
        let handle = call.pointee.msg
        let state = pointee.state
        let method = messages.pointee.method(handle)
        if method == UInt32(APUS_METHOD_ACK) { return .acknowledgement }
        guard let context = state.makeContext(of: handle), let probe = RequestProbe(self, handle) else {
            return .failed(500)
        }
        if let known = match(probe, method: method) {
            known.absorbRetransmission(handle)
            return .retransmission
        }
        guard let transaction = begin(method: method, hash: probe.hash) else {
            _ = messages.pointee.append_to_reply(handle, "Retry-After: 5\r\n")
            return .failed(503)
        }
        guard transaction.fillKey(probe) else {
            transaction.end()
            return .failed(500)
        }
        context.pointee.transaction = transaction
        context.pointee.isChecked = true
        context.pointee.isCreator = true
        transaction.pointee.isBusy = true
        transaction.pointee.request = handle
        transaction.takeFlags(of: handle)
        transaction.pointee.avps = host.pointee.vars.pointee.share_avps(call)
        transaction.pointee.source.size = UInt32(MemoryLayout<apus_destination>.size)
        host.pointee.reply.pointee.destination(handle, transaction.pointer(to: \.source).unsafelyUnwrapped)
        messages.pointee.adopt(handle)
        host.bump(counters.pointee.uasTransactions)
        transaction.setTimers(call)
        transaction.apply(context.pointee.presets)
        // Datagrams overtake each other: the CANCEL was here before its INVITE, and waits for it in a transaction of its own.
        if method == UInt32(APUS_METHOD_INVITE), match(probe, method: UInt32(APUS_METHOD_CANCEL)) != nil {
            transaction.pointee.flags.insert(.cancelled)
        }
        transaction.setLifetime(transaction.pointee.timers.lifetime)
        transaction.tellGlobally(TM_REQUEST_IN, Occurrence(request: handle))
        return .made(transaction)
    }
}

extension TransactionRef {
    /// What `fr_timer_avp` and `fr_inv_timer_avp` say for this request; the rest stands in `begin`.
    fileprivate func setTimers(_ call: Call) {
        let settings = home.settings.pointee
        if let milliseconds = TransactionRef.milliseconds(call, settings.frTimerAVP) {
            pointee.timers.fr = milliseconds
        }
        if let milliseconds = TransactionRef.milliseconds(call, settings.frInvTimerAVP) {
            pointee.timers.frInvite = milliseconds
        }
    }

    /// Seconds of an AVP, in milliseconds; nil for whatever is no positive number.
    private static func milliseconds(_ call: Call, _ variable: OpaquePointer?) -> UInt32? {
        guard let variable else { return nil }
        var value = apus_value()
        guard call.host.pointee.vars.pointee.get(call, variable, &value) > 0,
            let seconds = value.isInt ? value.num : value.str.number, seconds > 0, seconds < 1 << 21
        else { return nil }
        return UInt32(seconds) &* 1000
    }

    /// What t_on_… and t_set_… said.
    fileprivate func apply(_ presets: Presets) {
        home.arm(pointer(to: \.onFailure).unsafelyUnwrapped, presets.onFailure)
        home.arm(pointer(to: \.onReply).unsafelyUnwrapped, presets.onReply)
        home.arm(pointer(to: \.onBranch).unsafelyUnwrapped, presets.onBranch)
        home.arm(pointer(to: \.onBranchFailure).unsafelyUnwrapped, presets.onBranchFailure)
        if presets.fr != 0 { pointee.timers.fr = presets.fr }
        if presets.frInvite != 0 { pointee.timers.frInvite = presets.frInvite }
        if presets.retr1 != 0 { pointee.timers.retr1 = presets.retr1 }
        if presets.retr2 != 0 { pointee.timers.retr2 = presets.retr2 }
        let lifetime = pointee.flags.contains(.invite) ? presets.inviteLifetime : presets.nonInviteLifetime
        if lifetime != 0 { pointee.timers.lifetime = lifetime }
        pointee.flags.subtract(presets.decided)
        pointee.flags.formUnion(presets.flags)
    }
}
