import PluginKit
import TableKit

// Invariants: run on workers, with the State that the functions were declared with.

extension UnsafePointer<apus_call> {
    fileprivate var state: UnsafeMutablePointer<State> {
        pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
    }

    /// Whom the first argument names; nil with the reason in the log.
    fileprivate var someone: Person? {
        let who = text(0)
        if who.equalsIgnoringCase("Credentials") {
            if let person = authorizedPerson { return person }
            log(.error, "nobody has authorized the request yet: call auth_check or its like before")
            return nil
        }
        let uri =
            who.equalsIgnoringCase("Request-URI")
            ? message.field(APUS_FIELD_REQUEST_URI)
            : who.equalsIgnoringCase("To")
                ? message.field(APUS_FIELD_TO_URI)
                : who.equalsIgnoringCase("From") ? message.field(APUS_FIELD_FROM_URI) : who
        if let person = person(uri) { return person }
        log(.error, "that is no URI, nor one of Request-URI, To, From and Credentials")
        return nil
    }
}

/// `is_user_in(who, group)`
func isUserIn(_ call: Call) -> CInt {
    let own = call.state.pointee
    guard let person = call.someone, !person.user.isEmpty, let columns = own.columns else { return .false }
    var query = RowQuery(own.table, columns)
    query.require(own.user, person.user)
    query.require(own.group, call.text(1))
    if own.comparesDomains != 0 { query.require(own.domain, person.host) }
    return query.ask(call, own.db, then: isRow)
}

/// `get_user_group(who, groups)`
func getUserGroup(_ call: Call) -> CInt {
    let own = call.state
    guard !own.pointee.expressionTable.isEmpty else { return call.fail("get_user_group needs the parameter re_table") }
    guard let person = call.someone, let uri = call.uri(user: person.user, host: person.host),
        let variable = call.argument(1).variable
    else { return .false }
    var count: CInt = 0
    for expression in own.pointee.expressions {
        guard call.host.pointee.regex.pointee.match(expression.regex, uri, 0, nil, 0) > 0 else { continue }
        var value = apus_value(expression.group)
        guard call.host.pointee.vars.pointee.set(call, variable, &value) > 0 else {
            return call.fail("the variable takes no number")
        }
        count += 1
        if own.pointee.givesAll == 0 { break }
    }
    return count > 0 ? count : .false
}
