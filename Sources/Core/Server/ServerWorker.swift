import Glibc
import PluginAPI
import Synchronization

// Invariants: one ServerWorker a worker thread, at a stable address from the worker's start to the end of the process; its thread alone
// touches it. Spaces are handed out by `takeSpace` and come back by `giveBack`, exactly once.

/// What the Server room keeps for one worker: the way of a message through the rooms begins and ends here.
struct ServerWorker {
    let worker: UnsafeMutablePointer<Worker>
    let script: UnsafeMutablePointer<ScriptWorker>
    /// What the workers have in common; constant while they run.
    let shared: UnsafeMutablePointer<ServerShared>
    var inFlight = InFlight()
    /// Nil: scripts of one Call-ID may overlap.
    var locks: CallLocks?
    /// Messages received so far: `$mi`.
    var number: UInt32 = 0
    /// The slot whose message is being delivered; nil between messages.
    var arriving: UnsafeMutablePointer<Received>?
    /// The message whose hooks run.
    var hooked: UnsafeMutablePointer<Space>?
    /// Messages that modules hold.
    var held = 0
    /// Bytes on their way out are shown to modules: what those send meanwhile is not.
    var isShowing = false
    /// CANCELs of requests that modules took care of in this turn of the loop, newest first.
    var adopted: UnsafeMutablePointer<Space>?
    /// What may change between two messages.
    var settings: WorkerSettings
    var userAgents = UserAgents()
    /// By P-hint, requests as they are forwarded.
    var hints = UserAgents()
    fileprivate var free: UnsafeMutablePointer<Space>?

    init(
        worker: UnsafeMutablePointer<Worker>, script: UnsafeMutablePointer<ScriptWorker>,
        shared: UnsafeMutablePointer<ServerShared>
    ) {
        self.worker = worker
        self.script = script
        self.shared = shared
        settings = shared.pointee.changeable
        if shared.pointee.callLocks > 0 { locks = CallLocks(size: shared.pointee.callLocks) }
    }

    /// [worker] Before the worker's loop runs: everything that this worker needs of all rooms.
    /// - Returns: 0, or what stops the start; it has been logged.
    static func start(_ worker: UnsafeMutablePointer<Worker>) -> Int32 {
        guard let own = make(worker) else { return 1 }
        let shared = own.pointee.shared
        worker.atTurnEnd(context: own, Holding.turnEnds)
        do { try Resolver.start(worker, shared.pointee.resolver) } catch {
            Log.error("worker \(worker.pointee.index) has no resolver: \(error.text)")
            return 1
        }
        if !shared.pointee.host.pointee.hooks.isEmpty(.sending) { worker.pointee.sender = RawBytes.send }
        guard shared.pointee.modules.takeUnretainedValue().startWorker() else { return 1 }
        return worker.pointee.index > 0 || own.runWorkerOneInit() ? 0 : 1
    }

    /// What the worker needs to run scripts; once, on the worker's thread, or on the main thread before that has started.
    static func make(_ worker: UnsafeMutablePointer<Worker>) -> UnsafeMutablePointer<ServerWorker>? {
        if let made = worker.pointee.context { return made.assumingMemoryBound(to: ServerWorker.self) }
        guard let shared = worker.pointee.hooks.shared?.assumingMemoryBound(to: ServerShared.self) else { return nil }
        let script = UnsafeMutablePointer<ScriptWorker>.allocate(capacity: 1)
        script.initialize(
            to: ScriptWorker(
                index: UInt32(worker.pointee.index), mailbox: worker.pointee.mailbox, timers: worker.pointee.wheel,
                clock: worker.pointer(to: \.clock).unsafelyUnwrapped,
                slab: worker.pointer(to: \.slab).unsafelyUnwrapped,
                maxSuspended: shared.pointee.maxSuspended))
        let own = UnsafeMutablePointer<ServerWorker>.allocate(capacity: 1)
        own.initialize(to: ServerWorker(worker: worker, script: script, shared: shared))
        worker.pointee.context = UnsafeMutableRawPointer(own)
        own.take(shared.pointee.changeable)
        script.put(inForce: shared.pointee.image)
        SuspensionDirectory.register(script)
        return own
    }

    /// [worker] After the worker's loop: what still waits in scripts is told that it waits no more.
    static func stop(_ worker: UnsafeMutablePointer<Worker>) {
        guard let own = worker.pointee.context?.assumingMemoryBound(to: ServerWorker.self) else { return }
        own.pointee.script.cancelAll()
        own.pointee.shared.pointee.modules.takeUnretainedValue().endWorker()
        Resolver.end(worker)
    }

    /// The calling thread's; nil on threads that are no workers.
    static var current: UnsafeMutablePointer<ServerWorker>? {
        Worker.current?.pointee.context?.assumingMemoryBound(to: ServerWorker.self)
    }
}

