import CLinux
import Glibc
import Synchronization

// Invariants: a Connection lies in a piece of its worker's slab from `adopt` to the end of the turn in which it was closed, and its worker's
// thread alone touches it; what other threads may know lies in `entry`. Whoever calls out while it works on one looks at `isClosed`
// afterwards. `partial` is a piece of the slab that holds what has come of a message; nil between messages, so that an idle connection
// has no buffer.

/// A connection of a stream transport at the worker that accepted or opened it.
struct Connection {
    enum Phase: UInt8 {
        case connecting
        case open
        /// The peer sends no more, but may still be told something.
        case halfClosed
        /// What waits is written, what comes is thrown away.
        case ending
        case closed
    }

    let id: ConnectionID
    let fd: Int32
    let watch: WatchID
    let entry: UnsafeMutablePointer<ConnectionEntry>
    /// What messages that come over it say of their way.
    var flow: Flow
    let isOutgoing: Bool
    /// It counts towards what its peer's address may have.
    var isAdmitted: Bool
    /// A load balancer says first who has connected to it.
    var awaitsProxy = false
    var phase: Phase
    /// What epoll is asked for.
    var interest: UInt32
    var timer: TimerNode

    // What has been read.
    var partial: UnsafeMutablePointer<UInt8>?
    var partialCount = 0
    var partialCapacity = 0
    /// Bytes of `partial` that were searched already, and how many there must be before anything can come of them.
    var seen = 0
    var needed = 0
    /// How much of CRLF CRLF stands before the next message.
    var pinged: UInt8 = 0
    var hasReceived = false
    /// The peer has sent its last byte.
    var hasEnded = false
    /// It has messages that nobody can take now.
    var isStalled = false
    var nextStalled: UnsafeMutablePointer<Connection>?

    // What is to be written: `StreamMessage`s, oldest first.
    var queue = MailList()
    var queuedBytes = 0

    // Milliseconds of the worker's clock; forever: none.
    var connectDeadline = StreamOptions.forever
    var messageDeadline = StreamOptions.forever
    var sendDeadline = StreamOptions.forever
    var endDeadline = StreamOptions.forever

    var aliases: [4 of UnsafeMutablePointer<ConnectionEntry>?] = InlineArray(repeating: nil)
    var aliasCount = 0
    var nextGrave: UnsafeMutablePointer<Connection>?

    /// How long a connection may take to end: milliseconds.
    static let endingTime: UInt64 = 2000
}

extension UnsafeMutablePointer<Connection> {
    @inline(__always) var isClosed: Bool { pointee.phase == .closed }
    /// It takes messages now, or will when it is connected.
    @inline(__always) var takesMessages: Bool { pointee.phase.rawValue <= Connection.Phase.halfClosed.rawValue }
    @inline(__always) var timer: UnsafeMutablePointer<TimerNode> { pointer(to: \.timer).unsafelyUnwrapped }
}

/// What the connections of all workers have in common.
struct StreamShared: ~Copyable {
    /// What the workers begin with.
    let options: StreamOptions
    let counters: StreamCounters
    let table: ConnectionTable
    let open: OpenConnections
    let connections = Atomic<Int>(0)
    let queued = Atomic<Int>(0)

    init(_ options: StreamOptions, _ counters: StreamCounters, workers: Int) {
        self.options = options
        self.counters = counters
        table = ConnectionTable(connections: options.maxConnections)
        open = OpenConnections(workers: workers)
    }
}

/// The connections of one worker.
struct StreamWorker {
    private struct Place {
        var connection: UnsafeMutablePointer<Connection>?
        var use: UInt32
        var nextFree: Int
    }

    let shared: UnsafeMutablePointer<StreamShared>
    /// The worker's own: some may change between two of its messages.
    var options: StreamOptions
    /// Where reads end that continue no message.
    let buffer: UnsafeMutablePointer<UInt8>
    private var places: UnsafeMutablePointer<Place>
    private var capacity = 64
    private var used = 0
    private var free = -1
    /// Connections whose messages wait for room, newest first.
    var stalled: UnsafeMutablePointer<Connection>?
    /// Closed in this turn.
    var graves: UnsafeMutablePointer<Connection>?
    /// Given up for a moment when descriptors are out, so that a connection can be refused.
    var spare: Int32

    init(_ shared: UnsafeMutablePointer<StreamShared>) {
        self.shared = shared
        options = shared.pointee.options
        buffer = .allocate(capacity: options.readSize)
        places = .allocate(capacity: capacity)
        spare = (try? Syscalls.open("/dev/null", flags: O_RDONLY)) ?? -1
    }

    /// The connection of that name; nil when it is closed.
    @inline(__always)
    func connection(_ id: ConnectionID) -> UnsafeMutablePointer<Connection>? {
        guard id.place < used, places[id.place].use & 0x7fff_ffff == id.use else { return nil }
        return places[id.place].connection
    }

    /// A name for a connection that is about to be; nil when there are too many.
    mutating func takePlace() -> (place: Int, use: UInt32)? {
        if free < 0 {
            guard used < ConnectionID.places else { return nil }
            if used == capacity { grow() }
            (places + used).initialize(to: Place(connection: nil, use: 0, nextFree: -1))
            free = used
            used += 1
        }
        let place = free
        free = places[place].nextFree
        places[place].use &+= 1
        if places[place].use & 0x7fff_ffff == 0 { places[place].use = 1 }
        return (place, places[place].use)
    }

    mutating func set(_ connection: UnsafeMutablePointer<Connection>, at place: Int) {
        places[place].connection = connection
    }

    /// The name means nothing any more.
    mutating func clear(_ place: Int) {
        places[place].connection = nil
        places[place].nextFree = free
        free = place
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<Place>.allocate(capacity: capacity * 2)
        larger.moveInitialize(from: places, count: used)
        places.deallocate()
        places = larger
        capacity *= 2
    }

    /// Calls `body` for each connection that is open.
    func visit(_ body: (UnsafeMutablePointer<Connection>) -> Void) {
        for place in 0..<used { if let connection = places[place].connection { body(connection) } }
    }

    mutating func end() {
        buffer.deallocate()
        places.deallocate()
        if spare >= 0 { Syscalls.close(spare) }
    }
}
