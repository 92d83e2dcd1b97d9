import Glibc

/// Where a master agent listens.
enum MasterAddress: Equatable {
    case unix(String)
    case tcp(host: String, port: String)

    /// The port that AgentX has.
    static let defaultPort = "705"
    /// Where one is looked for when nobody says where it is, in this order.
    static let usual: [MasterAddress] = [.tcp(host: "localhost", port: defaultPort), .unix("/var/agentx/master")]

    /// `tcp:host:port`, `unix:/path`, `/path`, `host:port`, `host`, `port`; IPv6 addresses in brackets. Nil: it is none of these.
    init?(_ text: String) {
        if text.hasPrefix("unix:") || text.hasPrefix("/") {
            let path = text.hasPrefix("unix:") ? String(text.dropFirst(5)) : text
            // What fits into a sockaddr_un.
            guard path.hasPrefix("/"), path.utf8.count < 108 else { return nil }
            self = .unix(path)
            return
        }
        var rest = Substring(text)
        for prefix in ["tcp:", "tcp6:"] where rest.hasPrefix(prefix) {
            rest = rest.dropFirst(prefix.count)
            break
        }
        var (host, port) = ("localhost", MasterAddress.defaultPort)
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            host = String(rest[rest.index(after: rest.startIndex)..<end])
            let behind = rest[rest.index(after: end)...]
            guard behind.isEmpty || behind.hasPrefix(":") else { return nil }
            if !behind.isEmpty { port = String(behind.dropFirst()) }
        } else if let colon = rest.lastIndex(of: ":") {
            host = String(rest[..<colon])
            port = String(rest[rest.index(after: colon)...])
        } else if UInt16(rest) != nil {
            port = String(rest)
        } else {
            host = String(rest)
        }
        guard !host.isEmpty, !host.contains(":") || rest.hasPrefix("["), UInt16(port) ?? 0 > 0 else { return nil }
        self = .tcp(host: host, port: port)
    }

    var text: String {
        switch self {
        case .unix(let path): "unix:\(path)"
        case .tcp(let host, let port): host.contains(":") ? "tcp:[\(host)]:\(port)" : "tcp:\(host):\(port)"
        }
    }
}

/// Why there is no connection, for people.
struct ConnectFailure: Error {
    let text: String

    init(_ text: String) { self.text = text }
    init(code: Int32) { text = String(cString: strerror(code)) }
}

extension MasterAddress {
    /// A connected socket, the caller's. Blocks for `milliseconds` at most for a name, and for each of its addresses, and only until `wakeup` is
    /// readable.
    /// - Parameter lookup: of the name, when it took longer the last time.
    func connect(
        milliseconds: Int32, wakeup: Int32, _ lookup: inout NameLookup?
    ) throws(ConnectFailure) -> Int32 {
        switch self {
        case .unix(let path):
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            return try withUnsafeBytes(of: address) { (bytes) throws(ConnectFailure) in
                try MasterAddress.connect(
                    bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count), AF_UNIX,
                    milliseconds, wakeup)
            }
        case .tcp(let host, let port):
            let current: NameLookup
            if let known = lookup, known.host == host, known.port == port {
                current = known
            } else {
                current = try NameLookup(host, port)
            }
            lookup = current
            guard let answer = current.wait(milliseconds: milliseconds, wakeup: wakeup) else {
                throw ConnectFailure("its name is still being looked up")
            }
            lookup = nil
            return try MasterAddress.connect(answer.get(), milliseconds, wakeup)
        }
    }

    private static func connect(
        _ addresses: [NameLookup.Address], _ milliseconds: Int32, _ wakeup: Int32
    ) throws(ConnectFailure) -> Int32 {
        var failure = ConnectFailure("it has no address")
        for address in addresses {
            do throws(ConnectFailure) {
                return try withUnsafeBytes(of: address.storage) { (bytes) throws(ConnectFailure) in
                    try connect(
                        bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), address.length, address.family,
                        milliseconds, wakeup)
                }
            } catch { failure = error }
        }
        throw failure
    }

    private static func connect(
        _ address: UnsafePointer<sockaddr>, _ length: socklen_t, _ family: Int32, _ milliseconds: Int32,
        _ wakeup: Int32
    ) throws(ConnectFailure) -> Int32 {
        let fd = socket(
            family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard fd >= 0 else { throw ConnectFailure(code: errno) }
        var code: Int32 = 0
        if Glibc.connect(fd, address, length) != 0 {
            code = errno
            if code == EINPROGRESS {
                var waited = [pollfd(fd: fd, events: Int16(POLLOUT), revents: 0)]
                waited.append(pollfd(fd: wakeup, events: Int16(POLLIN), revents: 0))
                _ = poll(&waited, 2, milliseconds)
                code = ETIMEDOUT
                if waited[0].revents != 0 {
                    var size = socklen_t(MemoryLayout<Int32>.size)
                    getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size)
                }
            }
        }
        guard code == 0 else {
            close(fd)
            throw ConnectFailure(code: code)
        }
        _ = fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK)
        return fd
    }
}
