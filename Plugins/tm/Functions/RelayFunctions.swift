import PluginKit
import RoutingKit

// Invariants: arguments are read by their place in the signatures below; URIs that are made of them live for the run.

private let anywhere = APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_BRANCH_FAILURE_ROUTE

/// t_relay, t_forward_nonack, t_replicate and their kin.
func declareRelayFunctions(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    func add(
        _ name: StaticString, _ arguments: StaticString, _ routes: Int, _ doc: StaticString,
        _ prepare: Preparation? = nil, _ call: @escaping @convention(c) (Call) -> CInt
    ) {
        host.function(
            name, arguments, routes: routes, flags: APUS_MAY_SUSPEND | APUS_SENDS_REQUEST, doc: doc, user: state,
            prepare: prepare, call: call)
    }
    /// Of a copy: what the script edits behind it is for the request itself.
    func addReplica(
        _ name: StaticString, _ arguments: StaticString, _ routes: Int, _ doc: StaticString,
        _ prepare: Preparation? = nil, _ call: @escaping @convention(c) (Call) -> CInt
    ) {
        host.function(
            name, arguments, routes: routes, flags: APUS_MAY_SUSPEND, doc: doc, user: state, prepare: prepare,
            call: call)
    }
    add("t_relay", "", anywhere, "Forwards the request statefully to its destination set.") { relay($0, RelayTarget()) }
    add(
        "t_relay", "host:format, port:int", anywhere,
        "Forwards the request statefully to that host and port, over the transport that it came by."
    ) { relayTo($0, transport: incomingTransport($0)) }
    add(
        "t_relay_to", "proxy:format?, flags:format?", anywhere,
        "Forwards the request statefully to [proto:]host[:port]; flags: 1 no 100, 2 no error reply, 4 no DNS failover.",
        refuseMissingTransport, relayToProxy)
    add(
        "t_relay_to_proxy", "proxy:format, flags:format?", anywhere,
        "Forwards the request statefully to [proto:]host[:port]; flags: 1 no 100, 2 no error reply, 4 no DNS failover.",
        refuseMissingTransport, relayToProxy)
    declareTransports(add)
    declarePlain(add)
    declareReplicas(addReplica)
}

private typealias Adding = (
    StaticString, StaticString, Int, StaticString, Preparation?, @escaping @convention(c) (Call) -> CInt
) -> Void

private func declareTransports(_ add: Adding) {
    let doc: StaticString = "Forwards the request statefully over that transport, to its destination set."
    let docTo: StaticString = "Forwards the request statefully over that transport, to that host and port."
    let address: StaticString = "host:format, port:int"
    add("t_relay_to_udp", "", anywhere, doc, nil) { relay($0, RelayTarget(transport: UInt32(APUS_UDP))) }
    add("t_relay_to_tcp", "", anywhere, doc, nil) { relay($0, RelayTarget(transport: UInt32(APUS_TCP))) }
    add("t_relay_to_tls", "", anywhere, doc, refuseTLS) { relay($0, RelayTarget(transport: UInt32(APUS_TLS))) }
    add("t_relay_to_sctp", "", anywhere, doc, refuseSCTP) { relay($0, RelayTarget(transport: UInt32(APUS_SCTP))) }
    add("t_relay_to_udp", address, anywhere, docTo, nil) { relayTo($0, transport: UInt32(APUS_UDP)) }
    add("t_relay_to_tcp", address, anywhere, docTo, nil) { relayTo($0, transport: UInt32(APUS_TCP)) }
    add("t_relay_to_tls", address, anywhere, docTo, refuseTLS) { relayTo($0, transport: UInt32(APUS_TLS)) }
    add("t_relay_to_sctp", address, anywhere, docTo, refuseSCTP) { relayTo($0, transport: UInt32(APUS_SCTP)) }
}

