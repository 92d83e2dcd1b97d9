import PluginAPI

// Invariants: a posted job is the module's memory, valid until it has run; its `links` hold the mailbox's node
// meanwhile, and `reserved` the number of the module that posted it.

/// The group `worker`: apus/worker.h.
extension HostTables {
    static func makeWorker() -> apus_worker_api {
        apus_worker_api(
            size: size(apus_worker_api.self),
            count: { $0.shared.pointee.workerCount },
            index: { host in
                guard let worker = host.shared.worker else { return -1 }
                return Int32(worker.pointee.worker.pointee.index)
            },
            post: { host, index, job in
                guard let workers = host.shared.pointee.workers, index < host.shared.pointee.workerCount else { return }
                workers[Int(index)].worker.pointee.mailbox.post(HostTables.node(of: job, for: host))
            },
            home: { host, callID in
                // By the same key as the readers choose (`UDP.receive`); a single worker is everybody's home.
                guard let workers = host.shared.pointee.workers else { return 0 }
                let worker = workers[0].worker
                let count = worker.pointee.count
                guard count > 1 else { return 0 }
                return UInt32(Worker.home(hash: worker.pointee.callKey.hash(callID.bytes), count: count))
            },
            send: { host, errand in ModuleErrand.send(errand, host) ? CInt(APUS_TRUE) : CInt(APUS_FALSE) },
            ask: { call, errand, milliseconds in ModuleErrand.ask(errand, call, milliseconds) })
    }

    /// The node by which a job is posted.
    static func node(
        of job: UnsafeMutablePointer<apus_job>, for host: UnsafePointer<apus_host>
    ) -> UnsafeMutablePointer<MailNode> {
        job.pointee.reserved = host.record.pointee.number
        let node = links(of: job).assumingMemoryBound(to: MailNode.self)
        node.initialize(to: MailNode(receive: HostTables.jobArrived))
        return node
    }

    private static func links(of job: UnsafeMutablePointer<apus_job>) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(job) + MemoryLayout<apus_job>.offset(of: \.links)!
    }

    private static let jobArrived: Mailbox.Callback = { _, node in
        let job = (node - MemoryLayout<apus_job>.offset(of: \.links)!).assumingMemoryBound(to: apus_job.self)
        guard let host = HostDirectory[job.pointee.reserved] else { return }
        job.pointee.run(host, job)
    }
}
