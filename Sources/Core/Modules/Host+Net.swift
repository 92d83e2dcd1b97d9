import PluginAPI

// Invariants: `apus_listener` is a Listener, whose record and texts live for ever. The table is filled before modules
// start; names that modules add are added before the workers start.

/// The listeners as modules see them, and who else says that a name is ours.
struct ListenerTable {
    typealias Knows = @convention(c) (UnsafePointer<apus_host>, apus_str, UInt16) -> CInt

    private struct Namer {
        var host: UnsafePointer<apus_host>
        var knows: Knows
    }

    private(set) var set: Unmanaged<ListenerSet>?
    private var table: UnsafeMutablePointer<Listener>?
    private(set) var count = 0
    /// What can be sent by.
    private(set) var offered = OfferedTransports()
    /// The config's aliases; their texts live for ever.
    private var aliases: UnsafeMutablePointer<(host: Bytes, port: UInt16)>?
    private var aliasCount = 0
    private var namers: UnsafeMutablePointer<Namer>?
    private var namerCount = 0

    /// The listeners are open. `set` is kept for ever.
    mutating func open(_ set: ListenerSet) {
        self.set = Unmanaged.passRetained(set)
        count = set.listeners.count
        let table = UnsafeMutablePointer<Listener>.allocate(capacity: max(1, count))
        for (index, listener) in set.listeners.enumerated() {
            (table + index).initialize(to: listener)
            if !listener.isVirtual { offered.add(listener.proto.rawValue, isV6: listener.address.isV6) }
        }
        self.table = table
        aliasCount = set.aliases.count
        let aliases = UnsafeMutablePointer<(host: Bytes, port: UInt16)>.allocate(capacity: max(1, aliasCount))
        for (index, alias) in set.aliases.enumerated() {
            (aliases + index).initialize(to: (PermanentText.bytes(alias.host), alias.port ?? 0))
        }
        self.aliases = aliases
    }

    /// [any] The alias of that place; nil behind the last.
    func alias(_ index: Int) -> (host: Bytes, port: UInt16)? { index < aliasCount ? aliases?[index] : nil }

    mutating func add(_ knows: @escaping Knows, host: UnsafePointer<apus_host>) {
        let larger = UnsafeMutablePointer<Namer>.allocate(capacity: namerCount + 1)
        if let old = namers {
            larger.moveInitialize(from: old, count: namerCount)
            old.deallocate()
        }
        (larger + namerCount).initialize(to: Namer(host: host, knows: knows))
        namers = larger
        namerCount += 1
    }

    /// Precondition: 0 <= index < count.
    subscript(_ index: Int) -> Listener { table.unsafelyUnwrapped[index] }

    /// [any] Whether host and port (0: any) name this server.
    func isMyself(_ host: Bytes, port: UInt16) -> Bool {
        if let set, set._withUnsafeGuaranteedRef({ $0.isMyself(host: host, port: port) }) { return true }
        for index in 0..<namerCount {
            guard let namer = namers?[index] else { continue }
            if namer.knows(namer.host, apus_str(host), port) > 0 { return true }
        }
        return false
    }

    /// [any] The listener of that transport (nil: any), address and port (0: any), advertised ones included.
    func find(_ proto: TransportProtocol?, _ address: Bytes, port: UInt16) -> Listener? {
        let wanted = SocketAddress(parsing: address)
        for index in 0..<count {
            let listener = self[index]
            if let proto, listener.proto != proto { continue }
            if let wanted, listener.address.hasSameAddress(as: wanted), port == 0 || port == listener.address.port {
                return listener
            }
            if listener.advertisedHost.equalsIgnoringCase(address), port == 0 || port == listener.advertisedPort {
                return listener
            }
        }
        return nil
    }
}

