import CLinux
import Glibc
import Synchronization

// Invariants: a node is in at most one mailbox at a time, and from `post` until it is taken only the mailbox touches it. A
// lane's head is nil-terminated through `next`, newest first; the value `asleep` stands for "empty, and the reader waits in
// epoll". Exchange and compare-exchange carry release/acquire, so what the poster wrote into the object is seen by the reader.

/// The link by which an object is posted; embedded in the object, so that posting never allocates.
struct MailNode {
    fileprivate(set) var next: UnsafeMutablePointer<MailNode>?
    /// Called by the reader's loop with its worker and this node, from which the object is found.
    var receive: Mailbox.Callback

    init(receive: @escaping Mailbox.Callback) {
        next = nil
        self.receive = receive
    }
}

/// Nodes in the order in which they were posted.
struct MailList {
    fileprivate(set) var first: UnsafeMutablePointer<MailNode>?
    fileprivate(set) var last: UnsafeMutablePointer<MailNode>?
    fileprivate(set) var count = 0

    init() {}

    var isEmpty: Bool { first == nil }

    /// Takes the oldest.
    @inline(__always)
    mutating func removeFirst() -> UnsafeMutablePointer<MailNode>? {
        guard let node = first else { return nil }
        first = node.pointee.next
        if first == nil { last = nil }
        node.pointee.next = nil
        count &-= 1
        return node
    }

    /// Adds one behind the newest.
    @inline(__always)
    mutating func append(_ node: UnsafeMutablePointer<MailNode>) {
        node.pointee.next = nil
        if let end = last { end.pointee.next = node } else { first = node }
        last = node
        count &+= 1
    }

    /// Adds one before the oldest: for lists used as stacks.
    @inline(__always)
    mutating func prepend(_ node: UnsafeMutablePointer<MailNode>) {
        node.pointee.next = first
        first = node
        if last == nil { last = node }
        count &+= 1
    }

    /// Adds all of `other` behind the newest.
    @inline(__always)
    mutating func append(_ other: MailList) {
        guard let start = other.first else { return }
        if let end = last { end.pointee.next = start } else { first = start }
        last = other.last
        count &+= other.count
    }
}

/// What other threads want of a worker: many post, one reads. Three lanes, each in order: hand-overs of SIP messages, which
/// are bounded; what has to be done soon (resumptions, control), which never is; and memory that goes home, which never is
/// and wakes nobody. The reader is woken by its eventfd only when it sleeps.
///
/// A value of this type is a handle: copies mean the same mailbox.
struct Mailbox: @unchecked Sendable {
    typealias Callback =
        @convention(c) (_ worker: UnsafeMutableRawPointer, _ node: UnsafeMutableRawPointer) -> Void

    private struct State: ~Copyable {
        let urgent = Atomic<UInt>(0)
        let handOvers = Atomic<UInt>(0)
        let returns = Atomic<UInt>(0)
        let pending = Atomic<Int>(0)
        let bound: Int
        let wakeup: Int32
    }

    private static let asleep: UInt = 1
    private let state: UnsafeMutablePointer<State>

    /// - Parameter bound: hand-overs that may wait; beyond it they are refused.
    init(bound: Int) throws(SystemError) {
        let fd = try Syscalls.makeEvent()
        state = .allocate(capacity: 1)
        state.initialize(to: State(bound: bound, wakeup: fd))
    }

    /// An event comes here when the reader has to be woken: watched by its loop, edge-triggered, as nobody reads it down.
    var wakeup: Int32 { state.pointee.wakeup }

    /// Hand-overs that wait.
    var pendingHandOvers: Int { state.pointee.pending.load(ordering: .relaxed) }

    /// Posts, from any thread. Never fails, never allocates.
    @inline(__always) @_noLocks
    func post(_ node: UnsafeMutablePointer<MailNode>) {
        if Mailbox.push(node, state.pointee.urgent) { wake() }
    }

