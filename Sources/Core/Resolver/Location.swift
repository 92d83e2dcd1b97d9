import Glibc

// Invariants: a Location is taken from the pool of its resolver by `locate` and goes back when it has been told, or, when it was cancelled, when the
// last answer that it waits for is there: `waiting` is the number of waits that point to it. Its memory stays until the resolver ends, so that a
// LocationID of an earlier use can be checked.

/// One address to try.
struct Hop {
    var address: SocketAddress
    /// By its number.
    var transport: UInt8
}

/// Addresses to try, best first.
struct Hops {
    /// Without a room of the one who asks.
    static let limit = 8

    /// Memory of one who wants them all; it outlives the look-up.
    struct Room {
        let start: UnsafeMutablePointer<Hop>
        let capacity: Int
    }

    private(set) var count = 0
    /// Milliseconds on the resolver's clock until which all that led to them holds; `.max` for an address.
    private(set) var expires = UInt64.max
    private var hops: [8 of Hop] = InlineArray(repeating: Hop(address: SocketAddress(), transport: 0))
    private let room: Room?

    init(_ room: Room? = nil) { self.room = room }

    subscript(_ index: Int) -> Hop { room?.start[index] ?? hops[index] }
    var isFull: Bool { count == capacity }
    var capacity: Int { room?.capacity ?? Hops.limit }

    /// They came by an answer that holds so long.
    mutating func hold(until time: UInt64) { if time < expires { expires = time } }

    /// Adds one behind the others, unless it is there already or there is no room.
    mutating func append(_ address: SocketAddress, _ transport: UInt8) {
        var i = 0
        while i < count {
            if self[i].transport == transport, self[i].address == address { return }
            i &+= 1
        }
        guard !isFull else { return }
        let hop = Hop(address: address, transport: transport)
        if let room { (room.start + count).initialize(to: hop) } else { hops[count] = hop }
        count &+= 1
    }
}

/// Where is this? What a SIP URI says of its place, and what the one who asks can do.
struct LocationQuestion {
    /// An address or a name; any case.
    var host: Bytes
    /// 0: none was written.
    var port: UInt16
    /// As the URI names it, by its number; 0: none was written.
    var transport: UInt8
    /// TLS is demanded: sips.
    var isSecure: Bool
    /// The only transport wanted, whatever the URI says; 0: by the URI.
    var wanted: UInt8 = 0
    var offered: OfferedTransports
    /// All addresses are wanted, whatever the resolver's preferences are; nil: as those have it.
    var room: Hops.Room?
}

/// What those who wait are told; valid until they return.
struct LocationAnswer {
    var status: ResolverStatus
    /// With `found` one at least, else none.
    var hops: Hops
}

/// Names a look-up that is under way; of no use afterwards, and harmless.
struct LocationID: Equatable {
    fileprivate(set) var location: UnsafeMutablePointer<Location>
    fileprivate(set) var generation: UInt64

    /// From what a module kept.
    init(_ location: UnsafeMutablePointer<Location>, generation: UInt64) {
        self.location = location
        self.generation = generation
    }
}

/// How a look-up began.
enum LocationStart {
    /// It was known: no callback will be called.
    case known
    /// The callback will be called, exactly once unless `cancel` comes first.
    case pending(LocationID)
    /// No callback will be called.
    case failed(ResolverStatus)
}

/// A look-up that waits.
struct Location {
    /// - Parameters: the worker, the context given to `locate`, and the `LocationAnswer`.
    typealias Done =
        @convention(c) (
            _ worker: UnsafeMutableRawPointer, _ context: UnsafeMutableRawPointer?, _ answer: UnsafeRawPointer
        ) -> Void

    /// The name that it is for lies in `text`.
    var question: LocationQuestion
    /// For the choice among equals: the same each time that the question is gone through.
    var seed: UInt64
    /// Answers after this one are new enough, however short they hold.
    var began: UInt64
    fileprivate(set) var waiting: Int32 = 0
    fileprivate var rounds: UInt8 = 0
    fileprivate var isDropped = false
    fileprivate(set) var generation: UInt64
    fileprivate var done: Done
    fileprivate var context: UnsafeMutableRawPointer?
    fileprivate var nextFree: UnsafeMutablePointer<Location>?

    /// Times that a question is gone through: NAPTR, SRV of each transport, A and AAAA come one after the other; more is only needed when
    /// the cache cannot hold what this one look-up takes.
    fileprivate static let maxRounds: UInt8 = 12
}

/// A look-up's place in the list of those who wait for one answer.
struct LocationWait {
    fileprivate(set) var next: UnsafeMutablePointer<LocationWait>?
    fileprivate(set) var location: UnsafeMutablePointer<Location>
}

/// Memory of look-ups that wait; it grows to what was needed at once and stays.
struct LocationPool {
    fileprivate(set) var pending = 0
    private var locations: UnsafeMutablePointer<Location>?
    private var waits: UnsafeMutablePointer<LocationWait>?
    private var chunks: [UnsafeMutableRawPointer] = []

    init() {}

    fileprivate static let stride = (MemoryLayout<Location>.stride + DNSName.limit + 15) & ~15

