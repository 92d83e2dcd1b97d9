// Invariants: used under the stripe's lock. A contact whose `slot` is not `noSlot` is in the list of that slot. `time` is the second whose slot is being
// emptied; all that lies in it is over.

/// When contacts are over: lists of a second each for the next 255 seconds, and of 256 seconds each for the next 18 hours. What lies further
/// waits in the last of these and is looked at again when its turn comes.
struct ExpiryWheel {
    private static let seconds = 256
    private let heads: UnsafeMutablePointer<ContactRef?>
    private var time: UInt32

    init(now: UInt32) {
        time = now
        heads = .allocate(capacity: 2 * ExpiryWheel.seconds)
        heads.initialize(repeating: nil, count: 2 * ExpiryWheel.seconds)
    }

    func free() { heads.deallocate() }

    /// - Parameter due: the first second at which it may be taken out.
    mutating func insert(_ contact: ContactRef, due: UInt32) {
        let distance = due > time ? due - time : 1
        let at = due > time ? due : time &+ 1
        let slot: Int
        if distance < 256 {
            slot = Int(at & 255)
        } else if distance < 65280 {
            slot = 256 + Int((at >> 8) & 255)
        } else {
            slot = 256 + Int(((time >> 8) &+ 255) & 255)
        }
        contact.pointee.slot = UInt16(slot)
        contact.pointee.wheelPrevious = nil
        contact.pointee.wheelNext = heads[slot]
        heads[slot]?.pointee.wheelPrevious = contact
        heads[slot] = contact
    }

    mutating func remove(_ contact: ContactRef) {
        guard contact.pointee.slot != StoredContact.noSlot else { return }
        let next = contact.pointee.wheelNext
        next?.pointee.wheelPrevious = contact.pointee.wheelPrevious
        if let previous = contact.pointee.wheelPrevious {
            previous.pointee.wheelNext = next
        } else {
            heads[Int(contact.pointee.slot)] = next
        }
        contact.pointee.slot = StoredContact.noSlot
    }

    /// The next contact that is due, taken out; nil when there is none up to `now`.
    mutating func next(_ now: UInt32, _ due: (ContactRef) -> UInt32) -> ContactRef? {
        // A minute back: more than the clocks of two threads differ by.
        if now > time ? now - time > 131_072 : time - now > 60 { jump(now, due) }
        while true {
            if let contact = heads[Int(time & 255)] {
                remove(contact)
                return contact
            }
            guard time < now else { return nil }
            time += 1
            if time & 255 == 0 { spread(256 + Int((time >> 8) & 255), due) }
        }
    }

    /// Puts the contacts of a slot where they belong now.
    private mutating func spread(_ slot: Int, _ due: (ContactRef) -> UInt32) {
        var next = heads[slot]
        heads[slot] = nil
        while let contact = next {
            next = contact.pointee.wheelNext
            contact.pointee.slot = StoredContact.noSlot
            // Of this very second: it is emptied now.
            let at = due(contact)
            if at <= time {
                contact.pointee.slot = UInt16(time & 255)
                contact.pointee.wheelPrevious = nil
                contact.pointee.wheelNext = heads[Int(time & 255)]
                heads[Int(time & 255)]?.pointee.wheelPrevious = contact
                heads[Int(time & 255)] = contact
            } else {
                insert(contact, due: at)
            }
        }
    }

    /// The clock was set: everything is put in its place anew.
    private mutating func jump(_ now: UInt32, _ due: (ContactRef) -> UInt32) {
        var all: ContactRef?
        for slot in 0..<2 * ExpiryWheel.seconds {
            while let contact = heads[slot] {
                remove(contact)
                contact.pointee.wheelNext = all
                all = contact
            }
        }
        time = now - 1
        while let contact = all {
            all = contact.pointee.wheelNext
            insert(contact, due: due(contact))
        }
    }
}
