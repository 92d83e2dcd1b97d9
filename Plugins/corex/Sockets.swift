import PluginKit
import RoutingKit

/// Which socket is used, and where a message came from.
func declareSockets(_ host: Host) {
    host.function(
        "set_send_socket", "socket:format", doc: "Sends through the socket of ours that [transport:]host[:port] names.",
        call: { $0.useSocket($0.socket(), forSending: true) })
    host.function(
        "set_send_socket_name", "name:format", doc: "Sends through the socket of ours that is called so.",
        call: { $0.useSocket($0.namedSocket, forSending: true) })
    host.function(
        "set_recv_socket", "socket:format", doc: "The message came to that socket of ours, from now on.",
        call: { $0.useSocket($0.socket(), forSending: false) })
    host.function(
        "set_recv_socket_name", "name:format", doc: "The message came to the socket of ours that is called so.",
        call: { $0.useSocket($0.namedSocket, forSending: false) })
    host.function(
        "is_socket_name", "name:format", doc: "Whether a socket of ours is called so.",
        call: { $0.namedSocket == nil ? .false : .true })
    host.function(
        "set_source_address", "socket:format", doc: "The message came from [transport:]address[:port], from now on.",
        call: setSource)
}

extension UnsafePointer<apus_call> {
    /// The socket that the first argument names.
    fileprivate func socket() -> OpaquePointer? { host.listener(text(0)) }

    /// The socket whose name is the first argument.
    fileprivate var namedSocket: OpaquePointer? {
        text(0).isEmpty ? nil : host.pointee.net.pointee.find_named(host, text(0))
    }

    fileprivate func useSocket(_ socket: OpaquePointer?, forSending: Bool) -> CInt {
        guard let socket else {
            log(.warning, "no socket of ours is named or called so")
            return .false
        }
        if forSending {
            message.api.pointee.send_through(pointee.msg, socket)
        } else {
            message.api.pointee.set_received_on(pointee.msg, socket)
        }
        return .true
    }
}

/// `set_source_address("udp:192.0.2.1:5060")`: without a port 5060.
private func setSource(_ call: Call) -> CInt {
    guard let socket = SocketText(call.text(0)) else { return call.fail("that is no address") }
    var address = apus_address()
    guard call.host.pointee.net.pointee.parse_address(socket.host, &address) > 0 else {
        return call.fail("that is no address")
    }
    address.port = socket.port ?? 5060
    call.message.api.pointee.set_source(call.pointee.msg, &address)
    return .true
}

/// `[transport:]host[:port]`, as sockets are written; parts of the text that it was read from.
struct SocketText {
    /// Empty when none is written.
    var transport = apus_str()
    /// IPv6 with its brackets.
    let host: apus_str
    var port: UInt16?

    /// Nil when it is none.
    init?(_ text: apus_str) {
        var rest = text
        if let colon = rest.index(of: UInt8(ascii: ":")), SocketText.isTransport(rest[0..<colon]) {
            transport = rest[0..<colon]
            rest = rest.dropFirst(colon + 1)
        }
        guard !rest.isEmpty else { return nil }
        var end = rest.index(of: UInt8(ascii: ":")) ?? rest.len
        if rest[0] == UInt8(ascii: "[") {
            guard let close = rest.index(of: UInt8(ascii: "]")) else { return nil }
            end = close + 1
        }
        host = rest[0..<end]
        guard !host.isEmpty else { return nil }
        guard end < rest.len else { return }
        guard rest[end] == UInt8(ascii: ":"), let number = rest.dropFirst(end + 1).number, 1...65535 ~= number else {
            return nil
        }
        port = UInt16(number)
    }

    private static func isTransport(_ text: apus_str) -> Bool {
        text.equalsIgnoringCase("udp") || text.equalsIgnoringCase("tcp") || text.equalsIgnoringCase("tls")
            || text.equalsIgnoringCase("sctp") || text.equalsIgnoringCase("ws") || text.equalsIgnoringCase("wss")
    }
}
