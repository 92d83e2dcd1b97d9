import PluginAPI

// Invariants: runs on the thread that reads the config again; what it reads of the registry and of the modules is constant since the start, but for
// the old config, which is the management thread's and is not replaced meanwhile.

/// A config as it was read: what the next one is held against.
struct ConfigState: @unchecked Sendable {
    let tree: Syntax.Tree
    let settings: Settings
    let evaluator: Modules.Evaluator
}

/// Holds a config against the one that the server runs with: what can follow while it runs, and what cannot. What cannot is an error at its place.
struct ConfigComparison {
    let old: ConfigState
    let new: ConfigState
    let modules: Modules
    let command: Options
    let diagnostics: Diagnostics
    /// Keeps the texts of values for as long as the comparison lasts.
    let memory: ProgramMemory
    /// Parameters that change, with the values that shall be in force.
    private(set) var changes: [Modules.Change] = []
    /// What is different, in the words of the config.
    private(set) var names: [String] = []
    /// Errors that a restart would mend; all others are mistakes.
    private(set) var restarts = 0

    /// Globals that are part of the compiled script.
    private static let compiled: Set<String> = [
        "max_recursive_level", "pv_buffer_size", "return_mode",
    ]

    init(
        _ old: ConfigState, _ new: ConfigState, _ modules: Modules, _ command: Options, _ diagnostics: Diagnostics,
        _ memory: ProgramMemory
    ) {
        self.old = old
        self.new = new
        self.modules = modules
        self.command = command
        self.diagnostics = diagnostics
        self.memory = memory
    }

    mutating func compare() {
        compareDialects()
        compareGlobals()
        compareListeners()
        compareModules()
        // Else each parameter of a module that is not loaded would be told of, too.
        if diagnostics.errors == 0 { compareParameters() }
        compareOwn()
        names += ScriptDifferences(old.tree, new.tree).names
    }

    // MARK: - What needs a restart

    /// - Parameters:
    ///   - range: in the new config; nil: it is gone from there.
    ///   - before: in the old one.
    private mutating func refuse(_ what: String, at range: SourceRange?, before: SourceRange? = nil) {
        restarts += 1
        var notes: [Diagnostic.Note] = []
        if range == nil, let before {
            notes.append(Diagnostic.Note("it stood at \(before.position) when the config was read last"))
        }
        diagnostics.error(
            "\(what), which needs a restart", at: range, hint: "`apusctl restart`, or put back what was there",
            notes: notes)
    }

    private mutating func compareDialects() {
        guard old.tree.dialect != new.tree.dialect else { return }
        refuse("the config's dialect is another one", at: new.tree.marker, before: old.tree.marker)
    }

    private mutating func compareGlobals() {
        let (before, after) = (old.settings, new.settings)
        for name in Set(before.values.keys).union(after.values.keys).sorted() {
            guard before.values[name] != after.values[name] else { continue }
            let place = after.ranges[name]
            if ConfigComparison.compiled.contains(name) {
                names.append(name)
            } else if let entry = CoreParameters.of(global: name) {
                let parameter = CoreParameters(entry, command: command)
                let value = parameter.initial(after)
                guard !value.isSame(as: parameter.initial(before)) else { continue }
                change(entry.group, entry.name, value, shown: name, at: place)
            } else if let global = Global.named[name], global.treatment == .effective {
                let was = before.values[name].map { "was \($0.text)" } ?? "was not set"
                refuse(
                    "`\(name)` is \(after.values[name]?.text ?? "not set any more"), \(was)", at: place,
                    before: before.ranges[name])
            }
        }
    }

    private mutating func compareListeners() {
        compare(
            "`listen`", old.settings.listeners.map { ($0.text, $0.range) },
            new.settings.listeners.map { ($0.text, $0.range) })
        compare(
            "`alias`", old.settings.aliases.map { ($0.text, $0.range) },
            new.settings.aliases.map { ($0.text, $0.range) })
    }

