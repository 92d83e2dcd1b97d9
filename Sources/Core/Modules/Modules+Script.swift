import PluginAPI

// Invariants: what is compiled for modules lies in memory of its own that is never freed, since modules keep it for
// ever; it refers to no Program, apart from the numbers of `$var`s, which are those of the script in force.

/// The script that modules belong to: what they may ask of it, and what they may have compiled for it.
extension Modules {
    /// The config is bound and compiled: from now on modules can start. Puts the script in force, too.
    func use(_ program: Program, of tree: Syntax.Tree, _ settings: Settings) {
        coreSettings = { Modules.coreValue($0, settings) }
        compiler = makeCompiler(program, tree, settings)
        install(program.image)
    }

    /// Sets the parameters that old globals stand for (`fifo` of SER is mi_fifo's), and loads their modules.
    func apply(_ settings: Settings) {
        for parameter in settings.moduleParameters {
            if module(named: parameter.module) == nil { load(parameter.module, at: parameter.range) }
            guard module(named: parameter.module) != nil else { continue }
            let value: ParameterDeclaration.Value
            switch parameter.value {
            case .number(let number): value = .number(number)
            case .text(let text): value = .text(PermanentText.bytes(text))
            }
            set(parameter.module, parameter.name, value, at: parameter.range)
        }
    }

    /// The modules that have a parameter of that name: for the hint on one that is written as a global.
    func modules(withParameter name: String) -> [String] {
        all.map(\.name).filter { registry.parameter(name, of: $0) != nil }
    }

    private static func coreValue(_ name: String, _ settings: Settings) -> Settings.Value? {
        if let value = settings.values[name] { return value }
        guard let global = Global.named[name] else { return nil }
        guard let initial = global.initial else { return .number(Int64(settings.number(name))) }
        if let number = Keywords.number(initial) ?? Int64(initial) { return .number(number) }
        return .text(initial)
    }

    // MARK: - Compiling for modules

    private func makeCompiler(_ program: Program, _ tree: Syntax.Tree, _ settings: Settings) -> Compiler {
        let memory = ProgramMemory()
        _ = Unmanaged.passRetained(memory)
        /// Calls `body` with a binder in which `$var`s have the numbers that they have in the script.
        func bind<R>(_ text: Bytes, _ body: (Binder, Syntax.Text) -> R?) -> Result<R, LoadRefusal> {
            let bytes = Array(UnsafeBufferPointer(start: text.start, count: text.count))
            let source = Source(name: "<parameter>", bytes: bytes)
            let remarks = Diagnostics()
            let binder = Binder(
                tree: tree, settings: settings, registry: registry, diagnostics: remarks, memory: memory)
            for name in program.runVariables {
                let parts = name.split(separator: "(", maxSplits: 1)
                guard parts.count == 2 else { continue }
                _ = binder.runVariable(String(parts[0]), String(parts[1].dropLast()))
            }
            let before = remarks.all.count
            guard let made = body(binder, Syntax.Text(bytes: bytes, range: source.range)) else {
                let mistake = remarks.all.dropFirst(before).first { $0.severity == .error }
                return .failure(
                    LoadRefusal(message: mistake?.message ?? "it means nothing here", hint: mistake?.hint))
            }
            if binder.runVariables.count > program.runVariables.count, let stranger = binder.runVariables.last {
                return .failure(LoadRefusal(message: "the script uses no $\(stranger)"))
            }
            return .success(made)
        }
        return Compiler(
            compileVariable: { text in
                bind(text) { binder, text in
                    binder.readVariable(text, dialect: tree.dialect).flatMap { binder.keptVariable($0) }
                }
            },
            compileFormat: { text in
                bind(text) { binder, text in
                    binder.format(text, dialect: tree.dialect).map { UnsafePointer(memory.place($0.compiled)) }
                }
            })
    }
}
