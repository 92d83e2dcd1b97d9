/// A global parameter: `name = value` outside of route blocks.
struct Global: Sendable {
    enum Kind: String, Sendable {
        /// A number or a word that stands for one.
        case bool
        case number
        /// A quoted text.
        case string
        /// A quoted text, or a bare word, host or address.
        case word
        /// A number, or one of some words.
        case mixed
    }

    /// What the server makes of it.
    enum Treatment: Sendable, Equatable {
        case effective
        /// Checked, then without meaning in this design.
        case ignored
        /// Comes into effect with a part of the server that this version does not have.
        case later
        /// The old name of something else; `Settings` translates it.
        case mapped
    }

    let name: String
    let aliases: [String]
    let kind: Kind
    /// Values that are allowed, of numbers.
    let range: ClosedRange<Int64>
    /// Words that are allowed; empty when all are.
    let words: [String]
    /// The value when it is not set, as it would be written.
    let initial: String?
    let treatment: Treatment
    /// A parameter that only Apus knows.
    let isOurs: Bool

    /// - Parameter row: names kind [range|words] default treatment, separated by blanks. Aliases stand behind a slash, a missing
    ///   default is `-`.
    private init(row: Substring) {
        let columns = row.split(separator: " ").map(String.init)
        let names = columns[0].split(separator: "/").map(String.init)
        name = names[0]
        aliases = Array(names.dropFirst())
        let type = columns[1].split(separator: ":", maxSplits: 1).map(String.init)
        kind = Kind(rawValue: type[0])!
        var allowed: ClosedRange<Int64> = 0...Int64(Int32.max)
        var accepted: [String] = []
        if type.count > 1 {
            let bounds = type[1].split(separator: ".", omittingEmptySubsequences: true).compactMap { Int64($0) }
            if bounds.count == 2, bounds[0] <= bounds[1] {
                allowed = bounds[0]...bounds[1]
            } else if type[1] == "i" {
                allowed = Int64(Int32.min)...Int64(Int32.max)
            } else {
                accepted = type[1].split(separator: "|").map(String.init)
            }
        }
        range = allowed
        words = accepted
        initial = columns[2] == "-" ? nil : columns[2]
        switch columns[3] {
        case "nop": treatment = .ignored
        case "later": treatment = .later
        case "map": treatment = .mapped
        default: treatment = .effective
        }
        isOurs = columns.count > 4
    }

    static let all: [Global] = table.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(Global.init(row:))

    /// By every name it has.
    static let named: [String: Global] = {
        var result: [String: Global] = [:]
        for global in all {
            for name in [global.name] + global.aliases { result[name] = global }
        }
        return result
    }()

    /// The names to suggest from.
    static let names: [String] =
        all.flatMap { [$0.name] + $0.aliases } + ["listen", "socket", "alias", "domain", "loadmodule"]
}
