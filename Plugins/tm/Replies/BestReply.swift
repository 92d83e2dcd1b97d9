import PluginKit

// Invariants: between `enter` and `leave`; the replies that are looked at are kept in their branches.

extension TransactionRef {
    /// The branch whose outcome is the transaction's (RFC 3261 section 16.7, step 6); nil when there is none to choose.
    func bestBranch() -> BranchRef? {
        var best: BranchRef?
        var bestRank = Int64.max
        var next = pointee.branches
        while let branch = next {
            next = branch.pointee.next
            guard branch.isFinished, branch.pointee.status >= 300, !branch.pointee.flags.contains(.dropped) else {
                continue
            }
            let rank = rank(branch)
            if rank < bestRank { (best, bestRank) = (branch, rank) }
        }
        return best
    }

    /// The lower the better.
    private func rank(_ branch: BranchRef) -> Int64 {
        // Where the request never went: whatever a server has said counts more.
        if branch.pointee.flags.contains(.blind) { return 100_000 }
        let rank = TransactionRef.rank(status: branch.pointee.status)
        return branch.pointee.reply == nil ? rank &+ home.settings.pointee.fakedReplyPrio : rank
    }

    /// 6xx is final for all; then come redirections, what the caller can do something about, the rest of 4xx, 5xx.
    static func rank(status: Int32) -> Int64 {
        let low = Int64(status % 100)
        switch status {
        case 600..<700: return 1_000 + low
        case 300..<400: return 3_000 + low
        case 401, 407, 415, 420, 484: return 4_000 + low
        case 400..<500: return 4_100 + low
        case 500..<600: return 5_000 + low
        default: return 10_000 + Int64(status)
        }
    }

    /// Status of a branch's outcome towards the caller: after a CANCEL one that was made here is 487.
    func outcome(of branch: BranchRef?) -> Int32 {
        guard let branch else { return pointee.flags.contains(.cancelled) ? 487 : 500 }
        if branch.pointee.reply == nil, pointee.flags.contains(.cancelled) { return 487 }
        return branch.pointee.status
    }

    /// The caller shall see the challenges of all proxies and servers that its request reached (RFC 3261 section 16.7, step 7): those of
    /// the other branches go into the winning 401 or 407.
    func aggregateChallenges(into reply: OpaquePointer, of winner: BranchRef) {
        let messages = home.messages
        var next = pointee.branches
        while let branch = next {
            next = branch.pointee.next
            guard branch != winner, !branch.pointee.flags.contains(.dropped),
                branch.pointee.status == 401 || branch.pointee.status == 407, let other = branch.pointee.reply
            else { continue }
            let bytes = messages.pointee.bytes(other)
            let message = Message(handle: other, api: messages)
            for index in 0..<Int(messages.pointee.header_count(other)) {
                guard let header = message.header(at: index),
                    messages.pointee.same_header(header.name, "WWW-Authenticate") > 0
                        || messages.pointee.same_header(header.name, "Proxy-Authenticate") > 0
                else { continue }
                let line = bytes[Int(header.offset)..<Int(header.offset + header.length)]
                _ = messages.pointee.insert_after(reply, nil, line)
            }
        }
    }
}
