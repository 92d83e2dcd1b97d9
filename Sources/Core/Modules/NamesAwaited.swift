import CLinux
import Glibc
import PluginAPI

// Invariants: made, used and ended within one call of `find`, on one thread; at one address meanwhile, which callbacks get as their owner. `hops` has room
// for the addresses of one name for each of `slots`. Callbacks come from `turn` only.

/// Names that a thread which may wait is waiting for: a resolver in a loop of its own, for as long as that takes.
struct NamesAwaited {
    /// Look-ups at a time.
    fileprivate static let width = 64
    /// The most addresses of one name.
    fileprivate static let limit = DNSRecord.limit

    fileprivate let host: UnsafePointer<apus_host>
    fileprivate let names: UnsafeMutableBufferPointer<apus_name>
    fileprivate let resolver: UnsafeMutablePointer<Resolver>
    fileprivate var next = 0
    fileprivate var open = 0
    /// What each look-up under way is for: the place of its name.
    fileprivate let slots: UnsafeMutablePointer<Slot>
    fileprivate let hops: UnsafeMutablePointer<Hop>

    fileprivate struct Slot {
        /// -1: free.
        var name = -1
        var id: LocationID?
        let number: Int
    }

    /// `resolver->wait`
    static func find(
        _ host: UnsafePointer<apus_host>, _ names: UnsafeMutableBufferPointer<apus_name>, _ milliseconds: UInt32
    ) -> CInt {
        guard Worker.current == nil, ManagementThread.current == nil else {
            Log.error("module \(host.record.pointee.name): names cannot be waited for on this thread")
            return CInt(APUS_FALSE)
        }
        let isWhole = names.allSatisfy { Int($0.size) >= MemoryLayout<apus_name>.size }
        guard isWhole, let mailbox = try? Mailbox(bound: 1) else { return CInt(APUS_FALSE) }
        defer { mailbox.free() }
        guard var loop = try? EventLoop() else { return CInt(APUS_FALSE) }
        defer { loop.end() }
        var clock = Clock()
        let wheel = TimerWheel(now: clock.now)
        defer { wheel.free() }
        return withUnsafeMutablePointer(to: &loop) { loop in
            withUnsafeMutablePointer(to: &clock) { clock in
                let me = UnsafeMutablePointer<NamesAwaited>.allocate(capacity: 1)
                defer { me.deallocate() }
                let place = ResolverPlace(owner: me, loop: loop, clock: clock, wheel: wheel, mailbox: mailbox)
                guard let resolver = try? Resolver.make(place, host.shared.pointee.services.resolver) else {
                    return CInt(APUS_FALSE)
                }
                me.initialize(to: NamesAwaited(host, names, resolver))
                me.run(until: clock.pointee.now + UInt64(milliseconds))
                me.end()
                return CInt(APUS_TRUE)
            }
        }
    }

    private init(
        _ host: UnsafePointer<apus_host>, _ names: UnsafeMutableBufferPointer<apus_name>,
        _ resolver: UnsafeMutablePointer<Resolver>
    ) {
        self.host = host
        self.names = names
        self.resolver = resolver
        slots = .allocate(capacity: NamesAwaited.width)
        for number in 0..<NamesAwaited.width { (slots + number).initialize(to: Slot(number: number)) }
        hops = .allocate(capacity: NamesAwaited.width * NamesAwaited.limit)
    }
}

extension UnsafeMutablePointer<NamesAwaited> {
    fileprivate func run(until end: UInt64) {
        let place = pointee.resolver.pointee.place
        fill()
        while pointee.open > 0, place.clock.pointee.now < end {
            let due = Swift.min(end, place.wheel.nextEvent() ?? end)
            let pause = due > place.clock.pointee.now ? due - place.clock.pointee.now : 0
            let sleeps = pause > 0 && place.mailbox.fallAsleep()
            // Nobody posts but this thread: there is nothing that would have to wake it.
            let events = place.loop.pointee.wait(milliseconds: sleeps ? Int32(clamping: pause) : 0)
            if sleeps { place.mailbox.wakeUp() }
            place.clock.pointee.refresh()
            takeMail(place.mailbox)
            for index in 0..<events {
                if let target = place.loop.pointee.target(index) {
                    target.callback(self, target.context, target.events)
                }
            }
            _ = place.wheel.advance(to: place.clock.pointee.now)
            fill()
        }
    }

