import PluginKit

private let module = Module(
    "counters", version: "1.0", summary: "The script's own counters, and all statistics for operators",
    start: { host in state.declareCounters(host) },
    declare: { host in
        host.parameter(
            "script_counter", user: state,
            doc:
                "A counter of the script's own: its name, perhaps with group. in front, perhaps a blank and what it counts.",
            set: addCounter)
        host.parameter(
            "script_cnt_grp_name", into: state.pointer(to: \.group)!, initial: "script",
            doc: "The group of counters that are named without one.")
        host.function(
            "cnt_inc", "name:string", doc: "Adds 1 to a counter.", user: state, prepare: prepareName, call: increment)
        host.function(
            "cnt_add", "name:string, number:int", doc: "Adds a number to a counter.", user: state,
            prepare: prepareName, call: add)
        host.function(
            "cnt_reset", "name:string", doc: "Lets a counter count from 0.", user: state, prepare: prepareName,
            call: reset)
        declareCommands(host)
    })

@c(apus_module_counters)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }
