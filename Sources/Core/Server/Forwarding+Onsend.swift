import PluginAPI

// Invariants: what is to leave lies in the run's arena while the block runs, its bytes in the worker's buffer.

/// What `forward` does when the script has an onsend_route.
extension StatelessForward {
    /// Runs the block; the request leaves unless it says drop.
    static func look(_ call: UnsafePointer<apus_call>, _ outgoing: Outgoing) -> CInt {
        guard let place = call.coreRun.allocate(MemoryLayout<Outgoing>.stride) else { return CInt(APUS_FALSE) }
        place.bindMemory(to: Outgoing.self, capacity: 1).initialize(to: outgoing)
        var sending = Run.Sending(
            local: outgoing.listener.address, remote: outgoing.remote,
            transport: UInt32(outgoing.listener.proto.rawValue), bytes: outgoing.bytes)
        return Onsend.look(call, call.pointee.msg, &sending, looked, place)
    }

    private static let looked: Run.Frame.Then = { call, end in
        guard end.pointee.dropped == 0, let server = ServerWorker.current,
            let outgoing = end.pointee.user?.assumingMemoryBound(to: Outgoing.self)
        else { return CInt(APUS_FALSE) }
        return send(call.coreMessage, outgoing.pointee, server)
    }
}
