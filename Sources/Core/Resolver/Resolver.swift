import CAres
import CLinux
import Glibc

// Invariants: one per worker, at one address, on its thread only. c-ares calls back once for each question, perhaps before the call that asked
// returns; what is answered is only put into the cache then. Those who wait are told from the loop, never inside c-ares nor inside `locate`. An
// entry of the cache that c-ares has (`isAsked`) is never freed.

/// Where SIP messages go, by names: SRV, NAPTR, A and AAAA records in a worker's event loop, /etc/hosts first for addresses. Never blocks.
struct Resolver {
    let place: ResolverPlace
    fileprivate(set) var options: ResolverOptions
    /// An operator has not said that all name servers are down. Then none is asked, and what was known last holds, however old.
    var areServersUp = true
    var figures = ResolverFigures()
    fileprivate var channel: ares_channel?
    fileprivate var watches: [UnsafeMutablePointer<SocketWatch>] = []
    /// While questions are under way: c-ares looks for those to ask again.
    fileprivate let tick: UnsafeMutablePointer<TimerNode>
    fileprivate let bell: UnsafeMutablePointer<Bell>
    fileprivate var isBellPosted = false
    /// Inside the call that puts a question to c-ares.
    fileprivate var isPutting = false
    /// A channel is being replaced: what it has not answered is put to the new one.
    fileprivate var isReopening = false
    /// Milliseconds that a question may take.
    fileprivate var patience: UInt64 = 0
    /// Questions that c-ares has.
    fileprivate(set) var asked = 0
    /// Questions asked so far.
    fileprivate(set) var questions: UInt64 = 0
    /// Answers so far.
    var sequence: UInt64 = 0
    var cache: DNSCache
    fileprivate var firstTold: UnsafeMutablePointer<DNSEntry>?
    fileprivate var lastTold: UnsafeMutablePointer<DNSEntry>?
    var locations = LocationPool()
    var random = Random()

    /// A socket of c-ares in the loop; its address is the watch's context.
    fileprivate struct SocketWatch {
        let resolver: UnsafeMutablePointer<Resolver>
        let fd: Int32
        var id: WatchID
        var events: UInt32
    }

    /// What a resolver posts to its own mailbox; the node first.
    fileprivate struct Bell {
        var node: MailNode
        var resolver: UnsafeMutablePointer<Resolver>?
    }

    /// c-ares's own set-up, once for the process.
    fileprivate static let library = ares_library_init(ARES_LIB_INIT_ALL)

    /// Milliseconds between two looks at what has to be asked again.
    fileprivate static let tickInterval: UInt64 = 50

    /// A resolver for the thread of this place, which has to be alive until `end`. On that thread.
    static func make(
        _ place: ResolverPlace, _ options: ResolverOptions
    ) throws(ResolverError) -> UnsafeMutablePointer<Resolver> {
        guard library == ARES_SUCCESS else { throw ResolverError(text: "c-ares: \(text(library))") }
        let me = UnsafeMutablePointer<Resolver>.allocate(capacity: 1)
        me.initialize(to: Resolver(place, options, me))
        do { try me.open() } catch {
            me.end()
            throw error
        }
        return me
    }

    private init(_ place: ResolverPlace, _ options: ResolverOptions, _ me: UnsafeMutablePointer<Resolver>) {
        self.place = place
        self.options = options
        cache = DNSCache(bytes: options.cache.bytes)
        tick = .allocate(capacity: 1)
        tick.initialize(
            to: TimerNode(context: me) { _, me in
                me!.assumingMemoryBound(to: Resolver.self).process(ARES_SOCKET_BAD, ARES_SOCKET_BAD)
            })
        bell = .allocate(capacity: 1)
        bell.initialize(to: Bell(node: MailNode(receive: Resolver.onBell), resolver: me))
    }

    fileprivate static func text(_ code: Int32) -> String { String(cString: ares_strerror(code)) }

    private static let onBell: Mailbox.Callback = { _, raw in
        let bell = raw.assumingMemoryBound(to: Bell.self)
        if let resolver = bell.pointee.resolver {
            resolver.pointee.isBellPosted = false
            resolver.tell()
        } else {
            bell.deallocate()
        }
    }

    fileprivate static let onReady: EventLoop.Callback = { _, context, events in
        let watch = context!.assumingMemoryBound(to: SocketWatch.self).pointee
        let failed = events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
        let reads = failed || events & EPOLLIN.rawValue != 0
        let writes = failed || events & EPOLLOUT.rawValue != 0
        watch.resolver.process(reads ? watch.fd : ARES_SOCKET_BAD, writes ? watch.fd : ARES_SOCKET_BAD)
    }
}

extension UnsafeMutablePointer<Resolver> {
    // MARK: - Life

