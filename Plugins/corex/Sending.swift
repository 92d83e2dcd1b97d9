import PluginKit
import RoutingKit

// Invariants: a Departure lies in memory of the run whose function it is. What the host writes is copied into the run's memory before anybody else
// can write.

/// `send_udp`, `send_data` and their kin.
func declareSending(_ host: Host) {
    // `send_tcp` is the server's own.
    host.function(
        "send_udp", "host:format?", routes: APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE, flags: APUS_MAY_SUSPEND,
        doc: "Sends the request as it was received over UDP, to host[:port] or to its next hop.",
        call: sendReceived)
    host.function(
        "send_data", "uri:uri, data:format", routes: APUS_EDITING_ROUTE, flags: APUS_MAY_SUSPEND,
        doc: "Sends a text to where requests for the URI go.",
        call: { Departure.begin($0, to: $0.text(0), content: .data($0.text(1))) })
    host.function(
        "sendx", "uri:uri, socket:format, data:format", routes: APUS_EDITING_ROUTE, flags: APUS_MAY_SUSPEND,
        doc: "The same from a socket of ours.", call: sendFromSocket)
}

/// `send_udp([host[:port]])`
private func sendReceived(_ call: Call) -> CInt {
    let transport = UInt32(APUS_UDP)
    let bytes = call.message.api.pointee.bytes(call.pointee.msg)
    guard call.has(0) else {
        let uri = call.message.api.pointee.next_hop(call.pointee.msg)
        return Departure.begin(call, to: uri, over: transport, content: .data(bytes))
    }
    guard let socket = SocketText(call.text(0)), socket.transport.isEmpty,
        var uri = call.writer(socket.host.len + 16)
    else { return call.fail("that is no host[:port]") }
    uri.add("sip:")
    uri.add(socket.host)
    if let port = socket.port {
        uri.add(":")
        uri.add(number: Int64(port))
    }
    return Departure.begin(call, to: uri.text, over: transport, content: .data(bytes))
}

/// `sendx(uri, socket, data)`
private func sendFromSocket(_ call: Call) -> CInt {
    guard let socket = call.host.listener(call.text(1)) else { return call.fail("that is no socket of ours") }
    return Departure.begin(call, to: call.text(0), content: .data(call.text(2)), by: socket)
}

/// Something on its way out, without a transaction: to addresses that may have to be looked up first.
struct Departure {
    /// What leaves.
    enum Content {
        case data(apus_str)
        /// The request, with no Via but ours, and that number at the end of its branch.
        case request(branch: Int64)
        /// The reply, without its topmost Via.
        case reply
    }

    fileprivate let content: Content
    /// The only socket that it may leave by; nil: as the message and the address have it.
    fileprivate let socket: OpaquePointer?
    fileprivate var lookup = apus_lookup()
    fileprivate var token = apus_token()
    fileprivate var destination = apus_destination()
    fileprivate var bytes = apus_str()

    /// Sends it. The function returns the result at once.
    /// - Parameters:
    ///   - uri: where to; not read for a reply.
    ///   - transport: the only one wanted; 0: by the URI.
    static func begin(
        _ call: Call, to uri: apus_str, over transport: UInt32 = 0, content: Content, by socket: OpaquePointer? = nil
    ) -> CInt {
        let host = call.host
        guard let place = host.pointee.script.pointee.allocate(call, MemoryLayout<Departure>.stride) else {
            return call.fail("the run's memory is used up")
        }
        let departure = place.bindMemory(to: Departure.self, capacity: 1)
        departure.initialize(to: Departure(content: content, socket: socket))
        let lookup = departure.pointer(to: \.lookup).unsafelyUnwrapped
        lookup.pointee.size = UInt32(MemoryLayout<apus_lookup>.size)
        lookup.pointee.user = place
        lookup.pointee.done = found
        let result: CInt
        if case .reply = content {
            result = host.pointee.resolver.pointee.reply_hop(host, call.pointee.msg, lookup)
        } else {
            result = host.pointee.resolver.pointee.next_hop(host, uri, transport, lookup)
        }
        if result > 0 { return departure.leave(call) }
        guard result == .suspended else { return call.fail("there is no address to send to") }
        departure.pointee.token = host.pointee.suspend.pointee.begin(call, 0, resolved, place)
        guard departure.pointee.token.value != 0 else {
            host.pointee.resolver.pointee.cancel(host, lookup)
            return call.fail("too many scripts wait, or this one cannot")
        }
        return .suspended
    }

    private static let found: @convention(c) (Host, UnsafeMutablePointer<apus_lookup>, CInt) -> Void = {
        host, lookup, status in
        guard let departure = lookup.pointee.user?.assumingMemoryBound(to: Departure.self) else { return }
        host.pointee.suspend.pointee.complete(host, departure.pointee.token, status, nil, nil)
    }

