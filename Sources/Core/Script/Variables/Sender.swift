import Glibc
import PluginAPI

/// `$si`, `$sp`, `$pr` and the rest of what is known of the sender.
extension CoreVariables {
    static func declareSource(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("si src_ip", "Address of the sender.") {
            $1.giveAddress($0, $0.message.routing.source, brackets: false)
        }
        try declare.variable("siz", "Address of the sender, IPv6 in brackets.") {
            $1.giveAddress($0, $0.message.routing.source, brackets: true)
        }
        try declare.variable("sp", number: true, "Port of the sender.") { $1.give($0.message.routing.source.port) }
        try declare.variable("su", "The sender as a SIP URI; its transport unless that is UDP.") {
            $1.give($0.sourceURI(alwaysTransport: false))
        }
        try declare.variable("sut", "The sender as a SIP URI with its transport.") {
            $1.give($0.sourceURI(alwaysTransport: true))
        }
        try declare.variable("sas", "The sender as transport:address:port.") { access, out in
            let source = access.message.routing.source
            guard !source.isNone else { return -1 }
            return out.give(
                access.run.compose(64) {
                    $0.write(TransportNames.name(of: access.transport))
                    $0.write(":")
                    $0.write(socket: source)
                })
        }
        try declareTransport(declare)
        try declareReceived(declare)
    }

    private static func declareTransport(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("pr proto", "Transport of the received message: udp, tcp, tls …") {
            let transport = $0.transport
            return $1.give(Bytes(TransportNames.name(of: transport)), transport)
        }
        try declare.variable("prid", number: true, "Number of the transport: udp 1, tcp 2, tls 3, sctp 4, ws 5, wss 6.")
        {
            $1.give($0.transport)
        }
        try declare.variable("af", inner: "name|id", "Address family of the message: IPv4 or IPv6, or its number.") {
            let isV6 = $0.message.routing.source.isV6
            if $0.pointee.inner_id == 0 { return $1.give(isV6 ? Bytes("IPv6") : Bytes("IPv4")) }
            return $1.give(isV6 ? AF_INET6 : AF_INET)
        }
        try declare.variable("conid", "Number of the connection that the message came over; $null for datagrams.") {
            let connection = $0.message.routing.connection
            return connection == 0 ? -1 : $1.give(connection)
        }
    }

    /// `$rcv(k)`: the message as it arrived.
    private static func declareReceived(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable(
            "rcv recv", inner: "buf|len|srcip|srcport|rcvip|rcvport|proto|sproto|af",
            "The received data: buf, len, srcip, srcport, rcvip, rcvport, proto (number), sproto (name), af."
        ) { access, out in
            let routing = access.message.routing
            switch access.pointee.inner_id {
            case 0: return out.give(access.message.received)
            case 1: return out.give(access.message.received.count)
            case 2: return out.giveAddress(access, routing.source, brackets: false)
            case 3: return out.give(routing.source.port)
            case 4: return out.giveAddress(access, routing.destination, brackets: false)
            case 5: return out.give(routing.destination.port)
            case 6: return out.give(access.transport)
            case 7: return out.give(Bytes(TransportNames.name(of: access.transport)))
            case 8: return out.give(routing.source.isV6 ? AF_INET6 : AF_INET)
            default: return -1
            }
        } set: { access, value in
            // Only before the message is parsed.
            guard access.pointee.inner_id == 0, let place = access.run.pointee.receivedBytes,
                let text = access.text(of: value), let copy = access.run.copy(apus_str(text))
            else { return -1 }
            place.pointee = copy
            return 1
        }
    }
}

extension UnsafePointer<apus_access> {
    /// Transport of the received message as a number; UDP when no listener is known.
    var transport: UInt32 { listener(message.routing.receivedOn)?.transport ?? UInt32(APUS_UDP) }

    /// The facts of a listener; nil when there is none.
    func listener(_ listener: UnsafeMutableRawPointer?) -> apus_listener_info? {
        guard let listener else { return nil }
        var info = apus_listener_info()
        info.size = UInt32(MemoryLayout<apus_listener_info>.size)
        return ScriptEnvironment.current.listenerInfo(listener, &info) ? info : nil
    }

    fileprivate func sourceURI(alwaysTransport: Bool) -> Bytes? {
        let source = message.routing.source
        guard !source.isNone else { return nil }
        let transport = transport
        return run.compose(80) {
            $0.write("sip:")
            $0.write(socket: source)
            if alwaysTransport || transport != UInt32(APUS_UDP) {
                $0.write(";transport=")
                $0.write(TransportNames.name(of: transport))
            }
        }
    }
}

extension UnsafeMutablePointer<apus_value> {
    /// A numeric address without port; $null when it is not known.
    func giveAddress(_ access: UnsafePointer<apus_access>, _ address: SocketAddress, brackets: Bool) -> CInt {
        guard !address.isNone else { return -1 }
        return give(access.run.compose(SocketAddress.longestText) { $0.write(address: address, brackets: brackets) })
    }
}

extension ByteWriter {
    /// `192.0.2.1:5060`, `[2001:db8::1]:5060`.
    mutating func write(socket: SocketAddress) {
        write(address: socket, brackets: true)
        write(":")
        write(decimal: UInt64(socket.port))
    }
}
