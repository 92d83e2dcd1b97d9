import PluginKit
import Registration
import RoutingKit

// Invariants: headers are put together in memory of the worker that is released when the reply has been sent; whoever takes them copies them. What
// a message's Notes point to lies in memory of the message.

/// A reply that save() was told not to send.
struct KeptReply {
    let code: Int32
    let reason: apus_str
    let headers: apus_str
}

/// 200, with the contacts that there are.
/// - Parameter code: what save() answers.
func accept(_ call: Call, _ plan: UnsafeMutablePointer<Plan>, _ record: UnsafePointer<usrloc_record>?, code: CInt)
    -> CInt
{
    call.host.bump(call.state.pointee.counters.accepted)
    return reply(call, plan, nil, record) ? code : .false
}

/// The reply that says why not; what save() answers then.
func refuse(_ call: Call, _ plan: UnsafeMutablePointer<Plan>, _ fault: RegistrationFault) -> CInt {
    call.host.bump(call.state.pointee.counters.rejected)
    if fault == .contactTooLong { call.log(.warning, "a contact or where it comes from is too long") }
    _ = reply(call, plan, fault, nil)
    return fault == .tooManyContacts ? -2 : .false
}

/// `reg_send_reply()`
func sendKeptReply(_ call: Call) -> CInt {
    guard let kept = call.notes(make: false)?.pointee.reply else {
        return call.fail("there is no reply that save() has left for reg_send_reply()")
    }
    return call.send(kept.code, kept.reason, kept.headers) ? .true : .false
}

/// Sends the reply, or keeps it; to a reply nothing is sent.
private func reply(
    _ call: Call, _ plan: UnsafeMutablePointer<Plan>, _ fault: RegistrationFault?,
    _ record: UnsafePointer<usrloc_record>?
) -> Bool {
    guard call.message.isRequest else { return true }
    let settings = call.home.pointee.settings
    let code = fault?.code ?? 200
    let reason = fault?.reason ?? "OK"
    let list = Listing(call, plan, record)
    let capacity = list.capacity + 2 * plan.pointee.path.len + 512
    let api = call.host.pointee.memory.pointee
    guard let memory = api.allocate(call.host, capacity) else {
        call.log(.error, "no memory for a reply to REGISTER")
        return call.send(500, "Server Internal Error", "")
    }
    defer { api.release(call.host, memory) }
    var lines = Writer(memory, capacity: capacity)
    if fault == nil { list.write(to: &lines) }
    lines.addOptions(plan.pointee, fault, settings)
    if let fault {
        lines.add("P-Registrar-Error: ")
        lines.add(fault.text)
        lines.add("\r\n")
    }
    guard !lines.overflowed else { return call.send(500, "Server Internal Error", "") }
    guard plan.pointee.flags.contains(.noReply) else { return call.send(code, reason, lines.text) }
    if plan.pointee.flags.contains(.prepareHeaders) {
        return lines.count == 0 || call.message.api.pointee.append_to_reply(call.pointee.msg, lines.text) > 0
    }
    return call.keepReply(code, reason, lines.text)
}

extension Writer {
    /// What is said of extensions and times.
    fileprivate mutating func addOptions(_ plan: Plan, _ fault: RegistrationFault?, _ settings: Settings) {
        if !plan.path.isEmpty, fault == nil && plan.repliesPath || fault == .pathUnsupported {
            add("Path: ")
            add(plan.path)
            add("\r\n")
        }
        switch fault {
        case nil:
            guard settings.outboundMode > 0 else { break }
            add("Supported: outbound\r\n")
            guard plan.isOutbound else { break }
            add("Require: outbound\r\n")
            if settings.flowTimer > 0 { add("Flow-Timer: ", settings.flowTimer) }
        case .pathUnsupported: add("Unsupported: path\r\n")
        case .outboundUnsupported: add("Unsupported: outbound\r\n")
        case .outboundRequired: add("Require: outbound\r\n")
        case .tooBrief: add("Min-Expires: ", settings.minExpires)
        default:
            if let fault, fault.code >= 500, settings.retryAfter > 0 { add("Retry-After: ", settings.retryAfter) }
        }
    }

