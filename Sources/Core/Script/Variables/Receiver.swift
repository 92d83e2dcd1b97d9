import PluginAPI

/// `$Ri`, `$Rp` … : the socket of ours that the message came to.
extension CoreVariables {
    static func declareReceiver(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("Ri", "Address of the receiving socket.") { access, out in
            guard let info = access.receiver else {
                return out.giveAddress(access, access.message.routing.destination, brackets: false)
            }
            return out.give(info.address.bytes.withoutBrackets)
        }
        try declare.variable("Rp", number: true, "Port of the receiving socket.") { access, out in
            if let info = access.receiver { return out.give(info.port) }
            let address = access.message.routing.destination
            return address.isNone ? -1 : out.give(address.port)
        }
        try declare.variable("Ru", "The receiving socket as a SIP URI; its transport unless that is UDP.") {
            $1.give($0.receiverURI(advertised: false, alwaysTransport: false))
        }
        try declare.variable("Rut", "The receiving socket as a SIP URI with its transport.") {
            $1.give($0.receiverURI(advertised: false, alwaysTransport: true))
        }
        try declare.variable("Ras", "The receiving socket as transport:address:port.") {
            $1.give($0.receiver?.text.bytes)
        }
        try declare.variable("Rn", "Name of the receiving socket.") {
            $1.give(ifAny: $0.receiver?.name.bytes ?? .empty)
        }
        try declare.variable("RAi", "Advertised address of the receiving socket.") {
            $1.give($0.receiver?.advertised_address.bytes.withoutBrackets)
        }
        try declare.variable("RAp", "Advertised port of the receiving socket.") { access, out in
            access.receiver.map { out.give($0.advertised_port) } ?? -1
        }
        try declare.variable("RAu", "The advertised socket as a SIP URI; its transport unless that is UDP.") {
            $1.give($0.receiverURI(advertised: true, alwaysTransport: false))
        }
        try declare.variable("RAut", "The advertised socket as a SIP URI with its transport.") {
            $1.give($0.receiverURI(advertised: true, alwaysTransport: true))
        }
    }

    /// `$fs`: the socket that the script chose to send through.
    static func declareSending(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("fs", "Socket to send through, as transport:address:port; $null when none was chosen.") {
            $1.give($0.sender?.text.bytes)
        } set: { access, value in
            access.chooseSender(value) { text in
                guard let socket = SocketText(text) else { return nil }
                return ScriptEnvironment.current.findListener(socket.transport, apus_str(socket.host), socket.port)
            }
        }
        try declare.variable("fsn", "Name of the socket to send through.") {
            $1.give(ifAny: $0.sender?.name.bytes ?? .empty)
        } set: { access, value in
            access.chooseSender(value) { ScriptEnvironment.current.findNamedListener(apus_str($0)) }
        }
        try declare.variable("fsp", "Port of the socket to send through; 0 when none was chosen.") {
            $1.give($0.sender?.port ?? 0)
        }
    }
}

extension UnsafePointer<apus_access> {
    fileprivate var receiver: apus_listener_info? { listener(message.routing.receivedOn) }
    fileprivate var sender: apus_listener_info? { listener(message.routing.current.sendThrough) }

    fileprivate func receiverURI(advertised: Bool, alwaysTransport: Bool) -> Bytes? {
        guard let info = receiver else { return nil }
        let host = advertised ? info.advertised_address.bytes : info.address.bytes
        return run.compose(host.count + 40) {
            $0.write("sip:")
            $0.write(host)
            $0.write(":")
            $0.write(decimal: UInt64(advertised ? info.advertised_port : info.port))
            if alwaysTransport || info.transport != UInt32(APUS_UDP) {
                $0.write(";transport=")
                $0.write(TransportNames.name(of: info.transport))
            }
        }
    }

    /// A socket that is none of ours changes nothing and is logged; $null goes back to choosing by destination.
    fileprivate func chooseSender(
        _ value: UnsafePointer<apus_value>, _ find: (Bytes) -> ScriptEnvironment.Listener?
    ) -> CInt {
        if value.pointee.isNull {
            message.routing.current.sendThrough = nil
            return 1
        }
        guard let text = text(of: value) else { return -1 }
        guard let listener = find(text) else {
            run.logAtStatement(.warning, "no socket of ours to send through: ", text)
            return 1
        }
        message.routing.current.sendThrough = listener
        return 1
    }
}

/// `[transport:]host[:port]`, as sockets are written.
struct SocketText {
    /// APUS_UDP …; 0 when none is written.
    var transport: UInt32 = 0
    /// IPv6 with its brackets.
    var host: Bytes
    /// 0 when none is written.
    var port: UInt16 = 0

    /// Nil when it is none.
    init?(_ text: Bytes) {
        var rest = text
        if let colon = rest.firstIndex(of: UInt8(ascii: ":")), rest[0] != UInt8(ascii: "[") {
            let number = TransportNames.number(of: rest.prefix(colon))
            if number > 0 {
                transport = UInt32(number)
                rest = rest.dropFirst(colon + 1)
            }
        }
        let hostEnd: Int
        if !rest.isEmpty, rest[0] == UInt8(ascii: "[") {
            guard let close = rest.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            hostEnd = close + 1
        } else {
            hostEnd = rest.firstIndex(of: UInt8(ascii: ":")) ?? rest.count
        }
        host = rest.prefix(hostEnd)
        guard !host.isEmpty else { return nil }
        if hostEnd == rest.count { return }
        guard rest[hostEnd] == UInt8(ascii: ":"), let number = rest.dropFirst(hostEnd + 1).uint16 else { return nil }
        port = number
    }
}

extension Bytes {
    /// An IPv6 address without its brackets.
    var withoutBrackets: Bytes {
        guard count >= 2, self[0] == UInt8(ascii: "["), self[count - 1] == UInt8(ascii: "]") else { return self }
        return self[1..<count - 1]
    }
}
