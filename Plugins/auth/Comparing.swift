import DigestKit
import PluginKit

// Invariants: a check was left by `begin` with AUTH_UNDECIDED: it has an algorithm and complete credentials. Its HA1 is memory of the check itself.

extension UnsafeMutablePointer<auth_check> {
    fileprivate var ha1: UnsafeMutablePointer<UInt8> {
        UnsafeMutableRawPointer(self).advanced(by: MemoryLayout<auth_check>.offset(of: \.ha1).unsafelyUnwrapped)
            .assumingMemoryBound(to: UInt8.self)
    }

    fileprivate var parts: DigestParts {
        let credentials = pointee.credentials
        var parts = DigestParts(nonce: credentials.nonce, method: pointee.method, uri: credentials.uri)
        parts.qop = credentials.qop
        parts.nonceCount = credentials.nc
        parts.clientNonce = credentials.cnonce
        parts.body = pointee.body
        return parts
    }
}

extension UnsafeMutablePointer<State> {
    /// The second step: what the secret makes of the response.
    func compare(_ host: Host, _ check: UnsafeMutablePointer<auth_check>, _ secret: apus_str, _ kind: UInt32) -> CInt {
        guard isRight(host, check, secret, kind) else { return CInt(AUTH_ERROR) }
        if check.pointee.verdict == CInt(AUTH_WRONG_PASSWORD) {
            host.bump(pointee.counters.wrongPasswords)
            pointee.failures.tell(check)
            return CInt(AUTH_WRONG_PASSWORD)
        }
        return CInt(AUTH_GOOD)
    }

    /// The same work for whoever does not exist; nothing of the result is told.
    func compareNobody(_ host: Host, _ check: UnsafeMutablePointer<auth_check>, _ kind: UInt32) -> CInt {
        let digits = DigestAlgorithm(rawValue: check.pointee.algorithm)?.digits ?? 0
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: longestDigest) { memory in
            memory.initialize(repeating: 0x30)
            let ha1 = apus_str(start: memory.baseAddress, count: digits)
            _ = isRight(host, check, kind == UInt32(AUTH_HA1) ? ha1 : pointee.nobodysPassword, kind)
        }
        check.pointee.verdict = CInt(AUTH_UNKNOWN_USER)
        host.bump(pointee.counters.unknownUsers)
        pointee.failures.tell(check)
        return CInt(AUTH_UNKNOWN_USER)
    }

    /// Notes a wrong response as the verdict; false when the secret cannot be one.
    private func isRight(
        _ host: Host, _ check: UnsafeMutablePointer<auth_check>, _ secret: apus_str, _ kind: UInt32
    ) -> Bool {
        let hasher = hasher(host)
        guard let algorithm = DigestAlgorithm(rawValue: check.pointee.algorithm) else { return false }
        let credentials = check.pointee.credentials
        let digits = algorithm.digits
        if kind == UInt32(AUTH_HA1) {
            guard secret.len == digits else { return false }
            // Tools write them in capitals, too.
            for (index, byte) in secret.bytes.enumerated() { check.ha1[index] = apus_str.lower(byte) }
        } else {
            hasher.ha1(
                algorithm, user: credentials.username, realm: credentials.realm, password: secret, into: check.ha1)
        }
        check.pointee.ha1_length = UInt32(digits)
        if check.pointee.is_session != 0 {
            hasher.sessionHA1(
                algorithm, nonce: credentials.nonce, clientNonce: credentials.cnonce, inPlace: check.ha1)
        }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: longestDigest) { memory in
            let response = memory.baseAddress.unsafelyUnwrapped
            hasher.response(algorithm, ha1: apus_str(start: check.ha1, count: digits), check.parts, into: response)
            if !apus_str(start: response, count: digits).equalsInConstantTime(credentials.response) {
                check.pointee.verdict = CInt(AUTH_WRONG_PASSWORD)
            }
        }
        return true
    }

    /// The last step, for a right response.
    func end(_ host: Host, _ message: Message, _ check: UnsafeMutablePointer<auth_check>) -> CInt {
        var verdict = check.pointee.verdict
        if verdict == 0, check.pointee.count != 0, let table = pointee.table {
            verdict = self.verdict(table.use(check.pointee.nonce_number, count: check.pointee.count))
        }
        guard verdict == 0 else {
            var notes = notes(host, message.handle)
            notes.isStale = true
            set(notes, host, message.handle)
            host.bump(verdict == CInt(AUTH_STALE_NONCE) ? pointee.counters.stale : pointee.counters.reused)
            return verdict
        }
        guard message.api.pointee.set_authorized(message.handle, check.pointee.value) > 0 else {
            return CInt(AUTH_ERROR)
        }
        host.bump(pointee.counters.accepted)
        otherURIs(host).look(host, message, check.pointee.credentials.uri)
        if pointee.settings.addsInfo != 0 { addInfo(host, message, check) }
        return CInt(AUTH_GOOD)
    }

    /// Authentication-Info for the replies (RFC 7616 section 3.5): the server knows the secret, too. Only who asked with qop can be told.
    private func addInfo(_ host: Host, _ message: Message, _ check: UnsafeMutablePointer<auth_check>) {
        var parts = check.parts
        guard let algorithm = DigestAlgorithm(rawValue: check.pointee.algorithm), !parts.qop.isEmpty,
            // The digest of auth-int is over the body of a reply that nobody has written yet.
            !parts.hasIntegrity
        else { return }
        parts.method = ""
        let capacity = 256 + longestDigest + Nonce.longest + parts.clientNonce.len
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity + longestDigest + Nonce.longest + 1) {
            memory in
            let start = memory.baseAddress.unsafelyUnwrapped
            let response = start + capacity
            hasher(host).response(
                algorithm, ha1: apus_str(start: check.ha1, count: algorithm.digits), parts, into: response)
            var line = Writer(start, capacity: capacity)
            line.add("Authentication-Info: nextnonce=\"")
            if pointee.settings.isOneTime != 0, pointee.settings.counts == 0 {
                let next = response + longestDigest
                line.add(apus_str(start: next, count: writeNonce(host, message, algorithm.bit, to: next)))
            } else {
                line.add(check.pointee.credentials.nonce)
            }
            line.add("\", qop=")
            line.add(parts.qop)
            line.add(", rspauth=\"")
            line.add(apus_str(start: response, count: algorithm.digits))
            line.add("\", cnonce=\"")
            line.add(parts.clientNonce)
            line.add("\", nc=")
            line.add(parts.nonceCount)
            line.add("\r\n")
            if !line.overflowed { _ = message.api.pointee.append_to_reply(message.handle, line.text) }
        }
    }
}
