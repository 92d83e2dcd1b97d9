// Invariants: see Edits.swift. Every place named here comes from the index of this message.

extension Message {
    /// Inserts whole header lines, with their line ends, before the first header, after those inserted there earlier. False as in
    /// `edit`.
    func insertFirst(_ lines: Bytes) -> Bool {
        edit(offset: Int(record.pointee.headersStart), deleted: 0, text: lines)
    }

    /// Inserts whole header lines after the last header.
    func append(_ lines: Bytes) -> Bool {
        edit(offset: Int(record.pointee.headersEnd), deleted: 0, text: lines)
    }

    func insert(_ lines: Bytes, before header: Header) -> Bool {
        edit(offset: Int(header.start), deleted: 0, text: lines)
    }

    func insert(_ lines: Bytes, after header: Header) -> Bool {
        edit(offset: Int(header.end), deleted: 0, text: lines)
    }

    /// Replaces a header's value.
    func replaceValue(of header: Header, with text: Bytes) -> Bool {
        edit(offset: Int(header.value.offset), deleted: Int(header.value.count), text: text)
    }

    /// Removes a header, all its lines, or what earlier edits have left of it. False when nothing is left of it or memory is out.
    func remove(_ header: Header) -> Bool {
        guard !isRemoved(Int(header.start)..<Int(header.end)) else { return false }
        return deleteRest(of: Int(header.start)..<Int(header.end))
    }

    /// Whether earlier edits delete all of a range of the received message.
    func isRemoved(_ range: Range<Int>) -> Bool {
        var at = range.lowerBound
        while at < range.upperBound {
            guard let end = deletion(at: at) else { return false }
            at = end
        }
        return true
    }

    /// Removes one value of a header that holds a comma-separated list, with the comma that becomes needless; the header itself when no
    /// value is left in it.
    ///
    /// - Parameter value: the value's text, from `NameAddr.text` or `Via.text`.
    func removeValue(_ value: Bytes) -> Bool {
        guard received.contains(value), let header = header(holding: value) else { return false }
        let mine = Int(slice(value).offset)..<Int(slice(value).end)
        guard !isRemoved(mine) else { return false }
        // The nearest values on both sides that earlier edits have left.
        var before: Range<Int>?
        var after: Range<Int>?
        forEachValue(of: header) { range in
            if range.upperBound <= mine.lowerBound, !isRemoved(range) { before = range }
            if range.lowerBound >= mine.upperBound, after == nil, !isRemoved(range) { after = range }
        }
        if let after { return deleteRest(of: mine.lowerBound..<after.lowerBound) }
        if let before { return deleteRest(of: before.upperBound..<mine.upperBound) }
        return deleteRest(of: Int(header.start)..<Int(header.end))
    }

    /// The header in whose value `text`, a part of the received bytes, lies.
    func header(holding text: Bytes) -> Header? {
        let place = slice(text)
        for index in 0..<headerCount {
            let header = header(at: index)
            if place.offset >= header.value.offset, place.end <= header.value.end { return header }
        }
        return nil
    }

    /// Calls `body` with the place of each comma-separated value of a header in the received bytes. Commas in quotes and angle brackets
    /// part nothing.
    func forEachValue(of header: Header, _ body: (Range<Int>) -> Void) {
        let text = bytes(header.value)
        let base = Int(header.value.offset)
        var at = 0
        while let value = text.nextListElement(&at) {
            let offset = base + text.offset(of: value)
            body(offset..<offset + value.count)
        }
    }

    /// Replaces the body, an empty one included. Content-Length follows when the message is written.
    ///
    /// - Parameter contentType: the new Content-Type; empty leaves the one that is there.
    func replaceBody(_ body: Bytes, contentType: Bytes) -> Bool {
        let start = Int(record.pointee.bodyStart)
        guard record.pointee.hasHeadersEnd else { return false }
        if !contentType.isEmpty, !setContentType(contentType) { return false }
        return edit(offset: start, deleted: Int(record.pointee.count) - start, text: body)
    }

    private func setContentType(_ type: Bytes) -> Bool {
        if let header = first(.contentType) {
            if bytes(header.value) == type { return true }
            return replaceValue(of: header, with: type)
        }
        guard let raw = arena.pointee.allocate(type.count + 16) else { return false }
        var line = ByteWriter(raw.assumingMemoryBound(to: UInt8.self), capacity: type.count + 16)
        line.write("Content-Type: ")
        line.write(type)
        line.write("\r\n")
        return append(line.bytes)
    }
}

extension Bytes {
    /// The next element of a comma-separated list without the white space around it; `at` moves behind its comma. Commas within quotes and
    /// angle brackets part nothing. Nil at the end; empty elements are answered as such.
    func nextListElement(_ at: inout Int) -> Bytes? {
        guard at < count else { return nil }
        let start = at
        var isBracketed = false
        while at < count {
            switch self[at] {
            case UInt8(ascii: "\""):
                at = endOfQuotedString(from: at) ?? count
                continue
            case UInt8(ascii: "<"): isBracketed = true
            case UInt8(ascii: ">"): isBracketed = false
            case UInt8(ascii: ",") where !isBracketed:
                let element = self[start..<at].trimmed
                at &+= 1
                return element
            default: break
            }
            at &+= 1
        }
        return self[start..<count].trimmed
    }
}
