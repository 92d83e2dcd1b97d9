/// What somebody who brings a config from another server wants to know after `apus -c`: whether its modules are here, what has no effect,
/// and what to change first.
struct MigrationSummary {
    private let loaded: [String]
    private let missing: [String]
    private let withoutEffect: [String]
    private let first: Diagnostic?

    init(_ configuration: Configuration) {
        loaded = configuration.modules.all.map(\.name)
        missing = configuration.modules.missing
        withoutEffect = configuration.settings.withoutEffect
        let all = configuration.diagnostics.ordered
        first = all.first { $0.severity == .error } ?? all.first { $0.severity == .warning }
    }

    /// A line for each of them that there is something to say of; empty for a config that asks for no module and has no mistake.
    var text: String {
        var lines: [String] = []
        if !loaded.isEmpty || !missing.isEmpty {
            lines.append("modules: \(loaded.count) of \(loaded.count + missing.count) found")
        }
        if !missing.isEmpty { lines.append("modules missing: \(missing.joined(separator: ", "))") }
        if !withoutEffect.isEmpty {
            lines.append("parameters without effect here: \(withoutEffect.joined(separator: ", "))")
        }
        if let first {
            let place = first.range.map { "\($0.position): " } ?? ""
            lines.append("to change first: \(place)\(Diagnostic.masked(first.message))")
        }
        return lines.map { $0 + "\n" }.joined()
    }
}
