import PluginKit

// Invariants: made and ended under the lock of the record's stripe; between the two the record is pinned, so that the contacts that steps point to stay, and the new ones
// are the plan's own. The caller sees to it that one record has one plan at a time. Steps lie in memory of the caller, which outlives the plan.

/// A change that was found to be right and is not made yet: what becomes of which contact.
public struct Plan {
    public enum Kind: Sendable {
        case insert
        case update
        case delete
        /// A retransmission: the contact is left as it is.
        case none
    }

    struct Step {
        var kind: Kind
        var old: ContactRef?
        var new: ContactRef?
    }

    /// What is to be written.
    public struct Row {
        public let kind: Kind
        /// Texts are those of the store; of a deleted contact as it was.
        public let contact: usrloc_contact
    }

    public internal(set) var status = CInt(APUS_OK)
    /// The edit that was refused.
    public internal(set) var edit = 0
    public let hash: UInt64
    let record: RecordRef?
    var steps: UnsafeMutablePointer<Step>?
    var count = 0

    init(hash: UInt64, record: RecordRef?) {
        self.hash = hash
        self.record = record
    }

    /// Of a change that cannot even be looked at.
    public static func refused(_ hash: UInt64, _ status: Int) -> Plan {
        var plan = Plan(hash: hash, record: nil)
        plan.status = CInt(status)
        return plan
    }

    func total(_ kind: Kind) -> UInt32 { (0..<count).reduce(0) { $0 + (steps?[$1].kind == kind ? 1 : 0) } }
}

/// What a change was made of, and what it looks at.
struct PlanMaker {
    let table: LocationTable
    let stripe: UnsafeMutablePointer<Stripe>
    let record: RecordRef
    let change: usrloc_change
    let now: UInt32
    var plan: Plan

    private var isUnordered: Bool { change.flags & UInt32(USRLOC_UNORDERED) != 0 }

    /// Nil: the texts fit.
    static func flaw(of change: usrloc_change) -> Int? {
        let edits = UnsafeBufferPointer(start: change.edits, count: Int(change.count))
        guard 1...Int(USRLOC_LONGEST_AOR) ~= change.aor.len else { return 0 }
        return edits.firstIndex { edit in
            let one = edit.contact
            return one.uri.len > USRLOC_LONGEST_URI || one.received.len > USRLOC_LONGEST_URI
                || one.path.len > USRLOC_LONGEST_URI || one.call_id.len > USRLOC_LONGEST_CALL_ID
                || one.instance.len > USRLOC_LONGEST_INSTANCE || one.ruid.len > USRLOC_LONGEST_RUID
                || one.socket.len > USRLOC_LONGEST_CALL_ID || one.attributes.len > USRLOC_LONGEST_ATTRIBUTES
                || (edit.kind == USRLOC_PUT && one.uri.isEmpty)
        }
    }

    mutating func make(_ ruids: borrowing RuidSource) {
        if change.flags & UInt32(USRLOC_ALL) != 0 { dropAll() }
        for index in 0..<Int(change.count) where plan.status == APUS_OK {
            guard let edit = change.edits?[index] else { break }
            plan.edit = index
            if edit.kind == USRLOC_PUT { put(edit.contact, ruids) } else { drop(edit.contact) }
        }
        guard plan.status == APUS_OK else { return }
        plan.edit = 0
        if change.flags & UInt32(USRLOC_ONLY_THESE) != 0 { dropOthers() }
        checkCount()
    }

    private mutating func add(_ step: Plan.Step) {
        plan.steps?[plan.count] = step
        plan.count += 1
    }

    private mutating func refuse(_ status: Int) { plan.status = CInt(status) }

    /// A new contact under a name of its own or another's.
    private func build(_ contact: usrloc_contact, ruid: apus_str) -> ContactRef? {
        var contact = contact
        if change.flags & UInt32(USRLOC_MEMORY_ONLY) != 0 { contact.is_memory_only = 1 }
        return stripe.pointee.make(
            contact, ruid: ruid, now: now, names: table.names, serverId: table.settings.pointee.serverId)
    }