    private mutating func compareModules() {
        func loads(_ state: ConfigState) -> [(String, SourceRange)] {
            state.tree.statements.compactMap { statement in
                guard case .loadModule(let load) = statement else { return nil }
                guard load.isEvaluated else { return (load.module, load.path.range) }
                // Mistakes of the old config were told long ago.
                guard case .text(let text)? = state.evaluator(.text(load.path), Diagnostics()) else {
                    return (load.path.string, load.path.range)
                }
                return (Syntax.LoadModule.name(of: text.string), load.path.range)
            }
        }
        let (before, after) = (loads(old), loads(new))
        compare("module", before, after)
        guard Set(before.map(\.0)) == Set(after.map(\.0)) else { return }
        // The last one of two that have a function of the same name wins.
        if let (_, moved) = zip(before, after).first(where: { $0.0 != $1.0 }) {
            refuse("module `\(moved.0)` is loaded at another place", at: moved.1)
        }
    }

    /// Says what of a list is new, and what is gone.
    private mutating func compare(
        _ what: String, _ before: [(String, SourceRange)], _ after: [(String, SourceRange)]
    ) {
        for (text, range) in after where !before.contains(where: { $0.0 == text }) {
            refuse("\(what) \(text) is new", at: range)
        }
        for (text, range) in before where !after.contains(where: { $0.0 == text }) {
            refuse("\(what) \(text) is gone", at: nil, before: range)
        }
    }

    // MARK: - Parameters

    private mutating func compareParameters() {
        let before = given(by: old, Diagnostics())
        let after = given(by: new, diagnostics)
        for key in Set(before.keys).union(after.keys).sorted() {
            let (was, now) = (before[key] ?? [], after[key] ?? [])
            guard let last = now.last ?? was.last else { continue }
            let parameter = last.parameter
            let isSame =
                parameter.repeatable
                ? was.map(\.value.text) == now.map(\.value.text) : was.last?.value.text == now.last?.value.text
            guard !isSame else { continue }
            let name = "\(parameter.owner.name).\(parameter.name)"
            guard let number = modules.registry.changeable.number(parameter.owner.name, parameter.name) else {
                refuse(ConfigComparison.change(of: parameter, was, now), at: now.last?.range, before: was.last?.range)
                continue
            }
            let changeable = modules.registry.changeable.all[number]
            guard let written = now.last?.value.contract ?? parameter.standard(memory),
                let value = changeable.reading(written)
            else {
                restarts += 1
                diagnostics.error(
                    "\(parameter.title) is not set any more, and what it is then is known at a start only",
                    at: nil, hint: "write its default instead of leaving it out",
                    notes: was.last?.range.map {
                        [Diagnostic.Note("it stood at \($0.position) when the config was read last")]
                    } ?? [])
                continue
            }
            change(parameter.owner.name, parameter.name, value, shown: name, at: now.last?.range)
        }
    }

    private static func change(of parameter: ParameterDeclaration, _ was: [Modules.Given], _ now: [Modules.Given])
        -> String
    {
        guard !parameter.repeatable else { return "\(parameter.title) has other values" }
        let before = was.last.map { "was \($0.value.text)" } ?? "was not set"
        return "\(parameter.title) is \(now.last?.value.text ?? "not set any more"), \(before)"
    }

    /// By module and parameter, in the order of the config; the command line's stand last.
    private func given(by state: ConfigState, _ diagnostics: Diagnostics) -> [String: [Modules.Given]] {
        var given = modules.given(by: state.tree, state.settings, state.evaluator, diagnostics) { [memory] in
            memory.text($0).bytes
        }
        for text in command.moduleParameters {
            guard let (module, name, value) = try? Configuration.moduleParameter(text),
                let parameter = modules.registry.parameter(name, of: module)
            else { continue }
            given.append(Modules.Given(parameter: parameter, value: value, range: nil))
        }
        return Dictionary(grouping: given) { "\($0.parameter.owner.name):\($0.parameter.name)" }
    }

