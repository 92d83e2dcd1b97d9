import Glibc

// Invariants: everything is read and written under the mutex of the part that a connection belongs to, which is the last lock to be taken: nothing is called
// while it is held. A node belongs to its contact, which gives it back; it is in the list of its connection until it is taken out of it, once.

typealias ConnectionNodeRef = UnsafeMutablePointer<ConnectionNode>

/// A contact that came over a connection.
struct ConnectionNode {
    let connection: UInt64
    /// Of the address of record.
    let hash: UInt64
    fileprivate var next: ConnectionNodeRef?
    fileprivate var previous: ConnectionNodeRef?
    fileprivate var isListed = true
}

/// Whose contacts came over which connection, so that nobody has to look for them when it ends.
struct ConnectionIndex: @unchecked Sendable {
    /// The contacts of one connection, newest first.
    fileprivate struct Head {
        let connection: UInt64
        var first: ConnectionNodeRef?
        var next: UnsafeMutablePointer<Head>?
    }

    fileprivate struct Part {
        var mutex = pthread_mutex_t()
        var buckets: UnsafeMutablePointer<UnsafeMutablePointer<Head>?>
        var mask: Int
        var count = 0

        init() {
            mask = 15
            buckets = .allocate(capacity: 16)
            buckets.initialize(repeating: nil, count: 16)
        }
    }

    private static let partCount = 64
    private let parts: UnsafeMutablePointer<Part>
    /// Whether a connection is there: 1.
    let isOpen: @convention(c) (UInt64) -> CInt

    init(_ isOpen: @escaping @convention(c) (UInt64) -> CInt) {
        self.isOpen = isOpen
        parts = .allocate(capacity: ConnectionIndex.partCount)
        for index in 0..<ConnectionIndex.partCount {
            (parts + index).initialize(to: Part())
            pthread_mutex_init(mutex(parts + index), nil)
        }
    }

    private func mutex(_ part: UnsafeMutablePointer<Part>) -> UnsafeMutablePointer<pthread_mutex_t> {
        UnsafeMutableRawPointer(part).assumingMemoryBound(to: pthread_mutex_t.self)
    }

    /// Numbers of connections count up: their bits are mixed.
    fileprivate static func mix(_ connection: UInt64) -> UInt64 {
        (connection ^ connection >> 31) &* 0x9e37_79b9_7f4a_7c15
    }

    private func locked<Result>(
        _ connection: UInt64, _ body: (UnsafeMutablePointer<Part>) -> Result
    ) -> Result {
        let part = parts + Int(ConnectionIndex.mix(connection) >> 58)
        pthread_mutex_lock(mutex(part))
        defer { pthread_mutex_unlock(mutex(part)) }
        return body(part)
    }

    // MARK: - Contacts

    /// A contact of a connection; nil: memory is out.
    func add(_ connection: UInt64, _ hash: UInt64) -> ConnectionNodeRef? {
        guard let memory = malloc(MemoryLayout<ConnectionNode>.stride) else { return nil }
        let node = memory.bindMemory(to: ConnectionNode.self, capacity: 1)
        node.initialize(to: ConnectionNode(connection: connection, hash: hash))
        locked(connection) { part in
            let head = part.pointee.find(connection) ?? part.pointee.insert(connection)
            node.pointee.next = head.pointee.first
            head.pointee.first?.pointee.previous = node
            head.pointee.first = node
        }
        return node
    }

    func remove(_ node: ConnectionNodeRef) {
        locked(node.pointee.connection) { part in if node.pointee.isListed { part.pointee.unlist(node) } }
        free(node)
    }

    /// The address of one contact of the connection, which is in its list no more; nil: there is none left.
    func takeOne(_ connection: UInt64) -> UInt64? {
        locked(connection) { part in
            guard let node = part.pointee.find(connection)?.pointee.first else { return nil }
            part.pointee.unlist(node)
            return node.pointee.hash
        }
    }
}

extension ConnectionIndex.Part {
    fileprivate typealias Head = ConnectionIndex.Head

    private func bucket(_ connection: UInt64) -> UnsafeMutablePointer<UnsafeMutablePointer<Head>?> {
        buckets + (Int(truncatingIfNeeded: ConnectionIndex.mix(connection)) & mask)
    }

    fileprivate func find(_ connection: UInt64) -> UnsafeMutablePointer<Head>? {
        var next = bucket(connection).pointee
        while let head = next, head.pointee.connection != connection { next = head.pointee.next }
        return next
    }

    fileprivate mutating func insert(_ connection: UInt64) -> UnsafeMutablePointer<Head> {
        if count > mask { grow() }
        let place = bucket(connection)
        let head = UnsafeMutablePointer<Head>.allocate(capacity: 1)
        head.initialize(to: Head(connection: connection, first: nil, next: place.pointee))
        place.pointee = head
        count += 1
        return head
    }

    fileprivate mutating func unlist(_ node: ConnectionNodeRef) {
        node.pointee.isListed = false
        node.pointee.next?.pointee.previous = node.pointee.previous
        if let previous = node.pointee.previous {
            previous.pointee.next = node.pointee.next
            return
        }
        guard let head = find(node.pointee.connection) else { return }
        head.pointee.first = node.pointee.next
        if head.pointee.first == nil { drop(head) }
    }

    private mutating func drop(_ head: UnsafeMutablePointer<Head>) {
        let place = bucket(head.pointee.connection)
        if place.pointee == head {
            place.pointee = head.pointee.next
        } else {
            var before = place.pointee
            while let one = before, one.pointee.next != head { before = one.pointee.next }
            before?.pointee.next = head.pointee.next
        }
        head.deallocate()
        count -= 1
    }

    private mutating func grow() {
        let old = (buckets, mask)
        mask = mask * 2 + 1
        buckets = .allocate(capacity: mask + 1)
        buckets.initialize(repeating: nil, count: mask + 1)
        for index in 0...old.1 {
            var next = old.0[index]
            while let head = next {
                next = head.pointee.next
                let place = bucket(head.pointee.connection)
                head.pointee.next = place.pointee
                place.pointee = head
            }
        }
        old.0.deallocate()
    }
}
