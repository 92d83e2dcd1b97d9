import Glibc
import Synchronization

// Invariants: a linked entry lies in memory of its connection's worker, which unlinks it before it frees it; everything but the atomics
// is constant while it is linked. Locks are held for a walk along one chain, never across a call to anything else.

/// What all workers may know of a connection: where it leads. One entry for the peer's address, and one for each alias.
struct ConnectionEntry: ~Copyable {
    enum Phase: UInt8 {
        case connecting
        case open
        /// The last bytes are on their way; nothing new is taken.
        case ending
    }

    let id: ConnectionID
    let listener: Listener
    /// What it is found by.
    fileprivate(set) var address: SocketAddress
    fileprivate(set) var remote: SocketAddress
    let local: SocketAddress
    let isOutgoing: Bool
    let isAlias: Bool
    let phase: Atomic<UInt8>
    /// When something came or went last, milliseconds of the monotonic clock.
    let lastActive: Atomic<UInt64>
    fileprivate var next: UnsafeMutablePointer<ConnectionEntry>?
    fileprivate var isLinked = false

    init(
        id: ConnectionID, listener: Listener, address: SocketAddress, remote: SocketAddress, local: SocketAddress,
        isOutgoing: Bool, isAlias: Bool, phase: Phase, now: UInt64
    ) {
        self.id = id
        self.listener = listener
        self.address = address
        self.remote = remote
        self.local = local
        self.isOutgoing = isOutgoing
        self.isAlias = isAlias
        self.phase = Atomic(phase.rawValue)
        lastActive = Atomic(now)
    }
}

/// The connections of all workers by the peer's address and port, and how many each address has. Shared by all threads.
struct ConnectionTable: ~Copyable {
    private struct Peer {
        var address: SocketAddress
        var count: Int
        var next: UnsafeMutablePointer<Peer>?
    }

    private static let lockCount = 64

    private let entries: UnsafeMutablePointer<UnsafeMutablePointer<ConnectionEntry>?>
    private let peers: UnsafeMutablePointer<UnsafeMutablePointer<Peer>?>
    private let locks: UnsafeMutablePointer<pthread_mutex_t>
    private let mask: Int
    private let key = Syscalls.random()

    /// - Parameter connections: that there will be at most.
    init(connections: Int) {
        var size = ConnectionTable.lockCount
        while size < connections, size < 1 << 20 { size *= 2 }
        mask = size - 1
        entries = .allocate(capacity: size)
        entries.initialize(repeating: nil, count: size)
        peers = .allocate(capacity: size)
        peers.initialize(repeating: nil, count: size)
        locks = .allocate(capacity: ConnectionTable.lockCount)
        for i in 0..<ConnectionTable.lockCount { pthread_mutex_init(locks + i, nil) }
    }

    deinit {
        for bucket in 0...mask {
            while let peer = peers[bucket] {
                peers[bucket] = peer.pointee.next
                peer.deallocate()
            }
        }
        for i in 0..<ConnectionTable.lockCount { pthread_mutex_destroy(locks + i) }
        entries.deallocate()
        peers.deallocate()
        locks.deallocate()
    }

    /// A connection to that address and port that takes messages.
    ///
    /// A call stays with one worker, and its messages must stay on one connection to keep their order. So a worker's own connection comes before
    /// those of others; of the others' that were opened at once, because nobody knew of the other's yet, the first; and of those that the peer has
    /// opened the last, the likeliest to be alive.
    /// - Parameters:
    ///   - listener: preferred to others; with `only` no other one serves.
    ///   - worker: who asks.
    func find(_ address: SocketAddress, _ listener: Listener, only: Bool, worker: Int) -> ConnectionID? {
        let bucket = self.bucket(address)
        return locked(bucket) {
            var found: ConnectionID?
            var best = -1
            var next = entries[bucket]
            while let entry = next {
                next = entry.pointee.next
                guard entry.pointee.address == address, entry.pointee.listener.proto == listener.proto else { continue }
                let isSame = entry.pointee.listener == listener
                guard isSame || !only else { continue }
                let isOwn = entry.pointee.id.worker == worker
                let isOutgoing = entry.pointee.isOutgoing
                let rank = (isSame ? 4 : 0) + (isOwn ? 2 : 0) + (isOutgoing ? 0 : 1)
                // Along the chain they become older.
                if rank > best || (rank == best && isOutgoing && !isOwn) {
                    best = rank
                    found = entry.pointee.id
                }
            }
            return found
        }
    }

