import PluginKit
import Registration
import RoutingKit

// Invariants: Notes lie in memory of the message that they belong to, whose slot leads to them. A Profile and a record that was fetched into it are
// pieces of memory of the message's home worker; they are given back when they are replaced or freed, or when the message ends.

/// What the module keeps with a message.
struct Notes {
    var reply: KeptReply?
    var profiles: UnsafeMutablePointer<Profile>?
}

/// Contacts that a script has fetched under a name: a header with the texts of all behind it.
struct Profile {
    var next: UnsafeMutablePointer<Profile>?
    var name = apus_str()
    var aor = apus_str()
    var domain = apus_str()
    var hash: UInt64 = 0
    var count = 0
    var contacts: UnsafeMutablePointer<usrloc_contact>?
}

/// Ends the Notes of a message.
let endNotes: @convention(c) (Host, UnsafeMutableRawPointer) -> Void = { host, data in
    var next = data.assumingMemoryBound(to: Notes.self).pointee.profiles
    while let profile = next {
        next = profile.pointee.next
        host.pointee.memory.pointee.release(host, profile)
    }
}

/// `reg_fetch_contacts(table, uri, profile)`
func fetchContacts(_ call: Call) -> CInt {
    var fault: RegistrationFault?
    guard let table = call.table, let uri = call.message.parse(uri: call.text(1)), let key = call.key(uri, &fault)
    else {
        return .false
    }
    var query = usrloc_query()
    query.size = UInt32(MemoryLayout<usrloc_query>.size)
    query.aor = key
    return call.usrloc.pointee.lookup(call, table, &query, fetched, nil)
}

private let fetched: @convention(c) (Call, CInt, UnsafePointer<usrloc_record>?, UnsafeMutableRawPointer?) -> CInt = {
    call, status, record, _ in
    guard status == CInt(APUS_OK), let record, record.pointee.count > 0, let notes = call.notes(make: true) else {
        return .false
    }
    let name = call.text(2)
    notes.pointee.drop(name, call.host)
    guard let profile = Profile.make(name, record, call) else { return call.fail("no memory for so many contacts") }
    profile.pointee.next = notes.pointee.profiles
    notes.pointee.profiles = profile
    return .true
}

/// `reg_free_contacts(profile)`
func freeContacts(_ call: Call) -> CInt {
    call.notes(make: false)?.pointee.drop(call.text(0), call.host)
    return .true
}

extension Notes {
    fileprivate mutating func drop(_ name: apus_str, _ host: Host) {
        var previous: UnsafeMutablePointer<Profile>?
        var next = profiles
        while let profile = next {
            next = profile.pointee.next
            guard profile.pointee.name.equals(name) else {
                previous = profile
                continue
            }
            if let previous { previous.pointee.next = next } else { profiles = next }
            host.pointee.memory.pointee.release(host, profile)
        }
    }

    fileprivate func find(_ name: apus_str) -> UnsafeMutablePointer<Profile>? {
        var next = profiles
        while let profile = next {
            if profile.pointee.name.equals(name) { return profile }
            next = profile.pointee.next
        }
        return nil
    }
}

extension usrloc_contact {
    /// The texts of a contact, to be copied: each once.
    fileprivate mutating func eachText(_ visit: (inout apus_str) -> Void) {
        visit(&uri)
        visit(&received)
        visit(&path)
        visit(&call_id)
        visit(&user_agent)
        visit(&instance)
        visit(&ruid)
        visit(&socket)
    }
}

extension Profile {
    /// A copy of a record, in memory of the worker; nil when that is out.
    fileprivate static func make(
        _ name: apus_str, _ record: UnsafePointer<usrloc_record>, _ call: Call
    ) -> UnsafeMutablePointer<Profile>? {
        guard let contacts = record.pointee.contacts else { return nil }
        let count = Int(record.pointee.count)
        let domain = call.usrloc.pointee.table_name(record.pointee.table)
        var texts = name.len + record.pointee.aor.len
        for index in 0..<count {
            var contact = contacts[index]
            contact.eachText { texts += $0.len }
        }
        let head = MemoryLayout<Profile>.stride
        let body = count * MemoryLayout<usrloc_contact>.stride
        guard let memory = call.host.pointee.memory.pointee.allocate(call.host, head + body + max(texts, 1)) else {
            return nil
        }
        let profile = memory.bindMemory(to: Profile.self, capacity: 1)
        let copies = (memory + head).bindMemory(to: usrloc_contact.self, capacity: count)
        var writer = Writer(memory + head + body, capacity: texts)
        func copy(_ text: inout apus_str) {
            let from = writer.count
            writer.add(text)
            text = writer.text[from..<writer.count]
        }
        var made = Profile(domain: domain, hash: record.pointee.hash, count: count, contacts: copies)
        (made.name, made.aor) = (name, record.pointee.aor)
        copy(&made.name)
        copy(&made.aor)
        for index in 0..<count {
            var contact = contacts[index]
            contact.eachText { copy(&$0) }
            (copies + index).initialize(to: contact)
        }
        profile.initialize(to: made)
        return profile
    }
}

