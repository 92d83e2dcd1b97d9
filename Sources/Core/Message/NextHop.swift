/// Where a message is to go, before anybody has looked up a name (RFC 3263 §4, RFC 3261 §16.6 step 7, §18.2.2).
struct NextHop {
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    var host: Bytes
    /// 0: none was written.
    var port: UInt16
    /// The transport's name as written; empty: none was.
    var transport: Bytes
    /// TLS is demanded: sips.
    var isSecure: Bool

    /// The address when the host is one; the port is the default one where none was written.
    var address: SocketAddress? {
        SocketAddress(parsing: host, port: port == 0 ? (isSecure ? 5061 : 5060) : port)
    }
}

extension URI {
    /// Where a request to this URI goes: `maddr` before the host. Nil for schemes that name no place, such as tel.
    var nextHop: NextHop? {
        guard isSIP, !host.isEmpty else { return nil }
        return NextHop(host: maddr.isEmpty ? host : maddr, port: port, transport: transport, isSecure: scheme == .sips)
    }
}

extension Message {
    /// Where the request goes when nobody says otherwise: the destination that was set, else the Request-URI in force.
    var nextHop: NextHop? {
        routing.current.destination != nil ? destinationURI?.pointee.nextHop : requestURI?.pointee.nextHop
    }

    /// Where a reply of ours to this request goes: the address that the request came from, at its source port when the Via or the script
    /// asks for that (RFC 3581), else at the port of the Via.
    /// - Parameter toVia: to the Via's host instead, if that is an address (the core parameter reply_to_via).
    func replyAddress(toVia: Bool) -> SocketAddress {
        var address = routing.source
        guard let via = topVia else { return address }
        let asksForSource = via.rport != nil || routing.options.contains(.forceRport)
        if toVia, !asksForSource, let stated = SocketAddress(parsing: via.host, port: via.port == 0 ? 5060 : via.port) {
            return stated
        }
        if !asksForSource { address.port = via.port == 0 ? 5060 : via.port }
        return address
    }

    /// Where a reply that is passed on goes: to the Via below ours, at `received` and `rport` if they are there. Nil when there is none.
    var forwardedReplyHop: NextHop? {
        var vias = self.vias.makeIterator()
        guard vias.next() != nil, let via = vias.next() else { return nil }
        var hop = NextHop(host: via.host, port: via.port, transport: via.transport, isSecure: false)
        if let received = via.received, !received.isEmpty { hop.host = received }
        if let port = via.rport?.uint16, port > 0 { hop.port = port }
        return hop
    }
}
