import PluginKit
import RoutingKit

// Invariants: as in Relay.swift. What write_request gives is copied into the branch before anything else is written.

extension RelayRef {
    /// Writes the branch's request for the address that is tried, keeps it, and shows it to the script's onsend_route.
    func write(_ call: Call) -> Relay.Step {
        guard let branch = pointee.branch else { return .nextBranch }
        let host = call.host
        let messages = host.pointee.message
        let message = call.pointee.msg
        let hops = pointer(to: \.lookup).unsafelyUnwrapped.hops
        while !branch.aim(at: hops[Int(pointee.hop)], for: message) {
            pointee.hop += 1
            guard pointee.hop < pointee.lookup.count else {
                call.log(.error, "no listener has the transport and address family of the destination")
                return .failed(477)
            }
        }
        branch.pointee.destination.flags = messages.pointee.send_flags(message)
        prepare(call, branch)
        let bytes = branch.compose(message, loopHash: pointee.loopHash)
        guard !bytes.isEmpty else { return .failed(513) }
        let home = branch.home
        home.release(&branch.pointee.request)
        branch.pointee.request = home.keep(bytes)
        guard !branch.pointee.request.isEmpty else { return .failed(500) }
        let result = host.pointee.net.pointee.onsend(
            call, message, branch.destination, branch.pointee.request.text, Relay.looked, self)
        if result > 0 { return .send }
        if result == .suspended { pointee.hasWaited = true }
        return result == .suspended ? .answer(result) : .failed(477)
    }

    /// The last edits before the branch is written the first time.
    private func prepare(_ call: Call, _ branch: BranchRef) {
        guard !pointee.wasTold else { return }
        pointee.wasTold = true
        let messages = call.host.pointee.message
        let message = call.pointee.msg
        let transaction = pointee.transaction
        if let breadth = pointee.breadth,
            let header = apus_header.filled({ messages.pointee.find(message, "Max-Breadth", 0, $0) })
        {
            share(breadth, call, header)
        }
        if pointee.target.options.contains(.replica) { stripReplica(call) }
        if transaction.isWatched(TM_REQUEST_FWDED) {
            var occurrence = branch.occurrence
            occurrence.request = message
            transaction.tell(TM_REQUEST_FWDED, occurrence)
        }
        note(call, branch)
    }

    /// What the branch is in the end, after its route and callbacks.
    private func note(_ call: Call, _ branch: BranchRef) {
        var current = apus_branch()
        current.size = UInt32(MemoryLayout<apus_branch>.size)
        call.host.pointee.branches.pointee.current(call.pointee.msg, &current)
        branch.pointee.branchFlags = current.flags
        branch.pointee.nextHopURI = branch.home.keep(current.destination)
        branch.pointee.path = branch.home.keep(current.path)
    }

    /// This branch's part of the request's Max-Breadth (RFC 5393 section 5.3.3).
    private func share(_ breadth: UInt32, _ call: Call, _ header: apus_header) {
        let place = pointee.next - 1
        let part = breadth / pointee.count + (place < breadth % pointee.count ? 1 : 0)
        var memory: [16 of UInt8] = InlineArray(repeating: 0)
        withUnsafeMutableBytes(of: &memory) { memory in
            var text = Writer(memory.baseAddress.unsafelyUnwrapped, capacity: memory.count)
            text.add(number: Int64(part))
            _ = call.message.replace(header.value, with: text.text)
        }
    }

    /// Sends the branch; when the address does not take it, the next one is tried.
    func send(_ call: Call) -> Relay.Step {
        guard let branch = pointee.branch else { return .nextBranch }
        guard branch.put() == 0 else {
            pointee.hop += 1
            return pointee.hop < pointee.lookup.count ? .write : .failed(477)
        }
        keepFurtherHops(branch)
        branch.startTimers()
        pointee.sent += 1
        pointee.branch = nil
        return .nextBranch
    }

    /// The addresses that were not tried serve when nobody answers.
    private func keepFurtherHops(_ branch: BranchRef) {
        guard pointee.hop + 1 < pointee.lookup.count, !pointee.target.options.contains(.noFailover),
            let copy = branch.home.allocate(apus_lookup.self)
        else { return }
        copy.initialize(to: pointee.lookup)
        branch.pointee.failover = copy
        branch.pointee.nextHop = pointee.hop + 1
    }
}

extension Relay {
    /// onsend_route has ended: the branch leaves, unless the script said drop.
    fileprivate static let looked: @convention(c) (Call, UnsafePointer<apus_route_end>) -> CInt = { call, end in
        guard let relay = end.pointee.user?.assumingMemoryBound(to: Relay.self) else { return .false }
        guard end.pointee.dropped == 0 else {
            relay.discardBranch()
            return relay.go(call, from: relay.mayGoOn ? .nextBranch : .stop)
        }
        return relay.go(call, from: relay.mayGoOn ? .send : .stop)
    }
}
