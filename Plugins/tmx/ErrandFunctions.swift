import PluginKit

/// Functions about transactions of other messages, which may live on other workers.
func declareErrandFunctions(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    host.function(
        "t_continue", "index:int, label:int, route:route(request)", routes: APUS_EDITING_ROUTE, flags: APUS_MAY_SUSPEND,
        doc: "Runs the route, as a failure_route, for a transaction that t_suspend has parked.", user: state
    ) { call in
        guard let route = call.argument(2).route else {
            return call.fail("there is no such route, and the transaction stays suspended")
        }
        return call.go(.resume) { $0.route = route }
    }
    host.function(
        "t_cancel_callid", "callid:format, cseq:format, flag:int, code:int?", routes: APUS_EDITING_ROUTE,
        flags: APUS_MAY_SUSPEND,
        doc: "Cancels the INVITE of that Call-ID and CSeq number; sets the flag in it when it is above 0.", user: state
    ) { call in
        let flag = call.int(2)
        guard 0...31 ~= flag else { return call.fail("flags have numbers from 0 to 31") }
        var errand = Errand(.cancelCall, call)
        errand.callID = call.text(0)
        errand.cseq = call.text(1)
        errand.number = UInt32(flag)
        errand.code = call.has(3) ? Int32(clamping: call.int(3)) : 0
        return errand.goHome(call)
    }
    host.function(
        "t_cancel_branch_idx", "index:int, label:int, branch:int", routes: APUS_EDITING_ROUTE, flags: APUS_MAY_SUSPEND,
        doc: "Cancels one branch of the transaction.", user: state
    ) { call in
        guard 0..<32 ~= call.int(2) else { return .false }
        return call.go(.cancelBranch) { $0.number = UInt32(call.int(2)) }
    }
    host.function(
        "t_reply_callid", "callid:format, cseq:format, code:int, reason:format", routes: APUS_EDITING_ROUTE,
        flags: APUS_MAY_SUSPEND, doc: "Replies in the transaction of that Call-ID and CSeq number.", user: state
    ) { call in
        guard 100...699 ~= call.int(2) else { return call.fail("a status code is a number from 100 to 699") }
        var errand = Errand(.reply, call)
        errand.callID = call.text(0)
        errand.cseq = call.text(1)
        errand.code = Int32(call.int(2))
        errand.reason = call.text(3)
        return errand.goHome(call)
    }
    host.function(
        "t_uac_ack_local", "callid:format, cseq:format, headers:format?, body:format?", routes: APUS_EDITING_ROUTE,
        flags: APUS_MAY_SUSPEND,
        doc: "Acknowledges the 2xx to an INVITE of our own that is not acknowledged by itself; headers: whole lines.",
        user: state
    ) { call in
        var errand = Errand(.acknowledge, call)
        errand.callID = call.text(0)
        errand.cseq = call.text(1)
        errand.headers = call.text(2)
        errand.body = call.text(3)
        return errand.goHome(call)
    }
}

extension Errand {
    /// To the worker of its Call-ID, which alone can have the transaction.
    fileprivate mutating func goHome(_ call: Call) -> CInt {
        go(to: call.host.pointee.worker.pointee.home(call.host, callID), call)
    }
}

extension Call {
    /// To the worker of the transaction that the first two arguments name.
    fileprivate func go(_ task: Errand.Task, _ set: (inout Errand) -> Void) -> CInt {
        guard let index = UInt32(exactly: int(0)), let label = UInt32(exactly: int(1)) else { return .false }
        var errand = Errand(task, self)
        errand.index = index
        errand.label = label
        set(&errand)
        return errand.go(to: tm.pointee.worker_of(index), self)
    }
}
