// Invariants: temporary memory is used within the closure that gave it only.

/// The Via that this server puts on top of a request (RFC 3261 §18.1.1, §16.6 step 8).
struct OutgoingVia {
    /// `UDP`, `TCP`, `TLS` …
    var transport: Bytes
    /// Host of sent-by: a name, an IPv4 address, or an IPv6 reference in brackets.
    var host: Bytes
    /// Left out when 0.
    var port: UInt16
    /// With its magic cookie.
    var branch: Bytes
    /// Asks the next hop to answer to the port that the request came from (RFC 3581).
    var asksForRport: Bool
    /// Further parameters with their semicolons.
    var params: Bytes
    /// Those that belong to the message, whichever branch of it leaves.
    var messageParams = Bytes.empty

    @inline(__always)
    init(
        transport: Bytes, host: Bytes, port: UInt16, branch: Bytes, asksForRport: Bool = false, params: Bytes = .empty
    ) {
        self.transport = transport
        self.host = host
        self.port = port
        self.branch = branch
        self.asksForRport = asksForRport
        self.params = params
    }

    @_noLocks
    func write(to out: inout ByteWriter) {
        out.write("Via: SIP/2.0/")
        out.write(transport)
        out.write(" ")
        out.write(host)
        if port != 0 {
            out.write(":")
            out.write(decimal: UInt64(port))
        }
        if !branch.isEmpty {
            out.write(";branch=")
            out.write(branch)
        }
        if asksForRport { out.write(";rport") }
        out.write(params)
        out.write(messageParams)
        out.write("\r\n")
    }
}

extension Message {
    /// Writes the request as it is forwarded: our Via on top, `received` and `rport` in the Via below it, the Request-URI in force, `path` as the
    /// first Route, all edits, and a Content-Length that fits an edited body. Everything else byte for byte as it came.
    ///
    /// - Parameters:
    ///   - uri: instead of the Request-URI in force.
    ///   - path: Route values without the name; nil: those of the routing.
    ///   - late: writes the text of the edits that were made by `editLate`.
    /// - Returns: bytes written; nil when they do not fit.
    func writeRequest(
        into buffer: UnsafeMutableRawBufferPointer, via: OutgoingVia, uri: Bytes? = nil, path: Bytes? = nil,
        late: (Edit, inout ByteWriter) -> Void = { _, _ in }
    ) -> Int? {
        var out = ByteWriter(buffer)
        withEditPlan { plan, scratch in
            let original = record.pointee.requestURI
            plan.add(offset: original.offset, deleted: original.count, text: uri ?? requestURIText)
            fixTopVia(&plan, &scratch)
            fixContentLength(&plan, &scratch)
            plan.sort()
            let headers = record.pointee.headersStart
            plan.copy(self, UInt32(startOffset)..<headers, includesEnd: false, to: &out, late: late)
            via.write(to: &out)
            if let path = path ?? routing.current.path, !path.isEmpty {
                out.write("Route: ")
                out.write(path)
                out.write("\r\n")
            }
            plan.copy(self, headers..<record.pointee.count, includesEnd: true, to: &out, late: late)
        }
        return out.isOverflown ? nil : out.count
    }

    /// Writes the message with its edits and nothing else: a reply that is passed on without removing a Via, `$mb` with edits applied.
    func writeEdited(
        into buffer: UnsafeMutableRawBufferPointer, late: (Edit, inout ByteWriter) -> Void = { _, _ in }
    ) -> Int? {
        var out = ByteWriter(buffer)
        withEditPlan { plan, scratch in
            if isRequest, let uri = routing.newURI {
                plan.add(offset: record.pointee.requestURI.offset, deleted: record.pointee.requestURI.count, text: uri)
            }
            fixContentLength(&plan, &scratch)
            plan.sort()
            plan.copy(self, UInt32(startOffset)..<record.pointee.count, includesEnd: true, to: &out, late: late)
        }
        return out.isOverflown ? nil : out.count
    }

    /// Gives `body` the plan of this message's edits and room for the texts that it adds.
    @inline(__always)
    func withEditPlan(_ body: (inout EditPlan, inout ByteWriter) -> Void) {
        withUnsafeTemporaryAllocation(of: Edit.self, capacity: editCount &+ EditPlan.extra) { edits in
            withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { memory in
                var plan = EditPlan(self, edits)
                var scratch = ByteWriter(memory)
                body(&plan, &scratch)
            }
        }
    }

    /// Puts the true source into the topmost received Via: `received` when sent-by names another host (RFC 3261 §18.2.1), `received` and
    /// `rport` when the client asked for it (RFC 3581 §4) or a script did. What a client wrote there itself is never believed.
    @inline(__always)
    func fixTopVia(_ plan: inout EditPlan, _ scratch: inout ByteWriter) {
        guard let via = topVia, !routing.source.isNone else { return }
        if via.received != nil {
            let old = slice(via.receivedText)
            plan.add(offset: old.offset, deleted: old.count, text: .empty)
        }
        if via.rport != nil {
            let old = slice(via.rportText)
            plan.add(offset: old.offset, deleted: old.count, text: .empty)
        }
        let wantsPort = via.rport != nil || routing.options.contains(.forceRport)
        let isSame = SocketAddress(parsing: via.host)?.hasSameAddress(as: routing.source) ?? false
        guard wantsPort || !isSame else { return }
        let start = scratch.count
        scratch.write(";received=")
        scratch.write(address: routing.source, brackets: false)
        if wantsPort {
            scratch.write(";rport=")
            scratch.write(decimal: UInt64(routing.source.port))
        }
        plan.add(offset: slice(via.params).offset, deleted: 0, text: scratch.bytes.dropFirst(start))
    }

    /// Makes Content-Length true when the body was edited.
    @inline(__always)
    func fixContentLength(_ plan: inout EditPlan, _ scratch: inout ByteWriter) {
        guard let change = plan.change(from: record.pointee.bodyStart), record.pointee.hasHeadersEnd else { return }
        let length = Int(record.pointee.count) - Int(record.pointee.bodyStart) + change
        let start = scratch.count
        scratch.write(decimal: UInt64(max(0, length)))
        let number = scratch.bytes.dropFirst(start)
        guard var header = first(.contentLength) else {
            let line = scratch.count
            scratch.write("Content-Length: ")
            scratch.write(number)
            scratch.write("\r\n")
            plan.add(offset: record.pointee.headersEnd, deleted: 0, text: scratch.bytes.dropFirst(line))
            return
        }
        // Equal ones are accepted, so each has to change. Beyond what a plan has room for they are removed.
        plan.add(offset: header.value.offset, deleted: header.value.count, text: number)
        while let other = next(after: header) {
            plan.add(offset: other.start, deleted: other.end &- other.start, text: .empty)
            header = other
        }
    }
}
