import PluginAPI

/// `$ru`, `$ou`, `$du` and their parts.
extension CoreVariables {
    static func declareRequestURI(_ declare: Declaring) throws(Registry.Refusal) {
        try declareWritable(declare)
        try declare.variable("rP", "Transport of the Request-URI.") { $1.giveTransport(of: $0.message.requestURI) }
        try declare.variable("rz", "Scheme of the Request-URI.") { $1.giveScheme(of: $0.message.requestURI) }
        try declare.variable("rul", number: true, "Length of the Request-URI.") {
            $0.message.requestURI == nil ? -1 : $1.give($0.message.requestURIText.count)
        }
        try declare.variable("rUl", "Length of the user in the Request-URI.") {
            $1.giveUserLength(of: $0.message.requestURI)
        }
        try declareOriginal(declare)
        try declareDestination(declare)
    }

    private static func declareWritable(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("ru ruri", "The Request-URI in force.") {
            $0.message.requestURI == nil ? -1 : $1.give($0.message.requestURIText)
        } set: {
            guard $0.message.isRequest else { return 1 }
            guard let text = $0.text(of: $1) else { return -1 }
            return $0.message.setRequestURI(text) ? 1 : -1
        }
        try declare.variable("rU ruri.user", "User of the Request-URI.") {
            $1.giveUser(of: $0.message.requestURI)
        } set: {
            $0.rewrite($1) { $0.user = $1 }
        }
        try declare.variable("rd ruri.domain", "Host of the Request-URI.") {
            $1.giveHost(of: $0.message.requestURI)
        } set: { access, value in
            guard access.message.isRequest else { return 1 }
            guard let host = access.text(of: value), !host.isEmpty else { return -1 }
            return access.message.rewriteRequestURI { $0.host = host } ? 1 : -1
        }
        try declare.variable("rp", "Port of the Request-URI, the default one when none is written.") {
            $1.givePort(of: $0.message.requestURI)
        } set: {
            $0.rewrite($1) { $0.port = $1 }
        }
    }

    private static func declareOriginal(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("ou ouri", "The Request-URI as received.") {
            $0.message.originalURI == nil ? -1 : $1.give($0.message.originalURIText)
        }
        try declare.variable("oU", "User of the received Request-URI.") { $1.giveUser(of: $0.message.originalURI) }
        try declare.variable("od", "Host of the received Request-URI.") { $1.giveHost(of: $0.message.originalURI) }
        try declare.variable("op", "Port of the received Request-URI.") { $1.givePort(of: $0.message.originalURI) }
        try declare.variable("oP", "Transport of the received Request-URI.") {
            $1.giveTransport(of: $0.message.originalURI)
        }
        try declare.variable("oUl", "Length of the user in the received Request-URI.") {
            $1.giveUserLength(of: $0.message.originalURI)
        }
    }

    private static func declareDestination(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("du duri", "The next hop's URI; $null when none is set.") {
            $1.give($0.message.routing.current.destination)
        } set: {
            guard !$1.pointee.isNull else { return $0.message.setDestinationURI(nil) ? 1 : -1 }
            guard let text = $0.text(of: $1) else { return -1 }
            return $0.message.setDestinationURI(text) ? 1 : -1
        }
        try declare.variable("dd", "Host of the next hop's URI.") { $1.giveHost(of: $0.message.destinationURI) }
        try declare.variable("dp", "Port of the next hop's URI.") { $1.givePort(of: $0.message.destinationURI) }
        try declare.variable("dP", "Transport of the next hop's URI.") {
            $1.giveTransport(of: $0.message.destinationURI)
        }
    }

    /// `$nh(k)`: where the request goes as things stand.
    static func declareNextHop(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable(
            "nh", inner: "u|U|d|p|P|i",
            "The next hop: URI, user, domain, port, protocol; i: 4 or 6 for an address of that IP version, 0 for a name."
        ) { access, out in
            let message = access.message
            let uri = message.routing.current.destination != nil ? message.destinationURI : message.requestURI
            switch access.pointee.inner_id {
            case 0: return out.give(uri?.pointee.text)
            case 1: return out.giveUser(of: uri)
            case 2: return out.giveHost(of: uri)
            case 3: return out.givePort(of: uri)
            case 4: return out.giveTransport(of: uri)
            default: return out.giveIPVersion(of: uri)
            }
        }
    }
}

extension UnsafePointer<apus_access> {
    /// Changes a part of the Request-URI; $null and "" remove the part. Nothing happens in a reply.
    fileprivate func rewrite(
        _ value: UnsafePointer<apus_value>, _ change: (inout URIChange, Bytes) -> Void
    ) -> CInt {
        guard message.isRequest else { return 1 }
        let text: Bytes
        if value.pointee.isNull {
            text = .empty
        } else {
            guard let printed = self.text(of: value) else { return -1 }
            text = printed
        }
        return message.rewriteRequestURI { change(&$0, text) } ? 1 : -1
    }
}

/// Parts of URIs as variables give them; a nil URI is $null.
extension UnsafeMutablePointer<apus_value> {
    func giveUser(of uri: UnsafePointer<URI>?) -> CInt {
        guard let uri = uri?.pointee else { return -1 }
        return give(ifAny: uri.user)
    }

    func giveHost(of uri: UnsafePointer<URI>?) -> CInt {
        guard let uri = uri?.pointee else { return -1 }
        return give(ifAny: uri.host)
    }

    /// The default port when none is written: 5061 for TLS.
    func givePort(of uri: UnsafePointer<URI>?) -> CInt {
        guard let uri = uri?.pointee else { return -1 }
        if !uri.portText.isEmpty { return give(uri.portText, uri.port) }
        let isSecure = uri.scheme == .sips || TransportNames.number(of: uri.transport) == Int(APUS_TLS)
        return isSecure ? give("5061", 5061) : give("5060", 5060)
    }

    /// `udp` when none is written; for sips `tls`.
    func giveTransport(of uri: UnsafePointer<URI>?) -> CInt {
        guard let uri = uri?.pointee else { return -1 }
        if !uri.transport.isEmpty { return give(uri.transport, TransportNames.number(of: uri.transport)) }
        // In capitals where the URI names none, as Kamailio's users know it.
        return uri.scheme == .sips ? give("TLS", APUS_TLS) : give("UDP", APUS_UDP)
    }

    /// Of the host: 4, 6, or 0 for a name.
    fileprivate func giveIPVersion(of uri: UnsafePointer<URI>?) -> CInt {
        guard let uri = uri?.pointee else { return -1 }
        guard let address = SocketAddress(parsing: uri.host) else { return give(0) }
        return give(address.isV6 ? 6 : 4)
    }

    func giveScheme(of uri: UnsafePointer<URI>?) -> CInt {
        guard let uri = uri?.pointee else { return -1 }
        let number: Int
        switch uri.scheme {
        case .other: return give(uri.schemeText, 0)
        case .sip: number = 1
        case .sips: number = 2
        case .tel: number = 3
        case .tels: number = 4
        case .urn: number = 5
        }
        return give(uri.schemeText, number)
    }

    func giveUserLength(of uri: UnsafePointer<URI>?) -> CInt {
        guard let uri = uri?.pointee else { return -1 }
        return give(uri.user.count)
    }

    @inline(__always)
    func give<Number: FixedWidthInteger>(_ text: StaticString, _ number: Number) -> CInt { give(Bytes(text), number) }
}
