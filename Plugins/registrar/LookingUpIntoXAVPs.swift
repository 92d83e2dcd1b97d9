import PluginKit
import Registration
import RoutingKit

/// `lookup_xavp(table, uri, rx, cx)`: contacts become values of a script, and nothing happens to the message.
func lookupIntoXAVPs(_ call: Call) -> CInt {
    guard let table = call.table, let search = call.keep(Search(table: table)) else { return -3 }
    var isAsked = false
    return call.find(call.text(1), search, user: search, isAsked: &isAsked, then: listed)
}

private let listed: @convention(c) (Call, CInt, UnsafePointer<usrloc_record>?, UnsafeMutableRawPointer?) -> CInt = {
    call, status, record, user in
    guard status == CInt(APUS_OK), let record = record?.pointee else { return -3 }
    let search = user.unsafelyUnwrapped.assumingMemoryBound(to: Search.self)
    let filter = ContactFilter(call, instance: search.pointee.instance)
    let values = call.xavps()
    var last: XAVP?
    var count: Int64 = 0
    var lacksMethod = false
    for index in 0..<Int(record.count) {
        guard let contact = record.contacts?[index] else { break }
        let verdict = filter.judge(contact)
        if verdict == .lacksMethod { lacksMethod = true }
        guard verdict == .good else { continue }
        guard let value = values.add(call.text(3)), let fields = values.fields(of: value) else { return -3 }
        if let last { values.move(value, behind: last) }
        last = value
        count += 1
        _ = fields.add("uri", apus_value(contact.uri))
        if !contact.received.isEmpty { _ = fields.add("dsturi", apus_value(contact.received)) }
        if !contact.socket.isEmpty { _ = fields.add("socket", apus_value(contact.socket)) }
    }
    guard count > 0 else { return lacksMethod ? -2 : .false }
    guard let value = values.add(call.text(2)), let fields = values.fields(of: value) else { return -3 }
    _ = fields.add("aor", apus_value(record.aor))
    _ = fields.add("count", apus_value(count))
    return .true
}
