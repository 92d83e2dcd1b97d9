import Glibc

// Invariants: the words and the environment given to posix_spawnp live until it returns.

/// A program that we have started.
struct Process {
    private let pid: pid_t

    /// - Parameters:
    ///   - quiet: what it writes to standard output is thrown away; standard error stays ours.
    ///   - output: where all that it writes goes instead.
    init(_ program: String, _ arguments: [String], quiet: Bool, output: Int32? = nil) throws(Failure) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let output {
            for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
                posix_spawn_file_actions_adddup2(&actions, output, descriptor)
            }
        }
        if quiet { posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) }
        // A server that goes on in the background keeps nothing of our caller's open.
        for descriptor in (STDERR_FILENO + 1)..<1024 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // We ignore SIGPIPE; whether the server does is its own affair.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var pid: pid_t = 0
        let failed = posix_spawnp(&pid, program, &actions, &attributes, &words, environ)
        guard failed == 0 else { throw .refused("\(program): \(systemError(failed))") }
        self.pid = pid
    }

    /// Waits for its end.
    /// - Returns: its exit code, 128 and the signal's number when one has ended it; nil when it still runs after these milliseconds.
    func wait(_ milliseconds: Int) -> Int32? {
        let deadline = monotonicMilliseconds() + milliseconds
        while true {
            var status: Int32 = 0
            let ended = waitpid(pid, &status, WNOHANG)
            if ended == pid { return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f }
            if ended < 0, errno != EINTR { return 1 }
            if monotonicMilliseconds() >= deadline { return nil }
            usleep(10_000)
        }
    }

    /// Ends it, in order if it obeys within two seconds.
    func end() {
        kill(pid, SIGTERM)
        if wait(2000) == nil {
            kill(pid, SIGKILL)
            _ = wait(2000)
        }
    }
}
