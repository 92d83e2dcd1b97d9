import PluginKit

// Invariants: called on the transaction of an INVITE from a script run of a CANCEL for it; the Reason lines live as long as that run.

extension TransactionRef {
    /// A CANCEL for this INVITE is dealt with (RFC 3261 section 9.2): it is answered 200 at once, whatever the INVITE's script does, and the
    /// branches are cancelled. True, or false when the CANCEL could not get its own transaction.
    func cancelled(by call: Call) -> CInt {
        let cancel: TransactionRef
        if let known = call.transaction, known.pointee.method == UInt32(APUS_METHOD_CANCEL) {
            cancel = known
        } else {
            switch home.newTransaction(call) {
            case .made(let made): cancel = made
            case .retransmission, .acknowledgement: return .true
            case .failed(let code):
                home.messages.pointee.set_error(call.pointee.msg, code, "Out of memory")
                return .false
            }
        }
        addReference()
        let isOpen = pointee.phase == .active && pointee.lastStatus < 200
        if home.settings.pointee.e2eCancelHopByHop == 0, isOpen, hasPendingBranches {
            cancel.pointee.flags.insert(.awaitsCancels)
            pointee.canceller = Transaction.Canceller(place: cancel.pointee.place, secret: cancel.pointee.secret)
        } else {
            // The To tag of both answers is the same (section 9.2).
            _ = cancel.reply(LocalReply(code: 200, reason: "canceling", toTag: localTag, on: call.pointee.msg))
        }
        tell(TM_E2ECANCEL_IN, Occurrence(request: call.pointee.msg))
        if pointee.phase == .active, pointee.lastStatus < 200 {
            pointee.flags.insert([.cancelled, .noNewBranches])
            if pointee.branches != nil { cancelBranches(0, reason: 0, reasonHeaders: reasonLines(call)) }
            // What a script of the INVITE still does, its end answers for.
            if pointee.phase == .active, !pointee.isBusy, !hasPendingBranches {
                _ = reply(LocalReply(code: 487, reason: "Request Terminated"))
            }
        }
        dropReference()
        return .true
    }

    /// The called side has answered a CANCEL of ours, or the INVITE has its outcome: the CANCEL that waits is answered, by a refusal only
    /// when nobody is left who may say something else.
    func answerCanceller(_ status: Int32, _ reason: apus_str) {
        guard let waiting = pointee.canceller, status < 300 || !hasOpenCancels else { return }
        pointee.canceller = nil
        guard let cancel = home.pointee.table[waiting.place], cancel.pointee.secret == waiting.secret else { return }
        cancel.pointee.flags.remove(.awaitsCancels)
        _ = cancel.reply(LocalReply(code: status, reason: reason, toTag: localTag))
    }

    /// Whether a CANCEL of ours has no answer yet, or waits to be sent.
    private var hasOpenCancels: Bool {
        var next = pointee.branches
        while let branch = next {
            next = branch.pointee.next
            if let cancel = branch.pointee.cancel, !cancel.pointee.isAnswered, !branch.isFinished { return true }
        }
        return false
    }

    /// Header lines of the CANCEL that ours carry on: its Reason (RFC 3326), and with bit 1 of `headers_mode` all that do not belong to one
    /// hop or to the dialog.
    private func reasonLines(_ call: Call) -> apus_str {
        let settings = home.settings.pointee
        let all = settings.headersMode & 1 != 0
        let reason = !pointee.flags.contains(.noE2ECancelReason)
        guard all || reason else { return apus_str() }
        let message = call.message
        let count = Int(message.api.pointee.header_count(message.handle))
        var capacity = 0
        for index in 0..<count { capacity &+= message.header(at: index).map { Int($0.length) &+ 2 } ?? 0 }
        guard capacity > 0, var out = call.writer(capacity) else { return apus_str() }
        for index in 0..<count {
            guard let header = message.header(at: index) else { continue }
            let isReason = message.api.pointee.same_header(header.name, "Reason") > 0
            guard isReason ? reason : all && TransactionRef.isCarriedOn(message, header.name) else { continue }
            out.add(header.name)
            out.add(": ")
            out.add(header.value)
            out.add("\r\n")
        }
        return out.overflowed ? apus_str() : out.text
    }

    private static func isCarriedOn(_ message: Message, _ name: apus_str) -> Bool {
        let same = message.api.pointee.same_header
        return same(name, "Via") <= 0 && same(name, "From") <= 0 && same(name, "To") <= 0
            && same(name, "Call-ID") <= 0 && same(name, "CSeq") <= 0 && same(name, "Route") <= 0
            && same(name, "Max-Forwards") <= 0 && same(name, "Content-Length") <= 0
    }
}
