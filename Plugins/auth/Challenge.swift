import DigestKit
import PluginKit

// Invariants: headers are put together in memory of the worker that is released when the reply has been sent; whoever takes them copies them.

/// Bytes of the challenges of one reply.
private let longestChallenge = 4096

extension UnsafeMutablePointer<State> {
    /// Answers the request with challenges: 1; -2 they cannot be made, -3 not sent, -4 nor was the 500 that says so.
    func challenge(
        _ host: Host, _ message: Message, _ kind: Int, _ realm: apus_str, _ flags: Int64, _ algorithms: apus_str
    ) -> CInt {
        guard message.isRequest else { return -2 }
        // There is no way to try again with credentials: RFC 3261 section 22.1.
        let method = message.method
        if method == APUS_METHOD_ACK || method == APUS_METHOD_CANCEL { return -3 }
        guard let memory = host.pointee.memory.pointee.allocate(host, longestChallenge) else { return -2 }
        defer { host.pointee.memory.pointee.release(host, memory) }
        var lines = Writer(memory, capacity: longestChallenge)
        guard write(host, message, kind, realm, flags, algorithms, &lines) else {
            if flags & Int64(AUTH_NO_500) != 0 { return -2 }
            return reply(host, message, 500, "Internal Server Error") ? -2 : -4
        }
        let isSent =
            kind == AUTH_WWW
            ? reply(host, message, 401, "Unauthorized", lines.text)
            : reply(host, message, 407, "Proxy Authentication Required", lines.text)
        guard isSent else { return -3 }
        host.bump(pointee.counters.challenges)
        return .true
    }

    /// Writes one header line for each algorithm, all with the same nonce; false when they cannot be made.
    func write(
        _ host: Host, _ message: Message, _ kind: Int, _ realm: apus_str, _ flags: Int64, _ names: apus_str,
        _ lines: inout Writer
    ) -> Bool {
        let realm = message.realm(realm, prefix: pointee.settings.realmPrefix)
        let notes = notes(host, message.handle)
        guard !realm.isEmpty, realm.canBeQuoted, let named = Algorithms(names) else { return false }
        let chosen = !named.isEmpty ? named : !notes.algorithms.isEmpty ? notes.algorithms : pointee.algorithms
        let isStale = notes.isStale || flags & Int64(AUTH_STALE) != 0
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Nonce.longest + 1) { memory in
            let start = memory.baseAddress.unsafelyUnwrapped
            let nonce = apus_str(start: start, count: writeNonce(host, message, chosen.bits, to: start))
            guard !nonce.isEmpty else { return false }
            var index = 0
            repeat {
                lines.add(kind == AUTH_WWW ? pointee.settings.wwwHeader : pointee.settings.proxyHeader)
                lines.add(": Digest realm=\"")
                lines.add(realm)
                lines.add("\", nonce=\"")
                lines.add(nonce)
                lines.add("\"")
                lines.add(qopOf: flags)
                if isStale { lines.add(", stale=true") }
                if let algorithm = chosen[index] {
                    lines.add(", algorithm=")
                    lines.add(algorithm.name)
                }
                lines.add("\r\n")
                index += 1
            } while chosen[index] != nil
            return !lines.overflowed
        }
    }

    /// A new nonce for this message; how many characters it has, at most `Nonce.longest`.
    func writeNonce(
        _ host: Host, _ message: Message, _ algorithms: UInt8, to out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        guard let key = pointee.key, let numbers = pointee.numbers else { return 0 }
        let now = now(host)
        var nonce = Nonce()
        nonce.checks = UInt8(truncatingIfNeeded: pointee.settings.checks(of: message))
        nonce.algorithms = algorithms
        nonce.issued = UInt32(truncatingIfNeeded: now)
        nonce.expires = UInt32(truncatingIfNeeded: now + pointee.settings.expire)
        nonce.number = numbers.take()
        pointee.table?.begin(nonce.number)
        return nonce.write(key, hasher(host), for: message.surroundings, to: out)
    }

    /// By sl, in the transaction if there is one and force_stateless_reply does not say otherwise.
    func reply(
        _ host: Host, _ message: Message, _ code: Int32, _ reason: apus_str, _ headers: apus_str = ""
    ) -> Bool {
        guard let sl = pointee.sl else { return false }
        var reply = apus_reply()
        reply.size = UInt32(MemoryLayout<apus_reply>.size)
        reply.code = code
        reply.reason = reason
        reply.headers = headers
        let send = pointee.settings.isStateless != 0 ? sl.pointee.reply : sl.pointee.reply_by_transaction
        return send(host, message.handle, &reply) > 0
    }
}

extension Writer {
    /// `, qop="auth"`, when the flags ask for it.
    fileprivate mutating func add(qopOf flags: Int64) {
        let isAuth = flags & Int64(AUTH_QOP_AUTH) != 0
        let isIntegrity = flags & Int64(AUTH_QOP_AUTH_INT) != 0
        guard isAuth || isIntegrity else { return }
        add(", qop=\"")
        add(isAuth ? (isIntegrity ? "auth,auth-int" : "auth") : "auth-int")
        add("\"")
    }
}

extension apus_str {
    /// Nothing in it ends a quoted string or a line.
    fileprivate var canBeQuoted: Bool {
        for byte in bytes where byte < 0x20 || byte == 0x7f || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
        {
            return false
        }
        return true
    }
}
