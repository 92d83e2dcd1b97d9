import PluginKit
import TableKit

/// For what is done once; functions have it from their call.
nonisolated(unsafe) let state = permanent(State())

/// Of the tables of aliases.
private let aliasesVersion: Int32 = 1

private let module = Module(
    "alias_db", version: "1.0", summary: "Aliases of users, from a table",
    start: { host in
        guard let db = host.pointee.db.pointee.open(host, state.pointee.url, nil),
            state.pointee.tables.check(host, db, version: aliasesVersion)
        else { return .false }
        let own = state.pointee
        state.pointee.db = db
        state.pointee.users = ColumnList([own.user, own.domain])
        state.pointee.aliases = ColumnList([own.aliasUser, own.aliasDomain])
        return .true
    },
    declare: { host in
        host.declare(State.parameters, in: state)
        host.function(
            "alias_db_lookup", "table:format, flags:string?", routes: APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE,
            flags: APUS_MAY_SUSPEND | APUS_SETS_DESTINATION,
            doc:
                "Puts the user whose alias the Request-URI is in its place; flags: d without, u with domain, r reverse.",
            user: state, prepare: prepareLookup, call: lookUp)
        host.function(
            "alias_db_find", "table:format, uri:format, result:writable, flags:string?",
            routes: APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_ONREPLY_ROUTE | APUS_BRANCH_ROUTE
                | APUS_LOCAL_ROUTE | APUS_EVENT_ROUTE,
            flags: APUS_MAY_SUSPEND, doc: "Gives the variable the URI of the user whose alias the URI is.",
            user: state, prepare: prepareFind, call: find)
    })

@c(apus_module_alias_db)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }
