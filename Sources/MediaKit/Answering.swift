import Bencode
import PluginKit
import RoutingKit

// Invariants: a Waiting lies in memory of the run, whose texts and message it names; both are there when the run goes on.

/// What a run waits with.
struct Waiting {
    let request: MediaRequest
    let command: MediaCommand
    let chain: SetChain
    let callID: apus_str
    let branch: apus_str
}

/// The proxy has answered, or will not.
let resume: @convention(c) (Call, CInt, UnsafeMutableRawPointer?) -> CInt = { call, status, payload in
    goOn(call, status, payload)
}

@_noLocks private func goOn(_ call: Call, _ status: CInt, _ payload: UnsafeMutableRawPointer?) -> CInt {
    let user = unchecked { call.host.pointee.suspend.pointee.user(call) }
    guard status == CInt(APUS_OK), let payload, let user, let media = call.host.media else { return .false }
    let waiting = user.assumingMemoryBound(to: Waiting.self)
    let delivery = payload.assumingMemoryBound(to: Delivery.self)
    switch delivery.pointee.outcome {
    case .silent: return call.refuse("no media proxy of the set is there")
    case .tooLong: return call.refuse("the command is longer than a datagram")
    case .broken: return call.refuse("the media proxy's answer is broken")
    case .refused where waiting.pointee.request.isQuestion: return .false
    case .refused:
        let reason = Bencode.read(delivery.answer)?["error-reason"]?.text?.text
        return call.refuse("the media proxy says no: ", reason ?? "without a reason")
    case .answered: break
    }
    guard let answer = Bencode.read(delivery.answer) else { return .false }
    if let warning = answer["warning"]?.text { call.tell(.warning, "the media proxy warns: ", warning.text) }
    return waiting.take(call, media, answer, peer: delivery.pointee.peer)
}

extension UnsafeMutablePointer<Waiting> {
    fileprivate func take(
        _ call: Call, _ media: UnsafeMutablePointer<WorkerState>, _ answer: BencodedValue, peer: Int32
    ) -> CInt {
        let chain = pointee.chain
        let url = state.pointee.shared.pointee.peers[Int(peer)].pointee.url
        guard pointee.command.hasDescription else {
            if let record = media.pointee.calls.find(pointee.callID, pointee.branch, place: chain.place) {
                media.pointee.calls.touch(record, now: call.host.now)
            }
            call.put(state.pointee.instanceVariable, apus_value(url))
            tell(call, answer)
            return chain.next.map { pointee.request.goOn(call, $0, apus_str()) } ?? .true
        }
        guard let description = answer["sdp"]?.text, !description.isEmpty else {
            call.host.count(state.pointee.counters.broken)
            return call.refuse("the media proxy's answer has no session description")
        }
        // The session is there, whatever becomes of the message.
        let record = media.pointee.calls.put(
            pointee.callID, pointee.branch, place: chain.place, peer: peer, set: chain.set, now: call.host.now)
        record?.pointee.hasOpenOffer = pointee.command == .offer
        if let next = chain.next { return pointee.request.goOn(call, next, description.text) }
        guard put(call, description.text) else { return .false }
        call.host.count(state.pointee.counters.replaced)
        call.put(state.pointee.instanceVariable, apus_value(url))
        return .true
    }

    /// What a command without a description brings.
    private func tell(_ call: Call, _ answer: BencodedValue) {
        switch pointee.command {
        case .query:
            call.keepTotals(Totals(answer))
            state.pointee.marks.put(call, answer)
            pointee.request.report?.put(call, answer)
        case .playMedia:
            if let duration = answer["duration"]?.number {
                unchecked { call.put(state.pointee.durationVariable, apus_value(duration)) }
            }
        default: break
        }
    }

    /// The proxy's session description takes the place of the message's.
    private func put(_ call: Call, _ description: apus_str) -> Bool {
        if let variable = state.pointee.writeVariable {
            call.put(variable, apus_value(description))
            if state.pointee.settings.writeMode == 0 { return true }
        }
        let message = call.message
        guard let old = message.description else {
            return call.refuse("the message has no session description any more") > 0
        }
        // One part of several, or the body.
        let isDone = unchecked {
            old.len == message.part(APUS_PART_BODY).len
                ? message.api.pointee.set_body(message.handle, description, "") > 0
                : message.replace(old, with: description)
        }
        return isDone || call.refuse("the session description cannot be replaced") > 0
    }
}
