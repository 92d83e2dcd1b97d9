import PluginKit

// Invariants: an entry lies in the worker's memory from `enqueue` to the moment it is taken or the transaction ends; the reply in it is held
// (message->hold) for as long, and so is its route (script->hold_route).

/// What came for a transaction while a script of it ran or waited: dealt with one by one, in order, when that is over.
struct EventQueue {
    struct Entry {
        enum Kind: UInt8 {
            /// A reply, to the branch of that index.
            case reply
            /// t_continue: the route.
            case resume
        }

        let kind: Kind
        let branch: UInt32
        let message: OpaquePointer?
        let route: OpaquePointer?
        var next: UnsafeMutablePointer<Entry>?
    }

    /// Entries of one transaction at most: a peer that sends more replies while a script waits repeats them later, as it must.
    static let longest = 32

    private var first: UnsafeMutablePointer<Entry>?
    private var last: UnsafeMutablePointer<Entry>?
    private(set) var count = 0
    /// Branches whose timers ran out meanwhile carry `timeoutPending`.
    var hasTimeouts = false
    /// Branches were finished meanwhile by others than replies.
    var needsSettling = false
    /// `becomeIdle` is at work: further calls leave the rest to it.
    fileprivate var isDraining = false

    @inline(__always)
    var isEmpty: Bool { first == nil && !hasTimeouts && !needsSettling }

    fileprivate mutating func append(_ entry: UnsafeMutablePointer<Entry>) {
        if let last { last.pointee.next = entry } else { first = entry }
        last = entry
        count += 1
    }

    mutating func takeFirst() -> UnsafeMutablePointer<Entry>? {
        guard let entry = first else { return nil }
        first = entry.pointee.next
        if first == nil { last = nil }
        count -= 1
        return entry
    }
}

extension TransactionRef {
    /// Puts an event off until the transaction is idle. False when there are too many already or memory is out.
    func enqueue(
        _ kind: EventQueue.Entry.Kind, branch: UInt32 = 0, message: OpaquePointer? = nil, route: OpaquePointer? = nil
    ) -> Bool {
        guard pointee.queue.count < EventQueue.longest,
            let entry = pointee.home.allocate(EventQueue.Entry.self)
        else { return false }
        if let route { pointee.home.host.pointee.script.pointee.hold_route(pointee.home.host, route) }
        entry.initialize(
            to: EventQueue.Entry(kind: kind, branch: branch, message: message, route: route, next: nil))
        pointee.queue.append(entry)
        return true
    }

    /// A script of the transaction has ended: deals with what came meanwhile, until a script waits again. The transaction may be gone
    /// afterwards.
    func becomeIdle() {
        pointee.isBusy = false
        guard !pointee.queue.isDraining else { return }
        pointee.queue.isDraining = true
        pointee.references += 1
        while !pointee.isBusy, !pointee.queue.isEmpty {
            if pointee.queue.needsSettling {
                pointee.queue.needsSettling = false
                settle()
            } else if pointee.queue.hasTimeouts {
                pointee.queue.hasTimeouts = false
                dealWithTimeouts()
            } else if let entry = pointee.queue.takeFirst() {
                dealWith(entry.pointee)
                pointee.home.letGo(entry.pointee.route)
                pointee.home.release(entry)
            }
        }
        pointee.queue.isDraining = false
        dropReference()
    }

    private func dealWithTimeouts() {
        var next = pointee.branches
        while let branch = next, !pointee.isBusy {
            next = branch.pointee.next
            guard branch.pointee.flags.contains(.timeoutPending) else { continue }
            branch.pointee.flags.remove(.timeoutPending)
            if !branch.isFinished { branch.timeOut() }
        }
        // A script waits: those that were not reached stay marked.
        if pointee.isBusy { pointee.queue.hasTimeouts = true }
    }

    private func dealWith(_ entry: EventQueue.Entry) {
        switch entry.kind {
        case .reply:
            guard let message = entry.message else { return }
            if let branch = branch(entry.branch) {
                deal(with: message, to: branch, isHeld: true)
            } else {
                pointee.home.messages.pointee.release(pointee.home.host, message)
            }
        case .resume:
            if let route = entry.route { resume(route) }
        }
    }

    /// What was queued is thrown away: the transaction ends.
    func emptyQueue() {
        while let entry = pointee.queue.takeFirst() {
            if let message = entry.pointee.message {
                pointee.home.messages.pointee.release(pointee.home.host, message)
            }
            pointee.home.letGo(entry.pointee.route)
            pointee.home.release(entry)
        }
    }
}
