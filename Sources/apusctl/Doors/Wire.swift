import Glibc

// Invariants: addresses of the socket calls point into values that live for the call.

/// A connected stream socket with a limit on every wait. Closed when it goes out of scope.
struct Wire: ~Copyable {
    private let descriptor: Int32

    /// What became of a wait.
    enum Trouble: Error {
        case timeout
        case closed
        case system(Int32)
    }

    /// - Parameter deadline: on the clock of `monotonicMilliseconds`.
    init(_ address: ControlAddress, until deadline: Int) throws(Trouble) {
        switch address {
        case .unix(let path): descriptor = try Wire.connect(path: path, until: deadline)
        case .tcp(let host, let port): descriptor = try Wire.connect(host: host, port: port, until: deadline)
        }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8], until deadline: Int) throws(Trouble) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                try Wire.wait(descriptor, POLLOUT, until: deadline)
            } else if errno != EINTR {
                throw errno == EPIPE || errno == ECONNRESET ? .closed : .system(errno)
            }
        }
    }

    /// Appends what has come: at least one byte.
    func receive(into bytes: inout [UInt8], until deadline: Int) throws(Trouble) {
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = chunk.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count > 0 {
                bytes += chunk[..<count]
                return
            }
            if count == 0 || errno == ECONNRESET { throw .closed }
            if errno == EAGAIN {
                try Wire.wait(descriptor, POLLIN, until: deadline)
            } else if errno != EINTR {
                throw .system(errno)
            }
        }
    }

    /// Waits until a descriptor is ready.
    static func wait(_ descriptor: Int32, _ events: Int32, until deadline: Int) throws(Trouble) {
        while true {
            let left = deadline - monotonicMilliseconds()
            guard left > 0 else { throw .timeout }
            var waiting = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            let count = poll(&waiting, 1, Int32(clamping: left))
            if count > 0 { return }
            if count < 0, errno != EINTR { throw .system(errno) }
        }
    }

    private static func connect(path: String, until deadline: Int) throws(Trouble) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        // The system wants a zero byte at the end.
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { throw .system(ENAMETOOLONG) }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return try withUnsafePointer(to: &address) { address throws(Trouble) in
            try address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address throws(Trouble) in
                try connect(AF_UNIX, address, socklen_t(MemoryLayout<sockaddr_un>.size), until: deadline)
            }
        }
    }

    private static func connect(host: String, port: String, until deadline: Int) throws(Trouble) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, port, &hints, &found) == 0 else { throw .system(EHOSTUNREACH) }
        defer { freeaddrinfo(found) }
        var trouble = Trouble.system(EHOSTUNREACH)
        var next = found
        while let one = next {
            do {
                return try connect(one.pointee.ai_family, one.pointee.ai_addr, one.pointee.ai_addrlen, until: deadline)
            } catch { trouble = error }
            next = one.pointee.ai_next
        }
        throw trouble
    }

    private static func connect(
        _ family: Int32, _ address: UnsafePointer<sockaddr>, _ size: socklen_t, until deadline: Int
    ) throws(Trouble) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(family, type, 0)
        guard descriptor >= 0 else { throw .system(errno) }
        do {
            // A unix socket whose queue is full says EAGAIN and has nothing to wait for but time.
            while Glibc.connect(descriptor, address, size) != 0 {
                if errno == EAGAIN, monotonicMilliseconds() < deadline {
                    usleep(20_000)
                } else if errno == EINPROGRESS {
                    try wait(descriptor, POLLOUT, until: deadline)
                    try checkConnected(descriptor)
                    break
                } else if errno != EINTR {
                    throw errno == EAGAIN ? Trouble.timeout : .system(errno)
                }
            }
        } catch let trouble as Trouble {
            close(descriptor)
            throw trouble
        } catch {
            close(descriptor)
            throw .closed
        }
        return descriptor
    }

    private static func checkConnected(_ descriptor: Int32) throws(Trouble) {
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        if code != 0 { throw .system(code) }
    }
}
