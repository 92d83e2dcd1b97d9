import PluginKit
import RoutingKit

/// Tells scripts of contacts: `$xavp(xavp_rcd[0]=>ruid)` and its kin, the first contact first, and what scripts have put on them.
struct RecordNotes {
    private let call: Call
    private let name: apus_str
    private let mask: Int64
    private let now = wallSeconds()
    private var last: XAVP?
    private var attributes: AttributeNotes

    init(_ call: Call) {
        self.call = call
        name = call.home.pointee.settings.recordXAVP
        mask = call.home.pointee.settings.recordMask
        attributes = AttributeNotes(call)
    }

    mutating func add(_ contact: usrloc_contact) {
        attributes.add(contact)
        addRecord(contact)
    }

    /// Without what scripts have put on it.
    mutating func addRecord(_ contact: usrloc_contact) {
        guard !name.isEmpty else { return }
        let values = call.xavps()
        guard let record = values.add(name), let fields = values.fields(of: record) else { return }
        if let last { values.move(record, behind: last) }
        last = record
        func note(_ bit: Int64, _ field: apus_str, _ value: apus_value, isThere: Bool = true) {
            if mask & bit == 0, isThere { _ = fields.add(field, value) }
        }
        note(1, "ruid", apus_value(contact.ruid))
        note(2, "contact", apus_value(contact.uri))
        note(4, "expires", apus_value(contact.expires == 0 ? 0 : contact.expires - now))
        note(8, "received", apus_value(contact.received), isThere: !contact.received.isEmpty)
        note(16, "path", apus_value(contact.path), isThere: !contact.path.isEmpty)
    }
}
