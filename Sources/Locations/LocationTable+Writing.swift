import PluginKit

// Invariants: a contact that `takeRemoved` gave away is the batch's alone until it is given back; the same batch ends with `settle`, on any thread.

/// Contacts that have gone, and rows that are to be written: what happens behind changes.
extension LocationTable {
    /// A contact that is over and was taken out.
    public typealias Gone = Seen

    /// Takes contacts out of a stripe that are over, as many as the limit allows.
    /// - Parameter arena: where copies go; nil when nobody wants to see them.
    /// - Returns: how many; fewer than the limit: that was all.
    public func expire(
        stripe index: Int, now: Int64, limit: Int, _ arena: CopyArena?, _ gone: inout [Gone]
    ) -> Int {
        let now = UInt32(clamping: now)
        let kept = settings.pointee.keepsExpired
        return (stripes + index).locked { stripe in
            var count = 0
            while count < limit {
                guard let contact = stripe.pointee.wheel.next(now, { Stripe.due($0, kept) }),
                    let record = contact.pointee.record
                else { break }
                count += 1
                if record.pointee.pins > 0 {
                    stripe.pointee.wheel.insert(contact, due: now + 1)
                    continue
                }
                if let arena, let copy = contact.copy(names, arena.allocate) {
                    gone.append(Gone(aor: arena.copy(record.key), hash: record.pointee.hash, contact: copy))
                }
                stripe.pointee.unlink(contact)
                stripe.pointee.discard(contact, settings.pointee.rows)
                stripe.pointee.removeIfEmpty(record)
                stripe.pointee.expired += 1
            }
            return count
        }
    }

    // MARK: - Batches

    /// Rows that are to be written or deleted, with copies of what they are to hold.
    public final class Batch {
        public fileprivate(set) var dirty: [Seen] = []
        fileprivate var removed: [(stripe: Int, contact: ContactRef)] = []
        let arena = CopyArena()

        public init() {}

        public var isEmpty: Bool { dirty.isEmpty && removed.isEmpty }
        public var count: Int { dirty.count + removed.count }
        /// Names of the rows that go. They live as long as the batch is not settled.
        public var goneRows: [apus_str] { removed.map { $0.contact.ruid } }
    }

    /// Fills a batch up to the limit. Contacts count as written from then on.
    /// - Parameter onlyGone: rows that go, no others.
    public func take(_ limit: Int, onlyGone: Bool, into batch: Batch) {
        for index in 0..<LocationTable.stripeCount where batch.count < limit {
            (stripes + index).locked { stripe in
                while batch.count < limit, let contact = stripe.pointee.removed {
                    stripe.pointee.removed = contact.pointee.next
                    contact.pointee.next = nil
                    batch.removed.append((index, contact))
                }
                while !onlyGone, batch.count < limit, let contact = stripe.pointee.dirty {
                    guard let record = contact.pointee.record else { break }
                    stripe.pointee.unlist(contact)
                    markWritten(contact)
                    append(contact, record, batch)
                }
            }
        }
    }

    /// The contacts of one address that are to be written; as `take`.
    public func take(of aor: apus_str, into batch: Batch) {
        let hash = hash(aor)
        stripe(hash).locked { stripe in
            guard let record = stripe.pointee.find(hash, aor) else { return }
            var next = record.pointee.contacts
            while let contact = next {
                next = contact.pointee.next
                guard contact.pointee.isDirty, !contact.pointee.isMemoryOnly else { continue }
                stripe.pointee.unlist(contact)
                markWritten(contact)
                append(contact, record, batch)
            }
        }
    }

    /// Addresses of contacts that are to be written, which count as looked after from then on.
    public func takeAddresses(_ limit: Int, _ arena: CopyArena) -> [apus_str] {
        var found: [apus_str] = []
        for index in 0..<LocationTable.stripeCount where found.count < limit {
            (stripes + index).locked { stripe in
                while found.count < limit, let contact = stripe.pointee.dirty {
                    stripe.pointee.unlist(contact)
                    if let record = contact.pointee.record { found.append(arena.copy(record.key)) }
                }
            }
        }
        return found
    }

    /// An address whose contacts are to be written after all.
    public func putBack(_ aor: apus_str) {
        let hash = hash(aor)
        stripe(hash).locked { stripe in
            var next = stripe.pointee.find(hash, aor)?.pointee.contacts
            while let contact = next {
                next = contact.pointee.next
                if contact.pointee.isDirty { stripe.pointee.list(contact) }
            }
        }
    }

    private func markWritten(_ contact: ContactRef) {
        contact.pointee.isDirty = false
        contact.pointee.hasRow = true
    }

    private func append(_ contact: ContactRef, _ record: RecordRef, _ batch: Batch) {
        guard let copy = contact.copy(names, batch.arena.allocate) else { return }
        batch.dirty.append(Seen(aor: batch.arena.copy(record.key), hash: record.pointee.hash, contact: copy))
    }

    /// Ends a batch. What was not written is to be written again.
    public func settle(_ batch: Batch, isWritten: Bool) {
        for (index, contact) in batch.removed {
            (stripes + index).locked { stripe in
                if isWritten {
                    stripe.pointee.release(contact)
                } else {
                    contact.pointee.next = stripe.pointee.removed
                    stripe.pointee.removed = contact
                }
            }
        }
        batch.removed = []
        guard !isWritten else { return }
        for one in batch.dirty {
            stripe(one.hash).locked { stripe in
                guard let record = stripe.pointee.find(one.hash, one.aor),
                    let contact = record.contact(named: one.contact.ruid)
                else { return }
                stripe.pointee.list(contact)
            }
        }
    }
}
