import PluginKit
import RoutingKit

// Invariants: a LocalAck lies in a piece of the worker's memory from `make` to `finish`, which is reached once; it references its transaction
// and owns two kept messages: the ACK, and, when event_route[tm:local-ack-sent] is to see it, a copy of the 2xx.

/// The ACK to a 2xx of an INVITE of our own (RFC 3261 section 13.2.2.4): a request of its own that nobody answers. It is made anew for each
/// 2xx, repeated ones included.
struct LocalAck {
    let transaction: TransactionRef
    let branch: BranchRef
    let message: OpaquePointer
    var reply: OpaquePointer?
    var lookup = apus_lookup()
}

private typealias LocalAckRef = UnsafeMutablePointer<LocalAck>

/// What an ACK carries beside what the INVITE and the 2xx say.
struct AckContents {
    /// Whole lines.
    var headers = apus_str()
    var body = apus_str()
    var bodyType = apus_str()
}

extension TransactionRef {
    /// A 2xx to a request of our own.
    func acceptLocal(_ reply: OpaquePointer, _ branch: BranchRef, _ status: Int32) {
        if pointee.flags.contains(.invite) {
            if !pointee.flags.contains(.noAutoAck), !isWatched(TM_DONT_ACK) {
                _ = acknowledgeSuccess(reply, branch, AckContents())
            } else {
                // Somebody else acknowledges it, now or later.
                home.messages.pointee.release(home.host, branch.pointee.reply)
                branch.pointee.reply = home.messages.pointee.keep(home.host, reply)
            }
        }
        completeLocal(status, reply, branch)
        // The 2xx is repeated until its ACK arrives, at longest for 64*T1; each of them is acknowledged (RFC 6026, timer M).
        guard pointee.flags.contains(.invite), pointee.phase == .waiting else { return }
        let end = home.now &+ 64 &* UInt64(pointee.timers.retr1)
        if end > pointee.phaseEnd {
            pointee.phaseEnd = end
            schedule()
        }
    }

    /// The 2xx to an INVITE of our own that is not acknowledged by itself; nil when none has come.
    var acceptedReply: OpaquePointer? {
        var found: OpaquePointer?
        var next = pointee.branches
        while let branch = next {
            next = branch.pointee.next
            if 200..<300 ~= branch.pointee.status, let reply = branch.pointee.reply { found = reply }
        }
        return found
    }

    /// Sends the ACK to a 2xx. False when it cannot be made or has no destination.
    func acknowledgeSuccess(_ reply: OpaquePointer, _ branch: BranchRef, _ contents: AckContents) -> Bool {
        let home = self.home
        guard let message = branch.makeAck(reply, contents) else {
            home.host.log(.error, "the ACK to a 2xx cannot be made")
            return false
        }
        guard let ack = home.allocate(LocalAck.self) else {
            home.messages.pointee.release(home.host, message)
            return false
        }
        ack.initialize(to: LocalAck(transaction: self, branch: branch, message: message))
        addReference()
        if home.host.pointee.events.pointee.route(home.host, home.pointee.state.pointee.localAckSentEvent) != nil {
            ack.pointee.reply = home.messages.pointee.keep(home.host, reply)
        }
        return ack.begin(reply)
    }
}

extension LocalAck {
    fileprivate static let found: @convention(c) (Host, UnsafeMutablePointer<apus_lookup>, CInt) -> Void = {
        _, lookup, _ in
        guard let ack = lookup.pointee.user?.assumingMemoryBound(to: LocalAck.self) else { return }
        _ = ack.sendToHops()
    }
}

