import Synchronization

// Invariants: used under the lock of the record that it is part of. Each destination in it is in exactly one bucket, that of its number of calls;
// buckets are in the order of their numbers and never empty. There are as many buckets, used and spare, as destinations have joined, so that moving
// one takes no memory.

/// The destinations with one number of calls.
struct Bucket {
    var load: Int
    var previous: BucketRef?
    var next: BucketRef?
    /// Those that may be selected, in the order in which they got this number.
    var first: CellRef?
    var last: CellRef?
    /// How many others there are: they cannot be selected, and need no order.
    var shutCount = 0

    var isEmpty: Bool { first == nil && shutCount == 0 }
}

typealias BucketRef = UnsafeMutablePointer<Bucket>

/// The destinations of a set by their numbers of calls. A call begins or ends in constant time: its destination goes to the next bucket.
struct LoadOrder {
    private var first: BucketRef?
    private var spare: BucketRef?

    /// The destination with the least calls of those that may be selected; of several, the one that has had this number for the longest time.
    var least: CellRef? {
        var next = first
        while let bucket = next {
            if let cell = bucket.pointee.first { return cell }
            next = bucket.pointee.next
        }
        return nil
    }

    /// A destination of the set from now on.
    mutating func join(_ cell: CellRef) {
        guard cell.pointee.order.bucket == nil else { return refresh(cell) }
        let bucket = BucketRef.allocate(capacity: 1)
        bucket.initialize(to: Bucket(load: 0))
        keep(bucket)
        let load = cell.load
        var before: BucketRef?
        var next = first
        while let bucket = next, bucket.pointee.load < load { (before, next) = (bucket, bucket.pointee.next) }
        if let next, next.pointee.load == load {
            attach(cell, to: next)
        } else {
            attach(cell, to: insert(load, behind: before))
        }
    }

    /// None of the set any more. Calls that are counted on it end without the order.
    mutating func leave(_ cell: CellRef) {
        guard let bucket = cell.pointee.order.bucket else { return }
        detach(cell, from: bucket)
        if bucket.pointee.isEmpty { remove(bucket) }
        guard let one = spare else { return }
        spare = one.pointee.next
        one.deallocate()
    }

    /// It can be selected now, or cannot any more.
    mutating func refresh(_ cell: CellRef) {
        guard let bucket = cell.pointee.order.bucket, cell.pointee.order.isOpen != cell.mayBeSelected else { return }
        detach(cell, from: bucket)
        attach(cell, to: bucket)
    }

    /// One call more or less.
    mutating func move(_ cell: CellRef, by change: Int) {
        let load = cell.pointee.calls.add(change, ordering: .relaxed).newValue
        guard let old = cell.pointee.order.bucket else { return }
        detach(cell, from: old)
        let neighbour = change > 0 ? old.pointee.next : old.pointee.previous
        if let neighbour, neighbour.pointee.load == load {
            attach(cell, to: neighbour)
        } else if old.pointee.isEmpty {
            old.pointee.load = load
            return attach(cell, to: old)
        } else {
            attach(cell, to: insert(load, behind: change > 0 ? old : old.pointee.previous))
        }
        if old.pointee.isEmpty { remove(old) }
    }

    /// Nobody uses the set any more.
    mutating func end() {
        while let bucket = first {
            first = bucket.pointee.next
            bucket.deallocate()
        }
        while let bucket = spare {
            spare = bucket.pointee.next
            bucket.deallocate()
        }
    }

    // MARK: - Buckets

    private mutating func keep(_ bucket: BucketRef) {
        bucket.pointee.next = spare
        spare = bucket
    }

    /// Precondition: there is a spare one.
    private mutating func insert(_ load: Int, behind before: BucketRef?) -> BucketRef {
        let bucket = spare.unsafelyUnwrapped
        spare = bucket.pointee.next
        let next = before == nil ? first : before.unsafelyUnwrapped.pointee.next
        bucket.pointee = Bucket(load: load, previous: before, next: next)
        if let before { before.pointee.next = bucket } else { first = bucket }
        next?.pointee.previous = bucket
        return bucket
    }

    private mutating func remove(_ bucket: BucketRef) {
        if let previous = bucket.pointee.previous {
            previous.pointee.next = bucket.pointee.next
        } else {
            first = bucket.pointee.next
        }
        bucket.pointee.next?.pointee.previous = bucket.pointee.previous
        keep(bucket)
    }

    private func attach(_ cell: CellRef, to bucket: BucketRef) {
        cell.pointee.order.bucket = bucket
        cell.pointee.order.isOpen = cell.mayBeSelected
        guard cell.pointee.order.isOpen else {
            bucket.pointee.shutCount += 1
            return
        }
        cell.pointee.order.previous = bucket.pointee.last
        cell.pointee.order.next = nil
        if let last = bucket.pointee.last { last.pointee.order.next = cell } else { bucket.pointee.first = cell }
        bucket.pointee.last = cell
    }

    private func detach(_ cell: CellRef, from bucket: BucketRef) {
        cell.pointee.order.bucket = nil
        guard cell.pointee.order.isOpen else {
            bucket.pointee.shutCount -= 1
            return
        }
        let (previous, next) = (cell.pointee.order.previous, cell.pointee.order.next)
        if let previous { previous.pointee.order.next = next } else { bucket.pointee.first = next }
        if let next { next.pointee.order.previous = previous } else { bucket.pointee.last = previous }
    }
}

extension UnsafeMutablePointer where Pointee == Cell {
    /// Under the lock.
    var mayBeSelected: Bool { pointee.order.isEligible && isUsable && hasRoom }
}
