import CLinux
import Glibc
import Synchronization

// Invariants: workers, mailboxes and listeners outlive the threads; `join` comes before anything of a worker is freed. A
// worker's fields are its thread's from `start` on, before that and after `join` the owner's.

/// The threads that do all SIP work. Made, started, stopped and joined by one thread.
final class Workers: @unchecked Sendable {
    struct Limits {
        /// Receive slots of each worker, those on their way at other workers among them: 2 KiB each.
        var slots = 1024
        /// Messages that may wait at a home worker.
        var handOvers = 4096
        /// Bytes of each worker's slab.
        var memory = 1 << 32
    }

    /// A worker's thread is named so, with its index behind.
    static let threadName = "apus/w"

    let count: Int
    let listeners: ListenerSet
    /// Of the connections.
    let streams: UnsafeMutablePointer<StreamShared>
    private let workers: UnsafeMutablePointer<Worker>
    private let mailboxes: UnsafeMutablePointer<Mailbox>
    private let stops: UnsafeMutablePointer<MailNode>
    private var threads: [pthread_t] = []
    private let startFailures = Mutex<[String]>([])
    private let started = Atomic<Int>(0)

    /// - Throws: what the system refused (descriptors), or ENOSPC when the statistics are full.
    init(
        count: Int, listeners: ListenerSet, statistics: Statistics, hooks: WorkerHooks, limits: Limits = Limits(),
        streams options: StreamOptions = StreamOptions()
    ) throws(SystemError) {
        precondition(count > 0 && count <= 1024)
        guard let counters = TransportCounters(statistics), let streamCounters = StreamCounters(statistics) else {
            throw SystemError(code: ENOSPC)
        }
        streams = .allocate(capacity: 1)
        streams.initialize(to: StreamShared(options, streamCounters, workers: count))
        self.count = count
        self.listeners = listeners
        workers = .allocate(capacity: count)
        mailboxes = .allocate(capacity: count)
        stops = .allocate(capacity: count)
        let key = SipKey.random()
        for i in 0..<count {
            (mailboxes + i).initialize(to: try Mailbox(bound: limits.handOvers))
            (stops + i).initialize(to: MailNode(receive: Worker.stopReceived))
            let raw = UnsafeMutableRawPointer(workers + i)
            let own = UnsafeMutablePointer<StreamWorker>.allocate(capacity: 1)
            own.initialize(to: StreamWorker(streams))
            (workers + i).initialize(
                to: Worker(
                    index: i, count: count, hooks: hooks,
                    wheel: TimerWheel(now: Syscalls.monotonicNanoseconds() / 1_000_000, owner: raw),
                    slab: Slab(owner: i, limit: limits.memory), callKey: key, shard: statistics.makeShard(),
                    counters: counters, mailboxes: mailboxes, thread: linux_this_thread()!, loop: try EventLoop(),
                    slots: SlotPool(owner: i, limit: max(limits.slots, 2 * UDPBatch.size(workers: count))),
                    batch: UDPBatch(size: UDPBatch.size(workers: count)), streams: own))
        }
    }

    /// The worker with that index; its fields belong to its thread.
    subscript(_ index: Int) -> UnsafeMutablePointer<Worker> { workers + index }

    /// Starts the threads and waits until each is ready to receive. If one is not, all are stopped and joined.
    func start() throws(WorkersError) {
        var begun = 0
        for i in 0..<count {
            do {
                threads.append(try Threads.start("\(Workers.threadName)\(i)") { self.run(i) })
            } catch {
                startFailures.withLock { $0.append("worker \(i): \(error.text)") }
                break
            }
            begun += 1
        }
        while started.load(ordering: .acquiring) < begun { usleep(200) }
        let failures = startFailures.withLock { $0 }
        guard failures.isEmpty else {
            stop()
            join()
            throw WorkersError(text: failures.joined(separator: "; "))
        }
    }

    /// Asks all workers to end after their present turn. From any thread, once.
    func stop() {
        for i in 0..<count { mailboxes[i].post(stops + i) }
    }

    /// Waits until all threads have ended.
    func join() {
        for thread in threads { pthread_join(thread, nil) }
        threads = []
    }

    /// Takes home what is still under way between workers, then gives memory and descriptors back. After `join`.
    func free() {
        for i in 0..<count {
            let worker = workers + i
            // What nobody ran any more is dropped where it is.
            var rest = worker.pointee.queue
            rest.append(worker.pointee.mailbox.takeHandOvers())
            while let node = rest.removeFirst() { worker.release(SlotPool.slot(of: node)) }
        }
        for i in 0..<count {
            let worker = workers + i
            worker.takeHome()
            worker.pointee.batch.empty(&worker.pointee.slots)
        }
        for i in 0..<count {
            let worker = workers + i
            worker.pointee.slots.end()
            worker.pointee.batch.free()
            worker.pointee.compose.deallocate()
            worker.freeSources()
            worker.pointee.wheel.free()
            worker.pointee.streams.pointee.end()
            worker.pointee.streams.deallocate()
            worker.pointee.slab.end()
            worker.pointee.loop.end()
            mailboxes[i].free()
            worker.deinitialize(count: 1)
        }
        streams.deinitialize(count: 1)
        streams.deallocate()
        workers.deallocate()
        mailboxes.deallocate()
        stops.deallocate()
    }

    private func run(_ index: Int) {
        let worker = workers + index
        let thread = linux_this_thread()!
        thread.pointee.worker = UnsafeMutableRawPointer(worker)
        thread.pointee.number = Int32(index)
        worker.pointee.thread = thread
        let isReady = prepare(worker)
        started.add(1, ordering: .releasing)
        if isReady {
            worker.runLoop()
            worker.pointee.hooks.stop(worker)
            worker.endConnections()
        }
        thread.pointee.worker = nil
    }

    private func prepare(_ worker: UnsafeMutablePointer<Worker>) -> Bool {
        func fail(_ what: String) {
            startFailures.withLock { $0.append("worker \(worker.pointee.index): \(what)") }
        }
        do {
            let wakeup = worker.pointee.mailbox.wakeup
            _ = try worker.pointee.loop.watch(
                wakeup, EPOLLIN.rawValue | EPOLLET.rawValue, context: nil, Worker.wakeupRang)
            let code = worker.pointee.hooks.start(worker)
            guard code == 0 else {
                fail("its start failed (\(code))")
                return false
            }
            for listener in listeners.listeners where !listener.isVirtual {
                try listener.table.pointee.attach(worker, listener)
            }
            return true
        } catch {
            fail(error.text)
        }
        return false
    }
}

/// Why the workers did not start.
struct WorkersError: Error {
    let text: String
}
