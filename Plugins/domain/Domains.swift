import PluginKit
import TableKit

// Invariants: built by one thread and never changed afterwards. Its texts lie in its indices; all of it ends with `end`.

/// The domains and their attributes, as the tables had them at one time.
struct Domains: Renewable {
    /// Names of domains.
    private let names: TextIndex
    /// Of each domain the place of its identifier in `identifiers`.
    private let places: UnsafeMutablePointer<Int>
    /// Identifiers, names and values of attributes: whatever is shown to scripts.
    private let identifiers: TextIndex
    /// Of identifier i those from first[i] up to first[i + 1].
    private let first: UnsafeMutablePointer<Int>
    private let attributes: UnsafeMutablePointer<Attribute>
    private let texts: UnsafeMutablePointer<UInt8>

    struct Attribute {
        let name: apus_str
        let value: apus_value
    }

    /// A row of the table of attributes.
    private struct Row {
        let identifier: String
        let name: String
        let isNumber: Bool
        let value: String
    }

    /// The type of numbers in the table.
    private static let numbers: Int64 = 0

    static func read(_ host: Host) throws(ReadFault) -> Domains {
        guard let domains = state.pointee.domainReading, let attributes = state.pointee.attributesReading else {
            throw ReadFault("the tables are not known yet")
        }
        var names: [(name: String, identifier: String)] = []
        try domains.read(host) { (row) throws(ReadFault) in
            let name = row.text(0)
            guard !name.isEmpty else { throw ReadFault("table \(domains.table.string), row \(row.number): no domain") }
            let identifier = row.text(1)
            names.append((name, identifier.isEmpty ? name : identifier))
        }
        var rows: [Row] = []
        try attributes.read(host) { (row) throws(ReadFault) in
            let isNumber = row.number(2) == Domains.numbers
            guard !row.text(1).isEmpty, !isNumber || row.number(3) != nil else {
                throw ReadFault(
                    "table \(attributes.table.string), row \(row.number): the attribute has no name, or is no number")
            }
            rows.append(Row(identifier: row.text(0), name: row.text(1), isNumber: isNumber, value: row.text(3)))
        }
        return Domains(names, rows)
    }

    private init(_ domains: [(name: String, identifier: String)], _ rows: [Row]) {
        names = TextIndex(domains.map(\.name))
        var known: [String: Int] = [:]
        var order: [String] = []
        for domain in domains where known[domain.identifier] == nil {
            known[domain.identifier] = order.count
            order.append(domain.identifier)
        }
        identifiers = TextIndex(order)
        places = .allocate(capacity: max(1, domains.count))
        for (index, domain) in domains.enumerated() { (places + index).initialize(to: known[domain.identifier] ?? 0) }
        let kept = rows.filter { known[$0.identifier] != nil }
        texts = .allocate(capacity: max(1, kept.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }))
        attributes = .allocate(capacity: max(1, kept.count))
        first = .allocate(capacity: order.count + 1)
        var (used, next) = (0, 0)
        func keep(_ text: String) -> apus_str {
            let start = texts + used
            for byte in text.utf8 {
                (texts + used).initialize(to: byte)
                used += 1
            }
            return apus_str(start: start, count: texts + used - start)
        }
        let byIdentifier = Dictionary(grouping: kept, by: \.identifier)
        for (index, identifier) in order.enumerated() {
            (first + index).initialize(to: next)
            for row in byIdentifier[identifier] ?? [] {
                let value = row.isNumber ? apus_value(Int64(row.value) ?? 0) : apus_value(keep(row.value))
                (attributes + next).initialize(to: Attribute(name: keep(row.name), value: value))
                next += 1
            }
        }
        (first + order.count).initialize(to: next)
    }

    func end() {
        names.end()
        identifiers.end()
        places.deallocate()
        first.deallocate()
        attributes.deallocate()
        texts.deallocate()
    }

    // MARK: - Asking

    var count: Int { names.count }
    var identifierCount: Int { identifiers.count }

    /// [any] The place of a domain, in any case.
    func find(_ domain: apus_str) -> Int? { names.find(domain) }

    func name(_ index: Int) -> apus_str { names.text(index) }

    /// The identifier of a domain.
    func identifier(_ index: Int) -> apus_str { identifiers.text(places[index]) }

    func identifier(at place: Int) -> apus_str { identifiers.text(place) }

    func attributes(of index: Int) -> UnsafeBufferPointer<Attribute> { attributes(at: places[index]) }

    func attributes(at place: Int) -> UnsafeBufferPointer<Attribute> {
        UnsafeBufferPointer(start: attributes + first[place], count: first[place + 1] - first[place])
    }
}
