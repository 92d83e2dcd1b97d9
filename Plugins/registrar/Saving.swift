import PluginKit
import Registration
import RoutingKit

// Invariants: a Plan lies in memory of the run; `changed` and `listed` are called once, perhaps after the run has waited.

/// Looks at the constant arguments of save().
let prepareSave: Preparation = { host, index, constant, prepared, complaint in
    switch index {
    case 0: return prepareTable(host, constant, prepared, complaint)
    case 1:
        guard let flags = constant.flags, 0...31 ~= flags else {
            return complaint.say(
                "flags are 1 (memory only), 2 (no reply), 4 (one contact), 8 (exact expires), 16 (headers), or a sum")
        }
        if flags & 16 != 0, flags & 2 == 0 { host.log(.notice, "flag 16 has no effect without 2") }
        return .true
    default: return .true
    }
}

/// `save(table[, flags[, uri]])`
func save(_ call: Call) -> CInt {
    let flags = call.has(1) ? call.text(1).flags : 0
    guard let flags else { return call.fail("the flags of save() are no number") }
    let uri = call.has(2) && !call.text(2).isEmpty ? call.text(2) : nil
    return save(call, SaveFlags(rawValue: flags), uri)
}

/// `save_noreply(table)`
func saveWithoutReply(_ call: Call) -> CInt { save(call, .noReply, nil) }

/// `save_memory(table)`
func saveInMemory(_ call: Call) -> CInt { save(call, .memoryOnly, nil) }

private func save(_ call: Call, _ flags: SaveFlags, _ uri: apus_str?) -> CInt {
    guard call.message.method == APUS_METHOD_REGISTER else { return call.fail("save() is for REGISTER") }
    guard let table = call.table, let plan = call.keep(Plan(table: table, flags: flags)) else { return .false }
    do throws(RegistrationFault) {
        try plan.pointee.read(call, uri: uri)
    } catch {
        return refuse(call, plan, error)
    }
    if plan.pointee.count == 0, !plan.pointee.deletesAll {
        var query = usrloc_query()
        query.size = UInt32(MemoryLayout<usrloc_query>.size)
        query.aor = plan.pointee.key
        return call.usrloc.pointee.lookup(call, table, &query, listed, plan)
    }
    var change = plan.pointee.change
    return call.usrloc.pointee.change(call, table, &change, changed, plan)
}

/// A query was answered.
private let listed: @convention(c) (Call, CInt, UnsafePointer<usrloc_record>?, UnsafeMutableRawPointer?) -> CInt = {
    call, status, record, user in
    let plan = user.unsafelyUnwrapped.assumingMemoryBound(to: Plan.self)
    guard status == CInt(APUS_OK) else { return refuse(call, plan, .reading) }
    return accept(call, plan, record, code: 4)
}

/// A change was made, or not.
private let changed: @convention(c) (Call, UnsafePointer<usrloc_outcome>, UnsafeMutableRawPointer?) -> CInt = {
    call, outcome, user in
    let plan = user.unsafelyUnwrapped.assumingMemoryBound(to: Plan.self)
    switch Int(outcome.pointee.status) {
    case APUS_OK: break
    case USRLOC_OUT_OF_ORDER: return refuse(call, plan, .invalidCSeq)
    case USRLOC_TOO_MANY: return refuse(call, plan, .tooManyContacts)
    case USRLOC_TOO_LONG: return refuse(call, plan, .contactTooLong)
    default:
        call.log(.error, outcome.pointee.text)
        return refuse(call, plan, .writing)
    }
    let done = outcome.pointee
    let code: CInt = done.inserted + done.repeated > 0 ? 1 : done.updated > 0 ? 2 : 3
    return accept(call, plan, done.record, code: code)
}

extension apus_str {
    /// In decimal or, behind 0x, hexadecimal.
    fileprivate var flags: Int64? {
        guard len > 2, self[0] == 0x30, apus_str.lower(self[1]) == UInt8(ascii: "x") else { return number }
        var value: Int64 = 0
        for byte in dropFirst(2).bytes {
            let letter = apus_str.lower(byte)
            let digit = letter &- 0x30 <= 9 ? letter &- 0x30 : letter &- 0x61 < 6 ? letter &- 0x57 : 16
            guard digit < 16, value < 1 << 32 else { return nil }
            value = value << 4 | Int64(digit)
        }
        return value
    }
}
