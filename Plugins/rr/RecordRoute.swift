import PluginKit
import RoutingKit

// RFC 3261 section 16.6 step 4. The line is written when the request leaves, because it names the listener of that moment; so
// parameters count that are added after record_route.

/// `record_route([params])`
func recordRoute(_ call: Call) -> CInt {
    guard let routing = begin(call) else { return .false }
    if call.has(0), !addParameter(call, call.text(0)) { return .false }
    return record(call, routing, .address)
}

/// `record_route_preset(outbound[, inbound])`
func recordRoutePreset(_ call: Call) -> CInt {
    guard let routing = begin(call) else { return .false }
    let message = call.message
    guard let first = message.keep(call.text(0)), let second = call.has(1) ? message.keep(call.text(1)) : apus_str()
    else { return call.fail("no memory left for this message") }
    routing.pointee.first = first
    routing.pointee.second = second
    return record(call, routing, .preset)
}

/// `record_route_advertised_address(address)`
func recordRouteAdvertised(_ call: Call) -> CInt {
    guard let routing = begin(call) else { return .false }
    guard let address = call.message.keep(call.text(0)), !address.isEmpty else {
        return call.fail("the address is empty")
    }
    routing.pointee.first = address
    return record(call, routing, .address)
}

/// `add_rr_param(";name=value")`
func addRecordRouteParameter(_ call: Call) -> CInt { addParameter(call, call.text(0)) ? .true : .false }

/// `remove_record_route()`
func removeRecordRoute(_ call: Call) -> CInt {
    guard let routing = call.routing, routing.pointee.recording != .none else { return .false }
    routing.pointee.recording = .none
    return .true
}

private func begin(_ call: Call) -> UnsafeMutablePointer<Routing>? {
    guard call.message.isRequest, let routing = call.routing else { return nil }
    // A branch's edits are the branch's own: the next one may record too.
    let isNextBranch = routing.pointee.inBranch && call.pointee.route_kind == UInt32(APUS_BRANCH_ROUTE)
    guard routing.pointee.recording == .none || isNextBranch else {
        call.log(.error, "this request is recorded already")
        return nil
    }
    routing.pointee.first = apus_str()
    return routing
}

private func record(
    _ call: Call, _ routing: UnsafeMutablePointer<Routing>, _ recording: Routing.Recording
) -> CInt {
    let message = call.message
    routing.pointee.user = apus_str()
    if call.state.pointee.addUsername != 0, let user = message.keep(user(call)) { routing.pointee.user = user }
    routing.pointee.inBranch = call.pointee.route_kind == UInt32(APUS_BRANCH_ROUTE)
    if !routing.pointee.hasPlace || routing.pointee.inBranch {
        var late = apus_late(
            size: UInt32(MemoryLayout<apus_late>.size), reserved: 0, produce: writeLines, copy: copyRouting,
            user: routing)
        guard message.api.pointee.insert_late(call.host, call.pointee.msg, nil, &late) > 0 else {
            return call.fail("Record-Route could not be added")
        }
        routing.pointee.hasPlace = !routing.pointee.inBranch
    }
    routing.pointee.recording = recording
    return .true
}

/// What stands before the @ of our URI: the custom variable, or the user of the Request-URI.
private func user(_ call: Call) -> apus_str {
    if let variable = call.state.pointee.customUserVariable {
        var value = apus_value()
        if call.host.pointee.vars.pointee.get(call, variable, &value) > 0, value.isText { return value.str }
    }
    return call.message.parse(uri: call.message.field(APUS_FIELD_REQUEST_URI))?.user ?? ""
}

private func addParameter(_ call: Call, _ text: apus_str) -> Bool {
    let message = call.message
    guard !text.isEmpty, let routing = call.routing, let kept = message.keep(text) else { return false }
    return routing.append(kept, in: message)
}

