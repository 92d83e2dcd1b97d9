import PluginAPI

/// Variables whose value somebody else has to be asked for: the question stands right in front of the reading.
extension Compiler {
    func ask(for format: CompiledFormat) {
        for index in 0..<format.count {
            if let variable = format.pieces[index].variable { ask(for: variable.pointee, at: nil) }
        }
    }

    /// - Parameter range: where the variable stands, when that is known better than by the statement.
    func ask(for variable: CompiledVariable, at range: SourceRange?) {
        // What stands inside is read first.
        if let inner = variable.innerFormat { ask(for: inner.pointee) }
        if let inner = variable.innerVariable { ask(for: inner.pointee, at: range) }
        if let index = variable.indexVariable { ask(for: index.pointee, at: range) }
        guard let ask = variable.ask, route.kind != .onsend else { return }
        let place = emitter.place(range ?? route.range)
        let noPlans: [ArgumentPlan] = []
        callSites.append(
            CallSite(
                call: ask, user: variable.user, host: variable.access.host,
                plans: UnsafePointer(memory.table(noPlans)), constants: nil, argumentCount: 0, stackCount: 0,
                routes: UInt32(APUS_ANY_ROUTE), setsRC: false, isQuestion: true, file: place.file, line: place.line,
                module: apus_str(), function: variable.text))
        emitter.emit(.call, c: Int32(callSites.count - 1), effect: 0)
        // What waits may have run another route meanwhile.
        binder.isBeforeTransaction = false
    }
}
