import Glibc

// Invariants: a space in the in-flight table is kept and its run is suspended. CANCELs that wait hang on their INVITE's space, are kept,
// and have no run.

/// Requests whose script waits before there is a transaction.
extension UnsafeMutablePointer<ServerWorker> {
    /// The script has begun to wait: the message's bytes stay, retransmissions are absorbed, an INVITE gets its 100 in time.
    /// - Parameter holds: it has begun, and later messages of its call wait for it.
    func nowWaits(_ space: UnsafeMutablePointer<Space>, holds: Bool = true) {
        keep(space)
        if holds { hold(space) }
        let message = space.message
        guard message.isRequest, !space.pointee.isInFlight, !space.pointee.isAdopted,
            let hash = InFlight.hash(message)
        else { return }
        pointee.inFlight.insert(space, hash)
        if message.method == .invite {
            // RFC 3261 §17.2.1: a 100 unless something else is sent within 200 ms.
            pointee.worker.pointee.wheel.schedule(
                space.tryingTimer, at: pointee.worker.pointee.clock.now &+ ServerWorker.tryingDelay)
        }
    }

    /// True when the request repeats one that waits, or cancels it: then it has been taken care of.
    func isAbsorbed(_ space: UnsafeMutablePointer<Space>) -> Bool {
        let message = space.message
        guard let hash = InFlight.hash(message) else { return false }
        if pointee.inFlight.find(hash, message, cancels: false) != nil {
            bump(pointee.shared.pointee.counters.absorbed)
            giveBack(space)
            return true
        }
        if message.method == .cancel, let invite = pointee.inFlight.find(hash, message, cancels: true) {
            keep(space)
            space.pointee.next = invite.pointee.cancels
            invite.pointee.cancels = space
            return true
        }
        return false
    }

    /// CANCELs that waited for an INVITE's script: routed now, in the order in which they came.
    func resume(_ cancels: UnsafeMutablePointer<Space>?) {
        var newestFirst = cancels
        var oldestFirst: UnsafeMutablePointer<Space>?
        while let space = newestFirst {
            newestFirst = space.pointee.next
            space.pointee.next = oldestFirst
            oldestFirst = space
        }
        while let space = oldestFirst {
            oldestFirst = space.pointee.next
            space.pointee.next = nil
            routeRequest(space)
        }
    }

    func sendTrying(_ space: UnsafeMutablePointer<Space>) {
        _ = StatelessReply.send(space.message, ReplyParts(code: 100, reason: Bytes("Trying")))
    }
}

extension ServerWorker {
    /// Milliseconds after which a waiting INVITE is answered 100.
    static let tryingDelay: UInt64 = 200
}
