import Destinations
import PluginKit
import RoutingKit

private let routes =
    APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_ONREPLY_ROUTE | APUS_BRANCH_FAILURE_ROUTE | APUS_EVENT_ROUTE
    | APUS_BRANCH_ROUTE | APUS_LOCAL_ROUTE

/// Functions that change states.
func declareMarking(_ host: Host) {
    host.function(
        "ds_mark_dst", "state:format?", routes: routes,
        doc:
            "The destination in use is a(ctive), i(nactive), t(rying) or d(isabled), each but the last with p(robing); i."
    ) { call in
        guard let current = call.current else { return .false }
        return call.mark(call.has(0) ? call.text(0) : "i", current.set, current.uri)
    }
    host.function(
        "ds_mark_addr", "state:format, set:int, uri:format",
        doc: "The same of a destination of one's choice."
    ) { $0.mark($0.text(0), $0.int(1), $0.text(2)) }
}

extension Call {
    fileprivate func mark(_ letters: apus_str, _ id: Int64, _ uri: apus_str) -> CInt {
        guard let wanted = Condition(letters: letters.bytes) else {
            return fail("a state is a, i, t or d, each but d with p")
        }
        guard let set = state.snapshot?.find(id) else { return .false }
        var index = set.index(of: uri)
        guard index != nil else { return .false }
        while let found = index {
            set[found].apply(wanted, .script, host, set)
            index = set.index(of: uri, from: found + 1)
        }
        return .true
    }
}

extension UnsafeMutablePointer<Destination> {
    /// What a script or an operator wants. Trying counts one failure; the others act at once.
    func apply(_ wanted: Condition, _ cause: Cause, _ host: Host, _ set: SetRef) {
        let now = wallSeconds()
        let change: CellRef.Change
        if wanted.contains(.trying), cause == .script {
            let threshold = state.pointee.shared.pointee.probingThreshold.load(ordering: .relaxed)
            change = pointee.cell.fail(threshold: threshold, probing: wanted.contains(.probing), cause, at: now)
        } else {
            change = pointee.cell.set(wanted, cause, at: now)
        }
        host.turned(set.pointee.id, pointee.uri, change, Reason(cause: cause))
    }
}
