import PluginKit

private nonisolated(unsafe) let state = permanent(State())

private let module = Module(
    "sanity", version: "1.0", summary: "Refuses requests that break the rules of SIP", needs: "sl/1",
    start: { host in
        state.pointee.sl = load_sl(host)
        return state.pointee.sl == nil ? .false : .true
    },
    declare: { host in
        declareParameters(host, state)
        state.pointee.lastFault = host.slot(APUS_SLOT_MESSAGE)
        state.pointee.proxyRequireFailures = host.counter(
            "sanity", "proxy_require_failures",
            doc: "Requests whose Proxy-Require asks for an extension that there is not.")
        let routes = APUS_REQUEST_ROUTE | APUS_ONREPLY_ROUTE
        host.function(
            "sanity_check", "checks:int?, uris:int?", routes: routes,
            doc: "Checks the message, and answers a request that fails; ends the script then, or is false.",
            user: state,
            prepare: prepareChecks, call: checkSanity)
        host.function(
            "sanity_reply", routes: routes, flags: APUS_SENDS_REPLY,
            doc: "With noreply: sends the reply of the check that has failed.", user: state, call: replySanely)
    })

@c(apus_module_sanity)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }
