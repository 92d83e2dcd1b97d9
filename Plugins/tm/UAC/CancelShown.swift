import PluginKit

// Invariants: a CancelShown lies in a piece of the worker's memory until its route has ended and `show` has returned, whichever comes last.

/// `evlreq_mode`: event_route[tm:local-request] looks at a CANCEL of our own, and may drop it. What it changes is for the log only; when it
/// waits, the CANCEL does not.
struct CancelShown {
    fileprivate var isOver = false
    fileprivate var isDropped = false
    /// Nobody reads the result any more.
    fileprivate var isLeft = false

    /// Whether a CANCEL of these bytes may leave.
    static func mayLeave(_ bytes: apus_str, _ home: UnsafeMutablePointer<Home>) -> Bool {
        let host = home.host
        guard home.settings.pointee.evlreqMode & 1 != 0,
            let route = host.pointee.events.pointee.route(host, home.pointee.state.pointee.localRequestEvent),
            let message = home.messages.pointee.parse(host, bytes)
        else { return true }
        defer { home.messages.pointee.release(host, message) }
        guard let shown = home.allocate(CancelShown.self) else { return true }
        shown.initialize(to: CancelShown())
        // On a copy: the route may go on when the message is gone.
        var start = apus_start(
            size: UInt32(MemoryLayout<apus_start>.size), kind: UInt32(APUS_LOCAL_ROUTE), flags: 0, reserved: 0,
            route: route, msg: message, avps: nil, begun: nil, ended: CancelShown.ended, user: shown)
        let isStarted = host.pointee.script.pointee.start_run(host, &start) > 0
        guard isStarted, !shown.pointee.isOver else {
            let isDropped = shown.pointee.isDropped
            home.release(shown)
            return !isDropped
        }
        shown.pointee.isLeft = true
        return true
    }

    private static let ended: @convention(c) (Host, UnsafePointer<apus_route_end>) -> Void = { host, end in
        let shown = end.pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: CancelShown.self)
        guard !shown.pointee.isLeft else { return host.pointee.memory.pointee.release(host, shown) }
        shown.pointee.isOver = true
        shown.pointee.isDropped = end.pointee.dropped != 0
    }
}
