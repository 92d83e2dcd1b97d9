// Invariants: the place of status code and reason is found from the start line's index; the edit there, if any, was made by `setStatus`. Marks
// may point to edits, so that none is changed.

extension Message {
    /// Another status code and reason for a reply that is passed on: the code is in force at once, the text is written with the edits.
    ///
    /// - Parameter reason: nil keeps the one that it has.
    /// - Returns: false, and nothing is changed, for a request, a code outside 100 to 699, a reason with a line end, when another edit has the
    ///   place, or when memory is out.
    func setStatus(_ code: Int32, reason: Bytes?) -> Bool {
        guard !isRequest, (100..<700).contains(code) else { return false }
        if let reason, reason.firstIndex(of: 10) != nil || reason.firstIndex(of: 13) != nil { return false }
        let place = statusPlace
        let former = edit(at: place)
        let kept = reason ?? former.map { $0.pointee.text.dropFirst(4) } ?? self.reason
        let isDone = withUnsafeTemporaryAllocation(byteCount: kept.count + 4, alignment: 1) { memory in
            var out = ByteWriter(memory)
            out.write(decimal: UInt64(code))
            out.write(" ")
            out.write(kept)
            guard let former else {
                return edit(offset: place.lowerBound, deleted: place.count, text: out.bytes)
            }
            return replace(former, text: out.bytes)
        }
        if isDone { record.pointee.statusCode = UInt16(code) }
        return isDone
    }

    /// The edits of a reply are others now: its code is that of the edit, or the received one.
    func readStatusAgain() {
        let place = statusPlace
        let text = edit(at: place)?.pointee.text ?? received[place]
        if let code = text.prefix(3).decimal() { record.pointee.statusCode = UInt16(truncatingIfNeeded: code) }
    }

    /// Code and reason in the received bytes.
    private var statusPlace: Range<Int> {
        let start = Int(record.pointee.version.end) + 1
        let reason = record.pointee.reason
        return start..<max(start + 3, reason.isPresent ? Int(reason.end) : 0)
    }

    /// Puts an edit with another text in the place of one, behind copies of those made since.
    private func replace(_ former: UnsafeMutablePointer<Edit>, text: Bytes) -> Bool {
        guard let copy = arena.pointee.copy(text), let place = store(former.pointee) else { return false }
        place.pointee.text = copy
        var (newest, oldest): (UnsafeMutablePointer<Edit>, UnsafeMutablePointer<Edit>?) = (place, nil)
        var next = record.pointee.edits.newest
        while let edit = next, edit != former {
            guard let later = store(edit.pointee) else { return false }
            if let oldest { oldest.pointee.previous = later } else { newest = later }
            later.pointee.previous = place
            oldest = later
            next = edit.pointee.previous
        }
        record.pointee.edits.newest = newest
        return true
    }

    private func edit(at place: Range<Int>) -> UnsafeMutablePointer<Edit>? {
        var next = record.pointee.edits.newest
        while let edit = next {
            if Int(edit.pointee.offset) == place.lowerBound, Int(edit.pointee.deleted) == place.count { return edit }
            next = edit.pointee.previous
        }
        return nil
    }
}
