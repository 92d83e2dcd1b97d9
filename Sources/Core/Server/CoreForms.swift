import Glibc
import PluginAPI

// Invariants: what is read of Modules here is set before the management thread starts, and constant from then on; it outlives that thread.

/// Commands of the core as SER's FIFO and OpenSER's management interface knew them. Their structured kin are in CoreCommands.
enum CoreForms {
    static func declare(in modules: Modules) throws(CommandRegistry.Refusal) {
        let server = FormFacts(modules: modules)
        let clock = StartClock()
        let forms = Forms(registry: modules.management.commands)
        try declareTimes(forms, clock)
        try declareProcess(forms, server)
        try forms.add("ps") { language in
            ServerThread.all(server.listeners).enumerated().map { index, thread in
                language == .ser
                    ? "\(index)\t\(thread.id)\t\(thread.seedDescription)"
                    : "Process::  ID=\(index) PID=\(thread.id) Type=\(thread.seedDescription)"
            }
        }
        try forms.addCommand("debug", .mi, "") { CoreForms.level($0, server) }
        try forms.add("which") { language in server.commands.names(in: language) }
    }

    private static func declareTimes(_ forms: Forms, _ clock: StartClock) throws(CommandRegistry.Refusal) {
        try forms.add("version") { language in
            ["Server:\(language == .ser ? "" : ":") \(Version.product)"]
        }
        try forms.add("uptime") { language in
            let now = time(nil)
            return language == .ser
                ? [
                    "Now: \(StartClock.text(now))", "Up Since: \(StartClock.text(clock.began))",
                    "Up time: \(clock.seconds) [sec]",
                ]
                : [
                    "Now:: \(StartClock.text(now))", "Up since:: \(StartClock.text(clock.began))",
                    "Up time:: \(clock.seconds) [sec]",
                ]
        }
    }

    private static func declareProcess(_ forms: Forms, _ server: FormFacts) throws(CommandRegistry.Refusal) {
        try forms.add("arg") { _ in CommandLine.arguments }
        try forms.add("pwd") { (language) throws(CommandFault) in
            guard let path = getcwd(nil, 0) else { throw CommandFault(code: 500, "getcwd failed") }
            defer { free(path) }
            return [(language == .ser ? "" : "WD:: ") + String(cString: path)]
        }
        try forms.addCommand("kill", .ser, "") {
            CoreForms.kill($0, server, "200 killing now...")
        }
        try forms.addCommand("kill", .mi, "") { CoreForms.kill($0, server, "200 OK") }
        try forms.addCommand("print", .ser, "line") { execution in
            let text = String(decoding: execution.arguments.first?.text ?? [], as: UTF8.self)
            guard !text.isEmpty, text.utf8.count <= 256 else {
                execution.answer.fail(400, text.isEmpty ? "text expected" : "text too long")
                return .failed
            }
            // Whoever waits for no reply wants it in the log.
            if !execution.request.isHeard { Log.notice("\(execution.request.door): \(text)") }
            execution.answer.add("200 ok")
            execution.answer.add(text)
            return .done
        }
    }

    /// Shows the log's level, or changes it.
    private static func level(_ execution: Execution, _ server: FormFacts) -> Command.Outcome {
        let changeable = server.modules.registry.changeable
        guard execution.arguments.count <= 1, let place = changeable.number("core", "debug") else {
            return execution.fail(400, "Too many arguments")
        }
        if let wanted = execution.arguments.first {
            guard case .value(_, let number?) = wanted else { return execution.fail(400, "Bad parameter") }
            let change = Modules.Change(group: "core", name: "debug", value: apus_value(number))
            do { try server.modules.change([change]) } catch { return execution.fail(400, error.text) }
        }
        execution.answer.add("200 OK")
        execution.answer.add("DEBUG:: \(changeable.all[place].value.num)")
        return .done
    }

    /// Ends the server as SIGTERM does, after the reply, unless `fifo_kill` says no.
    private static func kill(_ execution: Execution, _ server: FormFacts, _ status: String) -> Command.Outcome {
        if case .number(0)? = server.setting("fifo_kill") {
            execution.answer.fail(403, "fifo_kill is off")
            return .failed
        }
        Log.notice("\(execution.request.door): killed by \(execution.request.peer)")
        execution.answer.add(status)
        Glibc.kill(getpid(), SIGTERM)
        return .done
    }
}

/// What the forms tell of the server.
private struct FormFacts: @unchecked Sendable {
    unowned let modules: Modules

    var commands: CommandRegistry { modules.management.commands }
    var listeners: ListenerSet { modules.shared.pointee.listeners.set?.takeUnretainedValue() ?? ListenerSet([]) }
    func setting(_ name: String) -> Settings.Value? { modules.coreSettings?(name) }
}

/// Declares forms.
private struct Forms {
    let registry: CommandRegistry

    /// A form that answers lines, in both languages.
    func add(
        _ name: String, _ lines: @escaping @Sendable (TextLanguages) throws(CommandFault) -> [String]
    ) throws(CommandRegistry.Refusal) {
        for language in TextLanguages.all {
            try addCommand(name, language, "") { execution in
                do throws(CommandFault) {
                    let lines = try lines(language)
                    execution.answer.add(language == .ser ? "200 ok" : "200 OK")
                    for line in lines { execution.answer.add(line) }
                    return .done
                } catch {
                    execution.answer.fail(error.code, String(decoding: error.text, as: UTF8.self))
                    return .failed
                }
            }
        }
    }

    func addCommand(
        _ name: String, _ language: TextLanguages, _ shape: String,
        call: @escaping @Sendable (Execution) -> Command.Outcome
    ) throws(CommandRegistry.Refusal) {
        guard let form = TextForm(language, shape) else {
            throw CommandRegistry.Refusal(text: "the arguments of the form \(name) are none")
        }
        try registry.add(.form(name, form, owner: "core", call: call))
    }
}

/// When the server started.
private struct StartClock {
    let began = time(nil)
    private let started = Syscalls.monotonicNanoseconds()

    var seconds: UInt64 { (Syscalls.monotonicNanoseconds() - started) / 1_000_000_000 }

    /// As ctime writes it, in local time.
    static func text(_ seconds: time_t) -> String {
        var seconds = seconds
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            guard let start = buffer.baseAddress, ctime_r(&seconds, start) != nil else { return "" }
            return String(String(cString: start).prefix { $0 != "\n" })
        }
    }
}
