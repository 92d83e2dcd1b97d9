import CLinux
import Glibc

// Invariants: all but `mailbox` and `start`/`stop` is used on its own thread. An execution is in `live` from its arrival until it is
// answered; whatever points to it meanwhile (mail, timer) does so without a reference. While it is away (at a worker, or at whoever answers a
// deferral) nothing here touches its answer.

/// The thread that runs commands: a loop with a mailbox and timers, like a worker's.
final class ManagementThread: @unchecked Sendable {
    /// Of the thread, in listings.
    static let name = "apus/manage"

    let mailbox: Mailbox
    private unowned let management: Management
    private let workers: [Mailbox]
    /// Milliseconds for a command's call on a worker.
    private let workerLimit: UInt64
    /// Milliseconds between two calls of a command that is spaced; 0: any.
    private let spacing: UInt64
    /// When such commands were called last.
    private var lastCalls: [String: UInt64] = [:]
    private var loop: EventLoop
    private let wheel: TimerWheel
    private var live: [UInt64: Execution] = [:]
    /// Executions arrive in the order of their ids.
    private var lastArrived: UInt64 = 0
    /// Cancelled before they arrived.
    private var cancelledEarly: Set<UInt64> = []
    /// What was begun, to be ended.
    private var served: [Management.Served] = []
    /// What others watch here, kept for them.
    var watches: AnyObject?
    private var isStopping = false
    private var thread = pthread_t()
    private let openMail = UnsafeMutablePointer<MailNode>.allocate(capacity: 1)
    private let stopMail = UnsafeMutablePointer<MailNode>.allocate(capacity: 1)

    /// Bytes of an answer that are worth a part.
    static let partSize = 16384

    init(_ management: Management, workers: [Mailbox], workerLimit: UInt64, spacing: UInt64) throws(SystemError) {
        self.management = management
        self.workers = workers
        self.workerLimit = workerLimit
        self.spacing = spacing
        mailbox = try Mailbox(bound: 0)
        loop = try EventLoop()
        wheel = TimerWheel(now: ManagementThread.now)
        openMail.initialize(to: MailNode(receive: { raw, _ in ManagementThread.of(raw).begin() }))
        stopMail.initialize(to: MailNode(receive: { raw, _ in ManagementThread.of(raw).isStopping = true }))
        // Never read down: edge-triggered.
        _ = try loop.watch(mailbox.wakeup, EPOLLIN.rawValue | EPOLLET.rawValue, context: nil) { _, _, _ in }
    }

    deinit {
        wheel.free()
        loop.end()
        mailbox.free()
        openMail.deallocate()
        stopMail.deallocate()
    }

    static var now: UInt64 { Syscalls.monotonicNanoseconds() / 1_000_000 }

    private static func of(_ raw: UnsafeMutableRawPointer) -> ManagementThread {
        Unmanaged<ManagementThread>.fromOpaque(raw).takeUnretainedValue()
    }

    /// The management thread, on itself; nil elsewhere.
    static var current: ManagementThread? {
        linux_this_thread().pointee.management.map { ManagementThread.of($0) }
    }

    // MARK: - From the main thread

    func start() throws(SystemError) { thread = try Threads.start(ManagementThread.name) { self.run() } }

    /// Begins what is served here.
    func open() { mailbox.post(openMail) }

    /// Ends the thread and waits for it. Nobody posts any more.
    func stop() {
        mailbox.post(stopMail)
        pthread_join(thread, nil)
    }

    // MARK: - The loop

    private func run() {
        linux_this_thread().pointee.management = Unmanaged.passUnretained(self).toOpaque()
        while !isStopping { turn() }
        answerAll()
        while let last = served.popLast() { last.ended() }
    }

    private func begin() {
        for one in management.served {
            one.begun()
            served.append(one)
        }
    }

    // MARK: - For what is served

    /// As `EventLoop.watch`; the callback's first argument is this thread.
    func watch(
        _ fd: Int32, _ events: UInt32, context: UnsafeMutableRawPointer?, _ callback: @escaping EventLoop.Callback
    ) throws(SystemError) -> WatchID { try loop.watch(fd, events, context: context, callback) }

    func change(_ id: WatchID, _ events: UInt32) throws(SystemError) { try loop.change(id, events) }

    func unwatch(_ id: WatchID) { loop.unwatch(id) }

    /// Fires the node after that many milliseconds.
    func schedule(_ node: UnsafeMutablePointer<TimerNode>, after milliseconds: UInt64) {
        wheel.schedule(node, at: ManagementThread.now + milliseconds)
    }

    /// The node will not fire and may be freed.
    func remove(_ node: UnsafeMutablePointer<TimerNode>) { wheel.remove(node) }

