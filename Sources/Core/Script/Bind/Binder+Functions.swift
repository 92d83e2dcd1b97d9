import PluginAPI

/// Functions and routes by name.
extension Binder {
    /// The function that a call means; nil when there is none, which was reported.
    func function(_ call: Syntax.Call) -> FunctionDeclaration? {
        var name = call.name.text
        var known = registry.functions(named: name)
        if known.isEmpty, let renamed = KnownNames.renamed[name] {
            diagnostics.notice("`\(name)` is an old spelling", at: call.name.range, hint: "write `\(renamed)`")
            name = renamed
            known = registry.functions(named: name)
        }
        guard !known.isEmpty else {
            reportUnknown(call.name)
            return nil
        }
        if case .invalid? = call.arguments.first?.kind { return nil }
        if let fitting = known.first(where: { $0.signature.counts.contains(call.arguments.count) }) { return fitting }
        let counts = known.map { Binder.countText($0.signature.counts) }
        var unique: [String] = []
        for count in counts where !unique.contains(count) { unique.append(count) }
        diagnostics.error(
            "`\(name)` takes \(unique.joined(separator: " or ")), \(call.arguments.count) given", at: call.range,
            hint: "usage: \(known.map(\.usage).joined(separator: ", "))")
        return nil
    }

    private func reportUnknown(_ name: Syntax.Name) {
        if let module = KnownNames.module(ofFunction: name.text) {
            if registry.modules.contains(module) {
                diagnostics.error("module \(module) has no function `\(name.text)` in this version", at: name.range)
                return
            }
            // That it did not load was said at its line, and stops the start.
            if diagnostics.errors > 0, isAskedFor(module) { return }
            diagnostics.error(
                "function `\(name.text)` is exported by module \(module), which is not loaded", at: name.range,
                hint: "load `\(module).so`: `loadmodule \"\(module).so\"`")
            return
        }
        let near = Suggest.nearest(to: name.text, among: registry.functions.keys)
        if near == nil, let other = Suggest.nearest(to: name.text, among: Array(Keywords.statements)) {
            diagnostics.error("unknown function `\(name.text)`", at: name.range, hint: "did you mean `\(other)`?")
            return
        }
        diagnostics.error(
            "unknown function `\(name.text)`", at: name.range, hint: near.map { "did you mean `\($0)`?" })
    }

    /// The config has a line that loads the module.
    func isAskedFor(_ module: String) -> Bool {
        tree.statements.contains { if case .loadModule(let load) = $0 { load.module == module } else { false } }
    }

    /// The position of a route that is named as a constant; nil when there is none, which was reported.
    func route(_ kind: RouteKind, named name: String, at range: SourceRange, severity: Diagnostic.Severity = .error)
        -> Int?
    {
        if let found = routes.find(kind, name) { return found }
        let keyword = kind == .request ? "route" : kind.keyword
        var notes: [Diagnostic.Note] = []
        for other in routes.routes where other.name == name {
            notes.append(Diagnostic.Note("`\(other.title)` is of another kind", at: other.range))
        }
        let near = Suggest.nearest(to: name, among: routes.names(kind))
        diagnostics.add(
            Diagnostic(
                severity, "no `\(keyword)[\(name)]`", at: range, hint: near.map { "did you mean `\($0)`?" },
                notes: notes))
        return nil
    }
}
