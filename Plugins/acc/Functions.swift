import PluginKit

// Invariants: called by scripts, with the State behind them.

/// `acc_log_request(comment)`, `acc_request(comment)`: a line about the message that the route works on.
func accountRequest(_ call: Call) -> CInt { account(call, .log) }

/// `acc_db_request(comment, table)`
func accountRequestInTable(_ call: Call) -> CInt {
    guard state(call).pointee.rows != nil else { return call.fail("acc_db_request needs the parameter db_url") }
    return account(call, .database)
}

/// `acc_request(comment, table)`
func accountRequestInBoth(_ call: Call) -> CInt { account(call, [.log, .database]) }

private func state(_ call: Call) -> UnsafeMutablePointer<State> {
    call.pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
}

private func account(_ call: Call, _ targets: Targets) -> CInt {
    let state = state(call)
    let kind = Report.Kind.requested(table: call.has(1) ? call.text(1) : "")
    var report = Report(
        state: state, kind: kind, targets: state.active(call.host, targets), reply: nil, code: 0,
        isUpstream: state.isUpstream(call))
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
