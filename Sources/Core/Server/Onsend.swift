import PluginAPI

// Invariants: onsend_route cannot wait and calls nothing that composes a message, so the bytes in the worker's buffer stand until it has
// ended. What is kept meanwhile lies in the run's arena.

/// onsend_route: a last look at a request before it leaves.
enum Onsend {
    private struct Held {
        var sending: Run.Sending
        var then: Run.Frame.Then
        var user: UnsafeMutableRawPointer?
    }

    /// [worker] Runs the block, if the script has one, as `net->onsend` of the contract says. `sending` is copied.
    static let look: HostServices.Onsend = { call, message, sending, then, user in
        let run = call.coreRun
        guard let route = run.pointee.image.pointee.main.onsend else { return CInt(APUS_TRUE) }
        guard let place = run.allocate(MemoryLayout<Held>.stride) else { return CInt(APUS_FALSE) }
        let held = place.bindMemory(to: Held.self, capacity: 1)
        held.initialize(
            to: Held(sending: sending.assumingMemoryBound(to: Run.Sending.self).pointee, then: then, user: user))
        run.pointee.sending = UnsafePointer(held.pointer(to: \.sending))
        let result = run.runRoute(
            route, kind: RouteKind.onsend.mask, message: Message(opaque: message), then: looked, user: place)
        if result != CInt(APUS_SUSPENDED) { run.pointee.sending = nil }
        return result
    }

    /// [worker] Runs the block on a reply that is passed on, as `net->onsend_reply` of the contract says; false when it must not be sent.
    static let passes: HostServices.OnsendReply = { message, sending in
        guard let server = ServerWorker.current, let route = server.pointee.script.pointee.main.onsend else {
            return true
        }
        let end = server.runShort(
            route, on: Message(opaque: message), sending: sending.assumingMemoryBound(to: Run.Sending.self))
        return !end.dropped
    }

    private static let looked: Run.Frame.Then = { call, end in
        call.coreRun.pointee.sending = nil
        guard let held = end.pointee.user?.assumingMemoryBound(to: Held.self) else { return CInt(APUS_FALSE) }
        var told = end.pointee
        told.user = held.pointee.user
        return held.pointee.then(call, &told)
    }
}
