import Bencode
import PluginKit
import RoutingKit

// Invariants: a Waiting lies in memory of the run, whose texts and message it names; both are there when the run goes on.

/// What a run waits with.
struct Waiting {
    let command: MediaCommand
    let set: Int64
    let callID: apus_str
    let branch: apus_str
    /// A variable asks: that there is no session is no mistake.
    let isQuestion: Bool
}

/// The proxy has answered, or will not.
let resume: @convention(c) (Call, CInt, UnsafeMutableRawPointer?) -> CInt = { call, status, payload in
    let user = call.host.pointee.suspend.pointee.user(call)
    guard status == CInt(APUS_OK), let payload, let user, let media = call.host.media else { return .false }
    let waiting = user.assumingMemoryBound(to: Waiting.self).pointee
    let delivery = payload.assumingMemoryBound(to: Delivery.self)
    switch delivery.pointee.outcome {
    case .silent: return call.fail("no media proxy of the set is there")
    case .tooLong: return call.fail("the command is longer than a datagram")
    case .broken: return call.fail("the media proxy's answer is broken")
    case .refused where waiting.isQuestion: return .false
    case .refused:
        let reason = Bencode.read(delivery.answer)?["error-reason"]?.text?.text
        return call.fail("the media proxy says no: ", reason ?? "without a reason")
    case .answered: break
    }
    guard let answer = Bencode.read(delivery.answer) else { return .false }
    if let warning = answer["warning"]?.text { call.log(.warning, "the media proxy warns: ", warning.text) }
    return waiting.take(call, media, answer, peer: delivery.pointee.peer)
}

extension Waiting {
    fileprivate func take(
        _ call: Call, _ media: UnsafeMutablePointer<WorkerState>, _ answer: BencodedValue, peer: Int32
    ) -> CInt {
        if command.hasDescription {
            guard let description = answer["sdp"]?.text, !description.isEmpty else {
                call.host.bump(state.pointee.counters.broken)
                return call.fail("the media proxy's answer has no session description")
            }
            // The session is there, whatever becomes of the message.
            let record = media.pointee.calls.put(callID, branch, peer: peer, set: set, now: call.host.now)
            record?.pointee.hasOpenOffer = command == .offer
            guard put(call, description.text) else { return .false }
            call.host.bump(state.pointee.counters.replaced)
        } else if let record = media.pointee.calls.find(callID, branch) {
            media.pointee.calls.touch(record, now: call.host.now)
        }
        set(call, state.pointee.instanceVariable, apus_value(state.pointee.shared.pointee.peers[Int(peer)].pointee.url))
        switch command {
        case .query: call.keepTotals(Totals(answer))
        case .playMedia:
            if let duration = answer["duration"]?.number {
                set(call, state.pointee.durationVariable, apus_value(duration))
            }
        default: break
        }
        return .true
    }

    private func set(_ call: Call, _ variable: OpaquePointer?, _ value: apus_value) {
        guard let variable else { return }
        var value = value
        _ = call.host.pointee.vars.pointee.set(call, variable, &value)
    }

    /// The proxy's session description takes the place of the message's.
    private func put(_ call: Call, _ description: apus_str) -> Bool {
        if let variable = state.pointee.writeVariable {
            set(call, variable, apus_value(description))
            if state.pointee.settings.writeMode == 0 { return true }
        }
        let message = call.message
        guard let old = message.sdp else { return call.fail("the message has no session description any more") > 0 }
        // One part of several, or the body.
        let isWhole = old.len == message.part(APUS_PART_BODY).len
        let isDone =
            isWhole
            ? message.api.pointee.set_body(message.handle, description, "") > 0
            : message.replace(old, with: description)
        return isDone || call.fail("the session description cannot be replaced") > 0
    }
}
