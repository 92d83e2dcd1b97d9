import PluginKit
import RoutingKit

/// The XAVP of usrloc's `xavp_contact`: what a script has put on a contact before save() comes back with it.
extension UnsafePointer<apus_call> {
    /// Its fields, numbers and texts, for the contacts of a change; empty when there are none.
    var contactAttributes: apus_str {
        let name = state.pointee.location.xavp_contact
        guard !name.isEmpty else { return "" }
        let values = xavps()
        guard let value = values.find(name), let fields = values.fields(of: value) else { return "" }
        var size = 0
        var next = fields.first
        while let field = next {
            if let one = attribute(fields.facts(field)) { size &+= one.size }
            next = fields.next(field)
        }
        guard size <= Int(USRLOC_LONGEST_ATTRIBUTES) else {
            log(.error, "the fields of xavp_contact take more than 2048 bytes: none is kept")
            return ""
        }
        guard size > 0, var out = writer(size) else { return "" }
        next = fields.first
        while let field = next {
            if let one = attribute(fields.facts(field)) { one.write(to: &out) }
            next = fields.next(field)
        }
        return out.text
    }

    /// Nil: a field that is no text and no number, or that cannot be kept.
    private func attribute(_ facts: apus_xavp_facts) -> ContactAttributes.One? {
        guard facts.is_list == 0 else { return nil }
        var one: ContactAttributes.One?
        if facts.value.isText {
            one = ContactAttributes.One(name: facts.name, value: facts.value.str, isNumber: false)
        } else if facts.value.isInt, var digits = writer(20) {
            digits.add(number: facts.value.num)
            one = ContactAttributes.One(name: facts.name, value: digits.text, isNumber: true)
        }
        return one.flatMap { $0.fits ? $0 : nil }
    }
}

/// Gives contacts' attributes back: `$xavp(xavp_contact[0]=>name)`, the first contact's first.
struct AttributeNotes {
    private let call: Call
    private let name: apus_str
    private var last: XAVP?

    init(_ call: Call) {
        self.call = call
        name = call.state.pointee.location.xavp_contact
    }

    mutating func add(_ contact: usrloc_contact) {
        guard !name.isEmpty, !contact.attributes.isEmpty else { return }
        let values = call.xavps()
        guard let value = values.add(name), let fields = values.fields(of: value) else { return }
        if let last { values.move(value, behind: last) }
        last = value
        var attributes = ContactAttributes(contact.attributes)
        var before: XAVP?
        while let one = attributes.next() {
            let number = one.isNumber ? one.value.number : nil
            guard let field = fields.add(one.name, number.map { apus_value($0) } ?? apus_value(one.value)) else {
                return
            }
            if let before { fields.move(field, behind: before) }
            before = field
        }
    }
}
