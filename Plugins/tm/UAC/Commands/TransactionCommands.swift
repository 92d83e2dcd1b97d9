import PluginKit

// Invariants: run on the management thread; what a tour does runs on the transaction's worker. Arguments live as long as the command.

/// `tm.cancel`
let cancelTransaction: @convention(c) (UnsafePointer<apus_command>) -> CInt = { command in
    withTransaction(command, callID: 0, cseq: 1) { transaction in
        guard transaction.pointee.flags.contains(.invite) else {
            command.fail(400, "Only an INVITE can be cancelled")
            return
        }
        transaction.cancelBranches(0, reason: 0)
    }
}

/// `tm.reply`
let replyByIdentity: @convention(c) (UnsafePointer<apus_command>) -> CInt = { command in
    guard let reply = Answering(command, tag: 3) else { return .false }
    return withTransaction(command, identity: 2) { reply.send($0, command) }
}

/// `tm.reply_callid`
let replyByCallID: @convention(c) (UnsafePointer<apus_command>) -> CInt = { command in
    guard let reply = Answering(command, tag: 4) else { return .false }
    return withTransaction(command, callID: 2, cseq: 3) { reply.send($0, command) }
}

/// `tm.retransmit_reply`
let retransmitByIdentity: @convention(c) (UnsafePointer<apus_command>) -> CInt = { command in
    withTransaction(command, identity: 0) { retransmit($0, command) }
}

/// `tm.retransmit_reply_callid`
let retransmitByCallID: @convention(c) (UnsafePointer<apus_command>) -> CInt = { command in
    withTransaction(command, callID: 0, cseq: 1) { retransmit($0, command) }
}

private func retransmit(_ transaction: TransactionRef, _ command: UnsafePointer<apus_command>) {
    if !transaction.retransmitReply() { command.fail(500, "No reply could be sent") }
}

/// A reply that an operator, or an application behind a door, gives.
private struct Answering {
    let code: Int32
    let reason: apus_str
    let tag: apus_str
    let headers: [UInt8]
    let body: apus_str

    /// Nil after a fault.
    /// - Parameter tag: place of the To tag; header lines and body follow.
    init?(_ command: UnsafePointer<apus_command>, tag: Int) {
        guard let code = command.pointee.args?[0].num, 100...699 ~= code else {
            command.fail(400, "Invalid code")
            return nil
        }
        self.code = Int32(code)
        reason = command.text(1)
        self.tag = command.textOrDot(tag)
        body = command.text(tag + 2)
        let messages = command.pointee.host.pointee.message
        var lines: [UInt8] = []
        var hasType = false
        var rest = command.textOrDot(tag + 1)
        while let line = SentRequest.next(&rest) {
            guard let colon = line.index(of: 0x3a), colon > 0 else {
                command.fail(400, "Bad headers")
                return nil
            }
            let name = line[0..<colon].trimmed
            if messages.pointee.same_header(name, "Content-Type") > 0 { hasType = true }
            lines += line.trimmed.bytes
            lines += [0x0d, 0x0a]
        }
        guard body.isEmpty || hasType else {
            command.fail(400, "Content-Type missing")
            return nil
        }
        headers = lines
    }

    func send(_ transaction: TransactionRef, _ command: UnsafePointer<apus_command>) {
        let isSent = headers.withUnsafeBufferPointer { lines in
            var reply = LocalReply(code: code, reason: reason)
            reply.toTag = tag
            reply.headers = apus_str(start: lines.baseAddress, count: lines.count)
            reply.body = body
            return transaction.reply(reply)
        }
        if !isSent { command.fail(500, "Reply failed") }
    }
}

// MARK: - Finding

/// Calls `body` on the worker of the transaction `index:label`.
private func withTransaction(
    _ command: UnsafePointer<apus_command>, identity: Int, _ body: @escaping (TransactionRef) -> Void
) -> CInt {
    var rest = command.text(identity)
    guard let index = rest.next(0x3a)?.number.flatMap({ UInt32(exactly: $0) }),
        let label = rest.number.flatMap({ UInt32(exactly: $0) })
    else { return command.fail(400, "Invalid transaction: index:label is wanted") }
    return Tour.one(command, worker: Place.worker(ofPublicIndex: index)) { _, home in
        guard let transaction = home.find(place: Place.place(ofPublicIndex: index), label: label) else {
            command.fail(404, "No such transaction")
            return
        }
        use(transaction, body)
    }
}

/// The same for the newest transaction of a Call-ID and CSeq number.
private func withTransaction(
    _ command: UnsafePointer<apus_command>, callID: Int, cseq: Int, _ body: @escaping (TransactionRef) -> Void
) -> CInt {
    let host = command.pointee.host
    let text = command.text(callID)
    let worker = host.pointee.worker.pointee.home(host, text)
    return Tour.one(command, worker: worker) { _, home in
        // "1 INVITE" is meant as well as "1".
        var number = command.text(cseq)
        guard let sequence = number.next(0x20), let transaction = home.find(callID: text, cseq: sequence) else {
            command.fail(481, "No such transaction")
            return
        }
        use(transaction, body)
    }
}

private func use(_ transaction: TransactionRef, _ body: (TransactionRef) -> Void) {
    transaction.addReference()
    body(transaction)
    transaction.dropReference()
}