private func declarePlain(_ add: Adding) {
    let doc: StaticString = "Forwards the request statefully to that address; a CANCEL like any other request."
    let address: StaticString = "host:format, port:int"
    add("t_forward_nonack", address, APUS_REQUEST_ROUTE, doc, nil) {
        relayTo($0, transport: incomingTransport($0), .plain)
    }
    add("t_forward_nonack_udp", address, APUS_REQUEST_ROUTE, doc, nil) {
        relayTo($0, transport: UInt32(APUS_UDP), .plain)
    }
    add("t_forward_nonack_tcp", address, APUS_REQUEST_ROUTE, doc, nil) {
        relayTo($0, transport: UInt32(APUS_TCP), .plain)
    }
    add("t_forward_nonack_tls", address, APUS_REQUEST_ROUTE, doc, refuseTLS) {
        relayTo($0, transport: UInt32(APUS_TLS), .plain)
    }
    add("t_forward_nonack_sctp", address, APUS_REQUEST_ROUTE, doc, refuseSCTP) {
        relayTo($0, transport: UInt32(APUS_SCTP), .plain)
    }
    add("t_forward_nonack_to", "proto:format, hostport:format", APUS_REQUEST_ROUTE, doc, refuseMissingTransport) {
        relayTo($0, protocolAndHost: .plain)
    }
    add(
        "t_forward_nonack_uri", "", APUS_REQUEST_ROUTE,
        "Forwards the request statefully to its destination set; a CANCEL like any other request.", nil
    ) { relay($0, RelayTarget(options: .plain)) }
}

private func declareReplicas(_ add: Adding) {
    let doc: StaticString = "Sends a copy of the request to that address; its replies are absorbed."
    let address: StaticString = "host:format, port:int"
    add("t_replicate", "", APUS_REQUEST_ROUTE, "Sends a copy of the request to its URI; its replies are absorbed.", nil)
    {
        relay($0, RelayTarget(options: .replica))
    }
    add("t_replicate", "uri:uri", APUS_REQUEST_ROUTE, doc, nil) {
        relay($0, RelayTarget(nextHop: keep($0, $0.text(0)), options: .replica))
    }
    add("t_replicate", address, APUS_REQUEST_ROUTE, doc, nil) {
        relayTo($0, transport: incomingTransport($0), .replica)
    }
    add("t_replicate_udp", address, APUS_REQUEST_ROUTE, doc, nil) { relayTo($0, transport: UInt32(APUS_UDP), .replica) }
    add("t_replicate_tcp", address, APUS_REQUEST_ROUTE, doc, nil) { relayTo($0, transport: UInt32(APUS_TCP), .replica) }
    add("t_replicate_tls", address, APUS_REQUEST_ROUTE, doc, refuseTLS) {
        relayTo($0, transport: UInt32(APUS_TLS), .replica)
    }
    add("t_replicate_sctp", address, APUS_REQUEST_ROUTE, doc, refuseSCTP) {
        relayTo($0, transport: UInt32(APUS_SCTP), .replica)
    }
    add("t_replicate_to", "proto:format, hostport:format", APUS_REQUEST_ROUTE, doc, refuseMissingTransport) {
        relayTo($0, protocolAndHost: .replica)
    }
}

/// What is said of a transport that this server does not have at all; nil of others.
func absence(of transport: UInt32) -> apus_str? {
    switch Int(transport) {
    case APUS_TLS: "this server has no TLS, so nothing leaves by it"
    case APUS_SCTP: "this server has no SCTP, so nothing leaves by it"
    default: nil
    }
}

/// A function that could never send is refused when the config is read.
private let refuseTLS: Preparation = { _, _, _, _, complaint in refuse(UInt32(APUS_TLS), complaint) }
private let refuseSCTP: Preparation = { _, _, _, _, complaint in refuse(UInt32(APUS_SCTP), complaint) }

/// The same where the transport is the beginning of a constant: `tls`, `tls:host`.
private let refuseMissingTransport: Preparation = { host, index, constant, _, complaint in
    guard index == 0 else { return .true }
    var rest = constant.trimmed
    return refuse(host.pointee.net.pointee.transport(rest.next(0x3a) ?? rest), complaint)
}

