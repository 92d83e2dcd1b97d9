import Glibc
import PluginKit
import RoutingKit

// Invariants: a table lies at one address for ever. The high bits of a hash choose the stripe, the low ones the bucket in it. What is given out is a copy in memory of the
// caller's; `allocate` closures are called under a lock, and neither block nor come back to the table.

/// A table of contacts by address of record, for any number of threads.
public struct LocationTable: @unchecked Sendable {
    public static let stripeCount = 64
    let stripes: UnsafeMutablePointer<Stripe>
    public let settings: UnsafeMutablePointer<LocationSettings>
    public let names: Names
    /// Of contacts that came over connections; nil: nobody wants to know.
    let connections: ConnectionIndex?
    private let keyedHash = KeyedHash()

    public typealias Allocate = (Int) -> UnsafeMutableRawPointer?

    /// - Parameters:
    ///   - exponent: of the number of buckets at first: 2^exponent.
    ///   - now: seconds since 1970.
    public init(settings: UnsafeMutablePointer<LocationSettings>, names: Names, exponent: Int, now: Int64) {
        self.settings = settings
        self.names = names
        connections = settings.pointee.isConnected.map { ConnectionIndex($0) }
        stripes = .allocate(capacity: LocationTable.stripeCount)
        let buckets = max(1, 1 << min(max(exponent, 0), 24) / LocationTable.stripeCount)
        for index in 0..<LocationTable.stripeCount {
            (stripes + index).prepare(buckets: buckets, now: UInt32(clamping: now), connections)
        }
    }

    /// Of an address of record: hard to guess, never 0.
    public func hash(_ aor: apus_str) -> UInt64 { keyedHash(aor) }

    func stripe(_ hash: UInt64) -> UnsafeMutablePointer<Stripe> {
        stripes + Int(truncatingIfNeeded: hash >> 58)
    }

    /// Records, contacts, contacts that have expired, and bytes of memory for all of it.
    public var counts: (users: UInt64, contacts: UInt64, expired: UInt64, bytes: UInt64) {
        var sum = (users: UInt64(0), contacts: UInt64(0), expired: UInt64(0), bytes: UInt64(0))
        for index in 0..<LocationTable.stripeCount {
            (stripes + index).locked { stripe in
                sum.users += UInt64(stripe.pointee.records)
                sum.contacts += UInt64(stripe.pointee.contacts)
                sum.expired += stripe.pointee.expired
                let buckets = stripe.pointee.mask + 1 + (stripe.pointee.old == nil ? 0 : stripe.pointee.oldMask + 1)
                sum.bytes += UInt64(stripe.pointee.slab.footprint + buckets * 8 + 512 * 8 + MemoryLayout<Stripe>.size)
            }
        }
        return sum
    }

    /// The longest list of one bucket.
    public var longestBucket: Int {
        var longest = 0
        for index in 0..<LocationTable.stripeCount {
            (stripes + index).locked { stripe in
                for bucket in 0...stripe.pointee.mask {
                    var count = 0
                    stripe.pointee.forEach(inBucket: bucket) { _ in count += 1 }
                    longest = max(longest, count)
                }
            }
        }
        return longest
    }

    // MARK: - Reading

    /// The contacts of an address, those that are over only if they are wanted; one without contacts when there are none.
    /// - Parameter table: what the record says it is of.
    /// - Returns: nil when memory is out.
    public func record(
        _ query: usrloc_query, now: Int64, table: OpaquePointer, _ allocate: Allocate
    ) -> UnsafeMutablePointer<usrloc_record>? {
        let hash = query.aor.isNull ? query.hash : hash(query.aor)
        return stripe(hash).locked { stripe in
            let found =
                query.aor.isNull
                ? stripe.pointee.first(hash) { $0.contact(named: query.ruid) != nil }
                : stripe.pointee.find(hash, query.aor)
            return copy(found, query, hash, UInt32(clamping: now), table, allocate)
        }
    }

