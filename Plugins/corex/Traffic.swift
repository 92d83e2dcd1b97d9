import PluginKit

// Invariants: the message of a hook lives until the hook returns, and so does what is allocated with it. One look at a time on a worker: what is
// sent meanwhile is not shown.

/// APUS_HOOK_RECEIVED
let trafficReceived: @convention(c) (UnsafePointer<apus_hook>) -> CInt = { hook in
    guard hook.wantsTraffic else { return .true }
    return hook.showTraffic(isOutgoing: false)
}

/// APUS_HOOK_SENDING
let trafficSending: @convention(c) (UnsafePointer<apus_hook>) -> CInt = { hook in
    if hook.wantsTraffic { _ = hook.showTraffic(isOutgoing: true) }
    return .true
}

/// APUS_HOOK_SENDING
let replySending: @convention(c) (UnsafePointer<apus_hook>) -> CInt = { hook in
    hook.raiseReplyOut()
    return .true
}

extension UnsafePointer<apus_hook> {
    private var shown: apus_str { pointee.host.pointee.message.pointee.bytes(pointee.msg) }

    /// nio_intercept and nio_min_msg_len.
    fileprivate var wantsTraffic: Bool {
        state.pointee.interceptsTraffic != 0 && Int64(shown.len) >= state.pointee.shortestTraffic
            && pointee.host.pointee.events.pointee.route(pointee.host, state.pointee.trafficEvent) != nil
    }

    /// Runs event_route[network:msg]. What it leaves in nio_msg_avp takes the place of the bytes.
    fileprivate func showTraffic(isOutgoing: Bool) -> CInt {
        guard let own = pointee.host.workerState else { return .true }
        own.pointee.isOutgoing = isOutgoing
        defer { own.pointee.isOutgoing = false }
        return pointee.host.pointee.script.pointee.with_call(
            pointee.host, pointee.msg, nil, runTraffic, UnsafeMutableRawPointer(mutating: UnsafeRawPointer(self)))
    }

    /// event_route[corex:reply-out], on a copy of the reply.
    fileprivate func raiseReplyOut() {
        let host = pointee.host
        guard let route = host.pointee.events.pointee.route(host, state.pointee.replyEvent) else { return }
        let bytes = shown
        guard bytes.hasPrefix("SIP/2.0 "), let reply = host.pointee.message.pointee.parse(host, bytes) else { return }
        defer { host.pointee.message.pointee.release(host, reply) }
        var start = apus_start(
            size: UInt32(MemoryLayout<apus_start>.size), kind: UInt32(APUS_EVENT_ROUTE), flags: 0, reserved: 0,
            route: route, msg: reply, avps: nil, begun: nil, ended: nil, user: nil)
        if host.pointee.script.pointee.start_run(host, &start) < 0 {
            host.log(.warning, "corex:reply-out is not run: too many runs are under way")
        }
    }
}

/// How event_route[network:msg] has ended.
private struct TrafficEnd {
    var isDropped = false
}

/// With a call whose AVPs the block has, too: they are read when it is over.
private let runTraffic: @convention(c) (Call) -> CInt = { call in
    let host = call.host
    let hook = UnsafePointer(call.pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: apus_hook.self))
    guard let route = host.pointee.events.pointee.route(host, state.pointee.trafficEvent),
        let avps = host.pointee.vars.pointee.share_avps(call)
    else { return .true }
    defer { host.pointee.vars.pointee.release_avps(host, avps) }
    var end = TrafficEnd()
    withUnsafeMutablePointer(to: &end) { end in
        var start = apus_start(
            size: UInt32(MemoryLayout<apus_start>.size), kind: UInt32(APUS_EVENT_ROUTE),
            flags: UInt32(APUS_IN_PLACE | APUS_NO_WAIT), reserved: 0, route: route, msg: hook.pointee.msg, avps: avps,
            begun: nil,
            ended: { _, told in
                guard let end = told.pointee.user?.assumingMemoryBound(to: TrafficEnd.self) else { return }
                end.pointee.isDropped = told.pointee.dropped != 0
            }, user: end)
        _ = host.pointee.script.pointee.start_run(host, &start)
    }
    guard !end.isDropped else { return .exit }
    var value = apus_value()
    guard let variable = state.pointee.trafficVariable,
        host.pointee.vars.pointee.get(call, variable, &value) > 0, value.isText, value.str.len > 0,
        let place = host.pointee.message.pointee.allocate(hook.pointee.msg, value.str.len), let source = value.str.s
    else { return .true }
    place.copyMemory(from: source, byteCount: value.str.len)
    hook.pointee.bytes?.pointee = apus_str(
        s: UnsafePointer(place.assumingMemoryBound(to: CChar.self)), len: value.str.len)
    return .true
}
