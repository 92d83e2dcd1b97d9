import PluginKit
import TableKit

private nonisolated(unsafe) let state = permanent(State())

private let module = Module(
    "group", version: "1.0", summary: "Whether users are in groups, by a table",
    start: { host in begin(host) ? .true : .false },
    declare: { host in
        host.declare(State.parameters, in: state)
        let routes =
            APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_BRANCH_ROUTE | APUS_LOCAL_ROUTE | APUS_EVENT_ROUTE
        host.function(
            "is_user_in", "who:format, group:format", routes: routes, flags: APUS_MAY_SUSPEND,
            doc: "Whether the user of Request-URI, To, From, Credentials or a URI is in the group.", user: state,
            call: isUserIn)
        host.function(
            "get_user_group", "who:format, groups:writable", routes: routes,
            doc: "Gives the variable the numbers of the groups whose expressions match the user; how many there are.",
            user: state, call: getUserGroup)
    })

@c(apus_module_group)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

/// Versions of the tables.
private let groupVersion: Int32 = 2
private let expressionVersion: Int32 = 1

private func begin(_ host: Host) -> Bool {
    let own = state.pointee
    let databases = host.pointee.db
    guard let db = databases.pointee.open(host, own.url, nil),
        databases.pointee.check_version(db, own.table, groupVersion) == CInt(APUS_OK)
    else { return false }
    state.pointee.db = db
    state.pointee.columns = ColumnList([own.group])
    guard !own.expressionTable.isEmpty else { return true }
    guard databases.pointee.check_version(db, own.expressionTable, expressionVersion) == CInt(APUS_OK) else {
        return false
    }
    do throws(ReadFault) { state.pointee.expressions = try readExpressions(host, db) } catch {
        host.log(.error, error.text)
        return false
    }
    return true
}

private func readExpressions(_ host: Host, _ db: OpaquePointer) throws(ReadFault) -> [State.Expression] {
    let own = state.pointee
    var expressions: [State.Expression] = []
    let reading = TableReading(db, own.expressionTable, [own.expressionColumn, own.numberColumn])
    try reading.read(host) { (row) throws(ReadFault) in
        guard let number = row.number(1) else {
            throw ReadFault("\(own.expressionTable.string), row \(row.number): the group is no number")
        }
        let regex: OpaquePointer
        do throws(ReadFault) { regex = try host.expression(row.text(0), by: host.pointee.regex.pointee.compile) } catch
        {
            throw ReadFault("\(own.expressionTable.string), row \(row.number): \(error.text)")
        }
        expressions.append(State.Expression(regex: regex, group: number))
    }
    return expressions
}