    private func turn() {
        var timeout: Int32 = -1
        if let next = wheel.nextEvent() {
            let now = ManagementThread.now
            timeout = next <= now ? 0 : Int32(clamping: next - now)
        }
        let sleeps = timeout != 0 && mailbox.fallAsleep()
        let events = loop.wait(milliseconds: sleeps ? timeout : 0)
        if sleeps { mailbox.wakeUp() }
        let me = Unmanaged.passUnretained(self).toOpaque()
        var mail = mailbox.takeUrgent()
        while let node = mail.removeFirst() { node.pointee.receive(me, node) }
        for index in 0..<events {
            if let target = loop.target(index) { target.callback(me, target.context, target.events) }
        }
        _ = wheel.advance(to: ManagementThread.now)
    }

    /// The thread ends. Workers and modules may still hold executions: those stay for ever.
    private func answerAll() {
        for execution in live.values {
            wheel.remove(execution.timer)
            execution.complete(.fault(Management.stopping))
            _ = Unmanaged.passRetained(execution)
        }
        live = [:]
    }

    // MARK: - Mail

    /// A new execution; posted with a reference.
    static let arrived: Mailbox.Callback = { raw, node in
        let reference = node.assumingMemoryBound(to: Execution.Mail.self).pointee.execution
        let execution = reference.takeRetainedValue()
        let thread = ManagementThread.of(raw)
        thread.lastArrived = execution.id
        thread.live[execution.id] = execution
        execution.thread = thread
        execution.isCancelled = thread.cancelledEarly.remove(execution.id) != nil
        thread.begin(execution)
    }

    /// [worker]
    private static let atWorker: Mailbox.Callback = { _, node in
        let execution = Execution.Mail.of(node)
        guard let thread = execution.thread else { return }
        execution.call()
        // The workers end before this thread does: its mailbox is there.
        thread.mailbox.post(execution.node(for: ManagementThread.returned))
    }

    /// A worker has called the command.
    private static let returned: Mailbox.Callback = { raw, node in
        ManagementThread.of(raw).called(Execution.Mail.of(node))
    }

    /// A deferral was finished.
    static let finished: Mailbox.Callback = { raw, node in
        let execution = Execution.Mail.of(node)
        let thread = ManagementThread.of(raw)
        execution.isFinished = true
        thread.wheel.remove(execution.timer)
        // A worker may still be in the call that deferred.
        if execution.hasReturned { thread.stepIsOver(execution) }
    }

    /// A deferral's time is over.
    static let timedOut: TimerWheel.Callback = { _, context in
        guard let context else { return }
        let execution = Unmanaged<Execution>.fromOpaque(context).takeUnretainedValue()
        execution.thread?.runOut(execution)
    }

    // MARK: - An execution's way

    /// The next part of an answer is wanted.
    private static let again: Mailbox.Callback = { raw, node in
        let thread = ManagementThread.of(raw)
        let execution = Execution.Mail.of(node)
        if execution.isCancelled { thread.forget(execution) } else { thread.step(execution) }
    }

    /// Whoever asked is gone.
    func cancel(_ id: UInt64) {
        guard let execution = live[id] else {
            if id > lastArrived { cancelledEarly.insert(id) }
            return
        }
        execution.isCancelled = true
        if execution.awaitsMore { forget(execution) }
    }

    /// Whoever asked has taken the part that he was shown.
    func more(_ id: UInt64) {
        guard let execution = live[id], execution.awaitsMore else { return }
        execution.awaitsMore = false
        mailbox.post(execution.node(for: ManagementThread.again))
    }

    private func begin(_ execution: Execution) {
        do { try execution.prepare() } catch { return complete(execution, .fault(error)) }
        guard mayBegin(execution) else {
            return complete(execution, .fault(CommandFault(code: 500, "Command Executed Too Fast")))
        }
        step(execution)
    }

    /// Whether the last call of a spaced command is long enough ago; notes this one.
    private func mayBegin(_ execution: Execution) -> Bool {
        guard spacing > 0, let command = execution.command, command.isSpaced else { return true }
        let now = ManagementThread.now
        if let last = lastCalls[command.name], now - last < spacing { return false }
        lastCalls[command.name] = now
        return true
    }

    /// Calls the command: here, or on the worker whose turn it is.
    private func step(_ execution: Execution) {
        execution.reset()
        if execution.command?.onEachWorker == true, execution.worker < workers.count, !execution.isAfterwards {
            send(execution, to: execution.worker, within: workerLimit)
        } else {
            execution.call()
            called(execution)
        }
    }

    /// Calls it on that worker.
    private func send(_ execution: Execution, to worker: Int, within milliseconds: UInt64) {
        execution.isAway = true
        execution.awayAt = worker
        execution.awayLimit = milliseconds
        if milliseconds > 0 { schedule(execution.timer, after: milliseconds) }
        workers[worker].post(execution.node(for: ManagementThread.atWorker))
    }

