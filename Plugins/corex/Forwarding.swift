import PluginKit

/// `forward_uac` and `forward_reply`: messages passed on without a transaction.
func declareForwarding(_ host: Host) {
    state.pointee.forwardedReplies = host.counter(
        "core", "fwd_replies", doc: "Replies passed on without a transaction.")
    host.function(
        "forward_uac", "branch:int?", routes: APUS_REQUEST_ROUTE, flags: APUS_MAY_SUSPEND | APUS_SENDS_REQUEST,
        doc: "Forwards the request as if it began here: with our Via alone.", prepare: prepareBranch,
        call: { $0.forwardAsClient(to: $0.message.api.pointee.next_hop($0.pointee.msg), branch: 0) })
    host.function(
        "forward_uac_uri", "uri:uri, branch:int?", routes: APUS_REQUEST_ROUTE,
        flags: APUS_MAY_SUSPEND | APUS_SENDS_REQUEST,
        doc: "The same, to where requests for the URI go.", prepare: prepareBranch,
        call: { $0.forwardAsClient(to: $0.text(0), branch: 1) })
    host.function(
        "forward_reply", routes: APUS_CORE_ONREPLY_ROUTE, flags: APUS_MAY_SUSPEND,
        doc: "Passes the reply on at once, by its second Via. What is not dropped afterwards goes once more.",
        call: { Departure.begin($0, to: apus_str(), content: .reply) })
}

private let prepareBranch: Preparation = { _, index, constant, _, complaint in
    guard let number = constant.number else { return .true }
    return 0...1000 ~= number ? .true : complaint.say("the number of a branch is 0 to 1000")
}

extension UnsafePointer<apus_call> {
    /// - Parameter branch: place of the argument.
    fileprivate func forwardAsClient(to uri: apus_str, branch: Int) -> CInt {
        let number = has(branch) ? int(branch) : 0
        guard 0...1000 ~= number else { return fail("the number of a branch is 0 to 1000") }
        return Departure.begin(self, to: uri, content: .request(branch: number))
    }
}
