/// `system.…`: commands about commands.
extension CoreCommands {
    func declareHelp() throws(CommandRegistry.Refusal) {
        let commands = view.modules.management.commands
        try add("system.listMethods", "which", reply: "[string]", "The names of all commands.") {
            [unowned commands] execution in
            execution.answer.array {
                for name in commands.all.map(\.name).sorted() { execution.answer.add(name) }
            }
            return .done
        }
        try add(
            "system.methodHelp", parameters: [CommandParameter("name", .string)], reply: "string",
            "What a command takes, answers and does."
        ) { [unowned commands] in
            CoreCommands.show($0, commands) { command in
                let also = command.aliases.isEmpty ? "" : "\nAlso called \(command.aliases.joined(separator: ", "))."
                return "\(command.usage)\n\(command.doc)\(also)"
            }
        }
        try add(
            "system.methodSignature", parameters: [CommandParameter("name", .string)], reply: "string",
            "What a command takes and answers."
        ) { [unowned commands] in
            CoreCommands.show($0, commands, \.signature)
        }
    }

    private static func show(
        _ execution: Execution, _ commands: CommandRegistry, _ text: (Command) -> String
    ) -> Command.Outcome {
        let name = execution.text(0)
        guard let command = commands.command(named: name) else {
            return execution.fail(404, "there is no command \(name)")
        }
        execution.answer.add(text(command))
        return .done
    }
}
