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
            text.firstIndex(of: 13) == nil, text.firstIndex(of: 10) == nil, reply.vias.count > 1,
            let server = ServerWorker.current
        else { return false }
        let space = server.takeSpace(nil)
        let arena = space.pointer(to: \.arena).unsafelyUnwrapped
        guard let chunk = arena.pointee.allocate(reply.cloneSize) else {
            server.giveBack(space)
            return false
        }
        space.pointee.record = reply.copy(into: chunk, arena: arena).record.pointee
        space.message.record.pointee.owner = .server
        guard code == 0 && text.isEmpty || space.message.setStatus(code, text) else {
            server.giveBack(space)
            return false
        }
        server.forwardReply(space)
        return true
    }
}

extension Message {
    /// Edits the first line of a reply. False when an earlier edit is in the way, or memory is out.
    /// - Parameters:
    ///   - code: 0: the one that it has.
    ///   - reason: empty: the one that it has.
    fileprivate func setStatus(_ code: Int32, _ reason: Bytes) -> Bool {
        let line = startLine
        // SIP/2.0 200 OK: the code stands behind the first blank.
        guard let blank = line.firstIndex(of: 32) else { return false }
        let reason = reason.isEmpty ? self.reason : reason
        return withUnsafeTemporaryAllocation(byteCount: reason.count + 24, alignment: 8) { memory in
            var status = ByteWriter(memory)
            status.write(decimal: UInt64(code == 0 ? Int32(statusCode) : code))
            status.write(" ")
            status.write(reason)
            return edit(
                offset: startOffset + blank + 1, deleted: line.count - blank - 1, text: status.bytes)
        }
    }
}
