import PluginAPI

// Invariants: limits are the worker's own (`ScriptWorker.latency`).

/// What takes too long and holds up a worker: functions (latency_limit_action), blocks that messages enter by (latency_limit_cfg). The time that a
/// script waits is nobody's and does not count.
enum Latency {
    struct Limits: Sendable {
        /// Nanoseconds of one call; 0: calls are not timed.
        var action: UInt64 = 0
        var actionLevel = LogLevel.error
        /// Nanoseconds of one block; nil: blocks are not timed.
        var block: UInt64?
        var blockLevel = LogLevel.debug
    }

    /// Makes a call, and tells when it takes longer than the limit.
    @inline(never)
    static func time(_ run: UnsafeMutablePointer<Run>, _ site: UnsafePointer<CallSite>) -> CInt {
        let before = Syscalls.monotonicNanoseconds()
        let result = run.withCall { site.pointee.call($0) }
        let spent = Syscalls.monotonicNanoseconds() - before
        let limits = run.pointee.worker.pointee.latency
        if spent > limits.action { tell(site, run.pointee.image, spent, limits.actionLevel) }
        return result
    }

    private static func tell(
        _ site: UnsafePointer<CallSite>, _ image: UnsafePointer<ProgramImage>, _ spent: UInt64, _ level: LogLevel
    ) {
        Log.line(level) { line in
            line.add("alert - action [")
            line.add(site.pointee.function.bytes)
            line.add("] cfg [")
            line.add(image.pointee.files[Int(site.pointee.file)].bytes)
            line.add(":")
            line.add(Int(site.pointee.line))
            line.add("] took too long [")
            line.add(unsigned: spent / 1000)
            line.add(" us]")
        }
    }

    /// Runs a block that a message enters by, or the part of it up to where it waits.
    @inline(never)
    static func time(_ kind: StaticString, limit: UInt64, _ level: LogLevel, _ body: () -> Void) {
        let before = Syscalls.monotonicNanoseconds()
        body()
        let spent = Syscalls.monotonicNanoseconds() - before
        guard spent > limit else { return }
        Log.line(level) { line in
            line.add(kind)
            line.add(" executed in: ")
            line.add(unsigned: spent / 1000)
            line.add(" usec")
        }
    }
}
