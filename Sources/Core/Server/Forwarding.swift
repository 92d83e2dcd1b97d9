import Glibc
import PluginAPI

// Invariants: requests and replies are composed in the worker's buffer and given to the transport before anything else composes there. While a
// name is looked up, the run is suspended (requests), or the space is kept (replies).

/// Stateless forwarding: a request with our Via on top, a reply without it (RFC 3261 §16.11).
enum StatelessForward {
    /// Milliseconds that a name may take.
    static let resolveTimeout: UInt32 = 5000

    /// Sends the request of the message to that address. On its worker.
    /// - Parameter isRaw: as it was received, without Via and edits.
    /// - Returns: 0, or an errno.
    static func send(
        _ message: Message, to remote: SocketAddress, _ proto: TransportProtocol, isRaw: Bool,
        _ server: UnsafeMutablePointer<ServerWorker>
    ) -> Int32 {
        let worker = server.pointee.worker
        let listeners = server.pointee.shared.pointee.listeners
        let preferred = (message.routing.sendThrough ?? message.routing.receivedOn).map { Listener(raw: $0) }
        let chosen = listeners._withUnsafeGuaranteedRef { $0.choose(proto, toward: remote, preferring: preferred) }
        guard let listener = chosen else { return EAFNOSUPPORT }
        let buffer = worker.pointee.compose
        var branch: [64 of UInt8] = InlineArray(repeating: 0)
        var count: Int?
        if isRaw {
            let bytes = message.received
            memcpy(buffer.baseAddress!, bytes.start, bytes.count)
            count = bytes.count
        } else {
            withUnsafeMutableBytes(of: &branch) { memory in
                var text = ByteWriter(memory)
                writeBranch(of: message, key: StatelessReply.settings.tagKey, to: &text)
                var via = OutgoingVia(
                    transport: Bytes(listener.proto.viaName), host: listener.advertisedHost,
                    port: listener.advertisedPort, branch: text.bytes,
                    asksForRport: message.routing.options.contains(.addLocalRport))
                if let host = message.routing.advertisedAddress { via.host = host }
                if message.routing.advertisedPort != 0 { via.port = message.routing.advertisedPort }
                count = message.writeRequest(into: buffer, via: via) { edit, out in
                    LateText.write(edit, of: message, leavingBy: listener.raw, to: &out)
                }
            }
        }
        guard let count else { return EMSGSIZE }
        let bytes = Bytes(UnsafeRawPointer(buffer.baseAddress!).assumingMemoryBound(to: UInt8.self), count)
        switch worker.send(bytes, over: Flow(listener: listener, remote: remote)) {
        case .sent: return 0
        case .failed(let code): return code
        }
    }

    /// The same for every retransmission of the request and for the ACK and CANCEL that belong to it: made of the branch below (§16.11),
    /// or, from a client of RFC 2543, of what tells its transactions apart.
    private static func writeBranch(of message: Message, key: SipKey, to out: inout ByteWriter) {
        out.write("z9hG4bKs")
        var sum: UInt64
        if let via = message.topVia, via.hasMagicCookie {
            sum = key.tag(via.branch) &+ key.hash(via.host) &+ UInt64(via.port)
        } else {
            sum = key.tag(message.callID) ^ UInt64(message.cseqNumber) &* 0x9e37_79b9_7f4a_7c15
            sum &+= key.tag(message.originalURIText)
            if let tag = message.fromTag { sum ^= key.hash(tag) }
            if let via = message.topVia { sum &+= key.hash(via.text) }
        }
        var shift: UInt64 = 64
        while shift > 0 {
            shift &-= 4
            let nibble = UInt8(truncatingIfNeeded: sum &>> shift) & 0xf
            out.write(byte: nibble < 10 ? 0x30 &+ nibble : 0x57 &+ nibble)
        }
        out.write(".0")
    }

    /// `ScriptEnvironment.forward`: the script function of that name.
    static let forward: ScriptEnvironment.Forward = { call, target in
        guard let server = ServerWorker.current else { return CInt(APUS_FALSE) }
        let target = target.assumingMemoryBound(to: ForwardTarget.self).pointee
        let message = call.coreMessage
        guard let proto = transport(of: target.hop) else {
            message.setError(code: 478, reason: Bytes("Unresolvable destination"))
            complain(message, "no transport of that name", target.hop.transport)
            return CInt(APUS_FALSE)
        }
        if let address = target.hop.address {
            return finish(message, address, proto, isRaw: target.isRaw, server)
        }
        return resolve(call, target, proto, server)
    }

    private static func transport(of hop: NextHop) -> TransportProtocol? {
        if hop.transport.isEmpty { return hop.isSecure ? .tls : .udp }
        return TransportProtocol(hop.transport)
    }

    static func finish(
        _ message: Message, _ address: SocketAddress, _ proto: TransportProtocol, isRaw: Bool,
        _ server: UnsafeMutablePointer<ServerWorker>
    ) -> CInt {
        let counters = server.pointee.shared.pointee.counters
        let code = send(message, to: address, proto, isRaw: isRaw, server)
        if code == 0 {
            server.bump(counters.fwdRequests)
            return 1
        }
        message.setError(code: 477, reason: Bytes("Send failed"))
        Log.limited(.error, "a request cannot be forwarded", source: message.routing.source) { line in
            line.add(" to ")
            line.add(address)
            line.add(": ")
            line.add(error: SystemError(code: code))
        }
        return CInt(APUS_FALSE)
    }

    static func complain(_ message: Message, _ text: StaticString, _ detail: Bytes) {
        Log.limited(.error, text, source: message.routing.source) { line in
            line.add(": ")
            line.add(detail)
        }
    }
}
