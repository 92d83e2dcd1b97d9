import PluginAPI

// Invariants: what is compiled lies in memory that is never freed, as the modules keep it.

/// Compiles texts with pseudo-variables for modules: out of parameters when they start, out of constants while the script is compiled.
/// Main thread.
struct ModuleTexts {
    private let binder: Binder

    init(_ binder: Binder) { self.binder = binder }

    /// A pseudo-variable, `"$avp(s:rpid)"`. Lives for ever.
    func compileVariable(_ text: String) -> Result<UnsafePointer<CompiledVariable>, Refusal> {
        compile(text) { binder, source in
            binder.readVariable(source, dialect: binder.tree.dialect).flatMap { binder.keptVariable($0) }
        }
    }

    /// A text with pseudo-variables. Lives for ever.
    func compileFormat(_ text: String) -> Result<UnsafePointer<CompiledFormat>, Refusal> {
        compile(text) { binder, source in
            binder.format(source, dialect: binder.tree.dialect).map { UnsafePointer(binder.memory.place($0.compiled)) }
        }
    }

    /// Why a text means nothing.
    struct Refusal: Error {
        let text: String
        let hint: String?
    }

    private func compile<Made>(_ text: String, _ body: (Binder, Syntax.Text) -> Made?) -> Result<Made, Refusal> {
        let diagnostics = Diagnostics()
        let forever = Unmanaged.passRetained(ProgramMemory()).takeUnretainedValue()
        let source = Source(name: "<parameter>", text: text)
        let step = Syntax.Text.Step(value: 0, source: 0)
        let whole = Syntax.Text(bytes: source.bytes, range: source.range, steps: [step])
        if let made = body(binder.forParameters(diagnostics, forever), whole), diagnostics.errors == 0 {
            return .success(made)
        }
        let first = diagnostics.all.first { $0.severity == .error }
        return .failure(Refusal(text: first?.message ?? "not a pseudo-variable", hint: first?.hint))
    }
}
