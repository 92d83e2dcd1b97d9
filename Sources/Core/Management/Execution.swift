import Glibc
import Synchronization

// Invariants: made by whoever executes, then the management thread's, which lends it to a worker by its mailbox while `call` runs there,
// and to the thread that answers a deferral between `resume` and `finish`. `mail` and `finishedMail` are each in at most one mailbox at a
// time; both and `timer` live as long as the execution, which the management thread keeps until it is answered and nobody has it.

/// One execution of a command: name, arguments, answer.
final class Execution: @unchecked Sendable {
    /// How an execution ends.
    enum Result {
        case answer(Answer)
        /// What the answer has is shown now; the rest comes after `ManagementThread.more`.
        case part(Answer)
        case fault(CommandFault)
    }

    /// Called once, but for parts; with the execution's id.
    typealias Completion = @Sendable (UInt64, Result) -> Void

    /// Links an execution into a mailbox.
    struct Mail {
        /// First, so that the mailbox's node is the mail.
        var node: MailNode
        let execution: Unmanaged<Execution>

        static func of(_ node: UnsafeMutableRawPointer) -> Execution {
            node.assumingMemoryBound(to: Mail.self).pointee.execution.takeUnretainedValue()
        }
    }

    /// The way to a worker, where the command goes on.
    struct Step {
        /// Nil: back to the management thread.
        let worker: Int?
        /// 0: no limit.
        let milliseconds: UInt32
        let then: () -> Command.Outcome
        /// Whatever has become of it.
        let release: () -> Void
    }

    /// What `deferAnswer` agreed on.
    struct Deferral {
        let id: UInt64
        /// 0: no limit.
        let milliseconds: UInt32
    }

    /// Names it for ever, never 0.
    let id: UInt64
    let request: CommandRequest
    private let completion: Completion
    let answer: Answer
    /// Set when the name was found.
    private(set) var command: Command?
    private(set) var arguments: [CommandArgument] = []
    /// What the declarer of the command keeps with it until it ends.
    var context: AnyObject?

    /// Two numbers of the command's own, kept between its calls for one answer.
    let place: UnsafeMutablePointer<UInt64>

    /// The worker whose turn it is.
    var worker = 0
    /// It is at that worker: only its timer and what stands here is to be touched.
    var isAway = false
    /// At which one, and how long that may take, in milliseconds; 0: as long as it likes.
    var awayAt = 0
    var awayLimit: UInt64 = 0
    /// Whoever asked is gone: it goes on, and nobody is told.
    var isCancelled = false
    /// A part was shown, and the next may not come yet.
    var awaitsMore = false
    /// Some of the answer was shown already.
    var hasShownParts = false
    /// All workers have had their turn: `afterwards` is called.
    var isAfterwards = false
    /// The timer is that of a command which is to be called again.
    var isResting = false
    /// Calls so far, this one included.
    private(set) var calls = 0
    /// The management thread knows that the last call has ended: until then `outcome` and `deferral` may be another thread's.
    var hasReturned = false
    /// How the last call ended.
    private(set) var outcome: Command.Outcome?
    private(set) var deferral: Deferral?
    /// The deferral's answer has come.
    var isFinished = false
    private var isCalling = false
    /// What the last call has asked for.
    private(set) var next: Step?
    /// What is to be called on the worker where it is; nil: the command itself.
    private var step: Step?
    /// It was answered because a worker took too long: nobody waits for it, and nothing is called any more.
    private let isOver = Atomic(false)
    private unowned let management: Management
    /// The thread that has it, since it arrived there.
    unowned(unsafe) var thread: ManagementThread?

    private let mail: UnsafeMutablePointer<Mail>
    private let finishedMail: UnsafeMutablePointer<Mail>
    let timer: UnsafeMutablePointer<TimerNode>

    var name: String { request.name }
    /// The arguments as they were given.
    var values: [CommandValue] { request.values }

