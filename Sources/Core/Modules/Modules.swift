import PluginAPI
import Synchronization

// Invariants: one for a server (or a test), made and used on the main thread; `shared` is what workers see of it. It is
// never freed: loaded modules are never unloaded and keep pointers into it.

/// The modules of a server: finds and loads them, sets their parameters, starts and stops them.
///
/// The order of a start: `load(_:)` with the whole config (in which modules declare), the compiler, `install(_:)`,
/// `start()`, `makeWorkers(_:)`, on each worker `startWorker(_:)`, `raise(.ready)` … on each worker `endWorker(_:)`,
/// `stop()`.
final class Modules {
    let registry: Registry
    let statistics: Statistics
    let diagnostics: Diagnostics
    var path: SearchPath
    let shared: UnsafeMutablePointer<HostShared>
    /// In the order of their loadmodule lines.
    private(set) var all: [LoadedModule] = []
    /// Names that were asked for and could not be loaded: what the config says about them is not reported once more.
    var refused: Set<String> = []
    /// Those of them that no file was found for, in the order of the config.
    var missing: [String] = []
    var interfaces = PublishedAPIs()
    /// Commands for operators.
    let management = Management()
    /// Threads that modules have for themselves.
    let threads = OwnThreads()
    /// What modules keep in databases.
    let databases: Databases
    /// What each parameter was set to, with the place; the last one of each.
    var settings: [String: ParameterSetting] = [:]
    /// Fills in the variables of `loadmodulex` paths and `modparamx` values.
    var evaluator: Evaluator = Modules.constants(Modules.environmentFilledIn)
    /// Compiles texts for modules; set when the script's compiling begins.
    var texts: ModuleTexts?
    /// The value of a global parameter of the core, for `config->core`.
    var coreSettings: ((String) -> Settings.Value?)?
    /// Absolute; empty when the config came by standard input. For `config->file`.
    var configFile = Bytes.empty
    /// Of the config, for `config->dialect`.
    var dialect = Syntax.Dialect.maximal
    private var coreTexts: [String: Bytes] = [:]
    /// Texts that parameters were changed to, and their bytes; the management thread's.
    var changedTexts: [String: Bytes] = [:]
    var changedTextBytes = 0
    private var subscriptions: [CoreEvent: [Subscription]] = [:]
    /// In which `start` ran, for `stop`.
    var started: [LoadedModule] = []

    /// What the config's parameters are set to.
    struct ParameterSetting {
        let value: String
        let range: SourceRange?
    }

    /// The value of a text with variables in the config, evaluated once; nil with a diagnostic when it cannot be.
    typealias Evaluator = (Evaluated, Diagnostics) -> ParameterDeclaration.Value?

    enum Evaluated {
        case text(Syntax.Text)
        case variable(Syntax.Variable)
    }

    /// What the core tells modules that subscribe.
    enum CoreEvent: String, CaseIterable {
        /// Listeners are open and every worker has started.
        case ready = "core:ready"
        /// SIGHUP arrived.
        case reload = "core:reload"
    }

    private struct Subscription {
        let host: UnsafePointer<apus_host>
        let call: @convention(c) (UnsafePointer<apus_host>, UnsafeMutableRawPointer?) -> Void
        let user: UnsafeMutableRawPointer?
    }

    init(
        registry: Registry, statistics: Statistics = Statistics(), diagnostics: Diagnostics,
        path: SearchPath = .standard
    ) {
        self.registry = registry
        self.statistics = statistics
        databases = Databases(statistics)
        self.diagnostics = diagnostics
        self.path = path
        shared = .allocate(capacity: 1)
        shared.initialize(to: HostShared(modules: Unmanaged.passUnretained(self)))
        _ = Unmanaged.passRetained(self)
    }

    /// Who declares Core's own functions and variables.
    private(set) lazy var core: LoadedModule = LoadedModule(
        ModuleDescription(name: "core", version: "", summary: "", needs: []), file: "", aliases: [], statement: nil,
        shared: shared)

    func add(_ module: LoadedModule) {
        all.append(module)
        registry.add(module: module.name)
    }

    func module(named name: String) -> LoadedModule? { all.first { $0.name == name } }

    // MARK: - For the hosts

    /// A function of one module hides another's of the same name and number of arguments.
    func note(_ function: FunctionDeclaration, hides other: Declarer, _ module: LoadedModule) {
        diagnostics.warning(
            "`\(function.name)` of module \(module.name) takes the place of the one of \(other.name)",
            at: module.statement, hint: "the module that is loaded last wins")
    }

    func declare(
        _ facts: (group: String, name: String, doc: String), _ kind: Statistics.Kind, _ module: LoadedModule
    ) throws(Registry.Refusal) -> UInt32 {
        guard let id = statistics.declare(facts.group, facts.name, facts.doc, kind: kind) else {
            throw Registry.Refusal(text: "there are \(Statistics.capacity) statistics already")
        }
        module.add(statistic: facts.group, facts.name, facts.doc)
        return id.index + 1
    }

    func subscribe(
        to event: CoreEvent, _ host: UnsafePointer<apus_host>,
        _ call: @escaping @convention(c) (UnsafePointer<apus_host>, UnsafeMutableRawPointer?) -> Void,
        _ user: UnsafeMutableRawPointer?
    ) {
        subscriptions[event, default: []].append(Subscription(host: host, call: call, user: user))
    }

    /// Calls whoever subscribed, in the order of subscription. On the main thread.
    func raise(_ event: CoreEvent) {
        for one in subscriptions[event] ?? [] { one.call(one.host, one.user) }
    }

    /// A global parameter of the core; texts live for ever.
    func coreSetting(_ name: String) -> apus_value? {
        switch coreSettings?(name) {
        case nil: return nil
        case .number(let number): return apus_value(number)
        case .text(let text):
            if let known = coreTexts[name] { return apus_value(apus_str(known)) }
            let made = PermanentText.bytes(text)
            coreTexts[name] = made
            return apus_value(apus_str(made))
        }
    }

    // MARK: - The script

    /// The script that modules see while they start.
    func install(_ image: UnsafePointer<ProgramImage>) { shared.pointee.image = image }

    /// The modules have started: the workers have the script, and nothing is compiled for modules until the config is read again.
    func endStart() {
        shared.pointee.image = nil
        texts = nil
    }
}
