import PluginKit

/// Bits of is_subscriber's flags.
private let usesDomain: Int64 = 1
private let loadsNothing: Int64 = 2

/// `is_subscriber(uri, table, flags)`
func isSubscriber(_ call: Call) -> CInt {
    guard let uri = call.message.parse(uri: call.text(0)), !uri.user.isEmpty else {
        return call.fail("the first argument is no URI with a user")
    }
    let state = call.state.pointee
    let flags = call.int(2)
    let count = flags & loadsNothing != 0 ? 1 : state.variableCount + 1
    return ask(
        call, table: call.text(1), user: uri.user, domain: flags & usesDomain != 0 ? uri.host : nil,
        columns: state.columnsOfOthers, count: count, then: count > 1 ? foundAndLoaded : found, nil)
}

private let found: @convention(c) (Call, CInt, UnsafePointer<apus_db_result>, UnsafeMutableRawPointer?) -> CInt = {
    call, status, result, _ in
    guard status == CInt(APUS_OK) else { return call.fail(result.pointee.text) }
    return result.pointee.row_count > 0 ? .true : .false
}

private let foundAndLoaded:
    @convention(c) (Call, CInt, UnsafePointer<apus_db_result>, UnsafeMutableRawPointer?) -> CInt = {
        call, status, result, memory in
        let answer = found(call, status, result, memory)
        if answer > 0, let row = result.pointee.values { load(call, row + 1) }
        return answer
    }
