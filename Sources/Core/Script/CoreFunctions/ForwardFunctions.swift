import PluginAPI

/// Sending without a transaction. Answers 1 when the message was handed to the transport; a name is looked up without blocking the
/// worker, so all of them may suspend.
extension CoreFunctions {
    static func declareForwarding(_ declare: Declaring) throws(Registry.Refusal) {
        let arguments = "host:format?, port:format?"
        let routes = RouteKind.any & ~RouteKind.onsend.mask
        let doc = "to the next hop as things stand, or to the given host and port."
        try declare.function("forward", arguments, routes: routes, maySuspend: true, "Forwards " + doc) {
            $0.forward(over: .empty, isRaw: false)
        }
        try declare.function("forward_udp", arguments, routes: routes, maySuspend: true, "Forwards over UDP " + doc) {
            $0.forward(over: Bytes("udp"), isRaw: false)
        }
        try declare.function("forward_tcp", arguments, routes: routes, maySuspend: true, "Forwards over TCP " + doc) {
            $0.forward(over: Bytes("tcp"), isRaw: false)
        }
        try declare.function("forward_tls", arguments, routes: routes, maySuspend: true, "Forwards over TLS " + doc) {
            $0.forward(over: Bytes("tls"), isRaw: false)
        }
        try declare.function("forward_sctp", arguments, routes: routes, maySuspend: true, "Forwards over SCTP " + doc) {
            $0.forward(over: Bytes("sctp"), isRaw: false)
        }
        try declare.function(
            "send", "host:format, port:format?", routes: RouteKind.request.mask, maySuspend: true,
            "Sends the message as it was received, without a Via, over UDP."
        ) { $0.forward(over: Bytes("udp"), isRaw: true) }
        try declare.function(
            "send_tcp", "host:format?, port:format?", routes: RouteKind.request.mask | RouteKind.failure.mask,
            maySuspend: true,
            "Sends the message as it was received, without a Via, over TCP: to host[:port], or to its next hop."
        ) { $0.forward(over: Bytes("tcp"), isRaw: true) }
    }
}

extension UnsafePointer<apus_call> {
    fileprivate func forward(over transport: Bytes, isRaw: Bool) -> CInt {
        guard var hop = givenHop else { return -1 }
        if !transport.isEmpty { hop.transport = transport }
        var target = ForwardTarget(hop: hop, isRaw: isRaw)
        return ScriptEnvironment.current.forward(self, &target)
    }

    /// What the arguments say, else the next hop of the request. Nil, with a log line, when that is no place.
    private var givenHop: NextHop? {
        guard has(0) else {
            guard let hop = coreMessage.nextHop else {
                coreRun.logAtStatement(.error, "not forwarded, there is no next hop: ", coreMessage.requestURIText)
                return nil
            }
            return hop
        }
        if !has(1), let socket = SocketText(text(0)), socket.transport == 0, socket.port > 0 {
            return NextHop(host: socket.host, port: socket.port, transport: .empty, isSecure: false)
        }
        guard let host = givenHost, let port = givenPort else {
            coreRun.logAtStatement(.error, "not forwarded, host or port is none: ", text(0))
            return nil
        }
        return NextHop(host: host, port: port, transport: .empty, isSecure: false)
    }

    /// `uri:host` is the host of the Request-URI in force.
    private var givenHost: Bytes? {
        let host = text(0) == "uri:host" ? coreMessage.requestURI?.pointee.host : text(0)
        return host?.isEmpty == false ? host : nil
    }

    /// `uri:port` is the port of the Request-URI in force, 0 when it has none.
    private var givenPort: UInt16? {
        guard has(1) else { return 0 }
        return text(1) == "uri:port" ? coreMessage.requestURI?.pointee.port : text(1).uint16
    }
}
