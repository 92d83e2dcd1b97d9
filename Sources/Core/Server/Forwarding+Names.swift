import Glibc
import PluginAPI

// Invariants: a look-up for a request carries a suspension's token as its context, so that an answer that comes too late finds nothing; one for a reply
// carries the reply's space, which is kept until the look-up is over, which it always is.

/// Forwarding to a name: the worker goes on while it is looked up.
extension StatelessForward {
    /// What the script's function must still know when the address is there.
    private struct Pending {
        var isRaw: Bool
    }

    static func resolve(
        _ call: UnsafePointer<apus_call>, _ target: ForwardTarget, _ server: UnsafeMutablePointer<ServerWorker>
    ) -> CInt {
        let offered = server.pointee.shared.pointee.host.pointee.listeners.offered
        guard let resolver = Resolver.of(server.pointee.worker),
            let question = LocationQuestion(target.hop, offered)
        else { return unresolvable(call.coreMessage, target.hop.host) }
        var hops = Hops()
        // Most names are known: those need no suspension.
        let seed = resolver.pointee.random.next()
        switch resolver.seek(question, seed: seed, &hops) {
        case .known: return finish(call, hops[0], isRaw: target.isRaw, server)
        case .failed: return unresolvable(call.coreMessage, target.hop.host)
        case .unknown: break
        }
        let run = call.coreRun
        guard let place = run.allocate(MemoryLayout<Pending>.stride) else { return CInt(APUS_FALSE) }
        place.bindMemory(to: Pending.self, capacity: 1).initialize(to: Pending(isRaw: target.isRaw))
        let token = run.beginSuspension(milliseconds: resolveTimeout, done: resolved, user: place)
        guard token != 0 else {
            call.coreMessage.setError(code: 503, reason: Bytes("Too many requests wait"))
            Log.limited(.error, "a name is not looked up: too many runs wait, or this route cannot wait")
            return CInt(APUS_FALSE)
        }
        let context = UnsafeMutableRawPointer(bitPattern: UInt(token))
        let start = resolver.locate(question, seed: seed, &hops, context: context) {
            _, context, answer in
            StatelessForward.complete(
                UInt64(UInt(bitPattern: context)), answer.assumingMemoryBound(to: LocationAnswer.self).pointee)
        }
        switch start {
        case .pending: break
        case .known: complete(token, LocationAnswer(status: .found, hops: hops))
        case .failed(let status): complete(token, LocationAnswer(status: status, hops: Hops()))
        }
        return CInt(APUS_SUSPENDED)
    }

    private static func complete(_ token: UInt64, _ answer: LocationAnswer) {
        guard answer.status == .found, let payload = malloc(MemoryLayout<Hop>.size) else {
            return SuspensionDirectory.complete(token, status: CInt(APUS_FAILED), payload: nil, release: nil)
        }
        payload.bindMemory(to: Hop.self, capacity: 1).initialize(to: answer.hops[0])
        SuspensionDirectory.complete(token, status: CInt(APUS_OK), payload: payload) { free($0) }
    }

    private static let resolved: Suspension.Done = { call, status, payload in
        let message = call.coreMessage
        guard status == CInt(APUS_OK), let hop = payload?.assumingMemoryBound(to: Hop.self).pointee,
            let pending = call.coreRun.pointee.resumeUser?.assumingMemoryBound(to: Pending.self).pointee,
            let server = ServerWorker.current
        else { return unresolvable(message, message.nextHop?.host ?? .empty) }
        return finish(call, hop, isRaw: pending.isRaw, server)
    }

    private static func finish(
        _ call: UnsafePointer<apus_call>, _ hop: Hop, isRaw: Bool, _ server: UnsafeMutablePointer<ServerWorker>
    ) -> CInt {
        finish(call, hop.address, TransportProtocol(rawValue: hop.transport) ?? .udp, isRaw: isRaw, server)
    }

    private static func unresolvable(_ message: Message, _ host: Bytes) -> CInt {
        message.setError(code: 478, reason: Bytes("Unresolvable destination"))
        complain(message, "a destination cannot be resolved", host)
        return CInt(APUS_FALSE)
    }
}

extension UnsafeMutablePointer<ServerWorker> {
    /// Sends a reply on by its second Via, and ends its space.
    func forwardReply(_ space: UnsafeMutablePointer<Space>) {
        let counters = pointee.shared.pointee.counters
        guard let hop = space.message.forwardedReplyHop else {
            // A reply to a request of our own that nobody waits for.
            bump(counters.dropReplies)
            return finish(space)
        }
        if let address = hop.address {
            sendReply(space, to: address, hop)
            return finish(space)
        }
        guard let resolver = Resolver.of(pointee.worker),
            let question = LocationQuestion(replyTo: hop, pointee.shared.pointee.host.pointee.listeners.offered)
        else {
            dropReply(space, "a reply's next hop has no transport of ours", hop.host)
            return finish(space)
        }
        var hops = Hops()
        keep(space)
        let start = resolver.locate(question, seed: resolver.pointee.random.next(), &hops, context: space) {
            _, space, answer in
            guard let space = space?.assumingMemoryBound(to: Space.self), let hop = space.message.forwardedReplyHop
            else { return }
            let answer = answer.assumingMemoryBound(to: LocationAnswer.self)
            if answer.pointee.status == .found {
                space.pointee.worker.sendReply(space, to: answer.pointee.hops[0].address, hop)
            } else {
                space.pointee.worker.dropReply(space, "a reply's next hop cannot be resolved", hop.host)
            }
            space.pointee.worker.finish(space)
        }
        switch start {
        case .pending: return
        case .known: sendReply(space, to: hops[0].address, hop)
        case .failed: dropReply(space, "a reply's next hop cannot be looked up", hop.host)
        }
        finish(space)
    }

    private func dropReply(_ space: UnsafeMutablePointer<Space>, _ why: StaticString, _ host: Bytes) {
        bump(pointee.shared.pointee.counters.dropReplies)
        Log.limited(.error, why, source: space.message.routing.source) { line in
            line.add(": ")
            line.add(host)
        }
    }

    private func sendReply(_ space: UnsafeMutablePointer<Space>, to remote: SocketAddress, _ hop: NextHop) {
        let message = space.message
        let counters = pointee.shared.pointee.counters
        let proto = hop.transport.isEmpty ? .udp : TransportProtocol(hop.transport) ?? .udp
        let preferred = (message.routing.current.sendThrough ?? message.routing.receivedOn).map { Listener(raw: $0) }
        let chosen = pointee.shared.pointee.listeners._withUnsafeGuaranteedRef {
            $0.choose(proto, toward: remote, preferring: preferred)
        }
        let buffer = pointee.worker.pointee.compose
        guard let listener = chosen,
            let count = message.writeForwardedReply(into: buffer, leavingBy: listener)
        else { return dropReply(space, "a reply cannot be passed on", hop.host) }
        let bytes = Bytes(UnsafeRawPointer(buffer.baseAddress!).assumingMemoryBound(to: UInt8.self), count)
        if let passes = pointee.shared.pointee.host.pointee.services.onsendReply {
            var sending = Run.Sending(
                local: listener.address, remote: remote, transport: UInt32(proto.rawValue), bytes: bytes)
            guard passes(message.opaque, &sending) else {
                bump(counters.dropReplies)
                return
            }
        }
        if case .failed = pointee.worker.send(bytes, over: Flow(listener: listener, remote: remote)) {
            return dropReply(space, "a reply cannot be sent", hop.host)
        }
        bump(counters.fwdReplies)
    }
}
