// Invariants: texts of a change live for the call that makes it; the URI that comes out is copied by the message.

/// A Request-URI with some of its parts replaced, as `$rU = …`, `sethost()` and their kin do. Parts that are nil stay; empty ones are
/// removed.
struct URIChange {
    var user: Bytes?
    /// `setuserpass`: user and password in one text.
    var userInfo: Bytes?
    var host: Bytes?
    var port: Bytes?
    /// `sethostport`: host and port in one text.
    var hostPort: Bytes?
    var dropsTransport = false
    var addsUserPhone = false

    /// Bytes that the result takes at most.
    fileprivate func room(_ uri: URI) -> Int {
        uri.text.count + (user?.count ?? 0) + (userInfo?.count ?? 0) + (host?.count ?? 0) + (port?.count ?? 0)
            + (hostPort?.count ?? 0) + 32
    }

    fileprivate func write(_ uri: URI, to out: inout ByteWriter) {
        // A telephone number gets a place: it becomes the user of a SIP URI.
        let becomesSIP = !uri.isSIP && (host != nil || hostPort != nil)
        if becomesSIP { out.write(uri.isSecure ? "sips" : "sip") } else { out.write(uri.schemeText) }
        out.write(":")
        writeUser(uri, &out)
        writeHost(uri, &out)
        writeParameters(uri, becomesSIP, &out)
        if !uri.headers.isEmpty {
            out.write("?")
            out.write(uri.headers)
        }
    }

    private func writeUser(_ uri: URI, _ out: inout ByteWriter) {
        let hasHost = uri.isSIP || host != nil || hostPort != nil
        if let userInfo {
            out.write(userInfo)
            if !userInfo.isEmpty, hasHost { out.write("@") }
            return
        }
        let name = user ?? uri.user
        out.write(name)
        guard !name.isEmpty else { return }
        out.write(uri.userParams)
        if !uri.password.isEmpty {
            out.write(":")
            out.write(uri.password)
        }
        if hasHost { out.write("@") }
    }

    private func writeHost(_ uri: URI, _ out: inout ByteWriter) {
        if let hostPort {
            out.write(hostPort)
            return
        }
        out.write(host ?? uri.host)
        let number = port ?? uri.portText
        if !number.isEmpty {
            out.write(":")
            out.write(number)
        }
    }

    private func writeParameters(_ uri: URI, _ becomesSIP: Bool, _ out: inout ByteWriter) {
        var parameters = uri.parameters
        while let parameter = parameters.next() {
            if dropsTransport, parameter.isNamed("transport") { continue }
            out.write(";")
            out.write(parameter.text)
        }
        if (becomesSIP || addsUserPhone) && uri.userParam.isEmpty { out.write(";user=phone") }
    }
}

extension Message {
    /// Changes parts of the Request-URI in force. False, and nothing is changed, when the present one is none, when the result would
    /// be none, or when memory is out.
    func rewriteRequestURI(_ change: (inout URIChange) -> Void) -> Bool {
        guard isRequest, let uri = requestURI?.pointee else { return false }
        var parts = URIChange()
        change(&parts)
        let room = parts.room(uri)
        return withUnsafeTemporaryAllocation(byteCount: room, alignment: 8) { memory in
            var out = ByteWriter(memory)
            parts.write(uri, to: &out)
            return !out.isOverflown && setRequestURI(out.bytes)
        }
    }
}
