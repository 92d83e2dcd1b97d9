import PluginAPI

// Invariants: filled on the main thread until the workers start and constant from then on, but for `workers`, of which each entry belongs to its
// worker's thread. `image` is the script that the server starts with: on the threads that start it, and until its workers run. Lives for ever.

/// What the functions of the contract share for all modules of one server: plain memory, since they run on the way of
/// messages.
struct HostShared: ~Copyable {
    /// For cold functions.
    let modules: Unmanaged<Modules>
    var hooks = HookTables()
    var slots = SlotTable()
    var timers = ModuleTimers()
    /// Nil before there is one, and once the workers have it.
    var image: UnsafePointer<ProgramImage>?
    /// What modules have on each worker, by its index; nil until `Modules.makeWorkers`.
    var workers: UnsafeMutablePointer<ModuleWorker>?
    var workerCount: UInt32 = 0
    /// Modules so far, Core's own among them: the next one's `HostRecord.place`.
    var moduleCount = 0
    var listeners = ListenerTable()
    var undelivered = CallbackTable<UndeliveredTold>()
    var closed = CallbackTable<ClosedTold>()
    var services = HostServices()

    init(modules: Unmanaged<Modules>) { self.modules = modules }
}

extension UnsafeMutablePointer<HostShared> {
    /// What modules have on the calling thread's worker; nil on another thread.
    @inline(__always)
    var worker: UnsafeMutablePointer<ModuleWorker>? {
        guard let workers = pointee.workers, let current = Worker.current else { return nil }
        let index = current.pointee.index
        return index < Int(pointee.workerCount) ? workers + index : nil
    }

    /// On a worker the script of the run that works, else the one in force there; elsewhere the one that the server starts with.
    @inline(__always)
    var image: UnsafePointer<ProgramImage>? {
        if let worker = Worker.current, let script = SuspensionDirectory.worker(UInt32(worker.pointee.index)),
            let image = script.pointee.image
        {
            return image
        }
        return pointee.image
    }
}

/// What modules ask of the Server room, which knows the modules and not the other way round. Nothing while a config is
/// only checked.
struct HostServices {
    /// `script->start_run`
    typealias StartRun = @convention(c) (UnsafePointer<apus_host>, UnsafePointer<apus_start>) -> CInt

    /// `net->onsend`: call, message, the Run.Sending that the block looks at, what follows, its user.
    typealias Onsend =
        @convention(c) (
            UnsafePointer<apus_call>, OpaquePointer, UnsafeRawPointer, Run.Frame.Then, UnsafeMutableRawPointer?
        ) -> CInt
    /// `net->onsend_reply`: message, the Run.Sending that the block looks at. False: it must not be sent.
    typealias OnsendReply = @convention(c) (OpaquePointer, UnsafeRawPointer) -> Bool
    /// `message->hold`: the message whose hook runs. True when it stays.
    typealias Hold = @convention(c) (OpaquePointer) -> Bool
    /// `message->release` of a message that was held.
    typealias EndHolding = @convention(c) (OpaquePointer) -> Void
    /// `reply->forward`: the reply, another code or 0, another reason or none.
    typealias ForwardReply = @convention(c) (OpaquePointer, Int32, apus_str) -> Bool

    /// [worker] onsend_route, as apus/net.h says.
    var onsend: Onsend?
    /// [worker] onsend_route for replies; nil unless the config wants it.
    var onsendReply: OnsendReply?
    /// [worker] A run of its own on the calling worker.
    var startRun: StartRun?
    /// Threads for what may block, while the server runs.
    var offload: Unmanaged<OffloadPool>?
    /// How names are looked up by those who wait for it; as the config says, whatever operators change afterwards.
    var resolver = ResolverOptions()
    /// What runs here, for `config->server`.
    var server = apus_server_facts()
    /// Replies by method and status code, while the server runs.
    var replies: ReplyCounts?
    /// [worker]
    var hold: Hold?
    /// [worker]
    var endHolding: EndHolding?
    /// [worker]
    var forwardReply: ForwardReply?
}
