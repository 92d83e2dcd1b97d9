import Glibc
import PluginAPI

// Invariants: one ScriptWorker a worker thread, at a stable address for the life of the process, touched by that thread only — but for
// its suspensions' atomic states and its mailbox, which complete() uses from any thread.

/// What the virtual machine keeps for one worker: its runs, the suspended ones among them, and the way to the rest of the worker.
struct ScriptWorker {
    let index: UInt32
    /// Brings answers that other threads give.
    let mailbox: Mailbox
    let timers: TimerWheel
    let clock: UnsafeMutablePointer<Clock>
    /// Suspended runs at most (max_suspended).
    var maxSuspended: Int
    var suspensions: SuspensionTable
    /// Turns of a loop at most, 0 without end, once an operator has said so; nil: as the script was compiled.
    var maxWhileLoops: Int64?
    /// How many machines stand on the thread's stack: a C function may start a run of its own.
    var depth: Int32 = 0
    /// What takes so long that it is told.
    var latency = Latency.Limits()
    /// The script that new runs begin with; nil before there is one.
    var inForce: UnsafePointer<ProgramImage>?
    /// The run whose machine works now, the innermost one; nil between runs.
    var working: UnsafeMutablePointer<Run>?
    /// The call that is being made, for crash reports.
    var current: UnsafePointer<CallSite>?
    /// The log_prefix of the run whose machine works now; borrowed from it.
    var logPrefix = apus_str()
    /// The log level of that run; nil: the server's.
    var logLevel: Int32?
    private var free: UnsafeMutablePointer<Run>?
    /// For what outlives a run: AVPs.
    let slab: UnsafeMutablePointer<Slab>
    /// Runs that are not idle.
    private(set) var busy = 0

    static let maxDepth: Int32 = 16

    /// The script of the run that works, else the one in force.
    @inline(__always)
    var image: UnsafePointer<ProgramImage>? { working?.pointee.image ?? inForce }

    /// The blocks that messages enter by now.
    @inline(__always)
    var main: ProgramImage.MainRoutes { inForce?.pointee.main ?? ProgramImage.MainRoutes() }

    init(
        index: UInt32, mailbox: Mailbox, timers: TimerWheel, clock: UnsafeMutablePointer<Clock>,
        slab: UnsafeMutablePointer<Slab>, maxSuspended: Int
    ) {
        self.slab = slab
        self.index = index
        self.mailbox = mailbox
        self.timers = timers
        self.clock = clock
        self.maxSuspended = maxSuspended
        suspensions = SuspensionTable(worker: index)
    }

    fileprivate mutating func takeRun() -> UnsafeMutablePointer<Run>? {
        busy += 1
        guard let run = free else { return nil }
        free = run.pointee.next
        return run
    }

    fileprivate mutating func giveBack(_ run: UnsafeMutablePointer<Run>) {
        busy -= 1
        run.pointee.next = free
        free = run
    }
}

extension UnsafeMutablePointer<ScriptWorker> {
    /// The worker ends: every function that waits gets APUS_CANCELLED. A script that waits again afterwards waits in vain.
    func cancelAll() {
        pointee.suspensions.forEachWaiting { suspension in
            if suspension.answer(status: CInt(APUS_CANCELLED), payload: nil, release: nil) { suspension.completed() }
        }
    }

    /// New runs begin with that script from now on; the one before stays as long as runs of it, and modules, keep it.
    func put(inForce image: UnsafePointer<ProgramImage>) {
        image.pointee.uses.add(pointee.index)
        let old = pointee.inForce
        pointee.inForce = image
        old?.pointee.uses.remove(pointee.index)
    }

    /// A run of the image on the message. `enter` starts it; `finish` must end it.
    /// - Parameter ended: called whenever a route that was entered has ended.
    func begin(
        _ image: UnsafePointer<ProgramImage>, message: Message, context: UnsafeMutableRawPointer?,
        ended: @escaping Run.Ended
    ) -> UnsafeMutablePointer<Run> {
        let run = pointee.takeRun() ?? makeRun(image, message, ended)
        image.pointee.uses.add(pointee.index)
        run.pointee.state = .running
        run.pointee.image = image
        run.pointee.message = message
        run.pointee.ended = ended
        run.pointee.context = context
        run.pointee.flags = 0
        run.pointee.rc = 0
        run.pointee.code = 1
        run.pointee.variables = nil
        run.pointee.sending = nil
        run.pointee.logPrefix = apus_str()
        run.pointee.logLevel = nil
        run.pointee.mayWait = true
        run.pointee.receivedBytes = nil
        run.pointee.avps = nil
        run.pointee.selections = nil
        run.pointee.site = nil
        run.pointee.suspension = 0
        return run
    }

