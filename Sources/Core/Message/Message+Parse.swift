// Invariants: see MessageRecord. The first pass reads each byte of the head once, in order; no quantity in the message leads to more work or
// memory than its length allows.

extension Message {
    /// The first pass over a datagram: start line, header boundaries, top Via, From, To, Call-ID, CSeq, Max-Forwards, Content-Length.
    ///
    /// - Parameters:
    ///   - bytes: the datagram, borrowed for as long as the message lives.
    ///   - record: memory for the record; need not be initialised.
    ///   - arena: for all that the message needs while it lives.
    /// - Returns: what to do with it. The message may be read, and answered where the result allows, in any case.
    @_noLocks
    static func parse(
        _ bytes: Bytes, record: UnsafeMutablePointer<MessageRecord>, arena: UnsafeMutablePointer<Arena>
    ) -> ParseResult {
        guard start(bytes, record, arena) else { return ParseResult(fault: .outOfMemory, isReplyAllowed: false) }
        let message = Message(record)
        guard bytes.count <= Limits.messageSize else {
            record.pointee.count = 0
            return message.result(.tooLarge)
        }
        guard message.readHead() else { return message.result(record.pointee.fault) }
        message.delimitBody()
        return message.result(record.pointee.fault)
    }

    /// Initialises the record for `bytes`. False when the arena is full.
    @inline(__always)
    static func start(
        _ bytes: Bytes, _ record: UnsafeMutablePointer<MessageRecord>, _ arena: UnsafeMutablePointer<Arena>
    ) -> Bool {
        let size = Limits.headersAtFirst &* MemoryLayout<Header>.stride
        guard let raw = arena.pointee.allocate(size) else {
            let none = UnsafeMutablePointer<Header>(bitPattern: MemoryLayout<Header>.alignment).unsafelyUnwrapped
            record.pointee.begin(.empty, arena: arena, headers: none, capacity: 0)
            return false
        }
        let headers = raw.bindMemory(to: Header.self, capacity: Limits.headersAtFirst)
        record.pointee.begin(bytes, arena: arena, headers: headers, capacity: Limits.headersAtFirst)
        return true
    }

    /// Start line, headers and the mandatory fields. False when this is no SIP message at all.
    @_noLocks
    func readHead() -> Bool {
        guard readStartLine() else {
            // All of it is taken for the start line, so that it can be read and logged.
            record.pointee.headersStart = record.pointee.count
            record.pointee.headersEnd = record.pointee.count
            record.pointee.bodyStart = record.pointee.count
            return false
        }
        readHeaders()
        readVia()
        readAddresses()
        readCSeq()
        readLength()
        return true
    }

    /// Remembers the first fault.
    @inline(__always)
    func note(_ fault: ParseFault) {
        if record.pointee.fault == .none { record.pointee.fault = fault }
    }

    /// The result of a pass that met `fault`.
    @inline(__always)
    func result(_ fault: ParseFault) -> ParseResult {
        record.pointee.fault = fault
        if fault == .none { return ParseResult(fault: .none, isReplyAllowed: isRequest && method != .ack) }
        let r = record.pointee
        let canReply =
            r.isRequest && r.method != .ack && r.cache.topVia != nil && r.cache.from != nil && r.cache.to != nil
            && r.callID.isPresent && r.cseqMethodText.isPresent && r.cseqMethod != .ack
        return ParseResult(fault: fault, isReplyAllowed: canReply)
    }

    /// Cuts the body by Content-Length. What follows it in a datagram is ignored (RFC 3261 §18.3).
    @inline(__always)
    func delimitBody() {
        guard record.pointee.hasHeadersEnd else { return note(.headersEnd) }
        let there = record.pointee.count &- record.pointee.bodyStart
        guard record.pointee.hasContentLength else { return }
        if record.pointee.contentLength > there {
            note(.bodyShort)
        } else {
            record.pointee.count = record.pointee.bodyStart &+ record.pointee.contentLength
        }
    }

    /// The value of the first header of that kind, or nil.
    @inline(__always)
    private func only(_ id: HeaderID, missing: ParseFault, several: ParseFault) -> Bytes? {
        let first = record.pointee.firstOf[Int(id.rawValue)]
        guard first != 0 else {
            note(missing)
            return nil
        }
        if record.pointee.lastOf[Int(id.rawValue)] != first { note(several) }
        return bytes(record.pointee.headers[Int(first &- 1)].value)
    }

    @inline(__always)
    private func readVia() {
        let first = record.pointee.firstOf[Int(HeaderID.via.rawValue)]
        guard first != 0 else { return note(.noVia) }
        readTopVia(bytes(record.pointee.headers[Int(first &- 1)].value))
        if record.pointee.cache.topVia == nil { note(.via) }
    }

    @inline(__always)
    private func readAddresses() {
        if let text = only(.from, missing: .noFrom, several: .twoFrom) {
            record.pointee.cache.from = NameAddr.parse(text)
            if record.pointee.cache.from == nil { note(.from) }
        }
        if let text = only(.to, missing: .noTo, several: .twoTo) {
            record.pointee.cache.to = NameAddr.parse(text)
            if record.pointee.cache.to == nil { note(.to) }
        }
        if let text = only(.callID, missing: .noCallID, several: .twoCallID) {
            // A Call-ID is one word; white space in it would be read differently by others.
            if text.isEmpty || !text.isPrinting {
                note(.callID)
            } else {
                record.pointee.callID = slice(text)
            }
        }
    }

    @inline(__always)
    private func readCSeq() {
        guard let text = only(.cseq, missing: .noCSeq, several: .twoCSeq) else { return }
        guard let cseq = CSeq.parse(text) else { return note(.cseq) }
        record.pointee.cseqNumber = cseq.number
        record.pointee.cseqMethodText = slice(cseq.method)
        if isRequest {
            record.pointee.cseqMethod = method
            if cseq.method != methodText {
                record.pointee.cseqMethod = Method(cseq.method)
                note(.cseqMethod)
            }
        } else {
            record.pointee.cseqMethod = Method(cseq.method)
            record.pointee.method = record.pointee.cseqMethod
        }
    }

    /// Content-Length and Max-Forwards.
    @inline(__always)
    private func readLength() {
        var next = record.pointee.firstOf[Int(HeaderID.contentLength.rawValue)]
        while next != 0 {
            let header = record.pointee.headers[Int(next &- 1)]
            guard let length = bytes(header.value).uint32 else { return note(.contentLength) }
            if record.pointee.hasContentLength, record.pointee.contentLength != length {
                return note(.twoContentLength)
            }
            record.pointee.contentLength = length
            record.pointee.hasContentLength = true
            next = header.next
        }
        let first = record.pointee.firstOf[Int(HeaderID.maxForwards.rawValue)]
        if first != 0 {
            if record.pointee.lastOf[Int(HeaderID.maxForwards.rawValue)] != first { note(.twoMaxForwards) }
            let value = bytes(record.pointee.headers[Int(first &- 1)].value).decimal(limit: 255)
            record.pointee.maxForwards = value.map { Int16(truncatingIfNeeded: $0) } ?? MessageRecord.badMaxForwards
        }
    }
}
