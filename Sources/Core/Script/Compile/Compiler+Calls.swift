import PluginAPI

/// Calls of functions and routes.
extension Compiler {
    /// Emits the call; its result is in the machine's `code` then.
    func call(_ call: Syntax.Call) {
        emitter.mark(call.name.range)
        if call.name.text == "route" { return routeCall(call) }
        guard let function = binder.function(call) else { return }
        checkRoute(function, call)
        if function.endsServer { diagnostics.warning("`\(function.name)` ends the server", at: call.name.range) }
        let height = emitter.height
        var plans: [ArgumentPlan] = []
        for (index, argument) in call.arguments.enumerated() {
            guard let plan = plan(argument, function.signature.kind(at: index), place: index, of: function) else {
                return
            }
            plans.append(plan)
        }
        if function.owner.name == "core", function.name.hasPrefix("cfg_") { bindConfigGroup(call, &plans[0]) }
        while plans.count < function.signature.arguments.count {
            guard let plan = absentPlan(plans.count, of: function, in: call.range) else { return }
            plans.append(plan)
        }
        // What waits may have run another route meanwhile.
        if function.maySuspend || !KnownNames.bystanders.contains(function.owner.name) {
            binder.isBeforeTransaction = false
        }
        let pushed = emitter.height - height
        let place = emitter.place(call.name.range)
        let constants = pushed == 0 ? memory.table(plans.map(\.prototype)) : nil
        callSites.append(
            CallSite(
                call: function.call, user: function.user, host: function.owner.host,
                plans: UnsafePointer(memory.table(plans)),
                constants: constants.map { UnsafePointer($0) }, argumentCount: UInt32(plans.count),
                stackCount: UInt32(pushed), routes: function.routes, setsRC: function.owner.name != "core",
                file: place.file, line: place.line, module: memory.text(function.owner.name),
                function: memory.text(function.name)))
        emitter.mark(call.name.range)
        emitter.emit(.call, c: Int32(callSites.count - 1), effect: -pushed)
    }

    // MARK: Routes

    private func routeCall(_ call: Syntax.Call) {
        defer { binder.isBeforeTransaction = false }
        guard call.arguments.count == 1 else {
            diagnostics.error("`route` takes 1 argument, \(call.arguments.count) given", at: call.range)
            return
        }
        let argument = call.arguments[0]
        var name: String?
        switch argument.kind {
        case .word(let word): name = word
        case .number(let number): name = String(number)
        case .text(let text):
            if text.isSingleQuoted
                || !VariableReader.containsVariable(text, dialect: dialect, isKnown: binder.isVariable)
            {
                name = Parser.routeName(text.string)
            } else {
                diagnostics.notice("the name of the route is put together at each call", at: text.range)
                guard let format = binder.format(text, dialect: dialect) else { return }
                push(format.compiled)
            }
        case .invalid: return
        default:
            if case .text(let bytes)? = fold(argument) {
                name = Parser.routeName(String(decoding: bytes, as: UTF8.self))
            } else {
                value(argument)
            }
        }
        if let name {
            guard let index = binder.route(.request, named: name, at: argument.range) else { return }
            emitter.emit(.callRoute, c: Int32(index), effect: 0)
        } else {
            checkPrefix(argument)
            emitter.emit(.callRouteNamed, a: UInt8(RouteKind.request.rawValue), effect: -1)
        }
    }

    /// A name that is put together must at least begin like some route.
    private func checkPrefix(_ argument: Expression) {
        let prefix = RouteGraph.prefix(of: argument)
        guard !prefix.isEmpty, !binder.routes.names(.request).contains(where: { $0.hasPrefix(prefix) }) else { return }
        diagnostics.warning("no route's name begins with `\(prefix)`", at: argument.range)
    }

    // MARK: Where a function may be called

    private func checkRoute(_ function: FunctionDeclaration, _ call: Syntax.Call) {
        if function.maySuspend, route.kind == .event, binder.registry.event(named: route.name)?.mayWait == false {
            diagnostics.error("`\(function.name)` may wait, which nothing can in `\(route.title)`", at: call.name.range)
        }
        if route.kind == .event, route.name == "core:modinit-before", !function.owner.worksUnstarted {
            diagnostics.error(
                "`\(function.name)` cannot be called in `\(route.title)`: module \(function.owner.name) is not started yet",
                at: call.name.range)
        }
        if route.kind == .request, !route.name.isEmpty { return checkSubroute(function, call) }
        guard !allows(function, route.kind.mask) else {
            if function.maySuspend, route.kind == .onsend {
                diagnostics.error(
                    "`\(function.name)` may wait, which nothing can in `\(route.title)`", at: call.name.range)
            }
            return
        }
        diagnostics.error(
            "`\(function.name)` may not be called in `\(route.title)`", at: call.name.range,
            hint: "it may be called in \(RouteKind.list(function.routes))")
    }

    /// What may be called for requests may be called in event routes, too.
    private func allows(_ function: FunctionDeclaration, _ kind: UInt32) -> Bool {
        let events = RouteKind.event.mask | RouteKind.local.mask | RouteKind.branchFailure.mask
        if kind & events != 0 { return function.routes & (kind | events | RouteKind.request.mask) != 0 }
        return function.routes & kind != 0
    }

    /// In `route[X]` what counts is who calls it.
    private func checkSubroute(_ function: FunctionDeclaration, _ call: Syntax.Call) {
        let kinds = RouteKind.allCases.filter { route.reached & $0.mask != 0 }
        let unfitting = kinds.filter { !allows(function, $0.mask) }
        let fits = function.routes & RouteKind.request.mask != 0 || kinds.contains { allows(function, $0.mask) }
        if !fits {
            let paths = kinds.map { RouteGraph.path(to: routeIndex, $0.mask, binder.routes) }
            diagnostics.error(
                "`\(function.name)` may not be called in `\(route.title)`", at: call.name.range,
                hint: "it may be called in \(RouteKind.list(function.routes))",
                notes: paths.map { Diagnostic.Note("reached by \($0)") })
            return
        }
        guard let first = unfitting.first, conditionDepth == 0 else { return }
        diagnostics.warning(
            "`\(function.name)` fails where `\(route.title)` is reached from `\(first.keyword)`", at: call.name.range,
            hint: "it may be called in \(RouteKind.list(function.routes))",
            notes: [Diagnostic.Note("reached by \(RouteGraph.path(to: routeIndex, first.mask, binder.routes))")])
    }
}
