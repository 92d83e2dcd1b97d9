/// All commands by name and alias. Filled on the main thread while modules declare, constant afterwards.
final class CommandRegistry: @unchecked Sendable {
    private var byName: [String: Command] = [:]
    /// The same in small letters: text protocols do not tell them from capital ones.
    private var bySmallName: [String: Command] = [:]
    /// By the language, and the name in small letters.
    private var forms: [UInt8: [String: Command]] = [:]
    /// In the order of declaration, without forms.
    private(set) var all: [Command] = []

    /// Why a declaration was refused.
    struct Refusal: Error, Equatable {
        let text: String
    }

    /// Refused when one of its names is taken, be it as a name or an alias.
    func add(_ command: Command) throws(Refusal) {
        if let form = command.form { return try add(command, form) }
        let names = [command.name] + command.aliases
        for (index, name) in names.enumerated() {
            if names[..<index].contains(name) {
                throw Refusal(text: "\(name) stands twice in the names of one command")
            }
            guard let other = byName[name] else { continue }
            let known = other.name == name ? "command \(name)" : "alias \(name) of command \(other.name)"
            throw Refusal(text: "\(known) belongs to \(other.owner); \(command.owner) cannot declare it, too")
        }
        for name in names {
            byName[name] = command
            bySmallName[name.lowercased()] = command
        }
        all.append(command)
    }

    private func add(_ command: Command, _ form: TextForm) throws(Refusal) {
        let name = command.name.lowercased()
        for language in TextLanguages.all where form.languages.contains(language) {
            if let other = forms[language.rawValue]?[name] {
                let known = "a form \(other.name) belongs to \(other.owner)"
                throw Refusal(text: "\(known); \(command.owner) cannot declare it, too")
            }
            forms[language.rawValue, default: [:]][name] = command
        }
    }

    /// By name or alias; of those who speak a text protocol the form, when there is one.
    func command(named name: String, language: TextLanguages = []) -> Command? {
        if language.isEmpty { return byName[name] }
        return form(named: name, language) ?? byName[name] ?? bySmallName[name.lowercased()]
    }

    /// The form of a command in one language.
    func form(named name: String, _ language: TextLanguages) -> Command? {
        forms[language.rawValue]?[name.lowercased()]
    }

    /// What can be asked for in a language: names, aliases and forms, sorted.
    func names(in language: TextLanguages) -> [String] {
        Set(byName.keys).union((forms[language.rawValue] ?? [:]).values.map(\.name)).sorted()
    }
}
