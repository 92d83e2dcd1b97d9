import PluginAPI

// Invariants: `image` and all that it points to lie in `memory` and end with the Program, which whoever put it in force keeps until its `uses`
// are 0 on every worker.

/// A script, ready to run: immutable, shared by all workers, alive as long as a run or transaction that began with it.
final class Program: @unchecked Sendable {
    let image: UnsafePointer<ProgramImage>
    private let memory: ProgramMemory
    private let binder: Binder
    /// For modules that start.
    let texts: ModuleTexts

    /// What conditions point to.
    private let hostNames: HostNames

    fileprivate init(
        image: ProgramImage, routes: UnsafeMutablePointer<CompiledRoute>, binder: Binder, hostNames: HostNames
    ) {
        self.hostNames = hostNames
        memory = binder.memory
        self.binder = binder
        texts = ModuleTexts(binder)
        let place = binder.memory.place(image)
        self.image = UnsafePointer(place)
        place.pointee.program = Unmanaged.passUnretained(self)
        hostNames.begin()
        for index in 0..<image.routeCount { routes[index].image = self.image }
        place.pointee.main = ProgramImage.MainRoutes(
            preRouting: self.image.route(named: binder.memory.text("core:pre-routing"), kinds: RouteKind.event.mask),
            request: mainRoute(.request), reply: mainRoute(.coreOnReply), onsend: mainRoute(.onsend),
            received: self.image.route(named: binder.memory.text("core:msg-received"), kinds: RouteKind.event.mask),
            receiveParseError: self.image.route(
                named: binder.memory.text("core:receive-parse-error"), kinds: RouteKind.event.mask))
    }

    deinit { image.pointee.uses.free() }

    /// Binds every name of a config to what Core and the loaded modules have declared, and compiles its routes.
    ///
    /// - Parameters:
    ///   - isMyself: answers `uri == myself`, on workers.
    ///   - resolve: the addresses of a host that stands in the script; may block.
    ///   - runVariables: names of an earlier program whose numbers hold on, since modules have compiled texts that go by them.
    ///   - begun: gets, before anything is compiled, what compiles texts for the modules that look at their constants.
    /// - Returns: nil when the config has mistakes; all of them are in `diagnostics` then.
    static func compile(
        _ tree: Syntax.Tree, settings: Settings, registry: Registry, diagnostics: Diagnostics,
        isMyself: @escaping ScriptEnvironment.IsMyself = ScriptEnvironment.current.isMyself,
        resolve: @escaping (String) -> [SocketAddress] = { _ in [] }, runVariables: [String] = [],
        begun: (ModuleTexts) -> Void = { _ in }
    ) -> Program? {
        let before = diagnostics.errors
        let binder = Binder(
            tree: tree, settings: settings, registry: registry, diagnostics: diagnostics, runVariables: runVariables)
        begun(ModuleTexts(binder))
        let compiler = Compiler(binder, isMyself: isMyself, resolve: resolve)
        let image = compiler.compile()
        let isComplete = diagnostics.errors == 0 && !compiler.namesRoutesAtRunTime
        Lints(
            tree: tree, routes: binder.routes, registry: registry, diagnostics: diagnostics,
            uses: binder.runVariableUses, isComplete: isComplete
        ).check()
        guard diagnostics.errors == before else {
            image.uses.free()
            return nil
        }
        return Program(image: image, routes: compiler.routeTable, binder: binder, hostNames: compiler.hostNames)
    }

    /// The main block of a kind; nil when the script has none.
    func mainRoute(_ kind: RouteKind) -> UnsafePointer<CompiledRoute>? { image.mainRoute(kind: kind.mask) }

    /// Names of the `$var`s by their numbers.
    var runVariables: [String] { binder.runVariables.names }
}
