import Glibc

/// An IPv4 or IPv6 address and a port.
struct Address: Equatable, Sendable, CustomStringConvertible {
    let host: String
    let port: UInt16

    init(_ host: String, _ port: UInt16) { (self.host, self.port) = (host, port) }

    var family: Int32 { host.utf8.contains(UInt8(ascii: ":")) ? AF_INET6 : AF_INET }
    var description: String { family == AF_INET6 ? "[\(host)]:\(port)" : "\(host):\(port)" }

    func withSocketAddress<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        var storage = sockaddr_storage()
        return withUnsafeMutablePointer(to: &storage) { storage in
            let length: Int
            if family == AF_INET6 {
                length = MemoryLayout<sockaddr_in6>.size
                storage.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                    $0.pointee.sin6_family = sa_family_t(AF_INET6)
                    $0.pointee.sin6_port = port.bigEndian
                    inet_pton(AF_INET6, host, &$0.pointee.sin6_addr)
                }
            } else {
                length = MemoryLayout<sockaddr_in>.size
                storage.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                    $0.pointee.sin_family = sa_family_t(AF_INET)
                    $0.pointee.sin_port = port.bigEndian
                    inet_pton(AF_INET, host, &$0.pointee.sin_addr)
                }
            }
            return storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
        }
    }

    init(_ storage: sockaddr_storage) {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        var storage = storage
        var port: UInt16 = 0
        withUnsafeMutablePointer(to: &storage) {
            if Int32($0.pointee.ss_family) == AF_INET6 {
                $0.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                    port = $0.pointee.sin6_port.bigEndian
                    inet_ntop(AF_INET6, &$0.pointee.sin6_addr, &text, socklen_t(text.count))
                }
            } else {
                $0.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                    port = $0.pointee.sin_port.bigEndian
                    inet_ntop(AF_INET, &$0.pointee.sin_addr, &text, socklen_t(text.count))
                }
            }
        }
        self.init(text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }, port)
    }
}

/// A UDP socket on the loopback address that sends what it is given, be it SIP or not, and waits for what comes back.
struct UDPClient: ~Copyable {
    private let descriptor: Int32
    let address: Address

    /// - Parameter port: 0 takes any free one.
    init(_ host: String = "127.0.0.1", port: UInt16 = 0) throws {
        let wanted = Address(host, port)
        let descriptor = socket(wanted.family, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0, wanted.withSocketAddress({ bind(descriptor, $0, $1) }) == 0 else {
            throw HarnessError("cannot bind \(wanted): \(String(cString: strerror(errno)))")
        }
        var bound = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutablePointer(to: &bound) {
            _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        self.descriptor = descriptor
        address = Address(bound)
    }

    deinit { close(descriptor) }

    func send(_ text: String, to port: UInt16) throws { try send(Array(text.utf8), to: Address(address.host, port)) }

    func send(_ bytes: [UInt8], to address: Address) throws {
        let sent = address.withSocketAddress { sendto(descriptor, bytes, bytes.count, 0, $0, $1) }
        guard sent == bytes.count else { throw HarnessError("sendto \(address): \(String(cString: strerror(errno)))") }
    }

    /// The next datagram and its sender; nil when none comes within the limit.
    func datagram(within limit: Duration) -> (bytes: [UInt8], from: Address)? {
        var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let (seconds, attoseconds) = limit.components
        let milliseconds = Int32(seconds) * 1000 + Int32(attoseconds / 1_000_000_000_000_000)
        guard poll(&wait, 1, milliseconds) == 1 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 65536)
        var from = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let count = withUnsafeMutablePointer(to: &from) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(descriptor, &bytes, bytes.count, 0, $0, &length)
            }
        }
        guard count >= 0 else { return nil }
        return (Array(bytes[..<count]), Address(from))
    }

    /// The next message and its sender; an error when none comes within the limit.
    func receive(within limit: Duration = .seconds(5)) throws -> (message: SIPText, from: Address) {
        guard let (bytes, from) = datagram(within: limit) else {
            throw HarnessError("nothing came to \(address) within \(limit)")
        }
        return (SIPText(String(decoding: bytes, as: UTF8.self)), from)
    }

    /// Sends a request and returns the first final response to it, by its CSeq and Call-ID; others are passed over.
    func exchange(_ request: String, with port: UInt16, within limit: Duration = .seconds(5)) throws -> SIPText {
        try send(request, to: port)
        let sent = SIPText(request)
        while true {
            let answer = try receive(within: limit).message
            guard let code = answer.statusCode, code >= 200 else { continue }
            if answer.header("CSeq") == sent.header("CSeq") && answer.header("Call-ID") == sent.header("Call-ID") {
                return answer
            }
        }
    }

    /// What a MESSAGE with that Call-ID is answered: a script shows there what it has read.
    func statusLine(ofMessage id: String, to port: UInt16) throws -> String {
        let request = SIPText.request("MESSAGE", "sip:bob@127.0.0.1", from: address, id: id)
        return try exchange(request, with: port).startLine
    }
}
