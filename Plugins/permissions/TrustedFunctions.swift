import PluginKit
import TableKit

// Invariants: run on workers; the trusted peers in force stay until the function returns. With db_mode 0 the function waits, and its arguments are still
// there when the rows are.

func declareTrustedFunctions(_ host: Host) {
    let doc: StaticString = "Whether a row for the source, its transport and the URI of From trusts the request."
    for arguments: StaticString in [
        "", "source:format, transport:format", "source:format, transport:format, from:format",
    ] {
        host.function("allow_trusted", arguments, flags: APUS_MAY_SUSPEND, doc: doc, call: isTrusted)
    }
}

/// What rows are compared with.
private struct Question {
    let transport: Int32
    let from: apus_str
    let requestURI: apus_str

    /// Nil with the reason in the log.
    init?(_ call: Call) {
        if call.has(1) {
            guard let number = TrustedTransport.number(call.text(1), call.host) else {
                call.log(.error, "the second argument is no transport: any, udp, tcp, tls, ws, wss, sctp")
                return nil
            }
            transport = number
        } else {
            var source = apus_destination()
            source.size = UInt32(MemoryLayout<apus_destination>.size)
            call.message.api.pointee.source(call.message.handle, &source)
            transport = Int32(source.transport)
        }
        from = call.has(2) ? call.text(2) : call.message.field(APUS_FIELD_FROM_URI)
        requestURI = call.message.field(APUS_FIELD_REQUEST_URI)
        guard !from.isNull else {
            call.log(.error, "the URI of From cannot be read")
            return nil
        }
    }

    func isAnswered(by row: Int32) -> Bool {
        row != TrustedTransport.none && transport != TrustedTransport.none
            && (row == TrustedTransport.any || transport == TrustedTransport.any || row == transport)
    }

    /// A search that was given up is no match.
    func fits(_ call: Call, _ expressions: TrustedList.Expressions) -> Bool {
        let regex = call.host.pointee.regex
        if let own = expressions.from, regex.pointee.match(own, from, 0, nil, 0) <= 0 { return false }
        guard let own = expressions.requestURI else { return true }
        return regex.pointee.match(own, requestURI, 0, nil, 0) > 0
    }
}

/// `allow_trusted([source, transport[, from]])`
private let isTrusted: @convention(c) (Call) -> CInt = { call in
    guard let question = Question(call) else { return .false }
    let given = call.has(0) ? call.text(0) : call.message.field(APUS_FIELD_SOURCE_IP)
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: addressTextCapacity) { buffer in
        let source = call.host.network(given).map { call.host.text(of: $0, in: buffer) } ?? given
        switch state.pointee.trustedSource {
        case nil: return .false
        case .cached:
            guard let list = state.pointee.trusted.current else { return .false }
            return trust(call, list.pointee.peers(of: source), question)
        case .asked(let db, let columns):
            var query = RowQuery(state.pointee.trustedTable, columns, rows: 0)
            query.require(state.pointee.source, source)
            query.order(by: columns.start + priorityColumn, descending: true)
            return query.ask(call, db, then: trustRows)
        }
    }
}

/// Its place among the columns that are asked for.
private let priorityColumn = 4

private func trust(_ call: Call, _ peers: UnsafeBufferPointer<TrustedList.Peer>, _ question: Question) -> CInt {
    var count: CInt = 0
    for peer in peers where question.isAnswered(by: peer.transport) && question.fits(call, peer.expressions) {
        guard call.giveTag(peer.tag) else { return .false }
        count += 1
        if state.pointee.takesAllTags == 0 { break }
    }
    return count > 0 ? count : .false
}

private let trustRows: RowAnswer = { call, status, result, _ in
    guard status == CInt(APUS_OK) else { return call.fail(result.pointee.text) }
    guard let question = Question(call) else { return .false }
    var count: CInt = 0
    for row in 0..<Int(result.pointee.row_count) {
        guard let transport = TrustedTransport.number(result.text(0, row: row), call.host) else {
            call.log(.error, "a row of the table of trusted peers has no transport that is known: it is passed over")
            continue
        }
        guard question.isAnswered(by: transport),
            let from = expression(call, result.text(1, row: row)),
            let requestURI = expression(call, result.text(2, row: row)),
            question.fits(call, TrustedList.Expressions(from: from.regex, requestURI: requestURI.regex))
        else { continue }
        guard call.giveTag(result.textIfAny(3, row: row)) else { return .false }
        count += 1
        if state.pointee.takesAllTags == 0 { break }
    }
    return count > 0 ? count : .false
}

/// An expression, or none where any text will do.
private struct OptionalExpression {
    let regex: OpaquePointer?
}

/// Nil with the reason in the log when it is wrong.
private func expression(_ call: Call, _ text: apus_str) -> OptionalExpression? {
    if text.isEmpty { return OptionalExpression(regex: nil) }
    guard let regex = call.host.pointee.regex.pointee.compile_now(call, text, UInt32(APUS_REGEX_CASE)) else {
        call.log(.error, "a row of the table of trusted peers has a wrong expression: it is passed over")
        return nil
    }
    return OptionalExpression(regex: regex)
}