/// The group `net`: apus/net.h.
extension HostTables {
    static func makeNet() -> apus_net_api {
        apus_net_api(
            size: size(apus_net_api.self),
            count: { UInt32($0.shared.pointee.listeners.count) },
            at: { host, index in
                guard index < UInt32(host.shared.pointee.listeners.count) else { return nil }
                return OpaquePointer(host.shared.pointee.listeners[Int(index)].raw)
            },
            info: { listener, out in
                let listener = Listener(raw: UnsafeMutableRawPointer(listener))
                HostTables.fill(out, apus_listener_info(listener, size: out.pointee.size))
                return CInt(APUS_TRUE)
            },
            find: { host, transport, address, port in
                let proto = TransportProtocol(contract: transport)
                guard transport == 0 || proto != nil else { return nil }
                return host.shared.pointee.listeners.find(proto, address.bytes, port: port)
                    .map { OpaquePointer($0.raw) }
            },
            is_myself: { host, name, port in
                HostTables.answer(host.shared.pointee.listeners.isMyself(name.bytes, port: port))
            },
            add_myself: { host, knows in
                host.declaring("net->add_myself", in: [.starting]) { (module, modules) throws(Registry.Refusal) in
                    guard unsafeBitCast(knows, to: UInt.self) != 0 else {
                        throw Registry.Refusal(text: "`knows` is null")
                    }
                    modules.shared.pointee.listeners.add(knows, host: host)
                    return CInt(APUS_TRUE)
                }
            },
            choose: { HostTables.choose($0, $1, preferring: $2) },
            send: { HostTables.send($1, $2.bytes) },
            onsend: { call, message, destination, bytes, then, user in
                guard let look = call.pointee.host.shared.pointee.services.onsend else { return CInt(APUS_TRUE) }
                var sending = HostTables.sending(destination, bytes.bytes)
                return look(call, message ?? call.pointee.msg, &sending, then, user)
            },
            write_address: { HostTables.write($0, to: $1, capacity: $2) },
            parse_address: { text, out in
                guard let address = SocketAddress(parsing: text.bytes) else { return CInt(APUS_FALSE) }
                out.pointee = apus_address(address)
                return CInt(APUS_TRUE)
            },
            transport: { UInt32(TransportProtocol($0.bytes)?.rawValue ?? 0) },
            is_reliable: { HostTables.answer(TransportProtocol(contract: $0)?.isReliable ?? false) },
            on_undelivered: { host, told, user in
                host.declaring("net->on_undelivered", in: [.starting]) { (module, modules) throws(Registry.Refusal) in
                    guard unsafeBitCast(told, to: UInt.self) != 0 else {
                        throw Registry.Refusal(text: "`told` is null")
                    }
                    modules.shared.pointee.undelivered.add(told, host: host, user: user)
                    return CInt(APUS_TRUE)
                }
            },
            alias: { host, index, name, port in
                guard let alias = host.shared.pointee.listeners.alias(Int(index)) else { return CInt(APUS_FALSE) }
                name.pointee = apus_str(alias.host)
                port.pointee = alias.port
                return CInt(APUS_TRUE)
            },
            find_named: { host, name in
                host.shared.pointee.listeners.set.flatMap {
                    $0._withUnsafeGuaranteedRef { $0.find(name: name.bytes) }
                }.map { OpaquePointer($0.raw) }
            },
            choose_for: { HostTables.choose($0, $1, for: $2) },
            transport_for_size: { _, message, destination, length in
                guard let proto = TransportProtocol(contract: destination.pointee.transport),
                    let worker = Worker.current
                else { return 0 }
                let other = worker.pointee.largeRequests.transport(
                    for: Message(opaque: message), of: length, insteadOf: proto)
                return other.map { UInt32($0.rawValue) } ?? 0
            },
            onsend_reply: { host, message, destination, bytes in
                guard let passes = host.shared.pointee.services.onsendReply else { return CInt(APUS_TRUE) }
                var sending = HostTables.sending(destination, bytes.bytes)
                return HostTables.answer(passes(message, &sending))
            },
            on_closed: { host, told, user in
                host.declaring("net->on_closed", in: [.starting]) { (module, modules) throws(Registry.Refusal) in
                    guard unsafeBitCast(told, to: UInt.self) != 0 else {
                        throw Registry.Refusal(text: "`told` is null")
                    }
                    modules.shared.pointee.closed.add(told, host: host, user: user)
                    return CInt(APUS_TRUE)
                }
            },
            is_connected: { _, connection in
                guard let worker = Worker.current else { return CInt(APUS_FALSE) }
                let open = worker.pointee.streams.pointee.shared.pointee.open.isOpen(ConnectionID(raw: connection))
                return HostTables.answer(open)
            },
            end_connection: { _, connection in
                guard let worker = Worker.current else { return CInt(APUS_FALSE) }
                return HostTables.answer(worker.endConnection(ConnectionID(raw: connection)))
            })
    }
}

extension apus_listener_info {
    /// A listener's facts.
    init(_ listener: Listener, size: UInt32) {
        var flags: UInt32 = 0
        if listener.isVirtual { flags |= UInt32(APUS_LISTENER_VIRTUAL) }
        if listener.address.isMulticast { flags |= UInt32(APUS_LISTENER_MULTICAST) }
        self.init(
            size: size, transport: UInt32(listener.proto.rawValue), address: apus_str(listener.host),
            advertised_address: apus_str(listener.advertisedHost), name: apus_str(listener.name),
            text: apus_str(listener.text), port: listener.address.port, advertised_port: listener.advertisedPort,
            flags: flags)
    }
}
