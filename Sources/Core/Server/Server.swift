import Glibc
import PluginAPI

// Invariants: made and run on the main thread. What workers see of it (`shared`) is written before they start and lives for ever.

/// A server from its config to its end: sockets, modules, workers, signals.
final class Server {
    let configuration: Configuration
    private let options: Options
    private let programs: Programs
    private var listeners = ListenerSet([])
    private let shared = UnsafeMutablePointer<ServerShared>.allocate(capacity: 1)
    private var pidFile: String?

    init(_ configuration: Configuration, _ programs: Programs, _ options: Options) {
        self.configuration = configuration
        self.programs = programs
        self.options = options
    }

    private var settings: Settings { configuration.settings }

    /// Starts, serves until a signal ends it, stops.
    /// - Parameter ready: called once when everything is open and every worker takes traffic.
    func run(ready: () -> Void) throws(StartFailure) {
        Daemon.limitResources(
            coreDumps: !settings.isOn("disable_core_dump"), openFiles: settings.number("open_files_limit"))
        configuration.source.root = options.rootFolder ?? settings.text("chroot")
        try Daemon.enter(root: configuration.source.root, folder: nil)
        try openListeners()
        try Daemon.enter(root: nil, folder: options.workFolder ?? settings.text("workdir"))
        if let path = options.pidFile {
            try Daemon.writePIDFile(path)
            pidFile = path
        }
        defer { if let pidFile { unlink(pidFile) } }
        try Daemon.become(
            user: options.user ?? settings.text("user"), group: options.group ?? settings.text("group"))
        try prepareShared()
        setEnvironment(settings, listeners: listeners, command: options)
        let modules = configuration.modules
        let workers: Workers
        do {
            workers = try Workers(
                count: workerCount, listeners: listeners, statistics: configuration.statistics, hooks: workerHooks,
                limits: Workers.Limits(slots: slotLimit), streams: StreamOptions(settings))
        } catch {
            throw StartFailure(code: 2, text: "the workers cannot be made: \(error.text)")
        }
        configuration.view.listeners = listeners
        configuration.view.workers = workers
        Server.connections = ConnectionReport(workers)
        defer { Server.connections = nil }
        modules.open(listeners)
        modules.install(programs.current.program.image)
        modules.coreSettings = coreSetting
        modules.configFile = PermanentText.bytes(configuration.source.absolutePath)
        modules.makeWorkers(workers)
        modules.shared.pointee.services.startRun = OwnRuns.start
        modules.shared.pointee.services.onsend = Onsend.look
        if settings.isOn("onsend_route_reply") { modules.shared.pointee.services.onsendReply = Onsend.passes }
        modules.shared.pointee.services.hold = Holding.hold
        modules.shared.pointee.services.forwardReply = PassingOn.forward
        modules.shared.pointee.services.endHolding = Holding.end
        modules.shared.pointee.services.server = Version.facts
        modules.shared.pointee.services.replies = shared.pointee.replies
        let offload = OffloadPool()
        ShellCommands.open()
        defer { ShellCommands.close() }
        modules.shared.pointee.services.offload = Unmanaged.passRetained(offload)
        defer { modules.management.closeDoors() }
        modules.shared.pointee.services.resolver = shared.pointee.resolver
        modules.databases.milliseconds = UInt32(clamping: settings.number("query_timeout") * 1000)
        // Modules may still write when they stop.
        defer { modules.databases.close() }
        ServerWorker.runModinitBefore(workers[0])
        guard modules.start() else { throw StartFailure(code: 1, text: configuration.diagnostics.text) }
        defer { modules.stop() }
        // However the start goes on: modules do not stop before their jobs have run.
        defer { offload.close() }
        if settings.isOn("connect_required"), let reason = modules.databases.connectAll() {
            throw StartFailure(code: 1, text: "connect_required: \(reason)")
        }
        let mailboxes = (0..<workers.count).map { workers[$0].pointee.mailbox }
        programs.begin(mailboxes)
        let reload = Reload(configuration, programs, options)
        configuration.view.reload = reload
        defer { reload.end() }
        do {
            try modules.management.start(
                workers: mailboxes,
                workerLimit: UInt64(configuration.settings.number("command_timeout")),
                spacing: UInt64(configuration.settings.number("rpc_exec_delta")) * 1000)
        } catch {
            throw StartFailure(code: 2, text: "the management thread cannot be started: \(error.text)")
        }
        defer { modules.management.stop() }
        do { try workers.start() } catch { throw StartFailure(code: 2, text: error.text) }
        modules.endStart()
        modules.management.open()
        modules.raise(.ready)
        modules.threads.begin()
        // However the start goes on.
        defer { modules.threads.end() }
        if settings.isOn("verbose_startup") { tellAll() }
        for listener in listeners.listeners where !listener.isVirtual {
            Log.info("listening on \(listener.text.string)")
        }
        Log.notice("\(Version.product) is ready: \(workers.count) worker\(workers.count == 1 ? "" : "s")")
        ready()
        obeySignals(NameRefresh(offload, modules.core.host, ResolverOptions(settings)))
        drain()
        limitTheEnd()
        workers.stop()
        workers.join()
        modules.threads.end()
        offload.close()
        modules.databases.quiesce(seconds: settings.number("drain_time"))
        modules.management.stop()
        Log.notice("stopped")
        workers.free()
    }

