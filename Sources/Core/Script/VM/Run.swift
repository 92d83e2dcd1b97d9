import Glibc
import PluginAPI

// Invariants: a Run lies in memory of its worker from the first use to the end of the process, is handed out by ScriptWorker.begin and
// comes back by ScriptWorker.finish. Only its worker touches it. `stack` and `frames` lie in its arena or in the first
// capacity, allocated with the Run.

/// One run of the script: all blocks that one event sets going, with their stack, variables and texts. `apus_run` of the contract.
struct Run {
    /// What the run is doing.
    enum State: UInt8 {
        case idle
        case running
        /// A function waits; the machine has returned to the worker.
        case suspended
    }

    /// How a route has ended; read by `ended` from the run.
    struct End {
        /// What the route gave: `return`'s value or the last action's code.
        var code: Int32 = 1
        var exited = false
        var dropped = false
        /// The machine gave up: too many instructions, frames or bytes. It has been logged.
        var failed = false
    }

    /// Called on the worker with the `Run` when the route that `enter` started has ended, perhaps after suspensions; `end` says how. It
    /// may enter another route, or must finish the run.
    typealias Ended = @convention(c) (UnsafeMutableRawPointer) -> Void

    var state: State
    var image: UnsafePointer<ProgramImage>
    var worker: UnsafeMutablePointer<ScriptWorker>
    var message: Message
    /// The kind of route that runs now, one APUS_…_ROUTE bit.
    var routeKind: UInt32
    var pc: Int32
    var code: Int32
    var rc: Int32
    /// Instructions left before the run is ended.
    var budget: Int64
    /// Script flags (`setsflag`).
    var flags: UInt32
    var arena: Arena

    var stack: UnsafeMutablePointer<apus_value>
    var stackCapacity: Int32
    var stackCount: Int32
    var frames: UnsafeMutablePointer<Frame>
    var frameCapacity: Int32
    var frameCount: Int32
    /// What is about to be sent; set while onsend_route runs.
    var sending: UnsafePointer<Sending>?
    /// Stands before every line that is logged while the run works (log_prefix); in its arena.
    var logPrefix: apus_str
    /// `$var`s; nil until the first is touched.
    var variables: UnsafeMutablePointer<apus_value>?
    /// AVPs and XAVPs, of which the run is an owner; nil until the first is set, or given by who starts the run.
    var avps: UnsafeMutablePointer<AVPSet>?

    /// Instances of groups of parameters that the run goes by (cfg_select), newest first; in its arena.
    var selections: UnsafeMutablePointer<ConfigSelection>?

    /// Patterns compiled for this run, newest first; freed with it.
    var regexes: UnsafeMutablePointer<RunRegex>?

    /// What modules keep with the run, in its arena; nil until the first of it is set.
    var slots: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    /// Destroys it as the run ends; set with `slots`.
    var endSlots: (@convention(c) (UnsafeMutablePointer<UnsafeMutableRawPointer?>) -> Void)?
    /// By which the run's lines are logged; nil: by the server's.
    var logLevel: Int32?
    /// Its functions may wait.
    var mayWait: Bool
    /// Bytes that came in, as a block that sees them before they are parsed may change them; nil elsewhere.
    var receivedBytes: UnsafeMutablePointer<apus_str>?

    /// The call that is being made or waits.
    var site: UnsafePointer<CallSite>?
    var arguments: UnsafePointer<apus_arg>?
    /// 0: the call has not begun to wait.
    var suspension: UInt64
    /// In `done`: what begin was given.
    var resumeUser: UnsafeMutableRawPointer?
    /// Set by runRoute, read by the machine when the function has returned.
    var enteredRoute: Bool
    var end: End

    var ended: Ended
    /// The owner's, for `ended`.
    var context: UnsafeMutableRawPointer?
    /// Links free runs.
    var next: UnsafeMutablePointer<Run>?

    /// Where a block that ends goes on.
    struct Frame {
        typealias Then = @convention(c) (UnsafePointer<apus_call>, UnsafePointer<apus_route_end>) -> CInt

        /// Nil: a script's `route(…)`.
        var then: Then?
        var user: UnsafeMutableRawPointer?
        var site: UnsafePointer<CallSite>?
        var arguments: UnsafePointer<apus_arg>?
        var message: Message
        var returnPC: Int32
        /// Values of the caller: a block may be left in the middle of a loop, with values of its own on the stack.
        var stackCount: Int32
        var routeKind: UInt32
    }

    /// A pattern that was compiled for the run.
    struct RunRegex {
        var handle: OpaquePointer
        var previous: UnsafeMutablePointer<RunRegex>?
    }

    /// A message on its way out: what onsend_route looks at.
    struct Sending {
        /// The address that it leaves by, and where it goes.
        var local: SocketAddress
        var remote: SocketAddress
        /// APUS_UDP …
        var transport: UInt32
        /// As it will be sent. Valid while onsend_route runs, which cannot wait.
        var bytes: Bytes
    }

    static let firstStackCapacity = 48
    static let firstFrameCapacity = 16
    /// Bytes that one run may take beyond its first chunk.
    static let arenaLimit = 8 << 20
    /// Values on the stack of one run at most.
    static let stackLimit = 4096
}

extension UnsafeMutablePointer<Run> {
    /// Memory that lives for the run; nil when the run's limit is reached.
    @inline(__always)
    func allocate(_ size: Int) -> UnsafeMutableRawPointer? { pointee.arena.allocate(size) }

    /// A copy that lives for the run; nil when the run's limit is reached.
    @inline(__always)
    func copy(_ text: apus_str) -> apus_str? {
        guard let place = allocate(text.len) else { return nil }
        if let source = text.s { memcpy(place, source, text.len) }
        return apus_str(s: place.assumingMemoryBound(to: CChar.self), len: text.len)
    }

    /// A pattern that is known only now; freed with the run. Nil when it is wrong.
    func compile(_ pattern: apus_str, _ options: CompiledRegex.Options = []) -> OpaquePointer? {
        guard let place = allocate(MemoryLayout<Run.RunRegex>.stride),
            let regex = CompiledRegex(now: pattern.bytes, options)
        else { return nil }
        let node = place.bindMemory(to: Run.RunRegex.self, capacity: 1)
        node.initialize(to: Run.RunRegex(handle: regex.handle, previous: pointee.regexes))
        pointee.regexes = node
        return regex.handle
    }

    func freeRegexes() {
        while let node = pointee.regexes {
            CompiledRegex(handle: node.pointee.handle).free()
            pointee.regexes = node.pointee.previous
        }
    }

    /// File and line of the call that is being made.
    var position: (file: apus_str, line: UInt32) {
        guard let site = pointee.site else { return (apus_str(), 0) }
        return (pointee.image.pointee.files[Int(site.pointee.file)], site.pointee.line)
    }
}
