import PluginKit

// Invariants: as Plan.swift and LocationTable.swift.

/// What has come of a change; it lies in memory of whoever asked for it.
public struct Change {
    public struct Event {
        /// `USRLOC_INSERTED` …
        public let kind: UInt32
        public let contact: usrloc_contact
    }

    public var outcome: usrloc_outcome
    public fileprivate(set) var events: UnsafeMutablePointer<Event>?
    public fileprivate(set) var eventCount = 0
    public let hash: UInt64

    fileprivate init(_ plan: Plan) {
        hash = plan.hash
        outcome = usrloc_outcome()
        outcome.size = UInt32(MemoryLayout<usrloc_outcome>.size)
        outcome.status = plan.status
        outcome.edit = UInt32(plan.edit)
        guard plan.status == APUS_OK else { return }
        outcome.inserted = plan.total(.insert)
        outcome.updated = plan.total(.update)
        outcome.deleted = plan.total(.delete)
        outcome.repeated = plan.total(.none)
    }
}

extension LocationTable {
    /// Makes a change at once.
    /// - Parameter events: `USRLOC_INSERTED` …, those of which copies are wanted.
    public func make(
        _ change: usrloc_change, now: Int64, ruids: borrowing RuidSource, events: UInt32, table: OpaquePointer,
        _ allocate: Allocate
    ) -> Change {
        let hash = hash(change.aor)
        if let flaw = PlanMaker.flaw(of: change) { return tooLong(hash, flaw) }
        let stripe = stripe(hash)
        // Not a closure of `locked`: what cannot be copied is not captured.
        stripe.lock()
        defer { stripe.unlock() }
        let plan = plan(change, hash, UInt32(clamping: now), ruids, stripe, allocate)
        var made = Change(plan)
        apply(plan, stripe, &made, events, allocate)
        show(change, hash, stripe, now, table, &made, allocate)
        return made
    }

    private func tooLong(_ hash: UInt64, _ edit: Int) -> Change {
        var plan = Plan.refused(hash, USRLOC_TOO_LONG)
        plan.edit = edit
        return Change(plan)
    }

    /// The record as it is now goes into the outcome.
    private func show(
        _ change: usrloc_change, _ hash: UInt64, _ stripe: UnsafeMutablePointer<Stripe>, _ now: Int64,
        _ table: OpaquePointer, _ made: inout Change, _ allocate: Allocate
    ) {
        var query = usrloc_query()
        query.aor = change.aor
        let record = copy(
            stripe.pointee.find(hash, change.aor), query, hash, UInt32(clamping: now), table, allocate)
        made.outcome.record = record.map { UnsafePointer($0) }
    }

    // MARK: - In two steps

    /// Finds out what a change does, and holds the record until `finish`.
    /// - Parameter allocate: memory that lasts until then.
    public func begin(
        _ change: usrloc_change, now: Int64, ruids: borrowing RuidSource, _ allocate: Allocate
    ) -> Plan {
        let hash = hash(change.aor)
        if let flaw = PlanMaker.flaw(of: change) {
            var plan = Plan.refused(hash, USRLOC_TOO_LONG)
            plan.edit = flaw
            return plan
        }
        let stripe = stripe(hash)
        stripe.lock()
        defer { stripe.unlock() }
        return plan(change, hash, UInt32(clamping: now), ruids, stripe, allocate)
    }

    /// The rows that a plan wants to have written.
    public func rows(_ plan: Plan, _ row: (Plan.Row) -> Void) {
        for index in 0..<plan.count {
            guard let step = plan.steps?[index] else { continue }
            if step.kind == .delete, let old = step.old {
                if old.pointee.hasRow { row(Plan.Row(kind: .delete, contact: old.facts(names))) }
            } else if let new = step.new, !new.pointee.isMemoryOnly {
                row(Plan.Row(kind: step.kind, contact: new.facts(names)))
            }
        }
    }

    /// How the rows of a plan were written.
    public enum Writing: Sendable {
        case written
        /// Nothing was.
        case refused
        /// Nobody knows; memory stays as it is, and is written again.
        case unknown
    }

