import PluginAPI

// Invariants: `command` and what it points to live as long as this object, which its execution keeps; they are made before the first call
// and constant afterwards.

/// A module's function behind a command.
struct ContractFunction: @unchecked Sendable {
    let host: UnsafePointer<apus_host>
    let call: @convention(c) (UnsafePointer<apus_command>) -> CInt
    let user: UnsafeMutableRawPointer?

    func call(_ execution: Execution) -> Command.Outcome {
        let made = execution.context as? ContractCommand ?? ContractCommand(execution, self)
        execution.context = made
        return ContractFunction.outcome(of: call(made.command))
    }

    /// What a function of a command has answered.
    static func outcome(of result: CInt) -> Command.Outcome {
        switch result {
        case CInt(APUS_TRUE): .done
        case CInt(APUS_FALSE): .failed
        case CInt(APUS_SUSPENDED): .deferred
        case CInt(APUS_RPC_MORE): .more
        default: .unknown(Int(result))
        }
    }
}

extension ContractFunction {
    /// The same of a step on a worker, which is not called again for more.
    static func outcome(ofStep result: CInt) -> Command.Outcome {
        result == CInt(APUS_RPC_MORE) ? .unknown(Int(result)) : outcome(of: result)
    }
}

/// An execution as a module sees it.
final class ContractCommand {
    let command: UnsafeMutablePointer<apus_command>
    private let arguments: UnsafeMutablePointer<apus_arg>
    private let texts: UnsafeMutablePointer<UInt8>
    private let count: Int
    private let door: UnsafeMutablePointer<UInt8>
    /// By argument: what `items` gives, made when it is asked for.
    private var items: [Int: ItemList] = [:]
    private let values: [CommandValue]

    init(_ execution: Execution, _ function: ContractFunction) {
        let given = execution.arguments
        count = given.count
        values = execution.values
        let names = Array(execution.request.door.utf8) + Array(execution.request.peer.utf8)
        door = .allocate(capacity: max(1, names.count))
        door.initialize(from: names, count: names.count)
        let doorLength = execution.request.door.utf8.count
        command = .allocate(capacity: 1)
        arguments = .allocate(capacity: max(1, given.count))
        texts = .allocate(capacity: max(1, given.reduce(0) { $0 + $1.text.count }))
        var free = texts
        for (index, argument) in given.enumerated() {
            let text = argument.text
            free.initialize(from: text, count: text.count)
            (arguments + index).initialize(
                to: ContractCommand.argument(argument, Bytes(UnsafePointer(free), text.count)))
            free += text.count
        }
        let answer = OpaquePointer(Unmanaged.passUnretained(execution).toOpaque())
        command.initialize(
            to: apus_command(
                size: UInt32(MemoryLayout<apus_command>.size), count: UInt32(count), host: function.host,
                args: UnsafePointer(arguments), answer: answer, user: function.user, place: execution.place,
                door: apus_str(Bytes(UnsafePointer(door), doorLength)),
                peer: apus_str(Bytes(UnsafePointer(door + doorLength), names.count - doorLength))))
    }

    deinit {
        command.deallocate()
        arguments.deallocate()
        texts.deallocate()
        door.deallocate()
    }

    /// An argument as it was given. On the thread that has the command.
    func items(_ index: Int) -> ItemList? {
        guard values.indices.contains(index) else { return nil }
        if let made = items[index] { return made }
        let made = ItemList(values[index])
        items[index] = made
        return made
    }

    private static func argument(_ argument: CommandArgument, _ text: Bytes) -> apus_arg {
        var made = apus_arg()
        switch argument {
        case .absent: return made
        case .int(let number): made.num = number
        case .string: made.str = apus_str(text)
        case .word(_, let place):
            made.num = Int64(place)
            made.str = apus_str(text)
        case .value(_, let number):
            made.value = UInt32(number == nil ? APUS_STRING : APUS_INT | APUS_STRING)
            made.num = number ?? 0
            made.str = apus_str(text)
        }
        made.given = 1
        return made
    }
}
