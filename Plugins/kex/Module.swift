import PluginKit

private nonisolated(unsafe) let state: UnsafeMutablePointer<State> = {
    let place = UnsafeMutablePointer<State>.allocate(capacity: 1)
    place.initialize(to: State())
    return place
}()

private let module = Module(
    "kex", version: "1.0", summary: "Statistics for operators, formatted assignment, tests for this server's names",
    start: { host in
        state.pointee.start = UInt64(bitPattern: Int64(wallSeconds()))
        return .true
    },
    declare: { host in
        declareFunctions(host)
        declareCommands(host)
        host.variable(
            "sruid", doc: "An id that this server gives out once: srid, its start, its process, a number.", user: state,
            get: uniqueID)
    })

private func declareFunctions(_ host: Host) {
    let printf: StaticString = "Assigns a text with its pseudo-variables expanded to a variable."
    host.function("pv_printf", "variable:writable, text:format", doc: printf, call: assignText)
    host.function("avp_printf", "variable:writable, text:format", doc: printf, call: assignText)
    host.function(
        "is_myself", "uri:format", doc: "Whether host and port of a URI, or a host, mean this server.",
        call: isMyself)
    host.function(
        "is_myhost", "uri:format", doc: "Whether the host of a URI, or a host, means this server, at any port.",
        call: isMyHost)
    host.function(
        "setdebug", "level:int", doc: "The log level for the rest of this run, whatever the parameter debug says.",
        call: setLogLevel)
    host.function("resetdebug", doc: "The log level is that of the parameter debug again.", call: resetLogLevel)
}

@c(apus_module_kex)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }
