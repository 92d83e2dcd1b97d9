import Glibc
import PluginKit

// Invariants: as Exchange and WorkerState. What sends may find out that the proxy is dead, and take the exchange elsewhere or finish it: it must not be
// touched afterwards.

private let exchangeTimedOut: @convention(c) (Host, UnsafeMutablePointer<apus_timer>) -> Void = { host, timer in
    host.media?.timedOut(UnsafeMutableRawPointer(timer).assumingMemoryBound(to: Exchange.self))
}

extension UnsafeMutablePointer<WorkerState> {
    var host: Host { pointee.host }

    /// Brings a command on its way, or lets it wait until it is known whether any proxy is there.
    /// - Returns: the number of the exchange, 0 while it waits; nil when there is no proxy: then it is finished.
    @_noLocks func begin(_ exchange: ExchangeRef) -> UInt64? {
        if let peer = choose(for: exchange) { return send(exchange, to: peer) }
        guard let set = state.sets?.pointee[exchange.pointee.set], probe(set) else {
            finish(exchange, .silent)
            return nil
        }
        exchange.pointee.nextOfPeer = pointee.waiting
        pointee.waiting = exchange
        return 0
    }

    /// The proxy for an exchange: the call's own while it can be used, else one by the Call-ID.
    @_noLocks func choose(for exchange: ExchangeRef) -> PeerRef? {
        guard let set = state.sets?.pointee[exchange.pointee.set] else { return nil }
        let tried = exchange.pointee.tried
        if let peer = remembered(exchange), !tried.contains(peer.pointee.number) {
            let isAllowed = peer.isDisabledByHand && state.pointee.settings.allowsRunning != 0
            if peer.isEnabled || isAllowed { return peer }
        }
        let callID = exchange.pointee.callID
        let hash = state.pointee.settings.hashAlgorithm == 0 ? CallHash.sum(callID) : CallHash.crc32(callID)
        return set.choose(hash: hash, without: tried)
    }

    /// Where the session of the branch is, or another one of the call, which both parties' proxies see as a whole.
    private func remembered(_ exchange: ExchangeRef) -> PeerRef? {
        let (callID, place) = (exchange.pointee.callID, exchange.pointee.place)
        var record = pointee.calls.find(callID, exchange.pointee.branch, place: place)
        if record == nil || record?.pointee.isDeleted == true { record = pointee.calls.first(callID, place: place) }
        guard let record, !record.pointee.isDeleted, record.pointee.set == exchange.pointee.set else { return nil }
        return state.pointee.shared.pointee.peers[Int(record.pointee.peer)]
    }

    /// - Returns: the number that the exchange has then.
    @_noLocks @discardableResult
    func send(_ exchange: ExchangeRef, to peer: PeerRef) -> UInt64 {
        pointee.enter(exchange, peer: peer.pointee.number)
        let sequence = exchange.pointee.sequence
        exchange.address(process: state.pointee.process, worker: pointee.index, stream: peer.pointee.isStream)
        exchange.pointee.triesLeft = max(1, state.pointee.settings.tries)
        // Whoever asks because nobody is there has calls waiting.
        if exchange.pointee.purpose == .ping, pointee.sockets[peer.pointee.number].isProbed {
            exchange.pointee.triesLeft = min(2, exchange.pointee.triesLeft)
        }
        exchange.pointee.heardBefore = pointee.sockets[peer.pointee.number].heard
        unchecked { host.pointee.timer.pointee.prepare(host, exchange.timer, exchangeTimedOut) }
        transmit(exchange, to: peer)
        return sequence
    }

