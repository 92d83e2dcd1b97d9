import PluginAPI

// Invariants: `prepared` of the first argument points to the group's number, which lives as long as the program.

/// `cfg_select`, `cfg_reset`.
extension CoreFunctions {
    static func declareConfig(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.function(
            "cfg_select", "group:string, instance:int",
            "Makes @cfg_get.group… give the values of an instance (group[n].name = …) for the rest of the run."
        ) {
            let id = $0.argument(1).num
            guard let group = $0.argument(0).prepared?.assumingMemoryBound(to: UInt32.self),
                ScriptEnvironment.current.hasInstance(group.pointee, id)
            else {
                $0.coreRun.logAtStatement(.error, "that instance does not exist, of group ", $0.text(0))
                return -1
            }
            return $0.coreRun.select(id, of: $0.argument(0).str) ? 1 : -1
        }
        try declare.function(
            "cfg_reset", "group:string", "Makes @cfg_get.group… give the group's own values again."
        ) { $0.coreRun.select(nil, of: $0.argument(0).str) ? 1 : -1 }
    }
}

extension Compiler {
    /// The group of `cfg_select` and `cfg_reset` must exist.
    func bindConfigGroup(_ call: Syntax.Call, _ plan: inout ArgumentPlan) {
        let parameters = binder.registry.changeable
        let group = plan.prototype.str.string
        guard let number = parameters.groupNumber(group) else {
            diagnostics.error(
                "there are no parameters of group `\(group)`", at: call.arguments[0].range,
                hint: Suggest.hint(for: group, among: parameters.groups)
                    ?? "declare one outside of the route blocks: `\(group).… = …`")
            return
        }
        if call.arguments.count > 1, case .int(let id)? = fold(call.arguments[1]),
            !settings.custom.contains(where: { $0.group == group && $0.instance == id })
        {
            diagnostics.warning(
                "group `\(group)` has no instance \(id)", at: call.arguments[1].range,
                hint:
                    "declare it outside of the route blocks, `\(group)[\(id)].name = …`, or add it by cfg.add_group_inst"
            )
        }
        plan.prototype.prepared = UnsafeMutableRawPointer(memory.place(number))
    }
}
