import PluginAPI

// Invariants: onsend_route cannot wait and calls nothing that composes a message, so the bytes in the worker's buffer stand until it has
// ended. What is kept of them lies in the run's arena.

/// onsend_route: a last look at a request before it leaves.
extension StatelessForward {
    private struct Held {
        var outgoing: Outgoing
        var sending: Run.Sending
    }

    /// Runs the block; the request leaves unless it says drop.
    static func look(
        _ call: UnsafePointer<apus_call>, _ outgoing: Outgoing, _ route: UnsafePointer<CompiledRoute>
    ) -> CInt {
        let run = call.coreRun
        guard let place = run.allocate(MemoryLayout<Held>.stride) else { return CInt(APUS_FALSE) }
        let held = place.bindMemory(to: Held.self, capacity: 1)
        let sending = Run.Sending(
            local: outgoing.listener.address, remote: outgoing.remote,
            transport: UInt32(outgoing.listener.proto.rawValue), bytes: outgoing.bytes)
        held.initialize(to: Held(outgoing: outgoing, sending: sending))
        run.pointee.sending = UnsafePointer(held.pointer(to: \.sending))
        let result = run.runRoute(
            route, kind: RouteKind.onsend.mask, message: call.coreMessage, then: looked, user: place)
        if result != CInt(APUS_SUSPENDED) { run.pointee.sending = nil }
        return result
    }

    private static let looked: Run.Frame.Then = { call, end in
        call.coreRun.pointee.sending = nil
        guard end.pointee.dropped == 0, let server = ServerWorker.current,
            let held = end.pointee.user?.assumingMemoryBound(to: Held.self)
        else { return CInt(APUS_FALSE) }
        return send(call.coreMessage, held.pointee.outgoing, server)
    }
}
