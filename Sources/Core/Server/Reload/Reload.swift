import Glibc
import Synchronization

// Invariants: `state`, `isReading` and everything but `read` belong to the management thread. `read` runs on a thread of its own and gets what it
// needs by value, or as what is constant while the server runs; one at a time. What it makes is the management thread's when it has ended. It asks
// modules under `isEnding` only.

/// Reads the config again and puts it in force, or says why not: then nothing has changed.
final class Reload: @unchecked Sendable {
    private let source: ConfigSource
    private let options: Options
    private let modules: Modules
    let programs: Programs
    private let view: ServerView
    /// The config in force.
    private var state: ConfigState
    private var isReading = false
    /// Held while what was read is compiled, for which modules are asked; true: the server stops, and they are asked no more.
    private let isEnding = Mutex(false)

    /// Milliseconds until a file that is a FIFO is given up: nobody may ever write to it, and another reload waits.
    private static let patience = 10_000
    /// Of the thread that reads, in listings.
    private static let threadName = "apus/reload"

    /// What came of reading.
    private enum Outcome {
        case ready(Program, ConfigState, ConfigComparison, remarks: String)
        case refused(CommandFault)
    }

    /// From the thread that reads to the management thread.
    private struct Mail {
        /// First, so that the mailbox's node is the mail.
        var node: MailNode
        let reload: Unmanaged<Reload>
        let outcome: Outcome
        /// Of the execution that waits.
        let deferral: UInt64
    }

    init(_ configuration: Configuration, _ programs: Programs, _ options: Options) {
        var source = configuration.source
        source.patience = Reload.patience
        self.source = source
        modules = configuration.modules
        view = configuration.view
        state = ConfigState(
            tree: configuration.tree, settings: configuration.settings, evaluator: configuration.modules.evaluator)
        self.programs = programs
        self.options = options
    }

    /// [management] `core.reload`: answers when every worker has the new script, or when it is known why not.
    func begin(_ execution: Execution) -> Command.Outcome {
        guard !source.isGone else {
            return refuse("the config came by standard input: it cannot be read again", execution)
        }
        guard !isReading else { return refuse("a reload is in progress", execution) }
        let deferral = execution.deferAnswer(milliseconds: 0)
        guard deferral != 0 else { return .failed }
        let before = state
        let runVariables = programs.runVariables
        do throws(SystemError) {
            pthread_detach(
                try Threads.start(Reload.threadName) {
                    self.bringHome(self.read(before, runVariables), deferral)
                })
        } catch {
            return execution.fail(500, "no thread to read the config: \(error.text)")
        }
        isReading = true
        return .deferred
    }

    /// Before anything is read.
    private func refuse(_ text: String, _ execution: Execution) -> Command.Outcome {
        Log.error("the config is not reloaded: \(text)")
        return execution.fail(409, text)
    }

    /// [main] The server is about to stop its modules: no config is compiled from now on. What is being read may take its time, as a FIFO does.
    func end() { isEnding.withLock { $0 = true } }

    // MARK: - On the thread that reads

    private func read(_ before: ConfigState, _ runVariables: [String]) -> Outcome {
        let diagnostics = Diagnostics()
        let (tree, preprocessor): (Syntax.Tree, Preprocessor)
        do throws(StartFailure) { (tree, preprocessor) = try source.parse(options, diagnostics) } catch {
            return .refused(CommandFault(code: 400, error.text + ": nothing was changed"))
        }
        var outcome = Outcome.refused(Management.stopping)
        isEnding.withLock { isEnding in
            if !isEnding { outcome = compile(tree, preprocessor, before, runVariables, diagnostics) }
        }
        return outcome
    }

