/// Commands of the core, under the names that Kamailio's operators know.
enum CoreCommands {
    static func declare(in management: Management) throws(CommandRegistry.Refusal) {
        let began = Syscalls.wallNanoseconds() / 1_000_000_000
        let started = Syscalls.monotonicNanoseconds()
        let commands = management.commands
        try commands.add(
            Command("core.version", owner: "core", reads: true, doc: "What this server calls itself.") { execution in
                execution.answer.add(Version.product)
                return .done
            })
        try commands.add(
            Command(
                "core.uptime", owner: "core", reads: true,
                doc: "The time, when the server was started, and seconds since."
            ) { execution in
                let seconds = (Syscalls.monotonicNanoseconds() - started) / 1_000_000_000
                execution.answer.openMap()
                execution.answer.add(date(Syscalls.wallNanoseconds() / 1_000_000_000), key: "now")
                execution.answer.add(date(began), key: "up_since")
                execution.answer.add(Int64(seconds), key: "uptime")
                execution.answer.close()
                return .done
            })
        try commands.add(
            Command(
                "core.echo", owner: "core", [CommandParameter("values", .value, optional: true)], repeats: true,
                reads: true, doc: "Answers its arguments."
            ) { execution in
                for argument in execution.arguments {
                    if case .value(_, let number?) = argument {
                        execution.answer.add(number)
                    } else {
                        execution.answer.add(String(decoding: argument.text, as: UTF8.self))
                    }
                }
                return .done
            })
        try declareHelp(in: commands)
    }

    private static func declareHelp(in commands: CommandRegistry) throws(CommandRegistry.Refusal) {
        try commands.add(
            Command("system.listMethods", owner: "core", reads: true, doc: "The names of all commands.") {
                [unowned commands] execution in
                for command in commands.all.sorted(by: { $0.name < $1.name }) { execution.answer.add(command.name) }
                return .done
            })
        try commands.add(
            Command(
                "system.methodHelp", owner: "core", [CommandParameter("name", .string)], reads: true,
                doc: "What a command does and takes."
            ) { [unowned commands] execution in
                let name = String(decoding: execution.arguments[0].text, as: UTF8.self)
                guard let command = commands.command(named: name) else {
                    execution.answer.fail(404, "there is no command \(name)")
                    return .failed
                }
                execution.answer.add("\(command.usage)\n\(command.doc)")
                return .done
            })
    }

    private static func date(_ seconds: UInt64) -> String {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { buffer in
            var writer = ByteWriter(UnsafeMutableRawBufferPointer(buffer))
            SIPDate.write(Int64(seconds), to: &writer)
            return writer.bytes.string
        }
    }
}
