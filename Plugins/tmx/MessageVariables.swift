import PluginKit

// Invariants: the messages that are read belong to a transaction which the reading script keeps alive, or, of `$T_inv`, to one of this worker that
// nothing ends before the getter returns; what is read is copied into the run.

/// Variables that show another message of the transaction through any other variable.
func declareMessageVariables(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    host.variable(
        "T_req", inner: "$", doc: "A variable of the transaction's request, as $T_req($si) in an onreply_route.",
        user: state
    ) { access, out in
        access.read(on: access.tm.pointee.t_gett(access.pointee.msg).flatMap { access.tm.pointee.request($0) }, out)
    }
    host.variable(
        "T_rpl", inner: "$", doc: "A variable of the winning reply, in a failure_route; $null when it was made here.",
        user: state
    ) { access, out in
        access.read(on: access.tm.context(of: access.pointee.msg).failure_reply, out)
    }
    host.variable(
        "T_inv", inner: "$", doc: "A variable of the INVITE that the request at hand cancels.", user: state
    ) { access, out in
        guard access.message.isRequest, access.message.method == APUS_METHOD_CANCEL,
            let invited = access.tm.pointee.t_lookup_original(access.pointee.msg)
        else { return .false }
        return access.read(on: access.tm.pointee.request(invited), out)
    }
}

extension Access {
    /// The variable inside, as that message has it.
    fileprivate func read(on other: OpaquePointer?, _ out: UnsafeMutablePointer<apus_value>) -> CInt {
        guard let other, let variable = pointee.variable else { return .false }
        return host.pointee.vars.pointee.read_on(self, variable, other, out)
    }
}
