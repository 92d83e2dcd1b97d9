import Glibc

/// What a received datagram turned out to be.
enum Verdict {
    /// The right answer (or request, at the UAS) of the transaction in this slot.
    case right(slot: Int)
    /// It belongs to a transaction that has ended or was given up.
    case late
    /// A provisional answer.
    case provisional
    case wrong
}

/// Looks at every datagram line by line. What is compared is what the transaction's own request says, byte for byte.
struct Check {
    let request: Request
    /// Its place among the scenario's requests.
    let which: Int
    /// Status code and reason that end a transaction.
    let lastAnswer: StaticString
    let againstBare: Bool
    /// Its 200 has a session description: that of the request, which a media proxy is to leave as it is.
    let isAnswered: Bool

    var answer: ArraySlice<UInt8>? { isAnswered ? request.bytes[request.body] : nil }

    /// A response at the UAC: 200 as a rule, one Via and that ours, From, Call-ID and CSeq as sent, a To tag, no body but an answer.
    func response(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ slots: borrowing Slots) -> Verdict {
        let isLast = isLast(bytes, count)
        if !isLast, starts(bytes, count, with: "SIP/2.0 1") { return .provisional }
        let lines = fields(bytes, count)
        let found = find(lines, slots)
        guard case .right(let slot) = found else { return found }
        let sent = slots.request(slot, which)
        guard isLast, lines.vias == 1, same(lines, sent), hasBody(bytes, count, lines, sent),
            !request.bindsContact || hasContact(lines, sent),
            let to = lines.to, starts(to.start, to.count, with: sent, request.to), hasTag(to)
        else { return .wrong }
        return .right(slot: slot)
    }

    private func isLast(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        let version = "SIP/2.0 ".utf8.count
        // The code and the space behind it.
        return count > version + 4 && memcmp(bytes + version, lastAnswer.utf8Start, 4) == 0
    }

    private func hasBody(
        _ bytes: UnsafePointer<UInt8>, _ count: Int, _ lines: Fields, _ sent: UnsafePointer<UInt8>
    ) -> Bool {
        let length = count - lines.bodyFrom
        guard isAnswered else { return length == 0 }
        return length == request.body.count
            && memcmp(bytes + lines.bodyFrom, sent + request.body.lowerBound, length) == 0
    }

    /// Of a To line that begins as the request's, which may have had its tag already.
    private func hasTag(_ to: Line) -> Bool {
        let more = to.count - request.to.count
        return which > 0 ? more == 0 : more > 5 && starts(to.start + request.to.count, more, with: ";tag=")
    }

    /// What `bare options-reply` sends back: the request itself.
    func echo(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ slots: borrowing Slots) -> Verdict {
        guard count == request.bytes.count, let number = readHex(bytes + request.via.lowerBound + request.numberInVia)
        else { return .wrong }
        guard let slot = slots.find(number) else { return .late }
        return memcmp(bytes, slots.request(slot, which), count) == 0 ? .right(slot: slot) : .wrong
    }

    /// A forwarded request at the UAS: the start line as sent, our Via below the proxy's, From, To, Call-ID and CSeq as sent, the body
    /// whole. (`bare` adds no Via.)
    func forwarded(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ slots: borrowing Slots) -> (Verdict, Fields) {
        let lines = fields(bytes, count)
        let found = find(lines, slots)
        guard case .right(let slot) = found else { return (found, lines) }
        let sent = slots.request(slot, which)
        guard lines.vias == (againstBare ? 1 : 2), isOnward(bytes, count, sent),
            same(lines, sent), let to = lines.to,
            to.count == request.to.count, starts(to.start, to.count, with: sent, request.to),
            count - lines.bodyFrom == request.body.count,
            memcmp(bytes + lines.bodyFrom, sent + request.body.lowerBound, request.body.count) == 0
        else { return (.wrong, lines) }
        return (.right(slot: slot), lines)
    }

    /// The Contact of the 200 to a REGISTER is the user's.
    private func hasContact(_ lines: Fields, _ sent: UnsafePointer<UInt8>) -> Bool {
        guard let contact = lines.contact, let user = request.holes[.user]?.last else { return false }
        let head = "Contact: <sip:".utf8.count
        return contact.count > head + Hole.user.width
            && memcmp(contact.start + head, sent + user, Hole.user.width) == 0
    }

