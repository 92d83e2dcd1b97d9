// Text of addresses: dotted quads, RFC 4291 and, for writing, RFC 5952 (lower case, longest run of zeros left out) unless the config wants all groups.
//
// Invariants: `v6Style` is written before the workers start and constant afterwards.

extension SocketAddress {
    /// How IPv6 addresses are written (ipv6_hex_style).
    enum V6Style: Equatable {
        /// As RFC 5952 has it.
        case compressed
        /// Eight groups, without leading zeros.
        case full
        case fullUpperCase
    }

    nonisolated(unsafe) static var v6Style = V6Style.compressed

    /// Room that the longest address with brackets and port takes: "[ffff:…:255.255.255.255]:65535".
    static let longestText = 56

    /// An IP literal: "192.0.2.1", "2001:db8::1" or "[2001:db8::1]"; nil for anything else, host names among it.
    @_noLocks
    init?(parsing text: Bytes, port: UInt16 = 0) {
        var body = text
        if body.count > 2, body[0] == UInt8(ascii: "["), body[body.count - 1] == UInt8(ascii: "]") {
            body = body[1..<body.count - 1]
            guard let words = SocketAddress.parseV6(body) else { return nil }
            self.init(words: words, port: port)
            return
        }
        if let address = SocketAddress.parseV4(body) {
            self.init(v4: address, port: port)
        } else if let words = SocketAddress.parseV6(body) {
            self.init(words: words, port: port)
        } else {
            return nil
        }
    }

    /// The same for cold code.
    init?(_ text: String, port: UInt16 = 0) {
        var copy = text
        let parsed = copy.withUTF8 { buffer -> SocketAddress? in
            guard let start = buffer.baseAddress else { return nil }
            return SocketAddress(parsing: Bytes(start, buffer.count), port: port)
        }
        guard let parsed else { return nil }
        self = parsed
    }

    private init(words: (UInt32, UInt32, UInt32, UInt32), port: UInt16) {
        self.init()
        family = Family.v6.rawValue
        rawPort = port.bigEndian
        word1 = words.0.bigEndian
        word2 = words.1.bigEndian
        word3 = words.2.bigEndian
        word4 = words.3.bigEndian
    }

    /// A dotted quad in host byte order: four decimal numbers up to 255, no leading zeros beyond three digits.
    private static func parseV4(_ text: Bytes) -> UInt32? {
        guard text.count >= 7, text.count <= 15 else { return nil }
        var address: UInt32 = 0
        var dots = 0
        var digits = 0
        var value: UInt32 = 0
        for i in 0..<text.count {
            let c = text[i]
            if c == UInt8(ascii: ".") {
                guard digits > 0, dots < 3 else { return nil }
                address = address << 8 | value
                (dots, digits, value) = (dots + 1, 0, 0)
            } else {
                guard c &- 0x30 < 10, digits < 3 else { return nil }
                value = value * 10 + UInt32(c &- 0x30)
                digits += 1
                guard value <= 255 else { return nil }
            }
        }
        guard dots == 3, digits > 0 else { return nil }
        return address << 8 | value
    }

    /// Eight groups of up to four hexadecimal digits, one `::`, the last two groups perhaps as a dotted quad.
    private static func parseV6(_ text: Bytes) -> (UInt32, UInt32, UInt32, UInt32)? {
        guard text.count >= 2, text.count <= 45 else { return nil }
        var groups: [8 of UInt16] = InlineArray(repeating: 0)
        var count = 0
        var gap = -1
        var i = 0
        if text[0] == UInt8(ascii: ":") {
            guard text[1] == UInt8(ascii: ":") else { return nil }
            (gap, i) = (0, 2)
        }
        while i < text.count {
            guard count < 8 else { return nil }
            let start = i
            var value: UInt32 = 0
            while i < text.count, let digit = hexDigit(text[i]) {
                guard i - start < 4 else { return nil }
                value = value << 4 | UInt32(digit)
                i += 1
            }
            if i < text.count, text[i] == UInt8(ascii: "."), count <= 6,
                let quad = parseV4(text[start..<text.count])
            {
                groups[count] = UInt16(quad >> 16)
                groups[count + 1] = UInt16(truncatingIfNeeded: quad)
                count += 2
                i = text.count
                break
            }
            guard i > start else { return nil }
            groups[count] = UInt16(value)
            count += 1
            guard i < text.count else { break }
            guard text[i] == UInt8(ascii: ":"), i + 1 < text.count else { return nil }
            i += 1
            if text[i] == UInt8(ascii: ":") {
                guard gap < 0 else { return nil }
                gap = count
                i += 1
            }
        }
        guard gap < 0 ? count == 8 : count < 8 else { return nil }
        if gap >= 0 {
            let tail = count - gap
            var k = 0
            while k < tail {
                groups[7 - k] = groups[count - 1 - k]
                k += 1
            }
            k = gap
            while k < 8 - tail {
                groups[k] = 0
                k += 1
            }
        }
        func word(_ n: Int) -> UInt32 { UInt32(groups[n]) << 16 | UInt32(groups[n + 1]) }
        return (word(0), word(2), word(4), word(6))
    }

