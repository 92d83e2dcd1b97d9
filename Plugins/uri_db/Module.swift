import PluginKit
import TableKit

private nonisolated(unsafe) let state = permanent(State())

private let module = Module(
    "uri_db", version: "1.0", summary: "Whether users may use the URIs that they use, by a table",
    start: { host in begin(host) ? .true : .false },
    declare: { host in
        host.declare(State.parameters, in: state)
        host.function(
            "check_to", routes: APUS_REQUEST_ROUTE, flags: APUS_MAY_SUSPEND,
            doc: "Whether the user of To is the one who is authorized, or may be used by that one.", user: state,
            call: checkTo)
        host.function(
            "check_from", routes: APUS_REQUEST_ROUTE, flags: APUS_MAY_SUSPEND,
            doc: "Whether the user of From is the one who is authorized, or may be used by that one.", user: state,
            call: checkFrom)
        host.function(
            "check_uri", "uri:format", routes: APUS_REQUEST_ROUTE, flags: APUS_MAY_SUSPEND,
            doc: "The same of any URI.", user: state, call: checkURI)
        host.function(
            "check_uri", "uri:format, user:format, realm:format?", routes: APUS_REQUEST_ROUTE,
            flags: APUS_MAY_SUSPEND, doc: "The same for a user of one's choice.", user: state, call: checkURI)
        host.function(
            "does_uri_exist", routes: APUS_REQUEST_ROUTE | APUS_LOCAL_ROUTE, flags: APUS_MAY_SUSPEND,
            doc: "Whether the user of the Request-URI is in the table.", user: state, call: doesURIExist)
    })

@c(apus_module_uri_db)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

/// Versions of the tables `uri` and `subscriber`.
private let uriVersion: Int32 = 1
private let subscriberVersion: Int32 = 7

private func begin(_ host: Host) -> Bool {
    if state.pointee.table.isEmpty { state.pointee.table = state.pointee.usesTable != 0 ? "uri" : "subscriber" }
    let own = state.pointee
    let version = own.usesTable != 0 ? uriVersion : subscriberVersion
    guard let db = host.pointee.db.pointee.open(host, own.url, nil),
        host.pointee.db.pointee.check_version(db, own.table, version) == CInt(APUS_OK)
    else { return false }
    state.pointee.db = db
    state.pointee.columns = ColumnList([own.user])
    return true
}
