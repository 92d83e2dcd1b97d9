import BinRPC
import JSON

extension Verb {
    static let rpc = Verb(
        names: ["rpc"], group: .commands, arguments: "<command> [argument...]",
        summary: "any command of the server",
        details: """
            Arguments that are written as numbers are sent as numbers. s:5 is the text 5,
            i:5 the whole number, d:5 the number with a fraction. What looks like an option
            of apusctl comes behind --. `apusctl rpc system.listMethods` lists the commands,
            `apusctl rpc system.methodHelp <command>` tells what one does.
            """,
        count: 1...Int.max, takesAnything: true
    ) { session throws(Failure) in
        try session.refuseFIFO()
        var arguments: [RPCValue] = []
        for word in session.arguments.dropFirst() { arguments.append(try RPCValue(argument: word)) }
        let command = session.arguments[0]
        do throws(Failure) {
            try session.show(session.call(command, arguments, usually: 30))
        } catch {
            guard case .refused(let code, let text) = error, let hint = session.hint(for: command) else { throw error }
            throw .refused(code: code, text: text + hint)
        }
    }

    static let fifo = Verb(
        names: ["fifo"], group: .commands, arguments: "<command> [argument...]",
        summary: "a command through the server's FIFO",
        details: """
            Sends one argument per line and prints the reply; its status line is left out
            when it says no more than 200 OK. The FIFO is --fifo, SER_FIFO, or /tmp/ser_fifo.
            """,
        count: 1...Int.max, takesAnything: true
    ) { session throws(Failure) in
        guard let command = session.arguments.first, !command.isEmpty, !command.contains(":") else {
            throw .usage("a command has a name, and no colon in it")
        }
        if session.arguments.contains(where: { $0.contains("\n") }) {
            throw .usage("an argument is a line: there is no place for a line end in it")
        }
        let arguments = Array(session.arguments.dropFirst())
        let reply = try session.reply(session.anyFIFO, command, arguments, usually: 30)
        if session.json {
            Output.json(reply.json)
        } else {
            if reply.status.lowercased() != "200 ok" { Output.line(reply.status.printable) }
            for line in reply.lines { Output.line(line.printable) }
        }
        if !reply.isGood { throw .silent(exitCode: 1) }
    }
}

extension FIFODoor.Reply {
    var json: JSONValue {
        .fields([("code", .int(code)), ("reason", .string(reason)), ("lines", .array(lines.map { .string($0) }))])
    }
}

extension Session {
    /// What a command that the server does not have was probably meant to be; nil when it has it.
    fileprivate func hint(for command: String) -> String? {
        let commands = Completion.commands(self)
        // Older names of commands are not in the list: a hint is no verdict.
        guard !commands.isEmpty, !commands.contains(command) else { return nil }
        return Suggestion.hint(for: command, among: commands)
    }

    /// Prints an answer.
    func show(_ values: [RPCValue]) {
        if json { return Output.json(values.json) }
        for value in values { Output.line(value.text()) }
    }
}
