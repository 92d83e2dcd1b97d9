import Glibc
import PluginKit

// Invariants: the locks lie at one address for the life of the server. What a Lock says of its owner and its queue is read and written under its
// mutex only, which is held for a few instructions and never across a call of the host. A Holding lies in memory of the run that asked for the
// lock; it is linked to the lock, as owner or in the queue, only until the run has taken it back under the mutex, and never as both.

/// A run that has a lock, or waits for it.
struct Holding {
    /// By which the waiting run is woken.
    var token = apus_token(value: 0)
    let run: OpaquePointer
    var lock: UnsafeMutablePointer<Lock>
    /// In the lock's queue, or in one of the run's lists.
    var next: UnsafeMutablePointer<Holding>?
    /// Where the script took it.
    var file = apus_str()
    var line: UInt32 = 0
}

/// A lock of scripts, shared by all workers. Whoever waits for it is served in the order of asking.
struct Lock {
    fileprivate var mutex = pthread_mutex_t()
    fileprivate var owner: UnsafeMutablePointer<Holding>?
    /// The queue.
    fileprivate var first: UnsafeMutablePointer<Holding>?
    fileprivate var last: UnsafeMutablePointer<Holding>?

    /// What came of asking.
    enum Answer {
        case taken
        /// The same run has it.
        case own
        case busy
    }
}

extension UnsafeMutablePointer<Lock> {
    func prepare() {
        initialize(to: Lock())
        pthread_mutex_init(guardian, nil)
    }

    private var guardian: UnsafeMutablePointer<pthread_mutex_t> { withUnsafeMutablePointer(to: &pointee.mutex) { $0 } }

    private func guarded<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(guardian)
        defer { pthread_mutex_unlock(guardian) }
        return body()
    }

    /// Takes the lock when nobody has it.
    func take(_ holding: UnsafeMutablePointer<Holding>) -> Lock.Answer {
        guarded { takeGuarded(holding) }
    }

    /// The same; when somebody has it the holding, which has its token, waits in the queue.
    func takeOrWait(_ holding: UnsafeMutablePointer<Holding>) -> Lock.Answer {
        guarded {
            let answer = takeGuarded(holding)
            if answer == .busy { append(holding) }
            return answer
        }
    }

    private func takeGuarded(_ holding: UnsafeMutablePointer<Holding>) -> Lock.Answer {
        guard let owner = pointee.owner else {
            pointee.owner = holding
            return .taken
        }
        return owner.pointee.run == holding.pointee.run ? .own : .busy
    }

    private func append(_ holding: UnsafeMutablePointer<Holding>) {
        holding.pointee.next = nil
        if let last = pointee.last { last.pointee.next = holding } else { pointee.first = holding }
        pointee.last = holding
    }

    /// The wait of a holding is over, in whichever way: true when the lock was given to it, else it has left the queue.
    func endWait(_ holding: UnsafeMutablePointer<Holding>) -> Bool {
        guarded {
            if pointee.owner == holding { return true }
            remove(holding)
            return false
        }
    }

    private func remove(_ holding: UnsafeMutablePointer<Holding>) {
        var previous: UnsafeMutablePointer<Holding>?
        var place = pointee.first
        while let one = place, one != holding { (previous, place) = (one, one.pointee.next) }
        guard place == holding else { return }
        if let previous { previous.pointee.next = holding.pointee.next } else { pointee.first = holding.pointee.next }
        if pointee.last == holding { pointee.last = previous }
    }

    /// Gives the lock, which the caller has, to the first in the queue, who is woken on its own worker.
    func release(_ host: Host) {
        let token = guarded { () -> apus_token in
            guard let next = pointee.first else {
                pointee.owner = nil
                return apus_token(value: 0)
            }
            pointee.first = next.pointee.next
            if pointee.first == nil { pointee.last = nil }
            pointee.owner = next
            return next.pointee.token
        }
        // It may have been woken otherwise in between: then it finds itself the owner.
        if token.value != 0 { host.pointee.suspend.pointee.complete(host, token, CInt(APUS_OK), nil, nil) }
    }
}

/// 2^n locks, of which a key names one: keys may share one.
struct LockTable {
    private var locks: UnsafeMutablePointer<Lock>?
    private var mask: UInt32 = 0

    init() {}

    init(bits: Int) {
        let count = 1 << bits
        let made = UnsafeMutablePointer<Lock>.allocate(capacity: count)
        for index in 0..<count { (made + index).prepare() }
        locks = made
        mask = UInt32(count - 1)
    }

    /// Nil when there are none.
    func lock(_ hash: UInt32) -> UnsafeMutablePointer<Lock>? { locks.map { $0 + Int(hash & mask) } }
}
