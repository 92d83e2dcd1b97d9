import PluginKit

/// `check_route_exists(name)`
func hasRoute(_ call: Call) -> CInt { call.argument(0).route == nil ? .false : .true }

/// `route_if_exists(name)`
func runRouteIfThere(_ call: Call) -> CInt {
    guard let route = call.argument(0).route else { return .false }
    return call.host.pointee.script.pointee.run(
        call, route, call.pointee.route_kind, nil, routeEnded, nil)
}

/// Its `exit` ends the script, as that of any route does.
private let routeEnded: @convention(c) (Call, UnsafePointer<apus_route_end>) -> CInt = { _, end in
    end.pointee.exited != 0 ? .exit : end.pointee.code
}
