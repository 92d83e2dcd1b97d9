import PluginKit
import RoutingKit

// RFC 3261 sections 16.4, 16.6 step 6 and 16.12: what the Route headers of a request say about its next hop.

/// Bits of loose_route_mode.
private let skipStrictTest: Int64 = 1

/// The answer for a request outside of a dialog whose only Route was ours.
private let onlyOurs: CInt = -3

/// `loose_route()`
func looseRoute(_ call: Call) -> CInt { looseRoute(call, mode: call.state.pointee.looseRouteMode) }

/// `loose_route_mode(mode)`
func looseRouteWithMode(_ call: Call) -> CInt { looseRoute(call, mode: call.int(0)) }

/// Checks a constant mode.
let prepareMode: Preparation = { _, _, constant, _, complaint in
    guard let mode = constant.number, 0...3 ~= mode else {
        return complaint.say("a mode is 1 (no strict routers), 2 (no flow tokens), or their sum")
    }
    return .true
}

/// `loose_route_preloaded()`: only for a request outside of a dialog.
func looseRoutePreloaded(_ call: Call) -> CInt {
    guard call.message.field(APUS_FIELD_TO_TAG).isEmpty else { return .false }
    let result = looseRoute(call, mode: call.state.pointee.looseRouteMode)
    return result > 0 || result == onlyOurs ? .true : .false
}

/// Answers 1 when the request is routed by Route, −1 when it has none or it is broken, −3 when our own was all it had and the request
/// is outside of a dialog. A further call for the same message changes nothing and answers the same.
private func looseRoute(_ call: Call, mode: Int64) -> CInt {
    guard let routing = call.routing else { return call.fail("no memory left for this message") }
    if routing.pointee.result != 0 { return routing.pointee.result }
    let result = follow(call, routing, mode: mode)
    routing.pointee.result = result
    return result
}

private func follow(_ call: Call, _ routing: UnsafeMutablePointer<Routing>, mode: Int64) -> CInt {
    let message = call.message
    let host = call.host
    var routes = RouteSet(message)
    guard let first = routes.next() else {
        return routes.header == nil ? .false : call.fail("Route cannot be parsed")
    }
    var others = routes
    while others.next() != nil {}
    guard !others.isBroken else { return call.fail("Route cannot be parsed") }
    let inDialog = !message.field(APUS_FIELD_TO_TAG).isEmpty
    let isOurs = first.uri.isOurs(host)

    if inDialog, mode & skipStrictTest == 0, let target = message.parse(uri: message.field(APUS_FIELD_REQUEST_URI)),
        !target.lr.isNull || !isOurs, target.isOurs(host)
    {
        return recover(call, routing, target: target, routes: routes, first: first)
    }
    guard isOurs else { return send(call, routing, to: first) }

    routing.pointee.params = first.params
    guard first.remove(from: message) else { return failedEdit(call) }
    var next = routes.next()
    if first.isOneOfTwo, call.state.pointee.doubleRR != 0, let second = next, second.uri.isOurs(host) {
        leave(call, through: second.uri)
        guard second.remove(from: message) else { return failedEdit(call) }
        next = routes.next()
    } else if call.state.pointee.forceSendSocket != 0 {
        leave(call, through: first.uri)
    }
    if let next { return send(call, routing, to: next) }
    return inDialog ? .true : onlyOurs
}

/// The next hop is that Route.
private func send(_ call: Call, _ routing: UnsafeMutablePointer<Routing>, to next: RouteValue) -> CInt {
    let message = call.message
    routing.pointee.followed = true
    if next.isLoose { return setDestination(call, next) ? .true : failedEdit(call) }
    // A strict router looks for itself in the Request-URI; the target waits at the end of Route.
    let target = message.field(APUS_FIELD_REQUEST_URI)
    guard var line = call.writer(target.len + 16), var last = lastRoute(message) else { return .false }
    line.add("Route: <")
    line.add(target)
    line.add(">\r\n")
    guard message.insert(line.text, after: &last), next.remove(from: message),
        message.api.pointee.set_request_uri(call.pointee.msg, next.uriText) > 0
    else { return failedEdit(call) }
    return .true
}

/// A strict router put our Record-Route value into the Request-URI: the target is the last Route.
private func recover(
    _ call: Call, _ routing: UnsafeMutablePointer<Routing>, target: apus_uri, routes: RouteSet, first: RouteValue
) -> CInt {
    let message = call.message
    let text = message.field(APUS_FIELD_REQUEST_URI)
    routing.pointee.params = RouteValue(text: text, uriText: text, uri: target).params
    var routes = routes
    var next: RouteValue? = first
    if !target.r2.isNull, call.state.pointee.doubleRR != 0, first.uri.isOurs(call.host) {
        leave(call, through: first.uri)
        guard first.remove(from: message) else { return failedEdit(call) }
        next = routes.next()
    }
    guard let next else { return call.fail("the Request-URI is ours and Route names no target") }
    routing.pointee.followed = true
    var last: RouteValue?
    while let value = routes.next() { last = value }
    // A strict next hop gets itself in the Request-URI and the target where it expects it. A loose one gets the target in the
    // Request-URI; it may be the target itself.
    let new = next.isLoose ? last ?? next : next
    guard new.remove(from: message), message.api.pointee.set_request_uri(call.pointee.msg, new.uriText) > 0,
        !next.isLoose || last == nil || setDestination(call, next)
    else { return failedEdit(call) }
    return .true
}

/// The request leaves through the listener that our own Route names.
private func leave(_ call: Call, through uri: apus_uri) {
    if let listener = named(call, uri) ?? uri.listener(call.host) {
        call.message.api.pointee.send_through(call.pointee.msg, listener)
    } else if call.state.pointee.mismatchWarning != 0 {
        call.log(.warning, "no listener has the address of our own Route; the request leaves through another")
    }
}

/// The listener of the name that our Route remembers; nil when it remembers none.
private func named(_ call: Call, _ uri: apus_uri) -> OpaquePointer? {
    guard call.state.pointee.socketNames != 0, !uri.params.isEmpty,
        let name = call.message.parameter("sn", in: uri.params), !name.isEmpty
    else { return nil }
    return call.host.pointee.net.pointee.find_named(call.host, name)
}

/// The destination is the Route's URI, or what its maddr names.
private func setDestination(_ call: Call, _ route: RouteValue) -> Bool {
    let api = call.message.api.pointee
    guard !route.uri.maddr.isEmpty else { return api.set_destination(call.pointee.msg, route.uriText) > 0 }
    guard var text = call.writer(route.uriText.len + 32) else { return false }
    text.add(route.uri.scheme == 2 ? "sips:" : "sip:")
    text.add(route.uri.maddr)
    if route.uri.port_number != 0 {
        text.add(":")
        text.add(number: Int64(route.uri.port_number))
    }
    if !route.uri.transport.isEmpty {
        text.add(";transport=")
        text.add(route.uri.transport)
    }
    return api.set_destination(call.pointee.msg, text.text) > 0
}

private func lastRoute(_ message: Message) -> apus_header? {
    var last: apus_header?
    while let header = message.find("Route", from: last.map { Int($0.index) + 1 } ?? 0) { last = header }
    return last
}

private func failedEdit(_ call: Call) -> CInt {
    call.fail("Route could not be changed: an earlier edit is in the way, or memory is out")
}
