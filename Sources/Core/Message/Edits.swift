// Invariants: edits and their texts lie in the message's arena. No two edits of a list overlap: what would is refused when it is
// added. Offsets are into the received bytes, 0...count.

/// One change of a message, applied when it is written: `deleted` bytes from `offset` on give way to `text`.
struct Edit {
    var offset: UInt32
    var deleted: UInt32
    /// What to insert; of a late edit what its producer wants to know, aligned to 8 bytes.
    var text: Bytes
    /// The text to insert is produced when the message is written. What `text` holds then is known to whoever added the edit and to the
    /// caller of the writer.
    var isLate: Bool
    /// Counts up: edits at one place stand in the order in which they were made.
    var order: UInt32
    var previous: UnsafeMutablePointer<Edit>?

    @inline(__always)
    var end: UInt32 { offset &+ deleted }
}

/// The edits of a message, newest first.
struct EditList {
    var newest: UnsafeMutablePointer<Edit>?
    var count: UInt32
    /// Edits that were refused because an earlier one had the place.
    var conflicts: UInt32

    @inline(__always)
    init() {
        newest = nil
        count = 0
        conflicts = 0
    }
}

/// A point in the history of a message's edits to go back to: what a branch route did is undone by it.
struct EditMark {
    fileprivate var newest: UnsafeMutablePointer<Edit>?
    fileprivate var count: UInt32
}

extension Message {
    /// Replaces `deleted` bytes at `offset` of the received message by `text`, which is copied. False when the place lies outside, when
    /// it overlaps an earlier edit (the first one wins; counted), or when memory is out.
    func edit(offset: Int, deleted: Int, text: Bytes) -> Bool {
        guard let place = claim(offset: offset, deleted: deleted) else { return false }
        if !text.isEmpty {
            guard let copy = record.pointee.arena.pointee.copy(text) else { return false }
            place.pointee.text = copy
        }
        link(place)
        return true
    }

    /// An insertion whose text the `late` closure of the writer produces, once for every time the message is written, since it depends
    /// on the outgoing socket. Only in the head: the length of the body must be known before.
    ///
    /// - Parameter payload: for the producer; copied, and copied along when the message is, so that a copy can be written after the
    ///   run that made the edit has ended.
    func editLate(offset: Int, payload: Bytes) -> Bool {
        guard offset <= Int(record.pointee.headersEnd), let place = claim(offset: offset, deleted: 0) else {
            return false
        }
        guard let copy = arena.pointee.copy(payload) else { return false }
        place.pointee.isLate = true
        place.pointee.text = copy
        link(place)
        return true
    }

    /// The edits made so far, to return to with `rewindEdits`.
    @inline(__always)
    var editMark: EditMark { EditMark(newest: record.pointee.edits.newest, count: record.pointee.edits.count) }

    /// Forgets all edits made since `mark`. Their memory stays taken until the arena ends.
    @inline(__always)
    func rewindEdits(to mark: EditMark) {
        record.pointee.edits.newest = mark.newest
        record.pointee.edits.count = mark.count
    }

    @inline(__always)
    var editCount: Int { Int(record.pointee.edits.count) }

    /// Edits that were refused because an earlier one had the place.
    @inline(__always)
    var editConflicts: Int { Int(record.pointee.edits.conflicts) }

    /// Memory for an edit at a free place.
    private func claim(offset: Int, deleted: Int) -> UnsafeMutablePointer<Edit>? {
        guard offset >= 0, deleted >= 0, offset <= Int(record.pointee.count),
            deleted <= Int(record.pointee.count) - offset, record.pointee.edits.count < UInt32(Limits.edits)
        else { return nil }
        let low = UInt32(offset)
        let high = low + UInt32(deleted)
        guard !overlapsEdit(low, high) else {
            record.pointee.edits.conflicts &+= 1
            return nil
        }
        guard let raw = record.pointee.arena.pointee.allocate(MemoryLayout<Edit>.stride) else { return nil }
        let place = raw.bindMemory(to: Edit.self, capacity: 1)
        place.initialize(
            to: Edit(
                offset: low, deleted: high - low, text: .empty, isLate: false,
                order: record.pointee.edits.count, previous: nil))
        return place
    }

    private func link(_ edit: UnsafeMutablePointer<Edit>) {
        edit.pointee.previous = record.pointee.edits.newest
        record.pointee.edits.newest = edit
        record.pointee.edits.count += 1
    }

    /// Whether a change of low..<high meets an earlier one. Insertions meet only what deletes the bytes on both sides of them.
    private func overlapsEdit(_ low: UInt32, _ high: UInt32) -> Bool {
        var next = record.pointee.edits.newest
        while let edit = next {
            let e = edit.pointee
            if e.deleted > 0, high > low {
                if low < e.end, e.offset < high { return true }
            } else if e.deleted > 0 {
                if low > e.offset, low < e.end { return true }
            } else if e.offset > low, e.offset < high {
                return true
            }
            next = e.previous
        }
        return false
    }

    /// Whether the byte at `offset` is deleted; and the end of the deletion that does it.
    func deletion(at offset: Int) -> Int? {
        var next = record.pointee.edits.newest
        while let edit = next {
            if offset >= Int(edit.pointee.offset), offset < Int(edit.pointee.end) { return Int(edit.pointee.end) }
            next = edit.pointee.previous
        }
        return nil
    }

    /// Whether the body is changed, or text is put where an empty one begins.
    var isBodyEdited: Bool {
        guard record.pointee.hasHeadersEnd else { return false }
        var next = record.pointee.edits.newest
        while let edit = next {
            if edit.pointee.offset >= record.pointee.bodyStart { return true }
            next = edit.pointee.previous
        }
        return false
    }

    /// Deletes what is not deleted yet of a range.
    func deleteRest(of range: Range<Int>) -> Bool {
        var at = range.lowerBound
        while at < range.upperBound {
            if let end = deletion(at: at) {
                at = end
                continue
            }
            var end = range.upperBound
            var next = record.pointee.edits.newest
            while let edit = next {
                if edit.pointee.deleted > 0, Int(edit.pointee.offset) >= at { end = min(end, Int(edit.pointee.offset)) }
                next = edit.pointee.previous
            }
            guard edit(offset: at, deleted: end - at, text: .empty) else { return false }
            at = end
        }
        return true
    }
}
