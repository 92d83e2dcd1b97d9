/// CSeq: a number of 32 bits and the method (RFC 3261 §20.16).
struct CSeq {
    var number: UInt32
    var method: Bytes

    @_noLocks
    static func parse(_ text: Bytes) -> CSeq? {
        let digits = text.end(of: .digit)
        guard let number = text.prefix(digits).uint32 else { return nil }
        let method = text.skipSpace(from: digits)
        guard method > digits, method < text.count, text.end(of: .token, from: method) == text.count else { return nil }
        return CSeq(number: number, method: text.dropFirst(method))
    }
}
