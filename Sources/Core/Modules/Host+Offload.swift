import PluginAPI

// Invariants: a posted job is the module's memory, valid until it has run; its `links` hold the pool's node meanwhile, and `reserved` the number of
// the module that posted it.

/// The group `offload`: apus/offload.h.
extension HostTables {
    static func makeOffload() -> apus_offload_api {
        apus_offload_api(
            size: size(apus_offload_api.self),
            post: { host, job in
                guard let pool = host.shared.pointee.services.offload else { return CInt(APUS_FALSE) }
                job.pointee.reserved = host.record.pointee.number
                let node = (UnsafeMutableRawPointer(job) + MemoryLayout<apus_job>.offset(of: \.links)!)
                    .assumingMemoryBound(to: OffloadNode.self)
                node.initialize(to: OffloadNode(HostTables.offloaded))
                let answer = pool._withUnsafeGuaranteedRef { $0.post(node) }
                return answer == .taken ? CInt(APUS_TRUE) : CInt(APUS_FALSE)
            },
            thread: { host, name, run, end, user in
                host.declaring("offload->thread", in: [.starting]) { (_, modules) throws(Registry.Refusal) in
                    let title = try HostTables.text(name, "the name")
                    guard title.utf8.count <= 15 else { throw Registry.Refusal(text: "`\(title)` is too long a name") }
                    modules.threads.add(OwnThreads.Body(host: host, name: title, run: run, end: end, user: user))
                    return CInt(APUS_TRUE)
                }
            })
    }

    private static let offloaded: @convention(c) (UnsafeMutableRawPointer) -> Void = { node in
        let job = (node - MemoryLayout<apus_job>.offset(of: \.links)!).assumingMemoryBound(to: apus_job.self)
        guard let host = HostDirectory[job.pointee.reserved] else { return }
        job.pointee.run(host, job)
    }
}
