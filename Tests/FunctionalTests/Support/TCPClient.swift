import Glibc

/// One end of a TCP connection that sends what it is given, be it SIP or not, and takes SIP messages out of what comes back.
final class TCPClient {
    private let descriptor: Int32
    /// Our end.
    let address: Address
    private var received: [UInt8] = []

    /// Connects to a port of the loopback address.
    /// - Parameter receiveBuffer: bytes that the kernel holds for us; nil: its default.
    init(to port: UInt16, from host: String = "127.0.0.1", receiveBuffer: Int32? = nil) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        guard descriptor >= 0, Address(host, 0).withSocketAddress({ bind(descriptor, $0, $1) }) == 0,
            Address("127.0.0.1", port).withSocketAddress({ connect(descriptor, $0, $1) }) == 0
        else { throw HarnessError("cannot connect to port \(port): \(String(cString: strerror(errno)))") }
        self.descriptor = descriptor
        address = TCPClient.bound(descriptor)
    }

    fileprivate init(accepted descriptor: Int32) {
        self.descriptor = descriptor
        address = TCPClient.bound(descriptor)
    }

    deinit { Glibc.close(descriptor) }

    fileprivate static func bound(_ descriptor: Int32) -> Address {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutablePointer(to: &storage) {
            _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return Address(storage)
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw HarnessError("send: \(String(cString: strerror(errno)))") }
            sent += count
        }
    }

    /// Tells the peer that no more is sent.
    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// The next bytes as they come; empty at the end of the stream, nil when nothing comes within the limit.
    func bytes(within limit: Duration = .seconds(10)) -> [UInt8]? {
        var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let (seconds, attoseconds) = limit.components
        let milliseconds = Int32(seconds) * 1000 + Int32(attoseconds / 1_000_000_000_000_000)
        guard poll(&wait, 1, milliseconds) == 1 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        return Array(bytes[..<max(count, 0)])
    }

    /// The next message, by its Content-Length; an error when none comes within the limit.
    func receive(within limit: Duration = .seconds(10)) throws -> SIPText {
        while true {
            if let message = takeMessage() { return message }
            guard let more = bytes(within: limit) else {
                throw HarnessError("nothing came to \(address) within \(limit)")
            }
            guard !more.isEmpty else { throw HarnessError("the peer of \(address) has closed the connection") }
            received += more
        }
    }

    private func takeMessage() -> SIPText? {
        let end = Array("\r\n\r\n".utf8)
        guard received.count >= 4,
            let head = (0...(received.count - 4)).first(where: { received[$0..<($0 + 4)].elementsEqual(end) })
        else { return nil }
        let text = SIPText(String(decoding: received[..<(head + 4)], as: UTF8.self))
        let size = head + 4 + (text.header("Content-Length").flatMap { Int($0) } ?? 0)
        guard received.count >= size else { return nil }
        defer { received.removeFirst(size) }
        return SIPText(String(decoding: received[..<size], as: UTF8.self))
    }

    /// The next final response.
    func final(within limit: Duration = .seconds(10)) throws -> SIPText {
        while true {
            let message = try receive(within: limit)
            if let code = message.statusCode, code >= 200 { return message }
        }
    }

    /// Whether the peer ends the connection within the limit; what it still sends is passed over.
    func isClosed(within limit: Duration = .seconds(10)) -> Bool {
        while let more = bytes(within: limit) { if more.isEmpty { return true } }
        return false
    }
}

/// A TCP socket that listens on a port of the loopback address.
final class TCPListener {
    private let descriptor: Int32
    let address: Address

    /// - Parameter backlog: connections that the kernel completes before they are accepted.
    init(port: UInt16 = 0, backlog: Int32 = 100, receiveBuffer: Int32? = nil) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        guard descriptor >= 0, Address("127.0.0.1", port).withSocketAddress({ bind(descriptor, $0, $1) }) == 0,
            listen(descriptor, backlog) == 0
        else { throw HarnessError("cannot listen: \(String(cString: strerror(errno)))") }
        self.descriptor = descriptor
        address = TCPClient.bound(descriptor)
    }

    deinit { close(descriptor) }

    /// The next connection; an error when none comes within the limit.
    func accept(within limit: Duration = .seconds(10)) throws -> TCPClient {
        guard hasConnection(within: limit) else { throw HarnessError("nobody has connected to \(address)") }
        let accepted = Glibc.accept(descriptor, nil, nil)
        guard accepted >= 0 else { throw HarnessError("accept: \(String(cString: strerror(errno)))") }
        return TCPClient(accepted: accepted)
    }

    func hasConnection(within limit: Duration) -> Bool {
        var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(
            &wait, 1,
            Int32(limit.components.seconds) * 1000 + Int32(limit.components.attoseconds / 1_000_000_000_000_000)) == 1
    }
}
