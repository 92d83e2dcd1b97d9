// Invariants: reads nothing beyond the bytes that it is given.

/// What a load balancer says in front of a connection's first byte of who has connected to it: the PROXY protocol of HAProxy, versions 1 and 2.
enum ProxyHeader: Equatable {
    /// So many bytes must be there before anything can come of them.
    case needsMore(Int)
    /// It ends before this place. The client that the balancer speaks for; none when it speaks for itself, or does not know.
    case whole(SocketAddress, end: Int)
    /// Something else.
    case broken

    /// Longest line of version 1, its end included.
    private static let longestLine = 107
    /// Longest header of version 2 that is taken, what balancers add included; the protocol asks for 536 at least.
    static let longest = 4096

    private static var signature: StaticString { "\r\n\r\n\0\r\nQUIT\n" }
    private static var word: StaticString { "PROXY " }

    /// - Parameter bytes: the stream from its beginning, not empty.
    static func read(_ bytes: Bytes) -> ProxyHeader {
        if bytes[0] == 13 { return readBinary(bytes) }
        guard agrees(bytes, word) else { return .broken }
        let limit = min(bytes.count, longestLine)
        guard let end = bytes.prefix(limit).firstIndex(of: 10) else {
            return bytes.count < longestLine ? .needsMore(bytes.count + 1) : .broken
        }
        guard end > word.utf8CodeUnitCount, bytes[end - 1] == 13 else { return .broken }
        return readLine(bytes[word.utf8CodeUnitCount..<end - 1], end: end + 1)
    }

    /// So far as they go, the bytes are those of the text.
    private static func agrees(_ bytes: Bytes, _ text: StaticString) -> Bool {
        let count = min(bytes.count, text.utf8CodeUnitCount)
        return bytes.prefix(count) == Bytes(text).prefix(count)
    }

    // MARK: Version 1

    /// `TCP4 192.0.2.1 192.0.2.2 56324 443`
    private static func readLine(_ line: Bytes, end: Int) -> ProxyHeader {
        var rest = line
        let family = next(&rest)
        if family == "UNKNOWN" { return .whole(SocketAddress(), end: end) }
        guard family == "TCP4" || family == "TCP6" else { return .broken }
        let (source, destination) = (SocketAddress(parsing: next(&rest)), SocketAddress(parsing: next(&rest)))
        let (sourcePort, destinationPort) = (port(next(&rest)), port(next(&rest)))
        guard var source, let destination, let sourcePort, destinationPort != nil, rest.isEmpty else { return .broken }
        let isV4 = family == "TCP4"
        guard source.isV4 == isV4, destination.isV4 == isV4 else { return .broken }
        source.port = sourcePort
        return .whole(source, end: end)
    }

    /// Up to the next blank.
    private static func next(_ rest: inout Bytes) -> Bytes {
        let end = rest.firstIndex(of: 32) ?? rest.count
        let part = rest.prefix(end)
        rest = rest.dropFirst(min(end + 1, rest.count))
        return part
    }

    private static func port(_ text: Bytes) -> UInt16? {
        text.count > 5 ? nil : text.decimal().flatMap { UInt16(exactly: $0) }
    }

    // MARK: Version 2

    private static func readBinary(_ bytes: Bytes) -> ProxyHeader {
        let head = 16
        guard agrees(bytes, signature) else { return .broken }
        guard bytes.count >= head else { return .needsMore(head) }
        let (version, command) = (bytes[12] >> 4, bytes[12] & 15)
        guard version == 2, command <= 1 else { return .broken }
        let length = Int(bytes[14]) << 8 | Int(bytes[15])
        let end = head + length
        guard end <= longest else { return .broken }
        guard bytes.count >= end else { return .needsMore(end) }
        // The balancer's own connection, such as a probe.
        if command == 0 { return .whole(SocketAddress(), end: end) }
        let addresses = UnsafeRawPointer(bytes.start + head)
        func port(at place: Int) -> UInt16 {
            UInt16(bigEndian: addresses.loadUnaligned(fromByteOffset: place, as: UInt16.self))
        }
        switch bytes[13] {
        case 0x11:
            guard length >= 12 else { return .broken }
            let address = UInt32(bigEndian: addresses.loadUnaligned(as: UInt32.self))
            return .whole(SocketAddress(v4: address, port: port(at: 8)), end: end)
        case 0x21:
            guard length >= 36 else { return .broken }
            return .whole(SocketAddress(v6: addresses, port: port(at: 32)), end: end)
        // Families and transports that are not ours say nothing.
        default: return .whole(SocketAddress(), end: end)
        }
    }
}