    @inline(__always)
    private static func hexDigit(_ c: UInt8) -> UInt8? {
        if c &- 0x30 < 10 { return c &- 0x30 }
        let lower = c | 0x20
        return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : nil
    }

    /// Writes the address without port; `to` has room for `longestText` bytes.
    /// - Parameter brackets: IPv6 as SIP writes it in URIs and Via: "[::1]".
    /// - Returns: bytes written, 0 for an empty address.
    @_noLocks
    func writeAddress(to start: UnsafeMutablePointer<UInt8>, brackets: Bool) -> Int {
        if isV4 { return SocketAddress.writeV4(v4, to: start) }
        guard isV6 else { return 0 }
        var at = start
        if brackets {
            at[0] = UInt8(ascii: "[")
            at += 1
        }
        at += writeV6(to: at)
        if brackets {
            at[0] = UInt8(ascii: "]")
            at += 1
        }
        return at - start
    }

    /// Writes "192.0.2.1:5060" or "[2001:db8::1]:5060"; `to` has room for `longestText` bytes.
    @_noLocks
    func writeAddressAndPort(to start: UnsafeMutablePointer<UInt8>) -> Int {
        var at = start + writeAddress(to: start, brackets: true)
        at[0] = UInt8(ascii: ":")
        at += 1
        return at + SocketAddress.writeDecimal(UInt32(port), to: at) - start
    }

    /// "192.0.2.1" or "2001:db8::1": for cold code.
    var addressText: String { text { writeAddress(to: $0, brackets: false) } }

    /// "192.0.2.1:5060" or "[2001:db8::1]:5060": for cold code.
    var text: String { isNone ? "-" : text { writeAddressAndPort(to: $0) } }

    private func text(_ write: (UnsafeMutablePointer<UInt8>) -> Int) -> String {
        String(unsafeUninitializedCapacity: SocketAddress.longestText) { write($0.baseAddress!) }
    }

    private static func writeV4(_ address: UInt32, to start: UnsafeMutablePointer<UInt8>) -> Int {
        var at = start
        var shift: UInt32 = 24
        while true {
            at += writeDecimal(address >> shift & 0xFF, to: at)
            if shift == 0 { return at - start }
            at[0] = UInt8(ascii: ".")
            at += 1
            shift -= 8
        }
    }

    private func writeV6(to start: UnsafeMutablePointer<UInt8>) -> Int {
        var groups: [8 of UInt16] = InlineArray(repeating: 0)
        let words: [4 of UInt32] = [word1, word2, word3, word4]
        for i in 0..<4 {
            let word = UInt32(bigEndian: words[i])
            groups[2 * i] = UInt16(word >> 16)
            groups[2 * i + 1] = UInt16(truncatingIfNeeded: word)
        }
        let isCompressed = SocketAddress.v6Style == .compressed
        let run = isCompressed ? SocketAddress.longestZeroRun(groups) : (start: -1, count: 0)
        // RFC 5952 section 5: an IPv4-mapped address keeps its dotted quad.
        let mapped = isCompressed && word1 == 0 && word2 == 0 && UInt32(bigEndian: word3) == 0xFFFF
        let last = mapped ? 6 : 8
        var at = start
        var i = 0
        while i < last {
            if i == run.start {
                at[0] = UInt8(ascii: ":")
                at[1] = UInt8(ascii: ":")
                at += 2
                i += run.count
                continue
            }
            if i > 0, run.start < 0 || i != run.start + run.count {
                at[0] = UInt8(ascii: ":")
                at += 1
            }
            at += SocketAddress.writeHex(groups[i], to: at)
            i += 1
        }
        if mapped {
            at[0] = UInt8(ascii: ":")
            at += 1
            at += SocketAddress.writeV4(UInt32(bigEndian: word4), to: at)
        }
        return at - start
    }

    /// The first of the longest runs of two or more zero groups; start is -1 where there is none.
    private static func longestZeroRun(_ groups: [8 of UInt16]) -> (start: Int, count: Int) {
        var best = (start: -1, count: 1)
        var i = 0
        while i < 8 {
            var end = i
            while end < 8, groups[end] == 0 { end += 1 }
            if end - i > best.count { best = (i, end - i) }
            i = max(end, i + 1)
        }
        return best.start < 0 ? (-1, 0) : best
    }

    private static func writeHex(_ value: UInt16, to at: UnsafeMutablePointer<UInt8>) -> Int {
        var count = 1
        while count < 4, value >> UInt16(4 * count) != 0 { count += 1 }
        let letters: UInt8 = SocketAddress.v6Style == .fullUpperCase ? 0x37 : 0x57
        for i in 0..<count {
            let nibble = UInt8(value >> UInt16(4 * (count - 1 - i)) & 0xF)
            at[i] = nibble < 10 ? 0x30 + nibble : letters + nibble
        }
        return count
    }

    private static func writeDecimal(_ value: UInt32, to at: UnsafeMutablePointer<UInt8>) -> Int {
        var count = 1
        var bound: UInt32 = 10
        while value >= bound {
            count += 1
            bound *= 10
        }
        var rest = value
        var i = count
        while i > 0 {
            i -= 1
            at[i] = 0x30 + UInt8(rest % 10)
            rest /= 10
        }
        return count
    }
}
