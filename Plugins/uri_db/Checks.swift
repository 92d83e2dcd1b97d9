import PluginKit
import TableKit

// Invariants: run on workers, with the State that the functions were declared with.

extension UnsafePointer<apus_call> {
    fileprivate var state: UnsafeMutablePointer<State> {
        pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
    }

    /// Whether somebody may use a URI.
    fileprivate func check(_ uri: apus_str, _ owner: Person?) -> CInt {
        let own = state.pointee
        guard let owner else {
            return fail("nobody has authorized the request yet: call www_authorize, auth_check or their like before")
        }
        guard let named = person(uri), !named.user.isEmpty else { return fail("there is no URI with a user to check") }
        guard own.usesTable != 0, let columns = own.columns else {
            guard owner.user.equalsIgnoringCase(named.user) else { return .false }
            return own.comparesDomains == 0 || owner.host.equalsIgnoringCase(named.host) ? .true : .false
        }
        var query = RowQuery(own.table, columns)
        query.require(own.user, owner.user)
        query.require(own.uriUser, named.user)
        if own.comparesDomains != 0 { query.require(own.domain, owner.host) }
        return query.ask(self, own.db, then: isRow)
    }
}

/// `check_to()`
func checkTo(_ call: Call) -> CInt { call.check(call.message.field(APUS_FIELD_TO_URI), call.authorizedPerson) }

/// `check_from()`
func checkFrom(_ call: Call) -> CInt { call.check(call.message.field(APUS_FIELD_FROM_URI), call.authorizedPerson) }

/// `check_uri(uri[, user[, realm]])`
func checkURI(_ call: Call) -> CInt {
    guard call.has(1) else { return call.check(call.text(0), call.authorizedPerson) }
    var name = call.text(1)
    let user = name.next(UInt8(ascii: "@")) ?? ""
    return call.check(call.text(0), user.isEmpty ? nil : Person(user: user, host: call.has(2) ? call.text(2) : name))
}

/// `does_uri_exist()`
func doesURIExist(_ call: Call) -> CInt {
    let own = call.state.pointee
    guard let named = call.person(call.message.field(APUS_FIELD_REQUEST_URI)), let columns = own.columns else {
        return call.fail("the Request-URI is none that could be looked up")
    }
    guard !named.user.isEmpty else { return .false }
    var query = RowQuery(own.table, columns)
    query.require(own.usesTable != 0 ? own.uriUser : own.user, named.user)
    if own.comparesDomains != 0 { query.require(own.domain, named.host) }
    return query.ask(call, own.db, then: isRow)
}
