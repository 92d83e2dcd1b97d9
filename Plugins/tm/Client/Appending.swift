import PluginKit
import RoutingKit

// Invariants: an Appending lies in a piece of the worker's memory from `append` to `leave`, which is reached once. As long there is one its
// transaction is referenced, and it owns a kept copy of the request. While the branch route runs or waits the transaction is busy.

/// One more destination of a request that was relayed: its branch route, the look-up of its address, the first sending. The first two may wait.
struct Appending {
    let transaction: TransactionRef
    /// The request, with the destination as its own.
    let message: OpaquePointer
    /// Those that were added with it: begun when the branch route of this one has ended.
    var next: UnsafeMutablePointer<Appending>?
    var branch: BranchRef?
    var lookup = apus_lookup()
    /// start_run has returned before the route ended: the script waits.
    var hasWaited = false
    var isOver = false
    var isDropped = false
}

private typealias AppendingRef = UnsafeMutablePointer<Appending>

extension TransactionRef {
    /// Sends the request to further destinations, beside those that it was sent to. False when it must not be forwarded any more, a script of
    /// the transaction runs or waits, or memory is out.
    func append(_ destinations: UnsafePointer<apus_branch>, count: UInt32) -> Bool {
        guard !pointee.isBusy, mayFork, pointee.flags.isDisjoint(with: [.local, .replica]),
            let request = pointee.request
        else { return false }
        let host = home.host
        var first: AppendingRef?
        var last: AppendingRef?
        for index in 0..<Int(count) {
            guard let message = home.messages.pointee.keep(host, request) else { break }
            guard host.pointee.branches.pointee.set_current(message, destinations + index) > 0,
                let appending = home.allocate(Appending.self)
            else {
                home.messages.pointee.release(host, message)
                break
            }
            appending.initialize(to: Appending(transaction: self, message: message))
            addReference()
            if let last { last.pointee.next = appending } else { first = appending }
            last = appending
        }
        guard let first else { return false }
        first.begin()
        return true
    }

    /// Nobody has cancelled it, answered it, or given it up.
    fileprivate var mayFork: Bool {
        pointee.phase == .active && pointee.lastStatus < 200
            && pointee.flags.isDisjoint(with: [.cancelled, .noNewBranches, .expired])
    }
}

extension Appending {
    fileprivate static let begun: @convention(c) (Host, OpaquePointer, UnsafeMutableRawPointer?) -> Void = {
        host, message, user in
        let appending = user.unsafelyUnwrapped.assumingMemoryBound(to: Appending.self)
        let transaction = appending.pointee.transaction
        host.pointee.message.pointee.set_flags(message, transaction.pointee.messageFlags)
        host.pointee.message.pointee.set_xflags(message, transaction.pointee.messageXFlags)
        guard let context = transaction.home.pointee.state.makeContext(of: message) else { return }
        context.pointee.transaction = transaction
        context.pointee.isChecked = true
        context.pointee.branch = appending.pointee.branch.map { Int32($0.pointee.index) } ?? -1
    }

    fileprivate static let ended: @convention(c) (Host, UnsafePointer<apus_route_end>) -> Void = { _, end in
        let appending = end.pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: Appending.self)
        appending.pointee.isOver = true
        appending.pointee.isDropped = end.pointee.dropped != 0
        if appending.pointee.hasWaited { appending.routed() }
    }

    fileprivate static let found: @convention(c) (Host, UnsafeMutablePointer<apus_lookup>, CInt) -> Void = {
        _, lookup, status in
        guard let appending = lookup.pointee.user?.assumingMemoryBound(to: Appending.self) else { return }
        guard status == CInt(APUS_OK), lookup.pointee.count > 0 else { return appending.giveUp() }
        appending.send()
    }
}

