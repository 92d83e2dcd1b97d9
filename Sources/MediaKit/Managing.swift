import PluginKit
import RoutingKit

// Invariants: as MediaRequest.

/// `rtpproxy_manage`, `rtpengine_manage`: what is to be done follows from the message, and from where in the call it stands.
/// Nil: nothing is to be done.
@_noLocks func managed(_ call: Call) -> MediaCommand? {
    let message = call.message
    let (method, isRequest) = unchecked { (message.method, message.isRequest) }
    if method == APUS_METHOD_BYE || method == APUS_METHOD_CANCEL { return isRequest ? .delete : nil }
    if method == APUS_METHOD_INVITE {
        let hasFailed = isRequest ? call.pointee.route_kind & failureRoutes != 0 : message.status >= 300
        if hasFailed { return .delete }
    }
    guard message.description?.isEmpty == false else {
        // A script that asks for it did not need to look.
        call.host.count(state.pointee.counters.withoutDescription)
        return nil
    }
    return isRequest ? managed(request: call, method) : managed(reply: call, method)
}

private var failureRoutes: UInt32 { UInt32(APUS_FAILURE_ROUTE | APUS_BRANCH_FAILURE_ROUTE) }

private func managed(request call: Call, _ method: Int) -> MediaCommand? {
    switch method {
    case APUS_METHOD_INVITE, APUS_METHOD_UPDATE: return .offer
    case APUS_METHOD_ACK: return .answer
    // It answers an offer of the provisional reply, or makes one of its own (RFC 3262 section 5).
    case APUS_METHOD_PRACK: return call.hasOpenOffer ? .answer : .offer
    default: return nil
    }
}

private func managed(reply call: Call, _ method: Int) -> MediaCommand? {
    guard call.message.status < 300 else { return nil }
    switch method {
    case APUS_METHOD_UPDATE, APUS_METHOD_PRACK: return .answer
    case APUS_METHOD_INVITE: return call.requestHadDescription ? .answer : .offer
    default: return nil
    }
}

extension Message {
    var status: Int { unchecked { Int(api.pointee.status(handle)) } }
}

extension UnsafePointer<apus_call> {
    /// Of a reply: so that it is the answer. Without tm nobody knows, and it is taken for one.
    fileprivate var requestHadDescription: Bool {
        guard let tm = state.pointee.tm, let transaction = unchecked({ tm.pointee.t_check(pointee.msg) }),
            let request = unchecked({ tm.pointee.request(transaction) })
        else { return true }
        return Message(handle: request, api: host.pointee.message).description?.isEmpty == false
    }

    /// An offer of the call was accepted by the proxy, and no answer since.
    fileprivate var hasOpenOffer: Bool {
        guard let media = host.media else { return false }
        var record = media.pointee.calls.first(message.text(APUS_FIELD_CALL_ID))
        while let this = record {
            if this.pointee.hasOpenOffer { return true }
            record = media.pointee.calls.next(this)
        }
        return false
    }
}
