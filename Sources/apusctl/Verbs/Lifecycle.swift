import Glibc
import JSON

extension Verb {
    static let start = Verb(
        names: ["start"], group: .server, summary: "start the server in the background",
        details: """
            Runs `apus -P PID_FILE STARTOPTIONS` and waits until it is ready, or has said why
            it is not. APUS_BIN names another program.
            """
    ) { session throws(Failure) in
        try Lifecycle(session).start()
    }

    static let stop = Verb(
        names: ["stop"], group: .server, summary: "stop the server in order, and wait for its end"
    ) { session throws(Failure) in
        try Lifecycle(session).stop()
    }

    static let restart = Verb(
        names: ["restart"], group: .server, summary: "check the config, stop the server, start it again",
        details: "With a mistake in the config the running server goes on."
    ) { session throws(Failure) in
        let lifecycle = try Lifecycle(session)
        try lifecycle.check()
        if lifecycle.isRunning { try lifecycle.stop() }
        try lifecycle.start()
    }

    static let reload = Verb(
        names: ["reload"], group: .server, summary: "make the server read its config again, without an end of service",
        details: """
            Messages that come from now on go by the new config, what has begun ends by the
            old one. When it has mistakes, or changes what needs a restart, they are printed
            as `apus -c` prints them, nothing is changed, and the exit code is 1.
            """
    ) { session throws(Failure) in
        try session.refuseFIFO()
        do throws(Failure) { try session.show(session.call("core.reload", usually: 60)) } catch {
            // Lines for editors and people begin with the file.
            guard !session.json, case .refused(_, let text) = error, text.contains("\n") else { throw error }
            Output.complain(text.printable)
            throw .silent(exitCode: error.exitCode)
        }
    }
}

/// Starting and stopping by the file with the process id.
struct Lifecycle {
    private let session: Session
    private let pidFile: PIDFile
    private let program: String
    private let options: [String]
    /// Milliseconds for a start or an end.
    private let timeout: Int

    init(_ session: Session) throws(Failure) {
        self.session = session
        pidFile = PIDFile(session.pidFile)
        timeout = session.timeout(usually: 30)
        let beside = programFolder.map { $0 + "/apus" }
        program = session.settings["APUS_BIN"] ?? beside.flatMap { access($0, X_OK) == 0 ? $0 : nil } ?? "apus"
        let text = session.settings["STARTOPTIONS"] ?? ""
        guard let words = Lifecycle.words(text) else { throw .usage("STARTOPTIONS: a quote is open: \(text)") }
        options = words
    }

    var isRunning: Bool {
        if case .running = pidFile.state { return true }
        return false
    }

    /// Checks the config that a start would read.
    func check() throws(Failure) {
        let child = try Process(program, ["-c"] + options, quiet: true)
        guard let code = child.wait(timeout) else {
            child.end()
            throw .timeout("the check of the config takes longer than \(ControlDoor.seconds(timeout))")
        }
        if code != 0 { throw .refused("the config has mistakes, the server is left as it is: see \(program) -c") }
    }

    /// What such a check prints, with or without mistakes.
    /// - Parameter config: the file to check; nil: the one that a start would read.
    func checkReport(_ config: String?) throws(Failure) -> [String] {
        guard let file = tmpfile() else { throw .refused("no file for the check's words: \(systemError())") }
        defer { fclose(file) }
        let arguments = ["-c"] + (config.map { ["-f", $0] } ?? options)
        let child = try Process(program, arguments, quiet: false, output: fileno(file))
        guard child.wait(timeout) != nil else {
            child.end()
            throw .timeout("the check of the config takes longer than \(ControlDoor.seconds(timeout))")
        }
        rewind(file)
        return (readText(file) ?? "").split(separator: "\n").map { String($0) }
    }

    /// Whether a start would be told which config to read.
    var namesConfig: Bool { !options.isEmpty }

    func start() throws(Failure) {
        switch pidFile.state {
        case .running(let pid): throw .refused("PID file exists! (\(pidFile.path)) process \(pid) already running?")
        case .unreadable(let why): throw .refused("PID file exists! (\(pidFile.path)) \(why)")
        case .missing, .stale: break
        case .foreign: unlink(pidFile.path)
        }
        if !session.json { Output.write("Starting Apus : ") }
        let child: Process
        do { child = try Process(program, ["-P", pidFile.path] + options, quiet: false) } catch {
            endLine()
            throw error
        }
        guard let code = child.wait(timeout) else {
            child.end()
            endLine()
            throw .timeout(
                "the server is not ready after \(ControlDoor.seconds(timeout)), and was ended; does its config say fork=no?"
            )
        }
        guard code == 0, case .running(let pid) = pidFile.state else {
            endLine()
            throw .refused("the server has not started: exit code \(code)")
        }
        say("started pid(\(pid))", "started", pid)
    }

    func stop() throws(Failure) {
        let pid: pid_t
        switch pidFile.state {
        case .running(let running): pid = running
        case .missing: throw .unreachable("No PID file found! (\(pidFile.path)) Apus probably not running")
        default: throw .unreachable("Apus probably not running: \(Unreachable.process(pidFile.path))")
        }
        if !session.json { Output.write("Stopping Apus : ") }
        guard kill(pid, SIGTERM) == 0 else {
            endLine()
            throw .refused("process \(pid): \(systemError())")
        }
        let deadline = monotonicMilliseconds() + timeout
        while PIDFile.runs(pid) {
            guard monotonicMilliseconds() < deadline else {
                endLine()
                throw .timeout("process \(pid) still runs after \(ControlDoor.seconds(timeout))")
            }
            usleep(20_000)
        }
        say("stopped pid(\(pid))", "stopped", pid)
    }

    private func say(_ text: String, _ name: String, _ pid: pid_t) {
        if session.json { Output.json(.fields([(name, .int(Int64(pid)))])) } else { Output.line(text) }
    }

    private func endLine() { if !session.json { Output.line("failed") } }

    /// Words of a line as the shell takes them: blanks between, quotes around; nil when one stays open.
    static func words(_ text: String) -> [String]? {
        var words: [String] = []
        var word: String?
        var quote: Character?
        for letter in text {
            if letter == quote {
                quote = nil
            } else if quote == nil, letter == "\"" || letter == "'" {
                quote = letter
                word = word ?? ""
            } else if quote == nil, letter == " " || letter == "\t" {
                if let whole = word { words.append(whole) }
                word = nil
            } else {
                word = (word ?? "") + String(letter)
            }
        }
        if let whole = word { words.append(whole) }
        return quote == nil ? words : nil
    }
}