    /// `group.name = value` of the script's own.
    private mutating func compareOwn() {
        func own(_ state: ConfigState) -> [String: Settings.Custom] {
            let all = state.settings.custom.filter { modules.module(named: $0.group) == nil || $0.instance != nil }
            return Dictionary(all.map { ("\($0.groupText).\($0.name)", $0) }) { $1 }
        }
        let (before, after) = (own(old), own(new))
        for (name, parameter) in before.sorted(by: { $0.key < $1.key }) where after[name] == nil {
            guard parameter.instance != nil else {
                refuse("parameter `\(name)` is gone", at: nil, before: parameter.range)
                continue
            }
            change(parameter.groupText, parameter.name, .null, shown: name)
        }
        for (name, parameter) in after.sorted(by: { $0.key < $1.key }) {
            guard let number = modules.registry.changeable.number(parameter.group, parameter.name) else {
                refuse("parameter `\(name)` is new", at: parameter.range)
                continue
            }
            guard before[name]?.value != parameter.value else { continue }
            guard modules.registry.changeable.all[number].isNumber == parameter.value.isNumber else {
                refuse("parameter `\(name)` has another type", at: parameter.range)
                continue
            }
            guard let value = parameter.value.parameterValue({ [memory] in memory.text($0).bytes }).contract else {
                continue
            }
            change(
                parameter.groupText, parameter.name, value, shown: name, at: parameter.range,
                creates: parameter.instance != nil)
        }
    }

    /// Notes a change when the parameter takes the value.
    private mutating func change(
        _ group: String, _ name: String, _ value: apus_value, shown: String, at range: SourceRange? = nil,
        creates: Bool = false
    ) {
        guard let number = modules.registry.changeable.number(ConfigGroup(group).name, name) else { return }
        if !value.isNull, let mistake = modules.registry.changeable.all[number].mistake(in: value) {
            diagnostics.error("`\(shown)` \(mistake)", at: range)
            return
        }
        changes.append(Modules.Change(group: group, name: name, value: value, creates: creates))
        names.append(shown)
    }
}

extension apus_value {
    fileprivate func isSame(as other: apus_value) -> Bool {
        hasText == other.hasText && (hasText ? str.bytes == other.str.bytes : num == other.num)
    }
}

extension ParameterDeclaration.Value {
    /// As the contract has it.
    fileprivate var contract: apus_value? {
        switch self {
        case .number(let number): apus_value(number)
        case .text(let text): apus_value(apus_str(text))
        }
    }
}

extension ParameterDeclaration {
    /// What it is when the config does not set it; nil when only the module knows.
    fileprivate func standard(_ memory: ProgramMemory) -> apus_value? {
        guard into != nil else { return nil }
        if kind == .int { return apus_value(initial.flatMap { Keywords.number($0) ?? Int64($0) } ?? 0) }
        return apus_value(memory.text(initial ?? ""))
    }
}

extension Settings.Value {
    fileprivate var isNumber: Bool {
        if case .number = self { true } else { false }
    }

    /// As messages show it.
    fileprivate var text: String {
        switch self {
        case .number(let number): String(number)
        case .text(let text): "\"\(text)\""
        }
    }
}

extension Syntax.HostPattern {
    /// The same for two that mean the same.
    fileprivate var text: String {
        "\(transport.map { $0.rawValue + ":" } ?? "")\(host.text)\(port.map { ":\($0)" } ?? "")"
    }
}

extension Syntax.Listen {
    /// The same for two that mean the same.
    fileprivate var text: String {
        var text = "\(transport.map { $0.rawValue + ":" } ?? "")\(hosts.map(\.text).joined(separator: ","))"
        if let ports { text += ports.count == 1 ? ":\(ports.lowerBound)" : ":\(ports.lowerBound)-\(ports.upperBound)" }
        if let advertised { text += " advertise \(advertised.text)" }
        if let name { text += " name \"\(name.string)\"" }
        if isVirtual { text += " virtual" }
        if let group { text += " agname \"\(group.string)\"" }
        if let workers { text += " workers \(workers)" }
        if let vrf { text += " vrf \"\(vrf.string)\"" }
        return text
    }
}
