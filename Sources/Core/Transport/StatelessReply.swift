import CBytes
import Glibc

// Invariants: `settings` is written before the workers start and constant afterwards. A reply is composed in the worker's own buffer and
// given to the transport before anything else composes there.

/// Replies of the server's own that no transaction remembers.
enum StatelessReply {
    /// What the config says about all of them. Texts live as long as the program.
    struct Settings {
        /// The Server header's value; empty: none (server_signature=no).
        var server: Bytes
        /// To the Via's address instead of the source (reply_to_via).
        var toVia: Bool
        /// A Warning header that tells what the server saw (sip_warning): 0 no, 1 yes, 2 with the worker's number.
        var warning: Int
        /// Whether that address (`UnsafePointer<SocketAddress>`) gets it (sip_warning_for); nil: all do.
        var warned: (@convention(c) (UnsafeRawPointer) -> Bool)?
        /// Keys the To tags: new at each start.
        var tagKey: SipKey
    }

    nonisolated(unsafe) static var settings = Settings(
        server: .empty, toVia: false, warning: 0, tagKey: SipKey(k0: 0, k1: 0))

    /// Length of `tag`.
    static let tagLength = 28

    /// Sends a reply to the request by RFC 3261 §18.2.2 and RFC 3581, through the listener that received it. On the request's worker.
    /// - Returns: false for an ACK, when nobody may answer this message, and when it cannot be sent.
    static func send(_ request: Message, _ parts: ReplyParts) -> Bool {
        guard request.isRequest, request.method != .ack, !request.routing.options.contains(.noReply),
            let worker = Worker.current, let flow = flow(of: request)
        else { return false }
        guard let bytes = write(request, parts, worker) else {
            Log.limited(.error, "a reply is too long to be sent", source: request.routing.source)
            return false
        }
        if case .failed(let code) = worker.send(bytes, over: flow) {
            Log.limited(.error, "a reply cannot be sent", source: flow.remote) { line in
                line.add(": ")
                line.add(error: SystemError(code: code))
            }
            return false
        }
        if parts.code >= 200 { request.routing.options.insert(.replied) }
        return true
    }

    /// Writes the reply into the worker's buffer, where it stands until something else is composed; nil when it is too long.
    static func write(_ request: Message, _ parts: ReplyParts, _ worker: UnsafeMutablePointer<Worker>) -> Bytes? {
        var parts = parts
        if parts.server.isEmpty { parts.server = settings.server }
        if parts.body.isEmpty, parts.code > 100 {
            parts.body = request.routing.replyBody
            parts.contentType = request.routing.replyBodyType
        }
        let buffer = worker.pointee.compose
        let count: Int?
        if settings.warning > 0, isWarned(request.routing.source), let raw = request.routing.receivedOn {
            count = withWarning(request, Listener(raw: raw), worker.pointee.index) {
                parts.warning = $0
                return request.writeReply(into: buffer, parts)
            }
        } else {
            count = request.writeReply(into: buffer, parts)
        }
        let start = UnsafeRawPointer(buffer.baseAddress.unsafelyUnwrapped).assumingMemoryBound(to: UInt8.self)
        return count.map { Bytes(start, $0) }
    }

    private static func isWarned(_ address: SocketAddress) -> Bool {
        guard let warned = settings.warned else { return true }
        return withUnsafePointer(to: address) { warned($0) }
    }

    /// The way that replies to the request go; nil when it came by no listener.
    @_noLocks
    static func flow(of request: Message) -> Flow? {
        guard let raw = request.routing.receivedOn else { return nil }
        var flow = Flow(
            listener: Listener(raw: raw), remote: request.replyAddress(toVia: settings.toVia),
            local: request.routing.destination, connection: request.routing.connection)
        if request.routing.options.contains(.replyNoConnect) { flow.options.insert(.noConnect) }
        if request.routing.options.contains(.replyClose) { flow.options.insert(.closeAfterwards) }
        return flow
    }

    /// A final reply with the stateless To tag, so that the ACK to it is recognised.
    static func refuse(_ request: Message, _ code: UInt16, _ reason: StaticString, headers: StaticString = "") -> Bool {
        var tag: [32 of UInt8] = InlineArray(repeating: 0)
        return withUnsafeMutableBytes(of: &tag) { memory in
            let place = memory.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
            var parts = ReplyParts(code: code, reason: Bytes(reason))
            parts.headers = Bytes(headers)
            parts.toTag = Bytes(UnsafePointer(place), writeTag(request, into: place, capacity: memory.count))
            return send(request, parts)
        }
    }

    /// The To tag of stateless replies to this request: a fixed part and a keyed checksum of the top Via's branch and sent-by and the
    /// Call-ID, so that retransmissions get the same one and the ACK is recognised (RFC 3261 §8.2.7).
    /// - Returns: bytes written, `tagLength`; 0 when there is no room.
    static func writeTag(_ request: Message, into buffer: UnsafeMutablePointer<UInt8>, capacity: Int) -> Int {
        guard capacity >= tagLength else { return 0 }
        var sum = settings.tagKey.tag(request.callID)
        if let via = request.topVia {
            sum ^= settings.tagKey.tag(via.host) &+ UInt64(via.port) &* 0x9e37_79b9_7f4a_7c15
            // An ACK to a negative reply carries the INVITE's branch (§17.1.1.3).
            sum = (sum &<< 7 | sum &>> 57) ^ settings.tagKey.tag(via.branch)
        }
        let place = UnsafeMutableRawPointer(buffer)
        place.storeBytes(of: bytes_hex_digits(UInt32(truncatingIfNeeded: settings.tagKey.k0)), as: UInt64.self)
        place.storeBytes(of: UInt32(bigEndian: 0x2D73_6C2D), toByteOffset: 8, as: UInt32.self)  // "-sl-"
        place.storeBytes(
            of: bytes_hex_digits(UInt32(truncatingIfNeeded: sum &>> 32)), toByteOffset: 12, as: UInt64.self)
        place.storeBytes(of: bytes_hex_digits(UInt32(truncatingIfNeeded: sum)), toByteOffset: 20, as: UInt64.self)
        return tagLength
    }

    /// `392 host:port "Noisy feedback tells: …"`, SER's help for those who debug. Left out when it is longer than 256 bytes.
    private static func withWarning<R>(
        _ request: Message, _ listener: Listener, _ worker: Int, _ body: (Bytes) -> R
    ) -> R {
        withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { memory in
            var out = ByteWriter(memory)
            out.write("392 ")
            out.write(listener.host)
            out.write(":")
            out.write(listener.portText)
            out.write(" \"Noisy feedback tells:  pid=")
            out.write(decimal: UInt64(getpid()))
            if settings.warning > 1 {
                out.write(" w=")
                out.write(decimal: UInt64(worker))
            }
            out.write(" req_src_ip=")
            out.write(address: request.routing.source, brackets: false)
            out.write(" req_src_port=")
            out.write(decimal: UInt64(request.routing.source.port))
            out.write(" in_uri=")
            out.write(request.originalURIText)
            out.write(" out_uri=")
            out.write(request.requestURIText)
            out.write(" via_cnt==")
            out.write(decimal: UInt64(request.vias.count))
            out.write("\"")
            // A quote in a URI would end the text early.
            let fits = !out.isOverflown && request.originalURIText.firstIndex(of: UInt8(ascii: "\"")) == nil
            return body(fits ? out.bytes : .empty)
        }
    }
}
