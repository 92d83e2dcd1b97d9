import Glibc
import PluginKit

/// `…SIPRegUserTable`: a row for each registered user.
final class UserTable: Table {
    let entry: Path = [3, 1, 2, 1, 5, 6, 1]
    let columns: [UInt32] = [2, 3]
    private let users: Users

    init(_ users: Users) { self.users = users }

    func index(after index: Path) -> Path? { users.user(after: index.first ?? 0).map { [$0.number] } }

    func value(_ column: UInt32, at index: Path) -> Value? {
        guard index.count == 1, let user = users.user(index[0]) else { return nil }
        return column == 2 ? .octets(Array(user.key.aor.prefix(255))) : .counter(user.failures)
    }
}

/// `…SIPContactTable`: a row for each contact of each user.
final class ContactTable: Table {
    let entry: Path = [3, 1, 2, 1, 5, 7, 1]
    let columns: [UInt32] = [2, 3, 4, 5, 6]
    private let users: Users

    init(_ users: Users) { self.users = users }

    func index(after index: Path) -> Path? {
        if let number = index.first, let user = users.user(number) {
            let last = index.count > 1 ? index[1] : 0
            if let next = users.contacts(of: user).first(where: { $0.number > last }) { return [number, next.number] }
        }
        var last = index.first ?? 0
        while let user = users.user(after: last) {
            if let first = users.contacts(of: user).first { return [user.number, first.number] }
            last = user.number
        }
        return nil
    }

    func value(_ column: UInt32, at index: Path) -> Value? {
        guard index.count == 2, let user = users.user(index[0]),
            let contact = users.contacts(of: user).first(where: { $0.number == index[1] })
        else { return nil }
        switch column {
        // Registrations keep the URI of a Contact, not the name before it.
        case 2: return .octets([])
        case 3: return .octets(Array(contact.uri.prefix(255)))
        case 4: return .date(contact.modified)
        case 5: return .date(contact.expires)
        default: return .text(ContactTable.preference(contact.q))
        }
    }

    /// Five characters with two decimals; -0.01 when none was given.
    static func preference(_ thousandths: Int32) -> String {
        guard thousandths >= 0 else { return "-0.01" }
        let hundredths = Int(thousandths) / 10
        let cents = hundredths % 100
        let text = "\(hundredths / 100).\(cents < 10 ? "0" : "")\(cents)"
        return String(repeating: " ", count: max(0, 5 - text.utf8.count)) + text
    }
}

/// `…SIPRegUserLookupTable`: managers write an address of record into a row and read which row of the user table is its.
final class LookupTable: ListedTable {
    struct Lookup {
        /// Nil: it was not written yet.
        var address: [UInt8]?
        /// Monotonic milliseconds.
        let made: UInt64
    }

    let entry: Path = [3, 1, 2, 1, 5, 9, 1]
    let columns: [UInt32] = [2, 3, 4]
    var writing: (any WritableTable)? { self }
    private let host: Host
    /// Nil without usrloc.so: nobody is known then.
    private let users: Users?
    private var all: [(index: Path, row: Lookup)] = []
    private var lastNumber: UInt32 = 0

    fileprivate static let most = 1000
    fileprivate static let lifetime: UInt64 = 600_000
    fileprivate static let addressColumn: UInt32 = 2
    fileprivate static let statusColumn: UInt32 = 4

    init(_ host: Host, _ users: Users?) {
        self.host = host
        self.users = users
    }

    var rows: [(index: Path, row: Lookup)] {
        let now = now
        all.removeAll { now &- $0.row.made > LookupTable.lifetime }
        return all
    }

    /// …SIPRegUserLookupCounter: a number that nobody else was told.
    func nextNumber() -> UInt32 {
        repeat { lastNumber = lastNumber == UInt32.max ? 1 : lastNumber + 1 } while has([lastNumber])
        return lastNumber
    }

    func value(_ column: UInt32, of row: Lookup) -> Value? {
        let number = row.address.flatMap { users?.number(of: String(decoding: $0, as: UTF8.self)) }
        switch column {
        case LookupTable.addressColumn: return .octets(row.address ?? [])
        case 3: return .gauge(number ?? 0)
        default:
            let status: RowStatus = number != nil ? .active : row.address == nil ? .notReady : .notInService
            return .integer(Int32(status.rawValue))
        }
    }

    fileprivate var now: UInt64 { host.pointee.timer.pointee.now(host) }
    fileprivate func has(_ index: Path) -> Bool { rows.contains { $0.index == index } }
}

extension LookupTable: WritableTable {
    func check(_ column: UInt32, at index: Path, _ value: NewValue) throws(Refusal) {
        switch column {
        case LookupTable.statusColumn: _ = try RowStatus(asked: value)
        case LookupTable.addressColumn:
            guard case .octets(let bytes) = value else { throw .wrongType }
            guard bytes.count <= 255 else { throw .wrongLength }
            guard !bytes.isEmpty, String(validating: bytes, as: UTF8.self) != nil else { throw .wrongValue }
        default: throw .notWritable
        }
        guard index.count == 1 else { throw .noCreation }
    }

    func check(_ index: Path, _ values: [UInt32: NewValue]) throws(Refusal) {
        guard let value = values[LookupTable.statusColumn] else {
            guard has(index) else { throw .inconsistentName }
            return
        }
        switch try RowStatus(asked: value) {
        case .createAndGo:
            if has(index) { throw .inconsistentValue }
            if rows.count >= LookupTable.most { throw .resourceUnavailable }
        case .active: if !has(index) { throw .inconsistentValue }
        case .destroy: break
        case .notInService, .notReady, .createAndWait: throw .inconsistentValue
        }
    }

    func set(_ index: Path, _ values: [UInt32: NewValue]) -> () -> Void {
        let before = rows
        let status = values[LookupTable.statusColumn].flatMap { try? RowStatus(asked: $0) }
        if status == .createAndGo {
            let place = all.firstIndex { index < $0.index } ?? all.count
            all.insert((index, Lookup(made: now)), at: place)
        }
        if case .octets(let address)? = values[LookupTable.addressColumn],
            let place = all.firstIndex(where: { $0.index == index })
        {
            all[place].row.address = address
        }
        if status == .destroy { all.removeAll { $0.index == index } }
        return { [weak self] in self?.all = before }
    }
}
