/// RAck (RFC 3262 §7.2): which provisional response a PRACK acknowledges.
struct RAck {
    var rseq: UInt32
    var cseqNumber: UInt32
    var method: Bytes

    static func parse(_ text: Bytes) -> RAck? {
        let firstEnd = text.end(of: .digit)
        guard let rseq = text.prefix(firstEnd).uint32 else { return nil }
        let rest = text.skipSpace(from: firstEnd)
        guard rest > firstEnd, let cseq = CSeq.parse(text.dropFirst(rest)) else { return nil }
        return RAck(rseq: rseq, cseqNumber: cseq.number, method: cseq.method)
    }
}

extension Message {
    var rack: RAck? { value(.rack).flatMap { RAck.parse($0) } }
    /// RFC 3262 §7.1; nil when there is none or it is no number.
    var rseq: UInt32? { value(.rseq)?.uint32 }
}
