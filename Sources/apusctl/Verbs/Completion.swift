import BinRPC

extension Verb {
    /// For the shell's completion: prints what may stand at the place of the last word.
    static let complete = Verb(
        names: ["__complete"], group: .program, summary: "", count: 0...Int.max, takesAnything: true
    ) { session throws(Failure) in
        let words = session.arguments
        let start = words.last ?? ""
        let typed = Completion.session(of: words, session)
        for word in Completion.candidates(words.dropLast(), { Completion.commands(typed) })
        where word.hasPrefix(start) {
            Output.line(word)
        }
    }
}

enum Completion {
    static let options = ["--json", "--socket", "--fifo", "--timeout", "--config", "--help", "--version"]
    private static let withValue: Set = ["--socket", "-s", "--fifo", "--timeout", "--config"]

    /// With the options that have been typed so far, but this session's patience.
    static func session(of words: [String], _ session: Session) -> Session {
        guard var invocation = try? Invocation(["apusctl"] + words) else { return session }
        invocation.timeout = session.invocation.timeout
        if invocation.socket == nil { invocation.socket = session.invocation.socket }
        let settings = invocation.config.flatMap { try? Settings.read($0) { _ in } }
        return Session(invocation, settings ?? session.settings)
    }

    /// What may follow these words.
    /// - Parameter commands: asks the server for its commands.
    static func candidates(_ words: ArraySlice<String>, _ commands: () -> [String]) -> [String] {
        if let last = words.last, withValue.contains(last) { return [] }
        var plain: [String] = []
        var skip = false
        for word in words {
            if skip {
                skip = false
            } else if withValue.contains(word) {
                skip = true
            } else if !word.hasPrefix("-") {
                plain.append(word)
            }
        }
        guard let first = plain.first else { return Verb.all.filter { !$0.summary.isEmpty }.flatMap(\.names) + options }
        guard let verb = Verb.named(first) else { return [] }
        if plain.count == 1 { return (verb.name == "rpc" ? commands() : verb.firstWords) + options }
        return options
    }

    /// The commands of the running server; none when it does not answer at once.
    static func commands(_ session: Session) -> [String] {
        guard let values = try? session.call("system.listMethods") else { return [] }
        return values.flatMap { value in
            if case .array(let names) = value { names.map(\.plain) } else { [value.plain] }
        }
    }
}
