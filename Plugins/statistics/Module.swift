import PluginKit

private let module = Module(
    "statistics", version: "1.0", summary: "The script's own statistics",
    start: { host in state.declareVariables(host) },
    declare: { host in
        host.parameter(
            "variable", user: state,
            doc:
                "A statistic of the script's own, in group script; with /no_reset behind it operators cannot reset it.",
            set: addVariable)
        host.function(
            "update_stat", "name:format, change:format",
            doc: "Adds to a statistic (\"+n\"), takes away from it (\"-n\"), or sets it (\"n\").", user: state,
            prepare: prepareArgument, call: update)
        host.function(
            "reset_stat", "name:format",
            routes: APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_ONREPLY_ROUTE | APUS_BRANCH_ROUTE
                | APUS_LOCAL_ROUTE,
            doc: "Sets a statistic to 0.", user: state, prepare: prepareArgument, call: reset)
    })

@c(apus_module_statistics)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }
