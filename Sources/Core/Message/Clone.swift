// Invariants: everything that the copy refers to lies in its chunk; the packer measures and copies with the same code, so that the chunk
// is as large as what is put into it. Places are aligned to 8 bytes.

/// Lays things one behind the other into a chunk, or only measures them when there is none.
private struct Packer {
    private let base: UnsafeMutableRawPointer?
    private(set) var size = 0

    init(_ base: UnsafeMutableRawPointer?) { self.base = base }

    /// The place of `count` bytes; nil when measuring.
    mutating func place(_ count: Int) -> UnsafeMutableRawPointer? {
        defer { size += (count + 7) & ~7 }
        return base.map { $0 + size }
    }

    mutating func copy(_ bytes: Bytes) -> Bytes {
        guard let place = place(bytes.count) else { return bytes }
        place.copyMemory(from: bytes.start, byteCount: bytes.count)
        return Bytes(UnsafePointer(place.assumingMemoryBound(to: UInt8.self)), bytes.count)
    }

    mutating func copy(_ bytes: Bytes?) -> Bytes? {
        guard let bytes else { return nil }
        let copied: Bytes = copy(bytes)
        return copied
    }

    mutating func copy<Value>(_ value: Value) -> UnsafeMutablePointer<Value>? {
        guard let place = place(MemoryLayout<Value>.stride) else { return nil }
        let pointer = place.bindMemory(to: Value.self, capacity: 1)
        pointer.initialize(to: value)
        return pointer
    }
}

extension Message {
    /// Bytes that `clone` needs.
    var cloneSize: Int {
        var packer = Packer(nil)
        pack(&packer, arena)
        return packer.size
    }

    /// Copies the message with its edits and its routing into one chunk: what a transaction, a suspended run or a hand-over keeps.
    /// Parsed values are not copied; the copy parses them anew when it is asked.
    ///
    /// - Parameters:
    ///   - chunk: `cloneSize` bytes, aligned to 8; owned by the caller. The copy lives as long as it.
    ///   - arena: for what the copy will need itself; see `use(arena:)`.
    func clone(into chunk: UnsafeMutableRawPointer, arena: UnsafeMutablePointer<Arena>) -> Message {
        var packer = Packer(chunk)
        pack(&packer, arena)
        return Message(chunk.assumingMemoryBound(to: MessageRecord.self))
    }

    /// `clone`, and all whose texts are made when the message is written get data of the copy's own: what a copy is that may outlive the
    /// message. See `LateText`.
    func copy(into chunk: UnsafeMutableRawPointer, arena: UnsafeMutablePointer<Arena>) -> Message {
        let copy = clone(into: chunk, arena: arena)
        LateText.adoptAll(by: copy)
        return copy
    }

    /// Gives the message another arena, as a run begins on a message that was kept. What was parsed is forgotten. Edits and texts of the routing
    /// that lie in the former arena must be gone before that ends: see `rewindEdits` and `setRouting`.
    func use(arena: UnsafeMutablePointer<Arena>) {
        record.pointee.arena = arena
        record.pointee.cache.clear()
    }

    private func pack(_ packer: inout Packer, _ arena: UnsafeMutablePointer<Arena>) {
        let place = packer.place(MemoryLayout<MessageRecord>.stride)
        let text: Bytes = packer.copy(received)
        let headersSize = headerCount * MemoryLayout<Header>.stride
        let headers = packer.place(headersSize)
        let edits = packEdits(&packer)
        let routing = packRouting(&packer)
        guard let place, let headers else { return }
        headers.copyMemory(from: record.pointee.headers, byteCount: headersSize)
        let copy = place.bindMemory(to: MessageRecord.self, capacity: 1)
        copy.initialize(to: record.pointee)
        copy.pointee.base = text.start
        copy.pointee.arena = arena
        copy.pointee.headers = headers.bindMemory(to: Header.self, capacity: headerCount)
        copy.pointee.headerCapacity = record.pointee.headerCount
        copy.pointee.cache.clear()
        // Modules' data belongs to the original, which destroys it.
        copy.pointee.slots = nil
        copy.pointee.owner = .caller
        copy.pointee.unapplied = nil
        copy.pointee.edits = edits
        copy.pointee.routing = routing
    }

    private func packEdits(_ packer: inout Packer) -> EditList {
        var list = record.pointee.edits
        var last: UnsafeMutablePointer<Edit>?
        var next = list.newest
        list.newest = nil
        while let edit = next {
            var copied = edit.pointee
            next = copied.previous
            copied.text = packer.copy(copied.text)
            copied.previous = nil
            let place = packer.copy(copied)
            if let last { last.pointee.previous = place } else { list.newest = place }
            last = place
        }
        return list
    }

    private func packRouting(_ packer: inout Packer) -> Routing {
        var copy = routing
        copy.current = pack(copy.current, &packer)
        copy.advertisedAddress = packer.copy(copy.advertisedAddress)
        copy.viaHost = packer.copy(copy.viaHost)
        copy.viaParams = packer.copy(copy.viaParams)
        copy.replyViaParams = packer.copy(copy.replyViaParams)
        copy.authorized = packer.copy(copy.authorized)
        copy.errorReason = packer.copy(copy.errorReason)
        copy.replyLines = packReplyLines(&packer)
        copy.replyBody = packer.copy(copy.replyBody)
        copy.replyBodyType = packer.copy(copy.replyBodyType)
        copy.branches = packBranches(&packer)
        if let prepared = routing.preparedBranch {
            let branch = pack(prepared.pointee, &packer)
            copy.preparedBranch = packer.copy(branch)
        }
        copy.branchCapacity = copy.branchCount
        return copy
    }

    private func packReplyLines(_ packer: inout Packer) -> UnsafeMutablePointer<ReplyLines>? {
        var newest: UnsafeMutablePointer<ReplyLines>?
        var last: UnsafeMutablePointer<ReplyLines>?
        var next = routing.replyLines
        while let lines = next {
            next = lines.pointee.previous
            let place = packer.copy(ReplyLines(text: packer.copy(lines.pointee.text), previous: nil))
            if let last { last.pointee.previous = place } else { newest = place }
            last = place
        }
        return newest
    }

    private func packBranches(_ packer: inout Packer) -> UnsafeMutablePointer<Branch>? {
        guard branchCount > 0 else { return nil }
        let place = packer.place(branchCount * MemoryLayout<Branch>.stride)
        let branches = place?.bindMemory(to: Branch.self, capacity: branchCount)
        for index in 0..<branchCount {
            let copy = pack(branch(at: index), &packer)
            if let branches { (branches + index).initialize(to: copy) }
        }
        return branches
    }

    private func pack(_ branch: Branch, _ packer: inout Packer) -> Branch {
        var copy = branch
        copy.uri = packer.copy(copy.uri)
        copy.destination = packer.copy(copy.destination)
        copy.path = packer.copy(copy.path)
        copy.instance = packer.copy(copy.instance)
        copy.ruid = packer.copy(copy.ruid)
        copy.locationUserAgent = packer.copy(copy.locationUserAgent)
        return copy
    }
}
