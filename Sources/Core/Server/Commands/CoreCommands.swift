/// Commands of the core, under the names that Kamailio's operators know and with the replies that their scripts read. One file a subject.
struct CoreCommands {
    private let registry: CommandRegistry
    let view: ServerView

    /// Declares them all.
    static func declare(in management: Management, _ view: ServerView) throws(CommandRegistry.Refusal) {
        let commands = CoreCommands(registry: management.commands, view: view)
        try commands.declareHelp()
        try commands.declareVersions()
        try commands.declareProcess()
        try commands.declareEchoes()
        try commands.declareConfig()
        try commands.declareThreads()
        try commands.declareMemory()
        try commands.declareMessages()
        try commands.declareSockets()
        try commands.declareConnections()
        try commands.declareNames()
        try commands.declareNameServers()
        try commands.declareSharedVariables()
        try commands.declareReload()
        try commands.declareDatabases()
    }

    /// A command that runs on the management thread.
    func add(
        _ name: String, _ aliases: String..., parameters: [CommandParameter] = [], repeats: Bool = false,
        reads: Bool = true, isSpaced: Bool = false, reply: ReplySchema, _ doc: String, call: @escaping Command.Call
    ) throws(CommandRegistry.Refusal) {
        try registry.add(
            Command(
                name, aliases: aliases, owner: "core", parameters, repeats: repeats, reads: reads,
                isSpaced: isSpaced, reply: reply, doc: doc, call: call))
    }

    /// A command that looks at each worker, and then answers on the management thread.
    func addForWorkers(
        _ name: String, parameters: [CommandParameter] = [], reads: Bool = true, reply: ReplySchema, _ doc: String,
        look: @escaping Command.Call, answer: @escaping Command.Call
    ) throws(CommandRegistry.Refusal) {
        try registry.add(
            Command(
                name, owner: "core", parameters, onEachWorker: true, reads: reads, reply: reply, doc: doc,
                afterwards: answer, call: look))
    }
}

extension Execution {
    /// The text of a parameter; empty when it was not given.
    func text(_ index: Int) -> String { String(decoding: arguments[index].text, as: UTF8.self) }

    /// The number of a parameter; nil when it was not given.
    func number(_ index: Int) -> Int64? {
        switch arguments[index] {
        case .int(let number), .value(_, let number?): number
        default: nil
        }
    }

    /// Gives up with a code and a sentence.
    func fail(_ code: Int, _ text: String) -> Command.Outcome {
        answer.fail(code, text)
        return .failed
    }
}
