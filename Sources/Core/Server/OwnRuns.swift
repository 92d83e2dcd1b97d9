import Glibc
import PluginAPI

// Invariants: an OwnRun lies in the arena of its run. A run in place works on a message of somebody else, who keeps it until `ended`; any
// other has a space, which is given back when the run is over. The made-up request is static text, so its space keeps no slot.

/// Runs that modules start (`script->start_run`): from a timer, a job, an event, or on a message that they have at hand.
enum OwnRuns {
    private struct OwnRun {
        var server: UnsafeMutablePointer<ServerWorker>
        var host: UnsafePointer<apus_host>
        var ended: (@convention(c) (UnsafePointer<apus_host>, UnsafePointer<apus_route_end>) -> Void)?
        var user: UnsafeMutableRawPointer?
        /// That the run began on.
        var subject: Message
        /// Of the subject; nil in place.
        var space: UnsafeMutablePointer<Space>?
    }

    /// What such a script sees instead of a message: nobody sent it, and nothing can be answered.
    private static var fakedRequest: Bytes {
        Bytes(
            """
            OPTIONS sip:you@localhost SIP/2.0\r
            Via: SIP/2.0/UDP 127.0.0.1\r
            From: <sip:you@localhost>;tag=0\r
            To: <sip:you@localhost>\r
            Call-ID: 0@127.0.0.1\r
            CSeq: 1 OPTIONS\r
            Content-Length: 0\r
            \r

            """)
    }

    /// [worker] Starts the route on the calling worker: on the message itself when it shall be in place, on a copy of it, or on the made-up
    /// one when there is none.
    static let start: HostServices.StartRun = { host, start in
        guard let server = ServerWorker.current else { return CInt(APUS_FALSE) }
        guard server.pointee.script.pointee.busy < maxRuns else { return CInt(APUS_BUSY) }
        let subject: Message
        var space: UnsafeMutablePointer<Space>?
        if start.pointee.flags & UInt32(APUS_IN_PLACE) != 0, let message = start.pointee.msg {
            subject = Message(opaque: message)
        } else if let own = OwnRuns.subject(start.pointee.msg, server) {
            (subject, space) = own
        } else {
            return CInt(APUS_FALSE)
        }
        let own = OwnRun(
            server: server, host: host, ended: start.pointee.ended, user: start.pointee.user, subject: subject,
            space: space)
        return OwnRuns.begin(own, start)
    }

    /// A message that only the run has, and the space that it lies in. Nil when memory is out.
    private static func subject(
        _ message: OpaquePointer?, _ server: UnsafeMutablePointer<ServerWorker>
    ) -> (Message, UnsafeMutablePointer<Space>)? {
        let space = server.takeSpace(nil)
        let arena = space.pointer(to: \.arena).unsafelyUnwrapped
        if let message {
            let original = Message(opaque: message)
            if let chunk = arena.pointee.allocate(original.cloneSize) {
                return (original.copy(into: chunk, arena: arena), space)
            }
        } else if Message.parse(fakedRequest, record: space.message.record, arena: arena).isAccepted {
            space.message.routing.options.insert([.faked, .noReply])
            return (space.message, space)
        }
        server.giveBack(space)
        return nil
    }

    private static func begin(_ own: OwnRun, _ start: UnsafePointer<apus_start>) -> CInt {
        let server = own.server
        var route = UnsafePointer<CompiledRoute>(start.pointee.route).pointee
        guard let image = route.image else { return CInt(APUS_FALSE) }
        let run = server.pointee.script.begin(image, message: own.subject, context: nil) { run in
            OwnRuns.end(run.assumingMemoryBound(to: Run.self))
        }
        guard let place = run.allocate(MemoryLayout<OwnRun>.stride) else {
            server.pointee.script.finish(run)
            if let space = own.space { server.giveBack(space) }
            return CInt(APUS_FALSE)
        }
        place.bindMemory(to: OwnRun.self, capacity: 1).initialize(to: own)
        run.pointee.context = place
        run.pointee.routeKind = start.pointee.kind
        run.pointee.mayWait = start.pointee.flags & UInt32(APUS_NO_WAIT) == 0
        if let avps = UnsafeMutablePointer<AVPSet>(start.pointee.avps) {
            avps.retain()
            run.pointee.avps = avps
        }
        start.pointee.begun?(own.host, own.subject.opaque, own.user)
        server.setLogPrefix(of: run)
        route.kind = start.pointee.kind
        withUnsafePointer(to: &route) { run.enter($0) }
        return CInt(APUS_TRUE)
    }

    private static func end(_ run: UnsafeMutablePointer<Run>) {
        guard let own = run.pointee.context?.assumingMemoryBound(to: OwnRun.self).pointee else { return }
        let end = run.pointee.end
        own.server.pointee.script.finish(run)
        var told = apus_route_end(
            size: UInt32(MemoryLayout<apus_route_end>.size), code: end.code, exited: end.exited ? 1 : 0,
            dropped: end.dropped ? 1 : 0, user: own.user, msg: own.subject.opaque)
        own.ended?(own.host, &told)
        guard let space = own.space else { return }
        own.server.pointee.shared.pointee.host.pointee.slots.end(own.subject)
        own.server.giveBack(space)
    }

    /// Runs that may be under way on one worker, those of messages among them.
    private static let maxRuns = 100_000
}
