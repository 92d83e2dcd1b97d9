import PluginAPI

/// Binds names: to what Core and the loaded modules have declared, to the script's own routes and flags. Reports every name that
/// means nothing, with what was probably meant.
final class Binder {
    let tree: Syntax.Tree
    let settings: Settings
    let registry: Registry
    let diagnostics: Diagnostics
    let memory: ProgramMemory
    let routes: RouteTable
    let runVariables: RunVariableNumbers
    /// What is bound stands where the request cannot have a transaction yet.
    var isBeforeTransaction = false
    /// Bare names that were taken for AVPs, each remarked on once.
    private var guessedAVPs: Set<String> = []
    /// Of the route whose statements are bound.
    var route = 0
    /// Where `$var`s are read and written.
    private(set) var runVariableUses: [RunVariableUse] = []
    /// Pseudo-variables inside of each other's names and indexes, while one is bound.
    var variableDepth = 0
    static let variableLimit = 32
    /// Modules may look at what is bound: not in a text that a worker compiles while the script runs.
    let isCompiling: Bool

    /// - Parameter runVariables: names that have the first numbers.
    convenience init(
        tree: Syntax.Tree, settings: Settings, registry: Registry, diagnostics: Diagnostics, runVariables: [String] = []
    ) {
        self.init(
            tree: tree, settings: settings, registry: registry, diagnostics: diagnostics, memory: ProgramMemory(),
            routes: RouteTable(tree, diagnostics: diagnostics),
            runVariables: RunVariableNumbers(names: runVariables, initial: registry.initialValues))
    }

    private init(
        tree: Syntax.Tree, settings: Settings, registry: Registry, diagnostics: Diagnostics, memory: ProgramMemory,
        routes: RouteTable, runVariables: RunVariableNumbers, isCompiling: Bool = true
    ) {
        self.isCompiling = isCompiling
        self.tree = tree
        self.settings = settings
        self.registry = registry
        self.diagnostics = diagnostics
        self.memory = memory
        self.routes = routes
        self.runVariables = runVariables
    }

    /// The name of a pseudo-variable, dots included.
    func isVariable(_ name: String) -> Bool { registry.variables[name] != nil }

    /// A binder for texts that modules compile when they start: mistakes and memory are the caller's.
    func forParameters(_ diagnostics: Diagnostics, _ memory: ProgramMemory) -> Binder {
        Binder(
            tree: tree, settings: settings, registry: registry, diagnostics: diagnostics, memory: memory,
            routes: routes,
            runVariables: runVariables)
    }

    /// A binder for a text that is made while the script runs. On any thread, since it changes nothing of what others read.
    func forRunTime(_ diagnostics: Diagnostics, _ memory: ProgramMemory) -> Binder {
        Binder(
            tree: tree, settings: settings, registry: registry, diagnostics: diagnostics, memory: memory,
            routes: routes, runVariables: runVariables.asTheyAre, isCompiling: false)
    }

    func note(_ variable: CompiledVariable, _ purpose: Purpose, at range: SourceRange) {
        guard isCompiling, variable.innerFormat == nil, CoreVariables.isKeptByRun(variable) else { return }
        runVariableUses.append(
            RunVariableUse(
                name: runVariables.names[Int(variable.innerID)], isWrite: purpose == .write, range: range, route: route)
        )
    }

    /// Says once per name that `$name` is read as an AVP.
    func remarkAVP(_ name: Syntax.Name) {
        guard guessedAVPs.insert(name.text).inserted else { return }
        if let near = Suggest.nearest(to: name.text, among: registry.variables.keys), name.text.utf8.count > 1,
            Suggest.distance(Array(name.text.utf8), Array(near.utf8), limit: 1) != nil
        {
            diagnostics.warning(
                "`$\(name.text)` is no pseudo-variable and is taken for an AVP", at: name.range,
                hint: "did you mean `$\(near)`? For an AVP write `$avp(\(name.text))`")
        } else {
            diagnostics.notice(
                "`$\(name.text)` is taken for an AVP", at: name.range, hint: "write `$avp(\(name.text))`")
        }
    }

    /// A declared flag's number, or a number from 0 to 31.
    func flag(named name: String) -> Int? {
        if let number = settings.flags[name] { return number }
        guard let number = Int(name), (0...31).contains(number) else { return nil }
        return number
    }
}
