import Glibc
import PluginAPI

// Invariants: `mutex` guards every stored `var`; no function of a driver or a user is called while it is held, but for `deliver`, which does not block. A connection
// belongs to the thread that made it. A work is the queue's, then its thread's, then the receiver's; of a work that is waited for the
// thread that waits reads `state` and what follows from it, and whoever is last frees it: the waiter, or the pool once it is abandoned. Lives for ever.

/// Connections to one database, of one module: bounded threads, each with a connection of its own, a bounded queue before them, and what to do
/// while the database is down. How it works off its queue is in DatabasePool+Threads.swift.
final class DatabasePool: @unchecked Sendable {
    let driver: UnsafePointer<apus_db_driver>
    /// Of the driver's module.
    let driverHost: UnsafePointer<apus_host>
    /// The module whose it is.
    let owner: String
    let ownerHost: UnsafePointer<apus_host>
    let url: DatabaseURL
    /// The masked url, for ever.
    let shownURL: Bytes
    let limits: Limits
    let counters: DatabaseCounters

    struct Limits {
        /// Threads, each with a connection.
        var connections = 4
        /// Work that may wait.
        var queue = 1024
        /// For one piece of work.
        var milliseconds: UInt32 = 2000
    }

    enum Phase: Int {
        case new
        case up
        case down
    }

    /// What became of a work that was posted.
    enum Answer {
        case taken
        case refused(DatabaseFault)
    }

    let mutex: UnsafeMutablePointer<pthread_mutex_t>
    /// There is something to do for a thread.
    let changed: UnsafeMutablePointer<pthread_cond_t>
    /// A work has ended that somebody waits for, a page has, or a thread.
    let ended: UnsafeMutablePointer<pthread_cond_t>
    var queue = WorkQueue()
    var threads = 0
    var idle = 0
    var running = 0
    var connections = 0
    var phase = Phase.new
    /// Why it is down.
    var reason = ""
    /// Attempts since it was up.
    var attempts = 0
    /// Monotonic nanoseconds.
    var nextAttempt: UInt64 = 0
    /// One of the threads tries.
    var isTrying = false
    var isClosed = false
    /// Nobody is told any more: those who wait in the worker threads are gone.
    var isSilent = false

    init(
        _ driver: UnsafePointer<apus_db_driver>, _ driverHost: UnsafePointer<apus_host>, _ url: DatabaseURL,
        owner: (name: String, host: UnsafePointer<apus_host>), limits: Limits, counters: DatabaseCounters
    ) {
        self.driver = driver
        self.driverHost = driverHost
        self.owner = owner.name
        ownerHost = owner.host
        self.url = url
        shownURL = Bytes(permanent: url.masked)
        var limits = limits
        if driver.pointee.flags & UInt32(APUS_DB_ONE_AT_A_TIME) != 0 { limits.connections = 1 }
        self.limits = limits
        self.counters = counters
        mutex = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        changed = DatabasePool.makeCondition()
        ended = DatabasePool.makeCondition()
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
        for condition in [changed, ended] {
            pthread_cond_destroy(condition)
            condition.deallocate()
        }
    }

    /// On the monotonic clock.
    private static func makeCondition() -> UnsafeMutablePointer<pthread_cond_t> {
        let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
        return condition
    }

