import PluginKit
import TableKit

// Invariants: run on workers, with the State that the function was declared with.

/// `sd_lookup(table[, owner])`
func lookUp(_ call: Call) -> CInt {
    let own = call.pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self).pointee
    let owner = call.has(1) ? call.text(1) : call.message.field(APUS_FIELD_FROM_URI)
    guard let user = call.person(owner), !user.user.isEmpty else { return call.fail("the owner is no URI with a user") }
    guard let short = call.person(call.message.field(APUS_FIELD_REQUEST_URI)), !short.user.isEmpty,
        let columns = own.columns
    else { return .false }
    var query = RowQuery(call.text(0), columns)
    query.require(own.user, user.user)
    query.require(own.shortUser, short.user)
    if own.comparesDomains != 0 {
        query.require(own.domain, user.host.without(prefix: own.domainPrefix))
        query.require(own.shortDomain, short.host.without(prefix: own.domainPrefix))
    }
    return query.ask(call, own.db, then: replace)
}

private let replace: RowAnswer = { call, status, result, _ in
    guard status == CInt(APUS_OK) else { return call.fail(result.pointee.text) }
    guard result.pointee.row_count > 0 else { return .false }
    let found = result.text(0).trimmed
    // A row may say user@host, as well.
    let uri = call.message.parse(uri: found) != nil ? found : call.uri(user: "", host: found) ?? ""
    guard call.message.parse(uri: uri) != nil, call.message.api.pointee.set_request_uri(call.pointee.msg, uri) > 0
    else { return call.fail("the table has no URI for that number, or memory is out") }
    return .true
}
