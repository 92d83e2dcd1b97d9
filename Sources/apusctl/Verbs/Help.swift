/// What `--help` prints.
enum Help {
    static var overview: String {
        var text = "usage: apusctl [options] <verb> [words]\n"
        for group in Verb.Group.allCases {
            let verbs = Verb.all.filter { $0.group == group && !$0.summary.isEmpty }
            text += "\n * \(group.rawValue)\n\n"
            for verb in verbs { text += row(verb.usage, verb.summary) }
        }
        return text + "\n" + options
    }

    static let options = """
         * options, before or behind the verb

         --json ........................... the answer, or the error, as one line of JSON
         --socket, -s <address> ........... unixs:/path or tcp:host:port of the module ctl
         --fifo <path> .................... a FIFO of the server instead
         --timeout <seconds> .............. how long to wait for an answer
         --config <file> .................. settings, instead of apusctlrc
         --help, -h ....................... this, or what a verb does
         --version, -V .................... the version of this program
         -- ............................... what follows are no options

        exit codes: 0 done, 1 wrong usage or refused, 2 server not reachable, 3 timeout

        """

    static func text(_ verb: Verb) -> String {
        var text = "usage: apusctl \(verb.usage)\n"
        if verb.names.count > 1 { text += "also:  " + verb.names.dropFirst().joined(separator: ", ") + "\n" }
        text += "\n" + verb.summary.prefix(1).uppercased() + verb.summary.dropFirst() + ".\n"
        if !verb.details.isEmpty { text += "\n" + verb.details + "\n" }
        return text
    }

    private static func row(_ usage: String, _ summary: String) -> String {
        let dots = String(repeating: ".", count: max(2, 33 - usage.count))
        return " \(usage) \(dots) \(summary)\n"
    }
}

extension Verb {
    static let help = Verb(
        names: ["help"], group: .program, arguments: "[verb]", summary: "what a verb does", count: 0...1
    ) { session throws(Failure) in
        guard let name = session.arguments.first else { return Output.write(Help.overview) }
        guard let verb = Verb.named(name) else { throw .usage("there is no verb `\(name)`") }
        Output.write(Help.text(verb))
    }
}
