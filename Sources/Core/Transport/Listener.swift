import CLinux
import Glibc

// Invariants: a record is made at start and never freed or changed afterwards, its mutex apart; its texts lie in memory of
// their own that is never freed either. So a Listener and its texts may be kept for ever and read by every thread.

/// An address that the server listens on, with the texts that messages need. A handle: trivial to copy and compare.
struct Listener: Equatable, @unchecked Sendable {
    fileprivate struct Record {
        let index: Int
        let proto: TransportProtocol
        let address: SocketAddress
        let isWildcard: Bool
        let isVirtual: Bool
        let fd: Int32
        let table: UnsafePointer<TransportTable>
        let name: Bytes
        let host: Bytes
        let port: Bytes
        let text: Bytes
        let addressText: Bytes
        let advertisedHost: Bytes
        let advertisedPort: UInt16
        let hasAdvertised: Bool
        let sentBy: Bytes
        var lock = pthread_mutex_t()
    }

    private let record: UnsafeMutablePointer<Record>

    /// What a listener is made of; see the properties.
    struct Facts {
        var proto: TransportProtocol
        var address: SocketAddress
        var fd: Int32
        var name = ""
        var advertisedHost: String?
        var advertisedPort: UInt16?
        var isVirtual = false
    }

    /// - Parameter index: position in its `ListenerSet`.
    init(_ facts: Facts, index: Int, table: UnsafePointer<TransportTable>) {
        let address = facts.address
        let bracketed = address.isV6 ? "[\(address.addressText)]" : address.addressText
        let host = facts.advertisedHost ?? bracketed
        let port = facts.advertisedPort ?? address.port
        record = .allocate(capacity: 1)
        record.initialize(
            to: Record(
                index: index, proto: facts.proto, address: address, isWildcard: address.isWildcard,
                isVirtual: facts.isVirtual, fd: facts.fd, table: table, name: Bytes(permanent: facts.name),
                host: Bytes(permanent: bracketed), port: Bytes(permanent: String(address.port)),
                text: Bytes(permanent: "\(facts.proto.name):\(bracketed):\(address.port)"),
                addressText: Bytes(permanent: address.addressText), advertisedHost: Bytes(permanent: host),
                advertisedPort: port, hasAdvertised: facts.advertisedHost != nil || facts.advertisedPort != nil,
                sentBy: Bytes(permanent: "\(host):\(port)")))
        pthread_mutex_init(&record.pointee.lock, nil)
    }

    /// Position in the set: an index for tables beside it.
    @inline(__always) var index: Int { record.pointee.index }
    @inline(__always) var proto: TransportProtocol { record.pointee.proto }
    /// The address that it is bound to, with the port that it really has.
    @inline(__always) var address: SocketAddress { record.pointee.address }
    /// Bound to 0.0.0.0 or [::]: then `Flow.local` tells where a message arrived.
    @inline(__always) var isWildcard: Bool { record.pointee.isWildcard }
    /// Matches `myself`, but nothing is bound.
    @inline(__always) var isVirtual: Bool { record.pointee.isVirtual }
    /// The socket; -1 for a virtual one.
    @inline(__always) var fd: Int32 { record.pointee.fd }
    /// `name "…"` of the config; may be empty.
    @inline(__always) var name: Bytes { record.pointee.name }
    /// "192.0.2.1" or "[2001:db8::1]".
    @inline(__always) var host: Bytes { record.pointee.host }
    /// "5060".
    @inline(__always) var portText: Bytes { record.pointee.port }
    /// "udp:192.0.2.1:5060".
    @inline(__always) var text: Bytes { record.pointee.text }
    /// "192.0.2.1" or "2001:db8::1", without brackets.
    @inline(__always) var addressText: Bytes { record.pointee.addressText }
    /// What to put into messages for the host: advertised, else `host`.
    @inline(__always) var advertisedHost: Bytes { record.pointee.advertisedHost }
    /// What to put into messages for the port: advertised, else the bound one.
    @inline(__always) var advertisedPort: UInt16 { record.pointee.advertisedPort }
    /// Was something advertised?
    @inline(__always) var hasAdvertised: Bool { record.pointee.hasAdvertised }
    /// Via's sent-by, always with the port: "192.0.2.1:5060" (RFC 3261 section 18.1.1).
    @inline(__always) var sentBy: Bytes { record.pointee.sentBy }

    /// The functions of its transport.
    @inline(__always) var table: UnsafePointer<TransportTable> { record.pointee.table }

    /// Runs `body` while no other worker reads this socket.
    @inline(__always) @_semantics("no_performance_analysis")
    func whileReading<R>(_ body: () -> R) -> R {
        pthread_mutex_lock(&record.pointee.lock)
        defer { pthread_mutex_unlock(&record.pointee.lock) }
        return body()
    }

    @inline(__always)
    static func == (a: Listener, b: Listener) -> Bool { a.record == b.record }

    /// For C callbacks and tables.
    var raw: UnsafeMutableRawPointer { UnsafeMutableRawPointer(record) }

    init(raw: UnsafeMutableRawPointer) { record = raw.assumingMemoryBound(to: Record.self) }
}
