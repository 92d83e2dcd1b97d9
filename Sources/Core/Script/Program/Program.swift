import PluginAPI

// Invariants: `image` and all that it points to lie in `memory` and end with the Program; whoever runs the image holds the
// Program. What is compiled for modules lies in memory that is never freed.

/// A script, ready to run: immutable, shared by all workers, alive as long as a run or transaction that began with it.
final class Program: @unchecked Sendable {
    let image: UnsafePointer<ProgramImage>
    private let memory: ProgramMemory
    private let binder: Binder

    fileprivate init(image: ProgramImage, binder: Binder) {
        memory = binder.memory
        self.binder = binder
        self.image = UnsafePointer(binder.memory.place(image))
    }

    /// Binds every name of a config to what Core and the loaded modules have declared, and compiles its routes.
    ///
    /// - Parameters:
    ///   - isMyself: answers `uri == myself`, on workers.
    ///   - resolve: the addresses of a host that stands in the script; may block.
    /// - Returns: nil when the config has mistakes; all of them are in `diagnostics` then.
    static func compile(
        _ tree: Syntax.Tree, settings: Settings, registry: Registry, diagnostics: Diagnostics,
        isMyself: @escaping ScriptEnvironment.IsMyself = ScriptEnvironment.current.isMyself,
        resolve: @escaping (String) -> [SocketAddress] = { _ in [] }
    ) -> Program? {
        let before = diagnostics.errors
        let binder = Binder(tree: tree, settings: settings, registry: registry, diagnostics: diagnostics)
        let compiler = Compiler(binder, isMyself: isMyself, resolve: resolve)
        let image = compiler.compile()
        let isComplete = diagnostics.errors == 0 && !compiler.namesRoutesAtRunTime
        Lints(
            tree: tree, routes: binder.routes, registry: registry, diagnostics: diagnostics, isComplete: isComplete
        ).check()
        return diagnostics.errors > before ? nil : Program(image: image, binder: binder)
    }

    /// The main block of a kind; nil when the script has none.
    func mainRoute(_ kind: RouteKind) -> UnsafePointer<CompiledRoute>? { image.mainRoute(kind: kind.mask) }

    /// Names of the `$var`s by their numbers.
    var runVariables: [String] { binder.runVariables.names }

    // MARK: For modules

    /// [start] A pseudo-variable out of a parameter, `"$avp(s:rpid)"`. Lives for ever.
    func compileVariable(_ text: String) -> Result<UnsafePointer<CompiledVariable>, Refusal> {
        compile(text) { binder, source in
            binder.readVariable(source, dialect: binder.tree.dialect).flatMap { binder.keptVariable($0) }
        }
    }

    /// [start] A text with pseudo-variables out of a parameter. Lives for ever.
    func compileFormat(_ text: String) -> Result<UnsafePointer<CompiledFormat>, Refusal> {
        compile(text) { binder, source in
            binder.format(source, dialect: binder.tree.dialect).map { UnsafePointer(binder.memory.place($0.compiled)) }
        }
    }

    /// Why a text from a parameter means nothing.
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