    /// Ends a plan: it is applied if its rows were written.
    /// - Parameters:
    ///   - status: of a plan that is not applied, why.
    ///   - keepsRecord: false: the record goes with all of its contacts, since the database is what counts.
    public func finish(
        _ plan: Plan, of change: usrloc_change, _ writing: Writing, status: CInt, now: Int64, events: UInt32,
        table: OpaquePointer, keepsRecord: Bool, _ allocate: Allocate
    ) -> Change {
        stripe(plan.hash).locked { stripe in
            var made = Change(plan)
            if plan.status == APUS_OK, writing == .written {
                apply(plan, stripe, &made, events, allocate)
            } else if plan.status == APUS_OK {
                abandon(plan, stripe, isUnknown: writing == .unknown && keepsRecord)
                var failed = plan
                failed.status = status
                made = Change(failed)
            }
            show(change, plan.hash, stripe, now, table, &made, allocate)
            if !keepsRecord, let record = stripe.pointee.find(plan.hash, change.aor) { evict(record, stripe) }
            return made
        }
    }

    // MARK: - Under the lock

    private func plan(
        _ change: usrloc_change, _ hash: UInt64, _ now: UInt32, _ ruids: borrowing RuidSource,
        _ stripe: UnsafeMutablePointer<Stripe>, _ allocate: Allocate
    ) -> Plan {
        guard let record = stripe.pointee.find(hash, change.aor) ?? stripe.pointee.insert(hash, change.aor) else {
            return .refused(hash, APUS_FAILED)
        }
        record.pointee.pins += 1
        var maker = PlanMaker(
            table: self, stripe: stripe, record: record, change: change, now: now,
            plan: Plan(hash: hash, record: record))
        // Each edit makes one step at most, and each contact one more, when all go.
        let room = Int(change.count) + 2 * Int(record.pointee.count)
        if let memory = allocate(max(room, 1) * MemoryLayout<Plan.Step>.stride) {
            maker.plan.steps = memory.bindMemory(to: Plan.Step.self, capacity: room)
            maker.make(ruids)
        } else {
            maker.plan.status = CInt(APUS_FAILED)
        }
        let plan = maker.plan
        if plan.status != APUS_OK { abandon(plan, stripe, isUnknown: false) }
        return plan
    }

    private func apply(
        _ plan: Plan, _ stripe: UnsafeMutablePointer<Stripe>, _ made: inout Change, _ events: UInt32,
        _ allocate: Allocate
    ) {
        guard plan.status == APUS_OK, let record = plan.record else { return }
        if events != 0, plan.count > 0, let memory = allocate(plan.count * MemoryLayout<Change.Event>.stride) {
            made.events = memory.bindMemory(to: Change.Event.self, capacity: plan.count)
        }
        let rows = settings.pointee.rows
        for index in 0..<plan.count {
            guard let step = plan.steps?[index], step.kind != .none else { continue }
            if let new = step.new {
                if let old = step.old {
                    new.pointee.hasRow = old.pointee.hasRow
                    new.pointee.roundTrip = old.pointee.roundTrip
                    stripe.pointee.unlink(old)
                    stripe.pointee.release(old)
                }
                stripe.pointee.link(new, to: record, keepsExpired: settings.pointee.keepsExpired)
                if !new.pointee.isMemoryOnly {
                    if rows == .through { new.pointee.hasRow = true }
                    if rows == .back { stripe.pointee.list(new) }
                }
                note(step.kind == .insert ? USRLOC_INSERTED : USRLOC_UPDATED, new, events, &made, allocate)
            } else if let old = step.old {
                note(USRLOC_DELETED, old, events, &made, allocate)
                stripe.pointee.unlink(old)
                if rows == .back { stripe.pointee.discard(old, rows) } else { stripe.pointee.release(old) }
            }
        }
        record.pointee.pins -= 1
        stripe.pointee.removeIfEmpty(record)
    }

    private func note(
        _ kind: Int, _ contact: ContactRef, _ events: UInt32, _ made: inout Change, _ allocate: Allocate
    ) {
        guard events & UInt32(kind) != 0, let place = made.events, let copy = contact.copy(names, allocate) else {
            return
        }
        (place + made.eventCount).initialize(to: Change.Event(kind: UInt32(kind), contact: copy))
        made.eventCount += 1
    }

