import PluginKit
import RoutingKit

// Invariants: a StatelessForward lies in memory of the run whose function it is. What write_request gives is sent before anything else is written,
// or copied into the run's memory while onsend_route looks at it.

/// A request that leaves without a transaction: the ACK to a 2xx (RFC 3261 section 17.1.1.3), a CANCEL whose INVITE nobody knows.
private struct StatelessForward {
    let target: RelayTarget
    let then: RelayThen?
    let user: UnsafeMutableRawPointer?
    var hasWaited = false
    var lookup = apus_lookup()
    var token = apus_token()
    var destination = apus_destination()
    var bytes = apus_str()
}

/// Forwards an ACK end to end. The INVITE's transaction, if there still is one, is told.
func forwardAcknowledgement(
    _ call: Call, _ home: UnsafeMutablePointer<Home>, _ target: RelayTarget, _ then: RelayThen?,
    _ user: UnsafeMutableRawPointer?
) -> CInt {
    let message = call.pointee.msg
    if let invite = home.match(message, method: UInt32(APUS_METHOD_INVITE)) {
        let isFirst = !invite.pointee.flags.contains(.acknowledged)
        invite.pointee.flags.insert(.acknowledged)
        invite.tell(
            isFirst ? TM_E2EACK_IN : TM_E2EACK_RETR_IN,
            Occurrence(request: message, flags: isFirst ? 0 : TM_RETRANSMISSION))
    }
    return forwardStateless(call, home, target, then, user)
}

/// Forwards a request without state. The caller returns the result at once, as with `relay`.
func forwardStateless(
    _ call: Call, _ home: UnsafeMutablePointer<Home>, _ target: RelayTarget, _ then: RelayThen?,
    _ user: UnsafeMutableRawPointer?
) -> CInt {
    let host = call.host
    guard let place = host.pointee.script.pointee.allocate(call, MemoryLayout<StatelessForward>.size) else {
        return .false
    }
    let forward = place.bindMemory(to: StatelessForward.self, capacity: 1)
    forward.initialize(to: StatelessForward(target: target, then: then, user: user))
    let lookup = forward.pointer(to: \.lookup).unsafelyUnwrapped
    lookup.pointee.size = UInt32(MemoryLayout<apus_lookup>.size)
    lookup.pointee.user = place
    lookup.pointee.done = StatelessForward.found
    let message = call.pointee.msg
    let uri = target.nextHop.isNull ? host.pointee.message.pointee.next_hop(message) : target.nextHop
    let result = host.pointee.resolver.pointee.next_hop(host, uri, target.transport, lookup)
    if result > 0 { return forward.leave(call) }
    guard result == .suspended else { return forward.fail(call, 478, "Unresolvable destination") }
    forward.pointee.token = host.pointee.suspend.pointee.begin(call, 0, StatelessForward.resolved, place)
    guard forward.pointee.token.value != 0 else {
        host.pointee.resolver.pointee.cancel(host, lookup)
        return forward.fail(call, 503, "Too many requests wait")
    }
    forward.pointee.hasWaited = true
    return .suspended
}

extension StatelessForward {
    fileprivate static let found: @convention(c) (Host, UnsafeMutablePointer<apus_lookup>, CInt) -> Void = {
        host, lookup, status in
        guard let forward = lookup.pointee.user?.assumingMemoryBound(to: StatelessForward.self) else { return }
        host.pointee.suspend.pointee.complete(host, forward.pointee.token, status, nil, nil)
    }

    fileprivate static let resolved: @convention(c) (Call, CInt, UnsafeMutableRawPointer?) -> CInt = {
        call, status, _ in
        guard let place = call.host.pointee.suspend.pointee.user(call) else { return .false }
        let forward = place.assumingMemoryBound(to: StatelessForward.self)
        if status == CInt(APUS_CANCELLED) {
            call.host.pointee.resolver.pointee.cancel(call.host, forward.pointer(to: \.lookup).unsafelyUnwrapped)
        }
        guard status == CInt(APUS_OK), forward.pointee.lookup.count > 0 else {
            return forward.fail(call, 478, "Unresolvable destination")
        }
        return forward.leave(call)
    }

    fileprivate static let looked: @convention(c) (Call, UnsafePointer<apus_route_end>) -> CInt = { call, end in
        guard let place = end.pointee.user else { return .false }
        let forward = place.assumingMemoryBound(to: StatelessForward.self)
        guard end.pointee.dropped == 0 else { return forward.answer(call, .false) }
        return forward.send(call)
    }
}

