/// What of a script is not as it was: its blocks, its defines, its flags.
struct ScriptDifferences {
    /// `route[RELAY]`, `define GW`; behind what was not there before or is gone, that it is.
    let names: [String]

    init(_ old: Syntax.Tree, _ new: Syntax.Tree) {
        names =
            ScriptDifferences.between(ScriptDifferences.routes(old), ScriptDifferences.routes(new))
            + ScriptDifferences.between(ScriptDifferences.flags(old), ScriptDifferences.flags(new))
            + ScriptDifferences.between(ScriptDifferences.defines(old), ScriptDifferences.defines(new))
    }

    private static func between(_ old: [String: String], _ new: [String: String]) -> [String] {
        Set(old.keys).union(new.keys).sorted().compactMap { name in
            switch (old[name], new[name]) {
            case (nil, _): "\(name) (new)"
            case (_, nil): "\(name) (gone)"
            case (let old, let new): old == new ? nil : name
            }
        }
    }

    /// The text of each block; several of one name count as one.
    private static func routes(_ tree: Syntax.Tree) -> [String: String] {
        Dictionary(tree.routes.map { ($0.title, $0.body.range.text) }) { "\($0)\n\($1)" }
    }

    private static func defines(_ tree: Syntax.Tree) -> [String: String] {
        Dictionary(tree.defines.map { ("define \($0)", String(decoding: $1, as: UTF8.self)) }) { $1 }
    }

    private static func flags(_ tree: Syntax.Tree) -> [String: String] {
        var flags: [String: String] = [:]
        for case .flags(let declarations) in tree.statements {
            for flag in declarations.flags {
                let what = declarations.kind == .message ? "flag" : "avpflag"
                flags["\(what) \(flag.name.text)"] = flag.number.map { String($0) } ?? ""
            }
        }
        return flags
    }
}
