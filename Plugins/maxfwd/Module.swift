import PluginKit

private nonisolated(unsafe) let state = permanent(State())

private let module = Module("maxfwd", version: "1.0", summary: "Max-Forwards: stops loops") { host in
    state.pointee.slot = host.slot(APUS_SLOT_MESSAGE)
    state.pointee.changedLimit = host.slot(APUS_SLOT_WORKER)

    host.parameter(
        "max_limit", into: state.pointer(to: \.maxLimit)!, initial: "70", range: 1...255,
        doc: "Highest value in hops that a request is forwarded with; higher ones are set to it."
    ) { host, _, value, _ in
        // A worker's own copy.
        host.pointee.slots.pointee.set_worker(
            host, state.pointee.changedLimit, UnsafeMutableRawPointer(bitPattern: Int(value.pointee.num)))
    }

    let names: [StaticString] = ["maxfwd_process", "mf_process_maxfwd_header", "process_maxfwd"]
    for name in names {
        host.function(
            name, "hops:int", routes: APUS_REQUEST_ROUTE,
            doc: "Decrements Max-Forwards, or adds it with this value; false when it was 0.", user: state,
            prepare: prepareHops, call: process)
    }
    let tests: [StaticString] = ["is_maxfwd_lt", "maxfwd_at_least", "mf_lowlimit"]
    for name in tests {
        host.function(
            name, "hops:int", routes: APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_BRANCH_ROUTE,
            doc: "Whether Max-Forwards is below this value.", user: state,
            prepare: prepareHops, call: isBelow)
    }
}

@c(apus_module_maxfwd)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }
