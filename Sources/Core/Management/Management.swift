import Synchronization

// Invariants: `commands` is filled before `start`. `state` is locked for a few instructions at a time, never around a call of a module, so
// that workers may execute, defer and finish. What is posted is posted under the lock and only while open: behind the stop, which is posted
// after the state has changed, nothing comes any more.

/// Commands for operators: the registry, and the thread on which they run. One for a server; used from any thread.
final class Management: @unchecked Sendable {
    let commands = CommandRegistry()
    private let state = Mutex(State())
    /// The main thread's.
    private var thread: ManagementThread?

    private enum Phase {
        case starting
        case open
        case stopped
    }

    private struct Waiting {
        let execution: Execution
        /// Somebody fills in the answer.
        var isHeld = false
    }

    private struct State {
        var phase = Phase.starting
        var mailbox: Mailbox?
        var waiting: [UInt64: Waiting] = [:]
        var lastID: UInt64 = 0
        var lastExecution: UInt64 = 0
    }

    // MARK: - Start and end, on the main thread

    /// Starts the thread. Commands are refused until `open`.
    /// - Parameters:
    ///   - workers: the mailboxes of all workers, for commands that run on each; alive until `stop` has returned.
    ///   - workerLimit: milliseconds for the call of such a command on a worker.
    ///   - spacing: milliseconds between two calls of a command that is spaced; 0: any.
    func start(workers: [Mailbox], workerLimit: UInt64, spacing: UInt64) throws(SystemError) {
        let thread = try ManagementThread(self, workers: workers, workerLimit: workerLimit, spacing: spacing)
        try thread.start()
        self.thread = thread
        state.withLock { $0.mailbox = thread.mailbox }
    }

    /// The workers run: commands are executed from now on.
    func open() {
        state.withLock { if $0.mailbox != nil { $0.phase = .open } }
        thread?.open()
    }

    /// Called on the thread when commands are executed, and when every execution was answered, in the reverse order. Before `start`.
    func serve(begun: @escaping () -> Void, ended: @escaping () -> Void) {
        served.append(Served(begun: begun, ended: ended))
    }

    /// Opens a door, served from `open` until the end. Before `start`; `closeDoors` is called some time.
    func open(_ place: DoorPlace, _ limits: DoorLimits, _ handler: any DoorHandler) throws(DoorPlace.Refusal) {
        let door = try Door(place, limits, handler)
        doors.append(door)
        serve(begun: { ManagementThread.current.map { door.begin(on: $0) } }, ended: { door.end() })
    }

    /// Takes away what was opened and never served: the server does not start. On the main thread, when there is no other.
    func closeDoors() {
        for door in doors where !door.hasBegun { door.abandon() }
        doors = []
    }

    /// In the order of opening. Constant from `start` on.
    private(set) var doors: [Door] = []

    /// What lives on the thread as long as it runs.
    struct Served {
        let begun: () -> Void
        let ended: () -> Void
    }

    /// Filled before `start`, then the thread's.
    private(set) var served: [Served] = []

    /// Answers what is under way with a fault and ends the thread. After the workers have ended; a second call does nothing.
    func stop() {
        guard let thread else { return }
        state.withLock { state in
            state.phase = .stopped
            state.mailbox = nil
            // Somebody may hold one: what it writes to must stay for ever.
            for one in state.waiting.values { _ = Unmanaged.passRetained(one.execution) }
            state.waiting = [:]
        }
        thread.stop()
        self.thread = nil
    }

    // MARK: - From any thread

    /// Executes a command by name or alias. `completion` is called on the management thread; at once, on this one, when the server starts or
    /// stops or only checks its config.
    /// - Returns: the execution's id.
    @discardableResult
    func execute(_ request: CommandRequest, _ completion: @escaping Execution.Completion) -> UInt64 {
        let (execution, phase) = state.withLock { state in
            state.lastExecution += 1
            let execution = Execution(state.lastExecution, request, self, completion)
            if state.phase == .open, let mailbox = state.mailbox {
                // Released by the thread that receives it.
                _ = Unmanaged.passRetained(execution)
                mailbox.post(execution.node(for: ManagementThread.arrived))
            }
            return (execution, state.phase)
        }
        switch phase {
        case .open: break
        case .starting: execution.complete(.fault(CommandFault(code: 503, "the server does not run yet")))
        case .stopped: execution.complete(.fault(Management.stopping))
        }
        return execution.id
    }

    /// Runs what hangs on a node on the thread.
    /// - Returns: false when the thread is not there yet or any more.
    func post(_ node: UnsafeMutablePointer<MailNode>) -> Bool {
        state.withLock { state in
            guard state.phase == .open, let mailbox = state.mailbox else { return false }
            mailbox.post(node)
            return true
        }
    }

    /// The thread is there: the workers are, too, or are about to be.
    var isRunning: Bool { state.withLock { $0.mailbox != nil } }

    static let stopping = CommandFault(code: 503, "the server stops")

    // MARK: - Deferrals

    /// Notes that an execution is answered later.
    func add(_ execution: Execution) -> UInt64 {
        state.withLock { state in
            state.lastID += 1
            // Stopped: its time is over already.
            if state.phase == .open { state.waiting[state.lastID] = Waiting(execution: execution) }
            return state.lastID
        }
    }

    /// The execution of a deferral, which cannot run out any more; nil when it has, when somebody has it already, or when it is another
    /// module's.
    func resume(_ id: UInt64, owner: String) -> Execution? {
        state.withLock { state in
            guard let waiting = state.waiting[id], !waiting.isHeld, waiting.execution.command?.owner == owner else {
                return nil
            }
            state.waiting[id]?.isHeld = true
            return waiting.execution
        }
    }

    /// The answer of a deferral that was resumed is complete. Nothing happens when its time is over.
    func finish(_ id: UInt64, owner: String) {
        let unresumed = state.withLock { state -> String? in
            guard let waiting = state.waiting[id], let command = waiting.execution.command, command.owner == owner,
                let mailbox = state.mailbox
            else { return nil }
            if !waiting.isHeld { return command.name }
            state.waiting[id] = nil
            mailbox.post(waiting.execution.finishedNode)
            return nil
        }
        if let unresumed { Log.error("module \(owner): command \(unresumed) is finished without being resumed") }
    }

    /// Takes a deferral back.
    /// - Returns: false when somebody has resumed it: then its answer comes, or has come.
    func withdraw(_ id: UInt64) -> Bool {
        state.withLock { state in
            guard let waiting = state.waiting[id], !waiting.isHeld else { return false }
            state.waiting[id] = nil
            return true
        }
    }
}
