import PluginAPI

// Invariants: `limits` is written before the workers start and constant afterwards. A timed call's site is the one that the run is making.

/// What takes too long and holds up a worker: functions (latency_limit_action), blocks that messages enter by (latency_limit_cfg). The time that a
/// script waits is nobody's and does not count.
enum Latency {
    struct Limits {
        /// Nanoseconds of one call; 0: calls are not timed.
        var action: UInt64 = 0
        var actionLevel = LogLevel.error
        /// Nanoseconds of one block; nil: blocks are not timed.
        var block: UInt64?
        var blockLevel = LogLevel.debug
    }

    nonisolated(unsafe) static var limits = Limits()

    /// Stands in the place of the function that the call site names in `timed`.
    static let timed: FunctionDeclaration.Call = { call in
        guard let site = call.coreRun.pointee.site, let function = site.pointee.timed else { return -1 }
        let before = Syscalls.monotonicNanoseconds()
        let result = function(call)
        let spent = Syscalls.monotonicNanoseconds() - before
        if spent > limits.action { tell(site, call.coreRun.pointee.image, spent) }
        return result
    }

    @inline(never)
    private static func tell(_ site: UnsafePointer<CallSite>, _ image: UnsafePointer<ProgramImage>, _ spent: UInt64) {
        Log.line(limits.actionLevel) { line in
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
    static func time(_ kind: StaticString, limit: UInt64, _ body: () -> Void) {
        let before = Syscalls.monotonicNanoseconds()
        body()
        let spent = Syscalls.monotonicNanoseconds() - before
        guard spent > limit else { return }
        Log.line(limits.blockLevel) { line in
            line.add(kind)
            line.add(" executed in: ")
            line.add(unsigned: spent / 1000)
            line.add(" usec")
        }
    }
}
