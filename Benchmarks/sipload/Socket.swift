import CLinux
import Glibc

/// An IPv4 address and port, ready for the kernel.
struct Endpoint {
    var address = sockaddr_in()

    /// From `address:port`.
    init(_ text: String) throws {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let port = UInt16(parts[1]),
            inet_pton(AF_INET, String(parts[0]), &address.sin_addr) == 1
        else { throw UsageError("\(text) is not ADDRESS:PORT (IPv4)") }
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
    }

    init(_ address: sockaddr_in) { self.address = address }

    var text: String {
        var name = [CChar](repeating: 0, count: Int(INET_ADDRSTRLEN))
        var from = address.sin_addr
        inet_ntop(AF_INET, &from, &name, socklen_t(name.count))
        return name.withUnsafeBufferPointer { String(cString: $0.baseAddress!) } + ":\(port)"
    }

    var port: UInt16 { address.sin_port.bigEndian }

    /// The same port at all addresses of this machine.
    var anywhere: Endpoint {
        var copy = self
        copy.address.sin_addr.s_addr = 0
        return copy
    }

    func withSocketAddress<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        var copy = address
        return withUnsafeMutablePointer(to: &copy) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}

extension sockaddr_in {
    func isSame(as other: sockaddr_in) -> Bool {
        sin_port == other.sin_port && sin_addr.s_addr == other.sin_addr.s_addr
    }
}

/// A UDP socket that never blocks, with buffers that hold more than any window.
struct Socket: ~Copyable {
    let descriptor: Int32
    let local: Endpoint

    init(bind address: Endpoint) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0, address.withSocketAddress({ bind(descriptor, $0, $1) }) == 0 else {
            throw UsageError("cannot bind \(address.text): \(String(cString: strerror(errno)))")
        }
        self.descriptor = descriptor
        for option in [SO_RCVBUF, SO_SNDBUF] {
            var size: Int32 = 4 << 20
            setsockopt(descriptor, SOL_SOCKET, option, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var bound = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &bound) {
            _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        local = Endpoint(bound)
    }

    deinit { close(descriptor) }

    /// From now on only this peer is sent to and heard.
    func connect(to peer: Endpoint) throws {
        guard peer.withSocketAddress({ Glibc.connect(descriptor, $0, $1) }) == 0 else {
            throw UsageError("cannot connect to \(peer.text): \(String(cString: strerror(errno)))")
        }
    }

    /// Waits until something can be read, at most this long.
    func waitToRead(milliseconds: Int32) {
        var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        poll(&event, 1, milliseconds)
    }
}

/// Monotonic time, nanoseconds.
func monotonic() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
}