    /// Under the lock.
    func copy(
        _ record: RecordRef?, _ query: usrloc_query, _ hash: UInt64, _ now: UInt32, _ table: OpaquePointer,
        _ allocate: Allocate
    ) -> UnsafeMutablePointer<usrloc_record>? {
        let size = MemoryLayout<usrloc_record>.stride
        let key = record?.key ?? query.aor
        guard let head = allocate(size + max(key.len, 1)) else { return nil }
        let text = head + size
        if let start = key.s { text.copyMemory(from: start, byteCount: key.len) }
        let made = head.bindMemory(to: usrloc_record.self, capacity: 1)
        made.initialize(
            to: usrloc_record(
                size: UInt32(MemoryLayout<usrloc_record>.size), count: 0, contacts: nil,
                aor: apus_str(s: text.assumingMemoryBound(to: CChar.self), len: key.len), table: table, hash: hash))
        guard let record, record.pointee.count > 0 else { return made }
        let wantsAll = query.flags & UInt32(USRLOC_EXPIRED_TOO) != 0
        return withUnsafeTemporaryAllocation(of: ContactRef.self, capacity: Int(record.pointee.count)) { sorted in
            var count = 0
            var next = record.pointee.contacts
            while let contact = next {
                next = contact.pointee.next
                guard wantsAll || !contact.pointee.isOver(now),
                    query.ruid.isEmpty || contact.ruid.equals(query.ruid)
                else { continue }
                (sorted.baseAddress! + count).initialize(to: contact)
                count += 1
                if !settings.pointee.ordersByTime { sink(sorted, count - 1) }
            }
            guard count > 0 else { return made }
            guard let memory = allocate(count * MemoryLayout<usrloc_contact>.stride) else { return nil }
            let contacts = memory.bindMemory(to: usrloc_contact.self, capacity: count)
            for index in 0..<count {
                guard let contact = sorted[index].copy(names, allocate) else { return nil }
                (contacts + index).initialize(to: contact)
            }
            made.pointee.contacts = UnsafePointer(contacts)
            made.pointee.count = UInt32(count)
            return made
        }
    }

    /// The last one goes in front of those with a lower q.
    private func sink(_ sorted: UnsafeMutableBufferPointer<ContactRef>, _ last: Int) {
        let contact = sorted[last]
        var place = last
        while place > 0, sorted[place - 1].pointee.q < contact.pointee.q {
            sorted[place] = sorted[place - 1]
            place -= 1
        }
        sorted[place] = contact
    }

    /// A contact is over from now on: it is taken out with those whose time has come.
    public func expire(_ hash: UInt64, _ ruid: apus_str, now: Int64) -> Bool {
        let now = UInt32(clamping: now)
        return stripe(hash).locked { stripe in
            guard let record = stripe.pointee.first(hash, where: { $0.contact(named: ruid) != nil }),
                let contact = record.contact(named: ruid), !contact.pointee.isOver(now)
            else { return false }
            stripe.pointee.expire(contact, now, settings.pointee.keepsExpired)
            return true
        }
    }

    /// The contacts of a connection that has ended are over from now on, up to about so many. False: those were the last.
    public func lose(_ connection: UInt64, limit: Int, now: Int64) -> Bool {
        guard let connections else { return false }
        let now = UInt32(clamping: now)
        for _ in 0..<limit {
            guard let hash = connections.takeOne(connection) else { return false }
            stripe(hash).locked { stripe in
                _ = stripe.pointee.first(hash) { record in
                    var next = record.pointee.contacts
                    while let contact = next {
                        next = contact.pointee.next
                        guard contact.pointee.connection == connection, !contact.pointee.isOver(now) else { continue }
                        stripe.pointee.expire(contact, now, settings.pointee.keepsExpired)
                    }
                    return false
                }
            }
        }
        return true
    }

    /// One contact has answered a ping.
    public func refresh(_ hash: UInt64, _ ruid: apus_str, roundTrip: UInt32, now: Int64) -> Bool {
        stripe(hash).locked { stripe in
            guard let record = stripe.pointee.first(hash, where: { $0.contact(named: ruid) != nil }),
                let contact = record.contact(named: ruid), !contact.pointee.isOver(UInt32(clamping: now))
            else { return false }
            contact.pointee.lastKeepalive = UInt32(clamping: now)
            contact.pointee.roundTrip = roundTrip
            return true
        }
    }

    // MARK: - Walking

