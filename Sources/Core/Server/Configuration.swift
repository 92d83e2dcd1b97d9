import Glibc

/// A config, read and understood: settings, modules that have declared, the compiled script. Made on the main thread.
final class Configuration {
    let tree: Syntax.Tree
    let settings: Settings
    let modules: Modules
    let registry: Registry
    let statistics: Statistics
    let diagnostics: Diagnostics
    /// Nil when the config has mistakes.
    let program: Program?
    /// What commands see of it.
    let view: ServerView
    /// The text after includes and conditionals, for `--cfg-print`.
    let printout: [UInt8]

    /// Reads the config that the options name; every mistake is in `diagnostics`.
    /// - Throws: when there is nothing to read.
    init(_ options: Options) throws(StartFailure) {
        let source = try Configuration.read(options)
        diagnostics = Diagnostics()
        diagnostics.warningsAreErrors = options.warningsAreErrors
        diagnostics.wantsStyle = options.wantsStyle
        let preprocessor = Preprocessor(diagnostics: diagnostics, version: Version.numbers)
        if options.action == .printConfig { preprocessor.printout = [] }
        for define in options.defines { preprocessor.defineFromCommandLine(define) }
        for substitution in options.substitutions {
            let kinds: [String: Preprocessor.DefineKind] = ["substdef": .plain, "substdefs": .quoted]
            preprocessor.substituteFromCommandLine(substitution.text, defines: kinds[substitution.kind])
        }
        tree = Parser.parse(source, preprocessor: preprocessor)
        printout = preprocessor.printout ?? []
        registry = Registry()
        statistics = Statistics()
        modules = Configuration.modules(options, registry, statistics, diagnostics)
        do {
            try CoreFunctions.declare(in: registry, owner: modules.core.declarer)
            try CoreVariables.declare(in: registry, owner: modules.core.declarer)
            try Transformations.declare(in: registry)
        } catch {
            throw StartFailure(code: 1, text: "the core's own declarations clash: \(error.text)")
        }
        view = ServerView(options, statistics, modules)
        view.defines = tree.defines
        HeapFigures.declare(in: statistics)
        do {
            try CoreCommands.declare(in: modules.management, view)
            try CoreForms.declare(in: modules)
        } catch {
            throw StartFailure(code: 1, text: "the core's own declarations clash: \(error.text)")
        }
        modules.evaluator = Modules.constants { preprocessor.evaluated($0) }
        modules.dialect = tree.dialect
        for name in options.loadModules { modules.load(name, at: nil) }
        modules.load(tree)
        let registry = registry
        settings = Settings.build(tree, diagnostics: diagnostics) { name in
            registry.parameters.filter { $0.value.contains { $0.name == name } }.map(\.key).sorted()
        }
        view.settings = settings
        modules.apply(settings)
        CoreParameters.declare(in: registry, settings, command: options, modules)
        CoreParameters.declareOwn(settings, in: registry, modules)
        for text in options.moduleParameters { try Configuration.set(text, in: modules) }
        let modules = modules
        // Hosts are asked of the listeners once they are open.
        program = Program.compile(
            tree, settings: settings, registry: registry, diagnostics: diagnostics,
            isMyself: { host, port in ScriptEnvironment.current.isMyself(host, port) },
            resolve: { ListenerSet.addresses(of: $0) }, begun: { modules.texts = $0 })
    }

    /// `--modparam=module:name:s|i:value`; stands behind the config's own, since the command line wins.
    private static func set(_ text: String, in modules: Modules) throws(StartFailure) {
        let parts = text.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
        var value: ParameterDeclaration.Value?
        if parts.count == 4, parts[2] == "s" { value = .text(PermanentText.bytes(parts[3])) }
        if parts.count == 4, parts[2] == "i" { value = Int64(parts[3]).map { .number($0) } }
        guard let value else {
            throw StartFailure(code: 1, text: "--modparam=\(text): write module:name:s:text or module:name:i:number")
        }
        modules.set(parts[0], parts[1], value, at: nil)
    }

    /// No module yet, but the folders to look for them in.
    static func modules(
        _ options: Options, _ registry: Registry, _ statistics: Statistics, _ diagnostics: Diagnostics
    ) -> Modules {
        var path = SearchPath.standard
        path.commandLine = SearchPath.folders(in: options.modulePath ?? "")
        return Modules(registry: registry, statistics: statistics, diagnostics: diagnostics, path: path)
    }

    private static func read(_ options: Options) throws(StartFailure) -> Source {
        let path = options.configPath ?? defaultPath()
        switch FileAccess.readFile(path) {
        case .success(let bytes): return Source(name: path == "-" ? "<stdin>" : path, bytes: bytes)
        case .failure(let failure):
            throw StartFailure(code: 1, text: "cannot read the config \(path): \(failure.text)")
        }
    }

    /// Where `make install` puts it, beside the program's folder.
    private static func defaultPath() -> String {
        let program = FileSystem.realPath("/proc/self/exe") ?? ""
        let prefix = FileSystem.parent(of: FileSystem.parent(of: program))
        return "\(prefix)/etc/apus/apus.cfg"
    }
}
