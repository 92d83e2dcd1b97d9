import PluginKit

// Invariants: the copy that a route runs on is given back when the route has ended, and nobody else has it.

/// `msg_apply_changes()`
func applyChanges(_ call: Call) -> CInt {
    guard call.isChangeable else { return .false }
    guard call.message.api.pointee.apply_edits(call.pointee.msg) > 0 else {
        return call.fail("what comes of the changes is no message, or memory is out")
    }
    return .true
}

/// `msg_set_buffer(text)`
func setBuffer(_ call: Call) -> CInt {
    guard call.isChangeable else { return .false }
    guard call.message.api.pointee.set_bytes(call.pointee.msg, call.text(0)) > 0 else {
        return call.fail("the text is no message of this kind with this Call-ID, or memory is out")
    }
    return .true
}

/// `msg_changed_route(name)`: the route sees a copy of the message with its changes.
func runChanged(_ call: Call) -> CInt {
    let messages = call.message.api.pointee
    guard let route = call.argument(0).route else { return call.fail("there is no such route") }
    guard let copy = messages.keep(call.host, call.pointee.msg) else { return call.fail("no memory for a copy") }
    guard messages.apply_edits(copy) > 0 else {
        messages.release(call.host, copy)
        return call.fail("what comes of the changes is no message, or memory is out")
    }
    let result = call.host.pointee.script.pointee.run(
        call, route, call.pointee.route_kind, copy,
        { call, end in
            call.host.pointee.message.pointee.release(call.host, end.pointee.msg)
            return .true
        }, nil)
    if result != .suspended { messages.release(call.host, copy) }
    return result
}

extension UnsafePointer<apus_call> {
    /// Whether the message may become another: nobody has kept what it was.
    fileprivate var isChangeable: Bool {
        guard message.isRequest else { return true }
        guard pointee.route_kind == UInt32(APUS_REQUEST_ROUTE) else {
            log(.error, "a request is changed in request_route only")
            return false
        }
        guard pointee.user.state.pointee.tm?.pointee.t_gett(pointee.msg) == nil else {
            log(.error, "the request has a transaction, which keeps it as it was")
            return false
        }
        return true
    }
}