    private mutating func add(_ name: apus_str, _ number: Int64) {
        add(name)
        add(number: number)
        add("\r\n")
    }
}

/// The contacts of a record in a reply.
private struct Listing {
    let call: Call
    let plan: UnsafeMutablePointer<Plan>
    let record: UnsafePointer<usrloc_record>?
    let receivedName: apus_str
    /// `sip:alice@example.com`; empty when the phone wants no GRUUs.
    let address: apus_str
    let now = wallSeconds()

    init(_ call: Call, _ plan: UnsafeMutablePointer<Plan>, _ record: UnsafePointer<usrloc_record>?) {
        (self.call, self.plan, self.record) = (call, plan, record)
        receivedName = call.home.pointee.settings.receivedParameter
        address = plan.pointee.wantsGRUU && record != nil ? call.publicAddress(plan.pointee.uri) : ""
    }

    var capacity: Int {
        var sum = 16
        for index in 0..<count { sum += listed(index).capacity(receivedName: receivedName) }
        return sum
    }

    func write(to lines: inout Writer) {
        var list = ContactList(lines, receivedName: receivedName)
        for index in 0..<count { list.add(listed(index)) }
        _ = list.finish()
        lines = list.writer
    }

    private var count: Int { record.map { Int($0.pointee.count) } ?? 0 }

    private func listed(_ index: Int) -> ListedContact {
        guard let record, let contacts = record.pointee.contacts else { return ListedContact() }
        let contact = contacts[index]
        var listed = ListedContact()
        listed.uri = contact.uri
        listed.q = contact.q
        // One that an operator has made for ever is told as a very long time.
        listed.expires = contact.expires == 0 ? 1 << 30 - 1 : max(1, contact.expires - now)
        listed.received = contact.received
        listed.instance = contact.instance.instanceName
        listed.regID = Int64(contact.reg_id)
        if !address.isEmpty, !contact.instance.isEmpty {
            listed.publicAddress = address
            // The hash leads to contacts in memory only.
            if call.state.pointee.location.db_mode != 3 {
                (listed.ruid, listed.hash) = (contact.ruid, record.pointee.hash)
                listed.temporaryHost = plan.pointee.uri.host
            }
        }
        return listed
    }
}

extension UnsafePointer<apus_call> {
    /// Scheme, user, host and port.
    fileprivate func publicAddress(_ uri: apus_uri) -> apus_str {
        guard !uri.user.isEmpty, !uri.user.breaksText,
            var writer = writer(uri.user.len + uri.host.len + uri.port.len + 8)
        else { return "" }
        writer.add(uri.scheme == 2 ? "sips:" : "sip:")
        writer.add(uri.user)
        writer.add("@")
        writer.add(uri.host)
        if !uri.port.isEmpty { writer.add(":") }
        writer.add(uri.port)
        return writer.text
    }

    /// By sl, in the transaction if there is one.
    fileprivate func send(_ code: Int32, _ reason: apus_str, _ headers: apus_str) -> Bool {
        guard let sl = state.pointee.sl else { return false }
        var reply = apus_reply()
        reply.size = UInt32(MemoryLayout<apus_reply>.size)
        reply.code = code
        reply.reason = reason
        reply.headers = headers
        return sl.pointee.reply_by_transaction(host, pointee.msg, &reply) > 0
    }

    /// For reg_send_reply().
    fileprivate func keepReply(_ code: Int32, _ reason: apus_str, _ headers: apus_str) -> Bool {
        guard let notes = notes(make: true),
            let memory = message.api.pointee.allocate(pointee.msg, max(headers.len, 1))
        else { return false }
        var copy = Writer(memory, capacity: headers.len)
        copy.add(headers)
        notes.pointee.reply = KeptReply(code: code, reason: reason, headers: copy.text)
        return true
    }
}
