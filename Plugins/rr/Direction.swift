import PluginKit

/// Which way a request of a dialog goes, by the From tag that our own Record-Route remembered from the first one.
enum Direction: Int64 {
    case downstream = 1
    case upstream = 2

    /// Without a remembered tag: downstream.
    init(_ message: Message, params: apus_str) {
        let remembered = message.parameter("ftag", in: params) ?? apus_str()
        self =
            remembered.isEmpty || remembered.equals(message.field(APUS_FIELD_FROM_TAG)) ? .downstream : .upstream
    }
}

/// `is_direction("downstream")`
func isDirection(_ call: Call) -> CInt {
    guard let routing = call.routing else { return .false }
    let wanted: Direction = call.int(0) == 0 ? .downstream : .upstream
    return Direction(call.message, params: routing.pointee.params) == wanted ? .true : .false
}

/// `check_route_param(expression)`
func checkRouteParameter(_ call: Call) -> CInt {
    guard let routing = call.routing, !routing.pointee.params.isEmpty, let regex = call.argument(0).regex else {
        return .false
    }
    return call.host.pointee.regex.pointee.match(regex, routing.pointee.params, 0, nil, 0) > 0 ? .true : .false
}

/// `rr_next_hop_route()`
func nextHopIsRoute(_ call: Call) -> CInt { call.routing?.pointee.followed == true ? .true : .false }

extension UnsafePointer<apus_access> {
    fileprivate var direction: Direction {
        let state = pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
        let routing = host.pointee.slots.pointee.message(pointee.msg, state.pointee.slot)?
            .assumingMemoryBound(to: Routing.self)
        return Direction(message, params: routing?.pointee.params ?? apus_str())
    }
}

typealias Getter = @convention(c) (Access, UnsafeMutablePointer<apus_value>) -> CInt

/// `$route_uri`
let routeURI: Getter = { access, value in
    var routes = RouteSet(access.message)
    return value.answer(routes.next()?.uriText ?? apus_str())
}

/// `$fti`: the tag of whoever began the dialog.
let initialFromTag: Getter = { access, value in
    value.answer(access.message.field(access.direction == .downstream ? APUS_FIELD_FROM_TAG : APUS_FIELD_TO_TAG))
}

/// `$tti`: the tag of whoever was called.
let initialToTag: Getter = { access, value in
    value.answer(access.message.field(access.direction == .downstream ? APUS_FIELD_TO_TAG : APUS_FIELD_FROM_TAG))
}

/// `$rdir(id)`, `$rdir(name)`
let directionValue: Getter = { access, value in
    let direction = access.direction
    if access.pointee.inner_id == 0 {
        value.pointee = apus_value(direction.rawValue)
        return .true
    }
    return value.answer(direction == .downstream ? "downstream" : "upstream")
}
