import PluginAPI

// Invariants: an `apus_address` keeps its bytes in network order, as a SocketAddress does, so that converting is copying. A port is in
// host order there and in network order here.

extension SocketAddress {
    /// An address of the contract; none when its family is neither 4 nor 6.
    @inline(__always) @_noLocks
    init(_ address: apus_address) {
        self = withUnsafeBytes(of: address.ip) { ip in
            let start = ip.baseAddress.unsafelyUnwrapped
            switch address.family {
            case 4:
                return SocketAddress(v4: UInt32(bigEndian: start.loadUnaligned(as: UInt32.self)), port: address.port)
            case 6: return SocketAddress(v6: start, port: address.port, scope: address.scope)
            default: return SocketAddress()
            }
        }
    }
}

extension apus_address {
    @inline(__always) @_noLocks
    init(_ address: SocketAddress) {
        self.init()
        guard !address.isNone else { return }
        family = address.isV4 ? 4 : 6
        port = address.port
        withUnsafeMutableBytes(of: &ip) { ip in
            if address.isV4 { return ip.storeBytes(of: address.word0, as: UInt32.self) }
            ip.storeBytes(of: address.word1, as: UInt32.self)
            ip.storeBytes(of: address.word2, toByteOffset: 4, as: UInt32.self)
            ip.storeBytes(of: address.word3, toByteOffset: 8, as: UInt32.self)
            ip.storeBytes(of: address.word4, toByteOffset: 12, as: UInt32.self)
        }
        if address.isV6 { scope = address.scope }
    }
}

extension Flow {
    /// The flow to a destination of the contract; nil when it lacks the listener or the address.
    @inline(__always) @_noLocks
    init?(_ destination: UnsafePointer<apus_destination>) {
        guard let raw = destination.pointee.listener else { return nil }
        let listener = Listener(raw: UnsafeMutableRawPointer(raw))
        self.init(listener: listener, remote: SocketAddress(destination.pointee.remote))
        guard !remote.isNone, !listener.isVirtual else { return nil }
        if destination.pointee.local.family != 0 { local = SocketAddress(destination.pointee.local) }
        connection = destination.pointee.connection
        options = Flow.Options(rawValue: destination.pointee.flags)
    }
}

extension UnsafeMutablePointer<apus_destination> {
    /// Fills the struct in. `listener` is nil for messages that came from nowhere.
    @inline(__always)
    func set(_ listener: Listener?, remote: SocketAddress, local: SocketAddress, connection: UInt64) {
        HostTables.fill(
            self,
            apus_destination(
                size: pointee.size, transport: listener.map { UInt32($0.proto.rawValue) } ?? 0,
                remote: apus_address(remote), local: apus_address(local),
                listener: listener.map { OpaquePointer($0.raw) }, connection: connection, flags: 0, reserved: 0))
    }

    /// Fills the struct in with all that the flow says.
    @inline(__always)
    func set(_ flow: Flow) {
        HostTables.fill(
            self,
            apus_destination(
                size: pointee.size, transport: UInt32(flow.listener.proto.rawValue), remote: apus_address(flow.remote),
                local: apus_address(flow.local), listener: OpaquePointer(flow.listener.raw),
                connection: flow.connection, flags: flow.options.rawValue, reserved: 0))
    }
}
