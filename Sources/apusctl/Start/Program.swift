import Glibc
import JSON

/// The program: words in, exit code out.
enum Program {
    static let version = "0.1.0"

    static func main(_ words: [String]) -> Int32 {
        // Writing to who has gone is an error, not the end.
        signal(SIGPIPE, SIG_IGN)
        let json = words.contains("--json")
        do {
            try run(words)
            return 0
        } catch {
            if case .silent = error { return error.exitCode }
            report(error, json: json)
            return error.exitCode
        }
    }

    private static func run(_ words: [String]) throws(Failure) {
        let invocation = try Invocation(words)
        if invocation.version { return Output.line("apusctl \(version)") }
        guard let name = invocation.verb else {
            guard invocation.help else { throw .usage("a verb is missing\n\n" + Help.overview) }
            return Output.write(Help.overview)
        }
        guard let verb = Verb.named(name) else {
            let candidates = Verb.all.filter { $0.group != .program || $0.name == "help" }.flatMap(\.names)
            let hint = Suggestion.hint(for: name, among: candidates)
            throw .usage("there is no verb `\(name)`\(hint)\n\n" + Help.overview)
        }
        if invocation.help { return Output.write(Help.text(verb)) }
        try verb.check(invocation.arguments)
        let settings = try Settings.read(invocation.config) { Output.complain("apusctl: " + $0) }
        try verb.run(Session(invocation, settings))
    }

    /// With `--json` on standard output, so that who reads that gets one value in any case.
    private static func report(_ failure: Failure, json: Bool) {
        if json {
            Output.json(
                .fields([("error", .fields([("code", .int(failure.code)), ("message", .string(failure.message))]))]))
        } else {
            Output.complain("apusctl: " + failure.text.printable)
        }
    }
}
