import PluginKit

private nonisolated(unsafe) let state = permanent(State())

private let module = Module(
    "sl", version: "1.0", summary: "Stateless replies", needs: "tm/1?",
    start: { host in
        state.pointee.tm = load_tm(host)
        return .true
    },
    declare: { host in declare(host) })

private func declare(_ host: Host) {
    State.shared = state
    state.pointee.replies = host.pointee.reply
    _ = host.pointee.publish(host, SL_API, makeInterface())
    state.pointee.counters.declare(host)
    state.pointee.lastReply = host.slot(APUS_SLOT_WORKER)
    state.pointee.filteredAck = host.event(
        "filtered-ack", doc: "An ACK to a stateless reply of ours was absorbed; runs on the ACK.")
    state.pointee.localResponse = host.event(
        "local-response", doc: "A stateless reply of ours was sent; runs on the reply.")
    host.hook(APUS_HOOK_REQUEST, user: state, call: absorbAck)
    declareParameters(host)
    declareFunctions(host)
    host.form("sl_stats", of: APUS_RPC_SER_TEXT, call: statisticsLines)
    declareCommands(host)
    host.variable(
        "ltt", inner: "s|t|x",
        doc: "The To tag of our replies: s of stateless ones, t of the transaction's, x of whichever would be sent.",
        user: state, get: localToTag)
}

private func declareParameters(_ host: Host) {
    host.parameter(
        "default_code", into: state.pointer(to: \.defaultCode)!, initial: "500", range: 100...999,
        doc: "Status code of a reply whose code argument is no number.")
    host.parameter(
        "default_reason", into: state.pointer(to: \.defaultReason)!, initial: "Internal Server Error",
        doc: "Reason phrase of a reply whose code argument is no number.")
    host.parameter(
        "rich_redirect", into: state.pointer(to: \.richRedirect)!, initial: "0", range: 0...3,
        doc: "Bits: what the Contacts of a 3xx say beside URI and q: 1 branch flags, 2 path.")
    host.parameter(
        "bind_tm", into: state.pointer(to: \.bindTM)!, initial: "1", range: 0...1,
        doc:
            "1: send_reply and send_reply_error answer in the request's transaction, when tm is loaded and has made one."
    )
}

private func declareFunctions(_ host: Host) {
    host.function(
        "sl_send_reply", "code:format, reason:format", routes: APUS_REQUEST_ROUTE, flags: APUS_SENDS_REPLY,
        doc: "Answers the request without a transaction.", user: state, prepare: prepareCode, call: sendReply)
    host.function(
        "sl_reply", "code:format, reason:format", routes: APUS_REQUEST_ROUTE, flags: APUS_SENDS_REPLY,
        doc: "The same as sl_send_reply.", user: state, prepare: prepareCode, call: sendReply)
    host.function(
        "send_reply", "code:format, reason:format",
        routes: APUS_REQUEST_ROUTE | APUS_ONREPLY_ROUTE | APUS_FAILURE_ROUTE, flags: APUS_SENDS_REPLY,
        doc: "Answers the request, in its transaction if there is one.", user: state, prepare: prepareCode,
        call: sendReplyByTransaction)
    host.function(
        "send_reply_mode", "code:format, reason:format, mode:int",
        routes: APUS_REQUEST_ROUTE | APUS_ONREPLY_ROUTE | APUS_FAILURE_ROUTE, flags: APUS_SENDS_REPLY,
        doc: "The same; mode 1: over a connection that exists, 2: it is closed afterwards, 3: both.", user: state,
        prepare: prepareReplyMode, call: sendReplyWithMode)
    host.function(
        "sl_forward_reply", "code:format?, reason:format?", routes: APUS_ONREPLY_ROUTE,
        doc: "Passes the reply on now, without a transaction, with another code of its class.", user: state,
        prepare: prepareCode, call: forwardReply)
    host.function(
        "sl_reply_error", routes: APUS_REQUEST_ROUTE, flags: APUS_SENDS_REPLY,
        doc: "Answers the request with the last error that its processing ran into.", user: state, call: replyError)
    host.function(
        "send_reply_error", routes: APUS_REQUEST_ROUTE | APUS_ONREPLY_ROUTE | APUS_FAILURE_ROUTE,
        flags: APUS_SENDS_REPLY,
        doc:
            "Answers the request with the last error that its processing ran into, in its transaction if there is one.",
        user: state, call: replyErrorByTransaction)
}

@c(apus_module_sl)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }
