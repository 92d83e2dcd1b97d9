import Glibc
import PluginAPI

// Invariants: a file is looked at before it is opened, so that nothing of a foreign one runs; what dlopen has loaded is
// never closed.

extension Modules {
    /// Carries out the module statements of a config in the order of its text: `loadpath`, `loadmodule`, `modparam` and
    /// their kin. Mistakes go to the diagnostics; what can be loaded is loaded all the same, so that one check finds
    /// them all.
    func load(_ tree: Syntax.Tree) {
        let wanted = tree.statements.compactMap { statement -> Syntax.LoadModule? in
            if case .loadModule(let load) = statement { load } else { nil }
        }
        var position = 0
        for statement in tree.statements {
            switch statement {
            case .loadModule(let load):
                position += 1
                self.load(load)
            case .loadPath(let path): set(path)
            case .moduleParameter(let parameter): set(parameter, loadedLater: Array(wanted[position...]))
            case .setting, .customSetting, .listen, .alias, .flags, .route: break
            }
        }
        checkNeeds()
    }

    /// `loadpath`, `mpath`: replaces what an earlier one said.
    func set(_ statement: Syntax.LoadPath) {
        path.configured = SearchPath.folders(in: statement.path.string)
        for folder in path.configured where !FileSystem.isFolder(folder) {
            diagnostics.warning("there is no folder `\(folder)`", at: statement.path.range)
        }
    }

    func load(_ statement: Syntax.LoadModule) {
        var written = statement.path.string
        if statement.isEvaluated {
            guard case .text(let text)? = evaluator(.text(statement.path), diagnostics) else { return }
            written = text.string
        }
        load(written, at: statement.path.range, isOptional: statement.options?.string.contains("o") ?? false)
    }

    /// Loads the module of that name or path, and under an old name those that took its place.
    /// - Parameters:
    ///   - range: where it was asked for, for diagnostics.
    ///   - isOptional: that it is loaded already is nothing to talk about.
    func load(_ written: String, at range: SourceRange?, isOptional: Bool = false) {
        do throws(LoadRefusal) {
            guard !written.isEmpty else { throw LoadRefusal(message: "the name of the module is empty") }
            for (file, aliases) in try locate(written, range) { try open(file, aliases, range, isOptional) }
        } catch {
            refused.insert(SearchPath.baseName(written))
            diagnostics.error(
                error.message, at: range, hint: error.hint, notes: error.notes.map { Diagnostic.Note($0) })
        }
    }

    // MARK: - Finding

    /// The files that a name or path stands for, each with the names by which the config may also call it.
    private func locate(_ written: String, _ range: SourceRange?) throws(LoadRefusal) -> [(ModuleFile, [String])] {
        let base = SearchPath.baseName(written)
        var tried: [String] = []
        var kamailio: String?
        func search(_ candidates: [String]) -> ModuleFile? {
            for path in candidates {
                tried.append(path)
                guard let file = ModuleFile(path) else { continue }
                switch file.content {
                case .module: return file
                case .kamailio:
                    kamailio = kamailio ?? path
                    Log.debug("\(path) is a module of Kamailio's: passed over")
                case .other where written.contains("/"): return file
                case .other: Log.debug("\(path) is no module: passed over")
                }
            }
            return nil
        }
        if written.hasPrefix("/") {
            if let file = search([written]) { return [(file, [])] }
            if kamailio == nil, !SearchPath.isForeign(written) { throw notFound(base, written, tried, kamailio) }
        } else if written.contains("/") {
            if let file = search(path.candidates(forRelative: written)) { return [(file, [])] }
            if kamailio == nil, !SearchPath.isForeign(written) { throw notFound(base, written, tried, kamailio) }
        }
        // A plain name, or a path into another server's folders: what we have of that name.
        var found: [(ModuleFile, [String])] = []
        if let file = search(path.candidates(for: base)) { found = [(file, [])] }
        if found.isEmpty, let targets = KnownModules.aliases[base] {
            for target in targets {
                if let file = search(path.candidates(for: target)) { found.append((file, [base])) }
            }
            if !found.isEmpty, found.count < targets.count {
                let missing = targets.filter { name in !found.contains { $0.0.moduleName == name } }
                diagnostics.warning(
                    "`\(base)` is \(targets.joined(separator: " and ")) today; there is no \(list(missing))", at: range)
            }
        }
        guard !found.isEmpty else { throw notFound(base, written, tried, kamailio) }
        if written.contains("/") {
            let names = found.map { "`\($0.0.path)`" }.joined(separator: " and ")
            diagnostics.notice("`\(written)` belongs to another server: loading \(names)", at: range)
        }
        return found
    }

    private func notFound(
        _ base: String, _ written: String, _ tried: [String], _ kamailio: String?
    ) -> LoadRefusal {
        if !missing.contains(base) { missing.append(base) }
        var refusal = LoadRefusal(message: "there is no module `\(base)`")
        if let kamailio { refusal.message += ": `\(kamailio)` is a Kamailio module, which this server cannot load" }
        let targets = KnownModules.aliases[base] ?? [base]
        let tier = targets.compactMap { KnownModules.tier(of: $0) }.max()
        let there = ModuleFile.all(in: path.folders)
        if let ours = there.first(where: { $0.name == base }) {
            refusal.message = "there is no `\(written)`"
            refusal.hint = "`\(ours.path)` is found by its name alone: loadmodule \"\(base).so\""
        } else if tier == nil {
            refusal.hint = Suggest.hint(for: base, among: there.map(\.name))
        }
        if let tier {
            let today = targets == [base] ? "" : "`\(base)` is \(targets.joined(separator: " and ")) today; "
            refusal.notes.append("\(today)planned, tier \(tier): this build does not have it")
            // Where it was looked for would lead nowhere.
            if kamailio == nil, refusal.hint == nil { return refusal }
        }
        refusal.notes += tried.map { "tried \($0)" }
        return refusal
    }

