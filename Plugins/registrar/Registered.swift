import PluginKit
import Registration
import RoutingKit

// Invariants: the callbacks are called once, perhaps after the run has waited; arguments of the call are still there then.

/// Bits of registered()'s match and action.
private let matchesCallID: Int64 = 1
private let matchesReceived: Int64 = 2
private let matchesContact: Int64 = 4
private let restoresAttributes: Int64 = 1
private let notesNothing: Int64 = 2

/// `registered(table[, uri[, match[, action]]])`
func registered(_ call: Call) -> CInt {
    let message = call.message
    var text = call.has(1) ? call.text(1) : apus_str()
    if text.isEmpty { text = message.field(message.isRequest ? APUS_FIELD_REQUEST_URI : APUS_FIELD_TO_URI) }
    return call.ask(text, then: isRegistered)
}

private let isRegistered: @convention(c) (Call, CInt, UnsafePointer<usrloc_record>?, UnsafeMutableRawPointer?) -> CInt =
    {
        call, status, record, _ in
        guard status == CInt(APUS_OK), let record, let contacts = record.pointee.contacts else { return .false }
        let match = call.has(2) ? call.int(2) : 0
        let action = call.has(3) ? call.int(3) : 0
        let config = match == 0 ? nil : call.config
        func wants(_ bit: Int64, _ field: apus_str) -> apus_str? {
            guard match & bit != 0, let value = config?.value(field), value.isText else { return nil }
            return value.str
        }
        let callID = wants(matchesCallID, "match_callid")
        let received = wants(matchesReceived, "match_received")
        let uri = wants(matchesContact, "match_contact")
        for index in 0..<Int(record.pointee.count) {
            let contact = contacts[index]
            if let callID, !contact.call_id.equals(callID) { continue }
            if let received, !contact.received.equals(received) { continue }
            if let uri, !contact.uri.equals(uri) { continue }
            if action & restoresAttributes != 0 {
                var attributes = AttributeNotes(call)
                attributes.add(contact)
            }
            if action & notesNothing == 0 {
                var records = RecordNotes(call)
                records.addRecord(contact)
            }
            return .true
        }
        return .false
    }

/// Bits of reg_from_user()'s mode.
private let comparesPort: Int64 = 1
private let comparesTransport: Int64 = 2

/// `reg_from_user(table, uri, mode)`
func isFromUser(_ call: Call) -> CInt { call.ask(call.text(1), then: cameFromContact) }

private let cameFromContact:
    @convention(c) (Call, CInt, UnsafePointer<usrloc_record>?, UnsafeMutableRawPointer?) -> CInt = {
        call, status, record, _ in
        guard status == CInt(APUS_OK), let record, let contacts = record.pointee.contacts else { return .false }
        var source = apus_destination()
        source.size = UInt32(MemoryLayout<apus_destination>.size)
        call.message.api.pointee.source(call.pointee.msg, &source)
        for index in 0..<Int(record.pointee.count) where call.leads(contacts[index], to: source, mode: call.int(2)) {
            return .true
        }
        return .false
    }

/// `unregister(table, uri[, ruid])`: 1 it is gone, −1 no address, −2 it could not be done, −3 there is nothing.
func unregister(_ call: Call) -> CInt {
    guard let table = call.table else { return -2 }
    let ruid = call.has(2) ? call.text(2) : apus_str()
    var fault: RegistrationFault?
    guard let uri = call.message.parse(uri: call.text(1)), let key = call.key(uri, &fault) else { return .false }
    var edit = usrloc_edit()
    edit.kind = UInt32(USRLOC_DROP)
    edit.contact.size = UInt32(MemoryLayout<usrloc_contact>.size)
    edit.contact.ruid = ruid
    var change = usrloc_change()
    change.size = UInt32(MemoryLayout<usrloc_change>.size)
    change.aor = key
    change.flags = UInt32(USRLOC_UNORDERED)
    if ruid.isEmpty {
        change.flags |= UInt32(USRLOC_ALL)
        return call.usrloc.pointee.change(call, table, &change, unregistered, nil)
    }
    return withUnsafePointer(to: edit) {
        change.edits = $0
        change.count = 1
        return call.usrloc.pointee.change(call, table, &change, unregistered, nil)
    }
}

private let unregistered: @convention(c) (Call, UnsafePointer<usrloc_outcome>, UnsafeMutableRawPointer?) -> CInt = {
    call, outcome, _ in
    guard outcome.pointee.status == CInt(APUS_OK) else {
        call.log(.error, outcome.pointee.text)
        return -2
    }
    return outcome.pointee.deleted > 0 ? .true : -3
}

/// `add_sock_hdr(name)`
func addSocketHeader(_ call: Call) -> CInt {
    let message = call.message
    let name = call.text(0)
    guard message.isRequest, name.isToken else { return call.fail("add_sock_hdr() wants the name of a header") }
    guard let listener = message.api.pointee.received_on(message.handle),
        let info = apus_listener_info.filled({ call.host.pointee.net.pointee.info(listener, $0) }),
        var line = call.writer(name.len + info.text.len + 4)
    else { return .false }
    line.add(name)
    line.add(": ")
    line.add(info.text)
    line.add("\r\n")
    return message.insert(line.text, after: nil) ? .true : .false
}

extension UnsafePointer<apus_call> {
    /// Asks for the contacts of a URI's address of record.
    fileprivate func ask(
        _ text: apus_str,
        then: @escaping @convention(c) (Call, CInt, UnsafePointer<usrloc_record>?, UnsafeMutableRawPointer?) -> CInt
    ) -> CInt {
        var fault: RegistrationFault?
        guard let table, let uri = message.parse(uri: text), let key = key(uri, &fault) else { return .false }
        var query = usrloc_query()
        query.size = UInt32(MemoryLayout<usrloc_query>.size)
        query.aor = key
        return usrloc.pointee.lookup(self, table, &query, then, nil)
    }

    /// Whether what is sent to the contact goes where the message came from.
    fileprivate func leads(_ contact: usrloc_contact, to source: apus_destination, mode: Int64) -> Bool {
        guard let uri = message.parse(uri: contact.received.isEmpty ? contact.uri : contact.received) else {
            return false
        }
        var address = apus_address()
        guard host.pointee.net.pointee.parse_address(uri.host, &address) > 0, address.hasIP(of: source.remote) else {
            return false
        }
        var transport = UInt32(uri.scheme == 2 ? APUS_TLS : APUS_UDP)
        if !uri.transport.isEmpty { transport = host.pointee.net.pointee.transport(uri.transport) }
        if mode & comparesTransport != 0, transport != source.transport { return false }
        let port =
            uri.port_number != 0
            ? UInt16(truncatingIfNeeded: uri.port_number) : transport == UInt32(APUS_TLS) ? 5061 : 5060
        return mode & comparesPort == 0 || port == source.remote.port
    }
}
