import PluginAPI

/// A place where the script reads or writes a `$var`.
struct RunVariableUse {
    /// `var(x)` or `vn(x)`.
    let name: String
    let isWrite: Bool
    let range: SourceRange
    /// Of the route block, in the table of routes.
    let route: Int
}

/// `$var`s that are read where nothing can have set them: such a variable is that of one run, and empty when the next block begins.
struct RunVariableLints {
    let uses: [RunVariableUse]
    let tree: Syntax.Tree
    let routes: RouteTable
    let registry: Registry
    let diagnostics: Diagnostics

    /// Blocks that one event sets going: what comes in, and what a reply or a timer starts. Events, branch and onsend routes belong to either.
    private struct Runs: OptionSet {
        let rawValue: UInt8
        static let request = Runs(rawValue: 1)
        static let reply = Runs(rawValue: 2)

        /// - Parameter kinds: of the blocks that lead there.
        init(kinds: UInt32) {
            var runs: Runs = []
            if kinds & RouteKind.request.mask != 0 { runs.insert(.request) }
            let replies: [RouteKind] = [.coreOnReply, .tmOnReply, .failure, .branchFailure]
            if replies.contains(where: { kinds & $0.mask != 0 }) { runs.insert(.reply) }
            let either: [RouteKind] = [.branch, .onsend, .event, .local]
            if kinds == 0 || either.contains(where: { kinds & $0.mask != 0 }) { runs.insert([.request, .reply]) }
            self = runs
        }

        init(rawValue: UInt8) { self.rawValue = rawValue }
    }

    /// - Parameter isComplete: all routes that are called are known.
    func check(isComplete: Bool) {
        guard isComplete, diagnostics.errors == 0, !setsByName else { return }
        var writers: [String: Runs] = [:]
        for use in uses where use.isWrite { writers[use.name, default: []].formUnion(runs(of: use.route)) }
        let parameters = textsOfParameters
        var told: Set<String> = []
        for use in uses where !use.isWrite && !told.contains(use.name) {
            let bare = String(use.name.dropFirst(use.name.hasPrefix("vn(") ? 3 : 4).dropLast())
            if registry.initialValues[bare] != nil || parameters.contains(where: { $0.contains(use.name) }) { continue }
            let initial = use.name.hasPrefix("vn(") ? "$null" : "0"
            guard let runs = writers[use.name] else {
                told.insert(use.name)
                diagnostics.warning(
                    "`$\(use.name)` is set nowhere: it is \(initial)", at: use.range,
                    hint: suggestion(use.name, writers))
                continue
            }
            guard runs.isDisjoint(with: self.runs(of: use.route)) else { continue }
            told.insert(use.name)
            diagnostics.warning(
                "`$\(use.name)` is set by blocks of other runs only: here it is \(initial)", at: use.range,
                hint: "an AVP stays with the transaction, `$shv(\(bare))` with the server")
        }
    }

    private func suggestion(_ name: String, _ writers: [String: Runs]) -> String? {
        Suggest.nearest(to: name, among: writers.keys).map { "did you mean `$\($0)`?" }
    }

    private func runs(of route: Int) -> Runs {
        let route = routes.routes[route]
        // A route that nobody calls says nothing.
        return route.kind == .request && !route.name.isEmpty ? Runs(kinds: route.reached) : Runs(kinds: route.kind.mask)
    }

    /// In them modules may be told of variables.
    private var textsOfParameters: [String] {
        tree.statements.compactMap { statement in
            guard case .moduleParameter(let parameter) = statement, case .text(let text) = parameter.value else {
                return nil
            }
            return text.string
        }
    }

    /// A function sets variables by names that are known at run time only.
    private var setsByName: Bool {
        var found = false
        for route in routes.routes {
            for block in route.blocks {
                for statement in block.body.statements {
                    SyntaxWalk.calls(in: statement) { if $0.name.text == "pv_xavp_to_var" { found = true } }
                }
            }
        }
        return found
    }
}
