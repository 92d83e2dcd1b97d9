import DigestKit
import PluginKit
import TableKit

// Invariants: what a check needs while the database is asked lies in memory of the run, which lasts until the answer is there.

/// One check of a request that waits for the database.
private struct Lookup {
    var check: auth_check
    /// Bits of auth_check's flags: 1 the user must be the sender, 2 not in requests that may be anonymous.
    var flags: Int64
    /// Where the answer is noted; nil without cache_time.
    var key: CacheKey?
    /// The credentials and their nonce are good.
    var isAccepted = false
}

private let wantsSender: Int64 = 1
private let allowsAnonymous: Int64 = 2

extension UnsafePointer<apus_call> {
    /// Every function of a script runs after `declare`.
    var state: UnsafeMutablePointer<State> { State.shared.unsafelyUnwrapped }

    /// A copy that lives for the run; nil when its memory is used up.
    fileprivate func keep(_ text: apus_str) -> apus_str? {
        guard var writer = writer(max(text.len, 1)) else { return nil }
        writer.add(text)
        return writer.text
    }
}

/// Remembers the constant names of tables, whose version is checked at the start.
let prepareCheck: Preparation = { _, index, constant, _, complaint in
    switch index {
    case 1:
        guard !constant.isEmpty else { return complaint.say("the table has no name") }
        guard let state = State.shared, let tables = state.pointee.tables else { return .true }
        if !tables.contains(constant.string) { state.pointee.tables = tables + [constant.string] }
        return .true
    default: return .true
    }
}

/// `www_authenticate(realm, table[, method])`
func authenticateAsServer(_ call: Call) -> CInt {
    authenticate(call, AUTH_WWW, method: call.has(2) ? call.text(2) : apus_str(), flags: 0)
}

/// `proxy_authenticate(realm, table[, method])`
func authenticateAsProxy(_ call: Call) -> CInt {
    authenticate(call, AUTH_PROXY, method: call.has(2) ? call.text(2) : apus_str(), flags: 0)
}

/// `auth_check(realm, table, flags)`
func authenticateByMethod(_ call: Call) -> CInt {
    let kind = call.message.method == APUS_METHOD_REGISTER ? AUTH_WWW : AUTH_PROXY
    return authenticate(call, kind, method: apus_str(), flags: call.int(2))
}

private func authenticate(_ call: Call, _ kind: Int, method: apus_str, flags: Int64) -> CInt {
    let state = call.state.pointee
    guard let auth = state.auth, let realm = call.keep(call.text(0)), let method = call.keep(method),
        let memory = call.host.pointee.script.pointee.allocate(call, MemoryLayout<Lookup>.stride)
    else { return CInt(AUTH_ERROR) }
    let lookup = memory.bindMemory(to: Lookup.self, capacity: 1)
    lookup.initialize(to: Lookup(check: auth_check(), flags: flags))
    lookup.pointee.check.size = UInt32(MemoryLayout<auth_check>.size)
    lookup.pointee.check.kind = UInt32(kind)
    lookup.pointee.check.realm = realm
    if !method.isEmpty { lookup.pointee.check.method = method }
    let begun = auth.pointee.pre_auth(call.host, call.pointee.msg, &lookup.pointee.check)
    guard begun == CInt(AUTH_UNDECIDED) else { return begun }

    let check = lookup.pointee.check
    // HA1 of a name with a domain is another one; a password is the same.
    let hasDomain = check.credentials.username.len != check.user.len
    let isOther = hasDomain && state.settings.isPlain == 0
    let columns = isOther ? state.columnsWithDomain : state.columns
    let domain = state.settings.comparesDomains != 0 ? check.domain : nil
    let column = isOther ? state.settings.passwordWithDomain : state.settings.password
    if let key = CacheKey(call, table: call.text(1), user: check.user, domain: domain, column: column) {
        lookup.pointee.key = key
        if let secret = key.find(call) {
            let verdict = auth.pointee.check_response(call.host, &lookup.pointee.check, secret, state.secretKind)
            if verdict == CInt(AUTH_GOOD) { return conclude(call, lookup) }
            // The password may be a new one: the database knows.
            lookup.pointee.check = check
        }
    }
    return ask(
        call, table: call.text(1), user: check.user, domain: domain, columns: columns, count: state.variableCount + 1,
        then: judge, memory)
}

