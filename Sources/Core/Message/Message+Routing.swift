// Invariants: texts set here are copied into the message's arena; a cached URI is dropped whenever its text changes.

extension Message {
    // MARK: - Request-URI and destination

    /// The Request-URI in force, taken apart; nil when it is no URI.
    var requestURI: UnsafePointer<URI>? { routing.newURI == nil ? originalURI : newURI }

    /// The received Request-URI, taken apart; nil when it is no URI.
    var originalURI: UnsafePointer<URI>? {
        if let cached = record.pointee.cache.originalURI { return known(cached) }
        record.pointee.cache.originalURI = parsedURI(originalURIText)
        return known(record.pointee.cache.originalURI)
    }

    private var newURI: UnsafePointer<URI>? {
        if let cached = record.pointee.cache.newURI { return known(cached) }
        record.pointee.cache.newURI = routing.newURI.flatMap { parsedURI($0) }
        return known(record.pointee.cache.newURI)
    }

    /// The next hop that a script set, taken apart; nil when there is none.
    var destinationURI: UnsafePointer<URI>? {
        if let cached = record.pointee.cache.destinationURI { return known(cached) }
        record.pointee.cache.destinationURI = routing.current.destination.flatMap { parsedURI($0) }
        return known(record.pointee.cache.destinationURI)
    }

    /// Sets the Request-URI to send. Nil goes back to the received one. False, and nothing is changed, when the text is no URI,
    /// too long, or when memory is out.
    func setRequestURI(_ text: Bytes?) -> Bool {
        var copy: Bytes?
        if let text {
            guard let kept = keepURI(text) else { return false }
            copy = kept
        }
        // Going back from nowhere is no change.
        if copy != nil || routing.newURI != nil { routing.isNew = true }
        routing.current.uri = copy ?? .empty
        record.pointee.cache.newURI = nil
        return true
    }

    /// Sets the next hop, nil for none. False as in `setRequestURI`.
    func setDestinationURI(_ text: Bytes?) -> Bool {
        var copy: Bytes?
        if let text {
            guard let kept = keepURI(text) else { return false }
            copy = kept
        }
        if copy != nil { routing.isNew = true }
        routing.current.destination = copy
        record.pointee.cache.destinationURI = nil
        return true
    }

    /// A copy of the routing to put back with `setRouting`; the branches are copied too, so that it does not see later changes. Nil when
    /// memory is out.
    func routingSnapshot() -> Routing? {
        var copy = routing
        guard branchCount > 0, let old = routing.branches else { return copy }
        guard let raw = arena.pointee.allocate(branchCount * MemoryLayout<Branch>.stride) else { return nil }
        raw.copyMemory(from: old, byteCount: branchCount * MemoryLayout<Branch>.stride)
        copy.branches = raw.bindMemory(to: Branch.self, capacity: branchCount)
        copy.branchCapacity = copy.branchCount
        return copy
    }

    /// Puts a whole `Routing` in force, as a branch or a failure route begins or ends.
    func setRouting(_ routing: Routing) {
        record.pointee.routing = routing
        record.pointee.cache.newURI = nil
        record.pointee.cache.destinationURI = nil
    }

    private func keepURI(_ text: Bytes) -> Bytes? {
        guard text.count <= Limits.uriSize, URI.parse(text) != nil else { return nil }
        return arena.pointee.copy(text)
    }

    /// A copy of a text that lives as long as the message; nil when memory is out.
    func keep(_ text: Bytes) -> Bytes? { arena.pointee.copy(text) }

    // MARK: - Path, replies, errors

    /// Route values to put in front of the request; nil for none. False when memory is out.
    func setPath(_ text: Bytes?) -> Bool {
        guard let text else {
            routing.current.path = nil
            return true
        }
        guard let copy = keep(text) else { return false }
        routing.current.path = copy
        return true
    }

    /// Whole header lines, with their line ends, for every reply that this server makes for the request. Copied.
    func appendToReply(_ lines: Bytes) -> Bool {
        guard let text = keep(lines), let place = store(ReplyLines(text: text, previous: routing.replyLines)) else {
            return false
        }
        routing.replyLines = place
        return true
    }

    /// The body of every reply that this server makes for the request without one of the reply's own; empty: none. Copied.
    func setReplyBody(_ body: Bytes, contentType: Bytes) -> Bool {
        guard let body = keep(body), let type = keep(contentType) else { return false }
        routing.replyBody = body
        routing.replyBodyType = type
        return true
    }

    /// Notes an error of processing for `sl_reply_error`; a reason that cannot be kept is left out.
    func setError(code: Int32, reason: Bytes) {
        routing.errorCode = code
        routing.errorReason = keep(reason) ?? .empty
    }

