import PluginAPI

/// `modparam`: which modules are meant, whether they have the parameter, whether the value fits.
extension Modules {
    /// One assignment to the parameters of one or more modules, wherever it comes from: a statement, the command line,
    /// an old global.
    private struct Assignment {
        let pattern: String
        /// Where a byte of the pattern was written.
        let place: (Range<Int>) -> SourceRange?
        let name: String
        let nameRange: SourceRange?
        let value: ParameterDeclaration.Value
        let valueRange: SourceRange?
        let range: SourceRange?
    }

    /// Puts a text where a parameter's value may point to it.
    typealias Keep = ([UInt8]) -> Bytes

    /// - Parameter loadedLater: loadmodule statements that follow this one, for a hint.
    func set(_ statement: Syntax.ModuleParameter, loadedLater: [Syntax.LoadModule] = []) {
        guard let assignment = assignment(statement, evaluator, diagnostics, PermanentText.bytes) else { return }
        set(assignment, loadedLater: loadedLater)
    }

    /// The same for a module's name that is written nowhere in the config.
    func set(_ module: String, _ name: String, _ value: ParameterDeclaration.Value, at range: SourceRange?) {
        set(assignment(module, name, value, at: range), loadedLater: [])
    }

    private func set(_ assignment: Assignment, loadedLater: [Syntax.LoadModule]) {
        for (module, parameter) in meant(assignment, loadedLater, diagnostics) {
            apply(assignment, to: parameter, of: module)
        }
    }

    /// Nil, with a diagnostic, when its value has none.
    private func assignment(
        _ statement: Syntax.ModuleParameter, _ evaluator: Evaluator, _ diagnostics: Diagnostics, _ keep: Keep
    ) -> Assignment? {
        let value: ParameterDeclaration.Value
        switch statement.value {
        case .number(let number): value = .number(number)
        case .text(let text):
            if statement.isEvaluated {
                guard let evaluated = evaluator(.text(text), diagnostics) else { return nil }
                value = evaluated
            } else {
                value = .text(keep(text.bytes))
            }
        case .variable(let variable):
            guard let evaluated = evaluator(.variable(variable), diagnostics) else { return nil }
            value = evaluated
        }
        return Assignment(
            pattern: statement.module.string, place: { statement.module.range(of: $0) },
            name: statement.name.string, nameRange: statement.name.range, value: value,
            valueRange: statement.valueRange, range: statement.range)
    }

    private func assignment(
        _ module: String, _ name: String, _ value: ParameterDeclaration.Value, at range: SourceRange?
    ) -> Assignment {
        Assignment(
            pattern: module, place: { _ in range }, name: name, nameRange: range, value: value, valueRange: range,
            range: range)
    }

    // MARK: - What a config says

    /// A value that a config gives a parameter of a loaded module.
    struct Given {
        let parameter: ParameterDeclaration
        let value: ParameterDeclaration.Value
        let range: SourceRange?
    }

    /// All of them, in the order of the text; nothing is set. Mistakes go to the diagnostics.
    /// - Parameter keep: where values' texts go.
    func given(
        by tree: Syntax.Tree, _ settings: Settings, _ evaluator: Evaluator, _ diagnostics: Diagnostics, keep: Keep
    ) -> [Given] {
        var assignments: [Assignment] = []
        for (index, statement) in tree.statements.enumerated() {
            guard case .moduleParameter(let parameter) = statement,
                let made = assignment(parameter, evaluator, diagnostics, keep)
            else { continue }
            if let later = loadedLater(made, tree.statements, index, diagnostics) {
                diagnostics.error(
                    "module `\(later.module)` is not loaded yet", at: parameter.module.range,
                    hint: Modules.moveHint, notes: [Diagnostic.Note("it is loaded here", at: later.path.range)])
            } else {
                assignments.append(made)
            }
        }
        for old in settings.moduleParameters {
            assignments.append(assignment(old.module, old.name, old.value.parameterValue(keep), at: old.range))
        }
        for own in settings.custom where module(named: own.group) != nil && own.instance == nil {
            assignments.append(assignment(own.group, own.name, own.value.parameterValue(keep), at: own.range))
        }
        return assignments.flatMap { assignment in
            meant(assignment, [], diagnostics).compactMap { module, parameter in
                guard let value = fitting(assignment, parameter, diagnostics) else { return nil }
                return Given(parameter: parameter, value: value, range: assignment.range)
            }
        }
    }