/// Asks for the columns of a user; `then` gives the result of the function.
func ask(
    _ call: Call, table: apus_str, user: apus_str, domain: apus_str?, columns: ColumnList?,
    count: Int, then: @escaping RowAnswer,
    _ memory: UnsafeMutableRawPointer?
) -> CInt {
    let state = call.state.pointee
    guard let columns else { return .false }
    var query = RowQuery(table, columns, count: count)
    query.require(state.settings.user, user)
    if let domain { query.require(state.settings.domain, domain) }
    return query.ask(call, state.db, then: then, memory)
}

/// What the database knows decides.
private let judge: @convention(c) (Call, CInt, UnsafePointer<apus_db_result>, UnsafeMutableRawPointer?) -> CInt = {
    call, status, result, memory in
    let state = call.state.pointee
    guard let auth = state.auth, let lookup = memory?.assumingMemoryBound(to: Lookup.self) else { return .false }
    guard status == CInt(APUS_OK) else { return call.fail(result.pointee.text) }
    let kind = state.secretKind
    let row = result.pointee.row_count > 0 ? result.pointee.values : nil
    // Whoever has an empty password has none: the column's default is often that.
    guard let row, row[0].kind == UInt32(APUS_DB_STRING) || row[0].kind == UInt32(APUS_DB_BLOB), !row[0].str.isEmpty
    else {
        return auth.pointee.check_nobody(call.host, &lookup.pointee.check, kind)
    }
    lookup.pointee.key?.note(row[0].str, call)
    let verdict = auth.pointee.check_response(call.host, &lookup.pointee.check, row[0].str, kind)
    guard verdict == CInt(AUTH_GOOD) else {
        if state.settings.alwaysLoads != 0 { load(call, row + 1) }
        return verdict
    }
    let result = conclude(call, lookup)
    if lookup.pointee.isAccepted || state.settings.alwaysLoads != 0 { load(call, row + 1) }
    return result
}

/// The password was right: is the nonce, too, and is it the sender's?
private func conclude(_ call: Call, _ lookup: UnsafeMutablePointer<Lookup>) -> CInt {
    guard let auth = call.state.pointee.auth else { return CInt(AUTH_ERROR) }
    let verdict = auth.pointee.post_auth(call.host, call.pointee.msg, &lookup.pointee.check)
    lookup.pointee.isAccepted = verdict == CInt(AUTH_GOOD)
    guard lookup.pointee.isAccepted, lookup.pointee.flags & wantsSender != 0 else { return verdict }
    let message = call.message
    if lookup.pointee.flags & allowsAnonymous != 0, message.mayBeAnonymous { return verdict }
    let isSender = message.isSent(by: lookup.pointee.check.user, at: lookup.pointee.check.realm)
    return isSender ? verdict : CInt(AUTH_USER_MISMATCH)
}

extension Message {
    /// Requests whose From need not be the sender's name, by flag 2 of auth_check.
    fileprivate var mayBeAnonymous: Bool {
        switch method {
        case APUS_METHOD_INVITE, APUS_METHOD_BYE, APUS_METHOD_PRACK, APUS_METHOD_UPDATE, APUS_METHOD_MESSAGE: true
        default: false
        }
    }
}

/// Sets the variables of load_credentials to the values of a row's further columns; those that are NULL are left alone.
func load(_ call: Call, _ values: UnsafePointer<apus_db_value>) {
    let state = call.state.pointee
    guard let variables = state.variables else { return }
    for index in 0..<state.variableCount {
        let read = values[index]
        var value = apus_value()
        switch Int(read.kind) {
        case APUS_DB_STRING, APUS_DB_BLOB: value = apus_value(read.str)
        case APUS_DB_INT, APUS_DB_BIGINT, APUS_DB_DATETIME, APUS_DB_BITMAP: value = apus_value(read.num)
        default: continue
        }
        _ = call.host.pointee.vars.pointee.set(call, variables[index], &value)
    }
}