    private static let resolved: @convention(c) (Call, CInt, UnsafeMutableRawPointer?) -> CInt = { call, status, _ in
        guard let place = call.host.pointee.suspend.pointee.user(call) else { return .false }
        let departure = place.assumingMemoryBound(to: Departure.self)
        if status == CInt(APUS_CANCELLED) {
            call.host.pointee.resolver.pointee.cancel(call.host, departure.pointer(to: \.lookup).unsafelyUnwrapped)
        }
        guard status == CInt(APUS_OK), departure.pointee.lookup.count > 0 else {
            return call.fail("there is no address to send to")
        }
        return departure.leave(call)
    }

    fileprivate static let looked: @convention(c) (Call, UnsafePointer<apus_route_end>) -> CInt = { call, end in
        guard let place = end.pointee.user, end.pointee.dropped == 0 else { return .false }
        return place.assumingMemoryBound(to: Departure.self).send(call)
    }
}

extension UnsafeMutablePointer<Departure> {
    fileprivate var destination: UnsafeMutablePointer<apus_destination> { pointer(to: \.destination).unsafelyUnwrapped }

    /// To the first address that a socket leads to.
    fileprivate func leave(_ call: Call) -> CInt {
        guard choose(call) else { return call.fail("no socket leads there") }
        switch pointee.content {
        case .data(let bytes):
            pointee.bytes = bytes
            return send(call)
        case .reply:
            guard let listener = pointee.destination.listener else { return .false }
            var bytes = apus_str()
            guard call.message.api.pointee.write_reply(call.host, call.pointee.msg, listener, &bytes) > 0 else {
                return call.fail("the reply cannot be written")
            }
            pointee.bytes = bytes
            let result = send(call)
            if result > 0 { call.host.bump(state.pointee.forwardedReplies) }
            return result
        case .request(let branch):
            guard composeRequest(call, branch) else { return call.fail("the request cannot be written") }
            let result = call.host.pointee.net.pointee.onsend(
                call, call.pointee.msg, destination, pointee.bytes, Departure.looked, self)
            return result == .true ? send(call) : result
        }
    }

    private func choose(_ call: Call) -> Bool {
        let net = call.host.pointee.net
        destination.pointee.size = UInt32(MemoryLayout<apus_destination>.size)
        let lookup = pointer(to: \.lookup).unsafelyUnwrapped
        var hop = 0
        while hop < Int(lookup.pointee.count) {
            destination.pointee.transport = lookup.hops[hop].transport
            destination.pointee.remote = lookup.hops[hop].address
            hop += 1
            guard let socket = pointee.socket else {
                if net.pointee.choose_for(call.host, destination, call.pointee.msg) > 0 { return true }
                continue
            }
            if net.pointee.choose(call.host, destination, socket) > 0, destination.pointee.listener == socket {
                return true
            }
        }
        return false
    }

    /// Writes the request with our Via alone, and keeps it while onsend_route looks at it.
    private func composeRequest(_ call: Call, _ number: Int64) -> Bool {
        let messages = call.message.api
        guard let listener = pointee.destination.listener else { return false }
        destination.pointee.flags = messages.pointee.send_flags(call.pointee.msg)
        var mark = apus_mark()
        guard messages.pointee.mark(call.pointee.msg, &mark) > 0 else { return false }
        defer { messages.pointee.rewind(call.pointee.msg, &mark) }
        // The same for every repetition of the request: made of what stands below our Via (RFC 3261 section 16.11).
        guard var branch = call.writer(64) else { return false }
        branch.add("z9hG4bKu")
        let below = call.message.via(0)?.text ?? apus_str()
        let id = call.message.field(APUS_FIELD_CALL_ID)
        branch.add(hex: UInt64(messages.pointee.hash(below, id)))
        branch.add(hex: UInt64(messages.pointee.hash(id, call.message.field(APUS_FIELD_CSEQ_NUMBER))))
        branch.add(".")
        branch.add(number: number)
        guard call.message.removeAll("Via") else { return false }
        var outgoing = apus_outgoing(
            size: UInt32(MemoryLayout<apus_outgoing>.size), reserved: 0, listener: listener, branch: branch.text,
            via_params: apus_str(), uri: apus_str(), path: apus_str())
        var bytes = apus_str()
        guard messages.pointee.write_request(call.host, call.pointee.msg, &outgoing, &bytes) > 0,
            var copy = call.writer(bytes.len)
        else { return false }
        copy.add(bytes)
        pointee.bytes = copy.text
        return true
    }

    fileprivate func send(_ call: Call) -> CInt {
        guard call.host.pointee.net.pointee.send(call.host, destination, pointee.bytes) == 0 else {
            return call.fail("it cannot be sent")
        }
        return .true
    }
}
