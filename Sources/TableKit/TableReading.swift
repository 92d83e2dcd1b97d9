import PluginKit

// Invariants: in `start` or on an offload thread, which waits. A row and its texts live for the call that brings it.

/// Why a table, or a file, cannot be what is in force.
public struct ReadFault: Error {
    public let text: String

    public init(_ text: String) { self.text = text }
}

/// One row, with the columns that were asked for, in that order.
public struct TableRow {
    fileprivate let db: UnsafePointer<apus_db_api>
    fileprivate let values: UnsafePointer<apus_db_value>
    /// From 1.
    public let number: Int

    public func text(_ column: Int) -> String { values[column].text }

    /// Nil for NULL.
    public func textIfAny(_ column: Int) -> String? {
        values[column].kind == UInt32(APUS_DB_NULL) ? nil : values[column].text
    }

    /// Nil: it is none.
    public func number(_ column: Int) -> Int64? {
        var value = values[column]
        var number: Int64 = 0
        return db.pointee.number(&value, &number) > 0 ? number : nil
    }
}

/// A table that is read as a whole.
public struct TableReading: @unchecked Sendable {
    public let db: OpaquePointer
    public let table: apus_str
    private let columns: ColumnList

    /// - Parameter table: lives for ever, as the columns do.
    public init(_ db: OpaquePointer, _ table: apus_str, _ columns: [apus_str]) {
        self.db = db
        self.table = table
        self.columns = ColumnList(columns)
    }

    /// Shows every row.
    public func read(_ host: Host, _ body: (TableRow) throws(ReadFault) -> Void) throws(ReadFault) {
        var rows = 0
        try host.pages(of: table, columns, in: db) { (page) throws(ReadFault) in
            guard let values = page.pointee.values else { return }
            for row in 0..<Int(page.pointee.row_count) {
                rows += 1
                try body(
                    TableRow(
                        db: host.pointee.db, values: values + row * Int(page.pointee.column_count), number: rows))
            }
        }
    }
}

extension apus_db_value {
    /// As it would be written; empty for NULL.
    public var text: String {
        switch Int(kind) {
        case APUS_DB_NULL: ""
        case APUS_DB_STRING, APUS_DB_BLOB: str.string
        case APUS_DB_DOUBLE: "\(real)"
        default: "\(num)"
        }
    }
}