    /// - Parameter isUnknown: its rows may have been written: what is in memory is written again.
    private func abandon(_ plan: Plan, _ stripe: UnsafeMutablePointer<Stripe>, isUnknown: Bool) {
        guard let record = plan.record else { return }
        for index in 0..<plan.count {
            guard let step = plan.steps?[index] else { continue }
            if let new = step.new {
                new.pointee.hasRow = isUnknown && step.kind == .insert && !new.pointee.isMemoryOnly
                stripe.pointee.discard(new, settings.pointee.rows)
            }
            if isUnknown, step.kind != .none, let old = step.old { stripe.pointee.list(old) }
        }
        record.pointee.pins -= 1
        stripe.pointee.removeIfEmpty(record)
    }

    /// The record goes, and leaves no trace.
    private func evict(_ record: RecordRef, _ stripe: UnsafeMutablePointer<Stripe>) {
        while let contact = record.pointee.contacts {
            stripe.pointee.unlink(contact)
            stripe.pointee.release(contact)
        }
        stripe.pointee.removeIfEmpty(record)
    }

    // MARK: - Rows

    /// A contact as a row has it. One that is there already, by its ruid, or, of several rows of one binding, the older one, gives way.
    /// - Returns: false when its texts are too long, memory is out, or there are too many contacts.
    public func load(_ aor: apus_str, _ contact: usrloc_contact, now: Int64) -> Bool {
        var edit = usrloc_edit()
        edit.kind = UInt32(USRLOC_PUT)
        edit.contact = contact
        let flaw = withUnsafePointer(to: edit) { edit in
            var change = usrloc_change()
            change.aor = aor
            change.edits = edit
            change.count = 1
            return PlanMaker.flaw(of: change)
        }
        guard flaw == nil, !contact.ruid.isEmpty else { return false }
        let hash = hash(aor)
        return stripe(hash).locked { stripe in
            guard let record = stripe.pointee.find(hash, aor) ?? stripe.pointee.insert(hash, aor) else { return false }
            defer { stripe.pointee.removeIfEmpty(record) }
            if let old = record.contact(named: contact.ruid) {
                stripe.pointee.unlink(old)
                stripe.pointee.release(old)
            }
            guard Int(record.pointee.count) < 2 * settings.pointee.maxContacts,
                let new = stripe.pointee.make(
                    contact, ruid: contact.ruid, now: UInt32(clamping: now), names: names, serverId: 0)
            else { return false }
            new.pointee.hasRow = true
            if let twin = record.twin(of: new) {
                let older = twin.pointee.modified <= new.pointee.modified ? twin : new
                if older == twin { stripe.pointee.unlink(twin) }
                stripe.pointee.discard(older, settings.pointee.rows)
                if older == new { return true }
            }
            stripe.pointee.link(new, to: record, keepsExpired: settings.pointee.keepsExpired)
            return true
        }
    }

    /// Forgets the contacts of an address, as far as they have rows: they are going to be loaded again.
    public func forget(_ aor: apus_str) {
        let hash = hash(aor)
        stripe(hash).locked { stripe in
            guard let record = stripe.pointee.find(hash, aor), record.pointee.pins == 0 else { return }
            var next = record.pointee.contacts
            while let contact = next {
                next = contact.pointee.next
                guard contact.pointee.hasRow, !contact.pointee.isListed else { continue }
                stripe.pointee.unlink(contact)
                stripe.pointee.release(contact)
            }
            stripe.pointee.removeIfEmpty(record)
        }
    }
}

extension UnsafeMutablePointer<StoredRecord> {
    /// Another contact with the same URI, Call-ID, path and instance: what a row that nobody knew of leaves behind.
    fileprivate func twin(of contact: ContactRef) -> ContactRef? {
        var next = pointee.contacts
        while let one = next {
            if one.pointee.regId == contact.pointee.regId, one.uri.equals(contact.uri),
                one.callId.equals(contact.callId), one.path.equals(contact.path),
                one.instance.equals(contact.instance)
            {
                return one
            }
            next = one.pointee.next
        }
        return nil
    }
}
