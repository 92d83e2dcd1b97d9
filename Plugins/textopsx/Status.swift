import PluginKit

/// Checks a constant code when the config is read.
let prepareStatus: Preparation = { _, index, constant, _, complaint in
    guard index == 0 else { return .true }
    guard let code = constant.number, 100...699 ~= code else {
        return complaint.say("a status code is a number from 100 to 699")
    }
    return .true
}

/// `change_reply_status(code, reason)`
func changeStatus(_ call: Call) -> CInt { changeStatus(call, reason: call.text(1)) }

/// `change_reply_status_code(code)`
func changeStatusCode(_ call: Call) -> CInt { changeStatus(call, reason: apus_str()) }

private func changeStatus(_ call: Call, reason: apus_str) -> CInt {
    let api = call.message.api.pointee
    let now = Int64(api.status(call.pointee.msg))
    let code = call.int(0)
    guard now != 0 else { return call.fail("the message is no reply") }
    guard 100...699 ~= code else { return call.fail("a status code is a number from 100 to 699") }
    // What a provisional or successful reply has set up would be forgotten, or made up (RFC 3261 section 16.7).
    guard now >= 300 ? code >= 300 : code / 100 == now / 100 else {
        return call.fail("a provisional or successful reply stays of its class, and a negative one negative")
    }
    return call.edited(api.set_status(call.pointee.msg, CInt(code), reason) > 0)
}
