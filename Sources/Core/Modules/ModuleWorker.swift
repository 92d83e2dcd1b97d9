import PluginAPI

// Invariants: one for each worker, made before the threads start and never freed; touched by its worker's thread only.
// Timers that are used up go to the free list, their memory is never given back, so that a stale id meets a timer of a
// newer generation.

/// What modules have on one worker: their slots, timers and memory.
struct ModuleWorker {
    let worker: UnsafeMutablePointer<Worker>
    let slots: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    /// What each module holds of the worker's slab, by `HostRecord.place`.
    let memory: UnsafeMutablePointer<MemoryUse>
    /// Descriptors that modules watch here; made for the first one.
    var watches: Unmanaged<ModuleWatches>?
    /// The values of `Registry.changeable`, in its order, as this worker goes by them; nil before `Modules.beginChanges`.
    var settings: UnsafeMutablePointer<apus_value>?
    /// What instances of their groups have of their own.
    var instances: ConfigInstances?
    private var timers: UnsafeMutablePointer<UnsafeMutablePointer<ModuleTimer>>
    private var timerCount: UInt32 = 0
    private var timerCapacity: UInt32 = 64
    private var free: UnsafeMutablePointer<ModuleTimer>?

    /// One-shot timers that may wait on one worker.
    static let maxTimers: UInt32 = 1 << 22

    init(_ worker: UnsafeMutablePointer<Worker>, slotCount: Int, moduleCount: Int) {
        self.worker = worker
        slots = .allocate(capacity: max(1, slotCount))
        slots.initialize(repeating: nil, count: max(1, slotCount))
        memory = .allocate(capacity: max(1, moduleCount))
        for place in 0..<moduleCount { (memory + place).initialize(to: MemoryUse()) }
        timers = .allocate(capacity: Int(timerCapacity))
    }

    /// A timer that is in no list; nil when there are too many.
    mutating func takeTimer() -> UnsafeMutablePointer<ModuleTimer>? {
        if let timer = free {
            free = timer.pointee.nextFree
            return timer
        }
        guard timerCount < ModuleWorker.maxTimers else { return nil }
        if timerCount == timerCapacity {
            let larger = UnsafeMutablePointer<UnsafeMutablePointer<ModuleTimer>>.allocate(
                capacity: Int(timerCapacity) * 2)
            larger.moveInitialize(from: timers, count: Int(timerCount))
            timers.deallocate()
            timers = larger
            timerCapacity *= 2
        }
        let timer = UnsafeMutablePointer<ModuleTimer>.allocate(capacity: 1)
        timer.initialize(to: ModuleTimer(place: timerCount, self: timer))
        (timers + Int(timerCount)).initialize(to: timer)
        timerCount += 1
        return timer
    }

    /// The timer is over: ids of its generation are stale from now on.
    mutating func giveBack(_ timer: UnsafeMutablePointer<ModuleTimer>) {
        timer.pointee.generation = max(1, timer.pointee.generation &+ 1)
        timer.pointee.nextFree = free
        free = timer
    }

    /// The timer of an id that is not stale.
    func timer(_ id: UInt64) -> UnsafeMutablePointer<ModuleTimer>? {
        let place = UInt32(truncatingIfNeeded: id)
        guard place < timerCount, timers[Int(place)].pointee.generation == UInt32(truncatingIfNeeded: id >> 32) else {
            return nil
        }
        return timers[Int(place)]
    }
}

/// A timer of a module on one worker.
struct ModuleTimer {
    typealias Tick = @convention(c) (UnsafePointer<apus_tick>) -> Void

    var node: TimerNode
    let place: UInt32
    /// Never 0, so that no id is.
    var generation: UInt32 = 1
    /// 0: once.
    var interval: UInt32 = 0
    var host: UnsafePointer<apus_host>?
    var tick: Tick?
    var user: UnsafeMutableRawPointer?
    var nextFree: UnsafeMutablePointer<ModuleTimer>?

    fileprivate init(place: UInt32, self address: UnsafeMutablePointer<ModuleTimer>) {
        self.place = place
        node = TimerNode(context: address) { owner, context in
            guard let owner, let context else { return }
            ModuleTimer.fired(
                owner.assumingMemoryBound(to: Worker.self), context.assumingMemoryBound(to: ModuleTimer.self))
        }
    }

    var id: UInt64 { UInt64(generation) << 32 | UInt64(place) }

    private static func fired(_ worker: UnsafeMutablePointer<Worker>, _ timer: UnsafeMutablePointer<ModuleTimer>) {
        guard let host = timer.pointee.host, let tick = timer.pointee.tick else { return }
        var facts = apus_tick(
            size: UInt32(MemoryLayout<apus_tick>.size), worker: UInt32(worker.pointee.index), host: host,
            now: worker.pointee.clock.now, user: timer.pointee.user)
        if timer.pointee.interval > 0 {
            worker.pointee.wheel.schedule(timer.node, at: facts.now + UInt64(timer.pointee.interval))
        } else {
            // Before the call: the timer may be started anew in it.
            host.shared.worker?.pointee.giveBack(timer)
        }
        tick(&facts)
    }
}

extension UnsafeMutablePointer<ModuleWorker> {
    /// [worker] Starts a timer; its id, 0 when there are too many.
    func startTimer(
        _ host: UnsafePointer<apus_host>, milliseconds: UInt32, interval: UInt32, _ tick: @escaping ModuleTimer.Tick,
        _ user: UnsafeMutableRawPointer?
    ) -> UInt64 {
        guard let timer = pointee.takeTimer() else { return 0 }
        timer.pointee.interval = interval
        timer.pointee.host = host
        timer.pointee.tick = tick
        timer.pointee.user = user
        // The turn of the loop began up to its length ago: never early.
        schedule(timer, at: pointee.worker.pointee.clock.now + UInt64(milliseconds))
        return timer.pointee.id
    }

    private func schedule(_ timer: UnsafeMutablePointer<ModuleTimer>, at deadline: UInt64) {
        pointee.worker.pointee.wheel.schedule(timer.node, at: deadline)
    }

    /// [worker] False for a stale id.
    func cancelTimer(_ id: UInt64) -> Bool {
        guard let timer = pointee.timer(id) else { return false }
        pointee.worker.pointee.wheel.remove(timer.node)
        pointee.giveBack(timer)
        return true
    }
}

extension UnsafeMutablePointer<ModuleTimer> {
    var node: UnsafeMutablePointer<TimerNode> {
        (UnsafeMutableRawPointer(self) + MemoryLayout<ModuleTimer>.offset(of: \.node)!)
            .assumingMemoryBound(to: TimerNode.self)
    }
}
