/// Why a verb has not done what it should; each kind has an exit code, so that scripts can tell them apart.
enum Failure: Error, Equatable {
    /// The command line is wrong.
    case usage(String)
    /// The server, or this program on its behalf, says no.
    case refused(code: Int64, text: String)
    /// There is nobody to ask.
    case unreachable(String)
    /// It took too long.
    case timeout(String)
    /// What there is to say has been printed already.
    case silent(exitCode: Int32)

    var exitCode: Int32 {
        switch self {
        case .usage, .refused: 1
        case .unreachable: 2
        case .timeout: 3
        case .silent(let code): code
        }
    }

    /// With the code, if there is one.
    var text: String {
        if case .refused(let code, let text) = self, code != 0 { return "\(code) \(text)" }
        return message
    }

    /// The words alone.
    var message: String {
        switch self {
        case .usage(let text), .unreachable(let text), .timeout(let text): text
        case .refused(_, let text): text
        case .silent: ""
        }
    }

    /// For `--json`, codes as SIP has them.
    var code: Int64 {
        switch self {
        case .usage: 400
        case .silent: 500
        case .refused(let code, _): code == 0 ? 500 : code
        case .unreachable: 503
        case .timeout: 504
        }
    }

    static func refused(_ text: String) -> Failure { .refused(code: 0, text: text) }

    /// The words behind a verb: the first is none of those that it has, or there are too few or many behind it.
    static func words(_ verb: String, _ words: [String], among known: [String], usage: String) -> Failure {
        guard let first = words.first, !known.contains(first) else { return .usage("apusctl \(verb) \(usage)") }
        let hint = Suggestion.hint(for: first, among: known)
        return .usage("\(verb): there is no `\(first)`\(hint): apusctl \(verb) \(usage)")
    }
}
