import Glibc

/// The file in which a server in the background writes its process id.
struct PIDFile {
    let path: String

    enum State: Equatable {
        case missing
        case unreadable(String)
        /// No such process.
        case stale(pid_t)
        /// The number has gone to another program.
        case foreign(pid_t, String)
        case running(pid_t)
    }

    init(_ path: String) { self.path = path }

    var state: State {
        guard let text = readFile(path) else {
            return errno == ENOENT ? .missing : .unreadable(systemError())
        }
        guard let pid = pid_t(text.prefix { $0.isNumber }), pid > 1 else { return .unreadable("no process id in it") }
        guard PIDFile.runs(pid) else { return .stale(pid) }
        // The kernel says so of a server that runs on while a newer one was installed over it.
        if let name = PIDFile.program(pid), name != "apus", name != "apus (deleted)" { return .foreign(pid, name) }
        return .running(pid)
    }

    /// Whether there is such a process; one that has ended and waits for its parent counts as none.
    static func runs(_ pid: pid_t) -> Bool {
        guard kill(pid, 0) == 0 || errno == EPERM else { return false }
        guard let text = readFile("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return true }
        return !text[end...].hasPrefix(") Z")
    }

    /// The name of a process's program; nil when that is not ours to know.
    private static func program(_ pid: pid_t) -> String? {
        if let path = readLink("/proc/\(pid)/exe") { return String(path.split(separator: "/").last ?? "") }
        return readFile("/proc/\(pid)/comm").map { String($0.prefix { $0 != "\n" }) }
    }
}