    // MARK: - Start

    /// A global parameter for modules: what is in force, defaults included.
    private func coreSetting(_ name: String) -> Settings.Value? {
        guard let global = Global.named[name] else { return nil }
        if global.name == "user_agent_header", settings.text(global.name) == nil {
            return .text("User-Agent: \(Version.product)")
        }
        if let set = settings.values[global.name] { return set }
        return settings.text(global.name).map {
            Int($0) == nil ? .text($0) : .number(Int64(settings.number(global.name)))
        }
    }

    private var workerCount: Int {
        if options.foreground == .alone || !settings.isOn("fork") { return 1 }
        let asked = options.workers ?? settings.number("children")
        // 0 stands for the default.
        return min(asked > 0 ? asked : 8, SuspensionDirectory.maxWorkers)
    }

    /// Receive slots of one worker at most; they are made as they are needed. Those of messages that wait, on whichever worker, must never
    /// be all: then nothing more could be read.
    private var slotLimit: Int { 1024 + workerCount * (shared.pointee.maxSuspended + ResolverOptions().limit) }

    private func openListeners() throws(StartFailure) {
        let addresses = ListenAddresses(settings, options)
        do {
            listeners = try ListenerSet.open(
                addresses.listens.map(\.spec), aliases: addresses.aliases,
                port: UInt16(clamping: options.port ?? settings.number("port")),
                autoBindIPv6: settings.isOn("auto_bind_ipv6"), options: addresses.options,
                transports: addresses.transports, disabled: addresses.disabled)
        } catch {
            let diagnostics = Diagnostics()
            for mistake in error.errors {
                diagnostics.error(mistake.text, at: addresses.range(of: mistake), hint: mistake.hint)
            }
            throw StartFailure(code: 2, text: diagnostics.text)
        }
        if settings.isOn("auto_aliases") { listeners = listeners.with(ReverseNames.find(listeners)) }
    }

    private func prepareShared() throws(StartFailure) {
        var prefix: UnsafePointer<CompiledFormat>?
        if let text = settings.text("log_prefix"), !text.isEmpty {
            switch programs.current.program.texts.compileFormat(text) {
            case .success(let format): prefix = format
            case .failure(let refusal):
                throw StartFailure(code: 1, text: "log_prefix: \(refusal.text)")
            }
        }
        let counters: CoreCounters
        do { counters = try CoreCounters(configuration.statistics) } catch {
            throw StartFailure(code: 2, text: "there is no room for the core's statistics")
        }
        shared.initialize(
            to: ServerShared(
                image: programs.current.program.image, counters: counters, listeners: Unmanaged.passRetained(listeners),
                host: configuration.modules.shared,
                modules: Unmanaged.passRetained(configuration.modules), maxSuspended: settings.number("max_suspended"),
                checksVia: settings.isOn("check_via"), callLocks: settings.number("route_locks_size"),
                maxMessage: settings.number("msg_recv_max_size"),
                logPrefix: prefix,
                changeable: WorkerSettings.Reader(settings).read { CoreParameters.number($0, settings) },
                asksForRport: settings.isOn("local_rport"), showsReceived: settings.number("received_route_mode") > 0,
                replies: ReplyCounts(workers: workerCount), resolver: ResolverOptions(settings)))
    }

