import PluginKit
import RoutingKit

// Invariants: a prepared code is the number itself, as the pointer's bits; nothing is behind it.

/// Codes that a reply may have; those from 700 on are nobody's, and some configs use them.
let codes = Int64(100)...999

/// From this code on a reply carries our To tag: it may be the one that an ACK answers or a dialog is known by.
private let firstTagged = 180

/// Checks a constant code when the config is read.
let prepareCode: Preparation = { host, index, constant, prepared, complaint in
    guard index == 0 else { return .true }
    guard let code = constant.number, codes.contains(code) else {
        return complaint.say("a status code is a number from 100 to 999")
    }
    if code > 699 { host.log(.notice, "\(code) is no status code of SIP, which has 100 to 699") }
    prepared.pointee = UnsafeMutableRawPointer(bitPattern: Int(code))
    return .true
}

/// `sl_send_reply(code, reason)`
func sendReply(_ call: Call) -> CInt { sendReply(call, in: nil) }

/// `send_reply(code, reason)`
func sendReplyByTransaction(_ call: Call) -> CInt { sendReply(call, in: transaction(call)) }

/// Checks a constant code, and a constant mode.
let prepareReplyMode: Preparation = { host, index, constant, prepared, complaint in
    guard index == 2 else { return prepareCode(host, index, constant, prepared, complaint) }
    guard let mode = constant.number, modes.contains(mode) else {
        return complaint.say("a mode is 1 (no new connection), 2 (close it afterwards), or their sum")
    }
    return .true
}

/// The modes of `send_reply_mode`: bits 1 and 2.
private let modes = Int64(0)...3

/// `send_reply_mode(code, reason, mode)`
func sendReplyWithMode(_ call: Call) -> CInt {
    let mode = call.int(2)
    guard modes.contains(mode) else {
        return call.fail("a mode is 1 (no new connection), 2 (close it afterwards), or their sum")
    }
    // The bits are those of the contract.
    call.message.api.pointee.add_reply_flags(call.pointee.msg, UInt32(mode))
    return sendReply(call, in: transaction(call))
}

/// `sl_forward_reply([code[, reason]])`
func forwardReply(_ call: Call) -> CInt {
    guard !call.message.isRequest else { return call.fail("there is no reply to pass on here") }
    var code: Int64 = 0
    if call.has(0) {
        guard let number = call.text(0).number, codes.contains(number) else {
            return call.fail("a status code is a number from 100 to 999")
        }
        code = number
    }
    guard code == 0 || code / 100 == Int64(call.message.api.pointee.status(call.pointee.msg)) / 100 else {
        return call.fail("the code of a reply that is passed on stays in its class")
    }
    let reason = call.has(1) ? call.text(1) : apus_str()
    return call.host.pointee.reply.pointee.forward(call.host, call.pointee.msg, Int32(code), reason) > 0
        ? .true : .false
}

/// `sl_reply_error()`
func replyError(_ call: Call) -> CInt { replyError(call, in: nil) }

/// `send_reply_error()`
func replyErrorByTransaction(_ call: Call) -> CInt { replyError(call, in: transaction(call)) }

/// The transaction of the call's message; nil without tm and when there is none.
private func transaction(_ call: Call) -> OpaquePointer? {
    let state = call.pointee.user.state
    return state.pointee.bindTM == 0 ? nil : state.pointee.tm?.pointee.t_gett(call.pointee.msg)
}

private func sendReply(_ call: Call, in transaction: OpaquePointer?) -> CInt {
    let state = call.pointee.user.state
    var reason = call.text(1)
    var code = Int64(Int(bitPattern: call.argument(0).prepared))
    if code == 0 {
        if let number = call.text(0).number {
            code = number
        } else {
            code = state.pointee.defaultCode
            reason = state.pointee.defaultReason
        }
    }
    guard codes.contains(code) else { return call.fail("a status code is a number from 100 to 999") }
    guard !reason.isEmpty else { return call.fail("the reason phrase is empty") }
    return send(call, in: transaction, code: Int(code), reason: reason)
}

