import PluginKit

// Invariants: as RouteFunctions.swift.

/// Smaller questions and requests of scripts.
func declareFurtherFunctions(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    host.function(
        "t_save_lumps", routes: APUS_REQUEST_ROUTE,
        doc: "What the script changes from now on is for the next t_relay only, not for routes of the transaction.",
        user: state, call: saveChanges)
    host.function(
        "t_msg_apply_changes", routes: APUS_BRANCH_ROUTE,
        doc: "What the script has changed for this branch is seen by the functions and variables that follow.",
        user: state
    ) { call in
        let isDone = call.message.api.pointee.apply_edits(call.pointee.msg) > 0
        return isDone ? .true : call.fail("what comes of the changes is no message, or memory is out")
    }
    host.function(
        "t_exists", doc: "Whether there is a transaction of the message.", user: state, call: exists)
    host.function(
        "t_get_status_code",
        doc: "The status: of the reply, of the winning one in a failure_route, else of the last one sent; -1: none.",
        user: state
    ) { call in
        let status = call.status
        return status > 0 ? status : .false
    }
    host.function(
        "t_is_retr_async_reply", routes: APUS_ONREPLY_ROUTE,
        doc: "Whether the reply came before and a script of its transaction still waits.", user: state,
        call: isRepeatedWhileWaiting)
    host.function(
        "t_use_uac_headers", doc: "True: ACK and CANCEL are always built from the INVITE as it was sent.", user: state
    ) { _ in .true }
    host.function(
        "t_clean", doc: "True: transactions end by their own timers, there is nothing to clean.", user: state
    ) { _ in .true }
}

/// `t_save_lumps()`
private func saveChanges(_ call: Call) -> CInt {
    guard let transaction = call.transaction, call.state.context(of: call.pointee.msg)?.pointee.isCreator ?? false
    else { return call.fail("there is no transaction: t_newtran() makes it") }
    guard !transaction.pointee.flags.contains(.relayed) else { return call.fail("the request was relayed already") }
    if transaction.pointee.ownsRequest { return call.fail("the changes were saved already") }
    return transaction.keepRequest(call.pointee.msg) ? .true : call.fail("no memory for a copy of the request")
}

/// `t_exists()`
private func exists(_ call: Call) -> CInt {
    if call.transaction != nil { return .true }
    guard let home = call.home else { return .false }
    let message = call.message
    guard message.isRequest else { return home.branch(of: message.handle) == nil ? .false : .true }
    let method = message.method == APUS_METHOD_ACK ? APUS_METHOD_INVITE : message.method
    return home.match(message.handle, method: UInt32(method)) == nil ? .false : .true
}

/// `t_is_retr_async_reply()`
private func isRepeatedWhileWaiting(_ call: Call) -> CInt {
    let message = call.message
    // A reply that its own onreply_route works on is no repetition.
    guard call.transaction == nil, !message.isRequest, let branch = call.home?.branch(of: message.handle) else {
        return .false
    }
    let transaction = branch.pointee.transaction
    let waits = transaction.pointee.isBusy || transaction.pointee.flags.contains(.suspended)
    return waits && branch.pointee.status == Int32(message.api.pointee.status(message.handle)) ? .true : .false
}

extension TransactionRef {
    /// The first relay has started: after t_save_lumps the transaction's copy of the request gets the destination that the script has given it
    /// since.
    func saveDestination(of message: OpaquePointer) {
        guard pointee.ownsRequest, !pointee.flags.contains(.relayed), let request = pointee.request,
            request != message
        else { return }
        let messages = home.messages
        let uri = messages.pointee.field(message, UInt32(APUS_FIELD_REQUEST_URI))
        _ = messages.pointee.set_request_uri(request, uri)
        _ = messages.pointee.set_destination(
            request, messages.pointee.field(message, UInt32(APUS_FIELD_DESTINATION_URI)))
    }
}
