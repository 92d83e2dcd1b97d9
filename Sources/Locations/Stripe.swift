import Glibc
import PluginKit
import RoutingKit

// Invariants: everything but the mutex is read and written under it; it is held for a few microseconds, never across a call of the host that may wait. While
// `old` is there, buckets of it below `moved` are empty, and those at or above hold what belongs to their hashes; `buckets` holds the rest.

/// One part of a table, with a lock of its own: its records by hash, their memory, and when they expire.
struct Stripe {
    fileprivate var mutex = pthread_mutex_t()
    var slab = Slab()
    var wheel: ExpiryWheel
    let connections: ConnectionIndex?
    /// Contacts whose rows are to be written.
    var dirty: ContactRef?
    /// Contacts that are gone and whose rows are to be deleted.
    var removed: ContactRef?
    private(set) var buckets: UnsafeMutablePointer<RecordRef?>
    private(set) var mask: Int
    private(set) var old: UnsafeMutablePointer<RecordRef?>?
    private(set) var oldMask = 0
    private var moved = 0
    var records = 0
    var contacts = 0
    var expired: UInt64 = 0

    init(buckets count: Int, now: UInt32, _ connections: ConnectionIndex?) {
        self.connections = connections
        wheel = ExpiryWheel(now: now)
        buckets = Stripe.makeBuckets(count)
        mask = count - 1
    }

    private static func makeBuckets(_ count: Int) -> UnsafeMutablePointer<RecordRef?> {
        // Zeros of the system cost nothing until they are used.
        guard let memory = calloc(count, MemoryLayout<RecordRef?>.stride) else { fatalError("memory is out") }
        return memory.bindMemory(to: RecordRef?.self, capacity: count)
    }

    // MARK: - Records

    func find(_ hash: UInt64, _ key: apus_str) -> RecordRef? {
        var next = head(hash).pointee
        while let record = next {
            if record.pointee.hash == hash, record.key.equals(key) { return record }
            next = record.pointee.next
        }
        return nil
    }

    /// The first record of that hash of which the body wants to know no more.
    func first(_ hash: UInt64, where body: (RecordRef) -> Bool) -> RecordRef? {
        var next = head(hash).pointee
        while let record = next {
            if record.pointee.hash == hash, body(record) { return record }
            next = record.pointee.next
        }
        return nil
    }

    private func head(_ hash: UInt64) -> UnsafeMutablePointer<RecordRef?> {
        if let old {
            let place = Int(truncatingIfNeeded: hash) & oldMask
            if place >= moved { return old + place }
        }
        return buckets + (Int(truncatingIfNeeded: hash) & mask)
    }

    /// Nil: memory is out.
    mutating func insert(_ hash: UInt64, _ key: apus_str) -> RecordRef? {
        guard let memory = slab.allocate(StoredRecord.size(key.len)) else { return nil }
        let record = memory.bindMemory(to: StoredRecord.self, capacity: 1)
        let head = head(hash)
        record.initialize(
            to: StoredRecord(
                next: head.pointee, contacts: nil, hash: hash, count: 0, pins: 0, keyLength: UInt16(key.len)))
        if let start = key.s {
            (memory + MemoryLayout<StoredRecord>.size).copyMemory(from: start, byteCount: key.len)
        }
        head.pointee = record
        records += 1
        if old == nil, records > mask { beginGrowing() }
        goOnGrowing(16)
        return record
    }

    /// One without contacts.
    mutating func remove(_ record: RecordRef) {
        var link = head(record.pointee.hash)
        while let one = link.pointee, one != record {
            link = UnsafeMutableRawPointer(one).advanced(by: MemoryLayout<StoredRecord>.offset(of: \.next)!)
                .assumingMemoryBound(to: RecordRef?.self)
        }
        link.pointee = record.pointee.next
        records -= 1
        slab.release(record, StoredRecord.size(Int(record.pointee.keyLength)))
        goOnGrowing(16)
    }

