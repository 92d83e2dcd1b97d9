/// An OID, or what of it stands behind some node.
typealias Path = [UInt32]

extension [UInt32] {
    /// As OIDs are ordered: number by number, and what another begins with before that.
    static func < (a: Path, b: Path) -> Bool { a.lexicographicallyPrecedes(b) }
}

/// A managed object: one that there is once, or a column of a table.
struct Object {
    enum Kind {
        /// Its instance is 0.
        case scalar(() -> Value)
        case column(any Table, UInt32)
    }

    /// Below the enterprise's node.
    let path: Path
    let kind: Kind
}

/// A table: its rows by index, as they are now. Agent thread only.
protocol Table: AnyObject {
    /// Of the table's entry node, below the enterprise's.
    var entry: Path { get }
    /// Those that can be read, lowest first.
    var columns: [UInt32] { get }
    /// The lowest index above this one, which need not exist, and may be empty: the first of all.
    func index(after index: Path) -> Path?
    /// Nil when there is no such row.
    func value(_ column: UInt32, at index: Path) -> Value?
    /// What can be set; nil for tables that cannot.
    var writing: (any WritableTable)? { get }
}

extension Table {
    var writing: (any WritableTable)? { nil }
}

/// A table whose rows are known as a list: few of them, lowest index first.
protocol ListedTable: Table {
    associatedtype Row
    var rows: [(index: Path, row: Row)] { get }
    func value(_ column: UInt32, of row: Row) -> Value?
}

extension ListedTable {
    func index(after index: Path) -> Path? { rows.first { index < $0.index }?.index }

    func value(_ column: UInt32, at index: Path) -> Value? {
        rows.first { $0.index == index }.flatMap { value(column, of: $0.row) }
    }
}

/// The objects below an enterprise's node, in the order of their OIDs.
struct Tree {
    let objects: [Object]

    init(scalars: [Object], tables: [any Table]) {
        let columns = tables.flatMap { table in
            table.columns.map { Object(path: table.entry + [$0], kind: .column(table, $0)) }
        }
        objects = (scalars + columns).sorted { $0.path < $1.path }
    }

    /// What an OID below the enterprise's node means.
    enum Found {
        case value(Value)
        case noObject
        case noInstance
    }

    func get(_ path: Path) -> Found {
        guard let (object, index) = object(of: path) else { return .noObject }
        switch object.kind {
        case .scalar(let read): return index == [0] ? .value(read()) : .noInstance
        case .column(let table, let column):
            guard !index.isEmpty, let value = table.value(column, at: index) else { return .noInstance }
            return .value(value)
        }
    }

    /// The first instance behind that OID, and its value; nil when there is none.
    func next(_ path: Path) -> (path: Path, value: Value)? {
        var place = firstAbove(path)
        // The object that the OID is an instance of may have more.
        if place > 0, path.starts(with: objects[place - 1].path) { place -= 1 }
        while place < objects.count {
            let object = objects[place]
            let index = path.starts(with: object.path) ? Path(path.dropFirst(object.path.count)) : []
            if let found = instance(of: object, after: index) { return found }
            place += 1
        }
        return nil
    }

    /// The object that the OID is an instance of, and of which.
    func object(of path: Path) -> (object: Object, index: Path)? {
        let place = firstAbove(path)
        guard place > 0, path.starts(with: objects[place - 1].path) else { return nil }
        return (objects[place - 1], Path(path.dropFirst(objects[place - 1].path.count)))
    }

    private func instance(of object: Object, after index: Path) -> (path: Path, value: Value)? {
        switch object.kind {
        case .scalar(let read): return index.isEmpty ? (object.path + [0], read()) : nil
        case .column(let table, let column):
            var last = index
            // A row may go between the two calls.
            while let next = table.index(after: last) {
                if let value = table.value(column, at: next) { return (object.path + next, value) }
                last = next
            }
            return nil
        }
    }

    /// The place of the first object whose path is above this one.
    private func firstAbove(_ path: Path) -> Int {
        var (low, high) = (0, objects.count)
        while low < high {
            let middle = (low + high) / 2
            if path < objects[middle].path { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