    /// What was read, held against what is in force.
    private func compile(
        _ tree: Syntax.Tree, _ preprocessor: Preprocessor, _ before: ConfigState, _ runVariables: [String],
        _ diagnostics: Diagnostics
    ) -> Outcome {
        let settings = Configuration.settings(of: tree, modules.registry, diagnostics)
        let after = ConfigState(
            tree: tree, settings: settings, evaluator: Modules.constants { preprocessor.evaluated($0) })
        // What needs a restart may be what the script's mistakes come from: a module that is not loaded yet.
        let differences = Diagnostics()
        differences.warningsAreErrors = options.warningsAreErrors
        var comparison = ConfigComparison(before, after, modules, options, differences, ProgramMemory())
        if !diagnostics.failed { comparison.compare() }
        if differences.failed {
            let isRestart = comparison.restarts > 0 && comparison.restarts == differences.errors
            return .refused(Reload.fault(isRestart ? 409 : 400, differences))
        }
        let program = Configuration.compile(
            tree, settings, modules, diagnostics, runVariables: runVariables)
        modules.texts = nil
        guard !diagnostics.failed, let program else { return .refused(Reload.fault(400, diagnostics)) }
        return .ready(program, after, comparison, remarks: differences.text + diagnostics.text)
    }

    /// What `apus -c` would print.
    private static func fault(_ code: Int, _ diagnostics: Diagnostics) -> CommandFault {
        CommandFault(code: code, diagnostics.text + diagnostics.summary + ": nothing was changed")
    }

    private func bringHome(_ outcome: Outcome, _ deferral: UInt64) {
        let mail = UnsafeMutablePointer<Mail>.allocate(capacity: 1)
        mail.initialize(
            to: Mail(
                node: MailNode(receive: Reload.arrived), reload: .passRetained(self), outcome: outcome,
                deferral: deferral))
        let node = UnsafeMutableRawPointer(mail).assumingMemoryBound(to: MailNode.self)
        // The server stops: nobody wants to know any more.
        if !modules.management.post(node) { _ = Reload.open(mail) }
    }

    private static func open(_ mail: UnsafeMutablePointer<Mail>) -> (Reload, Outcome, UInt64) {
        defer {
            mail.deinitialize(count: 1)
            mail.deallocate()
        }
        return (mail.pointee.reload.takeRetainedValue(), mail.pointee.outcome, mail.pointee.deferral)
    }

    // MARK: - On the management thread

    private static let arrived: Mailbox.Callback = { _, node in
        let (reload, outcome, deferral) = Reload.open(node.assumingMemoryBound(to: Mail.self))
        switch outcome {
        case .refused(let fault): reload.refuse(fault, deferral)
        case .ready(let program, let state, let comparison, let remarks):
            reload.put(program, state, comparison, remarks, deferral)
        }
    }

    private func refuse(_ fault: CommandFault, _ deferral: UInt64) {
        isReading = false
        let text = String(decoding: fault.text, as: UTF8.self)
        Log.error("the config is not reloaded, the server goes on as before")
        Reload.log(.error, text)
        answer(deferral) { $0.answer.fail(fault.code, text) }
    }

    private func put(
        _ program: Program, _ after: ConfigState, _ comparison: ConfigComparison, _ remarks: String, _ deferral: UInt64
    ) {
        guard let thread = ManagementThread.current else { return }
        do throws(Modules.ChangeRefusal) { try modules.change(comparison.changes) } catch {
            return refuse(CommandFault(code: 409, "\(error.text): nothing was changed"), deferral)
        }
        Reload.log(.warning, remarks)
        state = after
        view.settings = after.settings
        view.defines = after.tree.defines
        let names = comparison.names
        programs.put(program, on: thread) { entry in
            self.isReading = false
            let changed = names.isEmpty ? "nothing" : names.joined(separator: ", ")
            Log.notice("reloaded \(self.source.name): script \(entry.version) is in force; changed: \(changed)")
            self.answer(deferral) { execution in
                execution.answer.map {
                    execution.answer.add(entry.version, key: "version")
                    execution.answer.array(key: "changed") {
                        for name in names { execution.answer.add(name) }
                    }
                }
            }
        }
    }

    private func answer(_ deferral: UInt64, _ body: (Execution) -> Void) {
        guard let execution = modules.management.resume(deferral, owner: "core") else { return }
        body(execution)
        modules.management.finish(deferral, owner: "core")
    }

    /// Line by line.
    private static func log(_ level: LogLevel, _ text: String) {
        for line in text.split(separator: "\n") { Log.line(level) { $0.add(String(line)) } }
    }
}
