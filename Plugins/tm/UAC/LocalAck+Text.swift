import PluginKit
import RoutingKit

// Invariants: the piece that an ACK is written into is released before the function returns; what it is parsed to is the caller's.

extension BranchRef {
    /// The ACK to a 2xx as a kept message, its next hop set, with a Via that stands for ours. Nil when it cannot be made.
    fileprivate func makeAckMessage(_ reply: OpaquePointer, _ contents: AckContents, _ routes: RouteSet)
        -> OpaquePointer?
    {
        let messages = home.messages
        let host = home.host
        guard let sent = SentRequest(pointee.request.text),
            let to = apus_header.filled({ messages.pointee.find(reply, "To", 0, $0) })
        else { return nil }
        let target = TransactionRef.contact(of: reply, messages)
        let uri = target.isEmpty ? sent.uri : target
        let capacity =
            sent.capacity(to: to.value, lines: contents.headers) + contents.body.len + contents.bodyType.len
            + 2 * uri.len + 2 * routes.values.len + 192
        guard let piece = host.pointee.memory.pointee.allocate(host, capacity) else { return nil }
        defer { home.release(piece) }
        var out = Writer(piece, capacity: capacity)
        out.add("ACK ")
        out.add(routes.requestURI(uri, messages))
        out.add(" SIP/2.0\r\nVia: SIP/2.0/UDP localhost\r\n")
        routes.writeHeader(uri, messages, to: &out)
        out.add("Max-Forwards: 70\r\nTo: ")
        out.add(to.value)
        out.add("\r\n")
        sent.copyForAck(to: &out)
        out.add(contents.headers)
        if !contents.bodyType.isEmpty {
            out.add("Content-Type: ")
            out.add(contents.bodyType)
            out.add("\r\n")
        }
        out.add("Content-Length: ")
        out.add(number: Int64(contents.body.len))
        out.add("\r\n\r\n")
        out.add(contents.body)
        guard !out.overflowed, let message = messages.pointee.parse(host, out.text) else { return nil }
        home.removePlaceholder(message)
        let hop = routes.values.isEmpty ? uri : routes.first(messages)
        _ = messages.pointee.set_destination(message, hop)
        return message
    }

    func makeAck(_ reply: OpaquePointer, _ contents: AckContents) -> OpaquePointer? {
        let capacity = RouteSet.capacity(reply, home.messages)
        guard capacity > 0 else { return makeAckMessage(reply, contents, RouteSet(apus_str())) }
        guard let piece = home.host.pointee.memory.pointee.allocate(home.host, capacity) else { return nil }
        defer { home.release(piece) }
        var out = Writer(piece, capacity: capacity)
        RouteSet.write(reply, home.messages, reversed: true, to: &out)
        return makeAckMessage(reply, contents, RouteSet(out.text))
    }

    /// The branch parameter of the ACK, as `local_ack_branch_mode` says: the INVITE's, one that is derived of it, or a new one.
    func writeAckBranch(to memory: UnsafeMutableRawPointer) -> apus_str {
        let transaction = pointee.transaction
        let mode = home.settings.pointee.localAckBranchMode
        guard mode < 2 else {
            var out = Writer(memory, capacity: Identity.longest)
            out.add("z9hG4bKk")
            out.add(hex: home.pointee.random.take(), width: 16)
            return out.text
        }
        let identity = Identity(
            place: transaction.pointee.place, secret: transaction.pointee.secret, branch: pointee.index,
            loopHash: mode == 1 ? 1 : nil)
        return home.write(identity, to: memory)
    }
}

extension TransactionRef {
    /// URI of the first Contact: the remote target. No text when there is none.
    static func contact(of message: OpaquePointer, _ messages: UnsafePointer<apus_message_api>) -> apus_str {
        guard let header = apus_header.filled({ messages.pointee.find(message, "Contact", 0, $0) }),
            let value = apus_name_addr.filled({ messages.pointee.parse_name_addr(header.value, $0) }),
            apus_uri.filled({ messages.pointee.parse_uri(value.uri, $0) }) != nil
        else { return apus_str() }
        return value.uri
    }
}

extension SentRequest {
    /// What the ACK to a 2xx takes over of its INVITE: From, Call-ID, the CSeq number and credentials.
    fileprivate func copyForAck(to out: inout Writer) {
        var rest = rest
        while let line = SentRequest.next(&rest) {
            switch SentRequest.kind(of: line) {
            case .from, .callID: out.add(line)
            case .cseq:
                let value = line.dropFirst((line.index(of: 0x3a) ?? 0) + 1).trimmed
                out.add("CSeq: ")
                for byte in value.bytes.prefix(while: { $0 &- 0x30 <= 9 }) { out.add(byte: byte) }
                out.add(" ACK\r\n")
            case .to, .route: continue
            case .other:
                let name = line[0..<(line.index(of: 0x3a) ?? 0)].trimmed
                if name.equalsIgnoringCase("Authorization") || name.equalsIgnoringCase("Proxy-Authorization") {
                    out.add(line)
                }
            }
        }
    }
}
