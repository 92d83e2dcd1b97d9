import PluginAPI
import Synchronization

// Invariants: one thread puts, one thread takes, both for as long as the ring lives, which is for ever: nobody has to know when the other ends. `written` and
// `taken` only grow, by whole records, and `written - taken` is the capacity at most. What lies between them is the taker's, the rest the putter's;
// storing one of them (releasing) hands the bytes over. A record's words and texts may be cut by the ring's end.

/// Events on their way from a thread that must neither wait nor allocate, such as a worker, to one that may do both. Of fixed size: what finds no room is
/// counted, and lost.
public struct EventRing: @unchecked Sendable {
    /// What has come of an event.
    public enum Answer {
        case taken
        /// Taken, and from now on the ring is more than half full: whoever takes should be woken.
        case filling
        /// There was no room.
        case lost
    }

    /// One event, as it is taken.
    public struct Event: Equatable, Sendable {
        /// Its place among the events of all rings that share a `Sequence`.
        public let order: UInt64
        public let kind: UInt32
        /// Whatever both sides know something by.
        public let subject: UInt
        public let first: [UInt8]
        public let second: [UInt8]
    }

    /// Numbers events of several rings: from 0, without a gap once all that were begun have been put.
    public struct Sequence: @unchecked Sendable {
        fileprivate let next: UnsafeMutablePointer<Atomic<UInt64>>

        public init() {
            next = .allocate(capacity: 1)
            next.initialize(to: Atomic(0))
        }
    }

    /// What the two threads write lies far enough apart not to share a cache line.
    private static let line = 128
    /// Of an event without its texts: its order, its subject, and its kind with two lengths.
    private static let head: UInt64 = 24
    /// Bytes of both texts together at most: longer ones are refused as lost.
    public static let longest = 4096

    private let written: UnsafeMutablePointer<Atomic<UInt64>>
    private let losses: UnsafeMutablePointer<Atomic<UInt64>>
    private let taken: UnsafeMutablePointer<Atomic<UInt64>>
    private let bytes: UnsafeMutableRawPointer
    private let capacity: UInt64
    private let sequence: Sequence

    /// - Parameter capacity: bytes, a power of two, 64 at least; an event takes 24 and its texts, rounded up to 8.
    public init(capacity: Int, _ sequence: Sequence) {
        precondition(capacity >= 64 && capacity & (capacity - 1) == 0)
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: 2 * EventRing.line + capacity, alignment: EventRing.line)
        func number(at offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
            let place = (memory + offset).bindMemory(to: Atomic<UInt64>.self, capacity: 1)
            place.initialize(to: Atomic(0))
            return place
        }
        written = number(at: 0)
        losses = number(at: 8)
        taken = number(at: EventRing.line)
        bytes = memory + 2 * EventRing.line
        self.capacity = UInt64(capacity)
        self.sequence = sequence
    }

    // MARK: - The thread that puts

    /// Puts an event, with copies of its texts.
    @_noLocks
    public func put(kind: UInt32, subject: UInt, _ first: apus_str, _ second: apus_str = apus_str()) -> Answer {
        let length = first.len &+ second.len
        let size = (EventRing.head &+ UInt64(truncatingIfNeeded: length) &+ 7) & ~7
        let place = written.pointee.load(ordering: .relaxed)
        let used = place &- taken.pointee.load(ordering: .acquiring)
        guard length <= EventRing.longest, used &+ size <= capacity else {
            losses.pointee.store(losses.pointee.load(ordering: .relaxed) &+ 1, ordering: .releasing)
            return .lost
        }
        let order = sequence.next.pointee.wrappingAdd(1, ordering: .relaxed).oldValue
        put(order, at: place)
        put(UInt64(truncatingIfNeeded: subject), at: place &+ 8)
        let lengths = UInt64(truncatingIfNeeded: first.len) &<< 32 | UInt64(truncatingIfNeeded: second.len) &<< 48
        put(UInt64(kind) | lengths, at: place &+ 16)
        put(first, at: place &+ EventRing.head)
        put(second, at: place &+ EventRing.head &+ UInt64(truncatingIfNeeded: first.len))
        written.pointee.store(place &+ size, ordering: .releasing)
        return used <= capacity / 2 && used &+ size > capacity / 2 ? .filling : .taken
    }

    @_noLocks @inline(__always)
    private func put(_ word: UInt64, at place: UInt64) {
        bytes.storeBytes(of: word, toByteOffset: Int(truncatingIfNeeded: place & (capacity &- 1)), as: UInt64.self)
    }

    @_noLocks
    private func put(_ text: apus_str, at place: UInt64) {
        guard let start = text.s, text.len > 0 else { return }
        let offset = Int(truncatingIfNeeded: place & (capacity &- 1))
        let room = Int(truncatingIfNeeded: capacity) &- offset
        let here = text.len < room ? text.len : room
        (bytes + offset).copyMemory(from: start, byteCount: here)
        if here < text.len { bytes.copyMemory(from: start + here, byteCount: text.len &- here) }
    }

    // MARK: - The thread that takes

    /// Takes what is there, the oldest first.
    public func take(_ body: (Event) -> Void) {
        let end = written.pointee.load(ordering: .acquiring)
        var place = taken.pointee.load(ordering: .relaxed)
        while place != end {
            let kind = word(at: place &+ 16)
            let (first, second) = (Int(kind >> 32 & 0xffff), Int(kind >> 48))
            let texts = place &+ EventRing.head
            body(
                Event(
                    order: word(at: place), kind: UInt32(truncatingIfNeeded: kind),
                    subject: UInt(word(at: place &+ 8)), first: text(first, at: texts),
                    second: text(second, at: texts &+ UInt64(first))))
            place = (texts &+ UInt64(first &+ second) &+ 7) & ~7
        }
        taken.pointee.store(place, ordering: .releasing)
    }

    /// [any] Events that found no room so far.
    public var lost: UInt64 { losses.pointee.load(ordering: .acquiring) }

    private func word(at place: UInt64) -> UInt64 {
        bytes.load(fromByteOffset: Int(truncatingIfNeeded: place & (capacity &- 1)), as: UInt64.self)
    }

    private func text(_ count: Int, at place: UInt64) -> [UInt8] {
        let offset = Int(truncatingIfNeeded: place & (capacity &- 1))
        let here = min(count, Int(capacity) - offset)
        let head = UnsafeRawBufferPointer(start: bytes + offset, count: here)
        return Array(head) + Array(UnsafeRawBufferPointer(start: bytes, count: count - here))
    }
}