    fileprivate func open() throws(ResolverError) {
        var settings = ares_options()
        settings.timeout = pointee.options.timeout
        settings.tries = pointee.options.tries
        settings.sock_state_cb = { me, fd, readable, writable in
            me!.assumingMemoryBound(to: Resolver.self).watch(fd, readable != 0, writable != 0)
        }
        settings.sock_state_cb_data = UnsafeMutableRawPointer(self)
        let mask = Int32(ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB | ARES_OPT_FLAGS)
        settings.flags = pointee.options.usesSearchList ? 0 : Int32(ARES_FLAG_NOSEARCH)
        var channel: ares_channel?
        var code = ares_init_options(&channel, &settings, mask)
        if code == ARES_SUCCESS {
            pointee.channel = channel
            if !pointee.options.servers.isEmpty {
                code = ares_set_servers_ports_csv(channel, pointee.options.servers)
            }
        }
        guard code == ARES_SUCCESS else { throw ResolverError(text: "c-ares: \(Resolver.text(code))") }
        let servers = limitServers()
        pointee.patience =
            UInt64(pointee.options.timeout) * UInt64(pointee.options.tries) * UInt64(Swift.max(1, servers))
    }

    /// - Returns: how many servers there are.
    private func limitServers() -> Int {
        var list: UnsafeMutablePointer<ares_addr_port_node>?
        guard ares_get_servers_ports(pointee.channel, &list) == ARES_SUCCESS, let list else { return 0 }
        defer { ares_free_data(list) }
        let limit = pointee.options.maxServers
        var count = 1
        var node = list
        while let next = node.pointee.next {
            if count == limit {
                node.pointee.next = nil
                ares_set_servers_ports(pointee.channel, list)
                node.pointee.next = next
                break
            }
            node = next
            count += 1
        }
        return count
    }

    /// Nobody is called any more. On the resolver's thread; nothing may be asked of it afterwards.
    func end() {
        // Answers all that is under way, which only reaches the cache.
        if let channel = pointee.channel { ares_destroy(channel) }
        pointee.channel = nil
        pointee.place.wheel.remove(pointee.tick)
        pointee.tick.deallocate()
        // The bell may still lie in the mailbox: then the mailbox's reader frees it.
        pointee.bell.pointee.resolver = nil
        if !pointee.isBellPosted { pointee.bell.deallocate() }
        pointee.cache.end(pointee.place.wheel)
        pointee.locations.end()
        deinitialize(count: 1)
        deallocate()
    }

    /// Other options from now on. Questions that are under way are put again when they ask servers otherwise; those who wait notice nothing.
    func take(_ options: ResolverOptions) {
        let before = pointee.options
        pointee.options = options
        pointee.cache.limit = options.cache.bytes
        guard !options.asksLike(before) else { return }
        let old = pointee.channel
        do { try open() } catch {
            pointee.channel = old
            return Log.error("the resolver goes on as it was: \(error.text)")
        }
        pointee.isReopening = true
        if let old { ares_destroy(old) }
        pointee.isReopening = false
    }

    /// c-ares has given up a question; if its channel is being replaced the new one gets it.
    fileprivate func putsAgain(_ entry: UnsafeMutablePointer<DNSEntry>, _ code: Int32) -> Bool {
        guard pointee.isReopening, code == Int32(ARES_EDESTRUCTION) else { return false }
        put(entry)
        return true
    }

    // MARK: - Asking

    /// Puts the entry's question to the servers, unless they have it already. The answer may be there when this returns.
    /// - Returns: false when too many are under way.
    func ask(_ entry: UnsafeMutablePointer<DNSEntry>) -> Bool {
        let now = pointee.place.clock.pointee.now
        if !entry.pointee.isAsked {
            guard pointee.asked < pointee.options.limit else { return false }
            pointee.figures.requests &+= 1
            guard pointee.areServersUp else {
                pointee.cache.wake(entry)
                settle(entry, .serverFailed, seconds: 0)
                return true
            }
            pointee.cache.wake(entry)
            entry.pointee.isAsked = true
            entry.pointee.askedAt = now
            pointee.asked += 1
            pointee.questions &+= 1
            pointee.isPutting = true
            put(entry)
            pointee.isPutting = false
            guard entry.pointee.isAsked else { return true }
        }
        pointee.cache.wake(entry)
        if !entry.deadline.pointee.isArmed { pointee.place.wheel.schedule(entry.deadline, at: now + pointee.patience) }
        if !pointee.tick.pointee.isArmed {
            pointee.place.wheel.schedule(pointee.tick, at: now + Resolver.tickInterval)
        }
        return true
    }

