import Glibc

/// The reading end of a FIFO.
struct FIFO: ~Copyable {
    let path: String
    private let descriptor: Int32

    init(_ path: String) throws {
        self.path = path
        let made = mkfifo(path, 0o600)
        // Open for writing, too: it has no end when a writer has closed it, and reading waits.
        descriptor = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        guard made == 0, descriptor >= 0 else { throw HarnessError("\(path): \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    /// What comes until it ends with `end`.
    func read(until end: String) throws -> String {
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while !String(decoding: text, as: UTF8.self).hasSuffix(end) {
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&wait, 1, 10_000) == 1 else {
                throw HarnessError("the FIFO gave only: \(String(decoding: text, as: UTF8.self))")
            }
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count > 0 { text += buffer[..<count] }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// A unix datagram socket.
struct UnixReader: ~Copyable {
    let path: String
    private let descriptor: Int32

    init(_ path: String) throws {
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let bound = withUnixAddress(path) { [descriptor] in bind(descriptor, $0, $1) }
        guard bound == 0 else { throw HarnessError("\(path): \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    /// Sends it datagrams of its own until it has no room for more; how many.
    func fill() -> Int {
        let sender = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(sender) }
        let bytes = Array("full".utf8) + [UInt8](repeating: 0, count: 1020)
        var count = 0
        // Small ones use up what is left when a large one does not fit any more.
        for size in [1024, 4] {
            while withUnixAddress(path, { Int32(sendto(sender, bytes, size, 0, $0, $1)) }) == size {
                count += 1
            }
        }
        return count
    }

    func datagram() throws -> String {
        var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&wait, 1, 5000) == 1 else { throw HarnessError("nothing came to \(path)") }
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return String(decoding: buffer[..<max(0, count)], as: UTF8.self)
    }
}