extension UnsafePointer<apus_call> {
    /// The message's Notes; nil when there are none, or memory is out.
    func notes(make: Bool) -> UnsafeMutablePointer<Notes>? {
        let slots = host.pointee.slots.pointee
        if let there = slots.message(pointee.msg, state.pointee.notes) {
            return there.assumingMemoryBound(to: Notes.self)
        }
        guard make, let memory = message.api.pointee.allocate(pointee.msg, MemoryLayout<Notes>.stride) else {
            return nil
        }
        let notes = memory.bindMemory(to: Notes.self, capacity: 1)
        notes.initialize(to: Notes())
        slots.set_message(pointee.msg, state.pointee.notes, notes)
        return notes
    }
}

/// `$ulc(profile=>attribute)`; with an index the contact of that place.
let getContact: @convention(c) (Access, UnsafeMutablePointer<apus_value>) -> CInt = { access, out in
    guard let state = State.shared, let (name, attribute) = access.pointee.inner.profileAndAttribute else {
        return .false
    }
    let index = access.pointee.index_kind == UInt32(APUS_INDEX_NUMBER) ? Int(access.pointee.index) : 0
    let slots = access.host.pointee.slots.pointee
    if let there = slots.message(access.pointee.msg, state.pointee.notes) {
        let notes = there.assumingMemoryBound(to: Notes.self)
        if let profile = notes.pointee.find(name)?.pointee, let contacts = profile.contacts {
            let table = ShownTable(aor: profile.aor, domain: profile.domain, hash: profile.hash, count: profile.count)
            let place = index < 0 ? profile.count + index : index
            guard 0..<profile.count ~= place else { return .false }
            return table.show(attribute, contacts[place], out)
        }
    }
    guard name.equals("exp"), let usrloc = state.pointee.usrloc,
        let record = usrloc.pointee.expired(access.pointee.msg)?.pointee, let contacts = record.contacts
    else { return .false }
    let place = index < 0 ? Int(record.count) + index : index
    guard 0..<Int(record.count) ~= place else { return .false }
    let table = ShownTable(
        aor: record.aor, domain: usrloc.pointee.table_name(record.table), hash: record.hash, count: Int(record.count))
    return table.show(attribute, contacts[place], out)
}

extension apus_str {
    /// `profile=>attribute`
    fileprivate var profileAndAttribute: (apus_str, apus_str)? {
        guard let equals = index(of: UInt8(ascii: "=")), equals + 2 < len, self[equals + 1] == UInt8(ascii: ">") else {
            return nil
        }
        return (self[0..<equals].trimmed, self[equals + 2..<len].trimmed)
    }
}

/// The address of record that a contact of $ulc belongs to.
private struct ShownTable {
    let aor: apus_str
    let domain: apus_str
    let hash: UInt64
    let count: Int

    func show(_ attribute: apus_str, _ contact: usrloc_contact, _ out: UnsafeMutablePointer<apus_value>) -> CInt {
        switch attribute.len {
        case 1 where attribute.equals("q"): return number(out, Int64(contact.q))
        case 3 where attribute.equals("aor"): return text(out, aor)
        case 4 where attribute.equals("addr"): return text(out, contact.uri)
        case 4 where attribute.equals("path"): return text(out, contact.path)
        case 4 where attribute.equals("cseq"): return number(out, Int64(contact.cseq))
        case 4 where attribute.equals("ruid"): return text(out, contact.ruid)
        case 5 where attribute.equals("flags"): return number(out, Int64(contact.flags))
        case 5 where attribute.equals("count"): return number(out, Int64(count))
        case 5 where attribute.equals("regid"): return number(out, Int64(contact.reg_id))
        case 5 where attribute.equals("conid"):
            return contact.connection == 0 ? .false : number(out, Int64(truncatingIfNeeded: contact.connection))
        case 6 where attribute.equals("domain"): return text(out, domain)
        case 6 where attribute.equals("callid"): return text(out, contact.call_id)
        case 6 where attribute.equals("cflags"): return number(out, Int64(contact.cflags))
        case 6 where attribute.equals("socket"): return text(out, contact.socket)
        case 7 where attribute.equals("aorhash"): return number(out, Int64(hash & 0x7fff_ffff))
        case 7 where attribute.equals("expires"): return number(out, contact.expires)
        case 7 where attribute.equals("methods"): return number(out, Int64(contact.methods))
        case 8 where attribute.equals("received"): return text(out, contact.received)
        case 8 where attribute.equals("modified"): return number(out, contact.last_modified)
        case 8 where attribute.equals("instance"): return text(out, contact.instance)
        case 9 where attribute.equals("server_id"): return number(out, Int64(contact.server_id))
        case 10 where attribute.equals("user_agent"): return text(out, contact.user_agent)
        default: return .false
        }
    }

    private func number(_ out: UnsafeMutablePointer<apus_value>, _ value: Int64) -> CInt {
        out.pointee = apus_value(value)
        return .true
    }

    /// $null when there is none.
    private func text(_ out: UnsafeMutablePointer<apus_value>, _ value: apus_str) -> CInt {
        value.isEmpty ? .false : out.answer(value)
    }
}