    private var workerHooks: WorkerHooks {
        WorkerHooks(
            deliver: { worker, slot in
                let context = worker.assumingMemoryBound(to: Worker.self).pointee.context
                context?.assumingMemoryBound(to: ServerWorker.self)
                    .receive(slot.assumingMemoryBound(to: Received.self))
            },
            callID: { start, count, found in
                guard let value = Message.scanCallID(Bytes(start, count)) else { return nil }
                found.pointee = value.count
                return value.start
            },
            start: { ServerWorker.start($0.assumingMemoryBound(to: Worker.self)) },
            stop: { ServerWorker.stop($0.assumingMemoryBound(to: Worker.self)) },
            undelivered: { worker, flow, bytes, count, code in
                let worker = worker.assumingMemoryBound(to: Worker.self)
                guard let server = worker.pointee.context?.assumingMemoryBound(to: ServerWorker.self) else { return }
                server.undelivered(flow.assumingMemoryBound(to: Flow.self).pointee, Bytes(bytes, count), code)
            },
            closed: { worker, flow, code in
                let worker = worker.assumingMemoryBound(to: Worker.self)
                guard let server = worker.pointee.context?.assumingMemoryBound(to: ServerWorker.self) else { return }
                let flow = flow.assumingMemoryBound(to: Flow.self).pointee
                server.pointee.shared.pointee.host.pointee.closed.tell(flow, code)
            },
            adopt: Holding.adopt,
            wrote: { worker, start, count in
                worker.assumingMemoryBound(to: Worker.self).pointee.context?.assumingMemoryBound(to: ServerWorker.self)
                    .countHint(in: Bytes(start, count))
            },
            sent: { worker, start, count in
                worker.assumingMemoryBound(to: Worker.self).pointee.context?.assumingMemoryBound(to: ServerWorker.self)
                    .countSent(Bytes(start, count))
            },
            shared: UnsafeMutableRawPointer(shared))
    }

    // MARK: - Signals and the end

    private func obeySignals(_ names: NameRefresh) {
        while true {
            switch Signals.wait(milliseconds: 1000) {
            case .stop: return
            case .reload: hangUp()
            case .statistics: logStatistics()
            case .none:
                Log.flushLimits()
                names.tick()
            }
        }
    }

    /// SIGHUP: modules are told; the config is read again where it says so itself (sighup_reload).
    private func hangUp() {
        configuration.modules.raise(.reload)
        guard settings.isOn("sighup_reload") else { return }
        // What comes of it is logged.
        configuration.modules.management.execute(CommandRequest(name: "core.reload", isHeard: false)) { _, _ in }
    }

    /// New requests are answered 503; what waits in scripts may end, for `drain_time` seconds at most. A second signal ends it at once.
    private func drain() {
        shared.pointee.isDraining.store(true, ordering: .relaxed)
        let limit = Syscalls.monotonicNanoseconds() + UInt64(max(0, settings.number("drain_time"))) * 1_000_000_000
        func isBusy() -> Bool {
            shared.pointee.waiting.load(ordering: .relaxed) > 0 || (Server.connections?.queued ?? 0) > 0
        }
        while isBusy(), Syscalls.monotonicNanoseconds() < limit {
            if Signals.wait(milliseconds: 20) == .stop { return }
        }
    }

    /// verbose_startup: what there is, at the level that is shown in any case.
    private func tellAll() {
        for listener in listeners.listeners {
            let advertised = listener.hasAdvertised ? " advertised as \(listener.sentBy.string)" : ""
            Log.notice("socket \(listener.text.string)\(advertised)\(listener.isVirtual ? " (virtual)" : "")")
        }
        for alias in listeners.aliases { Log.notice("alias \(alias.host)\(alias.port.map { ":\($0)" } ?? "")") }
        Log.notice("modules \(configuration.modules.all.map { $0.name }.joined(separator: " "))")
        for (name, value) in settings.values.sorted(by: { $0.key < $1.key }) {
            switch value {
            case .number(let number): Log.notice("\(name) = \(number)")
            case .text(let text): Log.notice("\(name) = \"\(text)\"")
            }
        }
    }

    /// A module that does not come to its end must not keep the server from its own: exit_timeout seconds behind `drain` that is over (0: never).
    private func limitTheEnd() {
        let seconds = settings.number("exit_timeout")
        guard seconds > 0 else { return }
        let thread = try? Threads.start("apus/exit") {
            let end = Syscalls.monotonicNanoseconds() + UInt64(seconds) * 1_000_000_000
            while Syscalls.monotonicNanoseconds() < end { usleep(100_000) }
            Log.critical("the server has not stopped within \(seconds) s (exit_timeout): it ends now")
            _exit(1)
        }
        if let thread { pthread_detach(thread) }
    }

    private func logStatistics() {
        for (id, description) in configuration.statistics.all {
            let value = configuration.statistics.value(id)
            if value != 0 { Log.line(.notice) { $0.add("\(description.group):\(description.name) = \(value)") } }
        }
    }
}
