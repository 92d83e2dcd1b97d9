import PluginAPI

/// Turns a bound syntax tree into instructions and tables. A mistake is reported and something harmless emitted in its place, so that all
/// mistakes of a script are found in one pass; the result is thrown away then.
final class Compiler {
    typealias Expression = Syntax.Expression

    /// What is known of a value before it is computed.
    enum StaticType {
        /// 0 or 1.
        case truth
        case int
        case text
        /// Known at run time only.
        case open

        var isInt: Bool { self == .int || self == .truth }
    }

    let binder: Binder
    private let isMyself: ScriptEnvironment.IsMyself
    let resolve: (String) -> [SocketAddress]
    /// In conditions.
    let hostNames = HostNames()
    var memory: ProgramMemory { binder.memory }
    var diagnostics: Diagnostics { binder.diagnostics }
    var settings: Settings { binder.settings }
    var emitter = Emitter()

    var constants: [apus_value] = []
    private var constantNumbers: [Constant: Int32] = [:]
    var variables: [CompiledVariable] = []
    var formats: [CompiledFormat] = []
    var regexes: [OpaquePointer] = []
    var callSites: [CallSite] = []
    var conditions: [CompiledCondition] = []
    /// Made first, so that calls can point to routes that come later.
    let routeTable: UnsafeMutablePointer<CompiledRoute>

    // The block that is being compiled.
    var routeIndex = 0
    var dialect = Syntax.Dialect.maximal
    /// Where `break` goes; nil outside of loops and switches.
    var breakLabels: [Emitter.Label] = []
    /// A module's function gets the name of a route as a value: any route may be meant.
    var namesRoutesAtRunTime = false
    /// Conditions around the statement: what stands under one may never be reached from an unfitting kind of route.
    var conditionDepth = 0

    init(
        _ binder: Binder, isMyself: @escaping ScriptEnvironment.IsMyself,
        resolve: @escaping (String) -> [SocketAddress]
    ) {
        self.binder = binder
        self.isMyself = isMyself
        self.resolve = resolve
        let empty = CompiledRoute(name: apus_str(), kind: 0, entry: 0, depth: 0, image: nil)
        routeTable = binder.memory.table(Array(repeating: empty, count: binder.routes.routes.count))
    }

    var route: RouteTable.Route { binder.routes.routes[routeIndex] }

    func compile() -> ProgramImage {
        RouteGraph.trace(binder.routes)
        for index in binder.routes.routes.indices {
            let route = binder.routes.routes[index]
            routeTable[index].name = memory.text(route.name)
            routeTable[index].kind = route.kind.mask
        }
        for index in binder.routes.routes.indices { compileRoute(index) }
        emitter.patch()
        return makeImage()
    }

    private func compileRoute(_ index: Int) {
        routeIndex = index
        binder.route = index
        breakLabels = []
        conditionDepth = 0
        binder.isBeforeTransaction = route.kind == .request && route.name.isEmpty
        emitter.beginRoute()
        emitter.mark(route.range)
        routeTable[index].entry = emitter.here
        for block in route.blocks {
            dialect = block.dialect
            statements(block.body.statements)
        }
        // Only an explicit `return` decides about a reply, not the code of whatever came last.
        if route.kind == .coreOnReply { emitter.emit(.return, c: 1, effect: 0) }
        emitter.emit(.end, effect: 0)
        // One more than it ever pushes: the machine keeps a value in hand now and then.
        routeTable[index].depth = Int32(emitter.maximumHeight + 1)
    }

    private func makeImage() -> ProgramImage {
        let named = binder.namedVariables
        let events = eventRoutes
        return ProgramImage(
            code: UnsafePointer(memory.table(emitter.code)), codeCount: emitter.code.count,
            positions: UnsafePointer(memory.table(emitter.positions)),
            files: UnsafePointer(memory.table(emitter.files.map { memory.text($0) })),
            constants: UnsafePointer(memory.table(constants)), variables: UnsafePointer(memory.table(variables)),
            formats: UnsafePointer(memory.table(formats)), regexes: UnsafePointer(memory.table(regexes)),
            callSites: UnsafePointer(memory.table(callSites)), conditions: UnsafePointer(memory.table(conditions)),
            routes: UnsafePointer(routeTable), routeCount: binder.routes.routes.count,
            runVariableCount: binder.runVariables.capacity,
            runVariableDefaults: UnsafePointer(binder.runVariables.close(memory)),
            namedVariables: UnsafePointer(memory.table(named)), namedVariableCount: named.count,
            events: UnsafePointer(memory.table(events)), eventCount: events.count, uses: ProgramUses(),
            limits: ProgramImage.Limits(
                maxRecursiveLevel: Int32(clamping: settings.maximumRecursion),
                maxWhileLoops: Int64(settings.maximumWhileLoops), maxText: settings.number("pv_buffer_size")),
            isMyself: isMyself)
    }

    /// By the id of each event that a module raises: its block.
    private var eventRoutes: [UnsafePointer<CompiledRoute>?] {
        let kinds: [RouteKind] = [.event, .local, .branchFailure]
        return binder.registry.events.map { event in
            kinds.lazy.compactMap { self.binder.routes.find($0, event.name) }.first
                .map { UnsafePointer(self.routeTable + $0) }
        }
    }

    // MARK: Tables

    func push(_ number: Int64) {
        if let short = Int32(exactly: number) { return emitter.emit(.pushInt, c: short, effect: 1) }
        emitter.emit(.pushConstant, c: self.number(of: .int(number)), effect: 1)
    }

    func push(_ text: [UInt8]) { emitter.emit(.pushConstant, c: number(of: .text(text)), effect: 1) }

    /// Its place in the table of constants.
    func number(of constant: Constant) -> Int32 {
        if let known = constantNumbers[constant] { return known }
        switch constant {
        case .int(let number): constants.append(apus_value(number))
        case .text(let text): constants.append(apus_value(memory.text(text)))
        }
        constantNumbers[constant] = Int32(constants.count - 1)
        return Int32(constants.count - 1)
    }

    func add(_ variable: CompiledVariable) -> Int32 {
        variables.append(variable)
        return Int32(variables.count - 1)
    }

    func push(_ format: CompiledFormat) {
        ask(for: format)
        formats.append(format)
        emitter.emit(.pushFormat, c: Int32(formats.count - 1), effect: 1)
    }

    /// A constant pattern; nil when it is wrong, which was reported at the place in the pattern.
    func regex(_ text: Syntax.Text, _ options: CompiledRegex.Options) -> OpaquePointer? {
        do throws(CompiledRegex.Mistake) {
            // POSIX libraries read a repetition of nothing as nothing.
            let pattern = Array(
                text.bytes.drop { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "?") })
            let regex = try pattern.withBytes { bytes throws(CompiledRegex.Mistake) in
                try CompiledRegex(bytes, options)
            }
            memory.keep(regex)
            return regex.handle
        } catch {
            let offset = min(max(0, error.offset), text.bytes.count)
            let place = text.bytes.isEmpty ? text.range : text.range(of: max(0, offset - 1)..<max(1, offset))
            diagnostics.error("bad regular expression: \(error.text)", at: place)
            return nil
        }
    }
}
