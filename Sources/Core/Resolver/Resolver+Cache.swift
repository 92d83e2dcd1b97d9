import Glibc

// Invariants: on the resolver's thread, from the loop: no look-up is in the middle. Records lie as DNSRecord and DNSCache say.

/// What operators do with a resolver's cache.
extension UnsafeMutablePointer<Resolver> {
    /// Forgets what is known of a name, of every type when none is given.
    /// - Parameter name: in small letters; nil: every name.
    /// - Returns: how many answers were forgotten.
    func forget(_ name: Bytes?, _ type: DNSType?) -> Int {
        var found: [UnsafeMutablePointer<DNSEntry>] = []
        pointee.cache.visit { entry in
            if let name, entry.name != name { return }
            if let type, entry.pointee.type != type { return }
            found.append(entry)
        }
        for entry in found { pointee.cache.forget(entry, pointee.place.wheel) }
        return found.count
    }

    /// Adds an address to what is known of a name, as if the servers had answered it.
    /// - Parameters:
    ///   - name: in small letters.
    ///   - ttl: seconds, for all addresses of the name.
    /// - Returns: false when the name's question is under way, or when there are too many addresses.
    func add(_ name: Bytes, _ type: DNSType, _ address: SocketAddress, ttl: UInt32) -> Bool {
        guard let entry = entry(name, type) else { return false }
        var addresses = known(entry) ? (0..<entry.pointee.recordCount).map { entry.address($0) } : []
        guard addresses.count < DNSRecord.limit else { return false }
        addresses.append(address)
        addresses.withUnsafeBytes {
            pointee.cache.store(entry, $0.baseAddress, $0.count, count: addresses.count)
        }
        settle(entry, ttl)
        return true
    }

    /// Adds a server to what is known of a service, as if the servers had answered it.
    /// - Parameters: as above; `target` in small letters.
    func add(
        _ name: Bytes, priority: UInt16, weight: UInt16, port: UInt16, target: Bytes, ttl: UInt32
    ) -> Bool {
        guard let entry = entry(name, .srv) else { return false }
        var records: [(record: DNSRecord, name: [UInt8])] = []
        if known(entry) {
            let start = entry.records.assumingMemoryBound(to: DNSRecord.self)
            for index in 0..<entry.pointee.recordCount {
                records.append((start[index], Array(entry.recordName(index).string.utf8)))
            }
        }
        guard records.count < DNSRecord.limit else { return false }
        let new = DNSRecord(
            order: priority, preference: weight, port: port, transport: 0, nameCount: UInt8(target.count),
            nameOffset: 0)
        records.append((new, Array(target.string.utf8)))
        var offset = records.count * MemoryLayout<DNSRecord>.stride
        let size = records.reduce(offset) { $0 + $1.name.count }
        withUnsafeTemporaryAllocation(byteCount: size, alignment: 8) { room in
            guard let start = room.baseAddress else { return }
            for (index, one) in records.enumerated() {
                var record = one.record
                record.nameOffset = UInt32(offset)
                (start + index * MemoryLayout<DNSRecord>.stride).storeBytes(of: record, as: DNSRecord.self)
                one.name.withUnsafeBytes { _ = memcpy(start + offset, $0.baseAddress!, $0.count) }
                offset += one.name.count
            }
            pointee.cache.store(entry, start, size, count: records.count)
        }
        settle(entry, ttl)
        return true
    }

    /// Remembers that a name has no such records.
    func addNothing(_ name: Bytes, _ type: DNSType, ttl: UInt32) -> Bool {
        guard let entry = entry(name, type) else { return false }
        pointee.cache.store(entry, nil, 0, count: 0)
        settle(entry, ttl, status: .noSuchName)
        return true
    }

    /// What is known of a name stays, whatever the servers and operators say.
    func makePermanent(_ name: Bytes, _ type: DNSType) {
        guard let entry = pointee.cache.find(name, type) else { return }
        pointee.cache.wake(entry)
        entry.pointee.isPermanent = true
        entry.pointee.expires = UInt64.max
    }

    /// The name's entry, which nobody asks for at the moment, and which may change.
    private func entry(_ name: Bytes, _ type: DNSType) -> UnsafeMutablePointer<DNSEntry>? {
        let entry = pointee.cache.find(name, type) ?? addEntry(name, type)
        return entry.pointee.isAsked || entry.pointee.isTold ? nil : entry
    }

    private func known(_ entry: UnsafeMutablePointer<DNSEntry>) -> Bool {
        entry.pointee.status == .found && entry.pointee.expires > pointee.place.clock.pointee.now
    }

    private func settle(
        _ entry: UnsafeMutablePointer<DNSEntry>, _ ttl: UInt32, status: ResolverStatus = .found
    ) {
        let now = pointee.place.clock.pointee.now
        pointee.sequence &+= 1
        entry.pointee.sequence = pointee.sequence
        entry.pointee.status = status
        entry.pointee.usedAt = now
        entry.pointee.expires = entry.pointee.isPermanent ? UInt64.max : now + UInt64(ttl) * 1000
        pointee.cache.rest(entry)
        pointee.cache.trim(pointee.place.wheel)
    }
}

extension UnsafeMutablePointer<DNSEntry> {
    /// Of an SRV or NAPTR entry.
    func record(_ index: Int) -> DNSRecord { records.assumingMemoryBound(to: DNSRecord.self)[index] }

    /// The name of an SRV or NAPTR record.
    func recordName(_ index: Int) -> Bytes {
        let record = record(index)
        let start = records + Int(record.nameOffset)
        return Bytes(start.assumingMemoryBound(to: UInt8.self), Int(record.nameCount))
    }
}