    mutating func removeIfEmpty(_ record: RecordRef) {
        if record.pointee.count == 0, record.pointee.pins == 0 { remove(record) }
    }

    // MARK: - Growing, a few buckets at a time

    private mutating func beginGrowing() {
        old = buckets
        oldMask = mask
        moved = 0
        mask = mask * 2 + 1
        buckets = Stripe.makeBuckets(mask + 1)
    }

    private mutating func goOnGrowing(_ steps: Int) {
        guard let from = old else { return }
        for _ in 0..<steps where moved <= oldMask {
            var next = from[moved]
            from[moved] = nil
            while let record = next {
                next = record.pointee.next
                let place = buckets + (Int(truncatingIfNeeded: record.pointee.hash) & mask)
                record.pointee.next = place.pointee
                place.pointee = record
            }
            moved += 1
        }
        if moved > oldMask {
            free(from)
            old = nil
        }
    }

    /// Calls with each record that belongs to a bucket, wherever it lies now.
    func forEach(inBucket bucket: Int, _ body: (RecordRef) -> Void) {
        var next = buckets[bucket]
        while let record = next {
            next = record.pointee.next
            body(record)
        }
        guard let old, bucket & oldMask >= moved else { return }
        next = old[bucket & oldMask]
        while let record = next {
            next = record.pointee.next
            if Int(truncatingIfNeeded: record.pointee.hash) & mask == bucket { body(record) }
        }
    }

    // MARK: - Contacts

    mutating func make(
        _ contact: usrloc_contact, ruid: apus_str, now: UInt32, names: Names, serverId: UInt32
    ) -> ContactRef? {
        let agent =
            contact.user_agent.len > USRLOC_LONGEST_USER_AGENT
            ? contact.user_agent[0..<Int(USRLOC_LONGEST_USER_AGENT)] : contact.user_agent
        let agentName = names.number(agent, isSocket: false)
        let socket = names.socket(contact)
        let socketName = names.number(socket, isSocket: true)
        var one = StoredContact(
            next: nil, record: nil, wheelNext: nil, wheelPrevious: nil, dirtyNext: nil, dirtyPrevious: nil,
            connection: contact.connection, connectionNode: nil, expires: UInt32(clamping: contact.expires),
            modified: contact.last_modified == 0 ? now : UInt32(clamping: contact.last_modified), cseq: contact.cseq,
            flags: contact.flags, cflags: contact.cflags, methods: contact.methods, regId: contact.reg_id,
            serverId: contact.server_id == 0 ? serverId : contact.server_id,
            lastKeepalive: contact.last_keepalive == 0 ? now : UInt32(clamping: contact.last_keepalive),
            roundTrip: contact.round_trip, q: Int16(clamping: contact.q), socketName: socketName,
            agentName: agentName, slot: StoredContact.noSlot, uriLength: UInt16(contact.uri.len),
            receivedLength: UInt16(contact.received.len), pathLength: UInt16(contact.path.len),
            attributesLength: UInt16(contact.attributes.len),
            callIdLength: UInt8(contact.call_id.len), instanceLength: UInt8(contact.instance.len),
            agentLength: agentName > 0 ? 0 : UInt8(agent.len),
            socketLength: socketName > 0 ? 0 : UInt8(socket.len), ruidLength: UInt8(ruid.len), bits: 0)
        one.isPinged = contact.keepalive != 0
        one.isMemoryOnly = contact.is_memory_only != 0
        guard let memory = slab.allocate(one.size) else { return nil }
        let place = memory.bindMemory(to: StoredContact.self, capacity: 1)
        place.initialize(to: one)
        place.write([
            contact.uri, contact.received, contact.path, contact.call_id, contact.instance, ruid,
            agentName > 0 ? "" : agent, socketName > 0 ? "" : socket, contact.attributes,
        ])
        return place
    }

    mutating func release(_ contact: ContactRef) { slab.release(contact, contact.pointee.size) }

