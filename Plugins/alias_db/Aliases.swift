import PluginKit
import TableKit

// Invariants: run on workers, with the State that the functions were declared with.

/// What letters of a function's flags say.
private struct Options {
    var comparesDomain: Bool
    /// The alias of a user is looked for.
    var isReverse = false

    init(_ own: State, _ flags: apus_str) {
        comparesDomain = own.comparesDomains != 0
        for byte in flags.bytes {
            switch byte {
            case UInt8(ascii: "d"), UInt8(ascii: "D"): comparesDomain = false
            case UInt8(ascii: "u"), UInt8(ascii: "U"): comparesDomain = true
            default: isReverse = true
            }
        }
    }
}

/// Letters that are none are mistakes of the script.
private func check(
    _ constant: apus_str, _ complaint: UnsafeMutablePointer<apus_complaint>
) -> CInt {
    for byte in constant.bytes where !"dDuUrR".utf8.contains(byte) {
        return complaint.say("the flags are letters of d, u and r")
    }
    return .true
}

let prepareLookup: Preparation = { _, index, constant, _, complaint in
    if index == 0 { state.pointee.tables.note(constant) }
    return index == 1 ? check(constant, complaint) : .true
}

let prepareFind: Preparation = { _, index, constant, _, complaint in
    if index == 0 { state.pointee.tables.note(constant) }
    return index == 3 ? check(constant, complaint) : .true
}

extension UnsafePointer<apus_call> {
    fileprivate var state: UnsafeMutablePointer<State> {
        pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
    }

    fileprivate func ask(_ uri: apus_str, _ flags: apus_str, rows: UInt32, then: @escaping RowAnswer) -> CInt {
        let own = state.pointee
        guard let known = person(uri), !known.user.isEmpty, let users = own.users, let aliases = own.aliases else {
            return .false
        }
        let options = Options(own, flags)
        var query = RowQuery(text(0), options.isReverse ? aliases : users, rows: rows)
        query.require(options.isReverse ? own.user : own.aliasUser, known.user)
        if options.comparesDomain {
            query.require(
                options.isReverse ? own.domain : own.aliasDomain, known.host.without(prefix: own.domainPrefix))
        }
        return query.ask(self, own.db, then: then)
    }

    /// Of a row; nil when memory is out.
    fileprivate func uri(_ result: UnsafePointer<apus_db_result>, _ row: Int) -> apus_str? {
        uri(user: result.text(0, row: row), host: result.text(1, row: row))
    }
}

/// `alias_db_lookup(table[, flags])`
func lookUp(_ call: Call) -> CInt {
    let own = call.state.pointee
    return call.ask(
        call.message.field(APUS_FIELD_REQUEST_URI), call.has(1) ? call.text(1) : "",
        rows: own.appendsBranches != 0 ? 0 : 1, then: replace)
}

private let replace: RowAnswer = { call, status, result, _ in
    guard status == CInt(APUS_OK) else { return call.fail(result.pointee.text) }
    guard result.pointee.row_count > 0 else { return .false }
    guard let uri = call.uri(result, 0), call.message.api.pointee.set_request_uri(call.pointee.msg, uri) > 0 else {
        return call.fail("the table has no URI there, or memory is out")
    }
    for row in 1..<max(1, Int(result.pointee.row_count)) {
        var branch = apus_branch()
        branch.size = UInt32(MemoryLayout<apus_branch>.size)
        branch.q = Int32(APUS_NO_Q)
        guard let uri = call.uri(result, row) else { break }
        branch.uri = uri
        if call.host.pointee.branches.pointee.append(call.pointee.msg, &branch) <= 0 {
            call.log(.error, "not all users of the alias could become branches")
            break
        }
    }
    return .true
}

/// `alias_db_find(table, uri, result[, flags])`
func find(_ call: Call) -> CInt { call.ask(call.text(1), call.has(3) ? call.text(3) : "", rows: 1, then: give) }

private let give: RowAnswer = { call, status, result, _ in
    guard status == CInt(APUS_OK) else { return call.fail(result.pointee.text) }
    guard result.pointee.row_count > 0, let uri = call.uri(result, 0), let variable = call.argument(2).variable else {
        return .false
    }
    var value = apus_value(uri)
    return call.host.pointee.vars.pointee.set(call, variable, &value) > 0
        ? .true : call.fail("the variable takes no URI")
}
