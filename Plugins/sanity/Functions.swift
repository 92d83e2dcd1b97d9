import PluginKit

// Invariants: the slot of a message holds a `Fault` as the pointer's bits; nothing is behind it.

/// Checks constant arguments when the config is read.
let prepareChecks: Preparation = { _, index, constant, _, complaint in
    let range = index == 0 ? Checks.range : Checks.uriRange
    guard let number = constant.number, range.contains(number) else {
        return complaint.say("a sum of checks is a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return .true
}

/// `sanity_check([checks[, uris]])`
func checkSanity(_ call: Call) -> CInt {
    let settings = call.state.pointee.settings
    let checks = call.has(0) ? call.int(0) : settings.checks
    let uris = call.has(1) ? call.int(1) : settings.uris
    guard Checks.range.contains(checks) else { return call.fail("the checks are a number from 1 to 131071") }
    guard Checks.uriRange.contains(uris) else { return call.fail("the checks of URIs are a number from 1 to 15") }
    guard let fault = call.fault(checks, uris: uris) else { return .true }
    call.log(.info, fault == .silent ? "the message fails a check without a reply" : fault.reason)
    if fault == .proxyRequire, call.lastFault != .proxyRequire {
        call.host.bump(call.state.pointee.proxyRequireFailures)
        call.listUnsupported()
    }
    if fault != .silent { call.note(fault) }
    if settings.isSilent == 0 { _ = call.refuse(code: fault.code, reason: fault.reason) }
    return settings.dropsByItself != 0 ? .exit : .false
}

/// `sanity_reply()`: with `noreply`, the reply that `sanity_check` would have sent.
func replySanely(_ call: Call) -> CInt {
    guard call.state.pointee.settings.isSilent != 0 else { return .true }
    guard let fault = call.lastFault else { return call.refuse(code: 500, reason: "Server Sanity Failure") }
    return call.refuse(code: fault.code, reason: fault.reason)
}

extension UnsafePointer<apus_call> {
    /// Answers the request, in its transaction if there is one. True as well where nothing may be answered: to replies and ACKs.
    fileprivate func refuse(code: Int32, reason: apus_str) -> CInt {
        guard code != 0, message.isRequest, message.method != APUS_METHOD_ACK, let sl = state.pointee.sl else {
            return .true
        }
        var reply = apus_reply()
        reply.size = UInt32(MemoryLayout<apus_reply>.size)
        reply.code = code
        reply.reason = reason
        return sl.pointee.reply_by_transaction(host, pointee.msg, &reply) > 0 ? .true : .false
    }

    fileprivate var lastFault: Fault? {
        let data = host.pointee.slots.pointee.message(pointee.msg, state.pointee.lastFault)
        return Fault(rawValue: UInt8(truncatingIfNeeded: UInt(bitPattern: data)))
    }

    fileprivate func note(_ fault: Fault) {
        let data = UnsafeMutableRawPointer(bitPattern: UInt(fault.rawValue))
        host.pointee.slots.pointee.set_message(pointee.msg, state.pointee.lastFault, data)
    }

    /// Puts the header Unsupported (RFC 3261 section 20.40) into every reply to the request.
    fileprivate func listUnsupported() {
        var size = 0
        eachUnsupported { size += $0.len + 2 }
        guard var writer = writer(size + 16) else { return }
        writer.add("Unsupported: ")
        var isFirst = true
        eachUnsupported { option in
            if !isFirst { writer.add(", ") }
            writer.add(option)
            isFirst = false
        }
        writer.add("\r\n")
        _ = message.api.pointee.append_to_reply(pointee.msg, writer.text)
    }
}
