import PluginKit

/// Copies of what the contract gives, in memory of somebody else's.
extension usrloc_contact {
    /// Nil when memory is out.
    public func copied(_ allocate: LocationTable.Allocate) -> usrloc_contact? {
        var made = self
        let size =
            uri.len + received.len + path.len + call_id.len + user_agent.len + instance.len + ruid.len + socket.len
            + attributes.len
        guard let memory = allocate(max(size, 1)) else { return nil }
        var writer = Writer(memory, capacity: size)
        made.uri = writer.copy(uri)
        made.received = writer.copy(received)
        made.path = writer.copy(path)
        made.call_id = writer.copy(call_id)
        made.user_agent = writer.copy(user_agent)
        made.instance = writer.copy(instance)
        made.ruid = writer.copy(ruid)
        made.socket = writer.copy(socket)
        made.attributes = writer.copy(attributes)
        return made
    }
}

extension usrloc_record {
    /// A record of these contacts, which are borrowed, in their order; nil when memory is out.
    public static func made(
        _ aor: apus_str, _ hash: UInt64, _ contacts: UnsafeBufferPointer<usrloc_contact>, table: OpaquePointer,
        _ allocate: LocationTable.Allocate
    ) -> UnsafeMutablePointer<usrloc_record>? {
        let head = MemoryLayout<usrloc_record>.stride
        let list = MemoryLayout<usrloc_contact>.stride * contacts.count
        guard let memory = allocate(head + list + max(aor.len, 1)) else { return nil }
        var writer = Writer(memory + head + list, capacity: aor.len)
        writer.add(aor)
        let record = memory.bindMemory(to: usrloc_record.self, capacity: 1)
        record.initialize(
            to: usrloc_record(
                size: UInt32(MemoryLayout<usrloc_record>.size), count: UInt32(contacts.count), contacts: nil,
                aor: writer.text, table: table, hash: hash))
        guard !contacts.isEmpty else { return record }
        let place = (memory + head).bindMemory(to: usrloc_contact.self, capacity: contacts.count)
        for (index, contact) in contacts.enumerated() {
            guard let copy = contact.copied(allocate) else { return nil }
            (place + index).initialize(to: copy)
        }
        record.pointee.contacts = UnsafePointer(place)
        return record
    }

    /// Nil when memory is out.
    public func copied(_ allocate: LocationTable.Allocate) -> UnsafeMutablePointer<usrloc_record>? {
        usrloc_record.made(aor, hash, UnsafeBufferPointer(start: contacts, count: Int(count)), table: table, allocate)
    }
}

extension usrloc_change {
    /// With all that it points to.
    public func copied(into arena: CopyArena) -> usrloc_change {
        var made = self
        made.aor = arena.copy(aor)
        made.call_id = arena.copy(call_id)
        let stride = MemoryLayout<usrloc_edit>.stride
        guard count > 0, let edits, let memory = arena.allocate(Int(count) * stride) else {
            made.count = 0
            return made
        }
        let place = memory.bindMemory(to: usrloc_edit.self, capacity: Int(count))
        for index in 0..<Int(count) {
            var edit = edits[index]
            if let contact = edit.contact.copied(arena.allocate) { edit.contact = contact }
            (place + index).initialize(to: edit)
        }
        made.edits = UnsafePointer(place)
        return made
    }
}
