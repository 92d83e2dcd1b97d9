import Glibc

/// Somebody who commands a server by its FIFO, with a FIFO of his own for the reply.
final class FIFOClient {
    let path: String
    private let folder: String
    private let name: String
    private var reply: Int32

    /// - Parameters:
    ///   - path: the server's FIFO.
    ///   - folder: where replies go.
    ///   - name: of the reply file.
    init(_ path: String, replies folder: String, name: String = "reply") throws {
        self.path = path
        self.folder = folder
        self.name = name
        let file = "\(folder)/\(name)"
        guard mkfifo(file, 0o600) == 0 else { throw HarnessError("\(file): \(String(cString: strerror(errno)))") }
        reply = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard reply >= 0 else { throw HarnessError("\(file): \(String(cString: strerror(errno)))") }
    }

    deinit {
        close(reply)
        unlink("\(folder)/\(name)")
    }

    /// Writes to the server's FIFO, at once.
    func write(_ text: String) throws {
        let fifo = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
        guard fifo >= 0 else { throw HarnessError("\(path): \(String(cString: strerror(errno)))") }
        defer { close(fifo) }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(fifo, $0.baseAddress, $0.count) }
            if count > 0 {
                bytes = bytes.dropFirst(count)
            } else if errno == EAGAIN {
                var room = pollfd(fd: fifo, events: Int16(POLLOUT), revents: 0)
                guard poll(&room, 1, 20_000) == 1 else { throw HarnessError("\(path): nobody reads") }
            } else {
                throw HarnessError("\(path): \(String(cString: strerror(errno)))")
            }
        }
    }

    /// Begins a request: its lines follow the first one.
    func send(_ command: String, _ lines: [String] = []) throws {
        try write(([":\(command):\(name)"] + lines).map { $0 + "\n" }.joined() + "\n")
    }

    /// The next reply, from its status line to its end.
    func receive(within milliseconds: Int32 = 20_000) throws -> String {
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            // A FIFO that nobody has opened yet is silent; one that was closed is hung up.
            var wait = pollfd(fd: reply, events: Int16(POLLIN), revents: 0)
            guard poll(&wait, 1, milliseconds) == 1 else {
                throw HarnessError("no reply; only `\(String(decoding: text, as: UTF8.self))`")
            }
            let count = Glibc.read(reply, &buffer, buffer.count)
            if count == 0 { break }
            if count > 0 { text += buffer[..<count] }
        }
        // What was hung up stays so until somebody writes again: a new end waits for him.
        close(reply)
        reply = open("\(folder)/\(name)", O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        return String(decoding: text, as: UTF8.self)
    }

    func ask(_ command: String, _ lines: String...) throws -> String {
        try send(command, lines)
        return try receive()
    }
}

/// Somebody who commands a server by datagrams.
final class DatagramClient {
    private let descriptor: Int32
    private let path: String?

    /// A unix socket of one's own that speaks to the server's.
    init(unix server: String, as path: String) throws {
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard withUnixAddress(path, { [descriptor] in bind(descriptor, $0, $1) }) == 0,
            withUnixAddress(server, { [descriptor] in connect(descriptor, $0, $1) }) == 0
        else { throw HarnessError("\(server): \(String(cString: strerror(errno)))") }
    }

    init(udp port: UInt16) throws {
        path = nil
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let connected = Address("127.0.0.1", port).withSocketAddress { [descriptor] in connect(descriptor, $0, $1) }
        guard connected == 0 else { throw HarnessError("udp: \(String(cString: strerror(errno)))") }
    }

    deinit {
        close(descriptor)
        if let path { unlink(path) }
    }

    func send(_ text: String) throws {
        let bytes = Array(text.utf8)
        guard Glibc.send(descriptor, bytes, bytes.count, 0) == bytes.count else {
            throw HarnessError("it cannot be sent: \(String(cString: strerror(errno)))")
        }
    }

    func ask(_ text: String) throws -> String {
        try send(text)
        var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&wait, 1, 20_000) == 1 else { throw HarnessError("no reply") }
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return String(decoding: buffer[..<max(0, count)], as: UTF8.self)
    }
}
