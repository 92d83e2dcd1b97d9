import Synchronization

// Invariants: used under the lock of the record that it is part of. Each destination in it is in exactly one bucket, that of its number of calls;
// buckets are in the order of their numbers and never empty. `set` stays until all of it has left. There are as many buckets, used and spare, as destinations have joined, so that moving
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

/// The destinations of one snapshot's set by their numbers of calls. A call begins or ends in constant time: its destination goes to the next bucket.
struct LoadOrder {
    /// Which of the cells' places it has.
    let slot: Int
    /// Of the snapshot that it is for; 0: of none, or not of all of it yet.
    var version: UInt64 = 0
    /// Whose destinations have joined; nil: it is empty.
    var set: SetRef?
    private var first: BucketRef?
    private var spare: BucketRef?
    private var lastStamp: UInt64 = 0

    init(slot: Int) { self.slot = slot }

    /// The destination with the least calls of those that may be selected; of several, the one that has had this number for the longest time.
    var least: CellRef? {
        var next = first
        while let bucket = next {
            if let cell = bucket.pointee.first { return cell }
            next = bucket.pointee.next
        }
        return nil
    }

    /// A destination of the set from now on; not one already.
    /// - Parameter neighbour: one that has joined and has about as many calls: the place is looked for from there on.
    mutating func join(_ cell: CellRef, near neighbour: CellRef?) {
        let bucket = BucketRef.allocate(capacity: 1)
        bucket.initialize(to: Bucket(load: 0))
        keep(bucket)
        let load = cell.load
        var before = neighbour?.place(slot).pointee.bucket
        while let bucket = before, bucket.pointee.load >= load { before = bucket.pointee.previous }
        var next = before == nil ? first : before.unsafelyUnwrapped.pointee.next
        while let bucket = next, bucket.pointee.load < load { (before, next) = (bucket, bucket.pointee.next) }
        if let next, next.pointee.load == load {
            attach(cell, to: next)
        } else {
            attach(cell, to: insert(load, behind: before))
        }
    }

    /// None of the set any more. Calls that are counted on it end without the order.
    mutating func leave(_ cell: CellRef) {
        guard let bucket = cell.place(slot).pointee.bucket else { return }
        detach(cell, from: bucket)
        if bucket.pointee.isEmpty { remove(bucket) }
        guard let one = spare else { return }
        spare = one.pointee.next
        one.deallocate()
    }

    /// It can be selected now, or cannot any more.
    mutating func refresh(_ cell: CellRef) {
        guard let bucket = cell.place(slot).pointee.bucket, cell.place(slot).pointee.isOpen != mayBeSelected(cell)
        else { return }
        detach(cell, from: bucket)
        attach(cell, to: bucket)
    }

    /// It has one call more or less, and that many now.
    mutating func move(_ cell: CellRef, by change: Int, to load: Int) {
        guard let old = cell.place(slot).pointee.bucket else { return }
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

    private mutating func attach(_ cell: CellRef, to bucket: BucketRef) {
        let place = cell.place(slot)
        lastStamp &+= 1
        place.pointee.stamp = lastStamp
        place.pointee.bucket = bucket
        place.pointee.isOpen = mayBeSelected(cell)
        guard place.pointee.isOpen else {
            bucket.pointee.shutCount += 1
            return
        }
        place.pointee.previous = bucket.pointee.last
        place.pointee.next = nil
        if let last = bucket.pointee.last {
            last.place(slot).pointee.next = cell
        } else {
            bucket.pointee.first = cell
        }
        bucket.pointee.last = cell
    }

    private func detach(_ cell: CellRef, from bucket: BucketRef) {
        let place = cell.place(slot)
        place.pointee.bucket = nil
        guard place.pointee.isOpen else {
            bucket.pointee.shutCount -= 1
            return
        }
        let (previous, next) = (place.pointee.previous, place.pointee.next)
        if let previous { previous.place(slot).pointee.next = next } else { bucket.pointee.first = next }
        if let next { next.place(slot).pointee.previous = previous } else { bucket.pointee.last = previous }
    }

    private func mayBeSelected(_ cell: CellRef) -> Bool {
        cell.place(slot).pointee.isEligible && cell.isUsable && cell.hasRoom
    }
}

extension UnsafeMutablePointer where Pointee == Cell {
    /// Under the lock: its place in that order.
    @inline(__always)
    func place(_ slot: Int) -> UnsafeMutablePointer<Cell.Place> {
        withUnsafeMutablePointer(to: &pointee.places) {
            UnsafeMutableRawPointer($0).assumingMemoryBound(to: Cell.Place.self) + slot
        }
    }
}
