import PluginAPI

/// `{uri.…}`: parts of a URI; one that is absent is "". What is no URI fails.
extension Transformations {
    static func declareURIs(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.operation("uri.user") { $0.onURI($1, $2) { $0.give($1.user) } }
        try declare.operation("uri.host") { $0.onURI($1, $2) { $0.give($1.host) } }
        try declare.operation("uri.domain") { $0.onURI($1, $2) { $0.give($1.host) } }
        try declare.operation("uri.passwd") { $0.onURI($1, $2) { $0.give($1.password) } }
        try declare.operation("uri.port") { $0.onURI($1, $2) { $0.value.give($1.portText, $1.port) } }
        try declare.operation("uri.params") { $0.onURI($1, $2) { $0.give($1.params) } }
        try declare.operation("uri.headers") { $0.onURI($1, $2) { $0.give($1.headers) } }
        try declare.operation("uri.transport") { $0.onURI($1, $2) { $0.give($1.transport) } }
        try declare.operation("uri.ttl") { $0.onURI($1, $2) { $0.give($1.ttl) } }
        try declare.operation("uri.uparam") { $0.onURI($1, $2) { $0.give($1.userParam) } }
        try declare.operation("uri.maddr") { $0.onURI($1, $2) { $0.give($1.maddr) } }
        try declare.operation("uri.method") { $0.onURI($1, $2) { $0.give($1.method) } }
        try declare.operation("uri.lr") { $0.onURI($1, $2) { $0.give($1.parameters.first("lr")?.value ?? .empty) } }
        try declare.operation("uri.r2") { $0.onURI($1, $2) { $0.give($1.parameters.first("r2")?.value ?? .empty) } }
        try declare.operation("uri.scheme") { $0.onURI($1, $2) { $0.give($1.schemeText) } }
        try declare.operation("uri.param", [.text], "name") {
            $0.onURI($1, $2) { call, uri in
                guard let name = call.text(0) else { return -1 }
                return call.give(uri.parameters.first(name)?.value ?? .empty)
            }
        }
        try declare.operation("uri.rmparam", [.text], "name") {
            $0.onURI($1, $2) { call, uri in
                guard let name = call.text(0) else { return -1 }
                return call.remove(name, from: uri)
            }
        }
    }

    /// URIs made of parts of another.
    static func declareBuiltURIs(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.operation("uri.saor") {
            $0.onURI($1, $2) { $0.build($1, user: true, port: false) }
        }
        try declare.operation("uri.suri") {
            $0.onURI($1, $2) { $0.build($1, user: true, port: true) }
        }
        try declare.operation("uri.duri") {
            $0.onURI($1, $2) { $0.build($1, user: false, port: true) }
        }
        try declare.operation("uri.tosocket") {
            $0.onURI($1, $2) { call, uri in
                guard !uri.host.isEmpty else { return -1 }
                let named = TransportNames.number(of: uri.transport)
                let isTLS = uri.scheme == .sips || named == APUS_TLS
                return call.compose(uri.text.count + 16) {
                    if uri.transport.isEmpty || named != 0 {
                        let transport = named != 0 ? named : isTLS ? APUS_TLS : APUS_UDP
                        $0.write(Bytes(TransportNames.name(of: UInt32(transport))))
                    } else {
                        $0.write(uri.transport)
                    }
                    $0.write(":")
                    $0.write(uri.host)
                    $0.write(":")
                    $0.write(uri.portText.isEmpty ? (isTLS ? Bytes("5061") : Bytes("5060")) : uri.portText)
                }
            }
        }
        try declare.operation("urialias.encode") {
            $0.onURI($1, $2) { call, uri in
                guard let hop = uri.nextHop else { return -1 }
                let transport =
                    hop.transport.isEmpty
                    ? (hop.isSecure ? APUS_TLS : APUS_UDP) : TransportNames.number(of: hop.transport)
                let port = hop.port == 0 ? (transport == APUS_TLS ? 5061 : 5060) : hop.port
                return call.compose(hop.host.count + 10) {
                    $0.write(hop.host)
                    $0.write("~")
                    $0.write(decimal: UInt64(port))
                    $0.write("~")
                    $0.write(decimal: UInt64(transport))
                }
            }
        }
        try declare.operation("urialias.decode") { $0.onText($1, $2) { $0.decodeAlias($1) } }
    }
}

extension UnsafePointer<apus_access> {
    /// Carries out an operation on a URI.
    fileprivate func onURI(
        _ step: UnsafeRawPointer, _ value: UnsafeMutablePointer<apus_value>, _ body: (TransformationCall, URI) -> CInt
    ) -> CInt {
        guard let text = text(of: value) else { return -1 }
        guard let uri = URI.parse(text) else {
            run.logAtStatement(.error, "not a URI: ", text)
            return -1
        }
        return body(TransformationCall(self, step, value), uri)
    }
}

extension TransformationCall {
    fileprivate func remove(_ name: Bytes, from uri: URI) -> CInt {
        guard uri.parameters.first(name) != nil else { return give(uri.text) }
        return compose(uri.text.count) { out in
            // All before the parameters, without the semicolon that opens them.
            out.write(Bytes(uri.text.start, uri.params.start - uri.text.start - 1))
            var parameters = uri.parameters
            while let parameter = parameters.next() {
                if parameter.name.equalsIgnoringCase(name) { continue }
                out.write(";")
                out.write(parameter.text)
            }
            out.write(Bytes(uri.params.end, uri.text.end - uri.params.end))
        }
    }

    /// `scheme:user@host:port;transport=…`, as far as the parts are there and wanted; the transport goes with the port.
    fileprivate func build(_ uri: URI, user: Bool, port: Bool) -> CInt {
        compose(uri.text.count + 16) {
            $0.write(uri.schemeText)
            $0.write(":")
            if user, !uri.user.isEmpty {
                $0.write(uri.user)
                if !uri.host.isEmpty { $0.write("@") }
            }
            $0.write(uri.host)
            guard port else { return }
            if !uri.portText.isEmpty {
                $0.write(":")
                $0.write(uri.portText)
            }
            if !uri.transport.isEmpty {
                $0.write(";transport=")
                $0.write(uri.transport)
            }
        }
    }

    /// `192.0.2.1~5060~1`
    fileprivate func decodeAlias(_ text: Bytes) -> CInt {
        let mark = UInt8(ascii: "~")
        guard let first = text.firstIndex(of: mark), let second = text.firstIndex(of: mark, from: first + 1), first > 0,
            let port = text[first + 1..<second].uint16, let number = text.dropFirst(second + 1).uint16,
            APUS_UDP...APUS_WSS ~= Int(number)
        else { return -1 }
        return compose(text.count + 32) {
            $0.write("sip:")
            $0.write(text.prefix(first))
            $0.write(":")
            $0.write(decimal: UInt64(port))
            $0.write(";transport=")
            $0.write(TransportNames.name(of: UInt32(number)))
        }
    }
}
