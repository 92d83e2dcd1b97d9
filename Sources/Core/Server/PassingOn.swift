import PluginAPI

// Invariants: the copy lies in the arena of a space of its own, its record in the space itself, where nothing points to before that; the
// space is given back when the copy has been sent or dropped.

/// Replies that a script passes on before its end.
enum PassingOn {
    /// [worker] `reply->forward`: passes a copy of the reply on.
    static let forward: HostServices.ForwardReply = { message, code, reason in
        let reply = Message(opaque: message)
        let text = reason.bytes
        guard !reply.isRequest, code == 0 || code / 100 == Int32(reply.statusCode) / 100,
            reply.vias.count > 1, let server = ServerWorker.current
        else { return false }
        let space = server.takeSpace(nil)
        let arena = space.pointer(to: \.arena).unsafelyUnwrapped
        guard let chunk = arena.pointee.allocate(reply.cloneSize) else {
            server.giveBack(space)
            return false
        }
        space.pointee.record = reply.copy(into: chunk, arena: arena).record.pointee
        space.message.record.pointee.owner = .server
        let status = code == 0 ? Int32(reply.statusCode) : code
        guard code == 0 && text.isEmpty || space.message.setStatus(status, reason: text.isEmpty ? nil : text) else {
            server.giveBack(space)
            return false
        }
        server.forwardReply(space)
        return true
    }
}
