import EventRing
import PluginKit

// Invariants: made in `start`; then the agent's thread alone has it, and nothing of it is locked. Workers tell of what happens through `events`, which is late:
// whether somebody is registered now only usrloc knows, and is asked.

/// The users that usrloc knows, each with a number that it keeps as long as it is registered, and that nobody else gets as long as the server runs.
final class Users {
    /// An address of record in one of usrloc's tables.
    struct Key: Hashable {
        let table: UInt
        let aor: [UInt8]
    }

    struct User {
        let number: UInt32
        let key: Key
        /// Digest checks that failed since it is here.
        var failures: UInt32 = 0
        /// Numbers of its contacts by their ruids, as far as somebody asked for them.
        var contacts: [[UInt8]: UInt32] = [:]
        var lastContact: UInt32 = 0
        /// Contacts that came less those that went: for db_mode 3, where nobody can look.
        var balance = 1
    }

    struct Contact {
        let number: UInt32
        let uri: [UInt8]
        let modified: Int64
        let expires: Int64
        /// Thousandths; below 0: none.
        let q: Int32
    }

    let host: Host
    let usrloc: UnsafePointer<usrloc_api>
    private let usesDomain: Bool
    private let events: UnsafeMutablePointer<UserEvents>
    /// Told, but not in a row yet with what was heard before; the lowest first.
    private var ahead: [EventRing.Event] = []
    private var nextOrder: UInt64 = 0
    /// Contacts that came or went unheard, as far as that was dealt with.
    private var missed: UInt64 = 0
    /// At the start all users are read, and again when something was missed.
    private var review: Review? = Review(isFirst: true)

    private var numbers: [Key: UInt32] = [:]
    /// By number, lowest first; those that are gone are nil until there are too many of them.
    private var rows: [(number: UInt32, user: User?)] = []
    private var gone = 0
    private var last: UInt32 = 0

    /// [start] Nil without usrloc.so.
    init?(_ host: Host) {
        guard let usrloc = load_usrloc(host) else { return nil }
        self.host = host
        self.usrloc = usrloc
        var settings = usrloc_settings()
        settings.size = UInt32(MemoryLayout<usrloc_settings>.size)
        usrloc.pointee.settings(host, &settings)
        usesDomain = settings.use_domain != 0
        events = permanent(UserEvents(workers: host.pointee.worker.pointee.count(host)))
        events.listen(host, usrloc)
    }

    // MARK: - What happens

    /// Readable when there is much to hear of, until it is answered.
    var bell: Int32 { events.pointee.bell }

    func answerBell() {
        Pipe.empty(bell)
        catchUp()
    }

    /// What nobody heard of: contacts that came or went, and failed checks.
    var lost: UInt64 {
        let lost = events.pointee.lost
        return lost.contacts &+ lost.failures
    }

    /// Hears of all that has happened.
    func catchUp() {
        events.pointee.take(&ahead)
        if !ahead.isEmpty {
            ahead.sort { $0.order < $1.order }
            var heard = 0
            // One that was numbered, but is not in its ring yet, comes next time: so nobody goes before having come.
            while heard < ahead.count, ahead[heard].order == nextOrder {
                hear(ahead[heard])
                heard += 1
                nextOrder += 1
            }
            ahead.removeFirst(heard)
        }
        let lost = events.pointee.lost.contacts
        if lost != missed {
            missed = lost
            review = Review(isFirst: review?.isFirst ?? false)
        }
    }

    private func hear(_ event: EventRing.Event) {
        switch event.kind {
        case UserEvents.Kind.came: came(Key(table: event.subject, aor: event.first))
        case UserEvents.Kind.went: went(Key(table: event.subject, aor: event.first))
        default: failed(event)
        }
    }

    private func came(_ key: Key) {
        if let number = numbers[key] { return change(number) { $0.balance += 1 } }
        // It may be gone by now.
        if contactCount(key) ?? 1 > 0 { add(key) }
    }

    private func went(_ key: Key) {
        guard let number = numbers[key] else { return }
        change(number) { $0.balance -= 1 }
        let left = contactCount(key) ?? user(number)?.balance ?? 0
        if left <= 0 { remove(number) }
    }

    private func failed(_ event: EventRing.Event) {
        let aor = usesDomain ? event.first + [UInt8(ascii: "@")] + event.second : event.first
        for table in tables {
            guard let number = numbers[Key(table: table, aor: aor)] else { continue }
            change(number) { $0.failures &+= 1 }
        }
    }

    /// Nil where contacts are in a database only.
    private func contactCount(_ key: Key) -> Int? {
        let count = contacts(of: key, user: nil, nil)
        return count < 0 ? nil : Int(count)
    }

    // MARK: - Reviews

    /// Reading usrloc's tables, slice by slice: those who have gone unheard first, then those who have come.
    private struct Review {
        /// Nobody is shown before it is done.
        let isFirst: Bool
        /// Up to this number all are there still; nil: that is over.
        var stays: UInt32?
        var table: UInt32 = 0
        var visit = Review.start

        /// Users in one slice.
        static let slice = 200

        init(isFirst: Bool) {
            self.isFirst = isFirst
            stays = isFirst ? nil : 0
        }

        static var start: usrloc_visit {
            var visit = usrloc_visit()
            visit.size = UInt32(MemoryLayout<usrloc_visit>.size)
            return visit
        }
    }

    /// All users that there are have been read.
    var isReady: Bool { review?.isFirst != true }
    /// There is something to be done by `readOn`.
    var isBehind: Bool { review != nil }

