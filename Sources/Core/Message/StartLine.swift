// Invariants: see MessageRecord. Reads lie in 0..<count.

extension Message {
    /// Reads the start line (RFC 3261 §7.1, §7.2) and sets `headersStart`. False when it is none; less is noted as a fault.
    @inline(__always)
    func readStartLine() -> Bool {
        let all = received
        // Empty lines before the start line are ignored (RFC 3261 §7.5).
        var start = 0
        while start < all.count, all[start] == 13 || all[start] == 10 { start &+= 1 }
        let end = all.lineBreak(from: start)
        guard end < all.count, end > start else { return notSIP() }
        if all[end] == 10 {
            record.pointee.hasBareLF = true
            record.pointee.headersStart = UInt32(truncatingIfNeeded: end &+ 1)
        } else {
            guard end &+ 1 < all.count, all[end &+ 1] == 10 else { return notSIP() }
            record.pointee.headersStart = UInt32(truncatingIfNeeded: end &+ 2)
        }
        let line = all[start..<end]
        return line.hasPrefixIgnoringCase("SIP/") ? readStatusLine(line) : readRequestLine(line)
    }

    @inline(__always)
    private func notSIP() -> Bool {
        note(.notSIP)
        return false
    }

    /// `Method SP Request-URI SP SIP-Version`. The version is sought from the end, so that a request whose Request-URI has spaces in it
    /// can still be answered.
    @inline(__always)
    private func readRequestLine(_ line: Bytes) -> Bool {
        let methodEnd = line.end(of: .token)
        guard methodEnd > 0, methodEnd < line.count, line[methodEnd] == 32 else { return notSIP() }
        let trimmed = line.trimmed
        guard let space = trimmed.lastIndex(of: 32), space > methodEnd else { return notSIP() }
        let version = trimmed.dropFirst(space &+ 1)
        guard version.hasPrefixIgnoringCase("SIP/") else { return notSIP() }
        record.pointee.isRequest = true
        let method = line.prefix(methodEnd)
        record.pointee.methodText = slice(method)
        record.pointee.method = Method(method)
        record.pointee.version = slice(version)
        let uri = line[methodEnd &+ 1..<space]
        record.pointee.requestURI = slice(uri)
        // What is wrong with the line comes first: a version that is none is none because of that.
        if trimmed.count != line.count || uri.isEmpty || uri.firstIndex(of: 32) != nil || uri.firstIndex(of: 9) != nil {
            note(.requestLine)
        } else if !version.equalsIgnoringCase("SIP/2.0") {
            note(.version)
        }
        return true
    }

    /// `SIP-Version SP Status-Code SP Reason-Phrase`. The second space may be missing where there is no reason.
    @inline(__always)
    private func readStatusLine(_ line: Bytes) -> Bool {
        guard let space = line.firstIndex(of: 32) else { return notSIP() }
        let version = line.prefix(space)
        let rest = line.dropFirst(space &+ 1)
        record.pointee.version = slice(version)
        guard version.equalsIgnoringCase("SIP/2.0") else {
            note(.version)
            return false
        }
        guard rest.count >= 3, let code = rest.prefix(3).decimal(), code >= 100, code < 700,
            rest.count == 3 || rest[3] == 32
        else {
            note(.statusLine)
            return false
        }
        record.pointee.statusCode = UInt16(truncatingIfNeeded: code)
        record.pointee.reason = slice(rest.dropFirst(min(4, rest.count)))
        return true
    }
}