    public struct Seen {
        public let aor: apus_str
        public let hash: UInt64
        public let contact: usrloc_contact

        public init(aor: apus_str, hash: UInt64, contact: usrloc_contact) {
            self.aor = aor
            self.hash = hash
            self.contact = contact
        }
    }

    /// Contacts of the next buckets, up to about so many addresses, in memory of the arena. False: those were the last. A part is every so manyth
    /// stripe.
    /// - Parameter place: how many stripes are behind, and the bucket; 0 and 0 at first.
    public func slice(
        _ visit: usrloc_visit, place: inout (UInt64, UInt64), now: Int64, includesExpired: Bool, _ arena: CopyArena,
        _ seen: inout [Seen]
    ) -> Bool {
        let now = UInt32(clamping: now)
        var left = visit.limit == 0 ? 200 : Int(visit.limit)
        let parts = visit.parts == 0 ? 1 : UInt64(visit.parts)
        let first = visit.parts == 0 ? 0 : UInt64(visit.part)
        guard first < UInt64(LocationTable.stripeCount) else { return false }
        let count = (UInt64(LocationTable.stripeCount) - first + parts - 1) / parts
        // In 2^-32ths of a stripe.
        let end = visit.until == 0 ? count << 32 : UInt64(visit.until) * count
        while place.0 < count, place.0 << 32 < end {
            let isDone = (stripes + Int(first + place.0 * parts)).locked { stripe in
                let buckets = UInt64(stripe.pointee.mask) + 1
                let last = (min(1 << 32, end - (place.0 << 32)) * buckets) >> 32
                // Empty buckets cost something, too.
                var budget = left * 16
                while place.1 < last, left > 0, budget > 0 {
                    stripe.pointee.forEach(inBucket: Int(place.1)) { record in
                        left -= 1
                        collect(record, visit.cflags, now, includesExpired, arena, &seen)
                    }
                    place.1 += 1
                    budget -= 1
                }
                return place.1 >= buckets
            }
            guard isDone else { return true }
            place = (place.0 + 1, 0)
            if left <= 0 { return place.0 < count }
        }
        return place.0 < count
    }

    private func collect(
        _ record: RecordRef, _ cflags: UInt32, _ now: UInt32, _ includesExpired: Bool, _ arena: CopyArena,
        _ seen: inout [Seen]
    ) {
        var aor: apus_str?
        var next = record.pointee.contacts
        while let contact = next {
            next = contact.pointee.next
            guard includesExpired || !contact.pointee.isOver(now),
                cflags == 0 || contact.pointee.cflags & cflags != 0,
                let copy = contact.copy(names, arena.allocate)
            else { continue }
            let key = aor ?? arena.copy(record.key)
            aor = key
            seen.append(Seen(aor: key, hash: record.pointee.hash, contact: copy))
        }
    }
}

extension UnsafeMutablePointer<StoredRecord> {
    func contact(named ruid: apus_str) -> ContactRef? {
        var next = pointee.contacts
        while let contact = next {
            if contact.ruid.equals(ruid) { return contact }
            next = contact.pointee.next
        }
        return nil
    }
}

/// Memory for copies, given back all at once when it goes. One thread's.
public final class CopyArena {
    private var chunks: [UnsafeMutableRawPointer] = []
    private var next: UnsafeMutableRawPointer?
    private var left = 0

    public init() {}

    deinit { for chunk in chunks { chunk.deallocate() } }

    /// Aligned to 8 bytes.
    public func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        let size = (size + 7) & ~7
        if size > left {
            let room = max(size, chunks.isEmpty ? 4096 : 32768)
            let chunk = UnsafeMutableRawPointer.allocate(byteCount: room, alignment: 16)
            chunks.append(chunk)
            (next, left) = (chunk, room)
        }
        guard let place = next else { return nil }
        next = place + size
        left -= size
        return place
    }

    public func copy(_ text: apus_str) -> apus_str {
        guard text.len > 0, let start = text.s, let place = allocate(text.len) else { return "" }
        place.copyMemory(from: start, byteCount: text.len)
        return apus_str(s: UnsafePointer(place.assumingMemoryBound(to: CChar.self)), len: text.len)
    }
}
