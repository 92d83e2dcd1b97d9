import PluginKit

// Invariants: called by scripts, with the State behind them.

/// `acc_log_request(comment)`, `acc_request(comment)`: a line about the message that the route works on.
func accountRequest(_ call: Call) -> CInt {
    let state = call.pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
    guard call.host.pointee.log.pointee.enabled(call.host, CInt(state.pointee.level)) > 0 else { return .true }
    var report = Report(
        state: state, title: "request accounted", reply: nil, code: 0, isUpstream: state.isUpstream(call))
    (report.code, report.reason) = statusAndReason(call.text(0).trimmed)
    report.write(call)
    return .true
}

/// `404 Not Found` is a status and its reason; without a number in front all of it is the reason.
private func statusAndReason(_ comment: apus_str) -> (Int32, apus_str) {
    guard comment.len >= 3, let code = comment[0..<3].number, code >= 100,
        comment.len == 3 || apus_str.isBlank(comment[3])
    else { return (0, comment) }
    return (Int32(code), comment.dropFirst(3).trimmed)
}
