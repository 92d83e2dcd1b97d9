import PluginKit

// Invariants: a list is one piece of memory without pointers into itself, so that it can be copied as bytes: the list, its contacts, their texts.
// It lies in memory of a message (message->allocate) until the message's transaction is made, then in the worker's, as the transaction's own.

typealias ContactListRef = UnsafeMutablePointer<ContactList>

/// What t_load_contacts has taken out of a destination set, in the order in which it is to be tried.
struct ContactList {
    /// Bytes of all.
    let size: UInt32
    let count: UInt32
}

/// One contact of such a list. Texts are places in the list's piece.
struct ListedContact {
    struct Text {
        var offset: UInt32 = 0
        var count: UInt32 = 0
    }

    var q: Int32
    /// Contacts of one group are tried at the same time.
    var group: UInt32 = 0
    var flags: UInt32
    var isTaken = false
    /// Another way to a device that stands further in front: for t_next_contact_flow.
    var isFlow = false
    var sendThrough: OpaquePointer?
    var uri = Text()
    var destination = Text()
    var path = Text()
    var instance = Text()
    var ruid = Text()
    var userAgent = Text()
}

extension ContactListRef {
    /// Contacts that one list holds at most: more than any destination set has.
    static let most: UInt32 = 64

    var contacts: UnsafeMutablePointer<ListedContact> {
        UnsafeMutableRawPointer(self).advanced(by: MemoryLayout<ContactList>.stride)
            .assumingMemoryBound(to: ListedContact.self)
    }

    func text(_ text: ListedContact.Text) -> apus_str {
        guard text.count > 0 else { return apus_str() }
        let start = UnsafeRawPointer(self).advanced(by: Int(text.offset))
        return apus_str(start: start.assumingMemoryBound(to: UInt8.self), count: Int(text.count))
    }

    /// A copy in the worker's memory; nil when that is out.
    func copy(_ home: UnsafeMutablePointer<Home>) -> ContactListRef? {
        let size = Int(pointee.size)
        guard let piece = home.host.pointee.memory.pointee.allocate(home.host, size) else { return nil }
        piece.copyMemory(from: self, byteCount: size)
        return piece.assumingMemoryBound(to: ContactList.self)
    }

    /// The contact as a destination of a request; its texts are the list's.
    func branch(_ index: Int) -> apus_branch {
        let contact = contacts[index]
        return apus_branch(
            size: UInt32(MemoryLayout<apus_branch>.size), q: contact.q, uri: text(contact.uri),
            destination: text(contact.destination), path: text(contact.path), flags: contact.flags, reserved: 0,
            send_through: contact.sendThrough, instance: text(contact.instance), ruid: text(contact.ruid),
            user_agent: text(contact.userAgent))
    }

    // MARK: - Making

    /// The list of the message's destination set, unordered, in memory that `allocate` gives; nil when it gives none, or the set is empty or
    /// too large.
    static func make(_ call: Call, _ allocate: (Int) -> UnsafeMutableRawPointer?) -> ContactListRef? {
        let branches = call.host.pointee.branches
        let message = call.pointee.msg
        let usesCurrent = branches.pointee.is_new(message) > 0
        let first: UInt32 = usesCurrent ? 1 : 0
        let count = branches.pointee.count(message) + first
        guard 1...most ~= count else { return nil }
        func branch(_ index: UInt32) -> apus_branch {
            var branch = apus_branch()
            branch.size = UInt32(MemoryLayout<apus_branch>.size)
            if index < first {
                branches.pointee.current(message, &branch)
            } else {
                _ = branches.pointee.get(message, index - first, &branch)
            }
            return branch
        }
        var size = MemoryLayout<ContactList>.stride + Int(count) * MemoryLayout<ListedContact>.stride
        let start = size
        for index in 0..<count {
            let branch = branch(index)
            size += branch.uri.len + branch.destination.len + branch.path.len + branch.instance.len
            size += branch.ruid.len + branch.user_agent.len
        }
        guard let piece = allocate(size) else { return nil }
        let list = piece.bindMemory(to: ContactList.self, capacity: 1)
        list.initialize(to: ContactList(size: UInt32(size), count: count))
        var out = Writer(piece + start, capacity: size - start)
        func keep(_ text: apus_str) -> ListedContact.Text {
            let offset = UInt32(start + out.count)
            out.add(text)
            return ListedContact.Text(offset: offset, count: UInt32(text.len))
        }
        for index in 0..<count {
            let branch = branch(index)
            var contact = ListedContact(q: branch.q, flags: branch.flags, sendThrough: branch.send_through)
            contact.uri = keep(branch.uri)
            contact.destination = keep(branch.destination)
            contact.path = keep(branch.path)
            contact.instance = keep(branch.instance)
            contact.ruid = keep(branch.ruid)
            contact.userAgent = keep(branch.user_agent)
            (list.contacts + Int(index)).initialize(to: contact)
        }
        return list
    }

    /// Higher q first; equal ones are one group, in the order in which they came.
    func orderByPreference() {
        let contacts = contacts
        for index in 1..<Swift.max(1, Int(pointee.count)) {
            let contact = contacts[index]
            var place = index
            while place > 0, contacts[place - 1].q < contact.q {
                contacts[place] = contacts[place - 1]
                place -= 1
            }
            contacts[place] = contact
        }
        for index in 1..<Swift.max(1, Int(pointee.count)) {
            let isSame = contacts[index].q == contacts[index - 1].q
            contacts[index].group = contacts[index - 1].group + (isSame ? 0 : 1)
        }
    }

    /// One after the other by chance, the likelier in front the higher their q.
    func orderByChance(_ home: UnsafeMutablePointer<Home>) {
        let contacts = contacts
        let count = Int(pointee.count)
        for place in 0..<count {
            var total: UInt64 = 0
            for index in place..<count { total += contacts[index].weight }
            var drawn = home.pointee.random.take() % total
            var chosen = place
            while drawn >= contacts[chosen].weight {
                drawn -= contacts[chosen].weight
                chosen += 1
            }
            (contacts[place], contacts[chosen]) = (contacts[chosen], contacts[place])
            contacts[place].group = UInt32(place)
        }
    }

    /// Of several contacts of one device (+sip.instance) the first one is tried, the others are its further flows (RFC 5626).
    func setFlowsApart() {
        let contacts = contacts
        for index in 0..<Int(pointee.count) where contacts[index].instance.count > 0 {
            let instance = text(contacts[index].instance)
            for before in 0..<index where text(contacts[before].instance).equals(instance) {
                contacts[index].isFlow = true
                break
            }
        }
    }
}

extension ListedContact {
    /// Never 0: what has no q, or 0, comes last but comes.
    fileprivate var weight: UInt64 { UInt64(Swift.max(0, q)) + 1 }
}

/// [start] False when one of the two parameters is missing that belong together.
func settleContacts(_ host: Host, _ settings: UnsafeMutablePointer<Settings>) -> Bool {
    guard !settings.pointee.contactsAVP.isEmpty else { return true }
    guard !settings.pointee.contactFlowsAVP.isEmpty else {
        host.log(.error, "contacts_avp is set and contact_flows_avp is not")
        return false
    }
    host.log(.notice, "contacts_avp: contacts are kept with the transaction; scripts see no XAVP of them")
    return true
}
