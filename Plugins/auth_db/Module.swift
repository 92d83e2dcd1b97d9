import PluginKit

private nonisolated(unsafe) let state = permanent(State())

private let module = Module(
    "auth_db", version: "1.0", summary: "Digest authentication with passwords from a table", needs: "auth/1",
    start: { host in state.start(host) },
    worker: { host, _ in
        guard state.pointee.settings.cacheTime > 0 else { return .true }
        host.pointee.slots.pointee.set_worker(host, state.pointee.cache, permanent(Cache()))
        return .true
    },
    declare: { host in
        State.shared = state
        state.pointee.cache = host.slot(APUS_SLOT_WORKER)
        host.command(
            "auth_db.flush", doc: "Forgets the passwords of cache_time: to be called when one was changed."
        ) { _ in
            cacheTurn.add(1, ordering: .acquiringAndReleasing)
            return .true
        }
        declareParameters(host, state)
        declareFunctions(host)
    })

@c(apus_module_auth_db)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

private func declareFunctions(_ host: Host) {
    let kinds: [(StaticString, @convention(c) (Call) -> CInt)] = [
        ("www_authenticate", authenticateAsServer), ("www_authorize", authenticateAsServer),
        ("proxy_authenticate", authenticateAsProxy), ("proxy_authorize", authenticateAsProxy),
    ]
    for (name, call) in kinds {
        host.function(
            name, "realm:format, table:format, method:format?", routes: APUS_REQUEST_ROUTE, flags: APUS_MAY_SUSPEND,
            doc: "Whether the credentials of the realm were made with the user's password in the table.",
            prepare: prepareCheck, call: call)
    }
    host.function(
        "auth_check", "realm:format, table:format, flags:int", routes: APUS_REQUEST_ROUTE, flags: APUS_MAY_SUSPEND,
        doc: "The same, in Authorization for REGISTER, else in Proxy-Authorization; flags 1: the user is the sender.",
        prepare: prepareCheck, call: authenticateByMethod)
    host.function(
        "is_subscriber", "uri:format, table:format, flags:int", flags: APUS_MAY_SUSPEND,
        doc: "Whether the table has the user of the URI; flags 1: at that host, 2: load_credentials are not read.",
        prepare: prepareCheck, call: isSubscriber)
}
