import CSQLite
import Glibc

// Invariants: `handle` is open from `init` to `deinit`; one thread.

/// A database of SQLite's, opened here and not by the server: its tables are made before there is one.
final class SQLiteFile {
    private let handle: OpaquePointer
    private let path: String

    /// - Parameter creating: the file may be missing.
    init(_ path: String, creating: Bool) throws(Failure) {
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | (creating ? SQLITE_OPEN_CREATE : 0)
        let code = sqlite3_open_v2(path, &opened, flags, nil)
        guard code == SQLITE_OK, let opened else {
            // Where there is no file, SQLite only says that it cannot open it.
            let why =
                !creating && access(path, F_OK) != 0
                ? systemError(ENOENT) : opened.map { String(cString: sqlite3_errmsg($0)) }
            sqlite3_close_v2(opened)
            throw .refused("\(path): \(why ?? String(cString: sqlite3_errstr(code)))")
        }
        handle = opened
        self.path = path
        // A server may be writing.
        sqlite3_busy_timeout(handle, 5000)
    }

    deinit { sqlite3_close_v2(handle) }

    /// Executes statements.
    func execute(_ sql: String) throws(Failure) {
        guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else {
            throw refusal
        }
    }

    /// All that `body` does, or, when it throws, nothing.
    func transaction(_ body: () throws(Failure) -> Void) throws(Failure) {
        try execute("BEGIN IMMEDIATE")
        do { try body() } catch {
            sqlite3_exec(handle, "ROLLBACK", nil, nil, nil)
            throw error
        }
        try execute("COMMIT")
    }

    /// The names of a table's columns; none when there is no such table.
    func columns(of table: String) throws(Failure) -> [String] {
        try rows("SELECT name FROM pragma_table_info(?)", [table]).rows.compactMap(\.[0])
    }

    /// A name in a statement.
    static func quoted(_ name: String) -> String { "\"" + name.replacing("\"", with: "\"\"") + "\"" }

    /// A row, as texts; nil for NULL.
    typealias Row = [String?]

    /// - Returns: the columns' names and the rows of a statement.
    func rows(_ sql: String, _ values: [String] = []) throws(Failure) -> (columns: [String], rows: [Row]) {
        var statement: OpaquePointer?
        guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK else {
            throw refusal
        }
        defer { sqlite3_finalize(statement) }
        for (index, value) in values.enumerated() {
            // SQLite copies it: -1 stands for SQLITE_TRANSIENT.
            sqlite3_bind_text(
                statement, Int32(index + 1), value, -1, unsafeBitCast(-1, to: sqlite3_destructor_type.self))
        }
        let count = sqlite3_column_count(statement)
        let columns = (0..<count).map { sqlite3_column_name(statement, $0).map { String(cString: $0) } ?? "" }
        var rows: [Row] = []
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW:
                rows.append((0..<count).map { sqlite3_column_text(statement, $0).map { String(cString: $0) } })
            case SQLITE_DONE: return (columns, rows)
            default: throw refusal
            }
        }
    }

    private var refusal: Failure { .refused("\(path): \(String(cString: sqlite3_errmsg(handle)))") }
}
