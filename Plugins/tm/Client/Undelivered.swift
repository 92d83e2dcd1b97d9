import PluginKit

// Invariants: the bytes are what `put` gave to the transport on this worker; the transaction may be gone by now, or the branch finished.

/// The transport had taken a message and could not deliver it. A request of a branch counts as answered with 503 (RFC 3261 section 16.9); the other
/// messages are repeated by whoever misses them, or lost.
let undelivered:
    @convention(c) (Host, UnsafePointer<apus_destination>, apus_str, CInt, UnsafeMutableRawPointer?) -> Void = {
        _, _, bytes, _, user in
        guard let state = user?.assumingMemoryBound(to: State.self), let home = state.home,
            let branch = home.branch(ofSent: bytes)
        else { return }
        branch.pointee.flags.insert(.undelivered)
        branch.timeOut()
    }

extension UnsafeMutablePointer<Home> {
    /// The branch whose request these bytes are, while it waits for its first reply; nil for anything else.
    fileprivate func branch(ofSent bytes: apus_str) -> BranchRef? {
        var parameter = apus_str()
        guard !bytes.hasPrefix("SIP/"), let sent = SentRequest(bytes), let params = sent.via.index(of: 0x3b),
            messages.pointee.find_param(sent.via.dropFirst(params).trimmed, "branch", &parameter) > 0,
            let identity = Identity(parameter), let transaction = pointee.table[identity.place],
            transaction.pointee.secret == identity.secret, let branch = transaction.branch(identity.branch),
            !branch.isFinished, !branch.pointee.flags.contains(.replied)
        else { return nil }
        // An ACK or CANCEL has the same branch parameter.
        return branch.pointee.request.text.equals(bytes) ? branch : nil
    }
}
