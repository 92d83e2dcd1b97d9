import PluginAPI

// Invariants: while a look-up is under way, `own` of the module's struct holds the Location, its generation and the module's host; `own[0]` is null
// otherwise. The struct is the module's and is not touched after `cancel`.

/// The group `resolver`: apus/resolver.h.
extension HostTables {
    static func makeResolver() -> apus_resolver_api {
        apus_resolver_api(
            size: size(apus_resolver_api.self),
            next_hop: { host, uri, transport, lookup in
                lookup.clear()
                guard let uri = URI.parse(uri.bytes), let hop = uri.nextHop else { return CInt(APUS_FALSE) }
                let offered = host.shared.pointee.listeners.offered
                return lookup.start(host, LocationQuestion(hop, wanted: transport, offered))
            },
            cancel: { _, lookup in
                guard let worker = Worker.current, let resolver = Resolver.of(worker), let id = lookup.id else {
                    return
                }
                resolver.cancel(id)
                lookup.clear()
            },
            reply_hop: { host, message, lookup in
                lookup.clear()
                let message = Message(opaque: message)
                guard !message.isRequest, let hop = message.forwardedReplyHop else { return CInt(APUS_FALSE) }
                return lookup.start(host, LocationQuestion(replyTo: hop, host.shared.pointee.listeners.offered))
            },
            remember: { _, record in
                guard let worker = Worker.current, let resolver = Resolver.of(worker) else { return CInt(APUS_FALSE) }
                return resolver.remember(record.pointee) ? CInt(APUS_TRUE) : CInt(APUS_FALSE)
            },
            wait: { host, names, count, milliseconds in
                NamesAwaited.find(host, UnsafeMutableBufferPointer(start: names, count: Int(count)), milliseconds)
            })
    }

    fileprivate static let located: Location.Done = { _, context, answer in
        let lookup = context!.assumingMemoryBound(to: apus_lookup.self)
        let answer = answer.assumingMemoryBound(to: LocationAnswer.self)
        guard let host = lookup.host else { return }
        lookup.clear()
        lookup.take(answer.pointee.hops)
        let status =
            switch answer.pointee.status {
            case .found: CInt(APUS_OK)
            case .timedOut: CInt(APUS_TIMED_OUT)
            case .busy: CInt(APUS_BUSY)
            default: CInt(APUS_FAILED)
            }
        lookup.pointee.done?(host, lookup, status)
    }
}

extension LocationQuestion {
    /// A Via names its transport (RFC 3261 §18.2.2; RFC 3263 §5: SRV when it names no port).
    init?(replyTo hop: NextHop, _ offered: OfferedTransports) {
        self.init(hop, offered)
        if transport == 0 { transport = TransportProtocol.udp.rawValue }
    }

    /// Nil when the URI names a transport that is none.
    init?(_ hop: NextHop, wanted: UInt32 = 0, _ offered: OfferedTransports) {
        self.init(host: hop.host, port: hop.port, transport: 0, isSecure: hop.isSecure, offered: offered)
        if wanted != 0 {
            guard wanted < 256, let proto = TransportProtocol(rawValue: UInt8(wanted)) else { return nil }
            self.wanted = proto.rawValue
        } else if !hop.transport.isEmpty {
            guard let proto = TransportProtocol(hop.transport) else { return nil }
            transport = proto.rawValue
        }
    }
}

extension UnsafeMutablePointer<apus_lookup> {
    fileprivate var isWhole: Bool {
        Int(pointee.size) >= MemoryLayout<apus_lookup>.size && pointee.done != nil
    }

    /// Puts the question; the answer of the function that asked.
    fileprivate func start(_ host: UnsafePointer<apus_host>, _ question: LocationQuestion?) -> CInt {
        guard let question, let worker = Worker.current, let resolver = Resolver.of(worker), isWhole else {
            return CInt(APUS_FALSE)
        }
        var hops = Hops()
        let seed = resolver.pointee.random.next()
        switch resolver.locate(question, seed: seed, &hops, context: self, HostTables.located) {
        case .known:
            take(hops)
            return CInt(APUS_TRUE)
        case .pending(let id):
            keep(id, host)
            return CInt(APUS_SUSPENDED)
        case .failed: return CInt(APUS_FALSE)
        }
    }

    fileprivate func clear() {
        pointee.count = 0
        pointee.own.0 = nil
    }

    fileprivate func keep(_ id: LocationID, _ host: UnsafePointer<apus_host>) {
        pointee.own.0 = UnsafeMutableRawPointer(id.location)
        pointee.own.1 = UnsafeMutableRawPointer(bitPattern: UInt(id.generation))
        pointee.own.2 = UnsafeMutableRawPointer(mutating: host)
    }

    fileprivate var id: LocationID? {
        pointee.own.0.map {
            LocationID($0.assumingMemoryBound(to: Location.self), generation: UInt64(UInt(bitPattern: pointee.own.1)))
        }
    }

    fileprivate var host: UnsafePointer<apus_host>? {
        pointee.own.0 == nil ? nil : pointee.own.2.map { UnsafePointer($0.assumingMemoryBound(to: apus_host.self)) }
    }

    fileprivate func take(_ hops: Hops) {
        pointee.count = UInt32(truncatingIfNeeded: hops.count)
        let place = (UnsafeMutableRawPointer(self) + MemoryLayout<apus_lookup>.offset(of: \.hops)!)
            .assumingMemoryBound(to: apus_hop.self)
        var i = 0
        while i < hops.count {
            let hop = hops[i]
            place[i] = apus_hop(
                address: apus_address(hop.address), transport: UInt32(hop.transport), reserved: 0)
            i &+= 1
        }
    }
}

extension UnsafeMutablePointer<Resolver> {
    /// A record that a module has: false when it is none, or when its name is being asked for.
    fileprivate func remember(_ record: apus_dns_record) -> Bool {
        guard let type = DNSType(rawValue: UInt8(clamping: record.type)) else { return false }
        var names: (name: [256 of UInt8], target: [256 of UInt8]) = (
            InlineArray(repeating: 0), InlineArray(repeating: 0)
        )
        return withUnsafeMutableBytes(of: &names) { memory in
            let start = memory.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
            guard let count = DNSName.fold(record.name.bytes, to: start) else { return false }
            let name = Bytes(UnsafePointer(start), count)
            guard remember(record, name, type, start + 256) else { return false }
            if record.flags & UInt32(APUS_DNS_PERMANENT) != 0 { makePermanent(name, type) }
            return true
        }
    }

    private func remember(
        _ record: apus_dns_record, _ name: Bytes, _ type: DNSType, _ memory: UnsafeMutablePointer<UInt8>
    ) -> Bool {
        if record.flags & UInt32(APUS_DNS_UNRESOLVABLE) != 0 { return addNothing(name, type, ttl: record.ttl) }
        switch type {
        case .a, .aaaa:
            var address = SocketAddress(record.address)
            guard !address.isNone, address.isV4 == (type == .a) else { return false }
            address.port = 0
            return add(name, type, address, ttl: record.ttl)
        case .srv:
            guard let count = DNSName.fold(record.target.bytes, to: memory) else { return false }
            return add(
                name, priority: record.priority, weight: record.weight, port: record.port,
                target: Bytes(UnsafePointer(memory), count), ttl: record.ttl)
        case .naptr: return false
        }
    }
}