    /// In front of the others.
    mutating func link(_ contact: ContactRef, to record: RecordRef, keepsExpired: UInt32) {
        contact.pointee.record = record
        contact.pointee.next = record.pointee.contacts
        record.pointee.contacts = contact
        record.pointee.count += 1
        contacts += 1
        if let connections, contact.pointee.connection != 0 {
            contact.pointee.connectionNode = connections.add(contact.pointee.connection, record.pointee.hash)
            // Its end was told before anybody knew of the contact.
            if connections.isOpen(contact.pointee.connection) <= 0 { contact.pointee.expires = 1 }
        }
        if contact.pointee.expires > 0 { wheel.insert(contact, due: Stripe.due(contact, keepsExpired)) }
    }

    /// When it is taken out.
    static func due(_ contact: ContactRef, _ keepsExpired: UInt32) -> UInt32 {
        UInt32(clamping: UInt64(contact.pointee.expires) + UInt64(keepsExpired))
    }

    /// It is over from now on.
    mutating func expire(_ contact: ContactRef, _ now: UInt32, _ keepsExpired: UInt32) {
        wheel.remove(contact)
        contact.pointee.expires = now
        wheel.insert(contact, due: Stripe.due(contact, keepsExpired))
    }

    /// Its record stays, even without contacts.
    mutating func unlink(_ contact: ContactRef) {
        guard let record = contact.pointee.record else { return }
        if record.pointee.contacts == contact {
            record.pointee.contacts = contact.pointee.next
        } else {
            var before = record.pointee.contacts
            while let one = before, one.pointee.next != contact { before = one.pointee.next }
            before?.pointee.next = contact.pointee.next
        }
        record.pointee.count -= 1
        contacts -= 1
        contact.pointee.record = nil
        contact.pointee.next = nil
        wheel.remove(contact)
        if let node = contact.pointee.connectionNode {
            connections?.remove(node)
            contact.pointee.connectionNode = nil
        }
        unlist(contact)
    }

    // MARK: - What is to be written

    mutating func list(_ contact: ContactRef) {
        contact.pointee.isDirty = true
        guard !contact.pointee.isListed, !contact.pointee.isMemoryOnly else { return }
        contact.pointee.isListed = true
        contact.pointee.dirtyPrevious = nil
        contact.pointee.dirtyNext = dirty
        dirty?.pointee.dirtyPrevious = contact
        dirty = contact
    }

    mutating func unlist(_ contact: ContactRef) {
        guard contact.pointee.isListed else { return }
        contact.pointee.isListed = false
        let next = contact.pointee.dirtyNext
        next?.pointee.dirtyPrevious = contact.pointee.dirtyPrevious
        if let previous = contact.pointee.dirtyPrevious {
            previous.pointee.dirtyNext = next
        } else {
            dirty = next
        }
    }

    /// One that is in no record any more: its row is deleted some time, if it has one.
    mutating func discard(_ contact: ContactRef, _ rows: LocationSettings.Rows) {
        guard rows != .none, contact.pointee.hasRow else { return release(contact) }
        contact.pointee.next = removed
        removed = contact
    }
}

extension UnsafeMutablePointer<Stripe> {
    func prepare(buckets: Int, now: UInt32, _ connections: ConnectionIndex?) {
        initialize(to: Stripe(buckets: buckets, now: now, connections))
        pthread_mutex_init(mutex, nil)
    }

    private var mutex: UnsafeMutablePointer<pthread_mutex_t> {
        UnsafeMutableRawPointer(self).advanced(by: MemoryLayout<Stripe>.offset(of: \.mutex)!)
            .assumingMemoryBound(to: pthread_mutex_t.self)
    }

    @inline(__always)
    func lock() { pthread_mutex_lock(mutex) }

    @inline(__always)
    func unlock() { pthread_mutex_unlock(mutex) }

    /// The body has the stripe for itself.
    @inline(__always)
    func locked<Result>(_ body: (UnsafeMutablePointer<Stripe>) -> Result) -> Result {
        lock()
        defer { unlock() }
        return body(self)
    }
}
