import Glibc
import PluginAPI

// Invariants: a look-up for a request carries a suspension's token as its context, so that an answer that comes too late finds nothing; one for a reply
// carries the reply's space, which is kept until the look-up is over, which it always is.

/// Forwarding to a name: the worker goes on while it is looked up.
extension StatelessForward {
    /// What the script's function must still know when the address is there.
    private struct Pending {
        var proto: TransportProtocol
        var isRaw: Bool
    }

    static func resolve(
        _ call: UnsafePointer<apus_call>, _ target: ForwardTarget, _ proto: TransportProtocol,
        _ server: UnsafeMutablePointer<ServerWorker>
    ) -> CInt {
        let run = call.coreRun
        guard let place = run.allocate(MemoryLayout<Pending>.stride), let resolver = Resolver.of(server.pointee.worker)
        else { return CInt(APUS_FALSE) }
        place.bindMemory(to: Pending.self, capacity: 1).initialize(to: Pending(proto: proto, isRaw: target.isRaw))
        let token = run.beginSuspension(milliseconds: resolveTimeout, done: resolved, user: place)
        guard token != 0 else {
            call.coreMessage.setError(code: 503, reason: Bytes("Too many requests wait"))
            Log.limited(.error, "a name is not looked up: too many runs wait, or this route cannot wait")
            return CInt(APUS_FALSE)
        }
        let port = target.hop.port == 0 ? proto.defaultPort : target.hop.port
        let context = UnsafeMutableRawPointer(bitPattern: UInt(token))
        let start = resolver.lookUp(target.hop.host, .none, port: port, context: context) { _, context, answer in
            let token = UInt64(UInt(bitPattern: context))
            let answer = answer.assumingMemoryBound(to: ResolverAnswer.self).pointee
            guard answer.status == .found, answer.count > 0,
                let payload = malloc(MemoryLayout<SocketAddress>.size)
            else { return SuspensionDirectory.complete(token, status: CInt(APUS_FAILED), payload: nil, release: nil) }
            payload.bindMemory(to: SocketAddress.self, capacity: 1).initialize(to: answer.addresses[0])
            SuspensionDirectory.complete(token, status: CInt(APUS_OK), payload: payload) { free($0) }
        }
        if case .failed = start { return unresolvable(call.coreMessage, target.hop.host) }
        return CInt(APUS_SUSPENDED)
    }

    private static let resolved: Suspension.Done = { call, status, payload in
        let message = call.coreMessage
        guard status == CInt(APUS_OK), let address = payload?.assumingMemoryBound(to: SocketAddress.self).pointee,
            let pending = call.coreRun.pointee.resumeUser?.assumingMemoryBound(to: Pending.self).pointee,
            let server = ServerWorker.current
        else { return unresolvable(message, message.nextHop?.host ?? .empty) }
        return finish(call, address, pending.proto, isRaw: pending.isRaw, server)
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
        guard let resolver = Resolver.of(pointee.worker) else { return finish(space) }
        let proto = TransportProtocol(hop.transport) ?? .udp
        let port = hop.port == 0 ? proto.defaultPort : hop.port
        keep(space)
        let start = resolver.lookUp(hop.host, .none, port: port, context: space) { _, space, answer in
            guard let space = space?.assumingMemoryBound(to: Space.self), let hop = space.message.forwardedReplyHop
            else { return }
            let answer = answer.assumingMemoryBound(to: ResolverAnswer.self).pointee
            if answer.status == .found, answer.count > 0 {
                space.pointee.worker.sendReply(space, to: answer.addresses[0], hop)
            } else {
                space.pointee.worker.dropReply(space, "a reply's next hop cannot be resolved", hop.host)
            }
            space.pointee.worker.finish(space)
        }
        if case .pending = start { return }
        dropReply(space, "a reply's next hop cannot be looked up", hop.host)
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
        let preferred = (message.routing.sendThrough ?? message.routing.receivedOn).map { Listener(raw: $0) }
        let chosen = pointee.shared.pointee.listeners._withUnsafeGuaranteedRef {
            $0.choose(proto, toward: remote, preferring: preferred)
        }
        let buffer = pointee.worker.pointee.compose
        guard let listener = chosen,
            let count = message.writeForwardedReply(into: buffer, leavingBy: listener)
        else { return dropReply(space, "a reply cannot be passed on", hop.host) }
        let bytes = Bytes(UnsafeRawPointer(buffer.baseAddress!).assumingMemoryBound(to: UInt8.self), count)
        if case .failed = pointee.worker.send(bytes, over: Flow(listener: listener, remote: remote)) {
            return dropReply(space, "a reply cannot be sent", hop.host)
        }
        bump(counters.fwdReplies)
    }
}
