import PluginAPI

/// Everything that scripts can name: what Core and the loaded modules have declared. Filled on the main thread, in the order of
/// the `loadmodule` lines, then constant.
final class Registry: @unchecked Sendable {
    private(set) var functions: [String: [FunctionDeclaration]] = [:]
    private(set) var variables: [String: VariableDeclaration] = [:]
    private(set) var selects: [String: SelectDeclaration] = [:]
    /// By `class.operation`.
    private(set) var transformations: [String: TransformationDeclaration] = [:]
    /// Module name → its parameters, in the order of declaration.
    private(set) var parameters: [String: [ParameterDeclaration]] = [:]
    private(set) var events: [EventDeclaration] = []
    /// What may change while the server runs: of modules, of the core, of the script.
    let changeable = ChangeableParameters()
    /// What a `$var` that is no number 0 is at the start of each run, by name; texts live for ever.
    var initialValues: [String: apus_value] = [:]
    /// Other names for AVPs: what `$avp(alias)` means.
    var avpAliases: [String: String] = [:]
    /// Names of the modules loaded so far, in order.
    private(set) var modules: [String] = []

    /// Why a declaration was refused, in words for the module's author.
    struct Refusal: Error {
        let text: String
    }

    func add(module name: String) {
        modules.append(name)
    }

    /// Refused when the same module declares the name for the same number of arguments twice. The declaration of another
    /// module is put behind: the one loaded last wins.
    /// - Returns: the module whose function of that name and count is hidden from now on, if any.
    @discardableResult
    func add(_ function: FunctionDeclaration) throws(Refusal) -> Declarer? {
        let others = functions[function.name, default: []]
        let clash = others.first { $0.signature.counts.overlaps(function.signature.counts) }
        if let clash, clash.owner === function.owner {
            throw Refusal(
                text: "\(function.usage) is declared twice: \(clash.usage) takes the same number of arguments")
        }
        functions[function.name] = [function] + others
        return clash?.owner
    }

    func add(_ variable: VariableDeclaration) throws(Refusal) {
        if let other = variables[variable.name] {
            throw Refusal(text: "pseudo-variable $\(variable.name) is declared by \(other.owner.name) already")
        }
        variables[variable.name] = variable
    }

    func add(_ select: SelectDeclaration) throws(Refusal) {
        if SelectPath.names.contains(select.name) { throw Refusal(text: "select @\(select.name) is the server's own") }
        if let other = selects[select.name] {
            throw Refusal(text: "select @\(select.name) is declared by \(other.owner.name) already")
        }
        selects[select.name] = select
    }

    func add(_ transformation: TransformationDeclaration) throws(Refusal) {
        guard transformations.updateValue(transformation, forKey: transformation.name) == nil else {
            throw Refusal(text: "transformation {\(transformation.name)} is declared twice")
        }
    }

    func add(_ parameter: ParameterDeclaration) throws(Refusal) {
        if self.parameter(parameter.name, of: parameter.owner.name) != nil {
            throw Refusal(text: "parameter \(parameter.name) is declared twice")
        }
        parameters[parameter.owner.name, default: []].append(parameter)
    }

    /// - Returns: the event's id.
    func add(
        event name: String, doc: String, owner: Declarer, isWhole: Bool = false, mayWait: Bool = true
    ) throws(Refusal) -> Int {
        let full = isWhole ? name : owner.name + ":" + name
        if events.contains(where: { $0.name == full }) { throw Refusal(text: "event \(full) is declared twice") }
        events.append(EventDeclaration(owner: owner, name: full, doc: doc, id: events.count, mayWait: mayWait))
        return events.count - 1
    }

    /// The functions of that name, the one to prefer first.
    func functions(named name: String) -> [FunctionDeclaration] { functions[name] ?? [] }

    func variable(named name: String) -> VariableDeclaration? { variables[name] }

    func parameter(_ name: String, of module: String) -> ParameterDeclaration? {
        parameters[module]?.first { $0.name == name }
    }

    func event(named name: String) -> EventDeclaration? { events.first { $0.name == name } }
}
