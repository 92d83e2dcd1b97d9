import Glibc
import PluginAPI

// Invariants: an OwnRun lies in the arena of its space, which is given back when the run is over. The made-up request is static text, so
// its space keeps no slot.

/// Runs that no message started: a module's timer, job or event (`script->start_run`).
enum OwnRuns {
    private struct OwnRun {
        var space: UnsafeMutablePointer<Space>
        var host: UnsafePointer<apus_host>
        var ended: (@convention(c) (UnsafePointer<apus_host>, UnsafePointer<apus_route_end>) -> Void)?
        var user: UnsafeMutableRawPointer?
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

    /// [worker] Starts the route on the calling worker; a null message means the made-up one.
    static let start: HostServices.StartRun = { _, host, start in
        let start = start.pointee
        guard let server = ServerWorker.current else { return CInt(APUS_FALSE) }
        guard server.pointee.script.pointee.busy < maxRuns else { return CInt(APUS_BUSY) }
        let space = server.takeSpace(nil)
        let faked = Message.parse(
            fakedRequest, record: space.message.record, arena: space.pointer(to: \.arena).unsafelyUnwrapped)
        guard faked.isAccepted, let place = space.pointee.arena.allocate(MemoryLayout<OwnRun>.stride) else {
            server.giveBack(space)
            return CInt(APUS_FALSE)
        }
        space.message.routing.options.insert([.faked, .noReply])
        let own = place.bindMemory(to: OwnRun.self, capacity: 1)
        own.initialize(to: OwnRun(space: space, host: host, ended: start.ended, user: start.user))
        var subject = space.message
        if let message = start.msg {
            // The caller's message may end while the script waits: the run has a copy of its own.
            let original = Message(opaque: message)
            guard let chunk = space.pointee.arena.allocate(original.cloneSize) else {
                server.giveBack(space)
                return CInt(APUS_FALSE)
            }
            subject = original.clone(into: chunk, arena: space.pointer(to: \.arena).unsafelyUnwrapped)
        }
        let run = server.pointee.script.begin(server.pointee.image, message: subject, context: own) { run in
            let run = run.assumingMemoryBound(to: Run.self)
            guard let own = run.pointee.context?.assumingMemoryBound(to: OwnRun.self).pointee else { return }
            OwnRuns.end(run, own)
        }
        let block = UnsafePointer<CompiledRoute>(start.route)
        var here = block.pointee
        here.kind = start.kind
        withUnsafePointer(to: &here) { run.enter($0) }
        return CInt(APUS_TRUE)
    }

    private static func end(_ run: UnsafeMutablePointer<Run>, _ own: OwnRun) {
        let end = run.pointee.end
        let subject = run.pointee.message
        let server = own.space.pointee.worker
        server.pointee.script.finish(run)
        var told = apus_route_end(
            size: UInt32(MemoryLayout<apus_route_end>.size), code: end.code, exited: end.exited ? 1 : 0,
            dropped: end.dropped ? 1 : 0, user: own.user, msg: subject.opaque)
        own.ended?(own.host, &told)
        server.pointee.shared.pointee.host.pointee.slots.end(subject)
        server.giveBack(own.space)
    }

    /// Runs that may be under way on one worker, those of messages among them.
    private static let maxRuns = 100_000
}
