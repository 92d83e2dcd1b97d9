import PluginAPI

// Invariants: `image` and all that it points to lie in `memory` (and `resolved`, for what modules compiled); both end with the Program.
// Whoever runs the image holds the Program.

/// A script, ready to run: immutable, shared by all workers, alive as long as a run or transaction that began with it.
final class Program: @unchecked Sendable {
    let image: UnsafePointer<ProgramImage>
    private let memory: ProgramMemory
    /// Names of the `$var`s by their numbers.
    let runVariables: [String]

    init(image: ProgramImage, memory: ProgramMemory, runVariables: [String]) {
        self.image = UnsafePointer(memory.place(image))
        self.memory = memory
        self.runVariables = runVariables
    }

    /// Binds every name of a config to what Core and the loaded modules have declared, and compiles its routes.
    ///
    /// - Returns: nil when the config has mistakes; all of them are in `diagnostics` then.
    static func compile(
        _ tree: Syntax.Tree, settings: Settings, registry: Registry, diagnostics: Diagnostics,
        server: ServerQuestions = ServerQuestions()
    ) -> Program? {
        let before = diagnostics.errors
        let binder = Binder(tree: tree, settings: settings, registry: registry, diagnostics: diagnostics)
        let compiler = Compiler(binder, server: server)
        let program = compiler.compile()
        return diagnostics.errors > before ? nil : program
    }

    /// The main block of a kind (one APUS_…_ROUTE bit); nil when the script has none.
    func mainRoute(_ kind: RouteKind) -> UnsafePointer<CompiledRoute>? { image.mainRoute(kind: kind.mask) }
}

/// What scripts ask of rooms above this one. Asked on workers, for every message: the answers must not block.
struct ServerAnswers: Sendable {
    /// Is this host, with this port, one of our addresses or aliases? Port 0: whatever the port. The host as in a URI, IPv6 with
    /// brackets.
    typealias IsMyself = @convention(c) (_ host: apus_str, _ port: UInt16) -> Bool
    /// APUS_UDP … of the listener that received a message (`Routing.receivedOn`).
    typealias Transport = @convention(c) (_ receivedOn: UnsafeMutableRawPointer?) -> Int32

    var isMyself: IsMyself = { _, _ in false }
    var transport: Transport = { _ in Int32(APUS_UDP) }
}

/// What the compiler asks, and where its scripts get their answers.
struct ServerQuestions {
    var answers = ServerAnswers()
    /// [start] The addresses of a host that stands in the script; may block.
    var resolve: (String) -> [SocketAddress] = { _ in [] }
}
