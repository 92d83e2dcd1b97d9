import PluginKit
import RoutingKit

/// `$cfg(…)`, `$lsock(…)` and `{sock.…}`.
func declareVariables(_ host: Host) {
    host.variable(
        "cfg", inner: "line|name|file|route",
        doc: "Where the statement stands: its line, its file (name and file), its route block.", get: configPlace)
    host.variable(
        "lsock", inner: "*", flags: APUS_PV_DYNAMIC,
        doc:
            "A socket of ours, found by n(ame), i(ndex), l(isten) or a(dvertise): n/NAME/listen, name, proto, host, port, advertise.",
        get: socketPart)
    host.transformation("sock.host", doc: "Host of transport:host:port.") { $2.change { $0.give($1.host) } }
    host.transformation("sock.port", doc: "Port of transport:host:port; \"\" when none is written.") {
        $2.change { out, socket in
            guard let port = socket.port else { return out.give("") }
            out.pointee = apus_value(Int64(port))
            return .true
        }
    }
    host.transformation("sock.proto", doc: "Transport of transport:host:port; \"\" when none is written.") {
        $2.change { $0.give($1.transport) }
    }
    host.transformation("sock.touri", doc: "transport:host:port as a SIP URI.") { access, _, value in
        value.change { out, socket in
            guard var uri = access.writer(socket.host.len + 40) else { return .false }
            uri.add("sip:")
            uri.add(socket.host)
            if let port = socket.port {
                uri.add(":")
                uri.add(number: Int64(port))
            }
            if !socket.transport.isEmpty {
                uri.add(";transport=")
                uri.add(socket.transport)
            }
            return out.give(uri.text)
        }
    }
}

extension UnsafeMutablePointer<apus_value> {
    /// Carries out a transformation on a socket's text; $null when it is none.
    fileprivate func change(_ body: (Self, SocketText) -> CInt) -> CInt {
        guard pointee.isText, let socket = SocketText(pointee.str) else { return .false }
        return body(self, socket)
    }

    fileprivate func give(_ text: apus_str) -> CInt { answer(text.isNull ? "" : text) }
}

/// `$cfg(line)`
private let configPlace: @convention(c) (Access, UnsafeMutablePointer<apus_value>) -> CInt = { access, out in
    let script = access.host.pointee.script
    var file = apus_str()
    var line: UInt32 = 0
    script.pointee.run_position(access.pointee.run, &file, &line)
    switch access.pointee.inner_id {
    case 0:
        out.pointee = apus_value(Int64(line))
        return .true
    case 1, 2: return out.answer(file)
    default:
        let name = script.pointee.current_route(access.pointee.run)
        guard name.isEmpty else { return out.answer(name) }
        return out.answer(
            access.pointee.route_kind & UInt32(APUS_CORE_ONREPLY_ROUTE) != 0 ? "DEFAULT_ONREPLY" : "DEFAULT_ROUTE")
    }
}

/// `$lsock(n/main/listen)`
private let socketPart: @convention(c) (Access, UnsafeMutablePointer<apus_value>) -> CInt = { access, out in
    var rest = access.pointee.inner
    guard let kind = rest.next(UInt8(ascii: "/")), kind.len == 1,
        let end = (0..<rest.len).last(where: { rest[$0] == UInt8(ascii: "/") })
    else { return .false }
    let (key, field) = (rest[0..<end], rest.dropFirst(end + 1))
    guard let info = access.host.socket(kind[0], key) else { return .false }
    if field.equals("listen") { return out.answer(info.text) }
    if field.equals("name") { return info.name.isEmpty ? .false : out.answer(info.name) }
    if field.equals("host") { return out.answer(info.address) }
    if field.equals("port") {
        out.pointee = apus_value(Int64(info.port))
        return .true
    }
    let colon = info.text.index(of: UInt8(ascii: ":")) ?? 0
    if field.equals("proto") { return out.answer(info.text[0..<colon]) }
    guard field.equals("advertise"), info.isAdvertised, var text = access.writer(info.advertised_address.len + 16)
    else {
        return .false
    }
    text.add(info.text[0..<colon])
    text.add(":")
    text.add(advertised: info)
    return out.answer(text.text)
}

extension Writer {
    /// `host:port`, as advertised.
    mutating func add(advertised info: apus_listener_info) {
        add(info.advertised_address)
        add(":")
        add(number: Int64(info.advertised_port))
    }
}

extension apus_listener_info {
    /// Another address than its own is told to others.
    var isAdvertised: Bool { port != advertised_port || !address.equals(advertised_address) }
}

extension UnsafePointer<apus_host> {
    /// A socket of ours by one of its facts; nil when there is none.
    fileprivate func socket(_ kind: UInt8, _ key: apus_str) -> apus_listener_info? {
        let net = pointee.net
        switch kind {
        case UInt8(ascii: "n"):
            return net.pointee.find_named(self, key).flatMap { socket in .filled { net.pointee.info(socket, $0) } }
        case UInt8(ascii: "i"):
            guard let index = key.number, 0...Int64(UInt32.max) ~= index,
                let socket = net.pointee.at(self, UInt32(index))
            else { return nil }
            return .filled { net.pointee.info(socket, $0) }
        case UInt8(ascii: "l"), UInt8(ascii: "a"):
            guard let wanted = SocketText(key) else { return nil }
            let transport = net.pointee.transport(wanted.transport)
            for index in 0..<net.pointee.count(self) {
                guard let socket = net.pointee.at(self, index),
                    let info = apus_listener_info.filled({ net.pointee.info(socket, $0) }),
                    transport == 0 || transport == info.transport
                else { continue }
                let isFound =
                    kind == UInt8(ascii: "l")
                    ? info.address.equalsIgnoringCase(wanted.host) && wanted.port ?? info.port == info.port
                    : info.isAdvertised && info.advertised_address.equalsIgnoringCase(wanted.host)
                        && wanted.port ?? info.advertised_port == info.advertised_port
                if isFound { return info }
            }
            return nil
        default: return nil
        }
    }
}
