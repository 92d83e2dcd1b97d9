import Glibc

// Invariants: `mutex` guards everything but `limit` and `bound`; nothing is called while it is held. A node is the poster's until it is taken and
// the thread's from then on; `next` links it meanwhile.

/// A piece of work that may block, embedded in whatever it works on.
struct OffloadNode {
    fileprivate var next: UnsafeMutablePointer<OffloadNode>?
    /// On a thread of the pool; may free the node.
    var run: @convention(c) (_ node: UnsafeMutableRawPointer) -> Void

    init(_ run: @escaping @convention(c) (UnsafeMutableRawPointer) -> Void) {
        next = nil
        self.run = run
    }
}

/// A few threads for work that may block. They are started when there is work and none is idle.
final class OffloadPool: @unchecked Sendable {
    enum Answer {
        case taken
        case busy
        /// It has ended, or could not start a thread.
        case closed
    }

    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let changed: UnsafeMutablePointer<pthread_cond_t>
    private let limit: Int
    private let bound: Int
    private var first: UnsafeMutablePointer<OffloadNode>?
    private var last: UnsafeMutablePointer<OffloadNode>?
    private var waiting = 0
    private var idle = 0
    private var threads: [pthread_t] = []
    private var isClosed = false

    /// - Parameters:
    ///   - limit: threads at most.
    ///   - bound: pieces of work that may wait for one.
    init(limit: Int = 4, bound: Int = 4096) {
        self.limit = limit
        self.bound = bound
        mutex = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        changed = .allocate(capacity: 1)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
        pthread_cond_destroy(changed)
        changed.deallocate()
    }

    /// From any thread.
    func post(_ node: UnsafeMutablePointer<OffloadNode>) -> Answer {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        if isClosed { return .closed }
        if waiting >= bound { return .busy }
        if idle <= waiting, threads.count < limit, let thread = try? Threads.start("apus/offload", { self.work() }) {
            threads.append(thread)
        }
        if threads.isEmpty { return .closed }
        node.pointee.next = nil
        if let last { last.pointee.next = node } else { first = node }
        last = node
        waiting += 1
        pthread_cond_signal(changed)
        return .taken
    }

    /// Does what was posted and waits for the end of all threads. On the main thread.
    func close() {
        pthread_mutex_lock(mutex)
        isClosed = true
        let ending = threads
        threads = []
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
        for thread in ending { pthread_join(thread, nil) }
    }

    /// Takes nothing more, and forgets what waits and who works: what hangs holds up nobody. On the main thread, as the process ends.
    func abandon() {
        pthread_mutex_lock(mutex)
        isClosed = true
        (first, last, waiting) = (nil, nil, 0)
        for thread in threads { pthread_detach(thread) }
        threads = []
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }

    private func work() {
        while let node = take() { node.pointee.run(node) }
    }

    /// The next piece of work; nil when the pool has ended.
    private func take() -> UnsafeMutablePointer<OffloadNode>? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while first == nil, !isClosed {
            idle += 1
            pthread_cond_wait(changed, mutex)
            idle -= 1
        }
        guard let node = first else { return nil }
        first = node.pointee.next
        if first == nil { last = nil }
        waiting -= 1
        return node
    }
}
