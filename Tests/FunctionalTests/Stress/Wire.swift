import Glibc

// Invariants: pointers into the datagram's array are used inside the closures that lend them only.

/// A datagram as the stress driver looks at it: fast, and only at what it needs.
struct Wire {
    let bytes: [UInt8]

    /// 0 for a request.
    let status: Int
    /// Number of the call, from `Call-ID: 17@stress`; nil for what is not of this driver.
    let call: Int?
    /// The user of the Request-URI when that is a digit; else -1.
    let leg: Int

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        let isReply = bytes.starts(with: Wire.version)
        status = isReply ? Wire.number(bytes[8...]) ?? 0 : 0
        call = Wire.value(bytes, Wire.callID).flatMap { Wire.number($0) }
        if !isReply, let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon + 2 < bytes.count,
            bytes[colon + 2] == UInt8(ascii: "@")
        {
            leg = Int(bytes[colon + 1]) - 48
        } else {
            leg = -1
        }
    }

    private static let version = Array("SIP/2.0 ".utf8)
    private static let callID = Array("\r\nCall-ID: ".utf8)
    private static let to = Array("\r\nTo: ".utf8)
    private static let cseq = Array("\r\nCSeq: ".utf8)
    private static let via = Array("\r\nVia: ".utf8)

    /// The method of CSeq.
    var method: String {
        guard let value = Wire.value(bytes, Wire.cseq) else { return "" }
        return String(decoding: value.drop { $0 != 32 }.dropFirst(), as: UTF8.self)
    }

    /// What stands behind `;tag=` in To.
    var toTag: String {
        guard let value = Wire.value(bytes, Wire.to) else { return "" }
        let text = String(decoding: value, as: UTF8.self)
        return text.split(separator: ";tag=").dropFirst().first.map { String($0) } ?? ""
    }

    /// The Via lines with their CRLF, in order.
    var vias: [UInt8] {
        var lines: [UInt8] = []
        var rest = bytes[...]
        while let line = Wire.value(Array(rest), Wire.via) {
            lines += Array("Via: ".utf8) + line + Array("\r\n".utf8)
            guard let at = Wire.find(Array(rest), Wire.via) else { break }
            rest = rest[(rest.startIndex + at + Wire.via.count)...]
        }
        return lines
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int? {
        var value: Int?
        for byte in bytes {
            guard byte >= 48, byte <= 57 else { break }
            value = (value ?? 0) * 10 + Int(byte - 48)
        }
        return value
    }

    private static func find(_ bytes: [UInt8], _ text: [UInt8]) -> Int? {
        bytes.withUnsafeBytes { bytes in
            text.withUnsafeBytes { text in
                let (start, wanted) = (bytes.baseAddress!, text.baseAddress!)
                var from = 0
                while from + text.count <= bytes.count {
                    guard let found = memchr(start + from, Int32(text[0]), bytes.count - from) else { return nil }
                    from = UnsafeRawPointer(found) - start
                    if from + text.count <= bytes.count, memcmp(start + from, wanted, text.count) == 0 { return from }
                    from += 1
                }
                return nil
            }
        }
    }

    /// The rest of the line behind a text.
    private static func value(_ bytes: [UInt8], _ name: [UInt8]) -> ArraySlice<UInt8>? {
        guard let at = find(bytes, name) else { return nil }
        let start = at + name.count
        let end = bytes[start...].firstIndex(of: 13) ?? bytes.count
        return bytes[start..<end]
    }
}
