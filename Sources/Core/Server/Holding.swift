import Glibc
import PluginAPI

// Invariants: a held Space is kept and has no run, and its record's owner is `holder`; it is given back in `end` or, when the hook that held it
// has not returned yet, by whoever called the hook. `hooked` is the Space whose hook runs. CANCELs in `adopted` are kept and have no run.

/// Messages that modules take over from the server: in a hook for as long as they like, or, of a request, all care for its transaction.
enum Holding {
    /// [worker] `message->hold`.
    static let hold: HostServices.Hold = { message in
        guard let server = ServerWorker.current, let space = server.pointee.hooked,
            UnsafeMutablePointer<MessageRecord>(message) == space.message.record,
            server.pointee.script.pointee.suspensions.waiting + server.pointee.held
                < server.pointee.shared.pointee.maxSuspended
        else { return false }
        server.keep(space)
        server.pointee.held += 1
        space.message.record.pointee.owner = .holder
        return true
    }

    /// [worker] `message->release` of a message that is held.
    static let end: HostServices.EndHolding = { message in
        guard let server = ServerWorker.current else { return }
        let space = UnsafeMutablePointer<Space>(holding: UnsafeMutablePointer(message))
        server.pointee.held -= 1
        space.message.record.pointee.owner = .server
        // Its hook has not even returned: what called it gives the space back.
        if server.pointee.hooked == space { return }
        server.finish(space)
    }

    /// [worker] `message->adopt`: retransmissions and CANCELs are the module's from now on.
    static let adopt: @convention(c) (UnsafeMutableRawPointer, UnsafeMutableRawPointer) -> Void = { worker, record in
        let worker = worker.assumingMemoryBound(to: Worker.self)
        guard let server = worker.pointee.context?.assumingMemoryBound(to: ServerWorker.self) else { return }
        let space = UnsafeMutablePointer<Space>(holding: record.assumingMemoryBound(to: MessageRecord.self))
        space.pointee.isAdopted = true
        server.pointee.inFlight.remove(space)
        worker.pointee.wheel.remove(space.tryingTimer)
        server.deferCancels(of: space)
    }

    /// [worker] At the end of each turn of the loop.
    static let turnEnds: TurnEnds.Hook = { _, server in
        guard let server = server?.assumingMemoryBound(to: ServerWorker.self) else { return }
        while let cancels = server.pointee.adopted {
            server.pointee.adopted = nil
            server.resume(cancels)
        }
        server.runReleased()
    }
}

extension UnsafeMutablePointer<ServerWorker> {
    /// Runs the hooks of that point.
    /// - Returns: false when a module has dealt with the message; then `leave` ends it.
    func passes(_ point: HookTables.Point, _ space: UnsafeMutablePointer<Space>) -> Bool {
        let outer = pointee.hooked
        pointee.hooked = space
        defer { pointee.hooked = outer }
        return pointee.shared.pointee.host.pointee.hooks.run(point, space.message)
    }

    /// A module has dealt with the message in a hook: it ends, unless it is held.
    func leave(_ space: UnsafeMutablePointer<Space>) {
        guard space.message.record.pointee.owner == .holder else { return finish(space) }
        if let run = space.pointee.run { pointee.script.finish(run) }
        space.pointee.run = nil
    }

    /// The CANCELs that wait for the request are routed when this turn of the loop ends: the script that runs must not be nested in theirs.
    fileprivate func deferCancels(of space: UnsafeMutablePointer<Space>) {
        guard let newest = space.pointee.cancels else { return }
        space.pointee.cancels = nil
        var oldest = newest
        while let next = oldest.pointee.next { oldest = next }
        oldest.pointee.next = pointee.adopted
        pointee.adopted = newest
    }
}

extension UnsafeMutablePointer<Space> {
    /// The Space in which a record of the server lies.
    fileprivate init(holding record: UnsafeMutablePointer<MessageRecord>) {
        let offset = MemoryLayout<Space>.offset(of: \.record)!
        self = (UnsafeMutableRawPointer(record) - offset).assumingMemoryBound(to: Space.self)
    }
}
