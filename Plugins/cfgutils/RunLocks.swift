import PluginKit

// Invariants: lies in memory of its run, as do all holdings in its lists; only the run's worker touches it.

/// The locks that one run of the script has.
struct RunLocks {
    /// Those that it has, the newest first.
    var held: UnsafeMutablePointer<Holding>?
    fileprivate var free: UnsafeMutablePointer<Holding>?
}

extension UnsafeMutablePointer<RunLocks> {
    /// Those of the run that makes the call; nil when its memory is used up.
    static func own(_ call: Call) -> Self? {
        let slots = call.host.pointee.slots
        let slot = call.state.pointee.runSlot
        if let known = slots.pointee.run(call, slot) { return known.assumingMemoryBound(to: RunLocks.self) }
        guard let place = call.host.pointee.script.pointee.allocate(call, MemoryLayout<RunLocks>.stride),
            slots.pointee.set_run(call, slot, place) > 0
        else { return nil }
        let made = place.bindMemory(to: RunLocks.self, capacity: 1)
        made.initialize(to: RunLocks())
        return made
    }

    /// A holding that is not in use; nil when the run's memory is used up.
    func make(_ lock: UnsafeMutablePointer<Lock>, _ call: Call) -> UnsafeMutablePointer<Holding>? {
        let place: UnsafeMutablePointer<Holding>
        if let known = pointee.free {
            pointee.free = known.pointee.next
            place = known
        } else {
            let memory = call.host.pointee.script.pointee.allocate(call, MemoryLayout<Holding>.stride)
            guard let memory else { return nil }
            place = memory.bindMemory(to: Holding.self, capacity: 1)
        }
        place.initialize(to: Holding(run: call.pointee.run, lock: lock))
        call.host.pointee.script.pointee.position(call, &place.pointee.file, &place.pointee.line)
        return place
    }

    func giveBack(_ holding: UnsafeMutablePointer<Holding>) {
        holding.pointee.next = pointee.free
        pointee.free = holding
    }

    /// The run has the lock now.
    func hold(_ holding: UnsafeMutablePointer<Holding>) {
        holding.pointee.next = pointee.held
        pointee.held = holding
    }

    /// Takes the holding of a lock out of those that the run has; nil when it has not that lock.
    func letGo(_ lock: UnsafeMutablePointer<Lock>) -> UnsafeMutablePointer<Holding>? {
        var previous: UnsafeMutablePointer<Holding>?
        var place = pointee.held
        while let holding = place {
            if holding.pointee.lock == lock {
                if let previous {
                    previous.pointee.next = holding.pointee.next
                } else {
                    pointee.held = holding.pointee.next
                }
                return holding
            }
            previous = holding
            place = holding.pointee.next
        }
        return nil
    }
}

/// The run is over: locks that its script forgot go to those who wait for them.
let releaseLeftLocks: @convention(c) (Host, UnsafeMutableRawPointer) -> Void = { host, data in
    let own = data.assumingMemoryBound(to: RunLocks.self)
    while let holding = own.pointee.held {
        own.pointee.held = holding.pointee.next
        let (file, line) = (holding.pointee.file, holding.pointee.line)
        holding.pointee.lock.release(host)
        host.log(.error, "a lock is released since its script has ended: taken in \(file.string):\(line)")
    }
}
