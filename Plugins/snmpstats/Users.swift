import PluginKit
import Synchronization

// Invariants: `state` is the workers' and the agent thread's; while it is locked, contacts are asked for (a lock of usrloc's), never the other way
// round: usrloc calls with no lock held. So whoever saw an address without contacts forgets it before somebody who adds one notes it anew.

/// The users that usrloc knows, each with a number that it keeps as long as it is registered, and that nobody else gets as long as the server runs.
final class Users: @unchecked Sendable {
    /// An address of record in one of usrloc's tables.
    struct Key: Hashable {
        let table: UInt
        let aor: String
    }

    struct User {
        let number: UInt32
        let key: Key
        /// Digest checks that failed since it is here.
        var failures: UInt32 = 0
        /// Numbers of its contacts by their ruids, as far as somebody asked for them.
        var contacts: [String: UInt32] = [:]
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

    fileprivate struct State {
        var numbers: [Key: UInt32] = [:]
        /// By number, lowest first; those that are gone are nil until there are too many of them.
        var rows: [(number: UInt32, user: User?)] = []
        var gone = 0
        var last: UInt32 = 0
    }

    private let host: Host
    private let usrloc: UnsafePointer<usrloc_api>
    private let usesDomain: Bool
    private let state = Mutex(State())

    /// [start] Nil without usrloc.so.
    init?(_ host: Host) {
        guard let usrloc = load_usrloc(host) else { return nil }
        self.host = host
        self.usrloc = usrloc
        var settings = usrloc_settings()
        settings.size = UInt32(MemoryLayout<usrloc_settings>.size)
        usrloc.pointee.settings(host, &settings)
        usesDomain = settings.use_domain != 0
        let kinds = UInt32(USRLOC_INSERTED | USRLOC_DELETED | USRLOC_EXPIRED)
        _ = usrloc.pointee.register_callback(
            host, kinds, { Users.changed($0.pointee) }, Unmanaged.passRetained(self).toOpaque())
        if let auth = load_auth(host) {
            _ = auth.pointee.on_failure(
                host, { Users.failed(name: $1, domain: $2, $3) }, Unmanaged.passRetained(self).toOpaque())
        }
    }

    // MARK: - What happens

    private static func of(_ user: UnsafeMutableRawPointer?) -> Users {
        Unmanaged<Users>.fromOpaque(user.unsafelyUnwrapped).takeUnretainedValue()
    }

    /// [worker] [management]
    private static func changed(_ event: usrloc_event) {
        let users = of(event.user)
        let key = Key(table: UInt(bitPattern: event.table), aor: event.aor.string)
        if event.kind == UInt32(USRLOC_INSERTED) { users.add(key) } else { users.contactWent(key) }
    }

    /// [worker]
    private static func failed(name: apus_str, domain: apus_str, _ user: UnsafeMutableRawPointer?) {
        let users = of(user)
        let aor = users.usesDomain ? "\(name.string)@\(domain.string)" : name.string
        users.state.withLock { state in
            for table in users.tables {
                guard let number = state.numbers[Key(table: table, aor: aor)] else { continue }
                state.change(number) { $0.failures &+= 1 }
            }
        }
    }

    private func add(_ key: Key) {
        state.withLock { state in
            if let number = state.numbers[key] { return state.change(number) { $0.balance += 1 } }
            // More than 2^32 users in one life of the server have no place in the MIB.
            guard state.last < UInt32.max else { return }
            state.last += 1
            state.numbers[key] = state.last
            state.rows.append((state.last, User(number: state.last, key: key)))
        }
    }

    private func contactWent(_ key: Key) {
        state.withLock { state in
            guard let number = state.numbers[key] else { return }
            state.change(number) { $0.balance -= 1 }
            let left = contactCount(key) ?? state.user(number)?.balance ?? 0
            if left <= 0 { state.remove(number) }
        }
    }

    /// Nil where contacts are in a database only.
    private func contactCount(_ key: Key) -> Int? {
        let count = contacts(of: key, user: nil, nil)
        return count < 0 ? nil : Int(count)
    }

    /// Users that were there before the module could hear of them. On the agent's thread, once.
    func load() {
        for table in tables {
            var visit = usrloc_visit()
            visit.size = UInt32(MemoryLayout<usrloc_visit>.size)
            let seen:
                @convention(c) (
                    Host, apus_str, UInt64, UnsafePointer<usrloc_contact>, UnsafeMutableRawPointer?
                ) -> Void = { _, aor, _, _, user in
                    user?.assumingMemoryBound(to: Set<String>.self).pointee.insert(aor.string)
                }
            var goesOn: CInt = .true
            while goesOn > 0 {
                var found: Set<String> = []
                guard let place = OpaquePointer(bitPattern: table) else { break }
                goesOn = withUnsafeMutablePointer(to: &found) { usrloc.pointee.visit(host, place, &visit, seen, $0) }
                for aor in found.sorted() { note(Key(table: table, aor: aor)) }
            }
        }
    }

