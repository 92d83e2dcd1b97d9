/// An SRV or NAPTR record as the cache keeps it: numbers, and where its name lies behind the records.
struct DNSRecord {
    /// SRV: the priority, lowest first. NAPTR: the order.
    var order: UInt16
    /// SRV: the weight. NAPTR: the preference, lowest first.
    var preference: UInt16
    /// SRV only.
    var port: UInt16
    /// NAPTR only: the transport that the service stands for, by its number.
    var transport: UInt8
    /// Bytes of the name: SRV: the target, NAPTR: the replacement. 0: the root, which means "none".
    var nameCount: UInt8
    /// From the first record of the answer.
    var nameOffset: UInt32

    /// Records of one answer that are used; the others of a longer one are left out.
    static let limit = 32
    /// Bytes that the records of one answer take at most, with their names.
    static let room = limit * (MemoryLayout<DNSRecord>.stride + DNSName.limit)
}

/// Host names as bytes.
enum DNSName {
    /// RFC 1035 §2.3.4.
    static let limit = 255

    /// Writes the name in small letters, without a dot at its end.
    /// - Returns: bytes written; nil for what is no name: letters, digits, `-`, `_` and dots are allowed (RFC 1035 and what is in use).
    static func fold(_ host: Bytes, to out: UnsafeMutablePointer<UInt8>) -> Int? {
        var count = host.count
        if count > 1, host[count &- 1] == UInt8(ascii: ".") { count &-= 1 }
        guard count > 0, count <= limit, host[0] != UInt8(ascii: ".") else { return nil }
        var i = 0
        while i < count {
            guard let c = fold(host[i]) else { return nil }
            out[i] = c
            i &+= 1
        }
        return count
    }

    @inline(__always)
    static func fold(_ c: UInt8) -> UInt8? {
        let lower = c.asciiLowercased
        if lower &- 0x61 < 26 || c &- 0x30 < 10 { return lower }
        return c == UInt8(ascii: "-") || c == UInt8(ascii: "_") || c == UInt8(ascii: ".") ? c : nil
    }
}
