import CLinux
import Glibc
import Testing

@testable import Core

@Suite struct SocketAddressTests {
    @Test func hasTheKernelsLayout() throws {
        #expect(MemoryLayout<SocketAddress>.size == MemoryLayout<sockaddr_in6>.size)
        let v4 = try #require(SocketAddress("192.0.2.1", port: 5060))
        withUnsafeBytes(of: v4) { raw in
            let native = raw.loadUnaligned(as: sockaddr_in.self)
            #expect(native.sin_family == UInt16(AF_INET))
            #expect(native.sin_port == UInt16(5060).bigEndian)
            #expect(native.sin_addr.s_addr == UInt32(0xC000_0201).bigEndian)
        }
        let v6 = try #require(SocketAddress("2001:db8::ff", port: 5061))
        withUnsafeBytes(of: v6) { raw in
            let native = raw.loadUnaligned(as: sockaddr_in6.self)
            #expect(native.sin6_family == UInt16(AF_INET6))
            #expect(native.sin6_port == UInt16(5061).bigEndian)
            withUnsafeBytes(of: native.sin6_addr) { bytes in
                #expect(Array(bytes) == [0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF])
            }
        }
    }

    @Test(arguments: [
        ("1.2.3.4", "1.2.3.4"), ("255.255.255.255", "255.255.255.255"), ("0.0.0.0", "0.0.0.0"),
        ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("[::1]", "::1"), ("2001:DB8::A", "2001:db8::a"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:0db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ("::ffff:1.2.3.4", "::ffff:1.2.3.4"), ("::1.2.3.4", "::102:304"), ("fe80::1:0:0", "fe80::1:0:0"),
    ])
    func reads(text: String, canonical: String) throws {
        let address = try #require(SocketAddress(text, port: 7))
        #expect(address.addressText == canonical)
        #expect(address.text == (canonical.contains(":") ? "[\(canonical)]:7" : "\(canonical):7"))
        #expect(SocketAddress(canonical, port: 7) == address)
    }

    @Test(arguments: [
        "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.4a", "0001.2.3.4", "a.b.c.d",
        ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "12345::", "::g", "1:", ":1",
        "[::1", "::1]", "[]", "[1.2.3.4]", "::1.2.3", "1.2.3.4::", "::1:2:3:4:5:6:7:1.2.3.4", "fe80::1%eth0",
        "example.com",
    ])
    func refuses(text: String) {
        #expect(SocketAddress(text) == nil)
    }

    @Test func writesBrackets() throws {
        let address = try #require(SocketAddress("2001:db8::1"))
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: SocketAddress.longestText) { buffer in
            let count = address.writeAddress(to: buffer.baseAddress!, brackets: true)
            #expect(Bytes(UnsafePointer(buffer.baseAddress!), count).string == "[2001:db8::1]")
        }
    }

    /// What lies behind `length` is whatever the kernel left there.
    @Test func comparesOnlyWhatTheFamilyHas() throws {
        var a = try #require(SocketAddress("127.0.0.1", port: 5060))
        let b = a
        a.word3 = 99
        a.scope = 4
        #expect(a == b)
        #expect(a.hash(key: 5) == b.hash(key: 5))
        a.port = 5061
        #expect(a != b)
        #expect(a.hasSameAddress(as: b))
        #expect(a.hash(key: 5) != b.hash(key: 5))
        #expect(b.hash(key: 5) != b.hash(key: 6))
    }

    @Test func classifies() throws {
        for text in ["127.0.0.1", "127.9.9.9", "::1"] { #expect(try #require(SocketAddress(text)).isLoopback) }
        for text in ["128.0.0.1", "::2", "0.0.0.0"] { #expect(try !#require(SocketAddress(text)).isLoopback) }
        for text in ["0.0.0.0", "::"] { #expect(try #require(SocketAddress(text)).isWildcard) }
        for text in ["224.0.1.75", "ff02::1"] { #expect(try #require(SocketAddress(text)).isMulticast) }
        #expect(try #require(SocketAddress("fe80::1")).isLinkLocal)
        #expect(try !#require(SocketAddress("fec0::1")).isLinkLocal)
    }
}
