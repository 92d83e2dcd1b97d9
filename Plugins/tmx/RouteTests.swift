import PluginKit

/// Functions that ask of which kind the route is that the script was entered by.
func declareRouteTests(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    host.function(
        "t_is_failure_route", doc: "Whether the script was entered by a failure_route, or by t_continue.", user: state
    ) { $0.isIn(APUS_FAILURE_ROUTE) }
    host.function("t_is_branch_route", doc: "Whether the script was entered by a branch_route.", user: state) {
        $0.isIn(APUS_BRANCH_ROUTE)
    }
    host.function(
        "t_is_reply_route", doc: "Whether the script was entered by an onreply_route or reply_route.", user: state
    ) { $0.isIn(APUS_ONREPLY_ROUTE) }
    host.function("t_is_request_route", doc: "Whether the script was entered by the request_route.", user: state) {
        $0.isIn(APUS_REQUEST_ROUTE)
    }
}

extension Call {
    fileprivate func isIn(_ kinds: Int) -> CInt { pointee.route_kind & UInt32(kinds) != 0 ? .true : .false }
}