/// What the workers have in common: set up before they start and constant from then on, but for the atomic numbers.
struct ServerShared: ~Copyable {
    /// The script that they begin with.
    let image: UnsafePointer<ProgramImage>
    let counters: CoreCounters
    let listeners: Unmanaged<ListenerSet>
    /// What modules added: hooks, slots, timers.
    let host: UnsafeMutablePointer<HostShared>
    let modules: Unmanaged<Modules>
    /// Suspended runs of one worker at most (max_suspended).
    let maxSuspended: Int
    /// Replies must carry a Via of ours on top (check_via).
    let checksVia: Bool
    /// Places for messages of one Call-ID that run one after the other (route_locks_size); 0: they may overlap.
    let callLocks: Int
    /// Longer messages are refused (msg_recv_max_size), in bytes.
    let maxMessage: Int
    /// Put before each line of a script run's log (log_prefix); nil: nothing.
    let logPrefix: UnsafePointer<CompiledFormat>?
    /// What the workers begin with.
    let changeable: WorkerSettings
    /// Our Via asks for rport (local_rport).
    let asksForRport: Bool
    /// core:msg-received runs (received_route_mode).
    let showsReceived: Bool
    /// Replies by method and status code.
    let replies: ReplyCounts
    /// How the workers' resolvers ask and what they keep.
    var resolver = ResolverOptions()
    /// The server is about to end: new requests are answered 503.
    let isDraining = Atomic<Bool>(false)
    /// Messages whose script waits, over all workers.
    let waiting = Atomic<Int>(0)
}

extension UnsafeMutablePointer<ServerWorker> {
    /// Goes by these from now on.
    func take(_ settings: WorkerSettings) {
        pointee.settings = settings
        pointee.script.pointee.latency = settings.latency
        pointee.worker.pointee.looksAtWritten = settings.countsHints
        pointee.worker.pointee.largeRequests = settings.largeRequests
        DatabaseLatency.set(settings.databaseLimit, settings.latency.actionLevel)
    }

    func bump(_ id: StatisticID) { pointee.worker.pointee.shard.bump(id) }

    /// Memory for one message.
    func takeSpace(_ slot: UnsafeMutablePointer<Received>?) -> UnsafeMutablePointer<Space> {
        let space = pointee.free ?? makeSpace()
        pointee.free = space.pointee.next
        space.pointee.next = nil
        space.pointee.slot = slot
        space.pointee.isKept = false
        space.pointee.isAdopted = false
        return space
    }

    /// The message is dealt with: everything that lay in its arena ends, its bytes go back to the transport.
    func giveBack(_ space: UnsafeMutablePointer<Space>) {
        pointee.inFlight.remove(space)
        if space.pointee.isHolder { letGo(space) }
        pointee.worker.pointee.wheel.remove(space.tryingTimer)
        pointee.shared.pointee.host.pointee.slots.end(space.message)
        space.pointee.arena.reset()
        if space.pointee.isKept { endKeeping(space) }
        space.pointee.slot = nil
        space.pointee.run = nil
        space.pointee.next = pointee.free
        pointee.free = space
    }

    /// The message's bytes must stay: its script waits.
    func keep(_ space: UnsafeMutablePointer<Space>) {
        guard !space.pointee.isKept else { return }
        space.pointee.isKept = true
        space.pointee.slot?.pointee.isKept = true
        pointee.shared.pointee.waiting.add(1, ordering: .relaxed)
    }

    private func endKeeping(_ space: UnsafeMutablePointer<Space>) {
        space.pointee.isKept = false
        pointee.shared.pointee.waiting.subtract(1, ordering: .relaxed)
        guard let slot = space.pointee.slot else { return }
        // During the call that brought it the transport takes it back by itself.
        if pointee.arriving == slot { slot.pointee.isKept = false } else { pointee.worker.release(slot) }
    }

    @inline(never)
    private func makeSpace() -> UnsafeMutablePointer<Space> {
        let space = UnsafeMutablePointer<Space>.allocate(capacity: 1)
        let arena = Arena(chunk: ServerWorker.arenaChunk, limit: ServerWorker.arenaLimit)
        // A record is plain data: the parser writes all of it before anybody reads it.
        memset(space, 0, MemoryLayout<Space>.size)
        space.pointer(to: \.arena)!.initialize(to: arena)
        space.pointee.worker = self
        space.pointer(to: \.tryingTimer)!.initialize(
            to: TimerNode(context: space) { _, space in
                guard let space = space?.assumingMemoryBound(to: Space.self) else { return }
                space.pointee.worker.sendTrying(space)
            })
        return space
    }
}

extension ServerWorker {
    /// First chunk of a message's arena, in bytes: header index, parsed fields and edits of a usual INVITE fit.
    static let arenaChunk = 8192
    /// What one message may take beyond it: a hostile one of 64 KiB, all headers parsed, stays far below.
    static let arenaLimit = 4 << 20
}

extension UnsafeMutablePointer<Space> {
    var tryingTimer: UnsafeMutablePointer<TimerNode> { pointer(to: \.tryingTimer).unsafelyUnwrapped }
}
