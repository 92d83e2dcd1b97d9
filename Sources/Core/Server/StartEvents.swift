import CLinux
import Glibc
import PluginAPI

// Invariants: until worker 0 has its thread, the main thread stands for it. Afterwards only that thread touches the worker.

/// What scripts do as the server starts: core:modinit-before and core:worker-one-init.
extension ServerWorker {
    /// [main] Before the modules are started.
    static func runModinitBefore(_ worker: UnsafeMutablePointer<Worker>) {
        guard let shared = worker.pointee.hooks.shared?.assumingMemoryBound(to: ServerShared.self),
            let route = shared.pointee.image.route(
                named: apus_str("core:modinit-before"), kinds: RouteKind.event.mask),
            let own = make(worker)
        else { return }
        let thread = linux_this_thread()!
        thread.pointee.worker = UnsafeMutableRawPointer(worker)
        defer { thread.pointee.worker = nil }
        var event = StartEvent()
        own.run(route, mayWait: false, &event)
    }
}

/// How a block that runs at the start has ended.
private struct StartEvent {
    var isOver = false
    var isDropped = false
}

extension UnsafeMutablePointer<ServerWorker> {
    /// [worker] On worker 0, which has no listeners yet. The block may wait: then this waits for it, working off what the wait needs.
    /// - Returns: false when it was dropped: the server does not start.
    func runWorkerOneInit() -> Bool {
        guard
            let route = pointee.shared.pointee.image.route(
                named: apus_str("core:worker-one-init"), kinds: RouteKind.event.mask)
        else { return true }
        var event = StartEvent()
        return withUnsafeMutablePointer(to: &event) { event in
            run(route, mayWait: true, event)
            while !event.pointee.isOver { pointee.worker.runTurn(longestWait: 100) }
            if event.pointee.isDropped { Log.error("the script's core:worker-one-init stops the start") }
            return !event.pointee.isDropped
        }
    }

    fileprivate func run(
        _ route: UnsafePointer<CompiledRoute>, mayWait: Bool, _ event: UnsafeMutablePointer<StartEvent>
    ) {
        var start = apus_start(
            size: UInt32(MemoryLayout<apus_start>.size), kind: UInt32(APUS_EVENT_ROUTE),
            flags: mayWait ? 0 : UInt32(APUS_NO_WAIT), reserved: 0, route: OpaquePointer(route), msg: nil, avps: nil,
            begun: nil,
            ended: { _, end in
                guard let event = end.pointee.user?.assumingMemoryBound(to: StartEvent.self) else { return }
                event.pointee.isOver = true
                event.pointee.isDropped = end.pointee.dropped != 0
            }, user: event)
        let host = pointee.shared.pointee.modules.takeUnretainedValue().core.host
        if OwnRuns.start(host, &start) < 0 { event.pointee.isOver = true }
    }
}