/// Writes what the message's Routing asks for, at the top of the headers.
private let writeLines:
    @convention(c) (
        Host, OpaquePointer, OpaquePointer, UnsafeMutablePointer<CChar>, Int, UnsafeMutableRawPointer?
    ) -> Int = { host, handle, out, buffer, capacity, user in
        let routing = user.unsafelyUnwrapped.assumingMemoryBound(to: Routing.self)
        var lines = Lines(
            writer: Writer(buffer, capacity: capacity), routing: routing,
            message: Message(handle: handle, api: host.pointee.message))
        switch routing.pointee.recording {
        case .none: return 0
        case .preset:
            lines.add(address: routing.pointee.first)
            if !routing.pointee.second.isNull { lines.add(address: routing.pointee.second) }
        case .address: lines.add(host, out)
        }
        return lines.writer.overflowed ? 0 : lines.writer.count
    }

/// The Routing for a copy of the message, which remembers like the original that it is recorded. All edits of one message share one.
private let copyRouting: @convention(c) (Host, OpaquePointer, UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
    host, to, user in
    let routing = user.unsafelyUnwrapped.assumingMemoryBound(to: Routing.self)
    let slots = host.pointee.slots
    let slot = routing.pointee.state.pointee.slot
    if let known = slots.pointee.message(to, slot) { return known }
    guard let copy = routing.copied(to: Message(handle: to, api: host.pointee.message)) else { return nil }
    slots.pointee.set_message(to, slot, copy)
    return UnsafeMutableRawPointer(copy)
}

/// Record-Route lines on their way out.
private struct Lines {
    var writer: Writer
    let routing: UnsafeMutablePointer<Routing>
    let message: Message

    private var state: UnsafeMutablePointer<State> { routing.pointee.state }

    /// One line, or two when the request comes in and goes out by different listeners: each side must find the one that it can
    /// reach. The outgoing one stands on top.
    mutating func add(_ host: Host, _ out: OpaquePointer) {
        let net = host.pointee.net.pointee
        guard let outgoing = apus_listener_info.filled({ net.info(out, $0) }) else { return }
        let received = message.api.pointee.received_on(message.handle)
        let incoming = received.flatMap { listener in apus_listener_info.filled { net.info(listener, $0) } }
        guard let incoming, state.pointee.doubleRR != 0 else { return add(outgoing, isOneOfTwo: false) }
        let differ = routing.pointee.first.isNull ? received != out : incoming.transport != outgoing.transport
        guard differ || state.pointee.doubleRR == 2 else { return add(outgoing, isOneOfTwo: false) }
        add(outgoing, isOneOfTwo: true)
        add(incoming, isOneOfTwo: true)
    }

    private mutating func add(_ listener: apus_listener_info, isOneOfTwo: Bool) {
        open()
        if routing.pointee.first.isNull {
            writer.add(listener.advertised_address)
            if listener.advertised_port != 5060 {
                writer.add(":")
                writer.add(number: Int64(listener.advertised_port))
            }
        } else {
            writer.add(routing.pointee.first)
        }
        if Int(listener.transport) != APUS_UDP || state.pointee.doubleRR == 2 {
            writer.add(";transport=")
            writer.add(transportName(listener.transport))
        }
        if isOneOfTwo { writer.add(";r2=on") }
        if state.pointee.socketNames != 0, !listener.name.isEmpty {
            writer.add(";sn=")
            writer.add(listener.name)
        }
        close()
    }

    mutating func add(address: apus_str) {
        open()
        writer.add(address)
        close()
    }

    private mutating func open() {
        writer.add("Record-Route: <sip")
        if state.pointee.ignoreSips == 0, message.field(APUS_FIELD_REQUEST_URI).isSips { writer.add("s") }
        writer.add(":")
        if !routing.pointee.user.isEmpty {
            writer.add(routing.pointee.user)
            writer.add("@")
        }
    }

    private mutating func close() {
        writer.add(state.pointee.fullLR != 0 ? ";lr=on" : ";lr")
        var extra = routing.pointee.extra
        while let parameter = extra {
            if parameter.pointee.text[0] != UInt8(ascii: ";") { writer.add(";") }
            writer.add(parameter.pointee.text)
            extra = parameter.pointee.next
        }
        let tag = message.field(APUS_FIELD_FROM_TAG)
        if state.pointee.appendFromTag != 0, !tag.isEmpty {
            writer.add(";ftag=")
            writer.add(tag)
        }
        writer.add(">\r\n")
    }
}

extension apus_str {
    fileprivate var isSips: Bool { len > 5 && self[0..<5].equalsIgnoringCase("sips:") }
}
