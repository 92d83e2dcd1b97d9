import Glibc
import Locations
import PluginKit

// Invariants: what waits in a lane is read and written under the lane's mutex, which is held for a few instructions, never across a call of the host.

/// Changes whose rows are being written, or that wait for others of the same address: by address, in the order of asking.
struct Lanes {
    private final class Lane: @unchecked Sendable {
        private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        var waiting: [Pending] = []

        init() { pthread_mutex_init(mutex, nil) }

        func locked<Result>(_ body: () -> Result) -> Result {
            pthread_mutex_lock(mutex)
            defer { pthread_mutex_unlock(mutex) }
            return body()
        }
    }

    private static let count = 64
    /// Of one address: each is a request that somebody waits for.
    private static let mostOfOne = 64
    private let lanes = (0..<Lanes.count).map { _ in Lane() }

    static func make() -> UnsafeMutablePointer<Lanes> { permanent(Lanes()) }

    private func lane(_ pending: Pending) -> Lane { lanes[Int(pending.hash % UInt64(Lanes.count))] }

    private static func isSame(_ a: Pending, _ b: Pending) -> Bool {
        a.hash == b.hash && a.table == b.table && a.aor.equals(b.aor)
    }

    enum Place {
        case first
        case behind
        /// Too many wait.
        case full
    }

    func add(_ pending: Pending) -> Place {
        let lane = lane(pending)
        return lane.locked {
            let others = lane.waiting.count { Lanes.isSame($0, pending) }
            guard others < Lanes.mostOfOne else { return .full }
            lane.waiting.append(pending)
            return others == 0 ? .first : .behind
        }
    }

    /// Takes one out that has ended; the next of its address, which is to start.
    func end(_ pending: Pending) -> Pending? {
        let lane = lane(pending)
        return lane.locked {
            lane.waiting.removeAll { $0 === pending }
            return lane.waiting.first { Lanes.isSame($0, pending) }
        }
    }
}

extension State {
    /// [worker] [management] False: too many wait, it was not taken.
    func begin(_ pending: Pending, _ host: Host) -> Bool {
        guard let lanes else { return false }
        switch lanes.pointee.add(pending) {
        case .full: return false
        case .behind: return true
        case .first:
            pending.start(host)
            return true
        }
    }

    func endLane(_ pending: Pending, _ host: Host) {
        lanes?.pointee.end(pending)?.startAtHome(host)
    }
}
