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
                guard let worker = Worker.current, let resolver = Resolver.of(worker), lookup.isWhole,
                    let uri = URI.parse(uri.bytes), let hop = uri.nextHop,
                    let question = LocationQuestion(hop, wanted: transport, host.shared.pointee.listeners.offered)
                else { return CInt(APUS_FALSE) }
                var hops = Hops()
                let seed = resolver.pointee.random.next()
                switch resolver.locate(question, seed: seed, &hops, context: lookup, HostTables.located) {
                case .known:
                    lookup.take(hops)
                    return CInt(APUS_TRUE)
                case .pending(let id):
                    lookup.keep(id, host)
                    return CInt(APUS_SUSPENDED)
                case .failed: return CInt(APUS_FALSE)
                }
            },
            cancel: { _, lookup in
                guard let worker = Worker.current, let resolver = Resolver.of(worker), let id = lookup.id else {
                    return
                }
                resolver.cancel(id)
                lookup.clear()
            })
    }

    private static let located: Location.Done = { _, context, answer in
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