    private func put(_ entry: UnsafeMutablePointer<DNSEntry>) {
        let name = entry.name
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: DNSName.limit + 1) { text in
            memcpy(text.baseAddress!, name.start, name.count)
            text[name.count] = 0
            switch entry.pointee.type {
            case .a, .aaaa:
                var hints = ares_addrinfo_hints()
                hints.ai_family = entry.pointee.type == .a ? AF_INET : AF_INET6
                hints.ai_socktype = linux_sock_dgram()
                // Sorting would open a socket for each address to ask the routing table.
                hints.ai_flags = Int32(ARES_AI_NOSORT)
                ares_getaddrinfo(pointee.channel, text.baseAddress!, nil, &hints, onAddresses, entry)
            case .srv, .naptr:
                ares_query(
                    pointee.channel, text.baseAddress!, 1, Int32(entry.pointee.type.rawValue), onRecords, entry)
            }
        }
    }

    /// A name that nobody has asked for yet.
    func addEntry(_ name: Bytes, _ type: DNSType) -> UnsafeMutablePointer<DNSEntry> {
        pointee.cache.add(name, type, asker: self) { _, entry in
            let entry = entry!.assumingMemoryBound(to: DNSEntry.self)
            entry.resolver.giveUp(entry)
        }
    }

    // MARK: - Answers

    fileprivate func take(_ entry: UnsafeMutablePointer<DNSEntry>, _ list: UnsafePointer<ares_addrinfo>?) -> UInt32 {
        withUnsafeTemporaryAllocation(of: SocketAddress.self, capacity: DNSRecord.limit) { addresses in
            var count = 0
            var ttl = UInt32.max
            var node = list?.pointee.nodes
            while let this = node, count < DNSRecord.limit {
                node = this.pointee.ai_next
                guard let raw = this.pointee.ai_addr, let address = SocketAddress(raw) else { continue }
                ttl = Swift.min(ttl, UInt32(clamping: this.pointee.ai_ttl))
                var i = 0
                while i < count, !addresses[i].hasSameAddress(as: address) { i += 1 }
                if i < count { continue }
                addresses[count] = address
                count += 1
            }
            let size = count * MemoryLayout<SocketAddress>.stride
            pointee.cache.store(entry, UnsafeRawPointer(addresses.baseAddress!), size, count: count)
            return count > 0 ? ttl : 0
        }
    }

    fileprivate func take(_ entry: UnsafeMutablePointer<DNSEntry>, _ bytes: Bytes) -> DNSMessage.Answer {
        withUnsafeTemporaryAllocation(byteCount: DNSRecord.room, alignment: 8) { room in
            var message = DNSMessage(bytes)
            let answer = message.read(entry.pointee.type, into: room.baseAddress!)
            pointee.cache.store(entry, room.baseAddress!, answer.bytes, count: answer.count)
            return answer
        }
    }

    /// The entry has its answer, from inside c-ares: those who wait are told when that has returned.
    /// - Parameter ttl: seconds, of the records.
    fileprivate func answered(_ entry: UnsafeMutablePointer<DNSEntry>, _ status: ResolverStatus, ttl: UInt32) {
        let cache = pointee.options.cache
        entry.pointee.isAsked = false
        pointee.asked -= 1
        var seconds = cache.negativeTTL
        if status == .found { seconds = Swift.min(Swift.max(ttl, cache.minTTL), cache.maxTTL) }
        settle(entry, status, seconds: seconds)
        pointee.place.wheel.cancel(entry.deadline)
        let took = pointee.place.clock.pointee.now - entry.pointee.askedAt
        if pointee.options.slowQuery > 0, took > pointee.options.slowQuery {
            Log.limited(.warning, "a name server took long") { line in
                line.add(": ")
                line.add(entry.name)
                line.add(" ")
                line.add(Int(took))
                line.add(" ms")
            }
        }
    }

    private func settle(_ entry: UnsafeMutablePointer<DNSEntry>, _ status: ResolverStatus, seconds: UInt32) {
        pointee.sequence &+= 1
        entry.pointee.sequence = pointee.sequence
        entry.pointee.usedAt = pointee.place.clock.pointee.now
        entry.pointee.status = status
        entry.pointee.expires =
            pointee.options.cache.isOn ? pointee.place.clock.pointee.now + UInt64(seconds) * 1000 : 0
        guard !entry.pointee.isTold else { return }
        entry.pointee.isTold = true
        entry.pointee.nextTold = nil
        if let last = pointee.lastTold { last.pointee.nextTold = entry } else { pointee.firstTold = entry }
        pointee.lastTold = entry
    }

    /// Those who wait for this entry have waited long enough. c-ares may still have the question: a late answer comes into the cache.
    fileprivate func giveUp(_ entry: UnsafeMutablePointer<DNSEntry>) {
        pointee.cache.store(entry, nil, 0, count: 0)
        settle(entry, .timedOut, seconds: pointee.options.cache.negativeTTL)
        tell()
    }

    // MARK: - The loop

    fileprivate func watch(_ fd: Int32, _ readable: Bool, _ writable: Bool) {
        let events = (readable ? EPOLLIN.rawValue : 0) | (writable ? EPOLLOUT.rawValue : 0)
        if let known = pointee.watches.firstIndex(where: { $0.pointee.fd == fd }) {
            let watch = pointee.watches[known]
            if events == 0 {
                pointee.place.loop.pointee.unwatch(watch.pointee.id)
                pointee.watches.remove(at: known)
                watch.deallocate()
            } else if events != watch.pointee.events {
                watch.pointee.events = events
                try? pointee.place.loop.pointee.change(watch.pointee.id, events)
            }
        } else if events != 0 {
            let watch = UnsafeMutablePointer<Resolver.SocketWatch>.allocate(capacity: 1)
            if let id = try? pointee.place.loop.pointee.watch(fd, events, context: watch, Resolver.onReady) {
                watch.initialize(to: Resolver.SocketWatch(resolver: self, fd: fd, id: id, events: events))
                pointee.watches.append(watch)
            } else {
                // The question ends by its timeout.
                watch.deallocate()
                Log.limited(.error, "cannot watch the socket of a DNS query")
            }
        }
    }

    fileprivate func process(_ read: Int32, _ write: Int32) {
        ares_process_fd(pointee.channel, read, write)
        if pointee.asked > 0, !pointee.tick.pointee.isArmed {
            pointee.place.wheel.schedule(pointee.tick, at: pointee.place.clock.pointee.now + Resolver.tickInterval)
        }
        tell()
    }

    /// Somebody has to be told, but not now: in the next turn.
    func ring() {
        guard pointee.firstTold != nil, !pointee.isBellPosted else { return }
        pointee.isBellPosted = true
        pointee.place.mailbox.post(UnsafeMutableRawPointer(pointee.bell).assumingMemoryBound(to: MailNode.self))
    }

    /// Tells those who wait for what has been answered. They may ask again and cancel, but not end the resolver.
    fileprivate func tell() {
        while let entry = pointee.firstTold {
            pointee.firstTold = entry.pointee.nextTold
            if pointee.firstTold == nil { pointee.lastTold = nil }
            entry.pointee.isTold = false
            var wait = entry.pointee.firstWaiter
            entry.pointee.firstWaiter = nil
            entry.pointee.lastWaiter = nil
            if !entry.pointee.isAsked { pointee.cache.rest(entry) }
            while let this = wait {
                wait = this.pointee.next
                let location = this.pointee.location
                pointee.locations.free(this)
                arrived(location)
            }
        }
        pointee.cache.trim(pointee.place.wheel)
    }
}