    @inline(__always)
    func withLock<R>(_ body: () -> R) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    /// With the lock, which is free meanwhile. Also wakes for no reason.
    /// - Parameter deadline: monotonic nanoseconds; 0: none.
    func sleep(on condition: UnsafeMutablePointer<pthread_cond_t>, until deadline: UInt64) {
        guard deadline > 0 else {
            pthread_cond_wait(condition, mutex)
            return
        }
        var time = timespec(tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
        pthread_cond_timedwait(condition, mutex, &time)
    }

    // MARK: - Work

    /// From any thread. Refused with APUS_BUSY when too much waits, and with APUS_DB_DOWN while the database is down and nobody waits plainly
    /// for the work; then it stays the caller's.
    func post(_ work: UnsafeMutablePointer<DatabaseWork>) -> Answer {
        if work.pointee.milliseconds == 0 { work.pointee.milliseconds = limits.milliseconds }
        work.pointee.deadline =
            Syscalls.monotonicNanoseconds() + UInt64(work.pointee.milliseconds) * 1_000_000
        let answer = withLock { () -> Answer in
            if isClosed || (isSilent && !work.pointee.isWaited) {
                return .refused(DatabaseFault(APUS_DB_DOWN, "the server stops"))
            }
            if phase == .down, !work.pointee.isWaited { return .refused(DatabaseFault(APUS_DB_DOWN, downText)) }
            if queue.count >= limits.queue {
                return .refused(DatabaseFault(APUS_BUSY, "\(queue.count) pieces of work wait for the database"))
            }
            if idle <= queue.readyCount, threads < limits.connections { startThread() }
            if threads == 0 { return .refused(DatabaseFault(APUS_FAILED, "no thread can be started")) }
            queue.add(work)
            pthread_cond_signal(changed)
            return .taken
        }
        if case .refused = answer { counters.count(counters.refused) }
        return answer
    }

    /// With the lock.
    var downText: String { "the database is down: \(reason)" }

    private func startThread() {
        guard let thread = try? Threads.start("apus/db", { self.serve() }) else { return }
        pthread_detach(thread)
        threads += 1
    }

    /// Does a work and waits for its end. On threads that may block only.
    /// - Returns: its status and its result, which is the caller's.
    func wait(_ work: UnsafeMutablePointer<DatabaseWork>) -> (Int32, UnsafeMutablePointer<DatabaseResult>) {
        work.pointee.isWaited = true
        if case .refused(let fault) = post(work) {
            work.free()
            return (fault.status, .make(fault))
        }
        let isDone = withLock { () -> Bool in
            while work.pointee.state != .done {
                if !work.pointee.isInPage, Syscalls.monotonicNanoseconds() >= work.pointee.deadline {
                    work.pointee.isAbandoned = true
                    return false
                }
                sleep(on: ended, until: work.pointee.isInPage ? 0 : work.pointee.deadline)
            }
            return true
        }
        guard isDone else {
            return (Int32(APUS_TIMED_OUT), .make(DatabaseFault(APUS_TIMED_OUT, "the database does not answer in time")))
        }
        let answer = (work.pointee.status, work.takeResult())
        work.free()
        return answer
    }

    // MARK: - The end

    /// Waits until everything that was posted is done, at most until `deadline`; from then on only those are answered who wait plainly. On the main
    /// thread, when the workers have ended.
    func quiesce(until deadline: UInt64) {
        withLock {
            while running > 0 || queue.count > 0, Syscalls.monotonicNanoseconds() < deadline {
                sleep(on: ended, until: deadline)
            }
            isSilent = true
        }
    }

    /// Ends the threads and closes their connections; those that do not come back from their driver until `deadline` are left to themselves.
    func close(until deadline: UInt64) {
        let left = withLock { () -> Int in
            isClosed = true
            isSilent = true
            pthread_cond_broadcast(changed)
            while threads > 0, Syscalls.monotonicNanoseconds() < deadline { sleep(on: ended, until: deadline) }
            return threads
        }
        if left > 0 { Log.warning("\(url.masked): \(left) connections do not end and are left to themselves") }
    }

    // MARK: - For operators

    struct Report {
        let phase: Phase
        let reason: String
        let connections, limit, running, waiting: Int
        /// Until the next attempt to connect; 0: none is to come.
        let seconds: Int
    }

    var report: Report {
        withLock {
            let now = Syscalls.monotonicNanoseconds()
            let seconds = phase == .down && nextAttempt > now ? (nextAttempt - now + 999_999_999) / 1_000_000_000 : 0
            return Report(
                phase: phase, reason: phase == .down ? reason : "", connections: connections,
                limit: limits.connections, running: running, waiting: queue.count, seconds: Int(seconds))
        }
    }
}