extension UnsafeMutablePointer<StatelessForward> {
    /// Writes the request for the first address that a listener leads to, and sends it.
    fileprivate func leave(_ call: Call) -> CInt {
        let host = call.host
        let message = call.pointee.msg
        let lookup = pointer(to: \.lookup).unsafelyUnwrapped
        let messages = host.pointee.message
        pointee.destination.size = UInt32(MemoryLayout<apus_destination>.size)
        var hop = 0
        var isFound = false
        while hop < Int(lookup.pointee.count), !isFound {
            pointee.destination.transport = lookup.hops[hop].transport
            pointee.destination.remote = lookup.hops[hop].address
            isFound = host.pointee.net.pointee.choose_for(host, destination, message) > 0
            hop += 1
        }
        pointee.destination.flags = messages.pointee.send_flags(message)
        guard isFound, compose(call), !isTooLarge(call) || compose(call) else { return fail(call, 477, "Send failed") }
        let result = host.pointee.net.pointee.onsend(
            call, message, destination, pointee.bytes, StatelessForward.looked, self)
        if result == .suspended {
            pointee.hasWaited = true
            return result
        }
        return result > 0 ? send(call) : fail(call, 477, "Send failed")
    }

    /// It leaves by another transport than was meant, and is to be written again.
    private func isTooLarge(_ call: Call) -> Bool {
        let net = call.host.pointee.net
        let other = net.pointee.transport_for_size(call.host, call.pointee.msg, destination, pointee.bytes.len)
        guard other != 0 else { return false }
        var changed = pointee.destination
        changed.transport = other
        guard net.pointee.choose_for(call.host, &changed, call.pointee.msg) > 0 else { return false }
        pointee.destination = changed
        return true
    }

    private func compose(_ call: Call) -> Bool {
        guard let listener = pointee.destination.listener else { return false }
        var mark = apus_mark()
        // `headers_mode` 2: a CANCEL has one Via, ours.
        let isStripped =
            call.message.method == APUS_METHOD_CANCEL
            && call.home.map { $0.settings.pointee.headersMode & 2 != 0 } ?? false
            && call.host.pointee.message.pointee.mark(call.pointee.msg, &mark) > 0
        if isStripped { call.message.removeAll("Via") }
        defer { if isStripped { call.host.pointee.message.pointee.rewind(call.pointee.msg, &mark) } }
        var memory: [64 of UInt8] = InlineArray(repeating: 0)
        return withUnsafeMutableBytes(of: &memory) { memory in
            var outgoing = apus_outgoing(
                size: UInt32(MemoryLayout<apus_outgoing>.size), reserved: 0, listener: listener,
                branch: branch(of: call, in: memory.baseAddress.unsafelyUnwrapped), via_params: apus_str(),
                uri: apus_str(), path: apus_str())
            var bytes = apus_str()
            guard call.host.pointee.message.pointee.write_request(call.host, call.pointee.msg, &outgoing, &bytes) > 0,
                let piece = call.host.pointee.script.pointee.allocate(call, bytes.len), let source = bytes.s
            else { return false }
            piece.copyMemory(from: source, byteCount: bytes.len)
            pointee.bytes = apus_str(s: UnsafePointer(piece.assumingMemoryBound(to: CChar.self)), len: bytes.len)
            return true
        }
    }

    /// The same for every repetition of the request: made of the branch below it (RFC 3261 section 16.11).
    private func branch(of call: Call, in memory: UnsafeMutableRawPointer) -> apus_str {
        var out = Writer(memory, capacity: 64)
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        if let via = call.message.via(0) {
            for byte in via.text.bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        }
        for byte in call.message.field(APUS_FIELD_CALL_ID).bytes {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
        }
        out.add("z9hG4bKt")
        out.add(hex: hash, width: 16)
        out.add(".0")
        return out.text
    }

    fileprivate func send(_ call: Call) -> CInt {
        guard call.host.pointee.net.pointee.send(call.host, destination, pointee.bytes) == 0 else {
            return fail(call, 477, "Send failed")
        }
        return answer(call, .true)
    }

    fileprivate func fail(_ call: Call, _ code: CInt, _ reason: apus_str) -> CInt {
        call.host.pointee.message.pointee.set_error(call.pointee.msg, code, reason)
        return answer(call, .false)
    }

    fileprivate func answer(_ call: Call, _ result: CInt) -> CInt {
        guard pointee.hasWaited, let then = pointee.then else { return result }
        return then(call, result, pointee.user)
    }

    private var destination: UnsafeMutablePointer<apus_destination> { pointer(to: \.destination).unsafelyUnwrapped }
}
