import PluginKit

private nonisolated(unsafe) let state = permanent(State())

private let module = Module(
    "rr", version: "1.0", summary: "Record-Route and Route",
    start: { host in
        let name = state.pointee.customUser
        guard !name.isEmpty else { return .true }
        state.pointee.customUserVariable = host.pointee.vars.pointee.compile(host, name)
        return state.pointee.customUserVariable == nil ? .false : .true
    },
    declare: { host in
        state.pointee.slot = host.slot(APUS_SLOT_MESSAGE)
        declareParameters(host)
        declareRoute(host)
        declareRecordRoute(host)
        declareVariables(host)
    })

@c(apus_module_rr)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

private func declareParameters(_ host: Host) {
    host.parameter(
        "enable_full_lr", into: state.pointer(to: \.fullLR)!, initial: "0", range: 0...1,
        doc: "1: our Record-Route says `;lr=on`, 0: `;lr`.")
    host.parameter(
        "append_fromtag", into: state.pointer(to: \.appendFromTag)!, initial: "1", range: 0...1,
        doc: "1: our Record-Route remembers the From tag, which is_direction needs.")
    host.parameter(
        "enable_double_rr", into: state.pointer(to: \.doubleRR)!, initial: "1", range: 0...2,
        doc: "1: two Record-Routes when a request changes listeners; 2: always two, with transport; 0: never.")
    host.parameter(
        "add_username", into: state.pointer(to: \.addUsername)!, initial: "0", range: 0...1,
        doc: "1: our Record-Route has a user part.")
    host.parameter(
        "custom_user_avp", into: state.pointer(to: \.customUser)!,
        doc: "Variable that holds that user part; unset or $null: the user of the Request-URI.")
    host.parameter(
        "enable_socket_mismatch_warning", into: state.pointer(to: \.mismatchWarning)!, initial: "1", range: 0...1,
        doc: "1: warns when no listener has the address of our own Route.")
    host.parameter(
        "force_send_socket", into: state.pointer(to: \.forceSendSocket)!, initial: "0", range: 0...1,
        doc: "1: the request leaves through the listener that our own Route names, a single one too.")
    host.parameter(
        "ignore_sips", into: state.pointer(to: \.ignoreSips)!, initial: "0", range: 0...1,
        doc: "1: our Record-Route is a sip URI even when the Request-URI is a sips URI.")
    host.parameter(
        "loose_route_mode", into: state.pointer(to: \.looseRouteMode)!, initial: "0", range: 0...3,
        doc: """
            Bits of the mode of loose_route(): 1 takes no request for one that a strict router has sent, 2 passes over \
            flow tokens.
            """)
    host.parameter(
        "sockname_mode", into: state.pointer(to: \.socketNames)!, initial: "0", range: 0...1,
        doc: "1: our Record-Route has the listener's name, if it has one, as parameter `sn`.")
    host.parameter(
        "ignore_user", kind: APUS_PARAM_INT, flags: 0, doc: "Without effect: what is ours does not depend on the user."
    ) { host, _, _ in
        host.log(.notice, "it has no effect: whether a Route is ours does not depend on its user")
        return .true
    }
}

private func declareRoute(_ host: Host) {
    host.function(
        "loose_route", routes: APUS_REQUEST_ROUTE, flags: APUS_SETS_DESTINATION,
        doc: "Routes the request by its Route headers.", user: state, call: looseRoute)
    host.function(
        "loose_route_mode", "mode:int", routes: APUS_REQUEST_ROUTE, flags: APUS_SETS_DESTINATION,
        doc: "The same with that mode in place of the parameter's.", user: state, prepare: prepareMode,
        call: looseRouteWithMode)
    host.function(
        "strict_route", routes: APUS_REQUEST_ROUTE, flags: APUS_DEPRECATED | APUS_SETS_DESTINATION,
        doc: "The same as loose_route.", user: state, call: looseRoute)
    host.function(
        "loose_route_preloaded", routes: APUS_REQUEST_ROUTE, flags: APUS_SETS_DESTINATION,
        doc: "Routes a request outside of a dialog by its Route headers.", user: state, call: looseRoutePreloaded)
    host.function(
        "check_route_param", "expression:regex", routes: APUS_REQUEST_ROUTE,
        doc: "Searches the parameters of our own Route, after loose_route.", user: state, call: checkRouteParameter)
    host.function(
        "is_direction", "direction:word(downstream|upstream)", routes: APUS_REQUEST_ROUTE,
        doc: "Whether the request goes that way in its dialog, after loose_route.", user: state, call: isDirection)
    host.function(
        "rr_next_hop_route", doc: "Whether the next hop came from a Route.", user: state, call: nextHopIsRoute)
}

private func declareRecordRoute(_ host: Host) {
    let routes = APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_BRANCH_ROUTE
    host.function(
        "record_route", "params:format?", routes: routes, flags: APUS_EDITS_REQUEST,
        doc: "Keeps this server in the path of the dialog.",
        user: state, call: recordRoute)
    host.function(
        "record_route_preset", "outbound:format, inbound:format?", routes: routes, flags: APUS_EDITS_REQUEST,
        doc: "The same with the addresses given, address:port;parameters.", user: state, call: recordRoutePreset)
    host.function(
        "record_route_advertised_address", "address:format", routes: routes, flags: APUS_EDITS_REQUEST,
        doc: "The same with this address and port in place of the listener's.", user: state,
        call: recordRouteAdvertised)
    host.function(
        "add_rr_param", "params:format", routes: routes, flags: APUS_EDITS_REQUEST,
        doc: "Adds ;name=value to this request's Record-Route.",
        user: state, call: addRecordRouteParameter)
    host.function(
        "remove_record_route", routes: APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE,
        flags: APUS_EDITS_REQUEST,
        doc: "Takes this server's Record-Route back.", user: state, call: removeRecordRoute)
}

private func declareVariables(_ host: Host) {
    host.variable("route_uri", doc: "URI of the first Route.", get: routeURI)
    host.variable("fti", doc: "Tag of whoever began the dialog, after loose_route.", user: state, get: initialFromTag)
    host.variable("tti", doc: "Tag of whoever was called, after loose_route.", user: state, get: initialToTag)
    host.variable(
        "rdir", inner: "id|name", doc: "Direction of the request: 1 downstream, 2 upstream; or its name.", user: state,
        get: directionValue)
}