private func refuse(_ transport: UInt32, _ complaint: UnsafeMutablePointer<apus_complaint>) -> CInt {
    guard let text = absence(of: transport) else { return .true }
    return complaint.say(text.string)
}

/// The transport by which the call's request came.
private func incomingTransport(_ call: Call) -> UInt32 {
    var source = apus_destination()
    source.size = UInt32(MemoryLayout<apus_destination>.size)
    call.host.pointee.message.pointee.source(call.pointee.msg, &source)
    return source.transport
}

/// Of host and port, the call's first two arguments.
private func relayTo(_ call: Call, transport: UInt32, _ options: RelayTarget.Options = []) -> CInt {
    guard (0...65535).contains(call.int(1)) else { return call.fail("that is no port") }
    guard let uri = uri(call, host: call.text(0), port: call.int(1)) else { return call.fail("there is no host") }
    return relay(call, RelayTarget(nextHop: uri, transport: transport, options: options))
}

/// Of a transport and host:port, the call's first two arguments.
private func relayTo(_ call: Call, protocolAndHost options: RelayTarget.Options) -> CInt {
    let transport = call.host.pointee.net.pointee.transport(call.text(0))
    guard transport != 0 else { return call.fail("there is no transport of that name") }
    guard let uri = uri(call, hostPort: call.text(1)) else { return call.fail("there is no host") }
    return relay(call, RelayTarget(nextHop: uri, transport: transport, options: options))
}

/// `t_relay_to([proxy][, flags])`: a single argument that is a number means the flags.
private func relayToProxy(_ call: Call) -> CInt {
    var proxy = call.has(0) ? call.text(0).trimmed : apus_str()
    var flags = call.has(1) ? call.text(1).trimmed : apus_str()
    if flags.isEmpty, flagsNumber(proxy) != nil { (proxy, flags) = (apus_str(), proxy) }
    var target = RelayTarget()
    if !flags.isEmpty {
        guard let number = flagsNumber(flags), (0...7).contains(number) else { return call.fail("flags are 0 to 7") }
        target.options = RelayTarget.Options(rawValue: UInt32(number))
    }
    guard !proxy.isEmpty else { return relay(call, target) }
    var rest = proxy
    if let name = rest.next(0x3a) {
        target.transport = call.host.pointee.net.pointee.transport(name)
        if target.transport != 0 { proxy = rest }
    }
    guard let uri = uri(call, hostPort: proxy) else { return call.fail("there is no host in the proxy") }
    target.nextHop = uri
    return relay(call, target)
}

/// 4, 0x04.
private func flagsNumber(_ text: apus_str) -> Int64? {
    if text.hasPrefix("0x") { return text.dropFirst(2).hex.flatMap { Int64(exactly: $0) } }
    return text.number
}

private func uri(_ call: Call, host: apus_str, port: Int64) -> apus_str? {
    let host = host.trimmed
    guard !host.isEmpty, var out = call.writer(host.len + 16) else { return nil }
    let needsBrackets = host[0] != 0x5b && host.index(of: 0x3a) != nil
    out.add("sip:")
    if needsBrackets { out.add("[") }
    out.add(host)
    if needsBrackets { out.add("]") }
    if port > 0 {
        out.add(":")
        out.add(number: port)
    }
    return out.text
}

private func uri(_ call: Call, hostPort: apus_str) -> apus_str? {
    let hostPort = hostPort.trimmed
    guard !hostPort.isEmpty, var out = call.writer(hostPort.len + 4) else { return nil }
    out.add("sip:")
    out.add(hostPort)
    return out.text
}

/// The text for as long as the run lasts.
private func keep(_ call: Call, _ text: apus_str) -> apus_str {
    guard !text.isEmpty, var out = call.writer(text.len) else { return text }
    out.add(text)
    return out.text
}