    /// The start line of a forwarded request: as it was sent, or with the host that the user registered.
    private func isOnward(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ sent: UnsafePointer<UInt8>) -> Bool {
        guard let (head, tail) = request.onward, !againstBare, let user = request.holes[.user]?.first else {
            return starts(bytes, count, with: sent, request.startLine)
        }
        let behind = head.count + Hole.user.width
        return count > behind + tail.count && memcmp(bytes, head, head.count) == 0
            && memcmp(bytes + head.count, sent + user, Hole.user.width) == 0
            && memcmp(bytes + behind, tail, tail.count) == 0
    }

    /// Which of the scenario's requests a datagram is or answers: by the first letter of its CSeq's method, in the order of `call`.
    static func which(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int {
        var at = 0
        while at < count, let end = memchr(bytes + at, 10, count - at) {
            at = UnsafePointer(end.assumingMemoryBound(to: UInt8.self)) - bytes + 1
            if count - at > 8, memcmp(bytes + at, "CSeq: ", 6) == 0 { break }
        }
        at += 8
        switch at < count ? bytes[at] : 0 {
        case UInt8(ascii: "A"): return 1
        case UInt8(ascii: "B"): return 2
        default: return 0
        }
    }

    /// One line without its CRLF.
    typealias Line = (start: UnsafePointer<UInt8>, count: Int)

    /// The lines that matter, where they stand in the datagram.
    struct Fields {
        var vias = 0
        /// The Via lines from the first to the last, when they stand together.
        var firstVia: Line?
        var lastVia: Line?
        var from: Line?
        var to: Line?
        var callID: Line?
        var cseq: Line?
        var contact: Line?
        /// The only one, of the only proxy.
        var recordRoute: Line?
        /// Where the body begins; 0 when the empty line is missing.
        var bodyFrom = 0

        var isWhole: Bool { bodyFrom > 0 && lastVia != nil && from != nil && to != nil && callID != nil && cseq != nil }
    }

    private func fields(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Fields {
        var result = Fields()
        var at = 0
        while at < count, let end = memchr(bytes + at, 10, count - at) {
            let next = UnsafePointer(end.assumingMemoryBound(to: UInt8.self)) - bytes + 1
            let line: Line = (bytes + at, next - at - (next - at >= 2 && bytes[next - 2] == 13 ? 2 : 1))
            at = next
            if line.count == 0 {
                result.bodyFrom = next
                break
            }
            switch line.start[0] | 0x20 {
            case UInt8(ascii: "v") where starts(line.start, line.count, with: "Via:"):
                result.vias += 1
                if result.firstVia == nil { result.firstVia = line }
                result.lastVia = line
            case UInt8(ascii: "f") where starts(line.start, line.count, with: "From:"): result.from = line
            case UInt8(ascii: "t") where starts(line.start, line.count, with: "To:"): result.to = line
            case UInt8(ascii: "c") where starts(line.start, line.count, with: "Contact:"): result.contact = line
            case UInt8(ascii: "c") where starts(line.start, line.count, with: "Call-ID:"): result.callID = line
            case UInt8(ascii: "c") where starts(line.start, line.count, with: "CSeq:"): result.cseq = line
            case UInt8(ascii: "r") where starts(line.start, line.count, with: "Record-Route:"):
                result.recordRoute = line
            default: break
            }
        }
        return result
    }

    /// The transaction whose Via is the last one.
    private func find(_ lines: Fields, _ slots: borrowing Slots) -> Verdict {
        guard lines.isWhole, let via = lines.lastVia, via.count >= request.via.count,
            let number = readHex(via.start + request.numberInVia)
        else { return .wrong }
        guard let slot = slots.find(number) else { return .late }
        return starts(via.start, via.count, with: slots.request(slot, which), request.via) ? .right(slot: slot) : .wrong
    }

    private func same(_ lines: Fields, _ sent: UnsafePointer<UInt8>) -> Bool {
        guard let from = lines.from, let callID = lines.callID, let cseq = lines.cseq else { return false }
        return from.count == request.from.count && starts(from.start, from.count, with: sent, request.from)
            && callID.count == request.callID.count && starts(callID.start, callID.count, with: sent, request.callID)
            && cseq.count == request.cseq.count && starts(cseq.start, cseq.count, with: sent, request.cseq)
    }

    private func starts(_ bytes: UnsafePointer<UInt8>, _ count: Int, with text: StaticString) -> Bool {
        count >= text.utf8CodeUnitCount && memcmp(bytes, text.utf8Start, text.utf8CodeUnitCount) == 0
    }

    private func starts(
        _ bytes: UnsafePointer<UInt8>, _ count: Int, with sent: UnsafePointer<UInt8>, _ range: Range<Int>
    ) -> Bool {
        count >= range.count && memcmp(bytes, sent + range.lowerBound, range.count) == 0
    }
}
