import CLinux
import Glibc

// Invariants: `slots[i]` is nil or a slot whose buffer message i points to; `filled` of them, the first ones, are there when
// recvmmsg is called. Area i of `overflow` takes what message i has beyond its slot; it is used again by the next read, so
// whatever lies there is run, or copied, before.

/// What a worker needs to read a batch of datagrams with one system call.
struct UDPBatch {
    /// Datagrams of one read. With several workers a batch is short, so that messages reach their home workers early; with
    /// one it is long enough that the call's own cost vanishes. (Measured, echoing 500 bytes: 5.2 µs each with 1, 4.2 with 4,
    /// 4.1 with 8 and 16, no less beyond.)
    static func size(workers: Int) -> Int { workers > 1 ? 8 : 16 }

    /// What one message may have beyond its slot, the slot's size included, so that it can be made contiguous.
    private static let area = 1 << 16

    let size: Int
    fileprivate let messages: UnsafeMutablePointer<linux_mmsghdr>
    private let vectors: UnsafeMutablePointer<iovec>
    fileprivate let slots: UnsafeMutablePointer<UnsafeMutablePointer<Received>?>
    private let control: UnsafeMutableRawPointer
    private let overflow: UnsafeMutableRawPointer

    init(size: Int) {
        self.size = size
        messages = .allocate(capacity: size)
        vectors = .allocate(capacity: size * 2)
        slots = .allocate(capacity: size)
        slots.initialize(repeating: nil, count: size)
        control = .allocate(byteCount: size * Int(LINUX_PKTINFO_SPACE), alignment: 16)
        // Touched only by datagrams over 2 KiB: the rest never becomes memory.
        overflow = .allocate(byteCount: size * UDPBatch.area, alignment: 4096)
        for i in 0..<size {
            vectors[2 * i + 1] = iovec(
                iov_base: overflow + i * UDPBatch.area + SlotPool.size, iov_len: UDPBatch.area - SlotPool.size)
        }
    }

    /// Puts fresh slots where the last ones were taken. Answers how many messages can be read.
    @_noLocks
    fileprivate func fill(_ pool: inout SlotPool, wantsDestination: Bool) -> Int {
        var i = 0
        while i < size {
            let slot: UnsafeMutablePointer<Received>
            if let waiting = slots[i] {
                slot = waiting
            } else {
                guard let fresh = pool.take() else { break }
                slot = fresh
                slots[i] = slot
                vectors[2 &* i] = iovec(iov_base: SlotPool.buffer(of: slot), iov_len: SlotPool.size)
            }
            let header = messages + i
            header.pointee.msg_hdr.msg_name = UDPBatch.remote(of: slot)
            header.pointee.msg_hdr.msg_namelen = UInt32(MemoryLayout<SocketAddress>.size)
            header.pointee.msg_hdr.msg_iov = vectors + 2 &* i
            header.pointee.msg_hdr.msg_iovlen = 2
            header.pointee.msg_hdr.msg_control = wantsDestination ? control + i &* Int(LINUX_PKTINFO_SPACE) : nil
            header.pointee.msg_hdr.msg_controllen = wantsDestination ? Int(LINUX_PKTINFO_SPACE) : 0
            header.pointee.msg_hdr.msg_flags = 0
            i &+= 1
        }
        return i
    }

    /// Where a slot keeps the peer's address.
    @inline(__always)
    private static func remote(of slot: UnsafeMutablePointer<Received>) -> UnsafeMutableRawPointer {
        withUnsafeMutablePointer(to: &slot.pointee.flow.remote) { UnsafeMutableRawPointer($0) }
    }

    /// The bytes of message i, in one piece.
    @inline(__always) @_noLocks
    fileprivate func bytes(_ i: Int, _ slot: UnsafeMutablePointer<Received>) -> Bytes {
        let count = Int(messages[i].msg_len)
        let buffer = SlotPool.buffer(of: slot)
        if count <= SlotPool.size { return Bytes(UnsafePointer(buffer), count) }
        let start = overflow + i &* UDPBatch.area
        start.copyMemory(from: buffer, byteCount: SlotPool.size)
        return Bytes(UnsafePointer(start.assumingMemoryBound(to: UInt8.self)), count)
    }

    /// The address that message i was sent to.
    @_semantics("no_performance_analysis")
    fileprivate func destination(_ i: Int, port: UInt16) -> SocketAddress {
        var raw: [4 of UInt32] = InlineArray(repeating: 0)
        return withUnsafeMutablePointer(to: &raw) { place in
            switch linux_destination(&messages[i].msg_hdr, place) {
            case AF_INET:
                SocketAddress(v4: UInt32(bigEndian: UnsafeRawPointer(place).load(as: UInt32.self)), port: port)
            case AF_INET6: SocketAddress(v6: place, port: port)
            default: SocketAddress()
            }
        }
    }

    /// Slots in the batch go back to the pool, for the end.
    func empty(_ pool: inout SlotPool) {
        for i in 0..<size {
            if let slot = slots[i] { pool.putBack(slot) }
            slots[i] = nil
        }
    }

    func free() {
        messages.deallocate()
        vectors.deallocate()
        slots.deallocate()
        control.deallocate()
        overflow.deallocate()
    }
}

extension UDP {
    /// Takes part in reading a listener's socket. EPOLLEXCLUSIVE: a datagram wakes one worker, not all.
    static func attach(_ worker: UnsafeMutablePointer<Worker>, _ listener: Listener) throws(SystemError) {
        let exclusive = worker.pointee.count > 1 ? EPOLLEXCLUSIVE.rawValue : 0
        _ = try worker.pointee.loop.watch(
            listener.fd, EPOLLIN.rawValue | exclusive, context: listener.raw, readable)
    }

