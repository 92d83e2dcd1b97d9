import PluginAPI

// Invariants: a Retirement belongs to whoever it is with: the worker in whose mailbox it is, then the management thread, which frees it. The mailboxes
// of the workers live as long as they run; what is posted to one that has ended is never received, and stays.

/// The group `shared`: apus/shared.h.
extension HostTables {
    static func makeShared() -> apus_shared_api {
        apus_shared_api(
            size: size(apus_shared_api.self),
            retire: { host, old, release in Retirement.begin(host, old, release) })
    }
}

/// A snapshot that nobody is given any more, on its way by all workers.
private struct Retirement {
    typealias Release = @convention(c) (UnsafePointer<apus_host>, UnsafeMutableRawPointer) -> Void

    /// First, so that the mailbox's node is the retirement.
    var node: MailNode
    /// The worker that it goes to next.
    var worker: UInt32
    let host: UnsafePointer<apus_host>
    let old: UnsafeMutableRawPointer
    let release: Release

    static func begin(
        _ host: UnsafePointer<apus_host>, _ old: UnsafeMutableRawPointer, _ release: @escaping Release
    ) {
        let place = UnsafeMutablePointer<Retirement>.allocate(capacity: 1)
        place.initialize(
            to: Retirement(
                node: MailNode(receive: passed), worker: 0, host: host, old: old, release: release))
        // The main thread starts or stops modules: no worker runs.
        let isAlone = Worker.current == nil && !host.modules.management.isRunning
        isAlone ? end(place) : goOn(place)
    }

    /// To the next worker, behind the last one to the management thread.
    private static func goOn(_ place: UnsafeMutablePointer<Retirement>) {
        let shared = place.pointee.host.shared
        let node = UnsafeMutableRawPointer(place).assumingMemoryBound(to: MailNode.self)
        if let workers = shared.pointee.workers, place.pointee.worker < shared.pointee.workerCount {
            let mailbox = workers[Int(place.pointee.worker)].worker.pointee.mailbox
            place.pointee.worker += 1
            mailbox.post(node)
        } else {
            place.pointee.node.receive = home
            if !place.pointee.host.modules.management.post(node) { end(place) }
        }
    }

    /// [worker]
    private static let passed: Mailbox.Callback = { _, node in
        goOn(node.assumingMemoryBound(to: Retirement.self))
    }

    /// [management]
    private static let home: Mailbox.Callback = { _, node in
        end(node.assumingMemoryBound(to: Retirement.self))
    }

    private static func end(_ place: UnsafeMutablePointer<Retirement>) {
        let retired = place.move()
        place.deallocate()
        retired.release(retired.host, retired.old)
    }
}
