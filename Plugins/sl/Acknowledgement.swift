import PluginKit

// Invariants: requests with one Call-ID, so an INVITE and its ACK, are handled by one worker: the time of the last reply is kept
// for each worker, without a lock.

/// Room for a stateless To tag.
let tagCapacity = 64

/// How long after the last negative reply ACKs are looked at, in milliseconds: 64 × T1, when an INVITE's client gives up
/// (RFC 3261 section 17.1.1.2).
private let patience: UInt64 = 32_000

/// A negative reply with our tag went to an INVITE: its ACK will come.
func expectAck(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    let now = UnsafeMutableRawPointer(bitPattern: UInt(host.pointee.timer.pointee.now(host)))
    host.pointee.slots.pointee.set_worker(host, state.pointee.lastReply, now)
}

/// Takes the ACK to a stateless negative reply of ours away before the script: it ends at the server that replied
/// (RFC 3261 section 17.1.1.3), and we know it by our tag in To.
let absorbAck: @convention(c) (UnsafePointer<apus_hook>) -> CInt = { hook in
    let host = hook.pointee.host
    let message = Message(handle: hook.pointee.msg, api: host.pointee.message)
    guard message.method == APUS_METHOD_ACK else { return .true }
    let state = hook.pointee.user.state
    guard let last = host.pointee.slots.pointee.worker(host, state.pointee.lastReply),
        host.pointee.timer.pointee.now(host) &- UInt64(UInt(bitPattern: last)) < patience
    else { return .true }
    let tag = message.field(APUS_FIELD_TO_TAG)
    let ours = withUnsafeTemporaryAllocation(of: CChar.self, capacity: tagCapacity) { buffer -> Bool in
        guard let start = buffer.baseAddress else { return false }
        let length = host.pointee.reply.pointee.stateless_tag(message.handle, start, tagCapacity)
        return length > 0 && tag.equals(apus_str(s: start, len: length))
    }
    guard ours else { return .true }
    host.bump(state.pointee.counters.acks)
    if let route = host.pointee.events.pointee.route(host, state.pointee.filteredAck) {
        var start = apus_start(
            size: UInt32(MemoryLayout<apus_start>.size), kind: UInt32(APUS_EVENT_ROUTE), flags: 0, reserved: 0,
            route: route, msg: message.handle, avps: nil, begun: nil, ended: nil, user: nil)
        _ = host.pointee.script.pointee.start_run(host, &start)
    }
    return .exit
}

/// `$ltt(s)`, `$ltt(t)`, `$ltt(x)`
let localToTag: @convention(c) (Access, UnsafeMutablePointer<apus_value>) -> CInt = { access, value in
    let message = access.message
    let wanted = access.pointee.inner_id
    if wanted > 0, let tm = access.pointee.user.state.pointee.tm, let transaction = tm.pointee.t_gett(message.handle) {
        return value.answer(tm.pointee.local_tag(transaction))
    }
    guard wanted != 1, message.isRequest, let writer = access.writer(tagCapacity) else { return .false }
    let start = UnsafeMutableRawPointer(writer.start).assumingMemoryBound(to: CChar.self)
    let length = access.host.pointee.reply.pointee.stateless_tag(message.handle, start, tagCapacity)
    return length > 0 ? value.answer(apus_str(s: start, len: length)) : .false
}
