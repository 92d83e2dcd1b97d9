/// One thing that this program can do. Each verb, or family of them, has a file of its own, and a place in `Verb.all`.
struct Verb: Sendable {
    /// Headings of the overview.
    enum Group: String, CaseIterable {
        case server = "the server"
        case monitoring = "monitoring"
        case commands = "commands"
        case users = "users"
        case sip = "SIP"
        case database = "databases"
        case program = "this program"
    }

    /// The first is the one that is shown.
    let names: [String]
    let group: Group
    /// What comes behind the name: `<uri>`, `[group]`.
    var arguments = ""
    /// A line without a full stop.
    let summary: String
    /// More for `help`, in lines of less than 80 characters.
    var details = ""
    /// How many words may follow the name.
    var count: ClosedRange<Int> = 0...0
    /// Words that may come first, for completion and did-you-mean.
    var firstWords: [String] = []
    /// Whether words that look like options are the verb's own.
    var takesAnything = false
    let run: @Sendable (Session) throws(Failure) -> Void

    var name: String { names[0] }
    var usage: String { arguments.isEmpty ? name : "\(name) \(arguments)" }

    /// Checks the words behind the name.
    func check(_ words: [String]) throws(Failure) {
        if !takesAnything, let option = words.first(where: { $0.hasPrefix("-") && $0.count > 1 }) {
            throw .usage("\(name) has no option \(option)")
        }
        if words.count < count.lowerBound { throw .usage("\(name) wants more: apusctl \(usage)") }
        if words.count > count.upperBound { throw .usage("too many words: apusctl \(usage)") }
    }

    /// The verb of this name.
    static func named(_ name: String) -> Verb? { all.first { $0.names.contains(name) } }
}
