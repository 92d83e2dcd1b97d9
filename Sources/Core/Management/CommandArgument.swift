/// An argument of an execution, read as its parameter says.
enum CommandArgument: Equatable, Sendable {
    /// Optional, and left out.
    case absent
    case int(Int64)
    case string([UInt8])
    /// The text, and its number when it is one. Neither for what holds others: `Execution.values` has it.
    case value([UInt8], Int64?)
    /// The word and its place in the parameter's list.
    case word([UInt8], Int)

    var text: [UInt8] {
        switch self {
        case .absent, .int: []
        case .string(let text), .value(let text, _), .word(let text, _): text
        }
    }
}

extension Command {
    /// Reads an execution's arguments.
    /// - Returns: as many as there are parameters; with `repeats` as many as were given.
    func arguments(_ values: [CommandValue]) throws(CommandFault) -> [CommandArgument] {
        let required = parameters.prefix { !$0.optional }.count
        guard values.count >= required else {
            throw misused("too few parameters (\(values.count)/\(required))")
        }
        guard repeats || values.count <= parameters.count else {
            throw misused("too many parameters (\(values.count)/\(parameters.count))")
        }
        var result: [CommandArgument] = []
        for (index, value) in values.enumerated() {
            do {
                result.append(try parameters[min(index, parameters.count - 1)].read(value, trees: takesTrees))
            } catch { throw misused(error.text) }
        }
        let missing = repeats ? 0 : parameters.count - values.count
        return result + Array(repeating: .absent, count: missing)
    }

    /// The fault for arguments that the command does not take; it ends with how the command is called.
    private func misused(_ complaint: String) -> CommandFault {
        CommandFault(code: 400, "\(complaint); usage: \(synopsis)", .arguments)
    }
}

/// Why an argument is not what its parameter says.
private struct Misreading: Error { let text: String }

extension CommandParameter {
    fileprivate func read(_ value: CommandValue, trees: Bool) throws(Misreading) -> CommandArgument {
        if value.isTree, !trees || kind != .value {
            throw Misreading(text: "parameter \(name) must be a single value")
        }
        let text = value.bytes
        switch kind {
        case .string: return .string(text)
        case .value: return .value(text, value.number)
        case .int:
            if let number = value.number { return .int(number) }
            throw Misreading(text: "parameter \(name) must be a number: `\(CommandParameter.shown(text))`")
        case .word(let words):
            if let place = words.firstIndex(where: { $0.utf8.elementsEqual(text) }) { return .word(text, place) }
            let list = words.joined(separator: ", ")
            throw Misreading(text: "parameter \(name) is `\(CommandParameter.shown(text))`, not one of \(list)")
        }
    }

    private static func shown(_ text: [UInt8]) -> String {
        String(decoding: text.prefix(80), as: UTF8.self) + (text.count > 80 ? "..." : "")
    }
}

/// Instead of an answer: a code as of SIP and HTTP, and a sentence.
struct CommandFault: Error, Equatable, Sendable {
    let code: Int
    let text: [UInt8]
    /// Why the command was not called; nil: it was.
    let refusal: Refusal?

    enum Refusal: UInt32, Sendable {
        case unknown = 1
        case arguments = 2
        case forbidden = 3
    }

    init(code: Int, _ text: String, _ refusal: Refusal? = nil) { self.init(code: code, Array(text.utf8), refusal) }

    init(code: Int, _ text: [UInt8], _ refusal: Refusal? = nil) {
        self.code = code
        self.text = text
        self.refusal = refusal
    }
}
