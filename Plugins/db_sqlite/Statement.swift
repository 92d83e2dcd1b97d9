import CSQLite
import PluginKit

/// A prepared statement. What is bound to it lives until `end`.
final class Statement {
    private(set) var raw: OpaquePointer?
    private let connection: Connection
    /// By column, once its first row was asked for.
    private var declarations: [Declaration] = []

    /// What the table says of a column, as far as it decides what its values are.
    private enum Declaration {
        case datetime
        case bigint
        case other
    }

    private nonisolated(unsafe) static let empty = UnsafePointer(permanent(CChar(0)))

    static func of(_ pointer: UnsafeMutableRawPointer) -> Statement {
        Unmanaged<Statement>.fromOpaque(pointer).takeUnretainedValue()
    }

    init(_ connection: Connection, _ sql: apus_str) throws(Failure) {
        self.connection = connection
        try connection.checkPlace()
        var tail: UnsafePointer<CChar>?
        let code = sqlite3_prepare_v2(connection.raw, sql.s, Int32(clamping: sql.len), &raw, &tail)
        guard code == SQLITE_OK else { throw Failure(code, on: connection.raw) }
        let used = tail.flatMap { tail in sql.s.map { tail - $0 } } ?? sql.len
        let rest = sql.dropFirst(used).trimmed
        guard raw != nil, rest.isEmpty || rest.equals(";") else {
            finish()
            throw Failure(SQLITE_ERROR, raw == nil ? "there is no statement" : "there is more than one statement")
        }
    }

    func finish() {
        sqlite3_finalize(raw)
        raw = nil
    }

    func begin(_ values: UnsafeBufferPointer<apus_db_value>, _ milliseconds: UInt32) throws(Failure) {
        try connection.checkPlace()
        let wanted = Int(sqlite3_bind_parameter_count(raw))
        guard wanted == values.count else {
            throw Failure(SQLITE_RANGE, "\(values.count) values are given, \(wanted) are expected")
        }
        for (index, value) in values.enumerated() {
            let code = bind(Int32(index + 1), value)
            guard code == SQLITE_OK else { throw Failure(code, on: connection.raw) }
        }
        connection.limit(milliseconds)
        connection.begin()
        declarations = []
    }

    private func bind(_ index: Int32, _ value: apus_db_value) -> Int32 {
        switch Int(value.kind) {
        case APUS_DB_INT, APUS_DB_BIGINT, APUS_DB_BITMAP: sqlite3_bind_int64(raw, index, value.num)
        case APUS_DB_DOUBLE: sqlite3_bind_double(raw, index, value.real)
        // Bytes without an address would be NULL.
        case APUS_DB_STRING where value.str.len == 0: sqlite3_bind_text(raw, index, Statement.empty, 0, nil)
        case APUS_DB_STRING: sqlite3_bind_text(raw, index, value.str.s, Int32(clamping: value.str.len), nil)
        case APUS_DB_DATETIME: sqlite3_bind_double(raw, index, Datetime.julianDay(ofSeconds: value.num))
        case APUS_DB_BLOB where value.str.len == 0: sqlite3_bind_zeroblob(raw, index, 0)
        case APUS_DB_BLOB: sqlite3_bind_blob(raw, index, value.str.s, Int32(clamping: value.str.len), nil)
        default: sqlite3_bind_null(raw, index)
        }
    }

    /// Whether there is a row.
    func step() throws(Failure) -> Bool {
        let code = sqlite3_step(raw)
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw Failure(code, on: connection.raw)
        }
    }

    func end() {
        sqlite3_reset(raw)
        sqlite3_clear_bindings(raw)
        connection.limit(0)
    }

    // MARK: - Values

    func read(_ column: Int32, _ out: UnsafeMutablePointer<apus_db_value>) {
        let declaration = declaration(column)
        switch sqlite3_column_type(raw, column) {
        case SQLITE_INTEGER:
            let number = sqlite3_column_int64(raw, column)
            if declaration == .datetime {
                out.pointee = apus_db_number(UInt32(APUS_DB_DATETIME), Datetime.seconds(ofNumber: number))
            } else {
                let isLarge = declaration == .bigint || Int32(exactly: number) == nil
                out.pointee = apus_db_number(UInt32(isLarge ? APUS_DB_BIGINT : APUS_DB_INT), number)
            }
        case SQLITE_FLOAT:
            let number = sqlite3_column_double(raw, column)
            if declaration == .datetime, let seconds = Datetime.seconds(ofJulianDay: number) {
                out.pointee = apus_db_number(UInt32(APUS_DB_DATETIME), seconds)
            } else {
                out.pointee.kind = UInt32(APUS_DB_DOUBLE)
                out.pointee.real = number
            }
        case SQLITE_TEXT:
            let text = apus_str(start: sqlite3_column_text(raw, column), count: Int(sqlite3_column_bytes(raw, column)))
            if declaration == .datetime, let seconds = Datetime.seconds(ofText: text) {
                out.pointee = apus_db_number(UInt32(APUS_DB_DATETIME), seconds)
            } else {
                out.pointee.kind = UInt32(APUS_DB_STRING)
                out.pointee.str = text
            }
        case SQLITE_BLOB:
            let start = sqlite3_column_blob(raw, column)?.assumingMemoryBound(to: UInt8.self)
            out.pointee.kind = UInt32(APUS_DB_BLOB)
            // An empty one has no address, but is not NULL.
            out.pointee.str = start.map { apus_str(start: $0, count: Int(sqlite3_column_bytes(raw, column))) } ?? ""
        default: break
        }
    }

    private func declaration(_ column: Int32) -> Declaration {
        if declarations.isEmpty {
            declarations = (0..<sqlite3_column_count(raw)).map { column in
                let text = sqlite3_column_decltype(raw, column).map { String(cString: $0).lowercased() } ?? ""
                if text.hasPrefix("date") || text.hasPrefix("timestamp") { return .datetime }
                return text.hasPrefix("bigint") ? .bigint : .other
            }
        }
        return Int(column) < declarations.count ? declarations[Int(column)] : .other
    }
}
