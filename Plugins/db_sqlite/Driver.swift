import CSQLite
import Glibc
import PluginKit

// Invariants: a connection of the contract is a Connection, retained from `open` to `close`; a statement is a Statement, retained from `prepare` to
// `finish`. Both are used by one thread at a time, as the contract says.

/// The driver of apus/db.h.
nonisolated(unsafe) let driver = permanent(
    apus_db_driver(
        size: UInt32(MemoryLayout<apus_db_driver>.size),
        // Writers in one process would only wait for each other's locks. In double quotes the name of a column that is not there would be a text.
        flags: UInt32(APUS_DB_CAN_REPLACE | APUS_DB_ON_CONFLICT | APUS_DB_ONE_AT_A_TIME | APUS_DB_BACKTICKS),
        scheme: sqliteScheme,
        // A transaction that reads first and writes then would fail where another process writes; this one waits at its beginning.
        begin: beginWords,
        open: { host, url, milliseconds, fault in
            do throws(Failure) {
                let connection = try Connection(url.pointee.rest, milliseconds)
                return Unmanaged.passRetained(connection).toOpaque()
            } catch {
                error.tell(fault, unsent: false)
                return nil
            }
        },
        close: { connection in
            let connection = Unmanaged<Connection>.fromOpaque(connection)
            connection.takeUnretainedValue().close()
            connection.release()
        },
        prepare: { connection, sql, fault in
            do throws(Failure) {
                let statement = try Statement(Connection.of(connection), sql)
                return Unmanaged.passRetained(statement).toOpaque()
            } catch {
                error.tell(fault, unsent: true)
                return nil
            }
        },
        execute: { statement, values, count, milliseconds, fault in
            let statement = Statement.of(statement)
            do throws(Failure) {
                try statement.begin(UnsafeBufferPointer(start: values, count: Int(count)), milliseconds)
                return .true
            } catch {
                error.tell(fault, unsent: error.isMoved)
                return .false
            }
        },
        step: { statement, fault in
            do throws(Failure) {
                return try Statement.of(statement).step() ? .true : .exit
            } catch {
                error.tell(fault, unsent: false)
                return .false
            }
        },
        columns: { UInt32(sqlite3_column_count(Statement.of($0).raw)) },
        name: { statement, column in
            guard let name = sqlite3_column_name(Statement.of(statement).raw, Int32(column)) else { return apus_str() }
            return apus_str(s: name, len: strlen(name))
        },
        value: { statement, column, out in Statement.of(statement).read(Int32(column), out) },
        end: { Statement.of($0).end() },
        finish: { statement in
            let statement = Unmanaged<Statement>.fromOpaque(statement)
            statement.takeUnretainedValue().finish()
            statement.release()
        },
        outcome: { connection, affected, id in
            let outcome = Connection.of(connection).outcome
            affected.pointee = outcome.affected
            id.pointee = outcome.id
        }))

private nonisolated(unsafe) let sqliteScheme = permanentText("sqlite")
private nonisolated(unsafe) let beginWords = permanentText("BEGIN IMMEDIATE")

/// With a NUL behind it, for ever.
private func permanentText(_ text: String) -> UnsafePointer<CChar> {
    let bytes = Array(text.utf8) + [0]
    let place = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
    for (index, byte) in bytes.enumerated() { (place + index).initialize(to: CChar(bitPattern: byte)) }
    return UnsafePointer(place)
}

/// What SQLite said.
struct Failure: Error {
    /// Its result code, the extended one.
    let code: Int32
    let text: String
    /// The file is another one than when it was opened.
    var isMoved = false

    init(_ code: Int32, _ text: String) {
        self.code = code
        self.text = text
    }

    /// What was said last on a connection.
    init(_ code: Int32, on database: OpaquePointer?) {
        self.code = code
        text =
            database.flatMap { sqlite3_errmsg($0) }.map { String(cString: $0) } ?? String(cString: sqlite3_errstr(code))
    }

    static func moved(_ path: String) -> Failure {
        var failure = Failure(SQLITE_CANTOPEN, "the file \(path) was moved, replaced or deleted")
        failure.isMoved = true
        return failure
    }

    private var status: Int {
        switch code & 0xff {
        case SQLITE_BUSY, SQLITE_LOCKED: APUS_DB_LOCKED
        case SQLITE_CONSTRAINT: APUS_DB_CONFLICT
        case SQLITE_INTERRUPT: APUS_TIMED_OUT
        // Of a file that is no database, or damaged, nothing more can be had.
        case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_CANTOPEN, SQLITE_IOERR: APUS_DB_DOWN
        default: APUS_FAILED
        }
    }

    /// - Parameter unsent: the statement has not begun.
    func tell(_ fault: UnsafeMutablePointer<apus_db_fault>, unsent: Bool) {
        let status = unsent && status == APUS_DB_DOWN && isMoved ? APUS_DB_UNSENT : status
        apus_db_fail(fault, Int32(status), text)
    }
}
