import Glibc
import PluginAPI

/// What the threads of a pool do.
extension DatabasePool {
    private enum Task {
        case work(UnsafeMutablePointer<DatabaseWork>)
        /// The database is down, and its time to be tried again has come.
        case connect
    }

    private typealias Result = UnsafeMutablePointer<DatabaseResult>

    /// A thread's life.
    func serve() {
        var connection: DatabaseConnection?
        while let task = take() {
            switch task {
            case .work(let work): serve(work, &connection)
            case .connect:
                if let connection { drop(connection) }
                connection = nil
                _ = try? connect(&connection, milliseconds: limits.milliseconds)
            }
        }
        if let connection { drop(connection) }
        withLock {
            threads -= 1
            pthread_cond_broadcast(ended)
        }
    }

    /// The next thing to do; nil when the pool has ended.
    private func take() -> Task? {
        withLock {
            while true {
                if let work = queue.take() {
                    running += 1
                    work.pointee.state = .running
                    return .work(work)
                }
                if isClosed { return nil }
                var wakeup: UInt64 = 0
                if phase == .down, !isTrying {
                    if Syscalls.monotonicNanoseconds() >= nextAttempt {
                        isTrying = true
                        return .connect
                    }
                    wakeup = nextAttempt
                }
                idle += 1
                sleep(on: changed, until: wakeup)
                idle -= 1
            }
        }
    }

    // MARK: - Connections

    /// Makes a connection; what comes of it is the state of the pool.
    private func connect(_ connection: inout DatabaseConnection?, milliseconds: UInt32) throws(DatabaseFault) {
        do throws(DatabaseFault) {
            connection = try DatabaseConnection(driver, driverHost, url, milliseconds: milliseconds)
        } catch {
            noteDown(error.text)
            throw DatabaseFault(APUS_DB_DOWN, error.text)
        }
        counters.count(counters.connected)
        let wasDown = withLock { () -> Bool in
            let wasDown = phase == .down
            connections += 1
            phase = .up
            attempts = 0
            isTrying = false
            return wasDown
        }
        if wasDown { Log.notice("\(url.masked), database of module \(owner), is up again") }
    }

    private func drop(_ connection: DatabaseConnection) {
        connection.close()
        withLock { connections -= 1 }
    }

    /// The next attempt comes after 1, 2, 4 ... 30 seconds, however many threads have lost their connections at once, and whoever has it tried
    /// in between.
    private func noteDown(_ text: String) {
        let isNews = withLock { () -> Bool in
            let isNews = phase != .down || reason != text
            let now = Syscalls.monotonicNanoseconds()
            if phase != .down || now >= nextAttempt {
                nextAttempt = now + UInt64(min(30, 1 << min(attempts, 5))) * 1_000_000_000
                attempts += 1
            }
            phase = .down
            reason = text
            isTrying = false
            pthread_cond_broadcast(changed)
            return isNews
        }
        if isNews { Log.error("\(url.masked), database of module \(owner), is down: \(text)") }
    }

    // MARK: - Work

    private func serve(_ work: UnsafeMutablePointer<DatabaseWork>, _ connection: inout DatabaseConnection?) {
        do throws(DatabaseFault) {
            let result = try perform(work, &connection)
            end(work, Int32(APUS_OK), result)
        } catch {
            var wasLost = false
            if let broken = connection, error.isLost || broken.isBroken {
                drop(broken)
                connection = nil
                counters.count(counters.lost)
                wasLost = true
            }
            // Nobody else would learn of it.
            if work.pointee.deliver == nil, !work.pointee.isWaited {
                let text = "\(url.masked), database of module \(owner): \(error.text)"
                Log.limited(.error, "a database's refusal", key: UInt64(UInt(bitPattern: driver))) { $0.add(text) }
            }
            end(work, error.status == Int32(APUS_DB_UNSENT) ? Int32(APUS_DB_DOWN) : error.status, .make(error))
            // Whether the database is down is known before somebody else asks.
            if wasLost { try? connect(&connection, milliseconds: limits.milliseconds) }
        }
    }

    /// On the thread's connection, and once more on another one when that turns out to be gone and nothing can have been done twice.
    private func perform(
        _ work: UnsafeMutablePointer<DatabaseWork>, _ connection: inout DatabaseConnection?
    ) throws(DatabaseFault) -> Result {
        let now = Syscalls.monotonicNanoseconds()
        guard now < work.pointee.deadline else {
            throw DatabaseFault(APUS_TIMED_OUT, "its time was over before a connection was free")
        }
        if let used = connection {
            do throws(DatabaseFault) { return try perform(work, on: used) } catch {
                // Pages may have been shown already.
                let again =
                    work.onlyReads && work.pointee.rows == 0 ? error.isLost : error.status == Int32(APUS_DB_UNSENT)
                guard again else { throw error }
                drop(used)
                connection = nil
                counters.count(counters.lost)
            }
        }
        let refusal = withLock {
            phase == .down && now < nextAttempt && !work.pointee.isWaited ? downText : nil
        }
        if let refusal { throw DatabaseFault(APUS_DB_DOWN, refusal) }
        let left = max(1, (work.pointee.deadline - min(now, work.pointee.deadline)) / 1_000_000)
        try connect(&connection, milliseconds: UInt32(clamping: left))
        guard let connection else { throw DatabaseFault(APUS_DB_DOWN, "there is no connection") }
        return try perform(work, on: connection)
    }

    private func perform(
        _ work: UnsafeMutablePointer<DatabaseWork>, on connection: DatabaseConnection
    ) throws(DatabaseFault) -> Result {
        try DatabaseLatency.time("\(owner) at \(url.masked)") { () throws(DatabaseFault) in
            try connection.perform(work) { self.show($0, to: work) }
        }
    }

    /// A page of a work: whether the reading is to go on.
    private func show(_ result: Result, to work: UnsafeMutablePointer<DatabaseWork>) -> Bool {
        guard let page = work.pointee.page else { return false }
        let isWanted = withLock { () -> Bool in
            // The waiter may go away when its time is over, but not in the midst of a page.
            if work.pointee.isAbandoned { return false }
            work.pointee.isInPage = true
            return true
        }
        guard isWanted else { return false }
        let goesOn = page(result.facts, work.pointee.pageUser) > 0
        withLock {
            work.pointee.isInPage = false
            work.pointee.deadline =
                Syscalls.monotonicNanoseconds() + UInt64(work.pointee.milliseconds) * 1_000_000
            pthread_cond_broadcast(ended)
        }
        return goesOn
    }

    /// Tells whoever wants to know, and lets the next work of the same key run.
    private func end(_ work: UnsafeMutablePointer<DatabaseWork>, _ status: Int32, _ result: Result) {
        work.pointee.status = status
        work.pointee.result = result
        switch Int(status) {
        case APUS_OK: counters.count(counters.done)
        case APUS_TIMED_OUT: counters.count(counters.timedOut)
        default: counters.count(counters.failed)
        }
        withLock {
            running -= 1
            let key = work.pointee.key
            // In the lock, so that work of one key is delivered in its order.
            if work.pointee.isWaited {
                work.pointee.state = .done
                if work.pointee.isAbandoned { work.free() }
            } else if let deliver = work.pointee.deliver {
                // Of one whose receiver is gone nothing is touched any more.
                if !isSilent { deliver(work) }
            } else {
                work.free()
            }
            if queue.end(key) { pthread_cond_signal(changed) }
            pthread_cond_broadcast(ended)
        }
    }
}
