// Invariants: see MessageRecord. Reads lie in 0..<count.

extension Message {
    /// Finds the boundaries of all headers, from `headersStart` to the empty line, and chains them by id.
    @inline(__always)
    func readHeaders() {
        let all = received
        var at = Int(record.pointee.headersStart)
        while at < all.count {
            if let after = emptyLine(all, at) {
                record.pointee.headersEnd = UInt32(truncatingIfNeeded: at)
                record.pointee.bodyStart = UInt32(truncatingIfNeeded: after)
                record.pointee.hasHeadersEnd = true
                return
            }
            guard readHeader(all, &at) else { break }
        }
        // No empty line, or one that cannot be trusted: nothing behind this is a body.
        record.pointee.headersEnd = UInt32(truncatingIfNeeded: min(at, all.count))
        record.pointee.bodyStart = record.pointee.count
    }

    /// The offset after the empty line that begins at `at`, or nil when there is none.
    @inline(__always)
    private func emptyLine(_ all: Bytes, _ at: Int) -> Int? {
        if all[at] == 13 { return at &+ 1 < all.count && all[at &+ 1] == 10 ? at &+ 2 : nil }
        return all[at] == 10 && record.pointee.hasBareLF ? at &+ 1 : nil
    }

    /// Reads the header line at `at` with its folded lines and moves `at` behind it. False when the rest cannot be read.
    @inline(__always)
    private func readHeader(_ all: Bytes, _ at: inout Int) -> Bool {
        let start = at
        // A known name with its colon right behind it needs no look at its characters. No known name is longer than this window.
        let window = all[0..<min(start &+ HeaderName.longest &+ 1, all.count)]
        let guess = window.firstIndex(of: UInt8(ascii: ":"), from: start) ?? start
        var nameEnd = guess
        var id = HeaderName.id(of: all[start..<guess])
        var isFolded = false
        var colon = nameEnd
        var isHeader = id != .other
        if !isHeader {
            nameEnd = all.end(of: .token, from: start)
            colon = self.colon(all, from: nameEnd, &isFolded)
            isHeader = nameEnd > start && colon < all.count && all[colon] == UInt8(ascii: ":")
        }
        if !isHeader, let end = ExtraCharacters.inHeaderNames.end(of: .token, all, from: start) {
            isFolded = false
            nameEnd = end
            colon = self.colon(all, from: end, &isFolded)
            isHeader = end > start && colon < all.count && all[colon] == UInt8(ascii: ":")
        }
        if !isHeader { note(.headerLine) }
        guard let end = lineEnd(all, from: isHeader ? colon &+ 1 : start, &isFolded) else {
            at = start
            return false
        }
        at = end
        guard isHeader else { return true }
        var low = colon &+ 1
        var high = end
        while low < high, ByteSet.space.contains(all[low]) { low &+= 1 }
        while high > low, ByteSet.space.contains(all[high &- 1]) { high &-= 1 }
        let name = all[start..<nameEnd]
        if id == .other, nameEnd != guess { id = HeaderName.id(of: name) }
        return append(
            Header(
                start: UInt32(truncatingIfNeeded: start), end: UInt32(truncatingIfNeeded: end),
                value: Slice(low..<high),
                nameCount: UInt16(truncatingIfNeeded: name.count), next: 0, id: id,
                isFolded: isFolded))
    }

    /// Passes over the white space between a name and its colon. Old equipment folds even there (RFC 2543 allowed it).
    @inline(__always)
    private func colon(_ all: Bytes, from: Int, _ isFolded: inout Bool) -> Int {
        var at = from
        while at < all.count {
            if all[at] == 32 || all[at] == 9 {
                at &+= 1
            } else if all[at] == 13, at &+ 2 < all.count, all[at &+ 1] == 10, all[at &+ 2] == 32 || all[at &+ 2] == 9 {
                isFolded = true
                at &+= 3
            } else {
                break
            }
        }
        return at
    }

    /// The offset after the line end that is not followed by a folded line. Nil when the message ends before, and when lines end in
    /// different ways: what one server takes for a line end and another does not hides headers from one of them.
    @inline(__always)
    private func lineEnd(_ all: Bytes, from: Int, _ isFolded: inout Bool) -> Int? {
        var at = from
        while true {
            at = all.lineBreak(from: at)
            guard at < all.count else {
                note(.headersEnd)
                return nil
            }
            if record.pointee.hasBareLF {
                guard all[at] == 10 else { break }
                at &+= 1
            } else {
                guard all[at] == 13, at &+ 1 < all.count, all[at &+ 1] == 10 else { break }
                at &+= 2
            }
            guard at < all.count, all[at] == 32 || all[at] == 9 else { return at }
            isFolded = true
        }
        note(.lineEnd)
        return nil
    }

    /// Adds to the index. False when there are too many.
    @inline(__always)
    private func append(_ header: Header) -> Bool {
        let count = record.pointee.headerCount
        if count == record.pointee.headerCapacity {
            guard growIndex() else { return false }
        }
        record.pointee.headers[Int(count)] = header
        record.pointee.headerCount = count &+ 1
        let id = Int(header.id.rawValue)
        let last = record.pointee.lastOf[id]
        if last == 0 {
            record.pointee.firstOf[id] = count &+ 1
        } else {
            record.pointee.headers[Int(last &- 1)].next = count &+ 1
        }
        record.pointee.lastOf[id] = count &+ 1
        return true
    }

    @inline(never)
    private func growIndex() -> Bool {
        let old = Int(record.pointee.headerCapacity)
        let capacity = min(old &* 4, Limits.headers)
        guard capacity > old else {
            note(.tooManyHeaders)
            return false
        }
        let stride = MemoryLayout<Header>.stride
        guard let raw = record.pointee.arena.pointee.allocate(capacity &* stride) else {
            note(.outOfMemory)
            return false
        }
        raw.copyMemory(from: record.pointee.headers, byteCount: old &* stride)
        record.pointee.headers = raw.bindMemory(to: Header.self, capacity: capacity)
        record.pointee.headerCapacity = UInt16(truncatingIfNeeded: capacity)
        return true
    }
}
