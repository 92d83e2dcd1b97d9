import Glibc

/// The program: command line to exit code.
public enum Apus {
    /// - Parameters:
    ///   - revision: of the source, as `git describe` has it; empty when the build does not know.
    ///   - epoch: seconds since 1970 of the source's last change; empty when not known.
    public static func main(revision: String, epoch: String) {
        Version.take(revision: revision, epoch: epoch)
        exit(run(CommandLine.arguments))
    }

    private static func run(_ arguments: [String]) -> Int32 {
        let options: Options
        do { options = try Options(arguments) } catch {
            complain("apus: \(error.text)\n\(Options.usage)")
            return 1
        }
        switch options.action {
        case .help:
            say(Options.usage)
            return 0
        case .version:
            say(Version.report + "\n")
            return 0
        case .describe(let name): return describe(name, options)
        case .check, .printConfig, .serve: break
        }
        do {
            let configuration = try Configuration(options)
            if options.action == .printConfig { return printOut(configuration) }
            if options.action == .check { return check(configuration, options) }
            return try serve(configuration, options)
        } catch {
            complain(error.text.hasSuffix("\n") ? error.text : error.text + "\n")
            return error.code
        }
    }

    private static func check(_ configuration: Configuration, _ options: Options) -> Int32 {
        let diagnostics = configuration.diagnostics
        ListenAddresses(configuration.settings, options).check(diagnostics)
        say(
            options.json
                ? diagnostics.json
                : diagnostics.text + MigrationSummary(configuration).text + diagnostics.summary + "\n")
        return diagnostics.failed ? 1 : 0
    }

    private static func printOut(_ configuration: Configuration) -> Int32 {
        say(String(decoding: configuration.printout, as: UTF8.self))
        if configuration.diagnostics.failed { complain(configuration.diagnostics.text) }
        return configuration.diagnostics.failed ? 1 : 0
    }

    private static func describe(_ name: String?, _ options: Options) -> Int32 {
        let modules = Configuration.modules(options, Registry(), Statistics(), Diagnostics())
        guard let name else {
            say(ModuleReport.list(modules))
            return 0
        }
        if let text = ModuleReport.describe(name, modules) {
            say(text)
            return 0
        }
        complain(modules.diagnostics.text)
        return 1
    }

    private static func serve(_ configuration: Configuration, _ options: Options) throws(StartFailure) -> Int32 {
        let diagnostics = configuration.diagnostics
        guard !diagnostics.failed, let programs = configuration.takeProgram().map({ Programs($0) }) else {
            complain(diagnostics.text + diagnostics.summary + "\n")
            return 1
        }
        if !diagnostics.ordered.isEmpty { complain(diagnostics.text) }
        Signals.block()
        var parent: Daemon.Parent?
        if options.foreground == .no, configuration.settings.isOn("fork") {
            do {
                switch try Daemon.fork() {
                case .parent(let child): return child.wait()
                case .child(let side): parent = side
                }
            } catch {
                throw StartFailure(code: 2, text: "cannot fork: \(error.text)")
            }
        }
        Logging.start(configuration.settings, options, inBackground: parent != nil)
        let server = Server(configuration, programs, options)
        do throws(StartFailure) {
            try server.run { parent?.tell(0) }
        } catch {
            // The child may have lost its terminal already; before that the reason reaches whoever started the server.
            complain(error.text.hasSuffix("\n") ? error.text : "apus: \(error.text)\n")
            parent?.tell(error.code)
            return error.code
        }
        return 0
    }

    private static func say(_ text: String) { put(text, STDOUT_FILENO) }
    private static func complain(_ text: String) { put(text, STDERR_FILENO) }

    private static func put(_ text: String, _ file: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            if written < 0, errno != EINTR { return }
            rest = rest.dropFirst(max(0, written))
        }
    }
}
