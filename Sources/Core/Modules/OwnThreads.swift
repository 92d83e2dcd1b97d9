import Glibc
import PluginAPI

// Invariants: used on the main thread. What a module hands over is called on the thread that apus/offload.h says.

/// Threads that modules have for themselves: they last from the moment that the server is ready to the end of its workers.
final class OwnThreads {
    /// What a module does on one.
    struct Body: @unchecked Sendable {
        typealias Call = @convention(c) (UnsafePointer<apus_host>, UnsafeMutableRawPointer?) -> Void

        let host: UnsafePointer<apus_host>
        let name: String
        let run: Call
        let end: Call
        let user: UnsafeMutableRawPointer?
    }

    private var bodies: [Body] = []
    private var running: [(body: Body, thread: pthread_t)] = []

    func add(_ body: Body) { bodies.append(body) }

    /// Starts them all. One that cannot be started is logged.
    func begin() {
        for body in bodies {
            do throws(SystemError) {
                let thread = try Threads.start(body.name) { body.run(body.host, body.user) }
                running.append((body, thread))
            } catch {
                Log.error("\(body.host.module.name): thread \(body.name) cannot be started: \(error.text)")
            }
        }
    }

    /// Tells them to end, and waits for it. A second call does nothing.
    func end() {
        for one in running { one.body.end(one.body.host, one.body.user) }
        for one in running { pthread_join(one.thread, nil) }
        running = []
    }
}
