import PluginKit

// Invariants: what a query points to lives until `ask` returns: the host keeps copies of it. A ColumnList lives for ever.

/// What the database has come to: call, status, result, and the memory that was given to `ask`. What it answers is the function's result.
public typealias RowAnswer =
    @convention(c) (Call, CInt, UnsafePointer<apus_db_result>, UnsafeMutableRawPointer?) -> CInt

/// Columns that are read, for ever.
public struct ColumnList: @unchecked Sendable {
    public let start: UnsafePointer<apus_str>
    public let count: Int

    /// [start] Texts of parameters, which live for ever.
    public init(_ names: [apus_str]) {
        let place = UnsafeMutablePointer<apus_str>.allocate(capacity: max(names.count, 1))
        for (index, name) in names.enumerated() { (place + index).initialize(to: name) }
        (start, count) = (UnsafePointer(place), names.count)
    }
}

/// The question for rows of which some columns have certain values, that a script waits for.
public struct RowQuery {
    /// Conditions at most.
    private static let limit = 4

    private let table: apus_str
    private let columns: UnsafePointer<apus_str>?
    private let columnCount: Int
    private let rows: UInt32
    private var terms = (apus_db_term(), apus_db_term(), apus_db_term(), apus_db_term())
    private var count = 0
    private var order: UnsafePointer<apus_str>?
    private var flags: UInt32 = 0

    /// - Parameters:
    ///   - count: of the columns, so many; nil: all of them.
    ///   - rows: at most; 0: all.
    public init(_ table: apus_str, _ columns: ColumnList, count: Int? = nil, rows: UInt32 = 1) {
        self.table = table
        self.columns = columns.start
        columnCount = count ?? columns.count
        self.rows = rows
    }

    /// The column has to have that value. At most four conditions.
    public mutating func require(_ column: apus_str, _ value: apus_str) {
        precondition(count < RowQuery.limit, "too many conditions")
        let place = count
        withUnsafeMutablePointer(to: &terms) { terms in
            let term = UnsafeMutableRawPointer(terms).assumingMemoryBound(to: apus_db_term.self) + place
            term.pointee.column = column
            term.pointee.value = apus_db_text(value.isNull ? "" : value)
        }
        count += 1
    }

    /// - Parameter column: lives until `ask` returns.
    public mutating func order(by column: UnsafePointer<apus_str>, descending: Bool = false) {
        order = column
        flags = descending ? UInt32(APUS_DB_DESCENDING) : 0
    }

    /// [worker] The result of the function that asks: it waits, and `then` decides.
    public func ask(
        _ call: Call, _ db: OpaquePointer?, then: @escaping RowAnswer, _ memory: UnsafeMutableRawPointer? = nil
    ) -> CInt {
        guard let db else { return call.fail("there is no database") }
        return withUnsafePointer(to: terms) { terms in
            var request = apus_db_request()
            request.size = UInt32(MemoryLayout<apus_db_request>.size)
            request.kind = UInt32(APUS_DB_SELECT)
            request.table = table
            request.columns = columns
            request.column_count = UInt32(columnCount)
            request.where = UnsafeRawPointer(terms).assumingMemoryBound(to: apus_db_term.self)
            request.where_count = UInt32(count)
            request.limit = rows
            request.order = order
            request.order_count = order == nil ? 0 : 1
            request.flags = flags
            return withUnsafePointer(to: request) { request in
                var work = apus_db_work(
                    size: UInt32(MemoryLayout<apus_db_work>.size), count: 1, requests: request, key: 0,
                    milliseconds: 0, reserved: 0)
                return call.host.pointee.db.pointee.ask(call, db, &work, then, memory)
            }
        }
    }
}

extension UnsafePointer<apus_db_result> {
    /// The text of a value; empty for NULL and what there is not.
    public func text(_ column: Int, row: Int = 0) -> apus_str {
        let text = textIfAny(column, row: row)
        return text.isNull ? "" : text
    }

    /// The same, without text for NULL and what there is not.
    public func textIfAny(_ column: Int, row: Int = 0) -> apus_str {
        guard row < Int(pointee.row_count), column < Int(pointee.column_count), let values = pointee.values else {
            return apus_str()
        }
        let value = values[row * Int(pointee.column_count) + column]
        return value.kind == UInt32(APUS_DB_STRING) || value.kind == UInt32(APUS_DB_BLOB) ? value.str : apus_str()
    }
}

/// Whether there is such a row.
public let isRow: RowAnswer = { call, status, result, _ in
    guard status == CInt(APUS_OK) else { return call.fail(result.pointee.text) }
    return result.pointee.row_count > 0 ? .true : .false
}
