// Invariants: `edits` are sorted by place and do not overlap; all of them lie in the received bytes of the message. Temporary memory is
// used within the closure that gave it only.

/// The edits of a message in the order of their places, with those that writing itself asks for: what a copy of the message
/// gets in one pass.
struct EditPlan {
    private let edits: UnsafeMutableBufferPointer<Edit>
    private var count: Int

    /// Edits that the writers add to the message's own at most.
    static let extra = 16

    /// Takes the message's edits into `memory`, which has room for them and `extra` more.
    @inline(__always)
    init(_ message: Message, _ memory: UnsafeMutableBufferPointer<Edit>) {
        edits = memory
        count = message.editCount
        var index = count
        var next = message.record.pointee.edits.newest
        while let edit = next, index > 0 {
            index &-= 1
            (memory.baseAddress.unsafelyUnwrapped + index).initialize(to: edit.pointee)
            next = edit.pointee.previous
        }
    }

    /// A plan without edits of the message.
    @inline(__always)
    init(memory: UnsafeMutableBufferPointer<Edit>) {
        edits = memory
        count = 0
    }

    /// Adds a change of the writer's own; an edit of the message at that place stays in force instead.
    @inline(__always)
    mutating func add(offset: UInt32, deleted: UInt32, text: Bytes) {
        guard count < edits.count else { return }
        let end = offset &+ deleted
        for index in 0..<count {
            let e = edits[index]
            if deleted > 0, e.deleted > 0, offset < e.end, e.offset < end { return }
            if deleted == 0, e.deleted > 0, offset > e.offset, offset < e.end { return }
            if deleted > 0, e.deleted == 0, e.offset > offset, e.offset < end { return }
        }
        (edits.baseAddress.unsafelyUnwrapped + count).initialize(
            to: Edit(
                offset: offset, deleted: deleted, text: text, isLate: false,
                order: UInt32(truncatingIfNeeded: count), previous: nil))
        count &+= 1
    }

    /// Sorts by place; at one place insertions come first, then by the order in which they were made. Few edits, nearly in order:
    /// insertion sort.
    @inline(__always)
    mutating func sort() {
        var index = 1
        while index < count {
            let edit = edits[index]
            var at = index
            while at > 0, EditPlan.stands(edit, before: edits[at &- 1]) {
                edits[at] = edits[at &- 1]
                at &-= 1
            }
            edits[at] = edit
            index &+= 1
        }
    }

    @inline(__always)
    private static func stands(_ a: Edit, before b: Edit) -> Bool {
        if a.offset != b.offset { return a.offset < b.offset }
        if (a.deleted > 0) != (b.deleted > 0) { return a.deleted == 0 }
        return a.order < b.order
    }

    /// By how much the edits from `offset` on change the length; nil when there are none.
    @inline(__always)
    func change(from offset: UInt32) -> Int? {
        var sum = 0
        var isEdited = false
        for index in 0..<count where edits[index].offset >= offset {
            isEdited = true
            // Late edits lie in the head: their length does not matter here.
            sum += edits[index].text.count - Int(edits[index].deleted)
        }
        return isEdited ? sum : nil
    }

    /// Writes `range` of the message's received bytes with the edits that begin in it, those at its end only when `includesEnd`.
    @inline(__always)
    func copy(
        _ message: Message, _ range: Range<UInt32>, includesEnd: Bool, to out: inout ByteWriter,
        late: (Edit, inout ByteWriter) -> Void
    ) {
        var at = range.lowerBound
        for index in 0..<count {
            let edit = edits[index]
            if edit.offset < range.lowerBound {
                at = max(at, edit.end)
                continue
            }
            if edit.offset > range.upperBound || (edit.offset == range.upperBound && !includesEnd) { break }
            if edit.offset > at { message.copyOut(at..<edit.offset, to: &out) }
            if edit.isLate { late(edit, &out) } else { out.write(edit.text) }
            at = max(at, edit.end)
        }
        if at < range.upperBound { message.copyOut(at..<range.upperBound, to: &out) }
    }
}

extension Message {
    /// Copies received bytes; line ends of a head whose lines end in LF alone are written as CRLF.
    @inline(__always)
    func copyOut(_ range: Range<UInt32>, to out: inout ByteWriter) {
        let bytes = received[Int(range.lowerBound)..<Int(range.upperBound)]
        if record.pointee.hasBareLF {
            return copyBareLF(bytes, headEnd: Int(record.pointee.bodyStart) - Int(range.lowerBound), &out)
        }
        out.write(bytes)
    }

    private func copyBareLF(_ bytes: Bytes, headEnd: Int, _ out: inout ByteWriter) {
        var at = 0
        while at < min(headEnd, bytes.count) {
            if bytes[at] == 10 { out.write(byte: 13) }
            out.write(byte: bytes[at])
            at += 1
        }
        if at < bytes.count { out.write(bytes.dropFirst(at)) }
    }
}