    /// The loadmodule line of a module that a modparam before it means.
    private func loadedLater(
        _ assignment: Assignment, _ statements: [Syntax.GlobalStatement], _ index: Int, _ diagnostics: Diagnostics
    ) -> Syntax.LoadModule? {
        func loads(_ part: ArraySlice<Syntax.GlobalStatement>) -> [Syntax.LoadModule] {
            part.compactMap { if case .loadModule(let load) = $0 { load } else { nil } }
        }
        let (before, after) = (loads(statements[..<index]).map(\.module), loads(statements[index...]))
        for (module, _) in matches(assignment, diagnostics) ?? [] {
            let names = [module.name] + module.aliases
            if names.contains(where: before.contains) { continue }
            if let later = after.first(where: { names.contains($0.module) }) { return later }
        }
        return nil
    }

    private static let moveHint = "move this line below its loadmodule line"

    /// The parameters that an assignment is about.
    private func meant(
        _ assignment: Assignment, _ loadedLater: [Syntax.LoadModule], _ diagnostics: Diagnostics
    ) -> [(LoadedModule, ParameterDeclaration)] {
        guard let matches = matches(assignment, diagnostics) else { return [] }
        guard !matches.isEmpty else {
            nothingMatches(assignment, loadedLater, diagnostics)
            return []
        }
        // An old name may stand for two modules, of which one has the parameter.
        var byAlias = matches.filter { !$0.isExact }
        if byAlias.contains(where: { registry.parameter(assignment.name, of: $0.module.name) != nil }) {
            byAlias.removeAll { registry.parameter(assignment.name, of: $0.module.name) == nil }
        }
        return (matches.filter(\.isExact) + byAlias).map(\.module).compactMap { module in
            guard let parameter = registry.parameter(assignment.name, of: module.name) else {
                unknown(assignment, module, diagnostics)
                return nil
            }
            return (module, parameter)
        }
    }

    // MARK: - Which modules

    /// The loaded modules whose name or alias the pattern matches as a whole; nil, with a diagnostic, when it is no
    /// pattern.
    private func matches(
        _ assignment: Assignment, _ diagnostics: Diagnostics
    ) -> [(module: LoadedModule, isExact: Bool)]? {
        guard let regex = regex(assignment, diagnostics) else { return nil }
        defer { regex.free() }
        return all.compactMap { module in
            if Modules.matches(regex, module.name) { return (module, true) }
            return module.aliases.contains { Modules.matches(regex, $0) } ? (module, false) : nil
        }
    }

    private func regex(_ assignment: Assignment, _ diagnostics: Diagnostics) -> CompiledRegex? {
        let before = "^(?:"
        do throws(CompiledRegex.Mistake) {
            return try PermanentText.withBytes(of: before + assignment.pattern + ")$") {
                (pattern) throws(CompiledRegex.Mistake) in
                try CompiledRegex(pattern.bytes, .dotAll)
            }
        } catch {
            let count = assignment.pattern.utf8.count
            let offset = min(max(0, error.offset - before.utf8.count), count)
            diagnostics.error(
                "`\(assignment.pattern)` is no expression for module names: \(error.text)",
                at: assignment.place(offset..<min(offset + 1, count)))
            return nil
        }
    }

    private static func matches(_ regex: CompiledRegex, _ name: String) -> Bool {
        PermanentText.withBytes(of: name) { regex.matches($0.bytes) }
    }

    private func nothingMatches(
        _ assignment: Assignment, _ loadedLater: [Syntax.LoadModule], _ diagnostics: Diagnostics
    ) {
        let pattern = assignment.pattern
        let range = assignment.place(0..<pattern.utf8.count)
        guard let regex = regex(assignment, diagnostics) else { return }
        defer { regex.free() }
        func isMeant(_ name: String) -> Bool {
            Modules.matches(regex, name) || KnownModules.aliases(of: name).contains { Modules.matches(regex, $0) }
                || (KnownModules.aliases[name] ?? []).contains { Modules.matches(regex, $0) }
        }
        if refused.contains(where: isMeant) { return }
        if let later = loadedLater.first(where: { isMeant($0.module) }) {
            diagnostics.error(
                "module `\(later.module)` is not loaded yet", at: range,
                hint: Modules.moveHint,
                notes: [Diagnostic.Note("it is loaded here", at: later.path.range)])
            return
        }
        let isName = DeclaredName.isDotted(pattern.filter { $0 != "_" })
        let what = isName ? "module `\(pattern)` is not loaded" : "no module that matches `\(pattern)` is loaded"
        let loaded = all.map(\.name)
        if let near = Suggest.hint(for: pattern, among: loaded) {
            diagnostics.error(what, at: range, hint: near)
        } else if let there = ModuleFile.all(in: path.folders).map(\.name).first(where: isMeant) {
            diagnostics.error(what, at: range, hint: "load it before this line: loadmodule \"\(there).so\"")
        } else {
            diagnostics.error(what, at: range)
        }
    }

