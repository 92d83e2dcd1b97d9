import PluginAPI

/// What `apus -M` prints about modules.
enum ModuleReport {
    /// `apus -M`: every module that can be found, with version and summary.
    static func list(_ modules: Modules) -> String {
        let found = ModuleFile.all(in: modules.path.folders)
        for (name, file) in found where modules.module(named: name) == nil { modules.load(file, at: nil) }
        var rows: [(String, String, String)] = []
        for (name, file) in found {
            let description = modules.module(named: name)?.description
            rows.append((name, description?.version ?? "?", description?.summary ?? "cannot be loaded: \(file)"))
        }
        if rows.isEmpty {
            let folders = modules.path.folders.joined(separator: ", ")
            return "There are no modules in \(folders.isEmpty ? "any folder" : folders).\n"
        }
        let width = (rows.map(\.0.count).max() ?? 0, rows.map(\.1.count).max() ?? 0)
        return rows.map { line("\(pad($0.0, width.0))  \(pad($0.1, width.1))  \($0.2)") }.joined()
    }

    /// `apus -M NAME`: all that one module declares; nil, with diagnostics, when it cannot be loaded.
    static func describe(_ name: String, _ modules: Modules) -> String? {
        let base = SearchPath.baseName(name)
        let before = modules.all.count
        if modules.module(named: base) == nil { modules.load(name, at: nil) }
        let shown = modules.all.count > before ? Array(modules.all[before...]) : modules.all.filter { $0.name == base }
        guard !shown.isEmpty else { return nil }
        return shown.map { describe($0, modules) }.joined(separator: "\n")
    }

    static func describe(_ module: LoadedModule, _ modules: Modules) -> String {
        var text = "\(module.name) \(module.description.version)\n"
        if !module.description.summary.isEmpty { text += line("  \(module.description.summary)") }
        text += line("  file: \(module.file)")
        if !module.aliases.isEmpty { text += line("  also known as: \(module.aliases.joined(separator: ", "))") }
        let needs = module.description.needs.map { $0.optional ? $0.id + " (if there)" : $0.id }
        if !needs.isEmpty { text += line("  needs: \(needs.joined(separator: ", "))") }
        let offers = modules.interfaces.all.filter { $0.value.publisher === module }.keys.sorted()
        if !offers.isEmpty { text += line("  offers: \(offers.joined(separator: ", "))") }
        text += parameters(module, modules) + functions(module, modules) + variables(module, modules)
        let selects = modules.registry.selects.values.filter { $0.owner === module.declarer }.sorted {
            $0.name < $1.name
        }
        text += section("Selects", selects) { ["@\($0.name)", $0.doc] }
        text += section("Events", modules.registry.events.filter { $0.owner === module.declarer }) { event in
            ["event_route[\(event.name)]", event.doc]
        }
        text += commands(module, modules)
        text += section("Statistics", module.statistics) { ["\($0.group):\($0.name)", $0.doc] }
        return text
    }

    private static func parameters(_ module: LoadedModule, _ modules: Modules) -> String {
        section("Parameters", modules.registry.parameters[module.name] ?? []) { parameter in
            var facts = [parameter.kind.word]
            if let range = parameter.range { facts.append("\(range.lowerBound) to \(range.upperBound)") }
            if let initial = parameter.initial {
                facts.append("default \(parameter.kind == .string ? "\"\(initial)\"" : initial)")
            }
            if parameter.repeatable { facts.append("may be repeated") }
            if let setting = modules.settings[module.name + ":" + parameter.name] {
                facts.append("set to \(setting.value)")
            }
            return ["\(parameter.name) (\(facts.joined(separator: ", ")))", parameter.doc]
        }
    }

    private static func functions(_ module: LoadedModule, _ modules: Modules) -> String {
        let own = modules.registry.functions.values.joined()
            .filter { $0.owner === module.declarer && !$0.deprecated }
            .sorted { ($0.name, $0.signature.arguments.count) < ($1.name, $1.signature.arguments.count) }
        return section("Functions", own) { function in
            let routes =
                function.routes == RouteKind.any
                ? "any route" : RouteKind.names(in: function.routes).joined(separator: ", ")
            return [function.usage, function.doc, "in: \(routes)\(function.maySuspend ? "; may suspend" : "")"]
        }
    }

    private static func commands(_ module: LoadedModule, _ modules: Modules) -> String {
        let own = modules.management.commands.all.filter { $0.owner == module.name }.sorted { $0.name < $1.name }
        return section("Commands", own) { command in
            var lines = [command.usage, command.doc]
            if !command.aliases.isEmpty { lines.append("also: \(command.aliases.joined(separator: ", "))") }
            if command.onEachWorker { lines.append("runs on every worker") }
            return lines
        }
    }

    private static func variables(_ module: LoadedModule, _ modules: Modules) -> String {
        let own = modules.registry.variables.values.filter { $0.owner === module.declarer }.sorted { $0.name < $1.name }
        return section("Pseudo-variables", own) { variable in
            ["\(variable.usage)\(variable.set == nil ? "" : " (can be assigned)")", variable.doc]
        }
    }

    /// A heading and for each item its first line and, further in, the others.
    private static func section<Item>(_ title: String, _ items: [Item], _ lines: (Item) -> [String]) -> String {
        if items.isEmpty { return "" }
        return "\n\(title)\n"
            + items.map { item in
                let lines = lines(item)
                return line("  \(lines[0])") + lines.dropFirst().map { line("      \($0)") }.joined()
            }.joined()
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func line(_ text: String) -> String { text + "\n" }
}

extension ParameterDeclaration.Kind {
    fileprivate var word: String {
        switch self {
        case .int: "int"
        case .string: "string"
        case .either: "int or string"
        }
    }
}

extension VariableDeclaration {
    /// `$hdr(…)`, `$T_rpl(ruri|from)`
    fileprivate var usage: String {
        let text: String
        switch inner.names {
        case .none: text = "$\(name)"
        case .any: text = inner.optional ? "$\(name)[(…)]" : "$\(name)(…)"
        case .variable: text = inner.optional ? "$\(name)[($…)]" : "$\(name)($…)"
        case .oneOf(let names):
            let list = names.joined(separator: "|")
            text = inner.optional ? "$\(name)[(\(list))]" : "$\(name)(\(list))"
        }
        return indexed ? "$(\(text.dropFirst())[index])" : text
    }
}
