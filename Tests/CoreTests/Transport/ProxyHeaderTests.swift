import Testing

@testable import Core

/// What load balancers say in front of a connection.
@Suite struct ProxyHeaderTests {
    private func read(_ bytes: [UInt8]) -> ProxyHeader {
        bytes.withUnsafeBufferPointer { ProxyHeader.read(Bytes($0.baseAddress!, $0.count)) }
    }

    private func read(_ text: String) -> ProxyHeader { read(Array(text.utf8)) }

    private func binary(_ command: UInt8, _ family: UInt8, _ rest: [UInt8], length: Int? = nil) -> [UInt8] {
        let length = length ?? rest.count
        return Array("\r\n\r\n\0\r\nQUIT\n".utf8)
            + [0x20 | command, family, UInt8(length >> 8), UInt8(length & 0xff)] + rest
    }

    @Test(arguments: [
        ("PROXY TCP4 192.0.2.1 192.0.2.2 56324 5060\r\n", "192.0.2.1:56324"),
        ("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", "[2001:db8::1]:1"),
        ("PROXY UNKNOWN\r\n", "-"), ("PROXY UNKNOWN ffff:: ffff:: 65535 65535\r\n", "-"),
    ])
    func aLineNamesTheClient(line: String, client: String) throws {
        let address = client == "-" ? SocketAddress() : try #require(self.address(client))
        #expect(read(line) == .whole(address, end: line.utf8.count))
        // What stands behind it belongs to the client.
        #expect(read(line + "OPTIONS sip:a@b SIP/2.0\r\n") == .whole(address, end: line.utf8.count))
        for count in 1..<line.utf8.count {
            guard case .needsMore(let needed) = read(Array(line.utf8.prefix(count))) else {
                Issue.record("\(count) bytes are enough")
                return
            }
            #expect(needed > count)
        }
    }

    @Test(arguments: [
        "OPTIONS sip:a@b SIP/2.0\r\n", "PROXI", "\r\n\r\n\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 56324\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 56324 5060 1\r\n", "PROXY TCP4 2001:db8::1 192.0.2.2 1 2\r\n",
        "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 65536 1\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 -1\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
        "PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY UNKNOWN " + String(repeating: "x", count: 100) + "\r\n",
    ])
    func somethingElseIsNone(text: String) { #expect(read(text) == .broken) }

    @Test func aBinaryHeaderNamesTheClient() throws {
        let v4 = binary(1, 0x11, [192, 0, 2, 1, 192, 0, 2, 2, 0xDC, 0x04, 0x13, 0xC4])
        #expect(read(v4) == .whole(try #require(self.address("192.0.2.1:56324")), end: 28))
        let v6 = binary(
            1, 0x21,
            [0x20, 1, 0x0D, 0xB8] + Array(repeating: 0, count: 11) + [1] + Array(repeating: 9, count: 16) + [
                0x13, 0xC4, 0, 1,
            ])
        #expect(read(v6) == .whole(try #require(self.address("[2001:db8::1]:5060")), end: 52))
        // With what balancers add; and cut off.
        let added = binary(1, 0x11, [192, 0, 2, 1, 192, 0, 2, 2, 0xDC, 0x04, 0x13, 0xC4, 4, 0, 1, 0])
        #expect(read(added + [1, 2]) == .whole(try #require(self.address("192.0.2.1:56324")), end: 32))
        for count in 1..<added.count {
            #expect(read(Array(added.prefix(count))) == .needsMore(count < 16 ? 16 : 32))
        }
    }

    @Test func aBalancerSpeaksForItselfToo() {
        #expect(read(binary(0, 0, [])) == .whole(SocketAddress(), end: 16))
        #expect(read(binary(0, 0x11, Array(repeating: 1, count: 12))) == .whole(SocketAddress(), end: 28))
        // A family or transport that is not ours.
        #expect(read(binary(1, 0x31, Array(repeating: 1, count: 216))) == .whole(SocketAddress(), end: 232))
        #expect(read(binary(1, 0x11, [1, 2, 3])) == .broken)
        #expect(read(binary(1, 0x21, Array(repeating: 1, count: 12))) == .broken)
        #expect(read(binary(2, 0x11, Array(repeating: 1, count: 12))) == .broken)
        #expect(read(binary(1, 0x11, [], length: 4081)) == .broken)
        var other = binary(1, 0x11, Array(repeating: 1, count: 12))
        other[12] = 0x31
        #expect(read(other) == .broken)
    }

    private func address(_ text: String) -> SocketAddress? {
        let colon = text.lastIndex(of: ":")!
        return UInt16(text[text.index(after: colon)...]).flatMap { SocketAddress(String(text[..<colon]), port: $0) }
    }
}
