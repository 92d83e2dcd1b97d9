import PluginKit

/// Functions about the transaction of the message at hand.
func declareTransactionFunctions(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    host.function(
        "t_precheck_trans", routes: APUS_REQUEST_ROUTE,
        doc: "Whether another run works on the same request: then this one is a retransmission of it.", user: state,
        call: precheck)
    host.function(
        "t_flush_flags", doc: "Gives the message's flags to its transaction, whose later routes see them.",
        user: state, call: flushFlags)
    host.function(
        "t_flush_xflags", doc: "The same for the extended flags (setxflag of corex).", user: state, call: flushXFlags)
    host.function(
        "t_suspend", routes: APUS_EDITING_ROUTE,
        doc: "Parks the transaction, made when there is none, for t_continue with $T(id_index) and $T(id_label).",
        user: state, call: suspend)
    host.function(
        "t_drop", "code:int?", routes: APUS_EDITING_ROUTE,
        doc: "Ends the transaction with that status (500), without a reply to anybody.", user: state, call: drop)
}

/// `t_precheck_trans()`: tm absorbs retransmissions before a script sees them, so that there is seldom something to find.
private func precheck(_ call: Call) -> CInt {
    let method = call.message.method
    guard call.state.pointee.precheck != 0, method != APUS_METHOD_ACK, method != APUS_METHOD_CANCEL,
        call.transaction == nil
    else { return .false }
    return call.tm.pointee.t_check(call.pointee.msg) == nil ? .false : .true
}

/// `t_flush_flags()`
private func flushFlags(_ call: Call) -> CInt {
    guard let transaction = call.transaction else { return .false }
    call.tm.pointee.set_flags(transaction, call.host.pointee.message.pointee.flags(call.pointee.msg))
    return .true
}

/// `t_flush_xflags()`
private func flushXFlags(_ call: Call) -> CInt {
    guard let transaction = call.transaction else { return .false }
    call.tm.pointee.set_xflags(transaction, call.host.pointee.message.pointee.xflags(call.pointee.msg))
    return .true
}

/// `t_suspend()`
private func suspend(_ call: Call) -> CInt {
    var index: UInt32 = 0
    var label: UInt32 = 0
    guard call.tm.pointee.t_suspend(call, &index, &label) > 0 else {
        return call.fail("the transaction cannot be suspended: it is answered, waits already, or cannot be made")
    }
    return .true
}

/// `t_drop([code])`
private func drop(_ call: Call) -> CInt {
    guard let transaction = call.transaction else { return call.fail("there is no transaction to drop") }
    let code = call.has(0) ? call.int(0) : 500
    guard 300...699 ~= code else { return call.fail("a transaction is dropped with a status from 300 to 699") }
    return call.tm.pointee.t_drop(transaction, CInt(code))
}
