import PluginKit

/// `…SIPStatusCodesTable`: managers make a row for a method and a status code, and replies are counted from then on.
final class StatusCodesTable: ListedTable {
    struct Count {
        let method: SIPMethod
        let code: UInt32
        /// What had been counted when the row was made.
        let base: (received: UInt64, sent: UInt64)
    }

    let entry: Path = [3, 1, 1, 1, 5, 1, 1]
    let columns: [UInt32] = [3, 4, 5]
    var writing: (any WritableTable)? { self }
    private(set) var rows: [(index: Path, row: Count)] = []
    private let host: Host

    fileprivate static let statusColumn: UInt32 = 5

    init(_ host: Host) { self.host = host }

    func value(_ column: UInt32, of row: Count) -> Value? {
        if column == StatusCodesTable.statusColumn { return .integer(Int32(RowStatus.active.rawValue)) }
        let now = count(row.method, row.code)
        return column == 3
            ? .counter(wrapping: now.received &- row.base.received) : .counter(wrapping: now.sent &- row.base.sent)
    }

    private func count(_ method: SIPMethod, _ code: UInt32) -> (received: UInt64, sent: UInt64) {
        var counts: (received: UInt64, sent: UInt64) = (0, 0)
        _ = host.pointee.stats.pointee.replies(host, method.name, code, &counts.received, &counts.sent)
        return counts
    }

    fileprivate func has(_ index: Path) -> Bool { rows.contains { $0.index == index } }

    fileprivate func method(of index: Path) -> SIPMethod? {
        guard index.count == 2, (100...699).contains(index[1]) else { return nil }
        return SIPMethod.all.first { $0.number == index[0] }
    }
}

extension StatusCodesTable: WritableTable {
    func check(_ column: UInt32, at index: Path, _ value: NewValue) throws(Refusal) {
        guard column == StatusCodesTable.statusColumn else { throw .notWritable }
        _ = try RowStatus(asked: value)
        guard method(of: index) != nil else { throw .noCreation }
    }

    func check(_ index: Path, _ values: [UInt32: NewValue]) throws(Refusal) {
        for value in values.values {
            switch try RowStatus(asked: value) {
            case .createAndGo: if has(index) { throw .inconsistentValue }
            case .active: if !has(index) { throw .inconsistentValue }
            case .destroy: break
            case .notInService, .notReady, .createAndWait: throw .inconsistentValue
            }
        }
    }

    func set(_ index: Path, _ values: [UInt32: NewValue]) -> () -> Void {
        let before = rows
        guard let method = method(of: index), let value = values[StatusCodesTable.statusColumn] else { return {} }
        switch try? RowStatus(asked: value) {
        case .createAndGo:
            _ = host.pointee.stats.pointee.count_replies(host)
            let place = rows.firstIndex { index < $0.index } ?? rows.count
            let row = Count(method: method, code: index[1], base: count(method, index[1]))
            rows.insert((index, row), at: place)
        case .destroy: rows.removeAll { $0.index == index }
        default: break
        }
        return { [weak self] in self?.rows = before }
    }
}
