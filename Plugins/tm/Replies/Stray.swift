import PluginKit

// Invariants: a StrayRun lies in a piece of the worker's memory from the start of its route to its end; the reply that it works on is held as
// long, so that the route may wait.

/// One run of the `on_sl_reply` route, on a reply that matched no transaction.
private struct StrayRun {
    let home: UnsafeMutablePointer<Home>
    let message: OpaquePointer
    var hasWaited = false
    var isOver = false
    /// The route let it pass.
    var passes = false

    static let ended: @convention(c) (Host, UnsafePointer<apus_route_end>) -> Void = { _, end in
        let run = end.pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: StrayRun.self)
        run.pointee.isOver = true
        run.pointee.passes = end.pointee.dropped == 0 && end.pointee.code != 0
        guard run.pointee.hasWaited else { return }
        let home = run.pointee.home
        let message = run.pointee.message
        if run.pointee.passes { home.passOn(message) }
        home.release(run)
        home.messages.pointee.release(home.host, message)
    }
}

extension UnsafeMutablePointer<Home> {
    /// A reply that matched nothing: the route of `on_sl_reply` decides whether it is forwarded without state.
    /// - Returns: the hook's answer.
    func routeStray(_ message: OpaquePointer) -> CInt {
        // It is of one hop (RFC 3261 section 17.2.1).
        if messages.pointee.status(message) == 100, settings.pointee.relay100 == 0 { return .exit }
        let name = settings.pointee.onSlReply
        guard !name.isEmpty,
            let route = host.pointee.script.pointee.find_route(host, UInt32(APUS_TM_ONREPLY_ROUTE), name)
        else { return .true }
        // What the script was to look at does not pass unseen.
        guard messages.pointee.hold(host, message) > 0 else { return .exit }
        guard let run = allocate(StrayRun.self) else {
            messages.pointee.release(host, message)
            return .exit
        }
        run.initialize(to: StrayRun(home: self, message: message))
        var start = apus_start(
            size: UInt32(MemoryLayout<apus_start>.size), kind: UInt32(APUS_TM_ONREPLY_ROUTE),
            flags: UInt32(APUS_IN_PLACE), reserved: 0, route: route, msg: message, avps: nil, begun: nil,
            ended: StrayRun.ended, user: run)
        guard host.pointee.script.pointee.start_run(host, &start) <= 0 || run.pointee.isOver else {
            run.pointee.hasWaited = true
            return .exit
        }
        let passes = run.pointee.passes
        release(run)
        messages.pointee.release(host, message)
        return passes ? .true : .exit
    }

    /// Forwards a reply without state, to where its second Via says (RFC 3261 section 16.11).
    fileprivate func passOn(_ message: OpaquePointer) {
        let net = host.pointee.net
        guard let via = Message(handle: message, api: messages).via(1) else { return }
        var destination = apus_destination()
        destination.size = UInt32(MemoryLayout<apus_destination>.size)
        destination.transport = net.pointee.transport(via.transport)
        let isNamed = via.received.isEmpty
        guard net.pointee.parse_address(isNamed ? via.host : via.received, &destination.remote) > 0 else { return }
        let mapped = via.rport.number.flatMap { UInt16(exactly: $0) } ?? 0
        let named = UInt16(truncatingIfNeeded: via.port)
        let isTLS = destination.transport == UInt32(APUS_TLS) || destination.transport == UInt32(APUS_WSS)
        destination.remote.port = mapped != 0 ? mapped : named != 0 ? named : isTLS ? 5061 : 5060
        var bytes = apus_str()
        guard net.pointee.choose(host, &destination, nil) > 0, let listener = destination.listener,
            messages.pointee.write_reply(host, message, listener, &bytes) > 0
        else { return }
        _ = net.pointee.send(host, &destination, bytes)
    }
}