    private mutating func put(_ contact: usrloc_contact, _ ruids: borrowing RuidSource) {
        // Named twice in one change: the last one counts.
        if let index = earlierStep(contact), let earlier = plan.steps?[index].new {
            guard let new = build(contact, ruid: earlier.ruid) else { return refuse(APUS_FAILED) }
            stripe.pointee.release(earlier)
            plan.steps?[index].new = new
            return
        }
        guard let old = match(contact) else {
            let new = withUnsafeTemporaryAllocation(byteCount: RuidSource.capacity, alignment: 1) { memory in
                build(contact, ruid: contact.ruid.isEmpty ? ruids.next(memory.baseAddress!) : contact.ruid)
            }
            guard let new else { return refuse(APUS_FAILED) }
            return add(Plan.Step(kind: .insert, old: nil, new: new))
        }
        guard isInOrder(old, contact.call_id, contact.cseq) else { return }
        guard let new = build(contact, ruid: old.ruid) else { return refuse(APUS_FAILED) }
        add(Plan.Step(kind: .update, old: old, new: new))
    }

    private mutating func drop(_ contact: usrloc_contact) {
        if let index = earlierStep(contact), let earlier = plan.steps?[index] {
            if let new = earlier.new { stripe.pointee.release(new) }
            // One that was inserted just now is not inserted; what it was updated from goes.
            plan.steps?[index] = Plan.Step(kind: earlier.old == nil ? .none : .delete, old: earlier.old, new: nil)
            return
        }
        guard let old = match(contact), isInOrder(old, contact.call_id, contact.cseq) else { return }
        add(Plan.Step(kind: .delete, old: old, new: nil))
    }

    private mutating func dropAll() {
        var next = record.pointee.contacts
        while let contact = next, plan.status == APUS_OK {
            next = contact.pointee.next
            guard !contact.pointee.isOver(now), isInOrder(contact, change.call_id, change.cseq) else { continue }
            add(Plan.Step(kind: .delete, old: contact, new: nil))
        }
    }

    private mutating func dropOthers() {
        var next = record.pointee.contacts
        while let contact = next {
            next = contact.pointee.next
            guard !contact.pointee.isOver(now), !isTaken(contact) else { continue }
            add(Plan.Step(kind: .delete, old: contact, new: nil))
        }
    }

    private mutating func checkCount() {
        let inserted = Int(plan.total(.insert))
        guard inserted > 0 else { return }
        var count = 0
        var kept = 0
        var next = record.pointee.contacts
        while let contact = next {
            next = contact.pointee.next
            kept += 1
            if !contact.pointee.isOver(now) { count += 1 }
        }
        let deleted = Int(plan.total(.delete))
        let most = table.settings.pointee.maxContacts
        let wanted = change.max_contacts == 0 ? most : min(most, Int(change.max_contacts))
        if count + inserted - deleted > wanted || kept + inserted - deleted > 2 * most { refuse(USRLOC_TOO_MANY) }
    }

    /// False: it is a retransmission, which is noted, or the change is refused.
    private mutating func isInOrder(_ old: ContactRef, _ callId: apus_str, _ cseq: UInt32) -> Bool {
        guard !isUnordered, old.callId.equals(callId) else { return true }
        if cseq > old.pointee.cseq { return true }
        let isRepeated = cseq == old.pointee.cseq && now < old.pointee.modified + table.settings.pointee.cseqDelay
        guard isRepeated else {
            refuse(USRLOC_OUT_OF_ORDER)
            return false
        }
        add(Plan.Step(kind: .none, old: old, new: nil))
        return false
    }

    // MARK: - Matching

    private func isTaken(_ contact: ContactRef) -> Bool {
        (0..<plan.count).contains { plan.steps?[$0].old == contact }
    }

    /// The contact that an edit is about.
    private func match(_ wanted: usrloc_contact) -> ContactRef? {
        var next = record.pointee.contacts
        while let contact = next {
            next = contact.pointee.next
            if !contact.pointee.isOver(now), matches(contact, wanted), !isTaken(contact) { return contact }
        }
        return nil
    }

    private func earlierStep(_ wanted: usrloc_contact) -> Int? {
        (0..<plan.count).first { index in
            guard let new = plan.steps?[index].new else { return false }
            return matches(new, wanted)
        }
    }

    private func matches(_ contact: ContactRef, _ wanted: usrloc_contact) -> Bool {
        if wanted.reg_id != 0, !wanted.instance.isEmpty {
            return contact.pointee.regId == wanted.reg_id && contact.instance.equals(wanted.instance)
        }
        if wanted.uri.isEmpty, wanted.call_id.isEmpty { return contact.ruid.equals(wanted.ruid) }
        let hasSameCallId = contact.callId.equals(wanted.call_id)
        switch table.settings.pointee.matchingMode {
        case 1 where !hasSameCallId: return false
        case 2 where !contact.path.equals(wanted.path): return false
        case 3: return hasSameCallId
        default: return contact.uri.equals(wanted.uri) || table.settings.pointee.sameURI(contact.uri, wanted.uri) > 0
        }
    }
}
