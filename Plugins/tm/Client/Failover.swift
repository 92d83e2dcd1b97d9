import PluginKit
import RoutingKit

// Invariants: the further addresses of a look-up belong to one branch at a time: the one that was sent last to one of them.

extension BranchRef {
    /// Sends the request to the next address of its look-up that takes it (RFC 3263 section 4.3), as a new branch: nobody has answered here, or
    /// with 503.
    /// - Returns: true: another branch has taken its place; this one is finished, its outcome does not count, and nobody is told. False: there
    ///   is nothing left to try, or it is not wanted.
    func failOver() -> Bool {
        let transaction = pointee.transaction
        let unwanted: Transaction.Flags = [.cancelled, .noNewBranches, .expired, .disableFailover]
        guard let lookup = pointee.failover, pointee.nextHop < lookup.pointee.count,
            transaction.pointee.flags.isDisjoint(with: unwanted), !pointee.flags.contains(.cancelWanted),
            transaction.pointee.phase == .active, let branch = transaction.addBranch()
        else { return false }
        branch.pointee.branchFlags = pointee.branchFlags
        branch.pointee.viaFlags = pointee.viaFlags
        home.arm(branch.pointer(to: \.onReply).unsafelyUnwrapped, pointee.onReply)
        branch.pointee.ruid = home.keep(pointee.ruid.text)
        branch.pointee.instance = home.keep(pointee.instance.text)
        branch.pointee.userAgent = home.keep(pointee.userAgent.text)
        branch.pointee.nextHopURI = home.keep(pointee.nextHopURI.text)
        branch.pointee.path = home.keep(pointee.path.text)
        branch.pointee.destination.flags = pointee.destination.flags
        while pointee.nextHop < lookup.pointee.count {
            let hop = lookup.hops[Int(pointee.nextHop)]
            pointee.nextHop += 1
            guard branch.aim(at: hop, preferring: failoverListener), branch.rewrite(from: self), branch.put() == 0
            else {
                continue
            }
            branch.pointee.failover = lookup
            branch.pointee.nextHop = pointee.nextHop
            pointee.failover = nil
            branch.startTimers()
            stopTimers()
            pointee.flags.insert([.finished, .dropped])
            if pointee.status < 200 {
                pointee.status = 408
                pointee.flags.insert(.timedOut)
            }
            return true
        }
        transaction.discard(branch)
        return false
    }

    /// Sets where the branch goes. False when no listener leads there.
    func aim(at hop: apus_hop, preferring listener: OpaquePointer?) -> Bool {
        var destination = apus_destination()
        destination.size = UInt32(MemoryLayout<apus_destination>.size)
        destination.transport = hop.transport
        destination.remote = hop.address
        guard home.host.pointee.net.pointee.choose(home.host, &destination, listener) > 0 else { return false }
        destination.flags = pointee.destination.flags
        pointee.destination = destination
        return true
    }

    /// The same, by the listener that the request leaves by.
    func aim(at hop: apus_hop, for message: OpaquePointer) -> Bool {
        var destination = apus_destination()
        destination.size = UInt32(MemoryLayout<apus_destination>.size)
        destination.transport = hop.transport
        destination.remote = hop.address
        guard home.host.pointee.net.pointee.choose_for(home.host, &destination, message) > 0 else { return false }
        destination.flags = pointee.destination.flags
        pointee.destination = destination
        return true
    }

    private var failoverListener: OpaquePointer? {
        if home.settings.pointee.dnsReuseRcvSocket != 0, let request = pointee.transaction.pointee.request {
            return home.messages.pointee.received_on(request)
        }
        return pointee.destination.listener
    }

    /// Takes over the request of a failed branch with a Via of its own, or, with `reparse_on_dns_failover` off, writes the transaction's
    /// request anew.
    private func rewrite(from failed: BranchRef) -> Bool {
        if home.settings.pointee.reparseOnDnsFailover == 0, let request = pointee.transaction.pointee.request {
            return keepRequest(request, loopHash: failed.loopHash, uri: failed.uri)
        }
        home.release(&pointee.request)
        var memory: [64 of UInt8] = InlineArray(repeating: 0)
        return withUnsafeMutableBytes(of: &memory) { memory in
            let name = home.write(identity(loopHash: failed.loopHash), to: memory.baseAddress.unsafelyUnwrapped)
            return copy(failed.pointee.request.text, name)
        }
    }

    /// The bytes with another branch, transport and sent-by in the first Via.
    private func copy(_ bytes: apus_str, _ name: apus_str) -> Bool {
        let host = home.host
        guard let sent = SentRequest(bytes), let listener = pointee.destination.listener,
            let info = apus_listener_info.filled({ host.pointee.net.pointee.info(listener, $0) }),
            let params = sent.via.index(of: 0x3b)
        else { return false }
        let start = bytes[0..<bytes.len - sent.rest.len - sent.via.len]
        let capacity = bytes.len + info.advertised_address.len + name.len + 32
        guard let piece = host.pointee.memory.pointee.allocate(host, capacity) else { return false }
        var out = Writer(piece, capacity: capacity)
        out.add(start)
        out.add("Via: SIP/2.0/")
        out.add(viaTransport(pointee.destination.transport))
        out.add(" ")
        out.add(info.advertised_address)
        out.add(":")
        out.add(number: Int64(info.advertised_port))
        var rest = sent.via.dropFirst(params + 1).trimmed
        while let param = rest.next(0x3b) {
            out.add(";")
            if param.hasPrefix("branch=") {
                out.add("branch=")
                out.add(name)
            } else {
                out.add(param)
            }
        }
        out.add("\r\n")
        out.add(sent.rest)
        if !out.overflowed { pointee.request = home.keep(out.text) }
        home.release(piece)
        return !pointee.request.isEmpty
    }

    /// The loop hash in our Via on the request as it was sent.
    private var loopHash: UInt64? {
        var branch = apus_str()
        guard let sent = SentRequest(pointee.request.text), let params = sent.via.index(of: 0x3b),
            home.messages.pointee.find_param(sent.via.dropFirst(params).trimmed, "branch", &branch) > 0
        else { return nil }
        return Identity(branch)?.loopHash
    }
}
