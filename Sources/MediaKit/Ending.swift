import Bencode
import PluginKit

// Invariants: as Exchange and WorkerState. An exchange is finished once; its memory is gone then.

/// Why nobody is to talk to a proxy for a while.
enum Loss {
    /// It has not answered.
    case silent
    /// There is no way to it, or nobody listens there.
    case unreachable
}

extension UnsafeMutablePointer<WorkerState> {
    /// The proxy is not there: it is disabled, and what was sent to it goes to others.
    func fail(_ peer: PeerRef, _ loss: Loss) {
        let pause = UInt64(state.pointee.settings.disableTimeout)
        if peer.turnDead(now: host.now, pause: pause * 1000) {
            host.count(state.pointee.counters.dead)
            let why = loss == .silent ? "does not answer" : "cannot be reached"
            host.log(.error, "the proxy \(peer.pointee.url.string) \(why): it is disabled for \(pause) seconds")
            tellOthers(peer.pointee.number)
        } else {
            peer.pointee.recheckAt.store(host.now + pause * 1000, ordering: .relaxed)
        }
        abandon(peer.pointee.number)
    }

    /// What was sent to a dead proxy goes elsewhere, or ends.
    func abandon(_ number: Int) {
        while let exchange = pointee.sockets[number].exchanges { moveOn(exchange) }
    }

    private func tellOthers(_ number: Int) {
        for index in 0..<host.pointee.worker.pointee.count(host) where index != pointee.index {
            _ = host.send(to: index, number) { host, data in
                host.media?.abandon(data.load(as: Int.self))
                return .true
            }
        }
    }

    /// This proxy has not served it: the next one may.
    @_noLocks func moveOn(_ exchange: ExchangeRef) {
        let number = Int(exchange.pointee.peer)
        pointee.leave(exchange)
        exchange.pointee.tried.insert(number)
        exchange.pointee.triedCount += 1
        let limit = state.pointee.settings.queriedNodes
        guard exchange.pointee.purpose == .script, limit == 0 || exchange.pointee.triedCount < Int(limit),
            let next = choose(for: exchange)
        else { return finish(exchange, .silent, peer: number) }
        host.count(state.pointee.counters.failovers)
        send(exchange, to: next)
    }

    /// The proxy has answered.
    @_noLocks func heard(_ peer: PeerRef) {
        guard peer.turnAlive() else { return }
        host.count(state.pointee.counters.alive)
        unchecked { host.log(.notice, "the proxy \(peer.pointee.url.string) is found: it is enabled again") }
    }

    /// It is over: whoever waits goes on.
    @_noLocks func finish(
        _ exchange: ExchangeRef, _ outcome: Outcome, _ answer: UnsafeRawBufferPointer = .init(start: nil, count: 0),
        peer: Int? = nil
    ) {
        let number = peer ?? Int(exchange.pointee.peer)
        pointee.leave(exchange)
        switch exchange.pointee.purpose {
        case .script: count(outcome)
        case .deletion: endDeletion(exchange, outcome, answer)
        case .ping: endPing(number)
        case .report: unchecked { endReport(exchange, outcome, number) }
        }
        if exchange.pointee.token != 0 { deliver(exchange, outcome, answer, peer: number) }
        host.release(exchange)
    }

    private func count(_ outcome: Outcome) {
        let counters = state.pointee.counters
        switch outcome {
        case .answered: break
        case .refused: host.count(counters.refused)
        case .broken: host.count(counters.broken)
        case .silent, .tooLong: host.count(counters.silent)
        }
    }

    private func deliver(
        _ exchange: ExchangeRef, _ outcome: Outcome, _ answer: UnsafeRawBufferPointer, peer: Int
    ) {
        let delivery = Delivery.make(host, outcome, peer: Int32(peer), answer)
        unchecked {
            host.pointee.suspend.pointee.complete(
                host, apus_token(value: exchange.pointee.token), CInt(delivery == nil ? APUS_FAILED : APUS_OK), delivery
            ) { delivery in
                guard let delivery else { return }
                state.pointee.host.release(delivery)
            }
        }
    }

    /// What the proxy says of the session at its end is kept with the call.
    private func endDeletion(_ exchange: ExchangeRef, _ outcome: Outcome, _ answer: UnsafeRawBufferPointer) {
        if outcome == .silent { host.count(state.pointee.counters.lostDeletions) } else { count(outcome) }
        let totals = outcome == .answered ? Bencode.read(answer).flatMap { Totals($0) } : nil
        var record = pointee.calls.first(exchange.pointee.callID)
        while let this = record {
            record = pointee.calls.next(this)
            guard this.pointee.deletion == exchange.pointee.sequence else { continue }
            this.pointee.deletion = 0
            this.pointee.totals = totals
        }
    }
}