    /// Puts questions as long as there is room.
    private func fill() {
        while pointee.open < NamesAwaited.width, pointee.next < pointee.names.count {
            let slot = pointee.slots + (0..<NamesAwaited.width).first { pointee.slots[$0].name < 0 }.unsafelyUnwrapped
            slot.pointee.name = pointee.next
            pointee.next += 1
            pointee.open += 1
            ask(slot)
        }
    }

    private func ask(_ slot: UnsafeMutablePointer<NamesAwaited.Slot>) {
        let name = pointee.names[slot.pointee.name]
        let offered = pointee.host.shared.pointee.listeners.offered
        guard let uri = URI.parse(name.uri.bytes), let hop = uri.nextHop,
            var question = LocationQuestion(hop, wanted: name.transport, offered)
        else { return finish(slot, .badName, Hops()) }
        let capacity = Swift.min(NamesAwaited.limit, Swift.max(1, Int(name.capacity)))
        let room = Hops.Room(start: pointee.hops + slot.pointee.number * NamesAwaited.limit, capacity: capacity)
        question.room = room
        var hops = Hops(room)
        let seed = pointee.resolver.pointee.random.next()
        switch pointee.resolver.locate(question, seed: seed, &hops, context: slot, located) {
        case .known: finish(slot, .found, hops)
        case .pending(let id): slot.pointee.id = id
        case .failed(let status): finish(slot, status, hops)
        }
    }

    fileprivate func finish(
        _ slot: UnsafeMutablePointer<NamesAwaited.Slot>, _ status: ResolverStatus, _ hops: Hops
    ) {
        let name = pointee.names.baseAddress.unsafelyUnwrapped + slot.pointee.name
        slot.pointee.name = -1
        slot.pointee.id = nil
        pointee.open -= 1
        let count = status == .found ? Swift.min(hops.count, Int(name.pointee.capacity)) : 0
        for index in 0..<count {
            let hop = hops[index]
            (name.pointee.hops + index).initialize(
                to: apus_hop(address: apus_address(hop.address), transport: UInt32(hop.transport), reserved: 0))
        }
        name.pointee.count = UInt32(count)
        let now = pointee.resolver.pointee.place.clock.pointee.now
        let expires = hops.expires
        name.pointee.ttl =
            expires == .max ? .max : expires > now ? UInt32(clamping: (expires - now + 999) / 1000) : 0
        name.pointee.status =
            switch status {
            case .found: CInt(APUS_OK)
            case .timedOut: CInt(APUS_TIMED_OUT)
            default: CInt(APUS_FAILED)
            }
    }

    /// Those that are not known yet will not be.
    fileprivate func end() {
        for number in 0..<NamesAwaited.width where pointee.slots[number].name >= 0 {
            if let id = pointee.slots[number].id { pointee.resolver.cancel(id) }
            var nothing = Hops()
            nothing.hold(until: 0)
            finish(pointee.slots + number, .timedOut, nothing)
        }
        for index in pointee.next..<pointee.names.count {
            pointee.names[index].count = 0
            pointee.names[index].ttl = 0
            pointee.names[index].status = CInt(APUS_TIMED_OUT)
        }
        let mailbox = pointee.resolver.pointee.place.mailbox
        pointee.resolver.end()
        // A bell that still lies there is freed as it is read.
        takeMail(mailbox)
        pointee.slots.deallocate()
        pointee.hops.deallocate()
    }

    private func takeMail(_ mailbox: Mailbox) {
        var mail = mailbox.takeUrgent()
        while let node = mail.removeFirst() { node.pointee.receive(self, node) }
    }
}

/// A look-up that waited has its answer.
private let located: Location.Done = { owner, context, answer in
    let answer = answer.assumingMemoryBound(to: LocationAnswer.self).pointee
    owner.assumingMemoryBound(to: NamesAwaited.self)
        .finish(context!.assumingMemoryBound(to: NamesAwaited.Slot.self), answer.status, answer.hops)
}
