import Glibc
import PluginKit

// Invariants: a RouteRun lies in a piece of the worker's memory from `start` to `finish`, which is reached once: when the route has ended and
// start_run has returned. While there is one its transaction is busy and has a reference. A reply that it works on in place is held.

/// One run of a route on behalf of a transaction.
struct RouteRun {
    enum Kind: UInt8 {
        /// onreply_route on a reply, in place.
        case onReply
        /// event_route[tm:branch-failure:…] on a copy of the request.
        case branchFailure
        /// failure_route, or what t_continue names, on a copy of the request.
        case failure
    }

    let kind: Kind
    let transaction: TransactionRef
    /// Of the reply; of a failure the branch that it is about; nil when none is.
    let branch: BranchRef?
    /// The reply in place; of a failure the winning one, nil when it was made here.
    let message: OpaquePointer?
    /// What a failure is about.
    var status: Int32 = 0
    /// Branches that there were before, and the first of them of the last leg.
    var branchCount: UInt32 = 0
    var legStart: UInt32 = 0
    /// The caller had cancelled the request before.
    var wasCancelled = false
    /// Of a failure_route: when it began, by `clock`.
    var began: UInt64 = 0

    /// `start_run` has returned before the route ended: the script waited.
    var hasWaited = false
    var isOver = false
    var isDropped = false
}

extension TransactionRef {
    /// What happens from here on is one event: others wait until `leave`.
    @inline(__always)
    func enter() {
        pointee.isBusy = true
        pointee.runs += 1
        pointee.references += 1
    }

    /// The event is over, or a script of it waits and has entered, too. The transaction may be gone afterwards.
    @inline(__always)
    func leave() {
        pointee.runs -= 1
        if pointee.runs == 0 { becomeIdle() }
        dropReference()
    }

    /// Starts a route. False when that is impossible: then nothing was done. Else `goOn` has been called, or will be when the route ends.
    func start(_ route: OpaquePointer, _ description: RouteRun) -> Bool {
        let host = home.host
        let isReply = description.kind == .onReply
        guard let message = isReply ? description.message : pointee.request, let run = home.allocate(RouteRun.self)
        else { return false }
        run.initialize(to: description)
        let kind =
            switch description.kind {
            case .onReply: APUS_TM_ONREPLY_ROUTE
            case .branchFailure: APUS_BRANCH_FAILURE_ROUTE
            case .failure: APUS_FAILURE_ROUTE
            }
        var start = apus_start(
            size: UInt32(MemoryLayout<apus_start>.size), kind: UInt32(kind), flags: isReply ? UInt32(APUS_IN_PLACE) : 0,
            reserved: 0, route: route, msg: message, avps: pointee.avps, begun: RouteRun.begun, ended: RouteRun.ended,
            user: run)
        if description.kind == .failure { run.pointee.began = RouteRun.clock() }
        enter()
        guard host.pointee.script.pointee.start_run(host, &start) > 0 else {
            home.release(run)
            host.log(.error, "a route of a transaction cannot be run: too many runs, or no memory")
            pointee.runs -= 1
            pointee.references -= 1
            return false
        }
        if run.pointee.isOver { run.finish() } else { run.pointee.hasWaited = true }
        return true
    }
}

extension RouteRun {
    /// Milliseconds, though the worker's clock stands still while a script runs.
    fileprivate static func clock() -> UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC_COARSE, &now)
        return UInt64(now.tv_sec) &* 1000 &+ UInt64(now.tv_nsec) / 1_000_000
    }

    /// `exec_time_check`: the transaction's replies and timeouts have waited for the route.
    fileprivate func checkTime() {
        let home = transaction.home
        let limit = UInt64(clamping: home.settings.pointee.execTimeCheck)
        let time = RouteRun.clock() &- began
        guard limit > 0, time >= limit else { return }
        home.host.log(.warning, "a failure_route has taken \(time) ms")
    }

    fileprivate static let begun: @convention(c) (Host, OpaquePointer, UnsafeMutableRawPointer?) -> Void = {
        host, message, user in
        let run = user.unsafelyUnwrapped.assumingMemoryBound(to: RouteRun.self)
        let transaction = run.pointee.transaction
        host.pointee.message.pointee.set_flags(message, transaction.pointee.messageFlags)
        host.pointee.message.pointee.set_xflags(message, transaction.pointee.messageXFlags)
        guard run.pointee.kind != .onReply else {
            if let branch = run.pointee.branch { transaction.markReply(message, branch) }
            return
        }
        host.pointee.branches.pointee.clear(message)
        host.pointee.branches.pointee.set_new(message, 0)
        guard let context = transaction.home.pointee.state.makeContext(of: message) else { return }
        context.pointee.transaction = transaction
        context.pointee.isChecked = true
        context.pointee.failureStatus = run.pointee.status
        context.pointee.failureReply = run.pointee.message
        context.pointee.failureBranch = run.pointee.branch.map { Int32($0.pointee.index) } ?? -1
    }

    fileprivate static let ended: @convention(c) (Host, UnsafePointer<apus_route_end>) -> Void = { host, end in
        let run = end.pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: RouteRun.self)
        run.pointee.isOver = true
        run.pointee.isDropped = end.pointee.dropped != 0
        run.pointee.transaction.takeFlags(of: end.pointee.msg)
        if run.pointee.hasWaited { run.finish() }
    }
}

extension UnsafeMutablePointer<RouteRun> {
    /// The route has ended: the transaction goes on.
    fileprivate func finish() {
        let run = pointee
        let transaction = run.transaction
        transaction.home.release(self)
        if run.kind == .failure { run.checkTime() }
        transaction.goOn(run)
        transaction.leave()
    }
}
