// Invariants: what a mark points to lies in the arena of its message, and nobody changes it.

/// A state of a message to go back to, as often as is wanted: what a branch route did is undone by it. Void when the message ends.
struct MessageMark {
    fileprivate var edits: EditMark
    fileprivate var then: UnsafeMutablePointer<Then>
    /// The branches of then, which are changed in place.
    fileprivate var branches: UnsafeMutablePointer<Branch>?

    fileprivate struct Then {
        let routing: Routing
        /// The bytes of then: others are there when edits were applied.
        let base: UnsafePointer<UInt8>
    }
}

extension Message {
    /// The message's edits and routing as they are now; nil when memory is out.
    func mark() -> MessageMark? {
        guard let place = store(MessageMark.Then(routing: routing, base: record.pointee.base)) else { return nil }
        var mark = MessageMark(edits: editMark, then: place, branches: nil)
        if branchCount > 0, let branches = routing.branches {
            let size = branchCount * MemoryLayout<Branch>.stride
            guard let raw = arena.pointee.allocate(size) else { return nil }
            raw.copyMemory(from: branches, byteCount: size)
            mark.branches = raw.bindMemory(to: Branch.self, capacity: branchCount)
        }
        return mark
    }

    /// Goes back to a mark of this message. What is not about sending it stays as it is: its flags, the error noted, the lines for replies, and
    /// whether it may be answered.
    func rewind(to mark: MessageMark) {
        unapplyEdits(backTo: mark.then.pointee.base)
        rewindEdits(to: mark.edits)
        if !isRequest { readStatusAgain() }
        var then = mark.then.pointee.routing
        let now = routing
        then.flags = now.flags
        then.errorCode = now.errorCode
        then.errorReason = now.errorReason
        then.replyLines = now.replyLines
        then.replyBody = now.replyBody
        then.replyBodyType = now.replyBodyType
        then.options.remove(.noReply)
        if now.options.contains(.noReply) { then.options.insert(.noReply) }
        if let saved = mark.branches { then.branches?.update(from: saved, count: Int(then.branchCount)) }
        setRouting(then)
    }
}
