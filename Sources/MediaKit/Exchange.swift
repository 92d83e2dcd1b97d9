import PluginKit

// Invariants: an exchange belongs to the worker that made it, in whose memory it lies in one piece with its texts and its command; it is in the worker's table,
// and in the list of the proxy it was sent to, from `begin` until it is finished, which happens once. The timer is its first member, so that the
// timer's address is the exchange's.

/// One command and the answer that is waited for.
struct Exchange {
    enum Purpose: UInt8 {
        /// A script waits.
        case script
        /// The end of a session: only that proxy has it, and mostly nobody waits.
        case deletion
        /// Is it there? From time to time, or because nobody else is.
        case ping
        /// An operator wants to know.
        case report
    }

    var timer: apus_timer
    var nextInBucket: ExchangeRef?
    var nextOfPeer: ExchangeRef?
    var previousOfPeer: ExchangeRef?
    let purpose: Purpose
    /// Of the cookie: names it on this worker.
    var sequence: UInt64 = 0
    /// Who waits; 0: nobody.
    var token: UInt64 = 0
    /// Of `report`: what it is reported in.
    var report: UnsafeMutableRawPointer?
    /// Where it was sent; -1: nowhere yet.
    var peer: Int32 = -1
    let set: Int64
    /// Of the set in the chain of those that the call's media run through.
    var place: UInt8 = 0
    var tried = PeerMask()
    var triedCount = 0
    var triesLeft: Int64 = 0
    /// How often this proxy had answered before it was sent there.
    var heardBefore: UInt64 = 0
    let callID: apus_str
    let branch: apus_str
    /// Room for the cookie in front of the command, and the command.
    let room: UnsafeMutablePointer<UInt8>
    let length: Int
    /// What is sent: cookie, blank and command; of streams the command alone.
    var message = apus_str()
    /// Of a stream.
    var stream = Stream()

    static let cookieRoom = 64

    /// A connection for one command.
    struct Stream {
        var descriptor: Int32 = -1
        var watch: UInt64 = 0
        var written = 0
        var input: UnsafeMutablePointer<UInt8>?
        var count = 0
        var capacity = 0
    }
}

typealias ExchangeRef = UnsafeMutablePointer<Exchange>

extension UnsafeMutablePointer<Exchange> {
    /// In the calling worker's memory; nil when that is out.
    @_noLocks static func make(
        _ host: Host, _ purpose: Exchange.Purpose, set: Int64, callID: apus_str, branch: apus_str, command: apus_str
    ) -> ExchangeRef? {
        let size = MemoryLayout<Exchange>.stride
        let texts = callID.len + branch.len
        let total = size + texts + Exchange.cookieRoom + command.len
        guard let raw = host.allocate(total) else { return nil }
        let copies = raw.copy(callID, branch, at: size)
        let room = (raw + size + texts).assumingMemoryBound(to: UInt8.self)
        if let bytes = command.s {
            UnsafeMutableRawPointer(room + Exchange.cookieRoom).copyMemory(from: bytes, byteCount: command.len)
        }
        let exchange = raw.bindMemory(to: Exchange.self, capacity: 1)
        exchange.initialize(
            to: Exchange(
                timer: apus_timer(), purpose: purpose, set: set, callID: copies.0, branch: copies.1, room: room,
                length: command.len))
        return exchange
    }

    /// The timer that lies in it.
    var timer: UnsafeMutablePointer<apus_timer> {
        UnsafeMutableRawPointer(self).assumingMemoryBound(to: apus_timer.self)
    }

    /// Puts the cookie in front of the command: process, worker, number.
    @_noLocks func address(process: Int32, worker: UInt32, stream isStream: Bool) {
        // It ends where the command begins, so it is written from its end.
        var start = Exchange.cookieRoom
        if !isStream {
            put(UInt8(ascii: " "), &start)
            put(pointee.sequence, &start)
            put(UInt8(ascii: "_"), &start)
            put(UInt64(worker), &start)
            put(UInt8(ascii: "_"), &start)
            put(UInt64(process), &start)
        }
        pointee.message = apus_str(
            start: pointee.room + start, count: Exchange.cookieRoom - start + pointee.length)
    }

    private func put(_ number: UInt64, _ start: inout Int) {
        var rest = number
        repeat {
            put(0x30 + UInt8(rest % 10), &start)
            rest /= 10
        } while rest > 0
    }

    private func put(_ byte: UInt8, _ start: inout Int) {
        start -= 1
        pointee.room[start] = byte
    }
}

extension UnsafeMutableRawPointer {
    /// Two texts, copied behind each other.
    func copy(_ first: apus_str, _ second: apus_str, at offset: Int) -> (apus_str, apus_str) {
        let (one, two) = (self + offset, self + offset + first.len)
        if let bytes = first.s { one.copyMemory(from: bytes, byteCount: first.len) }
        if let bytes = second.s { two.copyMemory(from: bytes, byteCount: second.len) }
        return (
            apus_str(start: one.assumingMemoryBound(to: UInt8.self), count: first.len),
            apus_str(start: two.assumingMemoryBound(to: UInt8.self), count: second.len)
        )
    }
}

/// How an exchange has ended.
enum Outcome: UInt32 {
    /// The proxy has answered, and not with an error.
    case answered
    /// It has said no: the answer says why.
    case refused
    /// What came is no answer.
    case broken
    /// No proxy answered, or there is none.
    case silent
    /// The command is longer than a datagram.
    case tooLong
}

/// What a script is given when it goes on: behind it lie the bytes of the answer. In memory of the worker.
struct Delivery {
    let outcome: Outcome
    let peer: Int32
    let count: Int

    @_noLocks static func make(_ host: Host, _ outcome: Outcome, peer: Int32, _ answer: UnsafeRawBufferPointer)
        -> UnsafeMutablePointer<Delivery>?
    {
        let size = MemoryLayout<Delivery>.stride
        guard let raw = host.allocate(size + answer.count) else { return nil }
        if let bytes = answer.baseAddress { (raw + size).copyMemory(from: bytes, byteCount: answer.count) }
        let delivery = raw.bindMemory(to: Delivery.self, capacity: 1)
        delivery.initialize(to: Delivery(outcome: outcome, peer: peer, count: answer.count))
        return delivery
    }
}

extension UnsafeMutablePointer<Delivery> {
    var answer: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: UnsafeRawPointer(self) + MemoryLayout<Delivery>.stride, count: pointee.count)
    }
}
