import CAres
import CLinux
import Glibc

// Invariants: one per worker, on its thread only. c-ares calls `answered` once for each `ares_getaddrinfo`, perhaps before
// that returns; the callbacks of those who ask never run inside c-ares nor inside `lookUp`, but from the loop. A Query is kept
// alive by the retained reference that c-ares carries, and by `queries` while others may join it.

/// What became of a look-up.
enum ResolverStatus: UInt8 {
    case found
    /// The name does not exist.
    case noSuchName
    /// The name exists, but not with an address of that family.
    case noData
    case timedOut
    /// The servers refused, failed or answered nonsense.
    case serverFailed
    /// No DNS name: a wrong character, too long, empty.
    case badName
    /// Too many look-ups are under way.
    case busy
}

/// The answer that a look-up's callback gets; valid until it returns.
struct ResolverAnswer {
    let status: ResolverStatus
    /// Distinct addresses in the order of the answer, with the port that was asked for.
    let addresses: UnsafePointer<SocketAddress>
    let count: Int
    /// Seconds for which the answer holds; 0 without one.
    let ttl: UInt32
}

/// Names a look-up that is under way; of no use afterwards, and harmless.
struct LookupID: Equatable {
    fileprivate let index: Int
    fileprivate let generation: UInt32
}

/// How a look-up began.
enum LookupStart {
    /// It was an IP literal.
    case address(SocketAddress)
    /// The callback will be called, exactly once unless `cancel` comes first.
    case pending(LookupID)
    /// No callback will be called.
    case failed(ResolverStatus)
}

struct ResolverOptions {
    /// Milliseconds until a server is asked again, or the next one is.
    var timeout: Int32 = 2000
    /// Times that each server is asked.
    var tries: Int32 = 2
    /// "192.0.2.53:53, …"; empty: those of /etc/resolv.conf.
    var servers = ""
    /// Append the domains of /etc/resolv.conf to names that are not found.
    var usesSearchList = true
    /// Look-ups under way at once, joined ones among them; beyond it they fail as busy.
    var limit = 4096
}

/// Why a worker has no resolver.
struct ResolverError: Error {
    let text: String
}

/// What a resolver needs of the thread that it lives on.
struct ResolverPlace {
    /// Handed to those who asked: the worker.
    let owner: UnsafeMutableRawPointer
    let loop: UnsafeMutablePointer<EventLoop>
    let clock: UnsafeMutablePointer<Clock>
    let wheel: TimerWheel
    let mailbox: Mailbox
}

/// A and AAAA look-ups in a worker's event loop, /etc/hosts first. Never blocks.
final class Resolver {
    /// - Parameters: the worker, the context given to `lookUp`, and the `ResolverAnswer`.
    typealias Done =
        @convention(c) (
            _ worker: UnsafeMutableRawPointer, _ context: UnsafeMutableRawPointer?, _ answer: UnsafeRawPointer
        ) -> Void

    fileprivate final class Query {
        let resolver: Unmanaged<Resolver>
        let key: String
        var waiters: [Int] = []
        var addresses: [SocketAddress] = []
        var status = ResolverStatus.serverFailed
        var ttl: UInt32 = 0

        init(_ resolver: Unmanaged<Resolver>, _ key: String) {
            self.resolver = resolver
            self.key = key
        }
    }

    private struct Waiter {
        var generation: UInt32 = 0
        var done: Done?
        var context: UnsafeMutableRawPointer?
        var port: UInt16 = 0
    }

    /// A socket of c-ares in the loop; its address is the watch's context.
    private struct SocketWatch {
        let resolver: Unmanaged<Resolver>
        let fd: Int32
        var id: WatchID
        var events: UInt32
    }

    /// What a resolver posts to its own mailbox; the node first.
    private struct Bell {
        var node: MailNode
        var resolver: Unmanaged<Resolver>?
    }

    private let place: ResolverPlace
    private let options: ResolverOptions
    private var channel: ares_channel?
    private var watches: [UnsafeMutablePointer<SocketWatch>] = []
    private let timer: UnsafeMutablePointer<TimerNode>
    private let bell: UnsafeMutablePointer<Bell>
    private var isBellPosted = false
    private var queries: [String: Query] = [:]
    private var answered: [Query] = []
    private var waiters: [Waiter] = []
    private var freeWaiters: [Int] = []
    private var pending = 0

    /// c-ares's own set-up, once for the process.
    private static let library = ares_library_init(ARES_LIB_INIT_ALL)

    /// A resolver for the thread of this place, which has to be alive until `end`. On that thread.
    init(_ place: ResolverPlace, _ options: ResolverOptions = ResolverOptions()) throws(ResolverError) {
        self.place = place
        self.options = options
        timer = .allocate(capacity: 1)
        bell = .allocate(capacity: 1)
        let me = Unmanaged.passUnretained(self)
        timer.initialize(
            to: TimerNode(context: me.toOpaque()) { _, me in
                Unmanaged<Resolver>.fromOpaque(me!).takeUnretainedValue().process(ARES_SOCKET_BAD, ARES_SOCKET_BAD)
            })
        bell.initialize(to: Bell(node: MailNode(receive: Resolver.onBell), resolver: me))
        guard Resolver.library == ARES_SUCCESS else {
            throw ResolverError(text: "c-ares: \(Resolver.text(Resolver.library))")
        }
        try open(me.toOpaque())
    }

