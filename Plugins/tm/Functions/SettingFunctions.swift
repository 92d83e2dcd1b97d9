import PluginKit

// Invariants: as Context.swift: what is set before there is a transaction waits in the message's context.

/// t_set_fr and its like: how one transaction differs from what the parameters say.
func declareSettingFunctions(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    let routes = APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_ONREPLY_ROUTE | APUS_BRANCH_ROUTE
    host.function(
        "t_set_fr", "inv_ms:int, ms:int?", routes: routes,
        doc: "Final-response timers of this transaction, milliseconds: INVITE, others; 0 leaves one as it is.",
        user: state, call: setFR)
    host.function(
        "t_reset_fr", routes: routes, doc: "Takes back t_set_fr.", user: state, call: resetFR)
    host.function(
        "t_set_max_lifetime", "inv_ms:int, noninv_ms:int?", routes: routes,
        doc: "Longest life of this transaction, milliseconds: INVITE, others; 0 leaves one as it is.", user: state,
        call: setMaxLifetime)
    host.function(
        "t_reset_max_lifetime", routes: routes, doc: "Takes back t_set_max_lifetime.", user: state,
        call: resetMaxLifetime)
    host.function(
        "t_set_retr", "t1_ms:int, t2_ms:int?", routes: routes,
        doc:
            "Retransmission intervals of this transaction, milliseconds: the first, the largest; 0 leaves one as it is.",
        user: state, call: setRetr)
    host.function("t_reset_retr", routes: routes, doc: "Takes back t_set_retr.", user: state, call: resetRetr)
    declareSwitches(host, state, routes)
}

private func declareSwitches(_ host: Host, _ state: UnsafeMutablePointer<State>, _ routes: Int) {
    host.function(
        "t_set_auto_inv_100", "on:int", routes: APUS_REQUEST_ROUTE,
        doc: "Whether the INVITE is answered 100 when it is relayed.", user: state
    ) { $0.turn(.noAuto100, on: $0.int(0) == 0) }
    host.function(
        "t_set_disable_6xx", "on:int", routes: routes,
        doc: "1: a 6xx is as any negative reply for this transaction.", user: state
    ) { $0.turn(.disable6xx, on: $0.int(0) != 0) }
    host.function(
        "t_set_disable_failover", "on:int", routes: routes,
        doc: "1: no further address of a name is tried.", user: state
    ) { $0.turn(.disableFailover, on: $0.int(0) != 0) }
    host.function(
        "t_set_disable_internal_reply", "on:int", routes: routes,
        doc: "1: no reply is made when relaying fails.", user: state
    ) { $0.turn(.disableInternalReply, on: $0.int(0) != 0) }
    host.function(
        "t_set_no_auto_ack", "on:int", routes: routes,
        doc: "1: a 2xx to an INVITE of our own is not acknowledged.", user: state
    ) { $0.turn(.noAutoAck, on: $0.int(0) != 0) }
    host.function(
        "t_set_no_e2e_cancel_reason", "on:int", routes: routes,
        doc: "1: our CANCELs do not carry the Reason of the CANCEL that caused them.", user: state
    ) { $0.turn(.noE2ECancelReason, on: $0.int(0) != 0) }
    host.function(
        "t_disable_e2e_cancel_reason", "on:int", routes: routes, flags: APUS_DEPRECATED,
        doc: "The same as t_set_no_e2e_cancel_reason.", user: state
    ) { $0.turn(.noE2ECancelReason, on: $0.int(0) != 0) }
}

extension UnsafePointer<apus_call> {
    /// A number of milliseconds as a timer takes it; nil, with an error in the log, when it is none.
    fileprivate func milliseconds(_ index: Int) -> UInt32? {
        guard has(index) else { return 0 }
        guard 0...Duration.longest ~= int(index) else {
            log(.error, "a time is 0 or more milliseconds, and at most ten days")
            return nil
        }
        return UInt32(int(index))
    }

    /// Where settings go while there is no transaction.
    fileprivate var presets: UnsafeMutablePointer<Presets>? {
        state.makeContext(of: pointee.msg)?.pointer(to: \.presets)
    }

    fileprivate func turn(_ flag: Transaction.Flags, on: Bool) -> CInt {
        guard let flags = transaction?.pointer(to: \.flags) ?? presets?.pointer(to: \.flags) else { return .false }
        if on { flags.pointee.insert(flag) } else { flags.pointee.remove(flag) }
        if transaction == nil { presets?.pointee.decided.insert(flag) }
        return .true
    }
}

private let setFR: @convention(c) (Call) -> CInt = { call in
    guard let invite = call.milliseconds(0), let other = call.milliseconds(1) else { return .false }
    if let transaction = call.transaction {
        transaction.setFinalTimers(invite: invite, other: other)
    } else if let presets = call.presets {
        if invite > 0 { presets.pointee.frInvite = invite }
        if other > 0 { presets.pointee.fr = other }
    }
    return .true
}

private let resetFR: @convention(c) (Call) -> CInt = { call in
    guard let settings = call.state.home?.settings.pointee else { return .false }
    if let transaction = call.transaction {
        transaction.setFinalTimers(invite: UInt32(settings.frInvTimer), other: UInt32(settings.frTimer))
    } else if let presets = call.presets {
        presets.pointee.frInvite = 0
        presets.pointee.fr = 0
    }
    return .true
}

private let setMaxLifetime: @convention(c) (Call) -> CInt = { call in
    guard let invite = call.milliseconds(0), let other = call.milliseconds(1) else { return .false }
    if let transaction = call.transaction {
        let lifetime = transaction.pointee.flags.contains(.invite) ? invite : other
        if lifetime > 0 { transaction.setLifetime(lifetime) }
    } else if let presets = call.presets {
        if invite > 0 { presets.pointee.inviteLifetime = invite }
        if other > 0 { presets.pointee.nonInviteLifetime = other }
    }
    return .true
}

private let resetMaxLifetime: @convention(c) (Call) -> CInt = { call in
    guard let settings = call.state.home?.settings.pointee else { return .false }
    if let transaction = call.transaction {
        let isInvite = transaction.pointee.flags.contains(.invite)
        transaction.setLifetime(UInt32(isInvite ? settings.maxInvLifetime : settings.maxNoninvLifetime))
    } else if let presets = call.presets {
        presets.pointee.inviteLifetime = 0
        presets.pointee.nonInviteLifetime = 0
    }
    return .true
}

private let setRetr: @convention(c) (Call) -> CInt = { call in
    guard let first = call.milliseconds(0), let largest = call.milliseconds(1) else { return .false }
    let shortest = UInt32(Settings.shortestRetransmission)
    guard first == 0 || first >= shortest, largest == 0 || largest >= shortest else {
        return call.fail("an interval of retransmission is at least 10 ms")
    }
    if let transaction = call.transaction {
        transaction.setIntervals(first: first, largest: largest)
    } else if let presets = call.presets {
        if first > 0 { presets.pointee.retr1 = first }
        if largest > 0 { presets.pointee.retr2 = largest }
    }
    return .true
}

private let resetRetr: @convention(c) (Call) -> CInt = { call in
    guard let settings = call.state.home?.settings.pointee else { return .false }
    if let transaction = call.transaction {
        transaction.setIntervals(first: UInt32(settings.retrTimer1), largest: UInt32(settings.retrTimer2))
    } else if let presets = call.presets {
        presets.pointee.retr1 = 0
        presets.pointee.retr2 = 0
    }
    return .true
}
