import CLinux
import Glibc
import PluginAPI

// Invariants: an Errand is made by the worker, belongs to the thread of the pool that works on it from `post` on, and is freed there. `pool` is set
// before the workers start, and closed when they have ended.

/// The core's `exec`: shell commands on threads of their own, so that nothing else waits for them.
enum ShellCommands {
    /// Milliseconds after which the script goes on; the command does, too.
    static let patience: UInt32 = 60_000
    /// Commands at once; further ones wait.
    static let limit = 4

    private nonisolated(unsafe) static var pool: OffloadPool?

    static func open() { pool = OffloadPool(limit: limit, bound: 256) }

    /// When no worker runs any more: commands that still run are not waited for.
    static func close() {
        pool?.abandon()
        pool = nil
    }

    private struct Errand {
        var node: OffloadNode
        var token: UInt64
        /// With a 0 behind it; *program*, which outlives no command: a copy.
        var command: UnsafeMutablePointer<CChar>
    }

    /// `ScriptEnvironment.execute`
    static let execute: ScriptEnvironment.Execute = { call, command in
        guard let pool else { return CInt(APUS_FALSE) }
        let token = call.coreRun.beginSuspension(milliseconds: patience, done: ended, user: nil)
        guard token != 0 else {
            call.coreRun.logAtStatement(.error, "a command is not run, the script cannot wait here: ", command.bytes)
            return CInt(APUS_FALSE)
        }
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: command.len + 1)
        if let s = command.s { copy.update(from: s, count: command.len) }
        copy[command.len] = 0
        let errand = UnsafeMutablePointer<Errand>.allocate(capacity: 1)
        errand.initialize(to: Errand(node: OffloadNode(work), token: token, command: copy))
        let node = UnsafeMutableRawPointer(errand).assumingMemoryBound(to: OffloadNode.self)
        guard case .taken = pool.post(node) else {
            copy.deallocate()
            errand.deallocate()
            call.coreRun.logAtStatement(.error, "a command is not run, too many wait: ", command.bytes)
            return CInt(APUS_FALSE)
        }
        return CInt(APUS_SUSPENDED)
    }

    /// On a thread of the pool.
    private static let work: @convention(c) (UnsafeMutableRawPointer) -> Void = { node in
        let errand = node.assumingMemoryBound(to: Errand.self)
        let code = run(errand.pointee.command)
        if code != 0 {
            Log.line(.notice) { line in
                line.add("exec() returned ")
                line.add(Int(code))
                line.add(": ")
                line.add(String(cString: errand.pointee.command))
            }
        }
        SuspensionDirectory.complete(errand.pointee.token, status: CInt(APUS_OK), payload: nil, release: nil)
        errand.pointee.command.deallocate()
        errand.deallocate()
    }

    private static let ended: Suspension.Done = { call, status, _ in
        if status == CInt(APUS_TIMED_OUT) { call.coreRun.logAtStatement(.error, "a command takes too long") }
        return CInt(APUS_TRUE)
    }

    /// Runs it: its status as waitpid has it, or an errno below 0 when it cannot be started.
    private static func run(_ command: UnsafePointer<CChar>) -> Int32 {
        var child = pid_t()
        let code = linux_spawn_shell(command, &child)
        guard code == 0 else { return -code }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {
            if errno != EINTR { return -errno }
        }
        return status
    }
}
