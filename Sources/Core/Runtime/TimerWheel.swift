import Glibc

// Invariants: a node is linked exactly when `slot` is not `none`; its memory belongs to whoever scheduled it and stays until
// it has fired or `remove` was called. Lists are circular through their heads, so unlinking needs no case. `bits[level]` has
// a bit for each list that may have nodes. One thread.

/// A timer, embedded in the object that it is for.
struct TimerNode {
    fileprivate var next: UnsafeMutablePointer<TimerNode>?
    fileprivate var previous: UnsafeMutablePointer<TimerNode>?
    /// When the owner wants it to fire, in ms of the wheel's clock; `never` after `cancel`.
    fileprivate(set) var deadline: UInt64
    /// The deadline that it was filed under: at that time the wheel looks at `deadline` again.
    fileprivate var filed: UInt64
    /// List that it is linked in.
    fileprivate var slot: UInt16
    fileprivate let fire: TimerWheel.Callback
    fileprivate let context: UnsafeMutableRawPointer?

    /// - Parameters:
    ///   - context: handed to `fire`; usually the object that the node is part of.
    ///   - fire: called once per `schedule`, on the wheel's thread, never from inside another call of the wheel's owner.
    init(context: UnsafeMutableRawPointer?, fire: @escaping TimerWheel.Callback) {
        next = nil
        previous = nil
        deadline = TimerWheel.never
        filed = 0
        slot = TimerWheel.none
        self.fire = fire
        self.context = context
    }

    /// Will it fire?
    var isArmed: Bool { deadline != TimerWheel.never }
}

/// Timers of one worker: six levels of 64 lists, one millisecond to two years. Scheduling, postponing, cancelling and firing
/// cost O(1); a timer is re-filed at most five times in its life.
///
/// A value of this type is a handle: copies mean the same wheel. Cancelling and postponing are one store: the node stays where it is and is looked at again when its old time comes. So an
/// object that is freed calls `remove` first.
struct TimerWheel {
    /// - Parameters: the wheel's owner as given at `init`, and the node's context.
    typealias Callback =
        @convention(c) (_ owner: UnsafeMutableRawPointer?, _ context: UnsafeMutableRawPointer?) -> Void

    static let never = UInt64.max
    fileprivate static let none: UInt16 = 0xFFFF
    /// List of what is due in this turn.
    private static let due = 6 * 64
    private static let levels = 6

    /// Behind a pointer, since callbacks change it while `advance` runs.
    private struct State {
        var bits: [6 of UInt64] = InlineArray(repeating: 0)
        var now: UInt64
        var count = 0
        var isFiring = false
        let owner: UnsafeMutableRawPointer?
    }

    /// Heads of all lists, the last one for what is due.
    private let heads: UnsafeMutablePointer<TimerNode>
    private let state: UnsafeMutablePointer<State>

    /// - Parameters:
    ///   - now: milliseconds on the clock that `advance` will be called with.
    ///   - owner: handed to callbacks.
    init(now: UInt64, owner: UnsafeMutableRawPointer? = nil) {
        state = .allocate(capacity: 1)
        state.initialize(to: State(now: now, owner: owner))
        heads = .allocate(capacity: TimerWheel.due + 1)
        for i in 0...TimerWheel.due {
            (heads + i).initialize(to: TimerNode(context: nil) { _, _ in })
            heads[i].next = heads + i
            heads[i].previous = heads + i
        }
    }

    /// Everything before this time has fired.
    @inline(__always)
    var now: UInt64 { state.pointee.now }

    /// Linked nodes, cancelled ones among them.
    var count: Int { state.pointee.count }

    /// Ends the wheel. Nodes that are still linked belong to their owners.
    func free() {
        heads.deallocate()
        state.deallocate()
    }

    /// Fires the node at `deadline` (ms; at once if that has passed), instead of when it was to fire before.
    @inline(__always) @_noLocks
    func schedule(_ node: UnsafeMutablePointer<TimerNode>, at deadline: UInt64) {
        node.pointee.deadline = deadline
        if node.pointee.slot != TimerWheel.none {
            // Postponed: found out when the old time comes. That is the common case: timers that are set anew.
            if deadline >= node.pointee.filed { return }
            unlink(node)
        }
        file(node)
    }

    /// The node will not fire. It may stay linked.
    @inline(__always) @_noLocks
    func cancel(_ node: UnsafeMutablePointer<TimerNode>) { node.pointee.deadline = TimerWheel.never }

    /// The node will not fire and its memory may be freed.
    @inline(__always) @_noLocks
    func remove(_ node: UnsafeMutablePointer<TimerNode>) {
        node.pointee.deadline = TimerWheel.never
        if node.pointee.slot != TimerWheel.none { unlink(node) }
    }

