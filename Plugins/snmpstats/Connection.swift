import CNetSNMP
import Glibc
import Synchronization

// Invariants: `waiting` is used on the agent's thread alone; `current` is set there, and only read elsewhere, under its lock, so that the descriptor
// that is shut down is never somebody else's. Neither thread waits for the other there: nothing is done under the lock but setting and shutting down. The domain lives for ever: the library keeps a pointer to it.

/// The connection to the master agent, as a transport that the library knows by the name `apus`: made by us, so that nothing of it waits for
/// somebody who is not there, and the end of the server can break it off.
enum Connection {
    /// What the library is told to connect to.
    static let target = "apus:master"

    /// A connected socket that the library has not asked for yet; -1: none.
    nonisolated(unsafe) static var waiting: Int32 = -1
    private struct Current {
        var fd: Int32 = -1
        var isBroken = false
    }
    private static let current = Mutex(Current())

    /// [any] Whoever waits for the master agent waits no more, now and later.
    static func breakOff() {
        current.withLock {
            $0.isBroken = true
            if $0.fd >= 0 { shutdown($0.fd, Int32(SHUT_RDWR)) }
        }
    }

    /// The library has not asked for the socket that waits, and is not going to.
    static func forget() {
        if waiting >= 0 { Glibc.close(waiting) }
        waiting = -1
    }

    /// Makes the transport known to the library. Once, on the agent's thread.
    static func declare() {
        let name = UnsafeMutablePointer<oid>.allocate(capacity: 8)
        // Of our own enterprise: no address of this kind leaves the process.
        for (place, number) in [oid](arrayLiteral: 1, 3, 6, 1, 4, 1, 34352, 6).enumerated() { name[place] = number }
        let prefixes = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: 2)
        prefixes[0] = UnsafePointer(strdup("apus"))
        prefixes[1] = nil
        let domain = UnsafeMutablePointer<netsnmp_tdomain>.allocate(capacity: 1)
        domain.initialize(to: netsnmp_tdomain())
        domain.pointee.name = UnsafePointer(name)
        domain.pointee.name_length = 8
        domain.pointee.prefix = prefixes
        domain.pointee.f_create_from_tstring_new = { _, _, _ in Connection.make() }
        netsnmp_tdomain_register(domain)
        Connection.name = UnsafePointer(name)
    }

    nonisolated(unsafe) private static var name: UnsafePointer<oid>?

    /// The transport over the socket that waits; nil when there is none.
    private static func make() -> UnsafeMutablePointer<netsnmp_transport>? {
        guard waiting >= 0,
            let memory = calloc(1, MemoryLayout<netsnmp_transport>.size)
        else { return nil }
        let transport = memory.bindMemory(to: netsnmp_transport.self, capacity: 1)
        transport.pointee.domain = name
        transport.pointee.domain_length = 8
        transport.pointee.sock = waiting
        transport.pointee.flags = UInt32(NETSNMP_TRANSPORT_FLAG_STREAM)
        transport.pointee.msgMaxSize = 0x7fff_ffff
        transport.pointee.f_recv = receive
        transport.pointee.f_send = send
        transport.pointee.f_close = close
        current.withLock {
            $0.fd = waiting
            if $0.isBroken { shutdown(waiting, Int32(SHUT_RDWR)) }
        }
        waiting = -1
        return transport
    }

    private static let receive:
        @convention(c) (
            UnsafeMutablePointer<netsnmp_transport>?, UnsafeMutableRawPointer?, CInt,
            UnsafeMutablePointer<UnsafeMutableRawPointer?>?, UnsafeMutablePointer<CInt>?
        ) -> CInt = { transport, buffer, size, opaque, length in
            opaque?.pointee = nil
            length?.pointee = 0
            guard let transport, transport.pointee.sock >= 0 else { return -1 }
            while true {
                let got = recv(transport.pointee.sock, buffer, Int(size), 0)
                if got > 0 { return CInt(got) }
                if got == 0 || errno != EINTR { return -1 }
            }
        }

    private static let send:
        @convention(c) (
            UnsafeMutablePointer<netsnmp_transport>?, UnsafeRawPointer?, CInt,
            UnsafeMutablePointer<UnsafeMutableRawPointer?>?, UnsafeMutablePointer<CInt>?
        ) -> CInt = { transport, bytes, size, _, _ in
            guard let transport, let bytes, transport.pointee.sock >= 0 else { return -1 }
            var sent = 0
            while sent < Int(size) {
                let count = Glibc.send(
                    transport.pointee.sock, bytes + sent, Int(size) - sent, Int32(MSG_NOSIGNAL))
                if count < 0, errno != EINTR { return -1 }
                sent += max(0, count)
            }
            return size
        }

    private static let close: @convention(c) (UnsafeMutablePointer<netsnmp_transport>?) -> CInt = { transport in
        guard let transport, transport.pointee.sock >= 0 else { return -1 }
        current.withLock { $0.fd = -1 }
        let result = Glibc.close(transport.pointee.sock)
        transport.pointee.sock = -1
        return result
    }
}
