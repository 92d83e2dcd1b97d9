import PluginAPI
import Synchronization

// Invariants: the job belongs to the pool's thread from `post` on and is freed there; another one is posted only when it has ended.

/// Looks up anew the host names in the scripts' conditions, when their addresses hold no longer, off all threads that have other things to do.
final class NameRefresh: @unchecked Sendable {
    private struct Job {
        var node: OffloadNode
        let refresh: Unmanaged<NameRefresh>
    }

    private let pool: OffloadPool
    private let host: UnsafePointer<apus_host>
    private let isBusy = Atomic<Bool>(false)
    private let options: ResolverOptions
    private static var now: UInt64 { Syscalls.monotonicNanoseconds() / 1_000_000_000 }

    /// - Parameters:
    ///   - host: of the core.
    ///   - options: how the workers ask.
    init(_ pool: OffloadPool, _ host: UnsafePointer<apus_host>, _ options: ResolverOptions) {
        self.pool = pool
        self.host = host
        self.options = options
    }

    /// [main] About once a second.
    func tick() {
        let known = HostNames.known
        guard !known.isEmpty, !isBusy.exchange(true, ordering: .acquiring) else { return }
        let now = NameRefresh.now
        guard known.contains(where: { $0.isDue(now) }) else { return isBusy.store(false, ordering: .releasing) }
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
        let now = NameRefresh.now
        for names in HostNames.known {
            names.lookAgain(
                now,
                {
                    let found = HostLookup.look(up: $0, refresh.options)
                    return (found.addresses, found.seconds)
                },
                { old in
                    refresh.host.pointee.shared.pointee.retire(refresh.host, old) { _, old in HostNames.free(old) }
                })
        }
        refresh.isBusy.store(false, ordering: .releasing)
    }
}
