import PluginAPI

/// `pv.shvGet`, `pv.shvSet`: the variables of the whole server. They are the core's here, and so are their commands.
extension CoreCommands {
    func declareSharedVariables() throws(CommandRegistry.Refusal) {
        try add(
            "pv.shvGet", "shv_get", parameters: [CommandParameter("name", .string, optional: true)], reply: "any",
            "A shared variable as {name, type, value}, or a list of all."
        ) { execution in
            let answer = execution.answer
            let name = execution.text(0)
            guard !name.isEmpty else {
                answer.array {
                    for one in SharedVariables.server.all { CoreCommands.add(one, answer) }
                }
                return .done
            }
            let known = PermanentText.withBytes(of: name) { SharedVariables.server.known($0.bytes) }
            guard let known else { return execution.fail(404, "Variable not found") }
            CoreCommands.add(known, answer)
            return .done
        }
        try add(
            "pv.shvSet", "shv_set",
            parameters: [
                CommandParameter("name", .string), CommandParameter("type", .word(["i", "int", "s", "str"])),
                CommandParameter("value", .string),
            ], reads: false, reply: "none", "Sets a shared variable to a number (int) or a text (str)."
        ) { execution in
            let (name, text) = (execution.text(0), execution.text(2))
            guard !name.isEmpty else { return execution.fail(400, "the name is empty") }
            let number = Int64(text)
            let isNumber = execution.text(1).hasPrefix("i")
            if isNumber, number == nil { return execution.fail(400, "`\(text)` is no number") }
            PermanentText.withBytes(of: name) { name in
                PermanentText.withBytes(of: text) { text in
                    let value = isNumber ? apus_value(number ?? 0) : apus_value(text)
                    SharedVariables.server.set(name.bytes, value)
                }
            }
            return .done
        }
    }

    private static func add(_ one: SharedValue, _ answer: Answer) {
        answer.map {
            answer.add(one.name, key: "name")
            switch one.value {
            case .number(let number):
                answer.add("int", key: "type")
                answer.add(number, key: "value")
            case .text(let text):
                answer.add("string", key: "type")
                answer.add(text, key: "value")
            }
        }
    }
}
