import Glibc

// Invariants: an entry is made by `add`, stands in one bucket from then on, and is freed by `remove` only. It is linked into the order of use
// exactly when `isIdle`: nobody asks for it or waits for it, so it may go. `records` holds `recordBytes` bytes; when an answer has failed the old
// records stay where they are with a count of 0, since somebody may be reading them, until another answer brings new ones.

/// One question, what was answered, and who waits for that.
struct DNSEntry {
    fileprivate var nextInBucket: UnsafeMutablePointer<DNSEntry>?
    fileprivate var older: UnsafeMutablePointer<DNSEntry>?
    fileprivate var newer: UnsafeMutablePointer<DNSEntry>?
    fileprivate let hash: UInt64
    /// Whoever puts the question to the servers: callbacks get the entry only.
    let asker: UnsafeMutableRawPointer
    let type: DNSType
    let nameCount: UInt8
    fileprivate(set) var isIdle = false
    /// It never goes and is never asked for again.
    var isPermanent = false
    /// c-ares has the question.
    var isAsked = false
    /// In the list of those whose waiters are to be told.
    var isTold = false
    var nextTold: UnsafeMutablePointer<DNSEntry>?
    var firstWaiter: UnsafeMutablePointer<LocationWait>?
    var lastWaiter: UnsafeMutablePointer<LocationWait>?
    /// When those who wait have waited long enough.
    var deadline: TimerNode
    /// Milliseconds: when it was asked.
    var askedAt: UInt64 = 0

    // The answer.
    var status = ResolverStatus.noData
    /// The how many-th answer this was; 0: there was none yet.
    var sequence: UInt64 = 0
    /// Milliseconds: until then it answers new questions.
    var expires: UInt64 = 0
    /// Milliseconds: when it last answered a question from memory, or was answered itself.
    var usedAt: UInt64 = 0
    private(set) var recordCount = 0
    fileprivate var records: UnsafeMutableRawPointer?
    fileprivate var recordBytes = 0

    fileprivate init(
        _ hash: UInt64, _ asker: UnsafeMutableRawPointer, _ type: DNSType, _ nameCount: Int, _ deadline: TimerNode
    ) {
        self.hash = hash
        self.asker = asker
        self.type = type
        self.nameCount = UInt8(nameCount)
        self.deadline = deadline
    }

    fileprivate mutating func setCount(_ count: Int) { recordCount = count }
}

extension UnsafeMutablePointer<DNSEntry> {
    /// In small letters.
    var name: Bytes {
        let start = UnsafeRawPointer(self) + MemoryLayout<DNSEntry>.stride
        return Bytes(start.assumingMemoryBound(to: UInt8.self), Int(pointee.nameCount))
    }

    /// Of an A or AAAA entry; port 0.
    func address(_ index: Int) -> SocketAddress {
        pointee.records.unsafelyUnwrapped.assumingMemoryBound(to: SocketAddress.self)[index]
    }

    /// Of an SRV or NAPTR entry. It stays where it is as long as the caller does not return to the loop.
    var records: UnsafeRawPointer { UnsafeRawPointer(pointee.records.unsafelyUnwrapped) }

    /// Bytes that it takes.
    var size: Int { MemoryLayout<DNSEntry>.stride + Int(pointee.nameCount) + pointee.recordBytes }
}

/// Answers by name and type, in plain memory, with a bound: those unused for longest make room.
struct DNSCache {
    private let buckets: UnsafeMutablePointer<UnsafeMutablePointer<DNSEntry>?>
    private let mask: UInt64
    private let key = SipKey.random()
    /// Bytes that idle entries may take; `trim` sees to it.
    var limit: Int
    /// Answers that were forgotten to make room.
    var evictions: UInt64 = 0
    /// Bytes taken, those under way among them.
    private(set) var bytes = 0
    private(set) var count = 0
    private var oldest: UnsafeMutablePointer<DNSEntry>?
    private var newest: UnsafeMutablePointer<DNSEntry>?

    /// - Parameter bytes: what idle entries may take.
    init(bytes: Int) {
        limit = bytes
        var size = 256
        while size < 65536, size * 512 < bytes { size *= 2 }
        mask = UInt64(size - 1)
        buckets = .allocate(capacity: size)
        buckets.initialize(repeating: nil, count: size)
    }

    /// - Parameter name: in small letters.
    func find(_ name: Bytes, _ type: DNSType) -> UnsafeMutablePointer<DNSEntry>? {
        let hash = key.hash(name) &+ UInt64(type.rawValue)
        var node = buckets[Int(truncatingIfNeeded: hash & mask)]
        while let entry = node {
            if entry.pointee.hash == hash, entry.pointee.type == type, entry.name == name { return entry }
            node = entry.pointee.nextInBucket
        }
        return nil
    }

