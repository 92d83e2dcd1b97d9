import Glibc

// Invariants: nothing here frees or moves what the cache holds: entries and records stay until the loop is reached again. A look-up is gone through from
// the start each time that all its answers have come: what it finds in the cache takes it further, what is missing is asked for.

/// What going through a look-up has come to.
enum Sought {
    case known
    /// Something has to be asked for, or is being asked for.
    case unknown
    case failed(ResolverStatus)
}

/// One way through the steps of RFC 3263 §4.
private struct Seeker {
    let resolver: UnsafeMutablePointer<Resolver>
    let question: LocationQuestion
    /// Who waits for what is missing; nil: nothing is asked for.
    let location: UnsafeMutablePointer<Location>?
    let began: UInt64
    var seed: UInt64
    /// Answers that are missing: the outcome is open.
    var missing = 0
    /// The owner of the domain says that there is no SIP (RFC 2782: a target of `.`).
    var isRefused = false
    var status = ResolverStatus.noSuchName
    var hops: Hops

    var preferences: ResolverOptions.Preferences { resolver.pointee.options.preferences }
    /// One address is enough, and there is one.
    var isSatisfied: Bool { hops.isFull || hops.count > 0 && !findsAll }
    private var findsAll: Bool { question.room != nil || resolver.pointee.options.preferences.findsAll }

    mutating func note(_ failure: ResolverStatus) { if failure.worse(than: status) { status = failure } }

    /// Must the steps that follow wait for what is missing, or is there enough?
    var isToStop: Bool { isSatisfied || missing > 0 && (!findsAll || hops.count + missing >= hops.capacity) }
}

extension UnsafeMutablePointer<Resolver> {
    /// Goes through a look-up with what is known, and asks for nothing.
    func seek(_ question: LocationQuestion, seed: UInt64, _ hops: inout Hops) -> Sought {
        var seeker = Seeker(
            resolver: self, question: question, location: nil, began: pointee.sequence, seed: seed,
            hops: Hops(question.room))
        let result = seeker.seek()
        hops = seeker.hops
        return result
    }

    /// Goes through a look-up with what is known; it waits for what is not.
    func seek(_ location: UnsafeMutablePointer<Location>, _ hops: inout Hops) -> Sought {
        var seeker = Seeker(
            resolver: self, question: location.pointee.question, location: location, began: location.pointee.began,
            seed: location.pointee.seed, hops: Hops(location.pointee.question.room))
        let result = seeker.seek()
        hops = seeker.hops
        return result
    }
}

extension Seeker {
    mutating func seek() -> Sought {
        var transport = question.wanted != 0 ? question.wanted : question.transport
        if question.isSecure, transport != 0 {
            guard let secured = SIPService.secured(transport) else { return .failed(.noTransport) }
            transport = secured
        }
        if let literal = SocketAddress(parsing: question.host) { return take(literal, transport) }
        var name: [256 of UInt8] = InlineArray(repeating: 0)
        let result = withUnsafeMutableBytes(of: &name) { memory -> Sought in
            let start = memory.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
            guard let count = DNSName.fold(question.host, to: start) else { return .failed(.badName) }
            return seek(Bytes(start, count), transport)
        }
        return result
    }

    /// RFC 3263 §4.1, §4.2: an address is taken as it is.
    private mutating func take(_ literal: SocketAddress, _ named: UInt8) -> Sought {
        let transport = named != 0 ? named : question.isSecure ? SIPService.tls : SIPService.udp
        guard literal.isV6 ? question.offered.hasV6(transport) : question.offered.hasV4(transport) else {
            return .failed(.noTransport)
        }
        var address = literal
        address.port = question.port != 0 ? question.port : SIPService.defaultPort(transport)
        hops.append(address, transport)
        return .known
    }

    private mutating func seek(_ name: Bytes, _ named: UInt8) -> Sought {
        if named != 0, !question.offered.has(named) { return .failed(.noTransport) }
        if question.port == 0, seekServices(name, named) { return outcome }
        if isRefused { return .failed(.noData) }
        guard let transport = named != 0 ? named : preferred() else { return .failed(.noTransport) }
        addresses(of: name, question.port != 0 ? question.port : SIPService.defaultPort(transport), transport)
        return outcome
    }

    private var outcome: Sought {
        if status == .busy { return .failed(.busy) }
        if missing > 0 { return .unknown }
        return hops.count > 0 ? .known : .failed(status)
    }

    /// - Returns: true when no other step may follow: there are records, or it is not known yet whether there are.
    private mutating func seekServices(_ name: Bytes, _ named: UInt8) -> Bool {
        if named != 0 { return services(of: name, named) }
        if preferences.triesNAPTR, pointers(of: name) { return true }
        var order = TransportOrder(question, preferences)
        while let transport = order.next() {
            if services(of: name, transport) { return true }
        }
        return false
    }

