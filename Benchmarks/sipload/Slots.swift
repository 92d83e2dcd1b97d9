import Glibc

/// The transactions under way. Each slot owns a copy of the scenario's requests, in which the number changes, and the user; a number names its slot in
/// the low bits and how often the slot was used in the others, so that a late answer to an earlier use is told apart.
///
/// Invariants: `bytes` holds `count` copies of the requests, `stride` apart, one request behind the other at `offsets`; `free` holds the indices of all slots that are not
/// under way, `freeCount` of them. All are allocated once.
struct Slots: ~Copyable {
    static let capacity = 4096

    let count: Int
    private let stride: Int
    private let offsets: [Int]
    private let numberHoles: [Int]
    private let userHoles: [Int]
    private let serialHoles: [Int]
    private let responseHoles: [Int]
    private let peerHoles: [Int]
    /// How many peers take turns, and whose it is.
    private let peers: Int
    private var peer = 0
    /// Whom the next transaction is about.
    private let users: Users
    private var turn = 0
    private var serial: UInt32 = 100_000_000
    private let bytes: UnsafeMutablePointer<UInt8>
    private let numbers: UnsafeMutablePointer<UInt32>
    private let started: UnsafeMutablePointer<UInt64>
    private let free: UnsafeMutablePointer<UInt32>
    private(set) var freeCount: Int

    init(_ count: Int, _ requests: [Request], _ users: Users, peers: Int = 1) {
        self.count = count
        self.users = users
        self.peers = peers
        let text = requests.flatMap(\.bytes)
        stride = text.count
        let offsets = requests.indices.map { index in requests[..<index].reduce(0) { $0 + $1.bytes.count } }
        self.offsets = offsets
        func places(_ hole: Hole) -> [Int] {
            requests.indices.flatMap { index in requests[index].holes[hole, default: []].map { $0 + offsets[index] } }
        }
        (numberHoles, userHoles) = (places(.number), places(.user))
        (serialHoles, responseHoles) = (places(.serial), places(.response))
        peerHoles = places(.peer)
        bytes = .allocate(capacity: count * stride)
        numbers = .allocate(capacity: count)
        started = .allocate(capacity: count)
        free = .allocate(capacity: count)
        freeCount = count
        started.initialize(repeating: 0, count: count)
        for index in 0..<count {
            (bytes + index * stride).initialize(from: text, count: stride)
            numbers[index] = UInt32(index)
            free[index] = UInt32(index)
        }
    }

    deinit {
        bytes.deallocate()
        numbers.deallocate()
        started.deallocate()
        free.deallocate()
    }

    var underWay: Int { count - freeCount }

    /// The slot's copy of one of the scenario's requests.
    func request(_ index: Int, _ which: Int = 0) -> UnsafeMutablePointer<UInt8> {
        bytes + index * stride + offsets[which]
    }

    /// Takes a free slot and writes its next number, and the next user, into its requests.
    mutating func start(at now: UInt64) -> Int {
        freeCount -= 1
        let index = Int(free[freeCount])
        numbers[index] &+= UInt32(Slots.capacity)
        let text = request(index)
        for hole in numberHoles { writeHex(numbers[index], to: text + hole) }
        if !userHoles.isEmpty {
            turn = turn + 1 < users.count ? turn + 1 : 0
            serial += 1
            for hole in userHoles { writeHex(UInt32(turn), to: text + hole) }
            for hole in serialHoles { writeDecimal(serial, to: text + hole) }
            for hole in responseHoles { users.writeResponse(of: turn, to: text + hole) }
        }
        if !peerHoles.isEmpty {
            peer = peer + 1 < peers ? peer + 1 : 0
            for hole in peerHoles { writePeer(peer, to: text + hole) }
        }
        started[index] = now
        return index
    }

    /// The slot under way with this number; nil when there is none (any more).
    func find(_ number: UInt32) -> Int? {
        let index = Int(number) & (Slots.capacity - 1)
        return index < count && numbers[index] == number && started[index] != 0 ? index : nil
    }

    /// When the transaction that is under way there began.
    func start(of index: Int) -> UInt64 { started[index] }

    mutating func end(_ index: Int) {
        started[index] = 0
        free[freeCount] = UInt32(index)
        freeCount += 1
    }

    /// Gives up the transactions that began before this time; how many these were.
    mutating func giveUp(before time: UInt64) -> Int {
        var lost = 0
        for index in 0..<count where started[index] != 0 && started[index] < time {
            end(index)
            lost += 1
        }
        return lost
    }
}
