import Glibc

// Invariants: reads within the bytes given only.

extension Message {
    /// Finds the first Call-ID's value without parsing anything else: by it a message's worker is chosen before the first pass. It agrees
    /// with the first pass on every well-formed message; on others any answer does, as long as it is the same each time.
    /// - Returns: the value without blanks around it; nil when there is none.
    static func scanCallID(_ bytes: Bytes) -> Bytes? {
        var at = 0
        while let end = bytes.firstIndex(of: 0x0A, from: at) {
            at = end &+ 1
            guard at < bytes.count else { return nil }
            switch bytes[at] | 0x20 {
            case UInt8(ascii: "c"):
                if let value = value(in: bytes, from: at, named: "call-id") { return value }
            case UInt8(ascii: "i"):
                if let value = value(in: bytes, from: at, named: "i") { return value }
            case 0x2D where bytes[at] == 0x0D:
                // An empty line (CR with the bit set): the headers are over.
                return nil
            default: break
            }
        }
        return nil
    }

    private static func value(in bytes: Bytes, from start: Int, named name: StaticString) -> Bytes? {
        let count = name.utf8CodeUnitCount
        guard start &+ count < bytes.count, bytes[start..<start &+ count].equalsIgnoringCase(Bytes(name)) else {
            return nil
        }
        var at = start &+ count
        while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x09 { at &+= 1 }
        guard at < bytes.count, bytes[at] == UInt8(ascii: ":") else { return nil }
        let end = bytes.firstIndex(of: 0x0A, from: at) ?? bytes.count
        return bytes[at &+ 1..<end].trimmed
    }
}
