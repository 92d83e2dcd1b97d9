import Glibc

/// A UDP socket on the loopback address for much traffic: it never blocks, and holds a lot.
final class DatagramSocket: Sendable {
    let descriptor: Int32
    let address: Address

    init() throws {
        let wanted = Address("127.0.0.1", 0)
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0, wanted.withSocketAddress({ bind(descriptor, $0, $1) }) == 0 else {
            throw HarnessError("no socket: \(String(cString: strerror(errno)))")
        }
        var size: Int32 = 4 << 20
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        var bound = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutablePointer(to: &bound) {
            _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        self.descriptor = descriptor
        address = Address(bound)
    }

    deinit { close(descriptor) }

    /// What cannot be sent now is lost, as on any network.
    func send(_ bytes: [UInt8], to address: Address) {
        _ = address.withSocketAddress { sendto(descriptor, bytes, bytes.count, 0, $0, $1) }
    }

    /// The next datagram; nil when none is there.
    func receive() -> [UInt8]? {
        withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 1) { buffer in
            let count = recv(descriptor, buffer.baseAddress!, buffer.count, 0)
            return count > 0 ? Array(buffer[..<count]) : nil
        }
    }

    /// The next datagram and its sender; nil when none is there.
    func receiveFrom() -> (bytes: [UInt8], from: Address)? {
        withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 1) { buffer in
            var from = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let count = withUnsafeMutablePointer(to: &from) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    recvfrom(descriptor, buffer.baseAddress!, buffer.count, 0, $0, &length)
                }
            }
            return count > 0 ? (Array(buffer[..<count]), Address(from)) : nil
        }
    }
}