    /// A new entry, of which nothing is known. Precondition: `find` has found none.
    mutating func add(
        _ name: Bytes, _ type: DNSType, asker: UnsafeMutableRawPointer, deadline: @escaping TimerWheel.Callback
    ) -> UnsafeMutablePointer<DNSEntry> {
        let hash = key.hash(name) &+ UInt64(type.rawValue)
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: MemoryLayout<DNSEntry>.stride + name.count, alignment: MemoryLayout<DNSEntry>.alignment)
        (memory + MemoryLayout<DNSEntry>.stride).copyMemory(from: name.start, byteCount: name.count)
        let entry = memory.bindMemory(to: DNSEntry.self, capacity: 1)
        entry.initialize(to: DNSEntry(hash, asker, type, name.count, TimerNode(context: entry, fire: deadline)))
        let bucket = Int(truncatingIfNeeded: hash & mask)
        entry.pointee.nextInBucket = buckets[bucket]
        buckets[bucket] = entry
        bytes += entry.size
        count += 1
        return entry
    }

    /// The answer is there: so many records in `memory`.
    mutating func store(_ entry: UnsafeMutablePointer<DNSEntry>, _ memory: UnsafeRawPointer?, _ size: Int, count: Int) {
        entry.pointee.setCount(count)
        guard let memory, count > 0 else { return }
        bytes += size - entry.pointee.recordBytes
        entry.pointee.records?.deallocate()
        let copy = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 8)
        copy.copyMemory(from: memory, byteCount: size)
        entry.pointee.records = copy
        entry.pointee.recordBytes = size
    }

    // MARK: - The order of use

    /// It has been used, `now`.
    mutating func touch(_ entry: UnsafeMutablePointer<DNSEntry>, now: UInt64) {
        entry.pointee.usedAt = now
        guard entry.pointee.isIdle, entry != newest else { return }
        unlink(entry)
        link(entry)
    }

    /// Nobody asks for it any more: it may go when others need the room.
    mutating func rest(_ entry: UnsafeMutablePointer<DNSEntry>) {
        guard !entry.pointee.isIdle, !entry.pointee.isPermanent else { return }
        entry.pointee.isIdle = true
        link(entry)
    }

    /// Somebody asks for it again.
    mutating func wake(_ entry: UnsafeMutablePointer<DNSEntry>) {
        guard entry.pointee.isIdle else { return }
        entry.pointee.isIdle = false
        unlink(entry)
    }

    private mutating func link(_ entry: UnsafeMutablePointer<DNSEntry>) {
        entry.pointee.older = newest
        entry.pointee.newer = nil
        if let newest { newest.pointee.newer = entry } else { oldest = entry }
        newest = entry
    }

    private mutating func unlink(_ entry: UnsafeMutablePointer<DNSEntry>) {
        if let older = entry.pointee.older {
            older.pointee.newer = entry.pointee.newer
        } else {
            oldest = entry.pointee.newer
        }
        if let newer = entry.pointee.newer {
            newer.pointee.older = entry.pointee.older
        } else {
            newest = entry.pointee.older
        }
    }

    /// Frees idle entries, the one unused for longest first, until the bound holds. Nobody may hold an entry.
    mutating func trim(_ wheel: TimerWheel) {
        while bytes > limit, let entry = oldest {
            remove(entry, wheel)
            evictions &+= 1
        }
    }

    /// Shows every entry to `body`, which does not change the cache.
    func visit(_ body: (UnsafeMutablePointer<DNSEntry>) -> Void) {
        for bucket in 0...Int(mask) {
            var next = buckets[bucket]
            while let entry = next {
                next = entry.pointee.nextInBucket
                body(entry)
            }
        }
    }

    /// Forgets an answer. Precondition: nobody is in the middle of a look-up; somebody may wait for one.
    mutating func forget(_ entry: UnsafeMutablePointer<DNSEntry>, _ wheel: TimerWheel) {
        if entry.pointee.isPermanent { return }
        if entry.pointee.isIdle, !entry.pointee.isTold { remove(entry, wheel) } else { entry.pointee.expires = 0 }
    }

    /// Frees everything; the cache is of no use afterwards. Nobody asks any more.
    mutating func end(_ wheel: TimerWheel) {
        for bucket in 0...Int(mask) {
            while let entry = buckets[bucket] { remove(entry, wheel) }
        }
        buckets.deallocate()
    }

    private mutating func remove(_ entry: UnsafeMutablePointer<DNSEntry>, _ wheel: TimerWheel) {
        if entry.pointee.isIdle { unlink(entry) }
        var link = buckets + Int(truncatingIfNeeded: entry.pointee.hash & mask)
        while let node = link.pointee, node != entry {
            link = node.pointer(to: \.nextInBucket).unsafelyUnwrapped
        }
        link.pointee = entry.pointee.nextInBucket
        bytes -= entry.size
        count -= 1
        wheel.remove(entry.pointer(to: \.deadline).unsafelyUnwrapped)
        entry.pointee.records?.deallocate()
        UnsafeMutableRawPointer(entry).deallocate()
    }
}
