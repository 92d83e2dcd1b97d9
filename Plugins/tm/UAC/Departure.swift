import PluginKit
import RoutingKit

// Invariants: a Departure lies in a piece of the worker's memory from `depart` to `leave`, which is reached once. As long there is one its
// transaction is between `enter` and `leave`: busy and referenced. What write_request gives is copied into the branch at once.

/// A request of our own on its way out: event_route[tm:local-request], the look-up of its address, the first sending. The first two may wait.
struct Departure {
    let transaction: TransactionRef
    let branch: BranchRef
    var lookup = apus_lookup()
    var hop: UInt32 = 0
    /// start_run has returned before the route ended: the script waits.
    var hasWaited = false
    var isOver = false
    var isDropped = false
}

private typealias DepartureRef = UnsafeMutablePointer<Departure>

extension TransactionRef {
    /// Lets a request of our own leave. The transaction may be gone afterwards.
    func depart() {
        enter()
        guard let branch = addBranch(), let departure = home.allocate(Departure.self) else {
            completeLocal(500, nil, nil)
            return leave()
        }
        departure.initialize(to: Departure(transaction: self, branch: branch))
        let host = home.host
        let event = home.pointee.state.pointee.localRequestEvent
        guard let route = host.pointee.events.pointee.route(host, event) else { return departure.goOn() }
        makeAVPs()
        var start = apus_start(
            size: UInt32(MemoryLayout<apus_start>.size), kind: UInt32(APUS_LOCAL_ROUTE), flags: UInt32(APUS_IN_PLACE),
            reserved: 0, route: route, msg: pointee.request, avps: pointee.avps, begun: Departure.begun,
            ended: Departure.ended, user: departure)
        guard host.pointee.script.pointee.start_run(host, &start) > 0 else {
            host.log(.error, "event_route[tm:local-request] cannot be run: too many runs, or no memory")
            return departure.giveUp(503)
        }
        if departure.pointee.isOver { departure.goOn() } else { departure.pointee.hasWaited = true }
    }
}

extension TransactionRef {
    /// AVPs that all routes of the transaction share.
    private func makeAVPs() {
        guard pointee.avps == nil, let message = pointee.request else { return }
        _ = home.host.pointee.script.pointee.with_call(
            home.host, message, nil,
            { call in
                guard let transaction = call.pointee.user?.assumingMemoryBound(to: Transaction.self) else {
                    return .false
                }
                transaction.pointee.avps = call.host.pointee.vars.pointee.share_avps(call)
                return .true
            }, self)
    }
}

extension Departure {
    fileprivate static let begun: @convention(c) (Host, OpaquePointer, UnsafeMutableRawPointer?) -> Void = {
        _, message, user in
        let departure = user.unsafelyUnwrapped.assumingMemoryBound(to: Departure.self)
        let transaction = departure.pointee.transaction
        guard let context = transaction.home.pointee.state.makeContext(of: message) else { return }
        context.pointee.transaction = transaction
        context.pointee.isChecked = true
    }

    fileprivate static let ended: @convention(c) (Host, UnsafePointer<apus_route_end>) -> Void = { _, end in
        let departure = end.pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: Departure.self)
        departure.pointee.isOver = true
        departure.pointee.isDropped = end.pointee.dropped != 0
        if departure.pointee.hasWaited { departure.goOn() }
    }

    fileprivate static let found: @convention(c) (Host, UnsafeMutablePointer<apus_lookup>, CInt) -> Void = {
        _, lookup, status in
        guard let departure = lookup.pointee.user?.assumingMemoryBound(to: Departure.self) else { return }
        guard departure.mayGoOn else { return departure.stop() }
        guard status == CInt(APUS_OK), lookup.pointee.count > 0 else { return departure.giveUp(478) }
        departure.send()
    }
}

