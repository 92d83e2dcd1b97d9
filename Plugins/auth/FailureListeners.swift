import PluginKit

// Invariants: written on the main thread while modules start, and only read by workers.

/// Modules that want to hear of credentials that are wrong.
struct FailureListeners {
    struct Listener {
        let host: Host
        let failed: @convention(c) (Host, apus_str, apus_str, UnsafeMutableRawPointer?) -> Void
        let user: UnsafeMutableRawPointer?
    }

    private static let most = 8

    private let listeners = UnsafeMutablePointer<Listener>.allocate(capacity: FailureListeners.most)
    private var count = 0

    /// [start] False when there are too many.
    mutating func add(_ listener: Listener) -> Bool {
        guard count < FailureListeners.most else { return false }
        (listeners + count).initialize(to: listener)
        count += 1
        return true
    }

    /// [worker]
    @inline(__always)
    func tell(_ check: UnsafeMutablePointer<auth_check>) {
        for index in 0..<count {
            let one = listeners + index
            one.pointee.failed(one.pointee.host, check.pointee.user, check.pointee.domain, one.pointee.user)
        }
    }
}
