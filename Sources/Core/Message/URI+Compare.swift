extension URI {
    /// Equality by RFC 3261 §19.1.4 for sip and sips, by RFC 3966 §4 for tel; other schemes byte by byte but for the scheme's case.
    @_noLocks
    func isEquivalent(to other: URI) -> Bool {
        guard scheme == other.scheme else { return false }
        if text == other.text { return true }
        switch scheme {
        case .sip, .sips: return isEquivalentSIP(other)
        case .tel, .tels: return isEquivalentTel(other)
        case .urn, .other: return schemeText.equalsIgnoringCase(other.schemeText) && user == other.user
        }
    }

    @inline(__always)
    private func isEquivalentSIP(_ other: URI) -> Bool {
        guard hasUser == other.hasUser, user.equalsUnescaped(other.user, ignoringCase: false),
            password.equalsUnescaped(other.password, ignoringCase: false), userParams == other.userParams,
            hasSameHost(as: other),
            port == other.port, portText.isEmpty == other.portText.isEmpty
        else { return false }
        // These never match their default: present on one side only, they make a difference.
        guard transport.equalsIgnoringCase(other.transport), maddr.equalsUnescaped(other.maddr, ignoringCase: true),
            userParam.equalsIgnoringCase(other.userParam), method == other.method, ttl == other.ttl
        else { return false }
        return hasSameParameters(as: other) && headerFields(in: other) && other.headerFields(in: self)
    }

    /// Host names without case, addresses by value.
    @_noLocks
    func hasSameHost(as other: URI) -> Bool {
        guard hostKind == other.hostKind else { return false }
        if host.equalsIgnoringCase(other.host) { return true }
        guard hostKind == .v6, let a = SocketAddress(parsing: host), let b = SocketAddress(parsing: other.host) else {
            return false
        }
        return a.hasSameAddress(as: b)
    }

    /// Other parameters matter only where both sides have them.
    @inline(__always)
    private func hasSameParameters(as other: URI) -> Bool {
        var iterator = parameters
        while let mine = iterator.next() {
            guard let theirs = other.parameters.first(mine.name) else { continue }
            if !mine.value.equalsUnescaped(theirs.value, ignoringCase: true) { return false }
        }
        return true
    }

    /// Header fields are never ignored.
    @inline(__always)
    private func headerFields(in other: URI) -> Bool {
        var iterator = headerFields
        while let mine = iterator.next() {
            guard let theirs = other.headerFields.first(mine.name),
                mine.value.equalsUnescaped(theirs.value, ignoringCase: false)
            else { return false }
        }
        return true
    }

    @inline(__always)
    private func isEquivalentTel(_ other: URI) -> Bool {
        user.equalsTelephone(other.user) && telParameters(in: other) && other.telParameters(in: self)
    }

    @inline(__always)
    private func telParameters(in other: URI) -> Bool {
        var iterator = parameters
        while let mine = iterator.next() {
            guard let theirs = other.parameters.first(mine.name),
                mine.value.equalsUnescaped(theirs.value, ignoringCase: true)
            else { return false }
        }
        return true
    }
}

extension Bytes {
    /// Equal telephone numbers: the visual separators `-.()` do not count (RFC 3966 §5.1.1).
    @_noLocks
    func equalsTelephone(_ other: Bytes) -> Bool {
        var a = 0
        var b = 0
        while true {
            a = end(of: .separator, from: a)
            b = other.end(of: .separator, from: b)
            guard a < count, b < other.count else { return a == count && b == other.count }
            if self[a].asciiLowercased != other[b].asciiLowercased { return false }
            a &+= 1
            b &+= 1
        }
    }
}