    private static let readable: EventLoop.Callback = { raw, context, _ in
        let worker = raw.assumingMemoryBound(to: Worker.self)
        let listener = Listener(raw: context!)
        worker.takeHome()
        let room = worker.pointee.batch.fill(&worker.pointee.slots, wantsDestination: listener.isWildcard)
        if worker.pointee.count == 1 {
            let got = Syscalls.receive(listener.fd, worker.pointee.batch.messages, room)
            takeAll(worker, listener, got)
        } else {
            // One reader at a time, until what it read stands in the mailboxes. What others have posted here so far was read
            // before this batch, what they post later is read after it: so each Call-ID's messages stay in order.
            var own = MailList()
            let got = listener.whileReading { () -> Int in
                let got = Syscalls.receive(listener.fd, worker.pointee.batch.messages, room)
                distribute(worker, listener, got, &own)
                worker.pointee.queue.append(worker.pointee.mailbox.takeHandOvers())
                return got
            }
            worker.pointee.queue.append(own)
            count(worker, got)
        }
        worker.runQueue()
    }

    /// With one worker: every message is its own.
    @inline(__always) @_noLocks
    private static func takeAll(_ worker: UnsafeMutablePointer<Worker>, _ listener: Listener, _ got: Int) {
        var i = 0
        while i < got {
            if let slot = accept(worker, listener, i) {
                worker.pointee.batch.slots[i] = nil
                worker.pointee.queue.append(SlotPool.node(of: slot))
            }
            i &+= 1
        }
        count(worker, got)
    }

    /// Hands foreign messages over, collects those that are at home here.
    @inline(__always) @_noLocks
    private static func distribute(
        _ worker: UnsafeMutablePointer<Worker>, _ listener: Listener, _ got: Int, _ own: inout MailList
    ) {
        var i = 0
        while i < got {
            defer { i &+= 1 }
            guard let slot = accept(worker, listener, i) else { continue }
            let home = home(of: slot, worker)
            if home == worker.pointee.index {
                worker.pointee.batch.slots[i] = nil
                own.append(SlotPool.node(of: slot))
            } else if prepareToLeave(worker, slot), worker.handOver(slot, to: home) {
                worker.pointee.batch.slots[i] = nil
            } else if let large = slot.pointee.large {
                slot.pointee.large = nil
                worker.pointee.slab.free(large)
            }
        }
    }

    /// Fills in what a slot says about message i; nil for what is no SIP message at all: then the slot is used again.
    @inline(__always)
    private static func accept(
        _ worker: UnsafeMutablePointer<Worker>, _ listener: Listener, _ i: Int
    ) -> UnsafeMutablePointer<Received>? {
        guard let slot = worker.pointee.batch.slots[i] else { return nil }
        let bytes = worker.pointee.batch.bytes(i, slot)
        if isKeepalive(bytes) {
            worker.pointee.shard.bump(worker.pointee.counters.keepalives)
            return nil
        }
        slot.pointee.bytes = bytes
        slot.pointee.callHash = 0
        slot.pointee.fault = .none
        slot.pointee.flow.listener = listener
        slot.pointee.flow.connection = 0
        slot.pointee.flow.options = Flow.Options(rawValue: 0)
        slot.pointee.flow.local =
            listener.isWildcard
            ? worker.pointee.batch.destination(i, port: listener.address.port) : listener.address
        return slot
    }

    /// RFC 5626 section 4.4.1 and the custom of older phones: CRLF, or a NUL or two, or nothing.
    @inline(__always)
    private static func isKeepalive(_ bytes: Bytes) -> Bool {
        if bytes.count > 4 { return false }
        var i = 0
        while i < bytes.count {
            let c = bytes[i]
            if c != 0x0D, c != 0x0A, c != 0 { return false }
            i &+= 1
        }
        return true
    }

    /// The worker that a message belongs to: the one that read it when there is no Call-ID.
    @inline(__always)
    private static func home(of slot: UnsafeMutablePointer<Received>, _ worker: UnsafeMutablePointer<Worker>) -> Int {
        var length = 0
        let bytes = slot.pointee.bytes
        guard let start = unchecked({ worker.pointee.hooks.callID(bytes.start, bytes.count, &length) }) else {
            return worker.pointee.index
        }
        let hash = worker.pointee.callKey.hash(Bytes(start, length))
        slot.pointee.callHash = hash
        return Worker.home(hash: hash, count: worker.pointee.count)
    }

    /// A slot may leave when enough stay for the worker's own messages, and what lies in the overflow goes along as a copy.
    @inline(__always)
    private static func prepareToLeave(
        _ worker: UnsafeMutablePointer<Worker>, _ slot: UnsafeMutablePointer<Received>
    ) -> Bool {
        if worker.pointee.slots.available < worker.pointee.batch.size {
            worker.pointee.shard.bump(worker.pointee.counters.handOverNoSlot)
            return false
        }
        return slot.pointee.bytes.count <= SlotPool.size || worker.moveToSlab(slot)
    }

    /// An error of a read is one datagram's or none's: the socket goes on. EAGAIN: another worker was faster.
    @inline(__always)
    private static func count(_ worker: UnsafeMutablePointer<Worker>, _ got: Int) {
        if got >= 0 {
            worker.pointee.shard.bump(worker.pointee.counters.received, by: got)
        } else if got != -Int(EAGAIN) {
            worker.pointee.shard.bump(worker.pointee.counters.readErrors)
        }
    }
}