extension DepartureRef {
    /// The script let it pass, or there is none.
    fileprivate func goOn() {
        let transaction = pointee.transaction
        guard let message = transaction.pointee.request else { return giveUp(500) }
        let occurrence = Occurrence(request: message)
        guard !pointee.isDropped else { return drop(occurrence) }
        let home = transaction.home
        transaction.takeFlags(of: message)
        transaction.tellGlobally(TM_LOCAL_REQUEST_IN, occurrence)
        transaction.tell(TM_LOCAL_REQUEST_IN, occurrence)
        if transaction.pointee.flags.contains(.inDialog) { transaction.tell(TM_DLG, occurrence) }
        guard mayGoOn else { return stop() }
        let lookup = pointer(to: \.lookup).unsafelyUnwrapped
        lookup.pointee.size = UInt32(MemoryLayout<apus_lookup>.size)
        lookup.pointee.user = UnsafeMutableRawPointer(self)
        lookup.pointee.done = Departure.found
        let uri = home.messages.pointee.next_hop(message)
        let result = home.host.pointee.resolver.pointee.next_hop(home.host, uri, 0, lookup)
        if result > 0 { return send() }
        // `found` goes on, whatever happens to the transaction meanwhile.
        if result != .suspended { giveUp(478) }
    }

    /// Writes it for the first address that takes it.
    fileprivate func send() {
        let branch = pointee.branch
        let home = branch.home
        guard let message = pointee.transaction.pointee.request else { return giveUp(500) }
        let messages = home.messages
        home.removePlaceholder(message)
        let hops = pointer(to: \.lookup).unsafelyUnwrapped.hops
        let preferred = messages.pointee.sent_through(message)
        while pointee.hop < pointee.lookup.count {
            let hop = hops[Int(pointee.hop)]
            pointee.hop += 1
            guard branch.aim(at: hop, preferring: preferred) else { continue }
            guard branch.keepRequest(message) else { return giveUp(513) }
            guard branch.put() == 0 else { continue }
            keepFurtherHops(from: pointee.hop)
            branch.startTimers()
            return leave()
        }
        home.host.log(.error, "a request of our own cannot be sent to any of its addresses")
        giveUp(477)
    }

    /// The addresses that were not tried serve when nobody answers.
    private func keepFurtherHops(from next: UInt32) {
        guard next < pointee.lookup.count, let copy = pointee.branch.home.allocate(apus_lookup.self) else { return }
        copy.initialize(to: pointee.lookup)
        pointee.branch.pointee.failover = copy
        pointee.branch.pointee.nextHop = next
    }

    fileprivate func drop(_ occurrence: Occurrence) {
        let transaction = pointee.transaction
        transaction.tell(TM_LOCAL_REQUEST_DROP, occurrence)
        transaction.end()
        leave()
    }

    /// Nobody has cancelled it, and its lifetime has not run out.
    fileprivate var mayGoOn: Bool {
        let transaction = pointee.transaction
        return transaction.pointee.phase == .active && !pointee.branch.pointee.flags.contains(.cancelWanted)
            && transaction.pointee.flags.isDisjoint(with: [.cancelled, .expired])
    }

    fileprivate func stop() { giveUp(pointee.transaction.pointee.flags.contains(.expired) ? 408 : 487) }

    /// It cannot be sent: that is its outcome.
    fileprivate func giveUp(_ status: Int32) {
        let branch = pointee.branch
        branch.stopTimers()
        pointee.transaction.finish(branch, status)
        pointee.transaction.completeLocal(status, nil, branch)
        leave()
    }

    /// The transaction may be gone afterwards.
    private func leave() {
        let transaction = pointee.transaction
        transaction.home.release(self)
        transaction.leave()
    }
}

extension UnsafeMutablePointer<Home> {
    /// Takes out the Via that stood for ours: the true one is written when the request leaves.
    func removePlaceholder(_ message: OpaquePointer) {
        guard let via = apus_header.filled({ messages.pointee.find(message, "Via", 0, $0) }) else { return }
        _ = withUnsafePointer(to: via) { messages.pointee.remove_header(message, $0) }
    }
}
