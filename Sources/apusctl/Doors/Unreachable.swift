import Glibc

/// Why nobody can be asked, in words that help.
enum Unreachable {
    /// Without the verb's name: what was tried and why it failed, whether a server runs, and what to do.
    static func text(tried: [(address: ControlAddress, trouble: String)], pidFile: String) -> String {
        var lines = ["the server cannot be reached; is it running?"]
        for (address, trouble) in tried {
            var line = "  tried \(address): \(trouble)"
            if case .unix(let path) = address, let facts = facts(path) { line += "; " + facts }
            lines.append(line)
        }
        lines.append("  " + process(pidFile))
        lines.append(
            "  it listens there with loadmodule \"ctl.so\"; --socket, or APUS_CTL in the environment, names another address"
        )
        return lines.joined(separator: "\n")
    }

    static func fifoText(_ trouble: String, path: String, pidFile: String) -> String {
        var lines = ["Error opening ser's FIFO \(path); is the server running?", "  tried \(trouble)"]
        if let facts = facts(path) { lines[1] += "; " + facts }
        lines.append("  " + process(pidFile))
        lines.append(
            "  make sure that the config has the line fifo=\"\(path)\"; --fifo, or SER_FIFO in the environment, names another one"
        )
        return lines.joined(separator: "\n")
    }

    /// Whose a file is and who may use it, and who we are; nil when there is none. Of a folder that hides it: the folder.
    static func facts(_ path: String) -> String? {
        var status = stat()
        var shown = path
        while stat(shown, &status) != 0 {
            guard errno == EACCES, shown != "/", shown != "." else { return nil }
            shown = parent(of: shown)
        }
        let mode = String(status.st_mode & 0o7777, radix: 8)
        let owner = "\(user(status.st_uid)):\(group(status.st_gid))"
        let what = shown == path ? "it" : shown
        return "\(what) belongs to \(owner), mode 0\(mode); you are \(user(geteuid()))"
    }

    /// What the file with the process id knows.
    static func process(_ pidFile: String) -> String {
        switch PIDFile(pidFile).state {
        case .missing: "there is no \(pidFile)"
        case .unreadable(let why): "\(pidFile): \(why)"
        case .stale(let pid): "\(pidFile) names process \(pid), which does not run"
        case .foreign(let pid, let name): "\(pidFile) names process \(pid), which is \(name)"
        case .running(let pid): "process \(pid) of \(pidFile) runs"
        }
    }

    private static func user(_ id: uid_t) -> String {
        guard let entry = getpwuid(id) else { return "\(id)" }
        return String(cString: entry.pointee.pw_name)
    }

    private static func group(_ id: gid_t) -> String {
        guard let entry = getgrgid(id) else { return "\(id)" }
        return String(cString: entry.pointee.gr_name)
    }
}