    /// Reads another slice.
    func readOn() {
        guard var review else { return }
        if let stays = review.stays {
            var (next, count) = (user(after: stays), 0)
            while let user = next, count < Review.slice {
                if contactCount(user.key) == 0 { remove(user.number) }
                review.stays = user.number
                count += 1
                next = self.user(after: user.number)
            }
            if next == nil { review.stays = nil }
            self.review = review
        } else if let table = usrloc.pointee.table_at(host, review.table) {
            if !read(table, &review.visit) {
                review.table += 1
                review.visit = Review.start
            }
            self.review = review
        } else {
            self.review = nil
        }
    }

    /// False when the table is at its end.
    private func read(_ table: OpaquePointer, _ visit: inout usrloc_visit) -> Bool {
        var found: Set<[UInt8]> = []
        let seen:
            @convention(c) (Host, apus_str, UInt64, UnsafePointer<usrloc_contact>, UnsafeMutableRawPointer?) -> Void = {
                _, aor, _, _, user in
                user?.assumingMemoryBound(to: Set<[UInt8]>.self).pointee.insert(Array(aor.bytes))
            }
        let goesOn = withUnsafeMutablePointer(to: &found) { usrloc.pointee.visit(host, table, &visit, seen, $0) }
        for aor in found.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            let key = Key(table: UInt(bitPattern: table), aor: aor)
            if numbers[key] == nil, (contactCount(key) ?? 0) > 0 { add(key) }
        }
        return goesOn > 0
    }

    private var tables: [UInt] {
        var all: [UInt] = []
        while let table = usrloc.pointee.table_at(host, UInt32(all.count)) { all.append(UInt(bitPattern: table)) }
        return all
    }

    // MARK: - What is asked for

    /// The user with the lowest number above that one.
    func user(after number: UInt32) -> User? {
        guard number < UInt32.max else { return nil }
        return rows[place(number + 1)...].first { $0.user != nil }?.user
    }

    func user(_ number: UInt32) -> User? {
        let place = place(number)
        return place < rows.count && rows[place].number == number ? rows[place].user : nil
    }

    /// The number of an address of record: as it is stored, or a SIP URI.
    func number(of text: String) -> UInt32? {
        var aor = Substring(text)
        for scheme in ["sip:", "sips:"] where aor.lowercased().hasPrefix(scheme) { aor = aor.dropFirst(scheme.count) }
        if !usesDomain, aor.count < text.count, let at = aor.firstIndex(of: "@") { aor = aor[..<at] }
        let name = Array(aor.utf8)
        for table in tables {
            if let number = numbers[Key(table: table, aor: name)] { return number }
        }
        return nil
    }

    /// A user's contacts by their numbers, lowest first.
    func contacts(of user: User) -> [Contact] {
        var found = Found()
        let seen: @convention(c) (Host, UnsafePointer<usrloc_contact>, UnsafeMutableRawPointer?) -> Void = {
            $2?.assumingMemoryBound(to: Found.self).pointee.add($1.pointee)
        }
        withUnsafeMutablePointer(to: &found) { _ = contacts(of: user.key, user: $0, seen) }
        var all: [Contact] = []
        change(user.number) { user in
            let known = user.contacts
            user.contacts = [:]
            for one in found.all.sorted(by: { $0.ruid.lexicographicallyPrecedes($1.ruid) }) {
                if known[one.ruid] == nil { user.lastContact += 1 }
                let number = known[one.ruid] ?? user.lastContact
                user.contacts[one.ruid] = number
                all.append(
                    Contact(number: number, uri: one.uri, modified: one.modified, expires: one.expires, q: one.q))
            }
        }
        return all.sorted { $0.number < $1.number }
    }

    private func contacts(
        of key: Key, user: UnsafeMutableRawPointer?,
        _ seen: (@convention(c) (Host, UnsafePointer<usrloc_contact>, UnsafeMutableRawPointer?) -> Void)?
    ) -> CInt {
        guard let table = OpaquePointer(bitPattern: key.table) else { return .false }
        return key.aor.withUnsafeBufferPointer {
            usrloc.pointee.contacts(host, table, apus_str(start: $0.baseAddress, count: $0.count), seen, user)
        }
    }

    /// Contacts as usrloc shows them.
    private struct Found {
        var all: [(ruid: [UInt8], uri: [UInt8], modified: Int64, expires: Int64, q: Int32)] = []

        mutating func add(_ contact: usrloc_contact) {
            all.append(
                (
                    Array(contact.ruid.bytes), Array(contact.uri.bytes), contact.last_modified, contact.expires,
                    contact.q
                ))
        }
    }

    // MARK: - Rows

    private func add(_ key: Key) {
        // More than 2^32 users in one life of the server have no place in the MIB.
        guard last < UInt32.max else { return }
        last += 1
        numbers[key] = last
        rows.append((last, User(number: last, key: key)))
    }

    /// The place of the first row with that number or a higher one.
    private func place(_ number: UInt32) -> Int {
        var (low, high) = (0, rows.count)
        while low < high {
            let middle = (low + high) / 2
            if rows[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func change(_ number: UInt32, _ body: (inout User) -> Void) {
        let place = place(number)
        guard place < rows.count, rows[place].number == number, rows[place].user != nil else { return }
        body(&rows[place].user!)
    }

    private func remove(_ number: UInt32) {
        let place = place(number)
        guard place < rows.count, rows[place].number == number, let user = rows[place].user else { return }
        numbers[user.key] = nil
        rows[place].user = nil
        gone += 1
        guard gone > 64, gone > rows.count / 2 else { return }
        rows.removeAll { $0.user == nil }
        gone = 0
    }
}
