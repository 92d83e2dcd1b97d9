import Glibc
import PluginKit

// Invariants: belongs to one worker and is used on that thread alone; lives for ever. Sockets are opened when they are first needed and stay open.

/// What a worker has going on with proxies.
struct WorkerState {
    let host: Host
    let index: UInt32
    /// Of the last cookie. It begins where no earlier process of the same number can have been: proxies remember cookies for a while.
    var sequence: UInt64
    /// By numbers of peers.
    let sockets: UnsafeMutablePointer<PeerSocket>
    private let buckets: UnsafeMutablePointer<ExchangeRef?>
    /// Exchanges that are under way.
    private(set) var count = 0
    /// Those that wait until it is known whether any proxy is there, linked by `nextOfPeer`.
    var waiting: ExchangeRef?
    var calls: CallTable
    /// Where datagrams are read to, and commands put together.
    let input: UnsafeMutableRawBufferPointer
    let output: UnsafeMutableRawBufferPointer

    private static let bucketCount = 4096
    /// Of a proxy's answer and of a command, in bytes.
    static let longest = 65536
    /// Ends of sessions under way at a time; beyond they are lost and counted.
    static let maximumPending = 65536

    init(_ host: Host, index: UInt32) {
        self.host = host
        self.index = index
        sequence = UInt64(time(nil)) << 20
        sockets = .allocate(capacity: PeerList.capacity)
        sockets.initialize(repeating: PeerSocket(), count: PeerList.capacity)
        buckets = .allocate(capacity: WorkerState.bucketCount)
        buckets.initialize(repeating: nil, count: WorkerState.bucketCount)
        let settings = state.pointee.settings
        calls = CallTable(host, size: Int(settings.tableSize), timeout: UInt64(settings.tableTimeout) * 1000)
        input = .allocate(byteCount: WorkerState.longest, alignment: 16)
        output = .allocate(byteCount: WorkerState.longest, alignment: 16)
    }

    /// The exchange of that number; nil when it has ended, or never was.
    @_noLocks func find(_ sequence: UInt64) -> ExchangeRef? {
        var exchange = buckets[Int(sequence % UInt64(WorkerState.bucketCount))]
        while let this = exchange, this.pointee.sequence != sequence { exchange = this.pointee.nextInBucket }
        return exchange
    }

    /// Gives the exchange the next number and notes it with its proxy.
    @_noLocks mutating func enter(_ exchange: ExchangeRef, peer: Int) {
        sequence += 1
        exchange.pointee.sequence = sequence
        exchange.pointee.peer = Int32(peer)
        let bucket = buckets + Int(sequence % UInt64(WorkerState.bucketCount))
        exchange.pointee.nextInBucket = bucket.pointee
        bucket.pointee = exchange
        let head = sockets[peer].exchanges
        exchange.pointee.nextOfPeer = head
        exchange.pointee.previousOfPeer = nil
        if let head { head.pointee.previousOfPeer = exchange }
        sockets[peer].exchanges = exchange
        count += 1
    }

    /// Takes it out again. Its timer does not fire any more, its connection is closed.
    @_noLocks mutating func leave(_ exchange: ExchangeRef) {
        guard exchange.pointee.peer >= 0 else { return }
        let bucket = buckets + Int(exchange.pointee.sequence % UInt64(WorkerState.bucketCount))
        if bucket.pointee == exchange {
            bucket.pointee = exchange.pointee.nextInBucket
        } else {
            var previous = bucket.pointee
            while let this = previous, this.pointee.nextInBucket != exchange { previous = this.pointee.nextInBucket }
            previous?.pointee.nextInBucket = exchange.pointee.nextInBucket
        }
        let (next, before) = (exchange.pointee.nextOfPeer, exchange.pointee.previousOfPeer)
        if let next { next.pointee.previousOfPeer = before }
        if let before {
            before.pointee.nextOfPeer = next
        } else {
            sockets[Int(exchange.pointee.peer)].exchanges = next
        }
        (exchange.pointee.nextOfPeer, exchange.pointee.previousOfPeer) = (nil, nil)
        exchange.pointee.peer = -1
        unchecked { host.pointee.timer.pointee.disarm(host, exchange.timer) }
        exchange.closeStream(host)
        count -= 1
    }
}

/// A worker's way to one proxy.
struct PeerSocket {
    /// Connected, so that nobody else's datagrams come in by it, and what the network says of it is heard. -1: not opened yet.
    var descriptor: Int32 = -1
    var exchanges: ExchangeRef?
    /// How often it has answered.
    var heard: UInt64 = 0
    /// The same from which on it may be asked again whether it is there, because nobody else is.
    var probeAt: UInt64 = 0
    /// Such a question is under way.
    var isProbed = false
}