    // MARK: - Life

    private func open(_ me: UnsafeMutableRawPointer) throws(ResolverError) {
        var settings = ares_options()
        settings.timeout = options.timeout
        settings.tries = options.tries
        settings.sock_state_cb = { me, fd, readable, writable in
            Unmanaged<Resolver>.fromOpaque(me!).takeUnretainedValue().watch(fd, readable != 0, writable != 0)
        }
        settings.sock_state_cb_data = me
        let mask = Int32(ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB | ARES_OPT_FLAGS)
        settings.flags = options.usesSearchList ? 0 : Int32(ARES_FLAG_NOSEARCH)
        var code = ares_init_options(&channel, &settings, mask)
        if code == ARES_SUCCESS, !options.servers.isEmpty {
            code = ares_set_servers_ports_csv(channel, options.servers)
            if code != ARES_SUCCESS { ares_destroy(channel) }
        }
        guard code == ARES_SUCCESS else { throw ResolverError(text: "c-ares: \(Resolver.text(code))") }
    }

    /// Nobody is called any more. On the resolver's thread; nothing may be asked of it afterwards.
    func end() {
        // Calls `onAnswer` for all that is under way, which only collects.
        ares_destroy(channel)
        channel = nil
        place.wheel.remove(timer)
        // The bell may still lie in the mailbox: then the mailbox's reader frees it.
        bell.pointee.resolver = nil
        if !isBellPosted { bell.deallocate() }
        timer.deallocate()
    }

    private static func text(_ code: Int32) -> String { String(cString: ares_strerror(code)) }

    // MARK: - Asking

    /// Looks a host up. Those who ask for the same name at the same time share one query.
    /// - Parameters:
    ///   - host: an IP literal (IPv6 with or without brackets) or a name; any case.
    ///   - family: `.none` for IPv4 and IPv6 both.
    ///   - port: goes into the addresses of the answer.
    func lookUp(
        _ host: Bytes, _ family: SocketAddress.Family, port: UInt16, context: UnsafeMutableRawPointer?,
        _ done: @escaping Done
    ) -> LookupStart {
        if let literal = SocketAddress(parsing: host, port: port) {
            return family == .none || family.rawValue == literal.family ? .address(literal) : .failed(.noData)
        }
        guard Resolver.isName(host) else { return .failed(.badName) }
        guard pending < options.limit else { return .failed(.busy) }
        let id = addWaiter(done, context, port)
        let name = host.string.lowercased()
        let key = "\(family.rawValue) \(name)"
        if let running = queries[key] {
            running.waiters.append(id.index)
        } else {
            let query = Query(Unmanaged.passUnretained(self), key)
            query.waiters.append(id.index)
            queries[key] = query
            ask(name, family, query)
        }
        return .pending(id)
    }

    /// The callback of this look-up will not be called. The query goes on for others; a late answer is dropped.
    func cancel(_ id: LookupID) {
        guard id.index < waiters.count, waiters[id.index].generation == id.generation else { return }
        waiters[id.index].done = nil
    }

    private func ask(_ name: String, _ family: SocketAddress.Family, _ query: Query) {
        var hints = ares_addrinfo_hints()
        hints.ai_family = family == .none ? AF_UNSPEC : Int32(family.rawValue)
        hints.ai_socktype = linux_sock_dgram()
        // Sorting would open a socket for each address to ask the routing table.
        hints.ai_flags = Int32(ARES_AI_NOSORT)
        ares_getaddrinfo(channel, name, nil, &hints, Resolver.onAnswer, Unmanaged.passRetained(query).toOpaque())
        setTimer()
        // What /etc/hosts knew is told in the next turn: never while the caller still stands in `lookUp`.
        if !answered.isEmpty, !isBellPosted {
            isBellPosted = true
            place.mailbox.post(UnsafeMutableRawPointer(bell).assumingMemoryBound(to: MailNode.self))
        }
    }

    /// Letters, digits, `-`, `_` and dots: RFC 1035 and what is in use.
    private static func isName(_ host: Bytes) -> Bool {
        guard host.count > 0, host.count <= 255, host[0] != UInt8(ascii: ".") else { return false }
        for i in 0..<host.count {
            let c = host[i]
            let isLetter = (c | 0x20) &- 0x61 < 26
            let isOther = c &- 0x30 < 10 || c == UInt8(ascii: "-") || c == UInt8(ascii: "_") || c == UInt8(ascii: ".")
            if !isLetter && !isOther { return false }
        }
        return true
    }

    private func addWaiter(_ done: @escaping Done, _ context: UnsafeMutableRawPointer?, _ port: UInt16) -> LookupID {
        if freeWaiters.isEmpty {
            freeWaiters.append(waiters.count)
            waiters.append(Waiter())
        }
        let index = freeWaiters.removeLast()
        pending += 1
        waiters[index].done = done
        waiters[index].context = context
        waiters[index].port = port
        return LookupID(index: index, generation: waiters[index].generation)
    }