extension UnsafeMutablePointer<DNSEntry> {
    fileprivate var deadline: UnsafeMutablePointer<TimerNode> { pointer(to: \.deadline).unsafelyUnwrapped }
    fileprivate var resolver: UnsafeMutablePointer<Resolver> { pointee.asker.assumingMemoryBound(to: Resolver.self) }
}

/// A and AAAA.
private let onAddresses: ares_addrinfo_callback = { raw, code, _, list in
    let entry = raw!.assumingMemoryBound(to: DNSEntry.self)
    let resolver = entry.resolver
    if resolver.putsAgain(entry, code) { return }
    let ttl = resolver.take(entry, list)
    if let list { ares_freeaddrinfo(list) }
    var status = ResolverStatus(ares: code)
    if status == .found, entry.pointee.recordCount == 0 { status = .noData }
    // What is there within the call came from /etc/hosts.
    let isFromFile = status == .found && resolver.pointee.isPutting
    resolver.answered(entry, status, ttl: isFromFile ? ResolverOptions.Cache.hostsTTL : ttl)
}

/// SRV and NAPTR.
private let onRecords: ares_callback = { raw, code, _, start, count in
    let entry = raw!.assumingMemoryBound(to: DNSEntry.self)
    let resolver = entry.resolver
    if resolver.putsAgain(entry, code) { return }
    var answer = DNSMessage.Answer(status: ResolverStatus(ares: code))
    if answer.status == .found, let start { answer = resolver.take(entry, Bytes(start, Int(count))) }
    if answer.count == 0 { resolver.pointee.cache.store(entry, nil, 0, count: 0) }
    resolver.answered(entry, answer.status, ttl: answer.ttl)
}

extension ResolverStatus {
    init(ares code: Int32) {
        switch code {
        case ARES_SUCCESS: self = .found
        case ARES_ENODATA: self = .noData
        case ARES_ENOTFOUND, ARES_ENONAME: self = .noSuchName
        case ARES_ETIMEOUT: self = .timedOut
        case ARES_EBADNAME: self = .badName
        default: self = .serverFailed
        }
    }
}
