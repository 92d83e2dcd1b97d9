// Invariants: bytes and records of before lie in the arena of the message as long as it lives; `unapplied` leads from each to the one before it.
// Texts that were taken from the message stay valid.

extension Message {
    /// Makes the edits part of the message: whoever looks at it sees them, and further edits count from there. Texts that are made when
    /// the message is written stay edits. The Request-URI in force stays beside the received one. `rewind` goes back behind it.
    /// - Returns: false when memory is out, or what comes of the edits is no message; then nothing has changed.
    func applyEdits() -> Bool {
        guard editCount > 0 else { return true }
        let capacity = editedCapacity
        let lateCount = countLate
        guard let raw = arena.pointee.allocate(capacity),
            let saved = arena.pointee.allocate(MemoryLayout<MessageRecord>.stride)?
                .bindMemory(to: MessageRecord.self, capacity: 1)
        else { return false }
        return withUnsafeTemporaryAllocation(of: Edit.self, capacity: max(1, lateCount)) { late in
            var found = 0
            var out = ByteWriter(UnsafeMutableRawBufferPointer(start: raw, count: capacity))
            withEditPlan { plan, scratch in
                fixContentLength(&plan, &scratch)
                plan.sort()
                plan.copy(self, UInt32(startOffset)..<record.pointee.count, includesEnd: true, to: &out) { edit, out in
                    guard found < lateCount else { return }
                    var moved = edit
                    moved.offset = UInt32(truncatingIfNeeded: out.count)
                    (late.baseAddress.unsafelyUnwrapped + found).initialize(to: moved)
                    found += 1
                }
            }
            guard !out.isOverflown else { return false }
            let bytes = Bytes(UnsafePointer(raw.assumingMemoryBound(to: UInt8.self)), out.count)
            guard Message.parse(bytes, record: saved, arena: arena).isAccepted else { return false }
            become(saved)
            for index in 0..<found { _ = editLate(offset: Int(late[index].offset), payload: late[index].text) }
            return true
        }
    }

    /// Takes other bytes, which are copied: edits and a Request-URI that was set are gone, all else that was decided stays. `rewind` goes back
    /// behind it.
    /// - Returns: false when memory is out, or the bytes are no message, one of the other kind, or one with another Call-ID, by which
    ///   workers are chosen; then nothing has changed.
    func setBytes(_ bytes: Bytes) -> Bool {
        guard bytes.count <= Limits.messageSize, let copy = arena.pointee.copy(bytes),
            let place = arena.pointee.allocate(MemoryLayout<MessageRecord>.stride)?
                .bindMemory(to: MessageRecord.self, capacity: 1),
            Message.parse(copy, record: place, arena: arena).isAccepted
        else { return false }
        let made = Message(place)
        guard made.isRequest == isRequest, made.callID == callID, !isRequest || made.originalURI != nil else {
            return false
        }
        become(place)
        guard isRequest else { return true }
        routing.current.uri = .empty
        routing.isNew = true
        return true
    }

    /// Swaps the message for one in the same arena that was parsed into `other`, where what it was is kept.
    private func become(_ other: UnsafeMutablePointer<MessageRecord>) {
        var now = other.pointee
        now.slots = record.pointee.slots
        now.owner = record.pointee.owner
        now.routing = record.pointee.routing
        now.unapplied = other
        other.pointee = record.pointee
        record.pointee = now
    }

    /// Back to the bytes that began there, if they are not those of the message any more. Its routing is that of now.
    func unapplyEdits(backTo base: UnsafePointer<UInt8>) {
        guard record.pointee.base != base else { return }
        var next = record.pointee.unapplied
        while let before = next, before.pointee.base != base { next = before.pointee.unapplied }
        guard let before = next else { return }
        var then = before.pointee
        then.slots = record.pointee.slots
        then.owner = record.pointee.owner
        then.routing = record.pointee.routing
        then.arena = record.pointee.arena
        then.cache.clear()
        record.pointee = then
    }

    /// Bytes of the message with its edits at most: each line may get a CR, and Content-Length another number.
    private var editedCapacity: Int {
        var count = Int(record.pointee.count) + 64
        if record.pointee.hasBareLF { count += headerCount + 1 + Int(record.pointee.count) / 2 }
        var next = record.pointee.edits.newest
        while let edit = next {
            count += edit.pointee.text.count
            next = edit.pointee.previous
        }
        return count
    }

    private var countLate: Int {
        var count = 0
        var next = record.pointee.edits.newest
        while let edit = next {
            if edit.pointee.isLate { count += 1 }
            next = edit.pointee.previous
        }
        return count
    }
}
