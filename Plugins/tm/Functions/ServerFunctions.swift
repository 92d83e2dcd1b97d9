import PluginKit
import RoutingKit

// Invariants: a prepared code is the number itself, as the pointer's bits; nothing is behind it.

/// Codes that a reply may have; those from 700 on are nobody's, and some configs use them.
private let codes = Int64(100)...999

/// What scripts call to answer requests and to look transactions up.
func declareServerFunctions(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    let replying = APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_ONREPLY_ROUTE
    host.function(
        "t_newtran", routes: APUS_REQUEST_ROUTE,
        doc: "Makes the request's transaction; ends the script for a retransmission, which is answered.", user: state,
        call: newTransaction)
    host.function(
        "t_reply", "code:format, reason:format", routes: replying, flags: APUS_SENDS_REPLY,
        doc: "Answers the request in its transaction.", user: state, prepare: prepareCode, call: reply)
    host.function(
        "t_send_reply", "code:format, reason:format", routes: replying, flags: APUS_SENDS_REPLY,
        doc: "Answers the request in its transaction, which is made when there is none.", user: state,
        prepare: prepareCode, call: sendReply)
    host.function(
        "t_reply_error", routes: replying, flags: APUS_SENDS_REPLY,
        doc: "Answers the request with the last error that its processing ran into.", user: state, call: replyError)
    host.function(
        "t_release", routes: APUS_REQUEST_ROUTE,
        doc: "Gives the transaction up: it absorbs retransmissions for wt_timer, then it ends.", user: state,
        call: release)
    host.function(
        "t_retransmit_reply", routes: APUS_REQUEST_ROUTE,
        doc: "Sends the last reply of the request's transaction again.", user: state, call: retransmitReply)
    host.function(
        "t_lookup_request", routes: APUS_REQUEST_ROUTE,
        doc: "Whether there is a transaction of this request; it is the one that later functions work on.",
        user: state, call: lookupRequest)
    host.function(
        "t_check_trans", routes: APUS_REQUEST_ROUTE | APUS_ONREPLY_ROUTE | APUS_BRANCH_ROUTE,
        doc:
            "Whether a reply, CANCEL or ACK belongs to a transaction; retransmissions and ACKs that end here end the script.",
        user: state, call: checkTransaction)
    host.function(
        "t_relay_cancel", routes: APUS_REQUEST_ROUTE,
        doc: "Deals with a CANCEL whose INVITE is known and ends the script; true when it is not known.", user: state,
        call: relayCancel)
    host.function(
        "t_lookup_cancel", "flags:int?", routes: APUS_REQUEST_ROUTE,
        doc: "Whether the INVITE of this CANCEL is known; with 1 the CANCEL gets its flags.", user: state,
        call: lookupCancel)
}

/// Checks a constant code when the config is read.
private let prepareCode: Preparation = { host, index, constant, prepared, complaint in
    guard index == 0 else { return .true }
    guard let code = constant.number, codes.contains(code) else {
        return complaint.say("a status code is a number from 100 to 999")
    }
    if code > 699 { host.log(.notice, "\(code) is no status code of SIP, which has 100 to 699") }
    prepared.pointee = UnsafeMutableRawPointer(bitPattern: Int(code))
    return .true
}

/// `t_newtran()`
private func newTransaction(_ call: Call) -> CInt {
    guard let home = call.home else { return .false }
    guard call.transaction == nil else { return call.fail("ERROR: t_newtran: transaction already in process") }
    switch home.newTransaction(call) {
    case .made: return .true
    case .retransmission: return .exit
    case .acknowledgement: return .true
    case .failed(let code): return refuse(call, code)
    }
}

/// Notes why there is no transaction, for sl_reply_error.
private func refuse(_ call: Call, _ code: Int32) -> CInt {
    call.message.api.pointee.set_error(call.pointee.msg, code, "No transaction")
    return call.fail("no transaction could be made")
}

/// `t_reply(code, reason)`
private func reply(_ call: Call) -> CInt {
    guard let transaction = call.transaction else { return call.fail("there is no transaction to reply in") }
    return reply(call, transaction)
}

private func reply(_ call: Call, _ transaction: TransactionRef) -> CInt {
    let settings = transaction.home.settings.pointee
    var code = Int64(Int(bitPattern: call.argument(0).prepared))
    var reason = call.text(1)
    if code == 0 { code = call.text(0).number ?? -1 }
    if !codes.contains(code) || reason.isEmpty {
        if !codes.contains(code) { code = settings.defaultCode }
        reason = settings.defaultReason.isEmpty ? "Server Internal Error" : settings.defaultReason
    }
    // A route's copy of the request knows what was appended there; a reply route has the reply.
    let on = call.message.isRequest ? call.pointee.msg : nil
    var local = LocalReply(code: Int32(code), reason: reason, on: on)
    if code / 100 == 3, on != nil { local.headers = redirection(call, rich: settings.richRedirect) }
    return transaction.reply(local) ? .true : call.fail("the reply could not be sent, or a final one was sent before")
}