extension AppendingRef {
    /// Makes the branch and runs its route. The transaction may be gone afterwards.
    fileprivate func begin() {
        let transaction = pointee.transaction
        guard transaction.mayFork, let branch = transaction.addBranch() else {
            let next = pointee.next
            leave()
            next?.begin()
            return
        }
        pointee.branch = branch
        note(branch)
        guard let route = transaction.pointee.onBranch else { return goOn() }
        let host = transaction.home.host
        var start = apus_start(
            size: UInt32(MemoryLayout<apus_start>.size), kind: UInt32(APUS_BRANCH_ROUTE), flags: UInt32(APUS_IN_PLACE),
            reserved: 0, route: route, msg: pointee.message, avps: transaction.pointee.avps, begun: Appending.begun,
            ended: Appending.ended, user: self)
        transaction.enter()
        guard host.pointee.script.pointee.start_run(host, &start) > 0 else {
            host.log(.error, "a branch_route cannot be run: too many runs, or no memory")
            pointee.isDropped = true
            return routed()
        }
        if pointee.isOver { routed() } else { pointee.hasWaited = true }
    }

    /// The branch route has ended.
    fileprivate func routed() {
        let transaction = pointee.transaction
        transaction.addReference()
        goOn()
        transaction.leave()
        transaction.dropReference()
    }

    /// The branch goes on, unless its route said drop; the next one begins.
    private func goOn() {
        let next = pointee.next
        pointee.next = nil
        if pointee.isDropped { giveUp() } else { findAddress() }
        next?.begin()
    }

    /// What is known of the destination.
    private func note(_ branch: BranchRef) {
        let home = branch.home
        var current = apus_branch()
        current.size = UInt32(MemoryLayout<apus_branch>.size)
        home.host.pointee.branches.pointee.current(pointee.message, &current)
        branch.pointee.branchFlags = current.flags
        branch.pointee.ruid = home.keep(current.ruid)
        branch.pointee.instance = home.keep(current.instance)
        branch.pointee.userAgent = home.keep(current.user_agent)
        branch.pointee.nextHopURI = home.keep(current.destination)
        branch.pointee.path = home.keep(current.path)
    }

    private func findAddress() {
        let home = pointee.transaction.home
        let lookup = pointer(to: \.lookup).unsafelyUnwrapped
        lookup.pointee.size = UInt32(MemoryLayout<apus_lookup>.size)
        lookup.pointee.user = UnsafeMutableRawPointer(self)
        lookup.pointee.done = Appending.found
        let uri = home.messages.pointee.next_hop(pointee.message)
        let result = home.host.pointee.resolver.pointee.next_hop(home.host, uri, 0, lookup)
        if result > 0 { return send() }
        if result != .suspended { giveUp() }
    }

    /// Writes it for the first address that takes it.
    fileprivate func send() {
        let transaction = pointee.transaction
        guard transaction.mayFork, let branch = pointee.branch, !branch.pointee.flags.contains(.cancelWanted) else {
            return giveUp()
        }
        let home = branch.home
        let lookup = pointer(to: \.lookup).unsafelyUnwrapped
        home.dropBlocked(lookup, method: transaction.pointee.method)
        tellForwarded(branch)
        for hop in 0..<Int(lookup.pointee.count) {
            guard branch.aim(at: lookup.hops[hop], for: pointee.message), branch.keepRequest(pointee.message),
                branch.put() == 0
            else { continue }
            if hop + 1 < Int(lookup.pointee.count), let copy = home.allocate(apus_lookup.self) {
                copy.initialize(to: lookup.pointee)
                branch.pointee.failover = copy
                branch.pointee.nextHop = UInt32(hop) + 1
            }
            branch.startTimers()
            return leave()
        }
        home.host.log(.error, "an added branch cannot be sent to any of its addresses")
        giveUp()
    }

    private func tellForwarded(_ branch: BranchRef) {
        let transaction = pointee.transaction
        guard transaction.isWatched(TM_REQUEST_FWDED) else { return }
        var occurrence = branch.occurrence
        occurrence.request = pointee.message
        transaction.tell(TM_REQUEST_FWDED, occurrence)
    }

    /// The branch was not sent: if nobody else is waited for, what came before decides.
    fileprivate func giveUp() {
        let transaction = pointee.transaction
        if let branch = pointee.branch, transaction.pointee.phase != .ended { transaction.discard(branch) }
        pointee.branch = nil
        transaction.addReference()
        leave()
        if transaction.pointee.isBusy {
            transaction.pointee.queue.needsSettling = true
        } else if transaction.pointee.phase == .active {
            transaction.settle()
        }
        transaction.dropReference()
    }

    private func leave() {
        let transaction = pointee.transaction
        let home = transaction.home
        home.messages.pointee.release(home.host, pointee.message)
        home.release(self)
        transaction.dropReference()
    }
}
