/// Commands that answer their arguments: for trying out a door.
extension CoreCommands {
    /// Seconds that `core.echo_delta` waits at most.
    private static let longestDelay: Int64 = 3600

    func declareEchoes() throws(CommandRegistry.Refusal) {
        let values = CommandParameter("values", .value, optional: true)
        try add("core.echo", parameters: [values], repeats: true, reply: "value...", "Answers its arguments.") {
            CoreCommands.echo($0.arguments[...], $0.answer)
            return .done
        }
        try add(
            "core.echo_delta", parameters: [CommandParameter("seconds", .int), values], repeats: true,
            reply: "value...", "Answers its further arguments after so many seconds."
        ) { execution in
            let seconds = execution.number(0) ?? 0
            guard seconds >= 0, seconds <= CoreCommands.longestDelay else {
                return execution.fail(400, "the delay is 0 to \(CoreCommands.longestDelay) seconds")
            }
            if seconds > 0, execution.calls == 1 { return .again(UInt32(seconds) * 1000) }
            CoreCommands.echo(execution.arguments.dropFirst(), execution.answer)
            return .done
        }
        try add(
            "core.prints", parameters: [CommandParameter("texts", .string, optional: true)], repeats: true,
            reply: "string...", "Answers its arguments, as texts."
        ) { execution in
            for argument in execution.arguments {
                execution.answer.add(String(decoding: argument.text, as: UTF8.self))
            }
            return .done
        }
        try add(
            "core.printi", parameters: [CommandParameter("numbers", .int, optional: true)], repeats: true,
            reply: "int...", "Answers its arguments, which are numbers."
        ) {
            CoreCommands.echo($0.arguments[...], $0.answer)
            return .done
        }
    }

    private static func echo(_ arguments: ArraySlice<CommandArgument>, _ answer: Answer) {
        for argument in arguments {
            switch argument {
            case .int(let number), .value(_, let number?): answer.add(number)
            default: answer.add(String(decoding: argument.text, as: UTF8.self))
            }
        }
    }
}