extension LocalAckRef {
    /// Finds out where it goes, as `local_ack_mode` says, and sends it.
    fileprivate func begin(_ reply: OpaquePointer) -> Bool {
        let branch = pointee.branch
        let home = branch.home
        switch home.settings.pointee.localAckMode {
        case 1: return finish(send(to: branch.pointee.destination))
        case 2:
            var destination = apus_destination()
            destination.size = UInt32(MemoryLayout<apus_destination>.size)
            home.messages.pointee.source(reply, &destination)
            return finish(send(to: destination))
        default: break
        }
        let lookup = pointer(to: \.lookup).unsafelyUnwrapped
        lookup.pointee.size = UInt32(MemoryLayout<apus_lookup>.size)
        lookup.pointee.user = UnsafeMutableRawPointer(self)
        lookup.pointee.done = LocalAck.found
        let uri = home.messages.pointee.next_hop(pointee.message)
        let result = home.host.pointee.resolver.pointee.next_hop(home.host, uri, 0, lookup)
        if result == .suspended { return true }
        return result > 0 ? sendToHops() : finish(false)
    }

    fileprivate func sendToHops() -> Bool {
        let home = pointee.branch.home
        let lookup = pointer(to: \.lookup).unsafelyUnwrapped
        let preferred = pointee.branch.pointee.destination.listener
        for index in 0..<Int(lookup.pointee.count) {
            var destination = apus_destination()
            destination.size = UInt32(MemoryLayout<apus_destination>.size)
            destination.transport = lookup.hops[index].transport
            destination.remote = lookup.hops[index].address
            guard home.host.pointee.net.pointee.choose(home.host, &destination, preferred) > 0 else { continue }
            if send(to: destination) { return finish(true) }
        }
        return finish(false)
    }

    private func send(to destination: apus_destination) -> Bool {
        let home = pointee.branch.home
        guard let listener = destination.listener else { return false }
        var memory: [64 of UInt8] = InlineArray(repeating: 0)
        let bytes = withUnsafeMutableBytes(of: &memory) { memory in
            home.compose(
                pointee.message, listener,
                branch: pointee.branch.writeAckBranch(to: memory.baseAddress.unsafelyUnwrapped))
        }
        guard !bytes.isEmpty else { return false }
        var destination = destination
        guard home.host.pointee.net.pointee.send(home.host, &destination, bytes) == 0 else { return false }
        guard pointee.transaction.isWatched(TM_REQUEST_SENT) else { return true }
        // What stands in the writing buffer does not outlive what a callback writes.
        var kept = home.keep(bytes)
        withUnsafePointer(to: destination) { destination in
            pointee.transaction.tell(
                TM_REQUEST_SENT,
                Occurrence(
                    request: pointee.message, flags: TM_LOCAL, branch: Int32(pointee.branch.pointee.index),
                    destination: destination, bytes: kept.text))
        }
        home.release(&kept)
        return true
    }

    /// It has been sent, or cannot be. The transaction may be gone afterwards.
    private func finish(_ isSent: Bool) -> Bool {
        let transaction = pointee.transaction
        let home = transaction.home
        if !isSent { home.host.log(.error, "the ACK to a 2xx cannot be sent") }
        if isSent, let reply = pointee.reply { transaction.tellAckSent(reply) }
        home.messages.pointee.release(home.host, pointee.message)
        home.messages.pointee.release(home.host, pointee.reply)
        home.release(self)
        transaction.dropReference()
        return isSent
    }
}

extension TransactionRef {
    /// Runs event_route[tm:local-ack-sent] on a copy of the 2xx.
    fileprivate func tellAckSent(_ reply: OpaquePointer) {
        let host = home.host
        let event = home.pointee.state.pointee.localAckSentEvent
        guard let route = host.pointee.events.pointee.route(host, event) else { return }
        var start = apus_start(
            size: UInt32(MemoryLayout<apus_start>.size), kind: UInt32(APUS_TM_ONREPLY_ROUTE), flags: 0, reserved: 0,
            route: route, msg: reply, avps: pointee.avps,
            begun: { _, message, user in
                let transaction = user.unsafelyUnwrapped.assumingMemoryBound(to: Transaction.self)
                if let branch = transaction.pointee.branches { transaction.markReply(message, branch) }
            },
            ended: { _, end in
                end.pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: Transaction.self).dropReference()
            }, user: self)
        addReference()
        guard host.pointee.script.pointee.start_run(host, &start) <= 0 else { return }
        host.log(.error, "event_route[tm:local-ack-sent] cannot be run: too many runs, or no memory")
        pointee.references -= 1
    }
}
