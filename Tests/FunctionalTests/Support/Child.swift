import Glibc
import Synchronization

/// How a process ended.
enum ExitStatus: Equatable, Sendable {
    case exited(Int32)
    case signalled(Int32)

    init(waitStatus status: Int32) {
        let signal = status & 0x7f
        self = signal == 0 ? .exited((status >> 8) & 0xff) : .signalled(signal)
    }
}

/// A process in a group of its own, its output captured. Whatever happens to the test, the whole group is killed and the
/// process reaped when the value goes out of scope.
struct Child: ~Copyable {
    let pid: pid_t
    private let watch: ChildWatch

    /// Starts a program, looked for in PATH unless it has a slash. Its standard input is empty.
    /// - Parameter environment: set in addition to the test's own.
    init(
        _ program: String, _ arguments: [String] = [], environment: [String: String] = [:], folder: String? = nil
    ) throws {
        let words = (folder.map { ["env", "--chdir=" + $0] } ?? []) + [program] + arguments
        let variables = Child.environment(with: environment)
        let (pid, output, errors) = try Child.spawning.withLock { _ throws in try Child.spawn(words, variables) }
        self.pid = pid
        watch = ChildWatch(pid: pid, output: output, errors: errors)
    }

    /// Held from making pipes until their other ends belong to the child alone: tests run in parallel, and a child that inherits
    /// another's pipe would hold it open.
    static let spawning = Mutex(())

    private static func spawn(_ words: [String], _ variables: [String]) throws -> (pid_t, output: Int32, errors: Int32)
    {
        var output: [Int32] = [-1, -1]
        var errors: [Int32] = [-1, -1]
        guard pipe(&output) == 0, pipe(&errors) == 0 else { throw HarnessError("pipe: out of descriptors") }
        defer {
            close(output[1])
            close(errors[1])
        }
        for descriptor in output + errors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output[1], 1)
        posix_spawn_file_actions_adddup2(&actions, errors[1], 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The threads that run tests block signals; a server must get its own.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
        defer { for string in arguments + environment { free(string) } }
        var pid: pid_t = 0
        let failed = posix_spawnp(&pid, words[0], &actions, &attributes, &arguments, &environment)
        guard failed == 0 else {
            close(output[0])
            close(errors[0])
            throw HarnessError("cannot start \(words[0]): \(String(cString: strerror(failed)))")
        }
        return (pid, output[0], errors[0])
    }

    deinit {
        watch.kill(SIGKILL, group: true)
        _ = watch.wait(within: .seconds(60)) { $0.status != nil }
    }

    /// The test's own environment with additions, as NAME=VALUE.
    private static func environment(with additions: [String: String]) -> [String] {
        var result = additions.map { "\($0.key)=\($0.value)" }
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if additions[String(text.prefix { $0 != "=" })] == nil { result.append(text) }
            next += 1
        }
        return result
    }

    /// What it has written to standard output so far.
    var output: String { watch.read { String(decoding: $0.output, as: UTF8.self) } }
    /// What it has written to standard error so far.
    var errors: String { watch.read { String(decoding: $0.errors, as: UTF8.self) } }
    /// How it ended; nil while it runs.
    var status: ExitStatus? { watch.read { $0.status } }

    func signal(_ number: Int32) { watch.kill(number, group: false) }

    /// Waits until it has ended and all its output is read; nil when it still runs after the limit.
    func wait(within limit: Duration) -> ExitStatus? {
        _ = watch.wait(within: limit) { $0.status != nil && $0.openPipes == 0 }
        return status
    }

    /// Waits until standard error holds a text, counted from its beginning.
    /// - Throws: when the limit passed, or the process ended, without it; the error holds what standard error holds instead.
    func waitForErrors(_ text: String, within limit: Duration) throws {
        let wanted = Array(text.utf8)
        _ = watch.wait(within: limit) { ($0.status != nil && $0.openPipes == 0) || contains($0.errors, wanted) }
        if watch.read({ contains($0.errors, wanted) }) { return }
        let end = status.map { "it ended: \($0)" } ?? "it still runs after \(limit)"
        throw HarnessError("process \(pid) did not say “\(text)”; \(end), and said:\n\(errors)")
    }
}

/// Whether bytes hold other bytes.
func contains(_ bytes: [UInt8], _ wanted: [UInt8]) -> Bool {
    guard let first = wanted.first else { return true }
    guard bytes.count >= wanted.count else { return false }
    return bytes.withUnsafeBufferPointer { bytes in
        var from = 0
        while from + wanted.count <= bytes.count, let found = bytes[from...].firstIndex(of: first) {
            if bytes[found...].starts(with: wanted) { return true }
            from = found + 1
        }
        return false
    }
}