    /// The command has been called.
    private func called(_ execution: Execution) {
        execution.hasReturned = true
        if execution.isAway {
            execution.isAway = false
            wheel.remove(execution.timer)
        }
        execution.leaveStep()
        if let next = execution.next {
            guard !execution.isAnswered else {
                next.release()
                return forget(execution)
            }
            if case .deferred = execution.outcome, execution.answer.fault == nil, execution.answer.misuse == nil {
                execution.reset()
                if let worker = next.worker { return send(execution, to: worker, within: UInt64(next.milliseconds)) }
                execution.call()
                return called(execution)
            }
            next.release()
            execution.answer.refuse("it goes on on a worker, and answers at once all the same")
            return stepIsOver(execution)
        }
        if let deferral = execution.deferral {
            if case .deferred = execution.outcome {
                return waitForAnswer(execution, deferral)
            } else if !management.withdraw(deferral.id) {
                // Whoever answers it was faster than the call's end.
                return waitForAnswer(execution, deferral)
            } else if case .done = execution.outcome {
                execution.answer.refuse("it defers, and answers at once all the same")
            }
        } else if case .deferred = execution.outcome {
            execution.answer.refuse("it says that the answer comes later, and has not deferred")
        }
        switch execution.outcome {
        case .again(let milliseconds):
            execution.isResting = true
            return wheel.schedule(execution.timer, at: ManagementThread.now + UInt64(milliseconds))
        case .failed where execution.answer.fault == nil: execution.answer.refuse("it fails without a fault")
        case .unknown(let code): execution.answer.refuse("its function returned \(code), which means nothing here")
        default: break
        }
        stepIsOver(execution)
    }

    /// Waits for the answer of a deferral.
    private func waitForAnswer(_ execution: Execution, _ deferral: Execution.Deferral) {
        if execution.isFinished { return stepIsOver(execution) }
        guard deferral.milliseconds > 0 else { return }
        wheel.schedule(execution.timer, at: ManagementThread.now + UInt64(deferral.milliseconds))
    }

    private func runOut(_ execution: Execution) {
        if execution.isResting {
            execution.isResting = false
            return step(execution)
        }
        if execution.isAway {
            // The worker may be writing the answer: it is kept until it comes back.
            let text =
                "\(execution.name): worker \(execution.awayAt) has not called it within \(execution.awayLimit) ms"
            execution.complete(.fault(CommandFault(code: 504, text)))
            execution.isAnswered = true
            return
        }
        guard let deferral = execution.deferral, management.withdraw(deferral.id) else { return }
        let text = "\(execution.name) has not answered within \(deferral.milliseconds) ms"
        complete(execution, .fault(CommandFault(code: 504, text)))
    }

    /// The command has done what it wanted, on one worker if it runs on each: the next one, or the end.
    private func stepIsOver(_ execution: Execution) {
        if execution.isAnswered { return forget(execution) }
        let answer = execution.answer
        if answer.misuse == nil, answer.fault == nil {
            if execution.wantsMore {
                return execution.isCancelled ? forget(execution) : goOn(execution)
            } else if !answer.open.isEmpty {
                answer.refuse("it leaves a map or array of its answer open")
            } else if execution.command?.onEachWorker == true, execution.worker + 1 < workers.count {
                execution.worker += 1
                execution.place.update(repeating: 0, count: 2)
                return goOn(execution)
            } else if execution.command?.afterwards != nil, !execution.isAfterwards {
                execution.isAfterwards = true
                return goOn(execution)
            }
            checkReply(execution)
        }
        if let misuse = answer.misuse {
            let text = "module \(execution.command?.owner ?? ""): command \(execution.command?.name ?? ""): \(misuse)"
            Log.error(text)
            complete(execution, .fault(CommandFault(code: 500, text)))
        } else {
            complete(execution, answer.fault.map { .fault($0) } ?? .answer(answer))
        }
    }

    /// The command is called again, when others have had their turn; before that a part of its answer that is worth it is shown.
    private func goOn(_ execution: Execution) {
        guard execution.request.takesParts, !execution.isCancelled,
            execution.answer.bytes.count >= ManagementThread.partSize
        else { return mailbox.post(execution.node(for: ManagementThread.again)) }
        execution.awaitsMore = true
        execution.hasShownParts = true
        execution.complete(.part(execution.answer))
        execution.answer.dropPart()
    }

    /// Builds for developers hold each answer against its declaration.
    private func checkReply(_ execution: Execution) {
        #if DEBUG
            // Parts that were shown are gone.
            if !execution.hasShownParts, let why = execution.command?.reply?.mismatch(execution.answer) {
                execution.answer.refuse(why)
            }
        #endif
    }

    private func complete(_ execution: Execution, _ result: Execution.Result) {
        // Whoever is told may cancel it: then it is not found any more.
        forget(execution)
        execution.complete(result)
    }

    private func forget(_ execution: Execution) {
        wheel.remove(execution.timer)
        live[execution.id] = nil
    }
}
