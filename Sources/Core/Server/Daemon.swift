import CLinux
import Glibc

/// Becoming a daemon, and the traces that one leaves: process id file, privileges, folders.
///
/// With `fork=yes` the program forks before any thread exists. The parent stays until the child says that it is ready, or why it is not: so the
/// exit code and the reason reach whoever started it.
enum Daemon {
    /// The parent's end of what the child will say; nil in the child and in the foreground.
    struct Child {
        private let pipe: Int32

        fileprivate init(pipe: Int32) { self.pipe = pipe }

        /// [parent] Waits for the child's word.
        /// - Returns: the exit code.
        func wait() -> Int32 {
            var word: UInt8 = 0
            while true {
                let count = read(pipe, &word, 1)
                if count == 1 { return Int32(word) }
                if count == 0 || errno != EINTR { return 1 }
            }
        }
    }

    /// [child] How the child tells its parent.
    struct Parent {
        private let pipe: Int32

        fileprivate init(pipe: Int32) { self.pipe = pipe }

        /// Everything is open and running, or not: the parent ends with this code. From then on the process has no terminal.
        func tell(_ code: Int32) {
            var word = UInt8(truncatingIfNeeded: code)
            _ = write(pipe, &word, 1)
            close(pipe)
            guard code == 0 else { return }
            let null = open("/dev/null", O_RDWR)
            if null >= 0 {
                dup2(null, STDIN_FILENO)
                dup2(null, STDOUT_FILENO)
                dup2(null, STDERR_FILENO)
                if null > STDERR_FILENO { close(null) }
            }
        }
    }

    enum Side {
        case parent(Child)
        case child(Parent)
    }

    /// Forks; the child leaves the terminal's session.
    static func fork() throws(SystemError) -> Side {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw SystemError(code: errno) }
        let pid = linux_fork()
        guard pid >= 0 else { throw SystemError(code: errno) }
        if pid > 0 {
            close(ends[1])
            return .parent(Child(pipe: ends[0]))
        }
        close(ends[0])
        setsid()
        return .child(Parent(pipe: ends[1]))
    }

    /// Writes the process id. The file must not exist, or hold the id of a process that does not.
    static func writePIDFile(_ path: String) throws(StartFailure) {
        if let old = readPIDFile(path), old != getpid(), kill(old, 0) == 0 || errno == EPERM {
            throw StartFailure(code: 2, text: "process \(old) runs already, says \(path)")
        }
        unlink(path)
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw StartFailure(code: 2, text: "\(path): \(SystemError(code: errno).text)") }
        let text = "\(getpid())\n"
        _ = Array(text.utf8).withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        close(file)
    }

    private static func readPIDFile(_ path: String) -> pid_t? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 32)
        guard fgets(&line, 32, file) != nil else { return nil }
        let pid = pid_t(strtol(line, nil, 10))
        return pid > 1 ? pid : nil
    }

    /// Gives up root's rights, supplementary groups first. Names or numbers.
    static func become(user: String?, group: String?) throws(StartFailure) {
        var gid: gid_t?
        var uid: uid_t?
        if let group {
            if let number = gid_t(group) {
                gid = number
            } else if let entry = getgrnam(group) {
                gid = entry.pointee.gr_gid
            } else {
                throw StartFailure(code: 1, text: "there is no group `\(group)`")
            }
        }
        if let user {
            if let number = uid_t(user) {
                uid = number
            } else if let entry = getpwnam(user) {
                uid = entry.pointee.pw_uid
                if gid == nil { gid = entry.pointee.pw_gid }
            } else {
                throw StartFailure(code: 1, text: "there is no user `\(user)`")
            }
        }
        if let gid {
            if getuid() == 0 { setgroups(0, nil) }
            guard setgid(gid) == 0 else { throw failure("group \(gid)") }
        }
        if let uid { guard setuid(uid) == 0 else { throw failure("user \(uid)") } }
    }

    /// Whether a crash may leave a core file, and how many descriptors the process may open (-1: as it was started).
    static func limitResources(coreDumps: Bool, openFiles: Int) {
        if !coreDumps {
            var none = rlimit(rlim_cur: 0, rlim_max: 0)
            setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        }
        guard openFiles > 0 else { return }
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = rlim_t(openFiles)
        limit.rlim_max = max(limit.rlim_max, limit.rlim_cur)
        if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 {
            Log.warning("open_files_limit \(openFiles): \(SystemError(code: errno).text)")
        }
    }

    static func enter(root: String?, folder: String?) throws(StartFailure) {
        if let root {
            guard chroot(root) == 0, chdir("/") == 0 else { throw failure("chroot to \(root)") }
        }
        if let folder { guard chdir(folder) == 0 else { throw failure("folder \(folder)") } }
    }

    private static func failure(_ what: String) -> StartFailure {
        StartFailure(code: 2, text: "\(what): \(SystemError(code: errno).text)")
    }
}

/// Why the server does not start, with the exit code: 1 what the config or the command line says, 2 what the system refuses.
struct StartFailure: Error {
    let code: Int32
    let text: String
}