    /// Posts a SIP message, from any thread.
    /// - Returns: false when too many wait already: the caller keeps the node, drops the message and counts it.
    @inline(__always) @_noLocks
    func handOver(_ node: UnsafeMutablePointer<MailNode>) -> Bool {
        if state.pointee.pending.add(1, ordering: .relaxed).newValue > state.pointee.bound {
            state.pointee.pending.subtract(1, ordering: .relaxed)
            return false
        }
        if Mailbox.push(node, state.pointee.handOvers) { wake() }
        return true
    }

    /// Posts what can wait until the reader has its next turn, whenever that is: memory that goes home.
    @inline(__always) @_noLocks
    func giveBack(_ node: UnsafeMutablePointer<MailNode>) { _ = Mailbox.push(node, state.pointee.returns) }

    /// - Returns: true when the reader sleeps.
    @inline(__always)
    private static func push(_ node: UnsafeMutablePointer<MailNode>, _ lane: borrowing Atomic<UInt>) -> Bool {
        let mine = UInt(bitPattern: node)
        var head = lane.load(ordering: .relaxed)
        while true {
            node.pointee.next = head == asleep ? nil : UnsafeMutablePointer(bitPattern: head)
            let result = lane.weakCompareExchange(
                expected: head, desired: mine, successOrdering: .releasing, failureOrdering: .relaxed)
            if result.exchanged { return head == asleep }
            head = result.original
        }
    }

    @inline(never) @_semantics("no_performance_analysis")
    private func wake() {
        var one: UInt64 = 1
        _ = Syscalls.write(state.pointee.wakeup, &one, 8)
    }

    // MARK: - The reader

    /// Takes all urgent nodes.
    @inline(__always) @_noLocks
    func takeUrgent() -> MailList {
        if state.pointee.urgent.load(ordering: .relaxed) <= Mailbox.asleep { return MailList() }
        return Mailbox.list(state.pointee.urgent.exchange(0, ordering: .acquiring))
    }

    /// Takes all that was given back.
    @inline(__always)
    func takeReturns() -> MailList {
        if state.pointee.returns.load(ordering: .relaxed) == 0 { return MailList() }
        return Mailbox.list(state.pointee.returns.exchange(0, ordering: .acquiring))
    }

    /// Takes all hand-overs that were posted before this call.
    @inline(__always) @_noLocks
    func takeHandOvers() -> MailList {
        if state.pointee.handOvers.load(ordering: .relaxed) <= Mailbox.asleep { return MailList() }
        let list = Mailbox.list(state.pointee.handOvers.exchange(0, ordering: .acquiring))
        state.pointee.pending.subtract(list.count, ordering: .relaxed)
        return list
    }

    /// Turns a lane around: oldest first.
    @inline(__always)
    private static func list(_ head: UInt) -> MailList {
        var list = MailList()
        if head <= asleep { return list }
        var node = UnsafeMutablePointer<MailNode>(bitPattern: head)
        list.last = node
        var previous: UnsafeMutablePointer<MailNode>?
        while let this = node {
            node = this.pointee.next
            this.pointee.next = previous
            previous = this
            list.count &+= 1
        }
        list.first = previous
        return list
    }

    /// Asks to be woken by the next post.
    /// - Returns: false when something is there already: then the reader must not sleep.
    @inline(__always)
    func fallAsleep() -> Bool {
        let urgent = state.pointee.urgent.compareExchange(expected: 0, desired: Mailbox.asleep, ordering: .relaxed)
        if !urgent.exchanged { return false }
        let lane = state.pointee.handOvers.compareExchange(expected: 0, desired: Mailbox.asleep, ordering: .relaxed)
        if lane.exchanged { return true }
        _ = state.pointee.urgent.compareExchange(expected: Mailbox.asleep, desired: 0, ordering: .relaxed)
        return false
    }

    /// The reader is up again, whatever woke it: posts need no eventfd now.
    @inline(__always)
    func wakeUp() {
        _ = state.pointee.urgent.compareExchange(expected: Mailbox.asleep, desired: 0, ordering: .relaxed)
        _ = state.pointee.handOvers.compareExchange(expected: Mailbox.asleep, desired: 0, ordering: .relaxed)
    }

    /// Ends the mailbox. Nobody may post any more.
    func free() {
        Syscalls.close(state.pointee.wakeup)
        state.deinitialize(count: 1)
        state.deallocate()
    }
}