    fileprivate mutating func take(_ location: Location) -> UnsafeMutablePointer<Location> {
        if locations == nil {
            let chunk = UnsafeMutableRawPointer.allocate(byteCount: 32 * LocationPool.stride, alignment: 16)
            chunks.append(chunk)
            for i in 0..<32 {
                let fresh = (chunk + i * LocationPool.stride).bindMemory(to: Location.self, capacity: 1)
                fresh.initialize(to: location)
                fresh.pointee.generation = 0
                fresh.pointee.nextFree = locations
                locations = fresh
            }
        }
        let taken = locations!
        locations = taken.pointee.nextFree
        let generation = taken.pointee.generation &+ 1
        taken.initialize(to: location)
        taken.pointee.generation = generation
        let text = taken.text
        text.update(from: location.question.host.start, count: location.question.host.count)
        taken.pointee.question.host = Bytes(text, location.question.host.count)
        pending += 1
        return taken
    }

    fileprivate mutating func free(_ location: UnsafeMutablePointer<Location>) {
        location.pointee.generation &+= 1
        location.pointee.nextFree = locations
        locations = location
        pending -= 1
    }

    fileprivate mutating func makeWait(_ location: UnsafeMutablePointer<Location>) -> UnsafeMutablePointer<LocationWait>
    {
        if waits == nil {
            let chunk = UnsafeMutablePointer<LocationWait>.allocate(capacity: 64)
            chunks.append(chunk)
            for i in 0..<64 {
                (chunk + i).initialize(to: LocationWait(next: waits, location: location))
                waits = chunk + i
            }
        }
        let wait = waits!
        waits = wait.pointee.next
        wait.initialize(to: LocationWait(next: nil, location: location))
        return wait
    }

    mutating func free(_ wait: UnsafeMutablePointer<LocationWait>) {
        wait.pointee.next = waits
        waits = wait
    }

    func end() { for chunk in chunks { chunk.deallocate() } }
}

extension UnsafeMutablePointer<Location> {
    fileprivate var text: UnsafeMutablePointer<UInt8> {
        (UnsafeMutableRawPointer(self) + MemoryLayout<Location>.stride).assumingMemoryBound(to: UInt8.self)
    }
}

extension UnsafeMutablePointer<Resolver> {
    /// Finds out where a SIP message goes (RFC 3263 §4). What is known is answered at once; else `done` is called from the loop. Those who ask
    /// for the same name at the same time share one question to the servers.
    /// - Parameter seed: makes the choice among records of equal priority; those who have tried `seek` give the same here, since another choice
    ///   would favour the names that are known already.
    func locate(
        _ question: LocationQuestion, seed: UInt64, _ hops: inout Hops, context: UnsafeMutableRawPointer?,
        _ done: @escaping Location.Done
    ) -> LocationStart {
        switch seek(question, seed: seed, &hops) {
        case .known: return .known
        case .failed(let status): return .failed(status)
        case .unknown: return wait(question, seed, &hops, context, done)
        }
    }

    private func wait(
        _ question: LocationQuestion, _ seed: UInt64, _ hops: inout Hops, _ context: UnsafeMutableRawPointer?,
        _ done: @escaping Location.Done
    ) -> LocationStart {
        guard pointee.locations.pending < pointee.options.limit else { return .failed(.busy) }
        let location = pointee.locations.take(
            Location(
                question: question, seed: seed, began: pointee.sequence, generation: 0, done: done, context: context))
        let found = seek(location, &hops)
        ring()
        switch found {
        case .known:
            drop(location)
            return .known
        case .failed(let status):
            drop(location)
            return .failed(status)
        case .unknown: return .pending(LocationID(location, generation: location.pointee.generation))
        }
    }

    /// The callback of this look-up will not be called. Its questions go on for others.
    func cancel(_ id: LocationID) {
        guard id.location.pointee.generation == id.generation, !id.location.pointee.isDropped else { return }
        drop(id.location)
    }

    /// Nobody wants this one any more.
    private func drop(_ location: UnsafeMutablePointer<Location>) {
        location.pointee.isDropped = true
        if location.pointee.waiting == 0 { pointee.locations.free(location) }
    }

    /// `location` waits for this entry's answer.
    func addWait(_ location: UnsafeMutablePointer<Location>, _ entry: UnsafeMutablePointer<DNSEntry>) {
        let wait = pointee.locations.makeWait(location)
        if let last = entry.pointee.lastWaiter { last.pointee.next = wait } else { entry.pointee.firstWaiter = wait }
        entry.pointee.lastWaiter = wait
        location.pointee.waiting += 1
    }

    /// One of the answers that a look-up waits for is there.
    func arrived(_ location: UnsafeMutablePointer<Location>) {
        location.pointee.waiting -= 1
        guard location.pointee.waiting == 0 else { return }
        if location.pointee.isDropped { return pointee.locations.free(location) }
        var answer = LocationAnswer(status: .found, hops: Hops(location.pointee.question.room))
        location.pointee.rounds += 1
        if location.pointee.rounds < Location.maxRounds {
            switch seek(location, &answer.hops) {
            case .unknown: return
            case .known: break
            case .failed(let status): answer.status = status
            }
        } else {
            answer.status = .serverFailed
        }
        let (done, context) = (location.pointee.done, location.pointee.context)
        drop(location)
        done(pointee.place.owner, context, &answer)
    }
}
