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
    }
}
