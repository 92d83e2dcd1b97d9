import PluginKit

// Invariants: as Interface.swift; a `tm_dialog` is a Dialog.

let requestForModule: @convention(c) (Host, UnsafePointer<tm_request>, UnsafeMutablePointer<apus_str>?) -> CInt = {
    host, request, reason in
    // What an older caller does not know is left out.
    var asked = tm_request()
    let room = min(Int(request.pointee.size), MemoryLayout<tm_request>.size)
    withUnsafeMutableBytes(of: &asked) { $0.copyMemory(from: UnsafeRawBufferPointer(start: request, count: room)) }
    do throws(RequestFault) {
        guard let state = State.shared else { throw RequestFault(503, "Server is starting") }
        try state.request(asked, for: host)
        return .true
    } catch {
        reason?.pointee = error.reason
        return -CInt(error.code)
    }
}

let acknowledgeForModule: @convention(c) (OpaquePointer, OpaquePointer?, apus_str, apus_str, apus_str) -> CInt = {
    handle, reply, headers, body, bodyType in
    let transaction = TransactionRef(handle)
    let messages = transaction.home.messages
    guard let reply = reply ?? transaction.acceptedReply else { return .false }
    let status = messages.pointee.status(reply)
    guard transaction.pointee.flags.contains([.local, .invite]), 200..<300 ~= status,
        let branch = transaction.home.branch(of: reply) ?? transaction.pointee.branches,
        branch.pointee.transaction == transaction
    else { return .false }
    let contents = AckContents(headers: headers, body: body, bodyType: bodyType)
    return transaction.acknowledgeSuccess(reply, branch, contents) ? .true : .false
}

let generateCallID: @convention(c) (Host, UnsafeMutablePointer<CChar>, Int) -> Int = { _, buffer, capacity in
    guard let state = State.shared, capacity >= Identifiers.callIDLength else { return 0 }
    return Identifiers.writeCallID(state, to: buffer).len
}

let generateFromTag: @convention(c) (Host, UnsafeMutablePointer<CChar>, Int) -> Int = { _, buffer, capacity in
    guard let state = State.shared, capacity >= Identifiers.tagLength else { return 0 }
    return Identifiers.writeTag(state, to: buffer).len
}

// MARK: - Dialogs

let newCallerDialog: @convention(c) (Host, apus_str, UInt32, apus_str, apus_str, apus_str) -> OpaquePointer? = {
    _, callID, cseq, local, remote, target in
    State.shared?.home?.dialog(callID: callID, cseq: cseq, local: local, remote: remote, target: target)
        .map { OpaquePointer($0) }
}

let newCalledDialog: @convention(c) (Host, OpaquePointer, CInt, apus_str) -> OpaquePointer? = {
    _, request, code, tag in
    State.shared?.home?.dialog(of: request, status: code, toTag: tag).map { OpaquePointer($0) }
}

let fillDialogFacts: @convention(c) (OpaquePointer, UnsafeMutablePointer<tm_dialog_facts>) -> Void = { handle, out in
    let dialog = DialogRef(handle)
    let facts = tm_dialog_facts(
        size: out.pointee.size, state: dialog.pointee.state.rawValue, local_cseq: dialog.pointee.localCSeq,
        remote_cseq: dialog.pointee.remoteCSeq ?? 0, callid: dialog.pointee.callID.text,
        local: dialog.pointee.local.text, remote: dialog.pointee.remote.text, target: dialog.pointee.target.text,
        next_hop: dialog.hop, routes: dialog.pointee.routes.text)
    fill(out, facts)
}

let printRouteSet: @convention(c) (OpaquePointer, UnsafeMutablePointer<CChar>, Int) -> Int = {
    handle, buffer, capacity in
    let dialog = DialogRef(handle)
    var out = Writer(buffer, capacity: capacity)
    RouteSet(dialog.pointee.routes.text)
        .writeHeader(dialog.pointee.target.text, dialog.pointee.home.messages, to: &out)
    return out.overflowed ? 0 : out.count
}
