import PluginAPI

// Invariants: a message that shows bytes lies in a space of its own, taken and given back within one function. Bytes that somebody puts in the
// place of others are copied into the arena of the space that outlives their use: that of the message that came in, or that of the one shown.

/// Bytes before they are parsed, and on their way out: what core:msg-received and modules see.
extension UnsafeMutablePointer<ServerWorker> {
    /// Somebody wants to see what comes in.
    @inline(__always)
    var seesReceived: Bool {
        let shared = pointee.shared
        return shared.pointee.host.pointee.hooks.wants(.received, pointee.script.pointee.inForce)
            || (shared.pointee.showsReceived && pointee.script.pointee.main.received != nil)
    }

    /// Shows the bytes of a message that has arrived.
    /// - Parameter space: of that message, in which nothing is parsed yet.
    /// - Returns: the bytes to be parsed; nil: none.
    func showReceived(_ slot: UnsafeMutablePointer<Received>, _ space: UnsafeMutablePointer<Space>) -> Bytes? {
        let probe = takeSpace(nil)
        defer { giveBack(probe) }
        let arena = space.pointer(to: \.arena).unsafelyUnwrapped
        func show(_ bytes: Bytes) -> Message {
            let message = RawBytes.message(bytes, in: probe)
            note(slot, in: message)
            return message
        }
        let shared = pointee.shared
        let shown = shared.pointee.host.pointee.hooks.run(
            .received, slot.pointee.bytes, pointee.script.pointee.inForce, destination: nil, shown: show,
            keep: { RawBytes.copy($0, arena) })
        guard let shown, shared.pointee.showsReceived, let route = pointee.script.pointee.main.received else {
            return shown
        }
        return run(route, on: show(shown), shown, keep: arena)
    }

    /// core:msg-received
    private func run(
        _ route: UnsafePointer<CompiledRoute>, on message: Message, _ bytes: Bytes,
        keep arena: UnsafeMutablePointer<Arena>
    ) -> Bytes? {
        var changed = Bytes.empty
        let end = runShort(route, on: message) { text in
            guard text.len > 0 else { return }
            changed = RawBytes.copy(text.bytes, arena) ?? .empty
        }
        if end.dropped || end.failed { return nil }
        return changed.isEmpty ? bytes : changed
    }

    /// Runs a block that cannot wait on a message that the caller has.
    /// - Parameters:
    ///   - sending: what it looks at, of onsend_route.
    ///   - received: gets what the block has put in the place of the received bytes, while its run is still there.
    func runShort(
        _ route: UnsafePointer<CompiledRoute>, on message: Message, sending: UnsafePointer<Run.Sending>? = nil,
        received: (apus_str) -> Void = { _ in }
    ) -> Run.End {
        guard let image = route.pointee.image else { return Run.End() }
        var changed = apus_str()
        return withUnsafeMutablePointer(to: &changed) { changed in
            let run = pointee.script.begin(image, message: message, context: nil) { _ in }
            defer { pointee.script.finish(run) }
            run.pointee.mayWait = false
            run.pointee.receivedBytes = changed
            run.pointee.sending = sending
            setLogPrefix(of: run)
            run.enter(route)
            received(changed.pointee)
            return run.pointee.end
        }
    }
}

/// What is shown of bytes.
enum RawBytes {
    /// A message that knows its bytes and nothing else.
    static func message(_ bytes: Bytes, in space: UnsafeMutablePointer<Space>) -> Message {
        let message = space.message
        _ = Message.start(bytes, message.record, space.pointer(to: \.arena).unsafelyUnwrapped)
        message.record.pointee.owner = .server
        message.routing.options.insert([.faked, .noReply])
        return message
    }

    static func copy(_ bytes: Bytes, _ arena: UnsafeMutablePointer<Arena>) -> Bytes? {
        guard let place = arena.pointee.allocate(bytes.count) else { return nil }
        place.copyMemory(from: bytes.start, byteCount: bytes.count)
        return Bytes(UnsafePointer(place.assumingMemoryBound(to: UInt8.self)), bytes.count)
    }

    /// `Worker.sender`: shows the bytes to the modules that want to see them, then sends what they have made of them.
    static let send: Worker.Sender = { worker, flow, start, count in
        let worker = worker.assumingMemoryBound(to: Worker.self)
        let flow = flow.assumingMemoryBound(to: Flow.self)
        let table = flow.pointee.listener.table
        guard let server = worker.pointee.context?.assumingMemoryBound(to: ServerWorker.self),
            !server.pointee.isShowing,
            server.pointee.shared.pointee.host.pointee.hooks.wants(.sending, server.pointee.script.pointee.inForce)
        else { return table.pointee.send(worker, flow, start, count) }
        server.pointee.isShowing = true
        let space = server.takeSpace(nil)
        defer { server.giveBack(space) }
        let arena = space.pointer(to: \.arena).unsafelyUnwrapped
        var destination = apus_destination()
        destination.size = UInt32(MemoryLayout<apus_destination>.size)
        // A script may compose another message, in the buffer in which these bytes may stand.
        let bytes = copy(Bytes(start, count), arena) ?? Bytes(start, count)
        let shown = withUnsafeMutablePointer(to: &destination) { destination in
            destination.set(flow.pointee)
            return server.pointee.shared.pointee.host.pointee.hooks.run(
                .sending, bytes, server.pointee.script.pointee.inForce, destination: destination,
                shown: { message($0, in: space) },
                keep: { copy($0, arena) })
        }
        server.pointee.isShowing = false
        let leaving = shown ?? bytes
        return table.pointee.send(worker, flow, leaving.start, leaving.count)
    }
}
