import PluginAPI

/// Which socket is used, what our Via says, how connections are treated.
extension CoreFunctions {
    static func declareSockets(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.function(
            "force_send_socket", "socket:format",
            "Sends through the socket of ours that [transport:]host[:port] names.",
            prepare: checkSocket
        ) {
            guard let socket = SocketText($0.text(0)),
                let listener = ScriptEnvironment.current.findListener(
                    socket.transport, apus_str(socket.host), socket.port)
            else {
                $0.coreRun.logAtStatement(.error, "not one of our sockets: ", $0.text(0))
                return -1
            }
            $0.coreMessage.routing.current.sendThrough = listener
            return 1
        }
        try declare.function(
            "set_advertised_address", "host:format", "The host in our Via and Record-Route, for this message."
        ) {
            guard !$0.text(0).isEmpty, let host = $0.coreMessage.keep($0.text(0)) else { return -1 }
            $0.coreMessage.routing.advertisedAddress = host
            return 1
        }
        try declare.function(
            "set_advertised_port", "port:int", "The port in our Via and Record-Route, for this message."
        ) {
            guard let port = UInt16(exactly: $0.argument(0).num), port > 0 else { return -1 }
            $0.coreMessage.routing.advertisedPort = port
            return 1
        }
        try declare.function("force_rport add_rport", "", "Answers to the port that the request came from (RFC 3581).")
        {
            $0.coreMessage.routing.options.insert(.forceRport)
            return 1
        }
        try declare.function("add_local_rport", "", "Puts rport into our own Via (RFC 3581).") {
            $0.coreMessage.routing.options.insert(.addLocalRport)
            return 1
        }
    }

    /// At start: the text must be a socket, and one of ours as far as those are known.
    private static let checkSocket: FunctionDeclaration.Prepare = { _, _, constant, _, complaint in
        guard let socket = SocketText(constant.bytes) else {
            return complaint.say("expected [transport:]host[:port]")
        }
        let environment = ScriptEnvironment.current
        guard environment.knowsListeners else { return 1 }
        let listener = environment.findListener(socket.transport, apus_str(socket.host), socket.port)
        return listener == nil ? complaint.say("not one of our sockets") : 1
    }

    static func declareConnections(_ declare: Declaring) throws(Registry.Refusal) {
        let anywhere = RouteKind.any
        try declare.function(
            "set_forward_no_connect", routes: anywhere, "Forwards over a connection that exists, or not at all."
        ) {
            $0.coreMessage.routing.options.insert(.forwardNoConnect)
            return 1
        }
        try declare.function(
            "set_reply_no_connect", routes: anywhere, "Replies over a connection that exists, or not at all."
        ) {
            $0.coreMessage.routing.options.insert(.replyNoConnect)
            return 1
        }
        try declare.function("set_forward_close", routes: anywhere, "Closes the connection after forwarding.") {
            $0.coreMessage.routing.options.insert(.forwardClose)
            return 1
        }
        try declare.function("set_reply_close", routes: anywhere, "Closes the connection after replying.") {
            $0.coreMessage.routing.options.insert(.replyClose)
            return 1
        }
        try declare.function(
            "force_tcp_alias add_tcp_alias", "port:int?",
            "Sends requests to that port of the sender, its Via's without one, over the connection of this message (RFC 5923)."
        ) {
            let message = $0.coreMessage
            guard message.routing.connection != 0 else { return 1 }
            let stated = message.topVia.map { $0.port == 0 ? 5060 : $0.port } ?? 5060
            let asked = $0.has(0) ? UInt16(exactly: $0.argument(0).num) : stated
            guard let port = asked, port > 0 else { return -1 }
            return ScriptEnvironment.current.addAlias(message.routing.connection, port) ? 1 : -1
        }
        try declare.function(
            "udp_mtu_try_proto", "transport:word(UDP|TCP|TLS|SCTP|udp|tcp|tls|sctp)", routes: anywhere,
            "What this request takes instead of UDP when it is larger than udp_mtu."
        ) {
            let chosen: Routing.Options =
                switch $0.argument(0).num % 4 {
                case 0: .largeOverUDP
                case 1: .largeOverTCP
                case 2: .largeOverTLS
                default: .largeOverSCTP
                }
            $0.coreMessage.routing.options.subtract([.largeOverUDP, .largeOverTCP, .largeOverTLS, .largeOverSCTP])
            $0.coreMessage.routing.options.insert(chosen)
            return 1
        }
        try declare.function("len_gt", "limit:int", "True when the message has at least so many bytes.") {
            Int64($0.coreMessage.received.count) >= $0.argument(0).num ? 1 : -1
        }
    }
}

extension UnsafeMutablePointer<apus_complaint> {
    /// Complains in words for the script's author; what is too long is cut.
    func say(_ text: StaticString) -> CInt {
        let count = Swift.min(text.utf8CodeUnitCount, pointee.capacity)
        UnsafeMutableRawPointer(pointee.text).copyMemory(from: text.utf8Start, byteCount: count)
        pointee.len = count
        return -1
    }
}