    /// The transport when neither the URI nor the DNS names one: UDP, or TLS for sips (RFC 3263 §4.1); when the server has no such listener, one
    /// that it has.
    private func preferred() -> UInt8? {
        let usual = question.isSecure ? SIPService.tls : SIPService.udp
        if question.offered.has(usual) { return usual }
        var order = TransportOrder(question, preferences)
        return order.next()
    }

    // MARK: - The cache

    /// What is known of a name; nil: nothing yet, or too much is being asked for.
    private mutating func find(_ name: Bytes, _ type: DNSType) -> UnsafeMutablePointer<DNSEntry>? {
        let known = resolver.pointee.cache.find(name, type)
        if let known, isGood(known) {
            resolver.pointee.cache.touch(known, now: resolver.pointee.place.clock.pointee.now)
            // Those who wait go through their question once more.
            if location == nil {
                resolver.pointee.figures.requests &+= 1
                if known.pointee.recordCount > 0 {
                    resolver.pointee.figures.hits &+= 1
                } else {
                    resolver.pointee.figures.negativeHits &+= 1
                }
            }
            hops.hold(until: known.pointee.expires)
            return known
        }
        guard let location else {
            missing &+= 1
            return nil
        }
        let entry = known ?? resolver.addEntry(name, type)
        guard resolver.ask(entry) else {
            resolver.pointee.cache.rest(entry)
            status = .busy
            return nil
        }
        if isGood(entry) {
            hops.hold(until: entry.pointee.expires)
            return entry
        }
        resolver.addWait(location, entry)
        missing &+= 1
        return nil
    }

    private func isGood(_ entry: UnsafeMutablePointer<DNSEntry>) -> Bool {
        entry.pointee.sequence > began
            || entry.pointee.sequence != 0
                && (resolver.pointee.place.clock.pointee.now < entry.pointee.expires || !resolver.pointee.areServersUp)
    }

    // MARK: - The steps

    /// A and AAAA.
    private mutating func addresses(of name: Bytes, _ port: UInt16, _ transport: UInt8) {
        let wants4 = preferences.usesIPv4 && question.offered.hasV4(transport)
        let wants6 = preferences.usesIPv6 && question.offered.hasV6(transport)
        if !wants4, !wants6 { return note(.noTransport) }
        let first = preferences.prefersIPv6 ? DNSType.aaaa : .a
        let second = preferences.prefersIPv6 ? DNSType.a : .aaaa
        if first == .a ? wants4 : wants6 { addresses(of: name, first, port, transport) }
        if isToStop || status == .busy { return }
        if second == .a ? wants4 : wants6 { addresses(of: name, second, port, transport) }
    }

    private mutating func addresses(of name: Bytes, _ type: DNSType, _ port: UInt16, _ transport: UInt8) {
        guard let entry = find(name, type) else { return }
        if entry.pointee.recordCount == 0 { return note(entry.pointee.status) }
        var i = 0
        while i < entry.pointee.recordCount, !isSatisfied {
            var address = entry.address(i)
            address.port = port
            hops.append(address, transport)
            i &+= 1
        }
    }

    /// SRV of a domain. - Returns: as `seekServices`.
    private mutating func services(of name: Bytes, _ transport: UInt8) -> Bool {
        guard let prefix = SIPService.prefix(transport) else { return false }
        let prefixCount = prefix.utf8CodeUnitCount
        guard prefixCount &+ name.count <= DNSName.limit else { return false }
        var full: [256 of UInt8] = InlineArray(repeating: 0)
        return withUnsafeMutableBytes(of: &full) { memory in
            let start = memory.baseAddress.unsafelyUnwrapped
            start.copyMemory(from: prefix.utf8Start, byteCount: prefixCount)
            (start + prefixCount).copyMemory(from: name.start, byteCount: name.count)
            let text = Bytes(start.assumingMemoryBound(to: UInt8.self), prefixCount &+ name.count)
            return targets(of: text, transport)
        }
    }

    /// The targets of the SRV records with exactly this name. - Returns: as `seekServices`.
    private mutating func targets(of name: Bytes, _ transport: UInt8) -> Bool {
        guard let entry = find(name, .srv) else { return true }
        let records = DNSRecordList(entry)
        if records.count == 0 {
            note(entry.pointee.status)
            return false
        }
        if records.count == 1, records[0].nameCount == 0 {
            isRefused = true
            return false
        }
        var order = ServiceOrder(records, spreads: preferences.spreads, seed: &seed)
        while let index = order.next(records) {
            let record = records[index]
            if record.nameCount == 0 { continue }
            addresses(of: records.name(record), record.port, transport)
            if isToStop || status == .busy { break }
        }
        return true
    }

    /// NAPTR. - Returns: as `seekServices`.
    private mutating func pointers(of name: Bytes) -> Bool {
        guard let entry = find(name, .naptr) else { return true }
        let records = DNSRecordList(entry)
        var order = PointerOrder(records, question, preferences)
        while let index = order.next() {
            if targets(of: records.name(records[index]), records[index].transport) { return true }
        }
        return false
    }
}
