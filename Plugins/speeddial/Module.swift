import PluginKit
import TableKit

private nonisolated(unsafe) let state = permanent(State())

/// Of the tables of short numbers.
private let numbersVersion: Int32 = 2

private let module = Module(
    "speeddial", version: "1.0", summary: "Speed dialling: short numbers of each user, from a table",
    start: { host in
        guard let db = host.pointee.db.pointee.open(host, state.pointee.url, nil),
            state.pointee.tables.check(host, db, version: numbersVersion)
        else { return .false }
        state.pointee.db = db
        state.pointee.columns = ColumnList([state.pointee.newURI])
        return .true
    },
    declare: { host in
        host.declare(State.parameters, in: state)
        host.function(
            "sd_lookup", "table:format, owner:format?", routes: APUS_REQUEST_ROUTE,
            flags: APUS_MAY_SUSPEND | APUS_SETS_DESTINATION,
            doc: "Puts the URI that the owner, else the user of From, has for the Request-URI's user in its place.",
            user: state,
            prepare: { _, index, constant, _, _ in
                if index == 0 { state.pointee.tables.note(constant) }
                return .true
            }, call: lookUp)
    })

@c(apus_module_speeddial)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }
