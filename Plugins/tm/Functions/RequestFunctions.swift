import PluginKit

// Invariants: what a function writes for its request lies in the run's memory.

/// Requests of our own: the function that starts them, their event routes, and the commands.
func declareOwnRequests(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    state.pointee.localRequestEvent = host.event(
        "local-request", doc: "A request of our own is about to leave; $ru, $du and $fs may be changed, drop stops it.")
    state.pointee.localResponseEvent = host.event(
        "local-response", doc: "A reply to a request of our own has come.")
    state.pointee.localAckSentEvent = host.event(
        "local-ack-sent", doc: "The ACK to the 2xx of an INVITE of our own has been sent; runs with the 2xx.")
    host.function(
        "t_uac_send",
        "method:format, ruri:format, nexthop:format, socket:format, headers:format, body:format",
        routes: APUS_EDITING_ROUTE,
        doc:
            "Sends a request of our own; headers need From and To; a dot after an INVITE's method: its 2xx is not acknowledged.",
        user: state, call: sendRequest)
    declareCommands(host, state)
}

/// `t_uac_send(method, ruri, nexthop, socket, headers, body)`
private func sendRequest(_ call: Call) -> CInt {
    var asked = tm_request()
    asked.size = UInt32(MemoryLayout<tm_request>.size)
    asked.method = call.text(0)
    if asked.method.hasSuffix(".") {
        asked.method = asked.method[0..<asked.method.len - 1]
        asked.flags = UInt32(TM_NO_ACK)
    }
    asked.uri = call.text(1)
    let hop = call.text(2)
    asked.next_hop = hop.equals(".") ? apus_str() : hop
    asked.body = call.text(5)
    do throws(RequestFault) {
        asked.listener = try call.host.listener(named: call.text(3))
        guard var out = call.writer(HeaderBlock.capacity(call.text(4))) else {
            throw RequestFault(500, "Out of memory")
        }
        let block = try HeaderBlock.read(call.text(4), method: asked.method, call.message.api, into: &out)
        block.fill(&asked)
        try call.state.request(asked, for: call.host)
        return .true
    } catch {
        guard var out = call.writer(128) else { return .false }
        out.add("t_uac_send: ")
        out.add(error.reason)
        return call.fail(out.text)
    }
}

extension HeaderBlock {
    /// What was read, in a request.
    func fill(_ asked: inout tm_request) {
        asked.from = from
        asked.to = to
        asked.callid = callID
        asked.cseq = cseq
        asked.headers = rest
    }
}

extension UnsafePointer<apus_host> {
    /// A socket of ours by its text, "udp:192.0.2.1:5060", or its name; nil for an empty one and for a dot.
    func listener(named text: apus_str) throws(RequestFault) -> OpaquePointer? {
        guard !text.isEmpty, !text.equals(".") else { return nil }
        let net = pointee.net
        for index in 0..<net.pointee.count(self) {
            guard let listener = net.pointee.at(self, index),
                let info = apus_listener_info.filled({ net.pointee.info(listener, $0) })
            else { continue }
            if info.text.equalsIgnoringCase(text) || (!info.name.isEmpty && info.name.equals(text)) { return listener }
        }
        // Without the transport.
        var rest = text
        guard let first = rest.next(0x3a) else { throw RequestFault(404, "Local socket not found") }
        let transport = net.pointee.transport(first)
        let place = transport == 0 ? text : rest
        var colon = place.len
        while colon > 0, place[colon - 1] != 0x3a { colon -= 1 }
        guard colon > 1, let port = place.dropFirst(colon).number, let number = UInt16(exactly: port),
            let found = net.pointee.find(self, transport, place[0..<colon - 1], number)
        else { throw RequestFault(404, "Local socket not found") }
        return found
    }
}
