// Invariants: a table belongs to one worker. An entry is a piece of memory of that worker, which whoever gave it takes back when it is removed; its
// Call-ID lies behind it. It is in one chain and in one of the two lists. It holds a use of its cell, on which it is counted as one call.

/// The calls that are counted on destinations, by Call-ID.
package struct CallTable {
    package struct Entry {
        var next: EntryRef?
        let hash: UInt32
        let length: UInt32
        package var cell: CellRef
        var isConfirmed = false
        /// Monotonic milliseconds.
        var deadline: UInt64
        var older: EntryRef?
        var newer: EntryRef?
    }

    package typealias EntryRef = UnsafeMutablePointer<Entry>

    /// Entries in the order of their deadlines, since each gets the same time.
    private struct Line {
        var oldest: EntryRef?
        var newest: EntryRef?

        mutating func append(_ entry: EntryRef) {
            entry.pointee.older = newest
            entry.pointee.newer = nil
            if let newest { newest.pointee.newer = entry } else { oldest = entry }
            newest = entry
        }

        mutating func remove(_ entry: EntryRef) {
            let (older, newer) = (entry.pointee.older, entry.pointee.newer)
            if let older { older.pointee.newer = newer } else { oldest = newer }
            if let newer { newer.pointee.older = older } else { newest = older }
        }
    }

    private let chains: UnsafeMutablePointer<EntryRef?>
    private let mask: UInt32
    private var initial = Line()
    private var confirmed = Line()
    package private(set) var count = 0

    /// - Parameter bits: of the number of chains.
    package init(bits: Int) {
        chains = .allocate(capacity: 1 << bits)
        chains.initialize(repeating: nil, count: 1 << bits)
        mask = UInt32(1 << bits) - 1
    }

    /// Bytes of an entry.
    package static func size(idLength: Int) -> Int { MemoryLayout<Entry>.stride + idLength }

    private static func hash(_ id: UnsafeBufferPointer<UInt8>) -> UInt32 {
        UInt32(truncatingIfNeeded: Weights.identity(id))
    }

    package func find(_ id: UnsafeBufferPointer<UInt8>) -> EntryRef? {
        let hash = CallTable.hash(id)
        var next = chains[Int(hash & mask)]
        while let entry = next {
            if entry.pointee.hash == hash, CallTable.id(of: entry).elementsEqual(id) { return entry }
            next = entry.pointee.next
        }
        return nil
    }

    private static func id(of entry: EntryRef) -> UnsafeBufferPointer<UInt8> {
        let start = (UnsafeRawPointer(entry) + MemoryLayout<Entry>.stride).assumingMemoryBound(to: UInt8.self)
        return UnsafeBufferPointer(start: start, count: Int(entry.pointee.length))
    }

    /// A call that was counted on a cell.
    /// - Parameters:
    ///   - memory: `size` bytes, aligned to 16.
    ///   - cell: counted already; a use of it goes to the entry.
    package mutating func insert(
        _ id: UnsafeBufferPointer<UInt8>, in memory: UnsafeMutableRawPointer, on cell: CellRef, until deadline: UInt64
    ) {
        let hash = CallTable.hash(id)
        let entry = memory.bindMemory(to: Entry.self, capacity: 1)
        let chain = Int(hash & mask)
        entry.initialize(
            to: Entry(
                next: chains[chain], hash: hash, length: UInt32(id.count), cell: cell, deadline: deadline))
        if let bytes = id.baseAddress {
            (memory + MemoryLayout<Entry>.stride).copyMemory(from: bytes, byteCount: id.count)
        }
        chains[chain] = entry
        initial.append(entry)
        count &+= 1
    }

    /// The call was answered: it stays until that time. Nothing happens when it was already.
    package mutating func confirm(_ entry: EntryRef, until deadline: UInt64) {
        guard !entry.pointee.isConfirmed else { return }
        initial.remove(entry)
        entry.pointee.isConfirmed = true
        entry.pointee.deadline = deadline
        confirmed.append(entry)
    }

    /// The call goes elsewhere. Its new cell is counted already; the old one is not counted any more.
    package func move(_ entry: EntryRef, to cell: CellRef) {
        let old = entry.pointee.cell
        entry.pointee.cell = cell
        old.pointee.record.give(old)
        old.release()
    }

    /// The call has ended: it is counted no more, and the memory of the entry is the caller's.
    package mutating func remove(_ entry: EntryRef) {
        let chain = Int(entry.pointee.hash & mask)
        var previous: EntryRef?
        var next = chains[chain]
        while let other = next, other != entry { (previous, next) = (other, other.pointee.next) }
        if let previous { previous.pointee.next = entry.pointee.next } else { chains[chain] = entry.pointee.next }
        if entry.pointee.isConfirmed { confirmed.remove(entry) } else { initial.remove(entry) }
        count &-= 1
        let cell = entry.pointee.cell
        cell.pointee.record.give(cell)
        cell.release()
    }

    /// A call whose time is over; nil when there is none.
    package func expired(at now: UInt64) -> EntryRef? {
        if let oldest = initial.oldest, oldest.pointee.deadline <= now { return oldest }
        if let oldest = confirmed.oldest, oldest.pointee.deadline <= now { return oldest }
        return nil
    }
}
