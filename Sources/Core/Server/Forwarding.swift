import Glibc
import PluginAPI

// Invariants: requests and replies are composed in the worker's buffer and given to the transport before anything else composes there. While a
// name is looked up, the run is suspended (requests), or the space is kept (replies).

/// Stateless forwarding: a request with our Via on top, a reply without it (RFC 3261 §16.11).
enum StatelessForward {
    /// Milliseconds that a name may take.
    static let resolveTimeout: UInt32 = 5000

    /// A request in the worker's buffer, ready to leave.
    struct Outgoing {
        var listener: Listener
        var remote: SocketAddress
        var bytes: Bytes
        var options: Flow.Options

        /// - Returns: 0, or an errno.
        func send(_ worker: UnsafeMutablePointer<Worker>) -> Int32 {
            var flow = Flow(listener: listener, remote: remote)
            flow.options = options
            switch worker.send(bytes, over: flow) {
            case .sent: return 0
            case .failed(let code): return code
            }
        }
    }

    /// Why a request cannot be composed, as an errno.
    enum Composed {
        case ready(Outgoing)
        case failed(Int32)
    }

    /// Writes the request of the message as it goes to that address. On its worker.
    /// - Parameter isRaw: as it was received, without Via and edits.
    static func compose(
        _ message: Message, to remote: SocketAddress, _ proto: TransportProtocol, isRaw: Bool,
        _ server: UnsafeMutablePointer<ServerWorker>
    ) -> Composed {
        let listeners = server.pointee.shared.pointee.listeners
        let chosen = listeners._withUnsafeGuaranteedRef { $0.choose(proto, toward: remote, for: message) }
        guard let listener = chosen else { return .failed(EAFNOSUPPORT) }
        let buffer = server.pointee.worker.pointee.compose
        let start = buffer.baseAddress.unsafelyUnwrapped
        var count: Int?
        if isRaw {
            let bytes = message.received
            memcpy(start, bytes.start, bytes.count)
            count = bytes.count
        } else {
            // The reply finds the connection by the port that the request came from.
            if message.routing.connection != 0 { message.routing.options.insert(.forceRport) }
            count = write(message, leavingBy: listener, into: buffer)
        }
        guard let count else { return .failed(EMSGSIZE) }
        let large = server.pointee.worker.pointee.largeRequests
        if !isRaw, let other = large.transport(for: message, of: count, insteadOf: proto) {
            switch compose(message, to: remote, other, isRaw: false, server) {
            // Nothing of ours speaks it, and nothing was written: the request leaves as it would have.
            case .failed(EAFNOSUPPORT): break
            case let larger: return larger
            }
        }
        let bytes = Bytes(UnsafeRawPointer(start).assumingMemoryBound(to: UInt8.self), count)
        return .ready(
            Outgoing(listener: listener, remote: remote, bytes: bytes, options: message.forwardOptions))
    }

    private static func write(
        _ message: Message, leavingBy listener: Listener, into buffer: UnsafeMutableRawBufferPointer
    ) -> Int? {
        var branch: [64 of UInt8] = InlineArray(repeating: 0)
        return withUnsafeMutableBytes(of: &branch) { memory in
            var text = ByteWriter(memory)
            writeBranch(of: message, key: StatelessReply.settings.tagKey, to: &text)
            return message.writeRequest(into: buffer, leavingBy: listener, branch: text.bytes)
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
            return finish(call, address, proto, isRaw: target.isRaw, server)
        }
        return resolve(call, target, server)
    }

    private static func transport(of hop: NextHop) -> TransportProtocol? {
        if hop.transport.isEmpty { return hop.isSecure ? .tls : .udp }
        return TransportProtocol(hop.transport)
    }

    /// The address is known: the request leaves, unless the script's onsend_route drops it.
    static func finish(
        _ call: UnsafePointer<apus_call>, _ address: SocketAddress, _ proto: TransportProtocol, isRaw: Bool,
        _ server: UnsafeMutablePointer<ServerWorker>
    ) -> CInt {
        switch compose(call.coreMessage, to: address, proto, isRaw: isRaw, server) {
        case .failed(let code): return failed(call.coreMessage, address, code)
        case .ready(let outgoing):
            if call.coreRun.pointee.image.pointee.main.onsend != nil { return look(call, outgoing) }
            return send(call.coreMessage, outgoing, server)
        }
    }

    static func send(
        _ message: Message, _ outgoing: Outgoing, _ server: UnsafeMutablePointer<ServerWorker>
    ) -> CInt {
        let code = outgoing.send(server.pointee.worker)
        guard code == 0 else { return failed(message, outgoing.remote, code) }
        server.bump(server.pointee.shared.pointee.counters.fwdRequests)
        return 1
    }

    private static func failed(_ message: Message, _ address: SocketAddress, _ code: Int32) -> CInt {
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
