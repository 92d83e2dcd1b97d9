import PluginKit

private nonisolated(unsafe) let state = permanent(State())

private let module = Module(
    "tmx", version: "1.0", summary: "Further functions and variables about transactions", needs: "tm/1",
    start: { host in
        state.pointee.tm = load_tm(host)
        return state.pointee.tm == nil ? .false : .true
    },
    declare: { host in
        host.parameter(
            "precheck_trans", into: state.pointer(to: \.precheck)!, initial: "1", range: 0...1,
            doc: "0: t_precheck_trans is always false.")
        declareBranchFunctions(host, state)
        declareRouteTests(host, state)
        declareTransactionFunctions(host, state)
        declareErrandFunctions(host, state)
        declareVariables(host, state)
        declareMessageVariables(host, state)
    })

@c(apus_module_tmx)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }
