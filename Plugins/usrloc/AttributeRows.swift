import Locations
import PluginKit
import RoutingKit

// Invariants: the columns' names live for ever; a result's rows as long as the call that brings it.

/// The table `<table>_attrs`, version 1: what scripts have put on contacts (`xavp_contact`), a row each.
struct AttributeRows {
    static let tableVersion: Int32 = 1
    static let writtenCount = 7
    static var user: apus_str { "username" }
    static var domain: apus_str { "domain" }
    fileprivate static let number: Int64 = 1
    fileprivate static let text: Int64 = 2

    nonisolated(unsafe) static let columns: UnsafeBufferPointer<apus_str> = {
        let names = UnsafeMutableBufferPointer<apus_str>.allocate(capacity: 4)
        _ = names.initialize(from: ["ruid", "aname", "atype", "avalue"])
        return UnsafeBufferPointer(names)
    }()

    let result: UnsafePointer<apus_db_result>

    /// The contact of a row, and what it says.
    subscript(_ row: Int) -> (ruid: apus_str, one: ContactAttributes.One)? {
        guard let values = result.pointee.values, Int(result.pointee.column_count) == AttributeRows.columns.count else {
            return nil
        }
        let start = values + row * AttributeRows.columns.count
        let kind = Int(start[2].kind) == APUS_DB_STRING ? start[2].str.number ?? 0 : start[2].num
        let one = ContactAttributes.One(
            name: start[1].str, value: start[3].str.isNull ? "" : start[3].str, isNumber: kind == AttributeRows.number)
        return one.fits ? (start[0].str, one) : nil
    }

    /// What they say of one contact, as it is kept; empty when that is nothing, or memory is out.
    func attributes(of ruid: apus_str, _ allocate: LocationTable.Allocate) -> apus_str {
        var size = 0
        let count = Int(result.pointee.row_count)
        for row in 0..<count {
            if let found = self[row], found.ruid.equals(ruid) { size += found.one.size }
        }
        guard 1...Int(USRLOC_LONGEST_ATTRIBUTES) ~= size, let memory = allocate(size) else { return "" }
        var out = Writer(memory, capacity: size)
        for row in 0..<count {
            if let found = self[row], found.ruid.equals(ruid) { found.one.write(to: &out) }
        }
        return out.text
    }

    /// Puts them on the contacts of a record.
    func attach(to record: UnsafeMutablePointer<usrloc_record>, _ allocate: LocationTable.Allocate) {
        guard let contacts = record.pointee.contacts.map({ UnsafeMutablePointer(mutating: $0) }) else { return }
        for index in 0..<Int(record.pointee.count) {
            contacts[index].attributes = attributes(of: contacts[index].ruid, allocate)
        }
    }
}

extension RowShape {
    /// Fills in the row of one attribute of a contact: `AttributeRows.writtenCount` terms.
    func write(
        _ aor: apus_str, _ contact: usrloc_contact, _ one: ContactAttributes.One,
        _ terms: UnsafeMutablePointer<apus_db_term>
    ) {
        var count = 0
        func put(_ column: apus_str, _ value: apus_db_value) {
            (terms + count).initialize(to: apus_db_term(column: column, comparison: 0, reserved: 0, value: value))
            count += 1
        }
        let (user, domain) = parts(aor)
        put("ruid", apus_db_text(contact.ruid))
        put(AttributeRows.user, apus_db_text(user.isEmpty ? "" : user))
        put(AttributeRows.domain, apus_db_text(domain ?? apus_str()))
        put("aname", apus_db_text(one.name))
        put("atype", apus_db_number(UInt32(APUS_DB_INT), one.isNumber ? AttributeRows.number : AttributeRows.text))
        put("avalue", apus_db_text(one.value.isEmpty ? "" : one.value))
        put("last_modified", time(contact.last_modified))
    }
}

/// All attributes of a table, by the contacts' ruids, while its rows are loaded.
struct LoadedAttributes {
    private var bytes: [String: [UInt8]] = [:]

    mutating func take(_ page: UnsafePointer<apus_db_result>) {
        let rows = AttributeRows(result: page)
        for row in 0..<Int(page.pointee.row_count) {
            guard let found = rows[row] else { continue }
            let room = found.one.size
            let piece = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
                guard let start = buffer.baseAddress else { return }
                var out = Writer(UnsafeMutableRawPointer(start), capacity: room)
                found.one.write(to: &out)
                count = out.count
            }
            let before = bytes[found.ruid.string]?.count ?? 0
            if before + room <= Int(USRLOC_LONGEST_ATTRIBUTES) { bytes[found.ruid.string, default: []] += piece }
        }
    }

    /// The contact with its attributes, for the body.
    func with<Result>(_ contact: usrloc_contact, _ body: (usrloc_contact) -> Result) -> Result {
        guard !bytes.isEmpty, let own = bytes[contact.ruid.string] else { return body(contact) }
        return own.withUnsafeBufferPointer {
            var contact = contact
            contact.attributes = apus_str(start: $0.baseAddress, count: $0.count)
            return body(contact)
        }
    }
}
