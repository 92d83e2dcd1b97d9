import Glibc

/// A client of a stream socket, unix or TCP, that says whatever it is told.
final class StreamClient {
    let descriptor: Int32

    /// Connects to the unix socket at a path.
    init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let code = withUnixAddress(path) { [descriptor] in connect(descriptor, $0, $1) }
        guard code == 0 else { throw HarnessError("cannot connect to \(path): \(String(cString: strerror(errno)))") }
    }

    /// Connects to a port of 127.0.0.1.
    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let code = Address("127.0.0.1", port).withSocketAddress { connect(descriptor, $0, $1) }
        guard code == 0 else { throw HarnessError("cannot connect to \(port): \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) throws {
        guard Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw HarnessError("cannot send: \(String(cString: strerror(errno)))")
        }
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// What comes until `text` has come, or, nil, the end of the stream.
    func receive(until text: String?, within limit: Duration = .seconds(20)) throws -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        let deadline = ContinuousClock.now + limit
        while true {
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard ContinuousClock.now < deadline else {
                throw HarnessError(
                    "no `\(text ?? "end")` within \(limit), but: \(String(decoding: bytes, as: UTF8.self))")
            }
            guard poll(&wait, 1, 100) == 1 else { continue }
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count > 0 { bytes.append(contentsOf: chunk[..<count]) }
            let all = String(decoding: bytes, as: UTF8.self)
            if let text, all.contains(text) { return all }
            if count <= 0 {
                if text == nil { return all }
                throw HarnessError("the end instead of `\(text!)`: \(all)")
            }
        }
    }
}