    // MARK: - Which parameter, what value

    private func unknown(_ assignment: Assignment, _ module: LoadedModule, _ diagnostics: Diagnostics) {
        let names = (registry.parameters[module.name] ?? []).map(\.name)
        var hint = Suggest.hint(for: assignment.name, among: names)
        if hint == nil {
            hint =
                switch names.count {
                case 0: "it has no parameters"
                case 1...12: "it has \(names.sorted().map { "`\($0)`" }.joined(separator: ", "))"
                default: "`apus -M \(module.name)` lists what it has"
                }
        }
        diagnostics.error(
            "module `\(module.name)` has no parameter `\(assignment.name)`", at: assignment.nameRange, hint: hint)
    }

    /// The value, or the nearest one that is allowed, with a warning; nil, with an error, when there is none.
    private func fitting(
        _ assignment: Assignment, _ parameter: ParameterDeclaration, _ diagnostics: Diagnostics
    ) -> ParameterDeclaration.Value? {
        guard let mistake = parameter.mistake(in: assignment.value) else { return assignment.value }
        guard let nearest = parameter.nearest(to: assignment.value) else {
            diagnostics.error("\(parameter.title) \(mistake)", at: assignment.valueRange)
            return nil
        }
        // The peers take any number.
        diagnostics.warning(
            "\(parameter.title) \(mistake): \(nearest.text) is used", at: assignment.valueRange)
        return nearest
    }

    private func apply(_ assignment: Assignment, to parameter: ParameterDeclaration, of module: LoadedModule) {
        let title = parameter.title
        guard let value = fitting(assignment, parameter, diagnostics) else { return }
        let key = module.name + ":" + parameter.name
        if !parameter.repeatable, let before = settings[key] {
            diagnostics.warning(
                "\(title) is set again: this value counts", at: assignment.range,
                notes: [Diagnostic.Note("it was set to \(before.value) here", at: before.range)])
        }
        settings[key] = ParameterSetting(value: value.text, range: assignment.range)
        let diagnostics = diagnostics
        let tell: Declarer.Tell = { diagnostics.remark($0, "\(module.name): \($1)", at: assignment.range) }
        if case .failed(let reasons) = module.run(.setting, tell: tell, { parameter.apply(value) }) {
            let refusal = Modules.refusal("\(title) refuses \(value.text)", reasons)
            diagnostics.error(
                refusal.message, at: assignment.valueRange, notes: refusal.notes.map { Diagnostic.Note($0) })
        }
    }
}

extension ParameterDeclaration {
    /// As messages call it.
    var title: String { "parameter `\(name)` of module `\(owner.name)`" }

    /// What is wrong with a value for this parameter, as the end of a sentence; nil when it fits.
    func mistake(in value: Value) -> String? {
        switch (value, kind) {
        case (.text(let text), .int): return "is \(kind.text), not the string \"\(text.string)\""
        case (.number(let number), .string): return "is \(kind.text), not the number \(number)"
        case (.number(let number), _):
            guard let range, !range.contains(number) else { return nil }
            return "is a number from \(range.lowerBound) to \(range.upperBound), not \(number)"
        case (.text, _): return nil
        }
    }

    /// The number that is allowed and nearest to one that is not; nil for anything else, and for numbers of flags: the nearest is another flag.
    func nearest(to value: Value) -> Value? {
        guard kind != .string, case .number(let number) = value, let range, range.upperBound != 31 else { return nil }
        return .number(min(max(number, range.lowerBound), range.upperBound))
    }
}

extension ParameterDeclaration.Value {
    /// As a config has it.
    var text: String {
        switch self {
        case .number(let number): String(number)
        case .text(let text): "\"\(text.string)\""
        }
    }
}
