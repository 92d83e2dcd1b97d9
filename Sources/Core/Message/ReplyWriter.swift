// Invariants: temporary memory is used within the closure that gave it only.

/// What a reply of our own has beside the fields that it takes from the request.
struct ReplyParts {
    /// 100 to 999.
    var code: UInt16
    var reason: Bytes
    /// Added to To when the request has no tag there and the code is not 100. Empty: none.
    var toTag: Bytes = .empty
    /// Whole header lines with their line ends, behind those of `Message.appendToReply`.
    var headers: Bytes = .empty
    /// The Server header field's value; empty: none.
    var server: Bytes = .empty
    /// The Warning header field's value; empty: none.
    var warning: Bytes = .empty
    var body: Bytes = .empty
    /// Of the body; without it a body has no type.
    var contentType: Bytes = .empty

    @inline(__always)
    init(code: UInt16, reason: Bytes) {
        self.code = code
        self.reason = reason
    }
}

extension Message {
    /// Writes a reply to this request by RFC 3261 §8.2.6: all Via, From, To, Call-ID, CSeq; Record-Route where the reply may set up a
    /// dialog (§12.1.1); Timestamp in a 100; then the parts. Allowed for refused requests too where `ParseResult` says so.
    ///
    /// - Returns: bytes written; nil when they do not fit.
    func writeReply(into buffer: UnsafeMutableRawBufferPointer, _ parts: ReplyParts) -> Int? {
        var out = ByteWriter(buffer)
        out.write("SIP/2.0 ")
        out.write(decimal: UInt64(parts.code))
        out.write(" ")
        out.write(parts.reason)
        out.write("\r\n")
        writeVias(to: &out)
        if let header = first(.from) { copyLine(header, to: &out) }
        if let header = first(.to) { writeTo(header, parts, to: &out) }
        if let header = first(.callID) { copyLine(header, to: &out) }
        if let header = first(.cseq) { copyLine(header, to: &out) }
        if parts.code > 100, parts.code < 300, method.formsDialog { copyAll(.recordRoute, to: &out) }
        if parts.code == 100 { copyAll(.timestamp, to: &out) }
        writeReplyLines(to: &out)
        out.write(parts.headers)
        writeField("Server: ", parts.server, to: &out)
        writeField("Warning: ", parts.warning, to: &out)
        if !parts.body.isEmpty { writeField("Content-Type: ", parts.contentType, to: &out) }
        out.write("Content-Length: ")
        out.write(decimal: UInt64(parts.body.count))
        out.write("\r\n\r\n")
        out.write(parts.body)
        return out.isOverflown ? nil : out.count
    }

    /// Writes a reply as it is passed on: without its topmost Via value, with all edits.
    ///
    /// - Returns: bytes written; nil when they do not fit, or when there is no second Via to go to.
    func writeForwardedReply(
        into buffer: UnsafeMutableRawBufferPointer, late: (Edit, inout ByteWriter) -> Void = { _, _ in }
    ) -> Int? {
        guard let header = first(.via), let top = topVia else { return nil }
        var out = ByteWriter(buffer)
        var isLast = false
        withEditPlan { plan, scratch in
            let end = bytes(header.value).offset(of: top.text) + top.text.count
            let comma = bytes(header.value).skipSpace(from: end)
            let next = bytes(header.value).skipSpace(from: min(comma + 1, Int(header.value.count)))
            if next < Int(header.value.count) {
                // Another value behind the comma: the line stays.
                let from = slice(top.text).offset
                plan.add(offset: from, deleted: header.value.offset + UInt32(next) - from, text: .empty)
            } else {
                isLast = header.next == 0
                plan.add(offset: header.start, deleted: header.end - header.start, text: .empty)
            }
            if !routing.replyViaParams.isEmpty, vias.count > 1 { addReplyParams(to: vias[1], &plan) }
            fixContentLength(&plan, &scratch)
            plan.sort()
            plan.copy(self, UInt32(startOffset)..<record.pointee.count, includesEnd: true, to: &out, late: late)
        }
        return isLast || out.isOverflown ? nil : out.count
    }

    /// The parameters that a script wants in the topmost Via of replies, behind those that it has.
    @inline(__always)
    private func addReplyParams(to via: Via, _ plan: inout EditPlan) {
        guard !routing.replyViaParams.isEmpty else { return }
        let text = slice(via.text)
        plan.add(offset: text.offset + text.count, deleted: 0, text: routing.replyViaParams)
    }

    /// All Via lines, the topmost with the true source.
    @inline(__always)
    private func writeVias(to out: inout ByteWriter) {
        guard var header = first(.via) else { return }
        withUnsafeTemporaryAllocation(of: Edit.self, capacity: EditPlan.extra) { edits in
            withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { memory in
                var plan = EditPlan(memory: edits)
                var scratch = ByteWriter(memory)
                fixTopVia(&plan, &scratch)
                if let via = topVia { addReplyParams(to: via, &plan) }
                plan.sort()
                plan.copy(self, header.start..<header.end, includesEnd: false, to: &out) { _, _ in }
            }
        }
        while let following = next(after: header) {
            copyLine(following, to: &out)
            header = following
        }
    }

    @inline(__always)
    private func writeTo(_ header: Header, _ parts: ReplyParts, to out: inout ByteWriter) {
        guard to?.tag == nil, parts.code != 100, !parts.toTag.isEmpty else { return copyLine(header, to: &out) }
        copyOut(header.start..<header.value.end, to: &out)
        out.write(";tag=")
        out.write(parts.toTag)
        out.write("\r\n")
    }

    /// The lines of `appendToReply`, oldest first.
    @inline(__always)
    private func writeReplyLines(to out: inout ByteWriter) {
        var size = 0
        var next = routing.replyLines
        while let lines = next {
            size += lines.pointee.text.count
            next = lines.pointee.previous
        }
        guard size > 0 else { return }
        // They hang together backwards: written from the end of their room.
        out.write { start, room in
            guard size <= room else { return -1 }
            var at = start + size
            var next = routing.replyLines
            while let lines = next {
                let text = lines.pointee.text
                at -= text.count
                UnsafeMutableRawPointer(at).copyMemory(from: text.start, byteCount: text.count)
                next = lines.pointee.previous
            }
            return size
        }
    }

    @inline(__always)
    private func copyAll(_ id: HeaderID, to out: inout ByteWriter) {
        var next = first(id)
        while let header = next {
            copyLine(header, to: &out)
            next = self.next(after: header)
        }
    }

    @inline(__always)
    private func copyLine(_ header: Header, to out: inout ByteWriter) { copyOut(header.start..<header.end, to: &out) }

    @inline(__always)
    private func writeField(_ name: StaticString, _ value: Bytes, to out: inout ByteWriter) {
        if value.isEmpty { return }
        out.write(name)
        out.write(value)
        out.write("\r\n")
    }
}
