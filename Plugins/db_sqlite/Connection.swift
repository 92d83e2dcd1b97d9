import CSQLite
import Glibc
import PluginKit

/// An open file.
final class Connection {
    private(set) var raw: OpaquePointer?
    private let path: String
    private let busyTimeout: Int32?
    /// Monotonic nanoseconds at which whoever waits gives up; 0: never.
    fileprivate var deadline: UInt64 = 0
    private var changes: Int32 = 0

    static func of(_ pointer: UnsafeMutableRawPointer) -> Connection {
        Unmanaged<Connection>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// - Parameters:
    ///   - rest: what stands behind `sqlite://`; empty: the default file.
    ///   - milliseconds: how long another process's lock is waited for; 0: as long as it takes.
    init(_ rest: apus_str, _ milliseconds: UInt32) throws(Failure) {
        path = FileOptions.key(rest.isEmpty ? settings.pointee.defaultFile.string : rest.string)
        let options = FileOptions.of(path)
        busyTimeout = options.busyTimeout
        let access = options.isReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE
        let memory = path == ":memory:" ? SQLITE_OPEN_MEMORY : 0
        let code = sqlite3_open_v2(path, &raw, access | memory | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        do throws(Failure) {
            guard code == SQLITE_OK else { throw reason(code) }
            limit(milliseconds)
            sqlite3_progress_handler(
                raw, 20_000,
                { connection in
                    guard let connection else { return 0 }
                    let deadline = Connection.of(connection).deadline
                    return deadline > 0 && now() >= deadline ? 1 : 0
                }, Unmanaged.passUnretained(self).toOpaque())
            // It is looked into here: opening alone finds out nothing about it.
            try run("PRAGMA schema_version")
            if let mode = options.journalMode { try run("PRAGMA journal_mode=\(mode)") }
        } catch {
            sqlite3_close_v2(raw)
            raw = nil
            throw error
        }
    }

    func close() {
        sqlite3_close_v2(raw)
        raw = nil
    }

    private func reason(_ code: Int32) -> Failure {
        if code & 0xff == SQLITE_CANTOPEN, access(path, F_OK) != 0 {
            return Failure(code, "there is no file \(path): `apusctl db create sqlite://\(path)` makes it")
        }
        return Failure(code, "\(path): \(Failure(code, on: raw).text)")
    }

    /// Something of the module's own.
    private func run(_ sql: String) throws(Failure) {
        let code = sqlite3_exec(raw, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw reason(code) }
    }

    /// What begins now may take that long; 0: as long as it likes.
    func limit(_ milliseconds: UInt32) {
        deadline = milliseconds == 0 ? 0 : now() + UInt64(milliseconds) * 1_000_000
        let left = milliseconds == 0 ? Int32.max : Int32(clamping: milliseconds)
        sqlite3_busy_timeout(raw, min(busyTimeout ?? .max, left))
    }

    /// Whether the open file is the one of that name still. In a transaction it is not asked.
    func checkPlace() throws(Failure) {
        guard sqlite3_get_autocommit(raw) != 0 else { return }
        var hasMoved: Int32 = 0
        if sqlite3_file_control(raw, "main", SQLITE_FCNTL_HAS_MOVED, &hasMoved) == SQLITE_OK, hasMoved != 0 {
            throw .moved(path)
        }
    }

    func begin() {
        changes = sqlite3_total_changes(raw)
        sqlite3_set_last_insert_rowid(raw, 0)
    }

    /// Of the statement that began last.
    var outcome: (affected: Int64, id: Int64) {
        guard sqlite3_total_changes(raw) != changes else { return (0, 0) }
        return (Int64(sqlite3_changes(raw)), sqlite3_last_insert_rowid(raw))
    }
}

/// Monotonic nanoseconds.
private func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