    /// Fires what is due at `time`, in the order of deadlines to the millisecond. Callbacks may schedule, cancel and remove
    /// any node, their own included; what they schedule for now or earlier fires a millisecond later.
    /// - Returns: number of timers fired.
    func advance(to time: UInt64) -> Int {
        var fired = 0
        while let at = nextEvent(), at <= time {
            if at > now { state.pointee.now = at }
            collect()
            fired += fireDue()
        }
        if time > now { state.pointee.now = time }
        return fired
    }

    /// When `advance` has something to do again: never later than the earliest deadline; nil without timers.
    @_noLocks
    func nextEvent() -> UInt64? {
        for level in 0..<TimerWheel.levels where state.pointee.bits[level] != 0 {
            let shift = UInt64(6 * level)
            let position = now >> shift & 63
            let rotated =
                state.pointee.bits[level] >> position
                | (position == 0 ? 0 : state.pointee.bits[level] << (64 - position))
            let distance = UInt64(rotated.trailingZeroBitCount)
            let start = (now >> shift &+ distance) << shift
            // The list of the present position at a higher level belongs to its next round.
            return level > 0 && distance == 0 ? (now >> shift &+ 64) << shift : max(start, now)
        }
        return nil
    }

    // MARK: - Filing

    /// The level whose unit first tells `deadline` from `now`, so that a list is never older than one round.
    private func file(_ node: UnsafeMutablePointer<TimerNode>) {
        let earliest = state.pointee.isFiring ? now &+ 1 : now
        let furthest = now &+ (1 << 36) &- 1
        let deadline = min(max(node.pointee.deadline, earliest), furthest)
        let difference = (deadline ^ now) | 63
        let level = min((63 &- difference.leadingZeroBitCount) / 6, TimerWheel.levels &- 1)
        let position = Int(deadline >> UInt64(6 &* level) & 63)
        node.pointee.filed = deadline
        state.pointee.bits[level] |= 1 << UInt64(position)
        link(node, level &* 64 &+ position)
    }

    @inline(__always)
    private func link(_ node: UnsafeMutablePointer<TimerNode>, _ slot: Int) {
        let head = heads + slot
        let last = head.pointee.previous!
        node.pointee.slot = UInt16(truncatingIfNeeded: slot)
        node.pointee.next = head
        node.pointee.previous = last
        last.pointee.next = node
        head.pointee.previous = node
        state.pointee.count &+= 1
    }

    @inline(__always)
    private func unlink(_ node: UnsafeMutablePointer<TimerNode>) {
        let slot = Int(node.pointee.slot)
        let next = node.pointee.next!
        let previous = node.pointee.previous!
        previous.pointee.next = next
        next.pointee.previous = previous
        node.pointee.next = nil
        node.pointee.slot = TimerWheel.none
        state.pointee.count &-= 1
        if next == previous, next == heads + slot, slot < TimerWheel.due {
            state.pointee.bits[slot >> 6] &= ~(1 << UInt64(slot & 63))
        }
    }

    // MARK: - Firing

    /// At `now`: lists of higher levels whose time has come are filed anew, from the top; then the present one is due.
    private func collect() {
        var level = TimerWheel.levels - 1
        while level > 0 {
            let shift = UInt64(6 * level)
            if now & ((1 << shift) - 1) == 0 { refile(level * 64 + Int(now >> shift & 63)) }
            level -= 1
        }
        let slot = Int(now & 63)
        while let node = first(slot) {
            unlink(node)
            if node.pointee.deadline <= now {
                link(node, TimerWheel.due)
            } else if node.pointee.isArmed {
                file(node)
            }
        }
    }

    private func refile(_ slot: Int) {
        // Nodes may fall into the same list again (deadlines beyond the furthest): the last one now ends the loop.
        let last = heads[slot].previous!
        guard last != heads + slot else { return }
        while let node = first(slot) {
            let isLast = node == last
            unlink(node)
            if node.pointee.isArmed { file(node) }
            if isLast { return }
        }
    }

    @inline(__always)
    private func first(_ slot: Int) -> UnsafeMutablePointer<TimerNode>? {
        let node = heads[slot].next!
        return node == heads + slot ? nil : node
    }

    private func fireDue() -> Int {
        var fired = 0
        state.pointee.isFiring = true
        while let node = first(TimerWheel.due) {
            unlink(node)
            if node.pointee.deadline > now {
                if node.pointee.isArmed { file(node) }
                continue
            }
            node.pointee.deadline = TimerWheel.never
            fired += 1
            let (fire, context) = (node.pointee.fire, node.pointee.context)
            fire(state.pointee.owner, context)
        }
        state.pointee.isFiring = false
        return fired
    }
}
