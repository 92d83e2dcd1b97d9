import PluginKit

// Invariants: as Exchange and WorkerState. Worker 0 looks from time to time whether proxies that were disabled are back; other workers ask only when calls
// wait for a set of which nobody is there.

extension UnsafeMutablePointer<WorkerState> {
    /// Asks the proxies of a set whether they are there, unless that was done just now.
    /// - Returns: false when no answer can be waited for.
    @_noLocks func probe(_ set: PeerSet) -> Bool {
        var isAsked = false
        for index in 0..<set.count {
            let peer = set.members[index].peer
            let place = pointee.sockets + peer.pointee.number
            if place.pointee.isProbed {
                isAsked = true
            } else if !peer.isDisabledByHand, peer.pointee.isResolved.load(ordering: .acquiring),
                host.now >= place.pointee.probeAt
            {
                place.pointee.probeAt = host.now + WorkerState.pauseOfProbes
                place.pointee.isProbed = true
                // It may have ended at once.
                if ping(peer), place.pointee.isProbed { isAsked = true }
            }
        }
        return isAsked
    }

    /// - Returns: false when memory is out.
    private func ping(_ peer: PeerRef) -> Bool {
        guard
            let exchange = ExchangeRef.make(
                host, .ping, set: 0, callID: "", branch: "", command: WorkerState.pingCommand)
        else {
            pointee.sockets[peer.pointee.number].isProbed = false
            return false
        }
        host.count(state.pointee.counters.pings)
        send(exchange, to: peer)
        return true
    }

    /// Those that wait know more now.
    @_noLocks func endPing(_ number: Int) {
        let peer = state.pointee.shared.pointee.peers[number]
        if pointee.index == 0 { peer.pointee.isPinged.store(false, ordering: .relaxed) }
        pointee.sockets[number].isProbed = false
        var rest = pointee.waiting
        pointee.waiting = nil
        while let exchange = rest {
            rest = exchange.pointee.nextOfPeer
            exchange.pointee.nextOfPeer = nil
            _ = begin(exchange)
        }
    }

    /// [worker 0] Whose turn it is to be asked whether it is there.
    func look() {
        let peers = state.pointee.shared
        for number in 0..<peers.pointee.peers.count {
            let peer = peers.pointee.peers[number]
            let condition = peer.pointee.condition.load(ordering: .acquiring)
            guard condition == Peer.Condition.fresh || condition == Peer.Condition.dead,
                host.now >= peer.pointee.recheckAt.load(ordering: .relaxed),
                !peer.pointee.isPinged.load(ordering: .relaxed)
            else { continue }
            if state.pointee.settings.pings == 0 {
                heard(peer)
                continue
            }
            guard peer.pointee.isResolved.load(ordering: .acquiring) else {
                askForAddress(peer)
                continue
            }
            peer.pointee.isPinged.store(true, ordering: .relaxed)
            _ = ping(peer)
        }
    }
}

extension WorkerState {
    /// Milliseconds between two questions whether anybody is there.
    static let pauseOfProbes: UInt64 = 1000
    static var pingCommand: apus_str { "d7:command4:pinge" }
}

/// A name of a proxy that is looked up.
private struct NameLookup {
    var lookup: apus_lookup
    let peer: PeerRef
}

extension UnsafeMutablePointer<WorkerState> {
    /// The name of a proxy had no address when the server started: perhaps it has one now.
    private func askForAddress(_ peer: PeerRef) {
        guard case .udp(let name, let port, let isIPv6) = peer.pointee.address else { return }
        peer.pointee.recheckAt.store(
            host.now + UInt64(state.pointee.settings.disableTimeout) * 1000, ordering: .relaxed)
        _ = peer.turnDead(now: host.now, pause: UInt64(state.pointee.settings.disableTimeout) * 1000)
        peer.pointee.isPinged.store(true, ordering: .relaxed)
        let asked = UnsafeMutablePointer<NameLookup>.allocate(capacity: 1)
        asked.initialize(to: NameLookup(lookup: apus_lookup(), peer: peer))
        let lookup = UnsafeMutableRawPointer(asked).assumingMemoryBound(to: apus_lookup.self)
        lookup.pointee.size = UInt32(MemoryLayout<apus_lookup>.size)
        lookup.pointee.done = { host, lookup, status in
            let asked = UnsafeMutableRawPointer(lookup).assumingMemoryBound(to: NameLookup.self)
            asked.end(status == CInt(APUS_OK))
        }
        var uri = "sip:\(name):\(port);transport=udp"
        let answer = uri.withUTF8 {
            host.pointee.resolver.pointee.next_hop(
                host, apus_str(start: $0.baseAddress, count: $0.count), UInt32(APUS_UDP), lookup)
        }
        _ = isIPv6
        if answer != .suspended { asked.end(answer > 0) }
    }
}

extension UnsafeMutablePointer<NameLookup> {
    /// The address is used from the next look on.
    fileprivate func end(_ isFound: Bool) {
        let peer = pointee.peer
        if isFound, case .udp(_, let port, let isIPv6) = peer.pointee.address {
            withUnsafeBytes(of: &pointee.lookup.hops) { hops in
                let hops = hops.bindMemory(to: apus_hop.self)
                for index in 0..<Int(pointee.lookup.count) where hops[index].address.family == (isIPv6 ? 6 : 4) {
                    peer.put(hops[index].address, port: port)
                    peer.pointee.recheckAt.store(0, ordering: .relaxed)
                    break
                }
            }
        }
        peer.pointee.isPinged.store(false, ordering: .relaxed)
        deinitialize(count: 1)
        deallocate()
    }
}