private func replyError(_ call: Call, in transaction: OpaquePointer?) -> CInt {
    let message = call.message
    // Whoever failed may have said why, as save() does: one final reply is enough.
    if message.isRequest, call.host.pointee.reply.pointee.was_sent(message.handle) > 0 { return .false }
    var reason = apus_str()
    var code = Int(message.api.pointee.error(message.handle, &reason))
    var number = code
    if !codes.contains(Int64(code)) {
        (code, number, reason) = (500, 1, "Server error occurred")
    } else if reason.isEmpty {
        reason = "Error"
    }
    guard var text = call.writer(reason.len + 16) else { return .false }
    text.add(reason)
    text.add(" (")
    text.add(number: Int64(number))
    text.add(transaction == nil ? "/SL)" : "/TM)")
    let result = send(call, in: transaction, code: code, reason: text.text)
    if result > 0 { call.host.bump(call.pointee.user.state.pointee.counters.sentErrors) }
    return result
}

private func send(_ call: Call, in transaction: OpaquePointer?, code: Int, reason: apus_str) -> CInt {
    let state = call.pointee.user.state
    guard transaction != nil || call.message.isRequest else { return call.fail("there is no request to answer here") }
    var reply = apus_reply()
    reply.size = UInt32(MemoryLayout<apus_reply>.size)
    reply.code = Int32(code)
    reply.reason = reason
    if code / 100 == 3, call.message.isRequest { reply.headers = redirection(call, rich: state.pointee.richRedirect) }
    // A made-up request, as of a timer's route: there is nobody to answer.
    if transaction == nil, call.message.api.pointee.is_faked(call.pointee.msg) > 0 { return -2 }
    guard let transaction else { return state.send(call.host, call.pointee.msg, &reply) }
    return state.send(in: transaction, &reply)
}

extension UnsafeMutablePointer<State> {
    /// Sends a reply in that transaction. Precondition: tm is loaded.
    func send(in transaction: OpaquePointer, _ reply: UnsafePointer<apus_reply>) -> CInt {
        guard let tm = pointee.tm else { return .false }
        var own = tm_reply(
            size: UInt32(MemoryLayout<tm_reply>.size), code: reply.pointee.code, reason: reply.pointee.reason,
            to_tag: reply.pointee.to_tag, headers: reply.pointee.headers, body: reply.pointee.body,
            body_type: reply.pointee.body_type)
        return tm.pointee.t_reply(transaction, &own)
    }

    /// Sends a reply without a transaction, with our To tag where it has none and wants one, and counts it.
    /// Precondition: the message is a request, the code one of `codes`.
    func send(_ host: Host, _ request: OpaquePointer, _ reply: UnsafePointer<apus_reply>) -> CInt {
        let message = Message(handle: request, api: host.pointee.message)
        var reply = reply.pointee
        let code = Int(reply.code)
        let tagged = code >= firstTagged && reply.to_tag.isEmpty && message.field(APUS_FIELD_TO_TAG).isEmpty
        let result = withUnsafeTemporaryAllocation(of: CChar.self, capacity: tagCapacity) { tag in
            if tagged, let start = tag.baseAddress {
                let length = host.pointee.reply.pointee.stateless_tag(request, start, tagCapacity)
                reply.to_tag = apus_str(s: start, len: length)
            }
            let result = host.pointee.reply.pointee.send(request, &reply)
            if result > 0 { show(&reply, host, message) }
            return result
        }
        guard result > 0 else {
            host.bump(pointee.counters.failures)
            return .false
        }
        pointee.counters.count(host, code: code)
        if tagged, code >= 300, message.method == APUS_METHOD_INVITE { expectAck(host, self) }
        return .true
    }

    /// Runs `event_route[sl:local-response]` on a reply that was sent, if the script has it.
    private func show(_ reply: UnsafePointer<apus_reply>, _ host: Host, _ request: Message) {
        guard let route = host.pointee.events.pointee.route(host, pointee.localResponse) else { return }
        var bytes = apus_str()
        guard host.pointee.reply.pointee.write(request.handle, reply, &bytes) > 0,
            let sent = request.api.pointee.parse(host, bytes)
        else { return }
        var start = apus_start(
            size: UInt32(MemoryLayout<apus_start>.size), kind: UInt32(APUS_EVENT_ROUTE), flags: 0, reserved: 0,
            route: route, msg: sent, avps: nil, begun: nil, ended: nil, user: nil)
        _ = host.pointee.script.pointee.start_run(host, &start)
        request.api.pointee.release(host, sent)
    }
}
