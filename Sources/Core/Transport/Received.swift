import Glibc

// Invariants: a slot belongs to the worker that allocated it (`owner`) and is at any time in exactly one place: the owner's
// free list, its receive batch, a run queue, or on its way home through the owner's mailbox. `node` is the first field, so
// that a MailNode is its slot.

/// A SIP message as it came in. It is the receiver's for the time of the call that brings it, or, kept, until `Worker.release`.
struct Received {
    var node: MailNode
    /// The bytes; CRLF keep-alives and empty datagrams never get here.
    var bytes: Bytes
    /// How it came, and how a reply goes back.
    var flow: Flow
    /// The keyed hash of the Call-ID, by which its worker was chosen; 0 with one worker.
    var callHash: UInt64
    /// A piece of the owner's slab that holds the bytes when they are longer than the slot, else nil.
    var large: UnsafeMutableRawPointer?
    /// Why the stream that it came by ends with it, although it could not be read to its end; `.none` for whole messages.
    var fault: ParseFault
    /// Set during that call by a receiver whose message must stay: its script waits. Bytes keep their place.
    var isKept = false
    /// Index of the worker that received it.
    var owner: UInt16
}

/// Receive slots of one worker: a header and 2 KiB each, which holds nearly every SIP datagram. Taken from the system as they
/// are first needed, then kept.
struct SlotPool {
    /// Bytes of a datagram that fit a slot.
    static let size = 2048
    private static let stride = (MemoryLayout<Received>.stride + 63) & ~63 + size

    private var free = MailList()
    private(set) var made = 0
    let limit: Int
    private let owner: Int

    /// - Parameter limit: slots at most, those on the way at other workers among them.
    init(owner: Int, limit: Int) {
        self.owner = owner
        self.limit = limit
    }

    /// Slots that are not in use.
    var available: Int { free.count + limit - made }
    /// Slots that are in use: in a batch, in a queue, or at another worker.
    var inUse: Int { made - free.count }

    @inline(__always)
    mutating func take() -> UnsafeMutablePointer<Received>? {
        if let node = free.removeFirst() { return SlotPool.slot(of: node) }
        return made < limit ? make() : nil
    }

    @inline(never) @_semantics("no_performance_analysis")
    private mutating func make() -> UnsafeMutablePointer<Received>? {
        guard let memory = aligned_alloc(64, SlotPool.stride) else { return nil }
        made += 1
        let slot = memory.bindMemory(to: Received.self, capacity: 1)
        // Plain data; the rest is written when a message arrives.
        slot.pointee.node = MailNode(receive: Worker.slotCameHome)
        slot.pointee.large = nil
        slot.pointee.fault = .none
        slot.pointee.isKept = false
        slot.pointee.owner = UInt16(truncatingIfNeeded: owner)
        return slot
    }

    /// Puts a slot back; the newest is taken first, as it is still in the cache.
    @inline(__always)
    mutating func putBack(_ slot: UnsafeMutablePointer<Received>) { free.prepend(SlotPool.node(of: slot)) }

    /// The 2 KiB of a slot.
    @inline(__always)
    static func buffer(of slot: UnsafeMutablePointer<Received>) -> UnsafeMutablePointer<UInt8> {
        (UnsafeMutableRawPointer(slot) + (stride - size)).assumingMemoryBound(to: UInt8.self)
    }

    @inline(__always)
    static func node(of slot: UnsafeMutablePointer<Received>) -> UnsafeMutablePointer<MailNode> {
        UnsafeMutableRawPointer(slot).assumingMemoryBound(to: MailNode.self)
    }

    @inline(__always)
    static func slot(of node: UnsafeMutablePointer<MailNode>) -> UnsafeMutablePointer<Received> {
        UnsafeMutableRawPointer(node).assumingMemoryBound(to: Received.self)
    }

    /// Frees all slots; every one must be back.
    mutating func end() {
        while let node = free.removeFirst() { Glibc.free(node) }
    }
}
