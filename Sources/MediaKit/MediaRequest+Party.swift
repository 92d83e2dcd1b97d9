import Bencode
import PluginKit
import RoutingKit

// Invariants: as MediaRequest.

/// Whose session it is: the call, the sides, the branch.
extension MediaRequest {
    @_noLocks func party(_ call: Call, _ wishes: Wishes, _ command: MediaCommand) -> Party? {
        let message = call.message
        let isRequest = unchecked { message.isRequest }
        let callID = wishes.callID.isEmpty ? message.text(APUS_FIELD_CALL_ID) : wishes.callID
        var from = message.text(APUS_FIELD_FROM_TAG)
        var to = message.text(APUS_FIELD_TO_TAG)
        // Whoever made the offer comes first, in the answer too.
        let isSwapped = isRequest ? command == .answer : command == .offer || command == .info
        if isSwapped { (from, to) = (to, from) }
        if !wishes.fromTag.isEmpty { from = wishes.fromTag }
        if !wishes.toTag.isEmpty { to = wishes.toTag }
        // Without a To tag all of the call ends.
        if command == .delete, !wishes.includesToTag { to = apus_str() }
        guard !callID.isEmpty, !from.isEmpty, !to.isEmpty || !(command == .answer || isSwapped) else {
            _ = call.refuse("the message has no Call-ID, or lacks a tag")
            return nil
        }
        guard let branch = branch(call, wishes, isRequest) else { return nil }
        return Party(callID: callID, fromTag: from, toTag: to, branch: branch)
    }

    /// Empty: the session is the call's. Nil when there is none, though it is asked for.
    private func branch(_ call: Call, _ wishes: Wishes, _ isRequest: Bool) -> apus_str? {
        if !self.branch.isEmpty { return self.branch }
        guard let kind = wishes.viaBranch else { return "" }
        switch kind {
        case .first: return branch(call, ofVia: 0)
        case .second: return branch(call, ofVia: 1)
        case .auto: return branch(call, ofVia: isRequest ? 0 : 1)
        case .extra: return extraBranch(call)
        case .autoExtra: return isRequest ? extraBranch(call) : branch(call, ofVia: 0)
        case .next: return isRequest ? nextBranch(call) : branch(call, ofVia: 0)
        }
    }

    private func branch(_ call: Call, ofVia place: Int) -> apus_str? {
        let message = call.message
        guard let via = unchecked({ message.via(place) }), !via.branch.isEmpty else {
            _ = call.refuse("there is no Via with a branch to make a session of its own")
            return nil
        }
        return via.branch
    }

    private func extraBranch(_ call: Call) -> apus_str? {
        if let text = call.extraID, !text.isEmpty { return text }
        _ = call.refuse("extra_id_pv has no value")
        return nil
    }

    /// What the request will leave with is known when it has a transaction: without one it gets it now.
    private func nextBranch(_ call: Call) -> apus_str? {
        guard let tm = state.pointee.tm, let memory = call.allocate(64) else {
            _ = call.refuse("via-branch=next is known of transactions: it takes tm")
            return nil
        }
        let buffer = memory.assumingMemoryBound(to: CChar.self)
        let count = unchecked {
            let count = tm.pointee.next_branch(call.pointee.msg, buffer, 64)
            guard count == 0, tm.pointee.t_newtran(call) > 0 else { return count }
            return tm.pointee.next_branch(call.pointee.msg, buffer, 64)
        }
        guard count > 0 else {
            _ = call.refuse("the request has no transaction to make a session of its next branch")
            return nil
        }
        return apus_str(s: buffer, len: count)
    }
}

extension UnsafePointer<apus_call> {
    /// The value of extra_id_pv as a text.
    fileprivate var extraID: apus_str? {
        guard let variable = state.pointee.extraID, let value = read(variable) else { return nil }
        return text(of: value)
    }
}