    // MARK: - Branches

    /// Destinations beside the Request-URI.
    @inline(__always)
    var branchCount: Int { Int(routing.branchCount) }

    /// Precondition: 0 <= index < branchCount.
    @inline(__always)
    func branch(at index: Int) -> Branch { routing.branches.unsafelyUnwrapped[index] }

    /// Adds a destination; its texts are copied. False when there are `limit` of them, when its URI is none, or when
    /// memory is out.
    func appendBranch(_ branch: Branch, limit: Int = Limits.furtherBranches) -> Bool {
        guard branchCount < min(limit, Limits.branches), let copy = kept(branch) else { return false }
        if routing.branchCount == routing.branchCapacity, !growBranches() { return false }
        guard let branches = routing.branches else { return false }
        (branches + branchCount).initialize(to: copy)
        routing.branchCount += 1
        return true
    }

    private func growBranches() -> Bool {
        let capacity = min(max(4, 2 * Int(routing.branchCapacity)), Limits.branches)
        guard let raw = arena.pointee.allocate(capacity * MemoryLayout<Branch>.stride) else { return false }
        let grown = raw.bindMemory(to: Branch.self, capacity: capacity)
        if let old = routing.branches { grown.update(from: old, count: branchCount) }
        routing.branches = grown
        routing.branchCapacity = UInt8(capacity)
        return true
    }

    /// Changes a destination; texts are copied. False as in `appendBranch`.
    func setBranch(at index: Int, _ branch: Branch) -> Bool {
        guard index >= 0, index < branchCount, let copy = kept(branch), let branches = routing.branches else {
            return false
        }
        branches[index] = copy
        return true
    }

    /// Removes one; those behind it move up.
    func removeBranch(at index: Int) -> Bool {
        guard index >= 0, index < branchCount, let branches = routing.branches else { return false }
        for i in index..<branchCount - 1 { branches[i] = branches[i + 1] }
        routing.branchCount -= 1
        return true
    }

    /// What `$sbranch` holds; its URI is empty until it is set.
    var preparedBranch: Branch { routing.preparedBranch?.pointee ?? Branch(uri: .empty) }

    /// Keeps a branch, its URI may still be missing, for `$sbranch`; texts are copied. False, and nothing is changed, when a URI is none or
    /// memory is out.
    func prepareBranch(_ branch: Branch) -> Bool {
        var copy = branch
        if branch.uri.isEmpty {
            guard let rest = kept(branch, uri: .empty) else { return false }
            copy = rest
        } else {
            guard let whole = kept(branch) else { return false }
            copy = whole
        }
        guard let place = store(copy) else { return false }
        routing.preparedBranch = place
        return true
    }

    /// The request's own destination, with all that goes with it.
    var currentBranch: Branch {
        var branch = routing.current
        branch.uri = requestURIText
        return branch
    }

    /// Makes a branch the request's own destination, which is new then; texts are copied. False, and nothing is changed, when a URI is none or
    /// when memory is out.
    func setCurrent(_ branch: Branch) -> Bool {
        guard let copy = kept(branch) else { return false }
        setCurrentAsIs(copy)
        routing.isNew = true
        return true
    }

    /// The request's own destination is its Request-URI alone, with its q: all that went with it has gone to a branch.
    func clearAttributes() {
        var bare = Branch(uri: routing.current.uri)
        bare.q = routing.current.q
        setCurrentAsIs(bare)
    }

    /// Texts are not copied.
    private func setCurrentAsIs(_ branch: Branch) {
        routing.current = branch
        record.pointee.cache.newURI = nil
        record.pointee.cache.destinationURI = nil
    }

    func removeBranches() { routing.branchCount = 0 }

    /// The branch with copies of its texts.
    private func kept(_ branch: Branch) -> Branch? {
        keepURI(branch.uri).flatMap { kept(branch, uri: $0) }
    }

    private func kept(_ branch: Branch, uri: Bytes) -> Branch? {
        var copy = branch
        copy.uri = uri
        if let text = branch.destination {
            guard let kept = keepURI(text) else { return nil }
            copy.destination = kept
        }
        guard keep(branch.path, to: &copy.path), keep(branch.instance, to: &copy.instance),
            keep(branch.ruid, to: &copy.ruid), keep(branch.locationUserAgent, to: &copy.locationUserAgent)
        else { return nil }
        return copy
    }

    private func keep(_ text: Bytes?, to place: inout Bytes?) -> Bool {
        guard let text else { return true }
        place = keep(text)
        return place != nil
    }
}
