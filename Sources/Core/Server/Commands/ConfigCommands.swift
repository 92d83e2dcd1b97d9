import PluginAPI

/// What the config says: defines, modules, parameters.
extension CoreCommands {
    func declareConfig() throws(CommandRegistry.Refusal) {
        let view = view
        try add("core.modules", reply: "[string]", "The modules that are loaded, the last one first.") { execution in
            execution.answer.array {
                for module in view.modules.all.reversed() { execution.answer.add(module.name) }
            }
            return .done
        }
        try add("core.ppdefines", reply: "[string]", "The names that the config's preprocessor knows.") { execution in
            execution.answer.array {
                for name in view.defines.keys.sorted() { execution.answer.add(name) }
            }
            return .done
        }
        try add(
            "core.ppdefines_full", reply: "[{name:string, type:int, value:string}]",
            "The names that the config's preprocessor knows, with what they stand for."
        ) { execution in
            let answer = execution.answer
            answer.array {
                for (name, value) in view.defines.sorted(by: { $0.key < $1.key }) {
                    answer.map {
                        answer.add(name, key: "name")
                        answer.add(0, key: "type")
                        answer.add(value.isEmpty ? "none" : String(decoding: value, as: UTF8.self), key: "value")
                    }
                }
            }
            return .done
        }
        try declareParameters()
    }

    // MARK: - Parameters of modules

    private func declareParameters() throws(CommandRegistry.Refusal) {
        let view = view
        let module = CommandParameter("module", .string)
        let name = CommandParameter("name", .string)
        try add(
            "modparam.list", parameters: [CommandParameter("module", .string, optional: true)],
            reply: "[{module:string, name:string, type:string, value:string, changeable:string}]",
            "The parameters of a module, or of all, with what they were set to and whether they may change."
        ) { execution in
            let wanted = execution.text(0)
            let answer = execution.answer
            let meant = view.modules.all.filter { wanted.isEmpty || $0.name == wanted }
            guard !meant.isEmpty else { return execution.fail(404, "module \(wanted) is not loaded") }
            answer.array {
                for module in meant {
                    for parameter in view.modules.registry.parameters[module.name] ?? [] {
                        answer.map {
                            answer.add(module.name, key: "module")
                            answer.add(parameter.name, key: "name")
                            answer.add(parameter.kind.text, key: "type")
                            answer.add(view.modules.shownValue(of: parameter), key: "value")
                            let changeable = view.modules.registry.changeable.number(module.name, parameter.name)
                            answer.add(changeable == nil ? "no" : "yes", key: "changeable")
                        }
                    }
                }
            }
            return .done
        }
        try add("modparam.gets", parameters: [module, name], reply: "string", "A parameter's value, as a text.") {
            execution in
            guard let parameter = CoreCommands.parameter(execution, view) else { return .failed }
            execution.answer.add(view.modules.shownValue(of: parameter))
            return .done
        }
        try add("modparam.getn", parameters: [module, name], reply: "int", "A parameter's value, which is a number.") {
            execution in
            guard let parameter = CoreCommands.parameter(execution, view) else { return .failed }
            guard let number = Int64(view.modules.shownValue(of: parameter)) else {
                return execution.fail(400, "parameter \(parameter.name) is no number")
            }
            execution.answer.add(number)
            return .done
        }
        try add(
            "modparam.setn", parameters: [module, name, CommandParameter("value", .int)], reads: false, reply: "none",
            "Changes a parameter that may change while the server runs, from the next message on."
        ) { execution in
            guard let parameter = CoreCommands.parameter(execution, view), let number = execution.number(2) else {
                return .failed
            }
            let change = Modules.Change(
                group: parameter.owner.name, name: parameter.name, value: apus_value(number))
            do throws(Modules.ChangeRefusal) { try view.modules.change([change]) } catch {
                return execution.fail(400, error.text)
            }
            return .done
        }
    }

    /// The one that the first two arguments name; nil, and a fault, when there is none.
    private static func parameter(_ execution: Execution, _ view: ServerView) -> ParameterDeclaration? {
        let (module, name) = (execution.text(0), execution.text(1))
        if let known = view.modules.registry.parameter(name, of: module) { return known }
        _ = execution.fail(404, "there is no parameter \(name) of a module \(module)")
        return nil
    }
}

extension Modules {
    /// [management] What a parameter is set to: the value in force where it may change, else what the config says or the default.
    fileprivate func shownValue(of parameter: ParameterDeclaration) -> String {
        if let number = registry.changeable.number(parameter.owner.name, parameter.name) {
            let value = registry.changeable.all[number].value
            return value.hasText ? value.str.string : String(value.num)
        }
        guard let set = settings[parameter.owner.name + ":" + parameter.name]?.value else {
            return parameter.initial ?? (parameter.kind == .int ? "0" : "")
        }
        // A text stands in its quotes there.
        return set.hasPrefix("\"") && set.utf8.count > 1 ? String(set.dropFirst().dropLast()) : set
    }
}