    // MARK: - c-ares

    /// An answer, from inside c-ares: is kept until c-ares has returned.
    private static let onAnswer: ares_addrinfo_callback = { raw, status, _, list in
        let query = Unmanaged<Query>.fromOpaque(raw!).takeRetainedValue()
        let resolver = query.resolver.takeUnretainedValue()
        query.take(status, list)
        if let list { ares_freeaddrinfo(list) }
        resolver.queries[query.key] = nil
        resolver.answered.append(query)
    }

    private func watch(_ fd: Int32, _ readable: Bool, _ writable: Bool) {
        let events = (readable ? EPOLLIN.rawValue : 0) | (writable ? EPOLLOUT.rawValue : 0)
        if let known = watches.firstIndex(where: { $0.pointee.fd == fd }) {
            let watch = watches[known]
            if events == 0 {
                place.loop.pointee.unwatch(watch.pointee.id)
                watches.remove(at: known)
                watch.deallocate()
            } else if events != watch.pointee.events {
                watch.pointee.events = events
                try? place.loop.pointee.change(watch.pointee.id, events)
            }
        } else if events != 0 {
            let watch = UnsafeMutablePointer<SocketWatch>.allocate(capacity: 1)
            if let id = try? place.loop.pointee.watch(fd, events, context: watch, Resolver.onReady) {
                watch.initialize(
                    to: SocketWatch(resolver: Unmanaged.passUnretained(self), fd: fd, id: id, events: events))
                watches.append(watch)
            } else {
                // The query ends by its timeout.
                watch.deallocate()
                Log.limited(.error, "cannot watch the socket of a DNS query")
            }
        }
    }

    private static let onReady: EventLoop.Callback = { _, context, events in
        let watch = context!.assumingMemoryBound(to: SocketWatch.self).pointee
        let failed = events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
        let reads = failed || events & EPOLLIN.rawValue != 0
        let writes = failed || events & EPOLLOUT.rawValue != 0
        let resolver = watch.resolver.takeUnretainedValue()
        resolver.process(reads ? watch.fd : ARES_SOCKET_BAD, writes ? watch.fd : ARES_SOCKET_BAD)
    }

    private static let onBell: Mailbox.Callback = { _, raw in
        let bell = raw.assumingMemoryBound(to: Bell.self)
        if let resolver = bell.pointee.resolver {
            resolver.takeUnretainedValue().ring()
        } else {
            bell.deallocate()
        }
    }

    private func process(_ read: Int32, _ write: Int32) {
        ares_process_fd(channel, read, write)
        setTimer()
        tell()
    }

    private func setTimer() {
        var room = timeval()
        guard let next = ares_timeout(channel, nil, &room)?.pointee else {
            place.wheel.cancel(timer)
            return
        }
        let milliseconds = UInt64(max(0, next.tv_sec)) * 1000 + UInt64(max(0, next.tv_usec) + 999) / 1000
        place.wheel.schedule(timer, at: place.clock.pointee.now + max(1, milliseconds))
    }

    private func ring() {
        isBellPosted = false
        tell()
    }

    /// Calls those who wait for what has been answered. They may ask again and cancel, but not end the resolver.
    private func tell() {
        let told = answered
        answered = []
        for query in told {
            for index in query.waiters {
                let waiter = waiters[index]
                waiters[index].generation &+= 1
                waiters[index].done = nil
                freeWaiters.append(index)
                pending -= 1
                guard let done = waiter.done else { continue }
                for i in query.addresses.indices { query.addresses[i].port = waiter.port }
                query.addresses.withUnsafeBufferPointer { buffer in
                    let none = UnsafePointer<SocketAddress>(bitPattern: MemoryLayout<SocketAddress>.alignment)!
                    var answer = ResolverAnswer(
                        status: query.status, addresses: buffer.baseAddress ?? none, count: buffer.count, ttl: query.ttl
                    )
                    done(place.owner, waiter.context, &answer)
                }
            }
        }
    }
}

extension Resolver.Query {
    fileprivate func take(_ code: Int32, _ list: UnsafePointer<ares_addrinfo>?) {
        var node = list?.pointee.nodes
        while let this = node {
            node = this.pointee.ai_next
            guard let raw = this.pointee.ai_addr, let address = SocketAddress(raw) else { continue }
            ttl =
                addresses.isEmpty ? UInt32(max(0, this.pointee.ai_ttl)) : min(ttl, UInt32(max(0, this.pointee.ai_ttl)))
            if !addresses.contains(where: { $0.hasSameAddress(as: address) }) { addresses.append(address) }
        }
        switch code {
        case ARES_SUCCESS: status = addresses.isEmpty ? .noData : .found
        case ARES_ENODATA: status = .noData
        case ARES_ENOTFOUND, ARES_ENONAME: status = .noSuchName
        case ARES_ETIMEOUT: status = .timedOut
        case ARES_EBADNAME: status = .badName
        default: status = .serverFailed
        }
    }
}
