import PluginKit

// Invariants: one table a worker, touched by its thread only. A transaction is in it from `insert` to `remove`: at its place, and in the
// bucket of its hash when it has a server side. Places are reused, newest first. The memory is the worker's for ever.

/// The transactions of one worker: by place, for replies, and by the key of RFC 3261 section 17.2.3, for requests.
struct Table {
    /// Places that there can be: transactions of one worker at most.
    static let limit = 1 << 22
    private static let block = 4096
    static let bucketCount = 1 << 16

    private let blocks: UnsafeMutablePointer<UnsafeMutablePointer<TransactionRef?>?>
    private var placeCount: UInt32 = 0
    /// Free places, each holding the number of the next one.
    private var freePlaces: UnsafeMutablePointer<UInt32>
    private var freeCount = 0
    private var freeCapacity = 0
    private let buckets: UnsafeMutablePointer<Bucket>

    private struct Bucket {
        var first: TransactionRef?
        /// Transactions that were ever in it.
        var total: UInt64 = 0
    }

    init() {
        blocks = .allocate(capacity: Table.limit / Table.block)
        blocks.initialize(repeating: nil, count: Table.limit / Table.block)
        buckets = .allocate(capacity: Table.bucketCount)
        buckets.initialize(repeating: Bucket(), count: Table.bucketCount)
        freePlaces = .allocate(capacity: 1)
    }

    /// The transaction at that place; nil when it is free.
    @inline(__always)
    subscript(_ place: UInt32) -> TransactionRef? {
        guard place < placeCount, let block = blocks[Int(place) / Table.block] else { return nil }
        return block[Int(place) % Table.block]
    }

    /// The first transaction in the bucket of that hash: follow `nextInBucket`.
    @inline(__always)
    func first(_ hash: UInt64) -> TransactionRef? { buckets[Int(hash % UInt64(Table.bucketCount))].first }

    /// How many transactions a bucket has, and has ever had.
    func counts(ofBucket bucket: Int) -> (current: UInt64, total: UInt64) {
        var current: UInt64 = 0
        var next = buckets[bucket].first
        while let transaction = next {
            current += 1
            next = transaction.pointee.nextInBucket
        }
        return (current, buckets[bucket].total)
    }

    /// Gives the transaction a place. False when there are too many.
    mutating func insert(_ transaction: TransactionRef) -> Bool {
        let place: UInt32
        if freeCount > 0 {
            freeCount -= 1
            place = freePlaces[freeCount]
        } else {
            guard placeCount < UInt32(Table.limit) else { return false }
            place = placeCount
            if Int(place) % Table.block == 0 { addBlock() }
            placeCount += 1
        }
        blocks[Int(place) / Table.block].unsafelyUnwrapped[Int(place) % Table.block] = transaction
        transaction.pointee.place = place
        return true
    }

    /// Lets retransmissions find it by its hash, if it has one.
    mutating func link(_ transaction: TransactionRef) {
        guard let hash = transaction.pointee.hash else { return }
        let bucket = Int(hash % UInt64(Table.bucketCount))
        transaction.pointee.nextInBucket = buckets[bucket].first
        buckets[bucket].first = transaction
        buckets[bucket].total &+= 1
    }

    /// Out of its bucket, if it has a hash.
    mutating func unlink(_ transaction: TransactionRef) {
        guard let hash = transaction.pointee.hash else { return }
        let bucket = buckets + Int(hash % UInt64(Table.bucketCount))
        var link = bucket.pointer(to: \.first).unsafelyUnwrapped
        while let candidate = link.pointee {
            if candidate == transaction {
                link.pointee = transaction.pointee.nextInBucket
                transaction.pointee.nextInBucket = nil
                return
            }
            link = candidate.pointer(to: \.nextInBucket).unsafelyUnwrapped
        }
    }

    /// Frees its place.
    mutating func remove(_ transaction: TransactionRef) {
        let place = transaction.pointee.place
        blocks[Int(place) / Table.block].unsafelyUnwrapped[Int(place) % Table.block] = nil
        freePlaces[freeCount] = place
        freeCount += 1
    }

    /// Places that were ever taken: transactions are at those below this one.
    var places: UInt32 { placeCount }
    /// How many transactions are in it.
    var used: UInt32 { placeCount - UInt32(freeCount) }

    /// Calls `body` for every transaction. It must not begin or end one.
    func visit(_ body: (TransactionRef) -> Void) {
        for place in 0..<placeCount {
            if let transaction = self[place] { body(transaction) }
        }
    }

    /// Room for as many more transactions, and for all their places when they are free.
    @inline(never)
    private mutating func addBlock() {
        let block = UnsafeMutablePointer<TransactionRef?>.allocate(capacity: Table.block)
        block.initialize(repeating: nil, count: Table.block)
        blocks[Int(placeCount) / Table.block] = block
        let grown = UnsafeMutablePointer<UInt32>.allocate(capacity: freeCapacity + Table.block)
        grown.update(from: freePlaces, count: freeCount)
        freePlaces.deallocate()
        freePlaces = grown
        freeCapacity += Table.block
    }
}