    /// One that was seen a moment ago.
    private func note(_ key: Key) {
        state.withLock { state in
            guard state.numbers[key] == nil, (contactCount(key) ?? 0) > 0, state.last < UInt32.max else { return }
            state.last += 1
            state.numbers[key] = state.last
            state.rows.append((state.last, User(number: state.last, key: key)))
        }
    }

    private var tables: [UInt] {
        var all: [UInt] = []
        while let table = usrloc.pointee.table_at(host, UInt32(all.count)) { all.append(UInt(bitPattern: table)) }
        return all
    }

    // MARK: - What is asked for

    /// The user with the lowest number above that one.
    func user(after number: UInt32) -> User? {
        state.withLock { state in
            guard number < UInt32.max else { return nil }
            var place = state.place(number + 1)
            while place < state.rows.count {
                if let user = state.rows[place].user { return user }
                place += 1
            }
            return nil
        }
    }

    func user(_ number: UInt32) -> User? { state.withLock { $0.user(number) } }

    /// The number of an address of record: as it is stored, or a SIP URI.
    func number(of text: String) -> UInt32? {
        var aor = Substring(text)
        for scheme in ["sip:", "sips:"] where aor.lowercased().hasPrefix(scheme) { aor = aor.dropFirst(scheme.count) }
        if !usesDomain, aor.count < text.count, let at = aor.firstIndex(of: "@") { aor = aor[..<at] }
        let name = String(aor)
        return state.withLock { state in
            for table in tables {
                if let number = state.numbers[Key(table: table, aor: name)] { return number }
            }
            return nil
        }
    }

    /// A user's contacts by their numbers, lowest first.
    func contacts(of user: User) -> [Contact] {
        var found = Found()
        let seen: @convention(c) (Host, UnsafePointer<usrloc_contact>, UnsafeMutableRawPointer?) -> Void = {
            $2?.assumingMemoryBound(to: Found.self).pointee.add($1.pointee)
        }
        withUnsafeMutablePointer(to: &found) { _ = contacts(of: user.key, user: $0, seen) }
        return state.withLock { state in
            var all: [Contact] = []
            state.change(user.number) { user in
                let known = user.contacts
                user.contacts = [:]
                for one in found.all.sorted(by: { $0.ruid < $1.ruid }) {
                    if known[one.ruid] == nil { user.lastContact += 1 }
                    let number = known[one.ruid] ?? user.lastContact
                    user.contacts[one.ruid] = number
                    all.append(
                        Contact(
                            number: number, uri: one.uri, modified: one.modified, expires: one.expires, q: one.q))
                }
            }
            return all.sorted { $0.number < $1.number }
        }
    }

    private func contacts(
        of key: Key, user: UnsafeMutableRawPointer?,
        _ seen: (@convention(c) (Host, UnsafePointer<usrloc_contact>, UnsafeMutableRawPointer?) -> Void)?
    ) -> CInt {
        guard let table = OpaquePointer(bitPattern: key.table) else { return .false }
        var aor = key.aor
        return aor.withUTF8 {
            usrloc.pointee.contacts(host, table, apus_str(start: $0.baseAddress, count: $0.count), seen, user)
        }
    }

    /// Contacts as usrloc shows them.
    private struct Found {
        var all: [(ruid: String, uri: [UInt8], modified: Int64, expires: Int64, q: Int32)] = []

        mutating func add(_ contact: usrloc_contact) {
            all.append(
                (
                    contact.ruid.string, Array(contact.uri.bytes), contact.last_modified, contact.expires, contact.q
                ))
        }
    }
}

extension Users.State {
    /// The place of the first row with that number or a higher one.
    fileprivate func place(_ number: UInt32) -> Int {
        var (low, high) = (0, rows.count)
        while low < high {
            let middle = (low + high) / 2
            if rows[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low
    }

    fileprivate func user(_ number: UInt32) -> Users.User? {
        let place = place(number)
        return place < rows.count && rows[place].number == number ? rows[place].user : nil
    }

    fileprivate mutating func change(_ number: UInt32, _ body: (inout Users.User) -> Void) {
        let place = place(number)
        guard place < rows.count, rows[place].number == number, var user = rows[place].user else { return }
        body(&user)
        rows[place].user = user
    }

    fileprivate mutating func remove(_ number: UInt32) {
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
