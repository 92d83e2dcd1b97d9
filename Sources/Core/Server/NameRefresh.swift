import PluginAPI
import Synchronization

// Invariants: the job belongs to the pool's thread from `post` on and is freed there; another one is posted only when it has ended.

/// Looks up anew the host names in the scripts' conditions, now and then, off all threads that have other things to do.
final class NameRefresh: @unchecked Sendable {
    private struct Job {
        var node: OffloadNode
        let refresh: Unmanaged<NameRefresh>
    }

    private let pool: OffloadPool
    private let host: UnsafePointer<apus_host>
    private let isBusy = Atomic<Bool>(false)
    private var last = Syscalls.monotonicNanoseconds() / 1_000_000_000

    /// - Parameter host: of the core.
    init(_ pool: OffloadPool, _ host: UnsafePointer<apus_host>) {
        self.pool = pool
        self.host = host
    }

    /// [main] About once a second.
    func tick() {
        let now = Syscalls.monotonicNanoseconds() / 1_000_000_000
        guard now - last >= HostNames.interval, !HostNames.known.isEmpty, !isBusy.exchange(true, ordering: .acquiring)
        else { return }
        last = now
        let job = UnsafeMutablePointer<Job>.allocate(capacity: 1)
        job.initialize(to: Job(node: OffloadNode(NameRefresh.work), refresh: Unmanaged.passRetained(self)))
        let node = UnsafeMutableRawPointer(job).assumingMemoryBound(to: OffloadNode.self)
        if case .taken = pool.post(node) { return }
        job.pointee.refresh.release()
        job.deallocate()
        isBusy.store(false, ordering: .releasing)
    }

    private static let work: @convention(c) (UnsafeMutableRawPointer) -> Void = { node in
        let job = node.assumingMemoryBound(to: Job.self)
        let refresh = job.pointee.refresh.takeRetainedValue()
        job.deallocate()
        for names in HostNames.known {
            names.lookAgain(
                { ListenerSet.addresses(of: $0) },
                { old in
                    refresh.host.pointee.shared.pointee.retire(refresh.host, old) { _, old in HostNames.free(old) }
                })
        }
        refresh.isBusy.store(false, ordering: .releasing)
    }
}
