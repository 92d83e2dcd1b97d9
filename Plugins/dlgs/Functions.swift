import PluginKit

// Invariants: run on workers, with the table that `start` has made.

func declareFunctions(_ host: Host) {
    let routes = APUS_REQUEST_ROUTE | APUS_BRANCH_ROUTE | APUS_ONSEND_ROUTE
    host.function(
        "dlgs_init", "source:format, destination:format, data:format", routes: routes | APUS_ONREPLY_ROUTE,
        doc: "From now on the call of the INVITE is followed, with these texts.", call: begin)
    host.function(
        "dlgs_update", routes: routes, doc: "Tells what an ACK, BYE or CANCEL means for its call, if that is followed."
    ) { call in
        guard let event = DialogEvent(call.message.method), call.message.isRequest else { return .false }
        return state.pointee.dialogs.take(event, call.message) ? .true : .false
    }
    host.function(
        "dlgs_count", "field:format, comparison:format, text:format",
        doc: "How many calls that are not over have such a text in src, dst, data, or any; -1: none.", call: count)
    host.function("dlgs_tags_add", "tag:format", doc: "Puts a tag on the call.") { call in
        let done = state.pointee.dialogs.with(call.message) { $0.add(label: call.text(0), &$1) }
        return done == true ? .true : .false
    }
    host.function("dlgs_tags_rm", "tag:format", doc: "Takes a tag from the call.") { call in
        let done = state.pointee.dialogs.with(call.message) { $0.remove(label: call.text(0), &$1) }
        return done == true ? .true : .false
    }
    host.function("dlgs_tags_count", "tag:format", doc: "How many calls that are not over have the tag; -1: none.") {
        let tag = $0.text(0)
        return answer(state.pointee.dialogs.count { $0.hasLabel(tag) })
    }
    state.pointee.refused = host.counter(
        "dlgs", "refused",
        doc: "Calls that are not followed: there were max_calls, their texts were too long, or memory was out.")
    host.hook(APUS_HOOK_REPLY) { hook in
        follow(Message(handle: hook.pointee.msg, api: hook.pointee.host.pointee.message))
        return .true
    }
}

/// `dlgs_init(source, destination, data)`
private let begin: @convention(c) (Call) -> CInt = { call in
    let message = call.message
    let (callID, tag) = (message.field(APUS_FIELD_CALL_ID), message.field(APUS_FIELD_FROM_TAG))
    guard message.method == APUS_METHOD_INVITE, !callID.isEmpty, !tag.isEmpty else {
        return call.fail("only the call of an INVITE with a From tag can be followed")
    }
    // One of a call that is followed already, from the other side.
    if !message.field(APUS_FIELD_TO_TAG).isEmpty, state.pointee.dialogs.with(message, { _, _ in }) != nil {
        return .true
    }
    let facts = Dialog.Facts(
        callID: callID, fromTag: tag, source: call.text(0), destination: call.text(1), data: call.text(2))
    switch state.pointee.dialogs.add(facts) {
    case .added: return .true
    case .full:
        call.host.bump(state.pointee.refused)
        return call.fail("a call is not followed: there are max_calls of them")
    case .failed:
        call.host.bump(state.pointee.refused)
        return call.fail("a call is not followed: its texts are too long, or memory is out")
    }
}

extension DialogEvent {
    /// What a request means; nil: nothing.
    fileprivate init?(_ method: Int) {
        switch method {
        case APUS_METHOD_ACK: self = .acknowledged
        case APUS_METHOD_BYE: self = .ended
        case APUS_METHOD_CANCEL: self = .refused
        default: return nil
        }
    }
}

/// A reply that has come.
private func follow(_ message: Message) {
    guard message.method == APUS_METHOD_INVITE, !state.pointee.dialogs.isEmpty else { return }
    let status = message.api.pointee.status(message.handle)
    switch status {
    case 101..<200: _ = state.pointee.dialogs.take(.ringing, message)
    case 200..<300: _ = state.pointee.dialogs.take(.answered, message)
    case 300...: _ = state.pointee.dialogs.take(.refused, message)
    default: break
    }
}

/// `dlgs_count(field, comparison, text)`
private let count: @convention(c) (Call) -> CInt = { call in
    guard var text = call.writer(call.text(2).len + 1) else { return call.fail("memory is out") }
    text.add(call.text(2))
    let given = text.text
    text.add(byte: 0)
    do throws(Filter.Mistake) {
        let filter = try Filter(call.host, call.text(0), call.text(1), given) {
            call.host.pointee.regex.pointee.compile_now(call, $0, 0)
        }
        return answer(filter.isAny ? state.pointee.dialogs.ongoing : state.pointee.dialogs.count(filter.fits))
    } catch {
        return call.fail(error.text)
    }
}

private func answer(_ count: Int) -> CInt { count > 0 ? CInt(clamping: count) : .false }
