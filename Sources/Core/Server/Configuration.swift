import Glibc

/// A config, read and understood: settings, modules that have declared, the compiled script. Made on the main thread.
final class Configuration {
    var source: ConfigSource
    let tree: Syntax.Tree
    let settings: Settings
    let modules: Modules
    let registry: Registry
    let statistics: Statistics
    let diagnostics: Diagnostics
    private var program: Program?
    /// What commands see of it.
    let view: ServerView
    /// The text after includes and conditionals, for `--cfg-print`.
    let printout: [UInt8]

    /// Reads the config that the options name; every mistake is in `diagnostics`.
    /// - Throws: when there is nothing to read.
    init(_ options: Options) throws(StartFailure) {
        source = ConfigSource(options)
        diagnostics = Diagnostics()
        let preprocessor: Preprocessor
        (tree, preprocessor) = try source.parse(options, diagnostics, prints: options.action == .printConfig)
        printout = preprocessor.printout ?? []
        registry = Registry()
        statistics = Statistics()
        modules = Configuration.modules(options, registry, statistics, diagnostics)
        do {
            try CoreFunctions.declare(in: registry, owner: modules.core.declarer)
            try CoreVariables.declare(in: registry, owner: modules.core.declarer)
            try Transformations.declare(in: registry)
            try CoreEvents.declare(in: registry, owner: modules.core.declarer)
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
        settings = Configuration.settings(of: tree, registry, diagnostics)
        view.settings = settings
        modules.apply(settings)
        CoreParameters.declare(in: registry, settings, command: options, modules)
        CoreParameters.declareOwn(settings, in: registry, modules)
        for text in options.moduleParameters {
            let (module, name, value) = try Configuration.moduleParameter(text)
            modules.set(module, name, value, at: nil)
        }
        program = Configuration.compile(tree, settings, modules, diagnostics)
    }

    static func settings(of tree: Syntax.Tree, _ registry: Registry, _ diagnostics: Diagnostics) -> Settings {
        Settings.build(tree, diagnostics: diagnostics) { name in
            registry.parameters.filter { $0.value.contains { $0.name == name } }.map(\.key).sorted()
        }
    }

    /// The compiled script; nil when the config has mistakes. Whoever takes it has it alone.
    func takeProgram() -> Program? {
        defer { program = nil }
        return program
    }

    /// Compiles a config against what the core and the loaded modules have declared.
    /// - Parameter runVariables: see Program.compile.
    static func compile(
        _ tree: Syntax.Tree, _ settings: Settings, _ modules: Modules, _ diagnostics: Diagnostics,
        runVariables: [String] = []
    ) -> Program? {
        // Hosts are asked of the listeners once they are open.
        Program.compile(
            tree, settings: settings, registry: modules.registry, diagnostics: diagnostics,
            isMyself: { host, port in ScriptEnvironment.current.isMyself(host, port) },
            resolve: { ListenerSet.addresses(of: $0) }, runVariables: runVariables, begun: { modules.texts = $0 })
    }

    /// `--modparam=module:name:s|i:value`; stands behind the config's own, since the command line wins.
    static func moduleParameter(
        _ text: String
    ) throws(StartFailure) -> (module: String, name: String, value: ParameterDeclaration.Value) {
        let parts = text.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
        var value: ParameterDeclaration.Value?
        if parts.count == 4, parts[2] == "s" { value = .text(PermanentText.bytes(parts[3])) }
        if parts.count == 4, parts[2] == "i" { value = Int64(parts[3]).map { .number($0) } }
        guard let value else {
            throw StartFailure(code: 1, text: "--modparam=\(text): write module:name:s:text or module:name:i:number")
        }
        return (parts[0], parts[1], value)
    }

    /// No module yet, but the folders to look for them in.
    static func modules(
        _ options: Options, _ registry: Registry, _ statistics: Statistics, _ diagnostics: Diagnostics
    ) -> Modules {
        var path = SearchPath.standard
        path.commandLine = SearchPath.folders(in: options.modulePath ?? "")
        return Modules(registry: registry, statistics: statistics, diagnostics: diagnostics, path: path)
    }
}
