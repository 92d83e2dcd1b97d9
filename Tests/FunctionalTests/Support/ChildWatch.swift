import Glibc

/// The parent's side of a child process: one thread drains its pipes, one waits for its end, and tests wait for what these learn.
///
/// Invariants of the unsafe code: `mutex` and `changed` are allocated once and live as long as the object, which both threads keep
/// alive until they end; `state` is touched with `mutex` held only; the process is reaped with `mutex` held, so that a signal
/// never goes to a process number that has been given to somebody else. The pipes do not block and are read with `mutex` held; only the
/// thread that drains them closes them.
final class ChildWatch: @unchecked Sendable {
    struct State {
        var output: [UInt8] = []
        var errors: [UInt8] = []
        var openPipes = 2
        var status: ExitStatus?
    }

    private let pid: pid_t
    /// Standard output, standard error.
    private let pipes: [Int32]
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var state = State()
    private var isOpen = [true, true]
    private var chunk = [UInt8](repeating: 0, count: 65536)

    init(pid: pid_t, output: Int32, errors: Int32) {
        self.pid = pid
        pipes = [output, errors]
        for pipe in pipes { _ = fcntl(pipe, F_SETFL, O_NONBLOCK) }
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(changed, &attributes)
        pthread_condattr_destroy(&attributes)
        startThread { self.drain() }
        startThread { self.reap() }
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// All that it has written by now counts: what a server logged before it answered is there when the answer is.
    func read<R>(_ body: (State) -> R) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        for index in 0..<2 where isOpen[index] { _ = take(index) }
        return body(state)
    }

    /// Sends a signal unless the process is gone; to its whole group, which may outlive it, if asked.
    func kill(_ number: Int32, group: Bool) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        if state.status == nil { _ = Glibc.kill(group ? -pid : pid, number) }
    }

    /// Waits until a condition holds; false when it does not within the limit.
    func wait(within limit: Duration, _ condition: (State) -> Bool) -> Bool {
        var deadline = timespec()
        clock_gettime(CLOCK_MONOTONIC, &deadline)
        let (seconds, attoseconds) = limit.components
        let nanoseconds = deadline.tv_nsec + Int(attoseconds / 1_000_000_000)
        deadline.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
        deadline.tv_nsec = nanoseconds % 1_000_000_000
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !condition(state) {
            if pthread_cond_timedwait(changed, mutex, &deadline) == ETIMEDOUT { return condition(state) }
        }
        return true
    }

    private func update(_ body: () -> Void) {
        pthread_mutex_lock(mutex)
        body()
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }

    private func drain() {
        var open = pipes.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while open.contains(where: { $0.fd >= 0 }) {
            if poll(&open, 2, -1) < 0 { continue }
            for index in 0..<2 where open[index].fd >= 0 && open[index].revents != 0 {
                update {
                    guard !take(index) else { return }
                    isOpen[index] = false
                    close(open[index].fd)
                    open[index].fd = -1
                    state.openPipes -= 1
                }
            }
        }
    }

    /// Reads what is in a pipe, with `mutex` held.
    /// - Returns: false at its end.
    private func take(_ index: Int) -> Bool {
        while true {
            let count = Glibc.read(pipes[index], &chunk, chunk.count)
            if count > 0 {
                if index == 0 { state.output += chunk[..<count] } else { state.errors += chunk[..<count] }
            } else if count == 0 || errno != EINTR {
                return count < 0 && errno == EAGAIN
            }
        }
    }

    private func reap() {
        var information = siginfo_t()
        while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) < 0 && errno == EINTR {}
        update {
            // Whatever it left behind in its group goes with it, before its number can be given to others.
            _ = Glibc.kill(-pid, SIGKILL)
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
            state.status = ExitStatus(waitStatus: status)
        }
    }
}
