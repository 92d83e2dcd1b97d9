import PluginAPI

// Invariants: texts of a reply are borrowed for the call.

/// The group `reply`: apus/reply.h.
extension HostTables {
    static func makeReply() -> apus_reply_api {
        apus_reply_api(
            size: size(apus_reply_api.self),
            send: { request, reply in
                let reply = reply.pointee
                let reason = reply.reason.bytes
                guard 100...699 ~= reply.code, reason.firstIndex(of: 13) == nil, reason.firstIndex(of: 10) == nil else {
                    return CInt(APUS_FALSE)
                }
                var parts = ReplyParts(code: UInt16(reply.code), reason: reason)
                parts.toTag = reply.to_tag.bytes
                parts.headers = reply.headers.bytes
                parts.body = reply.body.bytes
                parts.contentType = reply.body_type.bytes
                return HostTables.answer(StatelessReply.send(Message(opaque: request), parts))
            },
            stateless_tag: { request, buffer, capacity in
                StatelessReply.writeTag(
                    Message(opaque: request),
                    into: UnsafeMutableRawPointer(buffer).assumingMemoryBound(to: UInt8.self), capacity: capacity)
            },
            write: { _, _, _ in fatalError("write:3") },
            destination: { _, _ in fatalError("destination:2") })
    }
}
