import PluginAPI

// Invariants: texts of a reply are borrowed for the call.

/// The group `reply`: apus/reply.h.
extension HostTables {
    static func makeReply() -> apus_reply_api {
        apus_reply_api(
            size: size(apus_reply_api.self),
            send: { request, reply in
                guard let parts = HostTables.parts(reply) else { return CInt(APUS_FALSE) }
                return HostTables.answer(StatelessReply.send(Message(opaque: request), parts))
            },
            stateless_tag: { request, buffer, capacity in
                StatelessReply.writeTag(
                    Message(opaque: request),
                    into: UnsafeMutableRawPointer(buffer).assumingMemoryBound(to: UInt8.self), capacity: capacity)
            },
            write: { request, reply, out in
                let request = Message(opaque: request)
                guard request.isRequest, request.method != .ack, let parts = HostTables.parts(reply),
                    let worker = Worker.current, let bytes = StatelessReply.write(request, parts, worker)
                else { return CInt(APUS_FALSE) }
                out.pointee = apus_str(bytes)
                return CInt(APUS_TRUE)
            },
            destination: { request, out in
                guard let flow = StatelessReply.flow(of: Message(opaque: request)) else {
                    return out.set(nil, remote: SocketAddress(), local: SocketAddress(), connection: 0)
                }
                out.set(flow)
            },
            was_sent: { HostTables.answer(Message(opaque: $0).routing.options.contains(.replied)) },
            forward: { host, reply, code, reason in
                guard let forward = host.shared.pointee.services.forwardReply else { return CInt(APUS_FALSE) }
                return HostTables.answer(forward(reply, code, reason))
            })
    }

    /// What a module says about a reply; nil when its code is none, or its reason would break the line.
    @inline(__always)
    private static func parts(_ reply: UnsafePointer<apus_reply>) -> ReplyParts? {
        let code = reply.pointee.code
        let reason = reply.pointee.reason.bytes
        guard 100...999 ~= code, reason.firstIndex(of: 13) == nil, reason.firstIndex(of: 10) == nil else { return nil }
        var parts = ReplyParts(code: UInt16(truncatingIfNeeded: code), reason: reason)
        parts.toTag = reply.pointee.to_tag.bytes
        parts.headers = reply.pointee.headers.bytes
        parts.body = reply.pointee.body.bytes
        parts.contentType = reply.pointee.body_type.bytes
        return parts
    }
}
