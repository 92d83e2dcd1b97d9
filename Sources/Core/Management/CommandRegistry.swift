/// All commands by name and alias. Filled on the main thread while modules declare, constant afterwards.
final class CommandRegistry: @unchecked Sendable {
    private var byName: [String: Command] = [:]
    /// In the order of declaration.
    private(set) var all: [Command] = []

    /// Why a declaration was refused.
    struct Refusal: Error, Equatable {
        let text: String
    }

    /// Refused when one of its names is taken, be it as a name or an alias.
    func add(_ command: Command) throws(Refusal) {
        let names = [command.name] + command.aliases
        for (index, name) in names.enumerated() {
            if names[..<index].contains(name) {
                throw Refusal(text: "\(name) stands twice in the names of one command")
            }
            guard let other = byName[name] else { continue }
            let known = other.name == name ? "command \(name)" : "alias \(name) of command \(other.name)"
            throw Refusal(text: "\(known) belongs to \(other.owner); \(command.owner) cannot declare it, too")
        }
        for name in names { byName[name] = command }
        all.append(command)
    }

    /// By name or alias.
    func command(named name: String) -> Command? { byName[name] }
}
