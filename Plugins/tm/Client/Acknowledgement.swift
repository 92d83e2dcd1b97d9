import PluginKit

// Invariants: the piece that an ACK is written into is released before the function returns.

extension BranchRef {
    /// Sends the ACK to a negative final reply to the branch's INVITE, each time that one comes (RFC 3261 section 17.1.1.3).
    func acknowledge(_ reply: OpaquePointer, isRetransmission: Bool) {
        let host = home.host
        let messages = home.messages
        guard let sent = template,
            let to = apus_header.filled({ messages.pointee.find(reply, "To", 0, $0) })
        else { return }
        let capacity = sent.capacity(to: to.value, lines: "")
        guard let piece = host.pointee.memory.pointee.allocate(host, capacity) else { return }
        var out = Writer(piece, capacity: capacity)
        sent.write(
            "ACK", to: to.value, copied: home.settings.pointee.acExtraHdrs, lines: "", into: &out)
        if !out.overflowed { putLocal(out.text, isRetransmission: isRetransmission) }
        home.release(piece)
    }

    /// Sends an ACK or CANCEL of our own to where the request went.
    /// - Returns: 0, or an errno.
    @discardableResult
    func putLocal(_ bytes: apus_str, isRetransmission: Bool) -> Int32 {
        let host = home.host
        let code = Int32(host.pointee.net.pointee.send(host, destination, bytes))
        let transaction = pointee.transaction
        if code == 0, transaction.isWatched(TM_REQUEST_SENT) {
            var occurrence = occurrence
            occurrence.flags = isRetransmission ? TM_LOCAL | TM_RETRANSMISSION : TM_LOCAL
            occurrence.bytes = bytes
            transaction.tell(TM_REQUEST_SENT, occurrence)
        }
        return code
    }
}
