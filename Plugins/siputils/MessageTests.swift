import PluginKit
import RoutingKit

/// `has_totag()`
func hasToTag(_ call: Call) -> CInt { call.message.field(APUS_FIELD_TO_TAG).isEmpty ? .false : .true }

/// `is_user(name)`: of the credentials that were found to be right.
func isUser(_ call: Call) -> CInt {
    let message = call.message
    let value = message.api.pointee.authorized(message.handle)
    guard !value.isNull, let credentials = apus_credentials.filled({ message.api.pointee.parse_credentials(value, $0) })
    else { return .false }
    var name = credentials.username
    let user = name.next(UInt8(ascii: "@")) ?? ""
    return !user.isEmpty && user.equals(call.text(0)) ? .true : .false
}

/// `is_request()`
func isRequest(_ call: Call) -> CInt { call.message.isRequest ? .true : .false }

/// `is_reply()`
func isReply(_ call: Call) -> CInt { call.message.isRequest ? .false : .true }

/// `is_sip()`
func isSIP(_ call: Call) -> CInt { speaks(call.message, "SIP/") ? .true : .false }

/// `is_http()`
func isHTTP(_ call: Call) -> CInt { speaks(call.message, "HTTP/") ? .true : .false }

/// Whether the first line's version, last in a request and first in a reply, is of that protocol.
private func speaks(_ message: Message, _ protocolName: apus_str) -> Bool {
    let line = message.part(APUS_PART_FIRST_LINE).trimmed
    guard message.isRequest else { return line.hasPrefix(protocolName) }
    var start = line.len
    while start > 0, line[start - 1] != UInt8(ascii: " ") { start -= 1 }
    return line.dropFirst(start).hasPrefix(protocolName)
}

/// `is_first_hop([mode])`: between the other side and us there is no further proxy.
func isFirstHop(_ call: Call) -> CInt {
    let message = call.message
    if message.isRequest { return message.api.pointee.via_count(call.pointee.msg) == 1 ? .true : .false }
    guard let recorded = message.find("Record-Route") else { return .true }
    guard let value = message.parse(nameAddr: recorded.value), let uri = message.parse(uri: value.uri) else {
        return .false
    }
    let port = uri.port_number == 0 ? UInt16(5060) : UInt16(truncatingIfNeeded: uri.port_number)
    let net = call.host.pointee.net.pointee
    guard net.is_myself(call.host, uri.host, port) > 0 else { return .false }
    if call.has(0), call.int(0) == 1 { return .true }
    // Only an address can be compared with where the reply came from: a reply from our own has been through us before.
    guard isAddress(uri.host) else { return .false }
    guard uri.host.withoutBrackets.equalsIgnoringCase(message.field(APUS_FIELD_SOURCE_IP).withoutBrackets),
        message.api.pointee.source_port(call.pointee.msg) == port, isSameTransport(call, uri)
    else { return .true }
    return .false
}

private func isSameTransport(_ call: Call, _ uri: apus_uri) -> Bool {
    let net = call.host.pointee.net.pointee
    guard let listener = call.message.api.pointee.received_on(call.pointee.msg),
        let info = apus_listener_info.filled({ net.info(listener, $0) })
    else { return false }
    let names: (apus_str, apus_str) =
        switch Int(info.transport) {
        case APUS_TCP: ("tcp", "tcp")
        case APUS_TLS: ("tls", "tls")
        case APUS_SCTP: ("sctp", "sctp")
        case APUS_WS, APUS_WSS: ("ws", "wss")
        default: ("udp", "")
        }
    return uri.transport.equalsIgnoringCase(names.0) || uri.transport.equalsIgnoringCase(names.1)
}

/// Dotted numbers, or what stands in brackets.
private func isAddress(_ host: apus_str) -> Bool {
    guard !host.isEmpty, host[0] != UInt8(ascii: "[") else { return !host.isEmpty }
    for byte in host.bytes where byte &- 0x30 > 9 && byte != UInt8(ascii: ".") { return false }
    return true
}

extension apus_str {
    fileprivate var withoutBrackets: apus_str {
        len >= 2 && self[0] == UInt8(ascii: "[") && self[len - 1] == UInt8(ascii: "]") ? self[1..<len - 1] : self
    }
}

/// `is_supported("path")`: an option tag in Supported (RFC 3261 section 20.37).
func isSupported(_ call: Call) -> CInt { call.message.has(option: call.text(0), in: "Supported") ? .true : .false }