/// `t_send_reply(code, reason)`
private func sendReply(_ call: Call) -> CInt {
    guard let home = call.home else { return .false }
    if let transaction = call.transaction { return reply(call, transaction) }
    guard call.pointee.route_kind & UInt32(APUS_REQUEST_ROUTE) != 0, call.message.isRequest else {
        return call.fail("there is no transaction to reply in")
    }
    switch home.newTransaction(call) {
    case .made(let transaction): return reply(call, transaction)
    case .retransmission: return .exit
    case .acknowledgement: return call.fail("an ACK is not answered")
    case .failed(let code): return refuse(call, code)
    }
}

/// `t_reply_error()`
private func replyError(_ call: Call) -> CInt {
    guard let transaction = call.transaction else { return call.fail("there is no transaction to reply in") }
    let on = call.message.isRequest ? call.pointee.msg : transaction.pointee.request
    guard let on, transaction.replyError(on) else { return .false }
    return .true
}

/// `t_release()`
private func release(_ call: Call) -> CInt {
    guard let transaction = call.transaction else { return call.fail("there is no transaction to release") }
    return transaction.release() ? .true : .false
}

/// `t_retransmit_reply()`
private func retransmitReply(_ call: Call) -> CInt {
    guard let transaction = call.transaction else { return .false }
    return transaction.retransmitReply() ? .true : .false
}

/// `t_lookup_request()`
private func lookupRequest(_ call: Call) -> CInt {
    if call.transaction != nil { return .true }
    guard let home = call.home, let context = call.state.makeContext(of: call.pointee.msg) else { return .false }
    let method = call.message.method
    let wanted = method == APUS_METHOD_ACK ? APUS_METHOD_INVITE : method
    context.pointee.isChecked = true
    guard let found = home.match(call.pointee.msg, method: UInt32(wanted)) else { return .false }
    found.addReference()
    context.pointee.transaction = found
    context.pointee.holdsReference = true
    return .true
}

/// `t_check_trans()`
func checkTransaction(_ call: Call) -> CInt {
    guard let home = call.home else { return .false }
    let message = call.message
    guard message.isRequest else {
        if call.transaction != nil { return .true }
        guard let via = message.via(0), let identity = Identity(via.branch),
            let known = home.pointee.table[identity.place], known.pointee.secret == identity.secret,
            known.branch(identity.branch) != nil
        else { return .false }
        return .true
    }
    if call.pointee.route_kind & UInt32(APUS_REQUEST_ROUTE) == 0 { return call.transaction == nil ? .false : .true }
    let invite = UInt32(APUS_METHOD_INVITE)
    switch message.method {
    case APUS_METHOD_CANCEL: return home.match(message.handle, method: invite) == nil ? .false : .true
    case APUS_METHOD_ACK:
        guard let known = home.match(message.handle, method: invite) else { return .false }
        return known.absorbAck(message.handle) || known.isAcknowledged(by: message) ? .exit : .true
    default:
        // A transaction of this very run is no retransmission.
        guard call.transaction == nil, let known = home.match(message.handle, method: UInt32(message.method)) else {
            return .false
        }
        known.absorbRetransmission(message.handle)
        return .exit
    }
}

/// `t_relay_cancel()`
private func relayCancel(_ call: Call) -> CInt {
    guard let home = call.home, call.message.method == APUS_METHOD_CANCEL else { return .true }
    guard let invited = home.match(call.pointee.msg, method: UInt32(APUS_METHOD_INVITE)) else { return .true }
    return invited.cancelled(by: call) > 0 ? .exit : .false
}

/// `t_lookup_cancel([flags])`
private func lookupCancel(_ call: Call) -> CInt {
    guard let home = call.home, call.message.method == APUS_METHOD_CANCEL,
        let invited = home.match(call.pointee.msg, method: UInt32(APUS_METHOD_INVITE))
    else { return .false }
    if call.has(0), call.int(0) == 1 {
        call.message.api.pointee.set_flags(call.pointee.msg, invited.pointee.messageFlags)
    }
    return .true
}

extension TransactionRef {
    /// Whether this is the ACK to a 2xx made here, which has arrived. One to a 2xx that a branch has sent, with a To tag of its own, is to
    /// be passed on.
    fileprivate func isAcknowledged(by ack: Message) -> Bool {
        guard 200..<300 ~= pointee.lastStatus, pointee.flags.contains(.localReply), let request = pointee.request else {
            return false
        }
        let tag = ack.field(APUS_FIELD_TO_TAG)
        return tag.equals(localTag) || tag.equals(ack.api.pointee.field(request, UInt32(APUS_FIELD_TO_TAG)))
    }
}
