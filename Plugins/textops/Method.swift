import PluginKit

// Invariants: a prepared list is a set of method numbers as the pointer's bits; nothing is behind it.

/// In the set: names without a number stand in the list, to be compared as text. `APUS_METHOD_OTHER` itself never is.
private let othersListed: UInt = 1

private func set(of list: apus_str, _ api: UnsafePointer<apus_message_api>) -> UInt {
    var rest = list
    var set: UInt = 0
    while let name = rest.next(UInt8(ascii: "|")) { set |= 1 << UInt(api.pointee.method_of(name.trimmed)) }
    return set
}

/// Turns a constant list of methods into a set.
let prepareMethods: Preparation = { host, _, constant, prepared, complaint in
    guard !constant.trimmed.isEmpty else { return complaint.say("a list of methods is wanted: INVITE|ACK") }
    prepared.pointee = UnsafeMutableRawPointer(bitPattern: set(of: constant, host.pointee.message))
    return .true
}

/// `is_method("INVITE|ACK")`
func isMethod(_ call: Call) -> CInt {
    let message = call.message
    let method = message.method
    var methods = UInt(bitPattern: call.argument(0).prepared)
    if methods == 0 { methods = set(of: call.text(0), message.api) }
    if method != APUS_METHOD_OTHER { return methods & (1 << UInt(method)) != 0 ? .true : .false }
    guard methods & othersListed != 0 else { return .false }
    let name = message.field(APUS_FIELD_METHOD_TEXT)
    var rest = call.text(0)
    while let listed = rest.next(UInt8(ascii: "|")) {
        if listed.trimmed.equals(name) { return .true }
    }
    return .false
}