    /// Sends it, the first time or once more.
    private func transmit(_ exchange: ExchangeRef, to peer: PeerRef) {
        exchange.pointee.triesLeft -= 1
        unchecked {
            host.pointee.timer.pointee.arm(host, exchange.timer, UInt32(state.pointee.settings.timeout))
        }
        if peer.pointee.isStream {
            if exchange.pointee.stream.descriptor < 0 { unchecked { openStream(exchange, to: peer) } }
            return
        }
        guard let descriptor = unchecked({ socket(to: peer) }) else { return unchecked { fail(peer, .unreachable) } }
        let message = exchange.pointee.message
        let fault = unchecked {
            var sent = Glibc.send(descriptor, message.s, message.len, Int32(MSG_NOSIGNAL))
            // What is said first may be about a datagram of before.
            if sent < 0, errno == ECONNREFUSED {
                sent = Glibc.send(descriptor, message.s, message.len, Int32(MSG_NOSIGNAL))
            }
            return sent < 0 ? errno : 0
        }
        switch fault {
        case 0: return
        // As if it were lost on its way.
        case EAGAIN, EINTR, ENOBUFS, ENOMEM, ECONNREFUSED: return
        case EMSGSIZE: finish(exchange, .tooLong)
        default: unchecked { fail(peer, .unreachable) }
        }
    }

    /// No answer for a while.
    @_noLocks fileprivate func timedOut(_ exchange: ExchangeRef) {
        let number = Int(exchange.pointee.peer)
        guard number >= 0 else { return }
        let peer = state.pointee.shared.pointee.peers[number]
        // Somebody else has found out meanwhile.
        if exchange.pointee.purpose == .script, !peer.isEnabled, !peer.isDisabledByHand { return moveOn(exchange) }
        if exchange.pointee.triesLeft > 0 {
            host.count(state.pointee.counters.repeated)
            return transmit(exchange, to: peer)
        }
        // It answers others: this command was lost, or is too much for it.
        if pointee.sockets[number].heard != exchange.pointee.heardBefore { return moveOn(exchange) }
        unchecked { fail(peer, .silent) }
    }

    /// The socket to a proxy; nil when there can be none.
    private func socket(to peer: PeerRef) -> Int32? {
        let place = pointee.sockets + peer.pointee.number
        if place.pointee.descriptor >= 0 { return place.pointee.descriptor }
        guard peer.pointee.isResolved.load(ordering: .acquiring), let descriptor = open(peer) else { return nil }
        let user = UnsafeMutableRawPointer(bitPattern: peer.pointee.number + 1)
        let watch = host.pointee.loop.pointee.watch(
            host, descriptor, UInt32(APUS_READABLE),
            { host, _, _, user in host.media?.readable(Int(bitPattern: user) - 1) }, user)
        guard watch != 0 else {
            close(descriptor)
            return nil
        }
        place.pointee.descriptor = descriptor
        return descriptor
    }

    private func open(_ peer: PeerRef) -> Int32? {
        let family = Int32(peer.pointee.socketAddress.ss_family)
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = Glibc.socket(family, type, 0)
        guard descriptor >= 0 else { return nil }
        var service = Int32(state.pointee.settings.typeOfService)
        if service >= 0 {
            let (level, name) = family == AF_INET6 ? (IPPROTO_IPV6, IPV6_TCLASS) : (IPPROTO_IP, IP_TOS)
            setsockopt(descriptor, Int32(level), name, &service, socklen_t(MemoryLayout<Int32>.size))
        }
        if let from = state.pointee.sendFrom, (from.family == 6) == (family == AF_INET6) {
            guard bindTo(from, descriptor) else {
                close(descriptor)
                return nil
            }
        }
        guard peer.connect(descriptor) == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }

    private func bindTo(_ address: apus_address, _ descriptor: Int32) -> Bool {
        // Any port of that address.
        let place = PeerRef.allocate(capacity: 1)
        place.initialize(to: Peer(number: 0, url: "", address: .unix(path: "/")))
        defer {
            place.deinitialize(count: 1)
            place.deallocate()
        }
        place.put(address, port: 0)
        return place.withSocketAddress { bind(descriptor, $0, $1) } == 0
    }
}

extension UnsafeMutablePointer<Peer> {
    func connect(_ descriptor: Int32) -> Int32 { withSocketAddress { Glibc.connect(descriptor, $0, $1) } }

    func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: pointee.socketAddress) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, pointee.socketAddressLength) }
        }
    }
}
