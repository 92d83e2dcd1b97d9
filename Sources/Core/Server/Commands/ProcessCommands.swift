import Glibc

/// The process: where it runs, how it was started, how it ends.
extension CoreCommands {
    func declareProcess() throws(CommandRegistry.Refusal) {
        let view = view
        try add("core.pwd", "pwd", reply: "string", "The working directory.") { execution in
            guard let path = getcwd(nil, 0) else {
                return execution.fail(500, "the working directory is not known: \(String(cString: strerror(errno)))")
            }
            defer { free(path) }
            execution.answer.add(String(cString: path))
            return .done
        }
        try add("core.arg", "arg", reply: "[string]", "The command line, word by word.") { execution in
            execution.answer.array {
                for argument in CommandLine.arguments { execution.answer.add(argument) }
            }
            return .done
        }
        try add(
            "core.kill", "kill", parameters: [CommandParameter("signal", .int, optional: true)], reads: false,
            reply: "int", "Sends a signal to the server: 15, which ends it in order, or another one."
        ) { execution in
            let signal = execution.number(0) ?? Int64(SIGTERM)
            guard signal >= 0, signal <= 31 else { return execution.fail(400, "there is no signal \(signal)") }
            guard kill(getpid(), Int32(signal)) == 0 else {
                return execution.fail(500, String(cString: strerror(errno)))
            }
            execution.answer.add(Int64(0))
            return .done
        }
        try add(
            "core.ready", reply: "{ready:int}",
            "Whether the server takes traffic: 1; before it does, every command is answered 503."
        ) { execution in
            execution.answer.map { execution.answer.add(view.workers == nil ? 0 : 1, key: "ready") }
            return .done
        }
    }
}
