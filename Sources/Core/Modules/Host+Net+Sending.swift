import Glibc
import PluginAPI

// Invariants: a destination is the caller's; bytes are borrowed for the call, those that onsend_route looks at until it has ended.

/// Sending: `choose`, `send`, `onsend` and texts of addresses of the group `net`.
extension HostTables {
    @_noLocks
    static func choose(
        _ host: UnsafePointer<apus_host>, _ destination: UnsafeMutablePointer<apus_destination>,
        preferring preferred: OpaquePointer?
    ) -> CInt {
        let remote = SocketAddress(destination.pointee.remote)
        guard let proto = TransportProtocol(contract: destination.pointee.transport), !remote.isNone,
            let listener = host.shared.pointee.listeners.choose(
                proto, toward: remote, preferring: preferred.map { Listener(raw: UnsafeMutableRawPointer($0)) })
        else { return CInt(APUS_FALSE) }
        return leave(by: listener, toward: remote, destination)
    }

    @_noLocks
    static func choose(
        _ host: UnsafePointer<apus_host>, _ destination: UnsafeMutablePointer<apus_destination>,
        for request: OpaquePointer
    ) -> CInt {
        let remote = SocketAddress(destination.pointee.remote)
        guard let proto = TransportProtocol(contract: destination.pointee.transport), !remote.isNone,
            let listener = host.shared.pointee.listeners.choose(
                proto, toward: remote, for: Message(opaque: request))
        else { return CInt(APUS_FALSE) }
        return leave(by: listener, toward: remote, destination)
    }

    @_noLocks
    private static func leave(
        by listener: Listener, toward remote: SocketAddress, _ destination: UnsafeMutablePointer<apus_destination>
    ) -> CInt {
        destination.pointee.listener = OpaquePointer(listener.raw)
        // An address that belonged to another listener, or to another peer, would be refused by the kernel.
        destination.pointee.local = apus_address(Flow(listener: listener, remote: remote).local)
        return CInt(APUS_TRUE)
    }

    @_noLocks
    static func send(_ destination: UnsafePointer<apus_destination>, _ bytes: Bytes) -> CInt {
        guard let worker = Worker.current, let flow = Flow(destination), !bytes.isEmpty else { return EINVAL }
        switch worker.send(bytes, over: flow) {
        case .sent: return 0
        case .failed(let code): return code
        }
    }

    /// What onsend_route sees of a message that goes there.
    @_noLocks
    static func sending(_ destination: UnsafePointer<apus_destination>, _ bytes: Bytes) -> Run.Sending {
        let listener = destination.pointee.listener.map { Listener(raw: UnsafeMutableRawPointer($0)) }
        let local = SocketAddress(destination.pointee.local)
        return Run.Sending(
            local: local.isNone ? listener?.address ?? local : local,
            remote: SocketAddress(destination.pointee.remote),
            transport: listener.map { UInt32($0.proto.rawValue) } ?? destination.pointee.transport, bytes: bytes)
    }

    @_noLocks
    static func write(
        _ address: UnsafePointer<apus_address>, to buffer: UnsafeMutablePointer<CChar>, capacity: Int
    ) -> Int {
        var text: [64 of UInt8] = InlineArray(repeating: 0)
        return withUnsafeMutableBytes(of: &text) { memory in
            let start = memory.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
            let count = SocketAddress(address.pointee).writeAddress(to: start, brackets: true)
            guard count <= capacity else { return 0 }
            UnsafeMutableRawPointer(buffer).copyMemory(from: start, byteCount: count)
            return count
        }
    }
}

extension ListenerTable {
    /// [any] The listener to send by; see `ListenerSet.choose`.
    @_noLocks
    func choose(_ proto: TransportProtocol, toward remote: SocketAddress, preferring preferred: Listener?) -> Listener?
    {
        set?._withUnsafeGuaranteedRef { $0.choose(proto, toward: remote, preferring: preferred) }
    }

    /// [worker] The same for a request that leaves.
    @_noLocks
    func choose(_ proto: TransportProtocol, toward remote: SocketAddress, for request: Message) -> Listener? {
        set?._withUnsafeGuaranteedRef { $0.choose(proto, toward: remote, for: request) }
    }
}

extension TransportProtocol {
    /// `APUS_UDP` …; nil for other numbers.
    @inline(__always)
    init?(contract number: UInt32) {
        guard number < 256 else { return nil }
        self.init(rawValue: UInt8(truncatingIfNeeded: number))
    }
}
