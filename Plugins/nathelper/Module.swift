import PluginKit

private nonisolated(unsafe) let state = permanent(State())

private let module = Module(
    "nathelper", version: "1.0", summary: "Clients behind NATs", needs: "usrloc/1?",
    start: { host in
        if !state.pointee.receivedName.isEmpty {
            state.pointee.received = host.pointee.vars.pointee.compile(host, state.pointee.receivedName)
            guard state.pointee.received != nil else { return .false }
        }
        return state.pointee.pinger.start(host, state.pointee.pings) ? .true : .false
    },
    declare: { host in
        declareParameters(host)
        declareTests(host)
        declareContacts(host)
        declareAliases(host)
        declareSelects(host)
        declarePings(host, state.pointer(to: \.pings).unsafelyUnwrapped, state.pointee.pinger)
        host.function(
            "fix_nated_sdp", "bits:int, address:format?", routes: everywhere,
            doc: "Puts the address that the message came from into the session description.", user: state,
            prepare: prepareDescriptionFix, call: fixDescription)
        host.variable(
            "rr_count", flags: APUS_PV_NUMBER, doc: "How many Record-Routes the message has.", get: countRecordRoutes)
        host.variable(
            "rr_top_count", flags: APUS_PV_NUMBER, doc: "How many of them are the topmost proxy's.",
            get: countTopRecordRoutes)
    })

private let everywhere =
    APUS_REQUEST_ROUTE | APUS_ONREPLY_ROUTE | APUS_FAILURE_ROUTE | APUS_BRANCH_ROUTE | APUS_LOCAL_ROUTE

@c(apus_module_nathelper)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

private func declareParameters(_ host: Host) {
    host.parameter(
        "received_avp", into: state.pointer(to: \.receivedName)!,
        doc: "Variable in which fix_nated_register leaves the source; the registrar's must be the same.")
    host.parameter(
        "alias_name", into: state.pointer(to: \.aliasName)!, initial: "alias",
        doc: "Name of the parameter by which a Contact says where requests to it go.")
    host.parameter(
        "nat_addr_mode", into: state.pointer(to: \.addressMode)!, initial: "1", range: 0...1,
        doc: "1: all of 192.0.0.0/24 is private, 0: its first eight addresses.")
    host.parameter(
        "nortpproxy_str", into: state.pointer(to: \.noProxyLine)!, initial: "a=nortpproxy:yes\r\n",
        doc: "Lines that mark a session description whose media go through a proxy already.")
    host.parameter(
        "append_sdp_oldmediaip", into: state.pointer(to: \.keepsOldAddress)!, initial: "1", range: 0...1,
        doc: "1: the address that was replaced stays in the session description, in a line of its own.")
}

private func declareTests(_ host: Host) {
    host.function(
        "nat_uac_test", "bits:int", routes: everywhere,
        doc: "Whether one of these signs says that the sender is behind a NAT.", user: state,
        prepare: prepareClientTest, call: testClient)
    host.function(
        "is_rfc1918", "address:format", doc: "Whether an address is a private one.", user: state,
        call: isPrivateAddress)
}

private func declareContacts(_ host: Host) {
    let routes = APUS_REQUEST_ROUTE | APUS_ONREPLY_ROUTE | APUS_BRANCH_ROUTE | APUS_LOCAL_ROUTE
    host.function(
        "fix_nated_contact", routes: routes, doc: "Puts the address that the message came from into each Contact.",
        user: state, call: fixContact)
    host.function(
        "fix_nated_register", routes: APUS_REQUEST_ROUTE,
        doc: "Leaves the address that the request came from for the registrar.", user: state,
        prepare: nil, call: fixRegister)
    host.function(
        "add_rcv_param", "in_uri:int?", routes: APUS_REQUEST_ROUTE,
        doc: "Adds the address that the request came from to each Contact, with 1 to its URI.", user: state,
        call: addReceivedParameter)
}

private func declareAliases(_ host: Host) {
    let routes = APUS_REQUEST_ROUTE | APUS_ONREPLY_ROUTE | APUS_BRANCH_ROUTE | APUS_LOCAL_ROUTE
    host.function(
        "add_contact_alias", "address:format?, port:format?, transport:format?", routes: routes,
        doc: "Adds an alias to each Contact that does not say where the message came from.", user: state,
        call: addContactAlias)
    host.function(
        "set_contact_alias", "trim:int?", routes: routes | APUS_FAILURE_ROUTE,
        doc: "Adds the address that the message came from as alias to each Contact.", user: state,
        call: setContactAlias)
    host.function(
        "set_alias_to_pv", "result:writable", routes: routes | APUS_FAILURE_ROUTE,
        doc: "The first Contact's URI with its alias.", user: state, call: setAliasToVariable)
    host.function(
        "handle_ruri_alias", "mode:int?", routes: APUS_REQUEST_ROUTE | APUS_BRANCH_ROUTE | APUS_LOCAL_ROUTE,
        flags: APUS_SETS_DESTINATION, doc: "Sends the request where the Request-URI's alias says.", user: state,
        call: handleAlias)
}
