import PluginKit
import RoutingKit

// Invariants: a branch that was sent holds the bytes of its request, our Via on their second line (message->write_request puts it there).

extension TransactionRef {
    /// Branches that one transaction can have in its life: as many as a set of branches (`cancelBranches`) can name.
    static let mostBranches: UInt32 = 31

    /// A new branch at the end, not sent yet; nil when there are too many or memory is out.
    func addBranch() -> BranchRef? {
        guard pointee.branchCount < TransactionRef.mostBranches, let branch = home.allocate(Branch.self) else {
            return nil
        }
        branch.initialize(to: Branch(transaction: self, index: pointee.branchCount))
        if pointee.branches == nil { branch.pointee.viaFlags = pointee.viaFlags }
        home.host.pointee.timer.pointee.prepare(home.host, branch.timer, Branch.timerFired)
        if let last = pointee.lastBranch { last.pointee.next = branch } else { pointee.branches = branch }
        pointee.lastBranch = branch
        pointee.branchCount += 1
        return branch
    }

    /// Takes back a branch that was never sent: a branch route dropped it, or it has no destination.
    func discard(_ branch: BranchRef) {
        var previous: BranchRef?
        var next = pointee.branches
        while let candidate = next, candidate != branch { (previous, next) = (candidate, candidate.pointee.next) }
        if let previous {
            previous.pointee.next = branch.pointee.next
        } else {
            pointee.branches = branch.pointee.next
        }
        if pointee.lastBranch == branch {
            pointee.lastBranch = previous
            // Nobody outside has seen its index.
            pointee.branchCount = branch.pointee.index
        }
        branch.free()
    }
}

extension BranchRef {
    /// Sends the request as it was written, the first time or again.
    /// - Returns: 0, or an errno.
    @discardableResult
    func put() -> Int32 {
        let host = home.host
        let isFirst = !pointee.flags.contains(.sent)
        let code = Int32(host.pointee.net.pointee.send(host, destination, pointee.request.text))
        guard code == 0 else { return code }
        pointee.flags.insert(.sent)
        let transaction = pointee.transaction
        if transaction.isWatched(TM_REQUEST_SENT | TM_REQUEST_OUT) {
            var occurrence = occurrence
            if !isFirst { occurrence.flags = TM_RETRANSMISSION }
            occurrence.bytes = pointee.request.text
            transaction.tell(TM_REQUEST_SENT, occurrence)
            if isFirst { transaction.tell(TM_REQUEST_OUT, occurrence) }
        }
        return 0
    }

    /// What an event says of this branch.
    var occurrence: Occurrence {
        Occurrence(branch: Int32(pointee.index), destination: UnsafePointer(destination))
    }

    /// The request with our Via for the branch's destination; no text when it is too long, memory is out or nothing leads there. It stands until
    /// this worker writes another message.
    /// - Parameters:
    ///   - loopHash: of what decides where the request goes, so that it is known when it comes back; nil in requests of our own.
    ///   - uri: the Request-URI instead of the message's; none leaves it.
    func compose(_ message: OpaquePointer, loopHash: UInt64? = nil, uri: apus_str = apus_str()) -> apus_str {
        let bytes = write(message, loopHash: loopHash, uri: uri)
        guard !bytes.isEmpty, takesAnotherTransport(message, length: bytes.len) else { return bytes }
        return write(message, loopHash: loopHash, uri: uri)
    }

    /// A request that is too large for its transport leaves by another one, where a listener has it.
    @inline(__always)
    private func takesAnotherTransport(_ message: OpaquePointer, length: Int) -> Bool {
        let net = home.host.pointee.net
        let other = net.pointee.transport_for_size(home.host, message, destination, length)
        guard other != 0 else { return false }
        var changed = pointee.destination
        changed.transport = other
        guard net.pointee.choose_for(home.host, &changed, message) > 0 else { return false }
        pointee.destination = changed
        return true
    }

    private func write(_ message: OpaquePointer, loopHash: UInt64?, uri: apus_str) -> apus_str {
        guard let listener = pointee.destination.listener else { return apus_str() }
        var memory: [80 of UInt8] = InlineArray(repeating: 0)
        return withUnsafeMutableBytes(of: &memory) { memory in
            let start = memory.baseAddress.unsafelyUnwrapped
            return home.compose(
                message, listener, branch: home.write(identity(loopHash: loopHash), to: start),
                viaParameters: writeViaParameters(to: start + Identity.longest), uri: uri)
        }
    }

    /// Writes the request for the branch's destination, as `compose` does, and keeps it for retransmissions. False when it cannot.
    func keepRequest(_ message: OpaquePointer, loopHash: UInt64? = nil, uri: apus_str = apus_str()) -> Bool {
        let bytes = compose(message, loopHash: loopHash, uri: uri)
        home.release(&pointee.request)
        pointee.request = home.keep(bytes)
        return !pointee.request.isEmpty
    }

    /// What our Via on its request says.
    func identity(loopHash: UInt64?) -> Identity {
        let transaction = pointee.transaction
        return Identity(
            place: transaction.pointee.place, secret: transaction.pointee.secret, branch: pointee.index,
            loopHash: loopHash)
    }

    /// Parameters of our Via beside the branch, in `memory` of 16 bytes.
    @inline(__always)
    private func writeViaParameters(to memory: UnsafeMutableRawPointer) -> apus_str {
        guard pointee.viaFlags != 0 else { return apus_str() }
        var out = Writer(memory, capacity: 16)
        out.add(";kvf=")
        out.add(hex: UInt64(pointee.viaFlags))
        return out.text
    }

    /// Its Request-URI, of the request as it was written; no text before that.
    var uri: apus_str {
        let request = pointee.request.text
        guard let start = request.index(of: 0x20), let end = request.index(of: 0x20, from: start + 1) else {
            return apus_str()
        }
        return request[start + 1..<end]
    }

    @inline(__always)
    var destination: UnsafeMutablePointer<apus_destination> { pointer(to: \.destination).unsafelyUnwrapped }
}

extension UnsafeMutablePointer<Home> {
    /// The request with our Via for that listener; no text when it is too long. It stands until this worker writes another message.
    func compose(
        _ message: OpaquePointer, _ listener: OpaquePointer, branch: apus_str, viaParameters: apus_str = apus_str(),
        uri: apus_str = apus_str()
    ) -> apus_str {
        var outgoing = apus_outgoing(
            size: UInt32(MemoryLayout<apus_outgoing>.size), reserved: 0, listener: listener, branch: branch,
            via_params: viaParameters, uri: uri, path: apus_str())
        var bytes = apus_str()
        return messages.pointee.write_request(host, message, &outgoing, &bytes) > 0 ? bytes : apus_str()
    }

    /// Our branch parameter for that branch of the transaction, in `memory` of at least `Identity.longest` bytes.
    @inline(__always)
    func write(_ identity: Identity, to memory: UnsafeMutableRawPointer) -> apus_str {
        var out = Writer(memory, capacity: Identity.longest)
        identity.write(to: &out)
        return out.text
    }
}