    /// The run is over; everything that it allocated ends.
    func finish(_ run: UnsafeMutablePointer<Run>) {
        run.pointee.state = .idle
        if let slots = run.pointee.slots {
            run.pointee.endSlots?(slots)
            run.pointee.slots = nil
        }
        if run.pointee.regexes != nil { run.freeRegexes() }
        run.pointee.avps?.release()
        run.pointee.arena.reset()
        // A stack that grew lay in the arena: back to the first one, which stands behind the Run.
        run.resetStacks()
        run.pointee.image.pointee.uses.remove(pointee.index)
        pointee.giveBack(run)
    }

    @inline(never)
    private func makeRun(
        _ image: UnsafePointer<ProgramImage>, _ message: Message, _ ended: @escaping Run.Ended
    ) -> UnsafeMutablePointer<Run> {
        let size =
            MemoryLayout<Run>.stride + Run.firstStackCapacity * MemoryLayout<apus_value>.stride
            + Run.firstFrameCapacity * MemoryLayout<Run.Frame>.stride
        let raw = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        let run = raw.bindMemory(to: Run.self, capacity: 1)
        let stack = (raw + MemoryLayout<Run>.stride).bindMemory(to: apus_value.self, capacity: Run.firstStackCapacity)
        let frames = UnsafeMutableRawPointer(stack + Run.firstStackCapacity)
            .bindMemory(to: Run.Frame.self, capacity: Run.firstFrameCapacity)
        run.initialize(
            to: Run(
                state: .idle, image: image, worker: self, message: message, routeKind: 0, pc: 0, code: 1, rc: 0,
                budget: 0,
                flags: 0, arena: Arena(chunk: 2048, limit: Run.arenaLimit), stack: stack,
                stackCapacity: Int32(Run.firstStackCapacity), stackCount: 0, frames: frames,
                frameCapacity: Int32(Run.firstFrameCapacity), frameCount: 0, sending: nil, logPrefix: apus_str(),
                variables: nil,
                avps: nil, selections: nil,
                regexes: nil, slots: nil, endSlots: nil, logLevel: nil, mayWait: true, receivedBytes: nil,
                site: nil, arguments: nil, suspension: 0,
                resumeUser: nil, enteredRoute: false,
                end: Run.End(), ended: ended,
                context: nil, next: nil))
        return run
    }
}

extension UnsafeMutablePointer<Run> {
    fileprivate func resetStacks() {
        let stack = (UnsafeMutableRawPointer(self) + MemoryLayout<Run>.stride)
            .assumingMemoryBound(to: apus_value.self)
        pointee.stack = stack
        pointee.stackCapacity = Int32(Run.firstStackCapacity)
        pointee.stackCount = 0
        pointee.frames = UnsafeMutableRawPointer(stack + Run.firstStackCapacity).assumingMemoryBound(to: Run.Frame.self)
        pointee.frameCapacity = Int32(Run.firstFrameCapacity)
        pointee.frameCount = 0
    }

    /// Room for `count` more values; false when the run's limit is reached.
    func reserveStack(_ count: Int32) -> Bool {
        let needed = Int(pointee.stackCount) + Int(count)
        if needed <= Int(pointee.stackCapacity) { return true }
        let capacity = max(needed, 2 * Int(pointee.stackCapacity))
        guard capacity <= Run.stackLimit,
            let place = allocate(capacity * MemoryLayout<apus_value>.stride)
        else { return false }
        let grown = place.bindMemory(to: apus_value.self, capacity: capacity)
        grown.update(from: pointee.stack, count: Int(pointee.stackCount))
        pointee.stack = grown
        pointee.stackCapacity = Int32(capacity)
        return true
    }

    /// Pushes a frame; false when the script's routes are nested too deeply.
    func push(_ frame: Run.Frame) -> Bool {
        if pointee.frameCount == pointee.frameCapacity {
            let capacity = 2 * Int(pointee.frameCapacity)
            guard pointee.frameCount < pointee.image.pointee.limits.maxRecursiveLevel,
                let place = allocate(capacity * MemoryLayout<Run.Frame>.stride)
            else { return false }
            let grown = place.bindMemory(to: Run.Frame.self, capacity: capacity)
            grown.update(from: pointee.frames, count: Int(pointee.frameCount))
            pointee.frames = grown
            pointee.frameCapacity = Int32(capacity)
        }
        guard pointee.frameCount < pointee.image.pointee.limits.maxRecursiveLevel else { return false }
        pointee.frames[Int(pointee.frameCount)] = frame
        pointee.frameCount += 1
        return true
    }
}
