import PluginAPI

// Invariants: what is compiled for ever lies in memory that is never freed; everything else lies in that of the program and ends with it.

/// Compiles texts with pseudo-variables for modules: out of parameters when they start, out of constants while the script is compiled. On the
/// thread that reads the config.
struct ModuleTexts {
    /// Of what is made.
    enum Lifetime {
        case program
        case forever
    }

    private let binder: Binder

    init(_ binder: Binder) { self.binder = binder }

    /// A pseudo-variable, `"$avp(s:rpid)"`.
    func compileVariable(
        _ text: String, for lifetime: Lifetime = .forever
    ) -> Result<UnsafePointer<CompiledVariable>, Refusal> {
        compile(text, lifetime) { binder, source in
            binder.readVariable(source, dialect: binder.tree.dialect).flatMap { binder.keptVariable($0) }
        }
    }

    /// A text with pseudo-variables.
    func compileFormat(
        _ text: String, for lifetime: Lifetime = .forever
    ) -> Result<UnsafePointer<CompiledFormat>, Refusal> {
        compile(text, lifetime) { binder, source in
            binder.format(source, dialect: binder.tree.dialect).map { UnsafePointer(binder.memory.place($0.compiled)) }
        }
    }

    /// A text that is known only now, with its variables expanded; in the run's memory. Nil, with a log line, when it means nothing or grew
    /// too long. On the run's worker.
    func expandNow(_ text: Bytes, _ run: UnsafeMutablePointer<Run>) -> apus_str? {
        let (diagnostics, memory) = (Diagnostics(), ProgramMemory())
        let own = binder.forRunTime(diagnostics, memory)
        guard let format = own.format(ModuleTexts.whole(text.string), dialect: binder.tree.dialect),
            diagnostics.errors == 0
        else {
            run.logAtStatement(.error, "a text to be expanded means nothing: ", text)
            return nil
        }
        // What comes of it may point into the memory that ends here.
        return withUnsafePointer(to: format.compiled) { run.expand($0) }.flatMap { run.copy($0) }
    }

    /// Memory that ends with the program, aligned for any type.
    func allocate(_ size: Int) -> UnsafeMutableRawPointer { binder.memory.allocate(max(1, size)) }

    /// The expression ends with the program.
    func keep(_ regex: CompiledRegex) { binder.memory.keep(regex) }

    /// Why a text means nothing.
    struct Refusal: Error {
        let text: String
        let hint: String?
    }

    private func compile<Made>(
        _ text: String, _ lifetime: Lifetime, _ body: (Binder, Syntax.Text) -> Made?
    ) -> Result<Made, Refusal> {
        let diagnostics = Diagnostics()
        let memory =
            switch lifetime {
            case .program: binder.memory
            case .forever: Unmanaged.passRetained(ProgramMemory()).takeUnretainedValue()
            }
        if let made = body(binder.forParameters(diagnostics, memory), ModuleTexts.whole(text)), diagnostics.errors == 0
        {
            return .success(made)
        }
        let first = diagnostics.all.first { $0.severity == .error }
        return .failure(Refusal(text: first?.message ?? "not a pseudo-variable", hint: first?.hint))
    }

    private static func whole(_ text: String) -> Syntax.Text {
        let source = Source(name: "<parameter>", text: text)
        let step = Syntax.Text.Step(value: 0, source: 0)
        return Syntax.Text(bytes: source.bytes, range: source.range, steps: [step])
    }
}