    init(_ id: UInt64, _ request: CommandRequest, _ management: Management, _ completion: @escaping Completion) {
        self.id = id
        self.request = request
        // A part may be as large as an answer.
        answer = Answer(limit: request.maxAnswer)
        self.management = management
        self.completion = completion
        place = .allocate(capacity: 2)
        place.initialize(repeating: 0, count: 2)
        mail = .allocate(capacity: 1)
        finishedMail = .allocate(capacity: 1)
        timer = .allocate(capacity: 1)
        let me = Unmanaged.passUnretained(self)
        mail.initialize(to: Mail(node: MailNode(receive: ManagementThread.arrived), execution: me))
        finishedMail.initialize(to: Mail(node: MailNode(receive: ManagementThread.finished), execution: me))
        timer.initialize(to: TimerNode(context: me.toOpaque(), fire: ManagementThread.timedOut))
    }

    deinit {
        place.deallocate()
        mail.deallocate()
        finishedMail.deallocate()
        timer.deallocate()
    }

    // MARK: - On the management thread

    /// Finds what is to be done.
    func prepare() throws(CommandFault) {
        guard let found = management.commands.command(named: name, language: request.language) else {
            if !request.language.isEmpty {
                throw CommandFault(code: 500, "command '\(name)' not available", .unknown)
            }
            throw CommandFault(code: 404, "there is no command \(name)", .unknown)
        }
        guard found.reads || !request.onlyReads else {
            throw CommandFault(code: 403, "\(name) changes something, and only reading is allowed here", .forbidden)
        }
        command = found
        arguments = try found.arguments(values)
    }

    /// Tells whoever executes how it ended.
    func complete(_ result: Result) {
        if !isCancelled, !isAnswered { completion(id, result) }
    }

    var wantsMore: Bool {
        if case .more = outcome { return true }
        return false
    }

    /// Forgets how the last call ended, before the next.
    func reset() {
        step = next
        next = nil
        hasReturned = false
        outcome = nil
        deferral = nil
        isFinished = false
    }

    // MARK: - On the thread that calls

    /// Calls the command, or what goes on on this worker.
    func call() {
        guard let command, !isAnswered else { return }
        isCalling = true
        calls += 1
        let outcome =
            step.map { $0.then() } ?? (isAfterwards ? command.afterwards : nil)?(self) ?? command.call(self)
        isCalling = false
        self.outcome = outcome
    }

    /// The door has its answer, though the execution may still be at a worker.
    var isAnswered: Bool {
        get { isOver.load(ordering: .acquiring) }
        set { isOver.store(newValue, ordering: .releasing) }
    }

    /// What the last step kept is freed. On the management thread.
    func leaveStep() {
        step?.release()
        step = nil
    }

    /// The command goes on on a worker. Only in a call, once in each.
    /// - Returns: false, with a fault, when it cannot; then the step is released.
    func goOn(_ step: Step, workerCount: Int) -> Bool {
        if !isCalling {
            Log.error("command \(command?.name ?? name) may go on in its call only")
        } else if let worker = step.worker, worker >= workerCount {
            answer.fail(404, Bytes("no such worker"))
        } else if command?.onEachWorker == true || deferral != nil || next != nil {
            answer.refuse("it goes on twice at a time")
        } else {
            next = step
            return true
        }
        step.release()
        return false
    }

    /// The answer comes later. Only in a command's call, once.
    /// - Parameter milliseconds: until the command faults; 0: no limit.
    /// - Returns: the deferral's id, never 0; 0 when it is refused.
    func deferAnswer(milliseconds: UInt32) -> UInt64 {
        guard isCalling else {
            Log.error("command \(command?.name ?? name) may be deferred in its call only")
            return 0
        }
        guard deferral == nil else {
            answer.refuse("it defers twice in one call")
            return 0
        }
        let id = management.add(self)
        deferral = Deferral(id: id, milliseconds: milliseconds)
        return id
    }

    // MARK: - Mail

    /// The node by which it goes to `receive`, on another thread.
    func node(for receive: @escaping Mailbox.Callback) -> UnsafeMutablePointer<MailNode> {
        mail.pointee.node.receive = receive
        return UnsafeMutableRawPointer(mail).assumingMemoryBound(to: MailNode.self)
    }

    /// The node by which a finished deferral comes home.
    var finishedNode: UnsafeMutablePointer<MailNode> {
        UnsafeMutableRawPointer(finishedMail).assumingMemoryBound(to: MailNode.self)
    }
}