    private func list(_ names: [String]) -> String { names.map { "`\($0)`" }.joined(separator: " and no ") }

    // MARK: - Opening

    private func open(
        _ file: ModuleFile, _ aliases: [String], _ range: SourceRange?, _ isOptional: Bool
    ) throws(LoadRefusal) {
        let name = try name(of: file)
        if let known = module(named: name) {
            let same = FileSystem.realPath(known.file) == FileSystem.realPath(file.path)
            let notes = known.statement.map { [Diagnostic.Note("first loaded here", at: $0)] } ?? []
            if same {
                if isOptional { return }
                diagnostics.warning("module `\(name)` is loaded already", at: range, notes: notes)
            } else {
                diagnostics.error(
                    "`\(file.path)` and `\(known.file)` are both module `\(name)`", at: range, notes: notes)
            }
            return
        }
        let description = try ABICheck.check(try descriptor(of: file, name), file: file.path, name: name)
        let all = aliases + KnownModules.aliases(of: name).filter { !aliases.contains($0) }
        let module = LoadedModule(
            description, file: file.path, aliases: all, statement: range, shared: shared)
        add(module)
        guard let declare = description.declare else { return }
        if case .failed(let reasons) = module.run(.declaring, { declare(module.host) }) {
            throw Modules.refusal("module `\(name)` cannot be loaded", reasons)
        }
    }

    /// A step of a module that failed, with the first reason in the message and the others behind it.
    static func refusal(_ what: String, _ reasons: [String]) -> LoadRefusal {
        guard let first = reasons.first else { return LoadRefusal(message: "\(what), and it does not say why") }
        return LoadRefusal(message: "\(what): \(first)", notes: Array(reasons.dropFirst()))
    }

    /// The name that the file's entry point stands for.
    private func name(of file: ModuleFile) throws(LoadRefusal) -> String {
        if let name = file.moduleName { return name }
        let expected = ModuleFile.entryPrefix + ModuleFile.entry(of: SearchPath.baseName(file.path))
        guard case .module(let entries) = file.content, let entry = entries.first else {
            throw LoadRefusal(message: "`\(file.path)` is no module: it does not export \(expected)")
        }
        throw LoadRefusal(
            message: "`\(file.path)` does not export \(expected), but \(ModuleFile.entryPrefix)\(entry)",
            hint: "a module's file is named as the module: was it renamed?")
    }

    /// Loads the file and asks its entry point.
    private func descriptor(of file: ModuleFile, _ name: String) throws(LoadRefusal) -> UnsafeRawPointer? {
        let path = file.path.contains("/") ? file.path : "./" + file.path
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) else {
            let why = dlerror().map { String(cString: $0) } ?? "no reason given"
            throw LoadRefusal(
                message: "`\(file.path)` cannot be loaded: \(why)", hint: KnownModules.missingLibrary(why))
        }
        guard FileSystem.identity(of: file.path) == file.identity else {
            throw LoadRefusal(
                message: "`\(file.path)` has changed while it was loaded", hint: "start again when it is complete")
        }
        let symbol = ModuleFile.entryPrefix + ModuleFile.entry(of: name)
        guard let entry = dlsym(handle, symbol) else {
            throw LoadRefusal(message: "`\(file.path)` is no module: it does not export \(symbol)")
        }
        typealias Entry = @convention(c) () -> UnsafeRawPointer?
        return unsafeBitCast(entry, to: Entry.self)()
    }

    /// Evaluates texts whose variables are all known before there is a script, such as `$env(NAME)`.
    ///
    /// - Parameter fill: puts values in the place of the variables that it knows and leaves the others.
    static func constants(_ fill: @escaping ([UInt8]) -> [UInt8]) -> Evaluator {
        { what, diagnostics in
            let (bytes, range) =
                switch what {
                case .variable(let variable): (Array(variable.range.text.utf8), variable.range)
                case .text(let text): (text.bytes, text.range)
                }
            let value = fill(bytes)
            guard !value.contains(UInt8(ascii: "$")) else {
                diagnostics.error(
                    "only $env(…) and $def(…) have a value before the server runs", at: range)
                return nil
            }
            return .text(PermanentText.bytes(value))
        }
    }

    /// `$env(NAME)` replaced, unset ones by nothing.
    static func environmentFilledIn(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = text[...]
        while let dollar = rest.firstIndex(of: UInt8(ascii: "$")) {
            result += rest[..<dollar]
            rest = rest[dollar...]
            guard rest.starts(with: "$env(".utf8), let close = rest.firstIndex(of: UInt8(ascii: ")")) else { break }
            let name = String(decoding: rest[(dollar + 5)..<close], as: UTF8.self)
            if let value = getenv(name) { result += Array(String(cString: value).utf8) }
            rest = rest[(close + 1)...]
        }
        return result + rest
    }
}