    /// The newest comes first.
    func link(_ entry: UnsafeMutablePointer<ConnectionEntry>) {
        let bucket = self.bucket(entry.pointee.address)
        locked(bucket) {
            entry.pointee.next = entries[bucket]
            entry.pointee.isLinked = true
            entries[bucket] = entry
        }
    }

    /// Nobody finds it any more.
    func unlink(_ entry: UnsafeMutablePointer<ConnectionEntry>) {
        let bucket = self.bucket(entry.pointee.address)
        locked(bucket) {
            guard entry.pointee.isLinked else { return }
            entry.pointee.isLinked = false
            guard let first = entries[bucket] else { return }
            if first == entry {
                entries[bucket] = entry.pointee.next
                return
            }
            var at = first
            while let next = at.pointee.next {
                if next == entry {
                    at.pointee.next = entry.pointee.next
                    return
                }
                at = next
            }
        }
    }

    /// Calls `body` for every entry, with its chain locked: it must be short and call nothing.
    func visit(_ body: (borrowing ConnectionEntry) -> Void) {
        for bucket in 0...mask {
            locked(bucket) {
                var next = entries[bucket]
                while let entry = next {
                    body(entry.pointee)
                    next = entry.pointee.next
                }
            }
        }
    }

    /// The connection is found by another address from now on.
    func move(_ entry: UnsafeMutablePointer<ConnectionEntry>, to address: SocketAddress) {
        unlink(entry)
        entry.pointee.address = address
        entry.pointee.remote = address
        link(entry)
    }

    /// One more accepted connection of that address, unless it has `limit`; 0: no limit.
    func admit(_ address: SocketAddress, limit: Int) -> Bool {
        guard limit > 0 else { return true }
        var plain = address
        plain.port = 0
        let bucket = self.bucket(plain)
        return locked(bucket) {
            var next = peers[bucket]
            while let peer = next {
                if peer.pointee.address == plain {
                    guard peer.pointee.count < limit else { return false }
                    peer.pointee.count += 1
                    return true
                }
                next = peer.pointee.next
            }
            let peer = UnsafeMutablePointer<Peer>.allocate(capacity: 1)
            peer.initialize(to: Peer(address: plain, count: 1, next: peers[bucket]))
            peers[bucket] = peer
            return true
        }
    }

    /// An admitted connection has ended.
    func leave(_ address: SocketAddress) {
        var plain = address
        plain.port = 0
        let bucket = self.bucket(plain)
        locked(bucket) {
            var previous: UnsafeMutablePointer<Peer>?
            var next = peers[bucket]
            while let peer = next {
                next = peer.pointee.next
                guard peer.pointee.address == plain else {
                    previous = peer
                    continue
                }
                peer.pointee.count -= 1
                guard peer.pointee.count == 0 else { return }
                if let previous { previous.pointee.next = next } else { peers[bucket] = next }
                peer.deallocate()
                return
            }
        }
    }

    @inline(__always)
    private func bucket(_ address: SocketAddress) -> Int { Int(truncatingIfNeeded: address.hash(key: key)) & mask }

    @inline(__always) @_semantics("no_performance_analysis")
    private func locked<R>(_ bucket: Int, _ body: () -> R) -> R {
        let lock = locks + (bucket & (ConnectionTable.lockCount - 1))
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return body()
    }
}
