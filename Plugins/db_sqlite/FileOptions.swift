import PluginKit

// Invariants: filled in on the main thread while the config is read, constant from then on.

/// What the config says of one database file.
struct FileOptions {
    var isReadOnly = false
    var journalMode: String?
    /// Milliseconds.
    var busyTimeout: Int32?

    private nonisolated(unsafe) static var files: [String: FileOptions] = [:]

    /// However many slashes the path begins with, they are the root.
    static func key(_ path: String) -> String {
        path.hasPrefix("/") ? "/" + path.drop { $0 == "/" } : path
    }

    static func of(_ path: String) -> FileOptions { files[key(path)] ?? FileOptions() }

    static func change(_ path: String, _ change: (inout FileOptions) -> Void) {
        change(&files[key(path), default: FileOptions()])
    }

    static let journalModes = ["DELETE", "TRUNCATE", "PERSIST", "MEMORY", "WAL", "OFF"]
}

/// The module's parameters.
struct Settings {
    var defaultFile = apus_str()
}

nonisolated(unsafe) let settings = permanent(Settings())

func declareParameters(_ host: Host) {
    host.declare(
        [
            .text(
                "default_file", \.defaultFile, "/var/lib/apus/apus.db",
                doc: "The database of modules that name none, and of the url `sqlite`.")
        ], in: settings)
    host.declare(
        ParameterDescription(
            name: "db_set_readonly", kind: APUS_PARAM_STRING, flags: APUS_REPEATABLE,
            doc: "A file that is only read; its path as in the url."),
        set: { _, value, _ in
            FileOptions.change(value.pointee.str.string) { $0.isReadOnly = true }
            return .true
        })
    host.declare(
        ParameterDescription(
            name: "db_set_journal_mode", kind: APUS_PARAM_STRING, flags: APUS_REPEATABLE,
            doc:
                "`path=mode`: DELETE, TRUNCATE, PERSIST, MEMORY, WAL or OFF, of a file; without it the file says which."
        ),
        set: { host, value, _ in
            guard let (path, mode) = parts(value.pointee.str),
                FileOptions.journalModes.contains(mode.uppercased())
            else {
                host.log(
                    .error,
                    "db_set_journal_mode: `path=mode` is expected, mode one of "
                        + FileOptions.journalModes.joined(separator: ", "))
                return .false
            }
            FileOptions.change(path) { $0.journalMode = mode.uppercased() }
            return .true
        })
    host.declare(
        ParameterDescription(
            name: "db_set_busy_timeout", kind: APUS_PARAM_STRING, flags: APUS_REPEATABLE,
            doc:
                "`path=milliseconds`: how long the lock of another program on a file is waited for, beside the work's own limit."
        ),
        set: { host, value, _ in
            guard let (path, time) = parts(value.pointee.str), let milliseconds = Int32(time), milliseconds >= 0 else {
                host.log(.error, "db_set_busy_timeout: `path=milliseconds` is expected")
                return .false
            }
            FileOptions.change(path) { $0.busyTimeout = milliseconds }
            return .true
        })
}

/// `path=value`; the path may hold a `=`.
private func parts(_ text: apus_str) -> (String, String)? {
    let text = text.string
    guard let sign = text.lastIndex(of: "="), sign != text.startIndex else { return nil }
    return (String(text[..<sign]), String(text[text.index(after: sign)...]).trimmingBlanks)
}

extension String {
    fileprivate var trimmingBlanks: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
