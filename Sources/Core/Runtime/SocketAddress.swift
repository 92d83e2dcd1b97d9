import CLinux
import Glibc

// Invariants: the fields lie exactly as sockaddr_in and sockaddr_in6 have them (checked by the tests), so that a pointer to
// a SocketAddress is a `struct sockaddr` of `length` bytes. What lies behind `length` has no meaning and is never compared.

/// An IPv4 or IPv6 address with a port: 28 bytes of plain data that go to the kernel and come from it without conversion.
struct SocketAddress {
    /// AF_INET, AF_INET6, or 0 for none.
    var family: UInt16
    /// In network byte order; see `port`.
    var rawPort: UInt16
    /// IPv4: the address in network byte order. IPv6: the flow label.
    var word0: UInt32
    /// IPv6: the address in network byte order, as four words.
    var word1: UInt32
    var word2: UInt32
    var word3: UInt32
    var word4: UInt32
    /// IPv6: the interface of a link-local address.
    var scope: UInt32

    enum Family: UInt16 {
        case none = 0
        case v4 = 2
        case v6 = 10
    }

    /// Neither IPv4 nor IPv6: "not known".
    @inline(__always)
    init() {
        (family, rawPort, word0, word1, word2, word3, word4, scope) = (0, 0, 0, 0, 0, 0, 0, 0)
    }

    /// An IPv4 address in host byte order: 0x7F000001 is 127.0.0.1.
    init(v4 address: UInt32, port: UInt16) {
        self.init()
        family = Family.v4.rawValue
        rawPort = port.bigEndian
        word0 = address.bigEndian
    }

    /// An IPv6 address as 16 bytes in network order.
    init(v6 address: UnsafeRawPointer, port: UInt16, scope: UInt32 = 0) {
        self.init()
        family = Family.v6.rawValue
        rawPort = port.bigEndian
        word1 = address.loadUnaligned(as: UInt32.self)
        word2 = address.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
        word3 = address.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
        word4 = address.loadUnaligned(fromByteOffset: 12, as: UInt32.self)
        self.scope = scope
    }

    /// What a system call filled in; nil for families other than IPv4 and IPv6.
    init?(_ raw: UnsafePointer<sockaddr>) {
        self.init()
        let length: Int
        switch Int32(raw.pointee.sa_family) {
        case AF_INET: length = 16
        case AF_INET6: length = 28
        default: return nil
        }
        withUnsafeMutableBytes(of: &self) { $0.copyMemory(from: UnsafeRawBufferPointer(start: raw, count: length)) }
    }

    /// Bytes that the kernel wants: 16 or 28.
    @inline(__always)
    var length: UInt32 { family == Family.v4.rawValue ? 16 : 28 }

    @inline(__always)
    var isV4: Bool { family == Family.v4.rawValue }
    @inline(__always)
    var isV6: Bool { family == Family.v6.rawValue }
    @inline(__always)
    var isNone: Bool { family == 0 }

    @inline(__always)
    var port: UInt16 {
        get { UInt16(bigEndian: rawPort) }
        set { rawPort = newValue.bigEndian }
    }

    /// The IPv4 address in host byte order.
    @inline(__always)
    var v4: UInt32 { UInt32(bigEndian: word0) }

    var isLoopback: Bool {
        if isV4 { return v4 >> 24 == 127 }
        return isV6 && word1 == 0 && word2 == 0 && word3 == 0 && word4 == UInt32(1).bigEndian
    }

    /// 0.0.0.0 or [::]: a socket bound there receives on every address.
    var isWildcard: Bool {
        isV4 ? word0 == 0 : isV6 && (word1 | word2 | word3 | word4) == 0
    }

    var isMulticast: Bool {
        isV4 ? v4 >> 28 == 0xE : isV6 && UInt32(bigEndian: word1) >> 24 == 0xFF
    }

    /// fe80::/10, of use only together with `scope`.
    var isLinkLocal: Bool { isV6 && UInt32(bigEndian: word1) >> 22 == 0x3FA }

    /// The same address whatever the ports are.
    @inline(__always)
    func hasSameAddress(as other: SocketAddress) -> Bool {
        if family != other.family { return false }
        if isV4 { return word0 == other.word0 }
        return word1 == other.word1 && word2 == other.word2 && word3 == other.word3 && word4 == other.word4
    }

    /// 64 mixed bits of address and port, for tables that no peer can aim at because `key` is random.
    @inline(__always) @_noLocks
    func hash(key: UInt64) -> UInt64 {
        var h = key ^ (UInt64(rawPort) << 32 | UInt64(family))
        if isV4 {
            h = SocketAddress.mix(h ^ UInt64(word0) << 16)
        } else {
            h = SocketAddress.mix(h ^ (UInt64(word1) << 32 | UInt64(word2)))
            h = SocketAddress.mix(h ^ (UInt64(word3) << 32 | UInt64(word4)))
        }
        return h
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        var x = value
        x = (x ^ (x >> 30)) &* 0xBF58_476D_1CE4_E5B9
        x = (x ^ (x >> 27)) &* 0x94D0_49BB_1331_11EB
        return x ^ (x >> 31)
    }
}

extension SocketAddress: Equatable, Hashable, BitwiseCopyable {
    @inline(__always)
    static func == (a: SocketAddress, b: SocketAddress) -> Bool { a.rawPort == b.rawPort && a.hasSameAddress(as: b) }

    func hash(into hasher: inout Hasher) { hasher.combine(hash(key: 0)) }
}
