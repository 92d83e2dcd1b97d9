import PluginAPI

/// The route blocks of a script by kind and name, blocks without a name joined.
final class RouteTable {
    struct Route {
        let kind: RouteKind
        /// "" for the main block of its kind.
        let name: String
        /// How it is called in messages.
        let title: String
        let range: SourceRange
        var blocks: [Syntax.RouteBlock]
        /// Bits of the kinds in which its statements run: its own, and for `route[X]` those of the blocks that call it.
        var reached: UInt32 = 0
        /// Another route calls it, or it runs by itself.
        var isUsed = false
        /// The first caller found for each kind it is reached in, to name a path.
        var callers: [UInt32: Int] = [:]
    }

    private(set) var routes: [Route] = []
    private var index: [String: Int] = [:]

    init(_ tree: Syntax.Tree, diagnostics: Diagnostics) {
        for block in tree.routes { add(block, diagnostics) }
        adoptRouteZero(tree, diagnostics)
    }

    /// Position of a route in the program's table.
    func find(_ kind: RouteKind, _ name: String) -> Int? { index["\(kind.rawValue) \(name)"] }

    /// Names of the routes of one kind.
    func names(_ kind: RouteKind) -> [String] { routes.filter { $0.kind == kind && !$0.name.isEmpty }.map(\.name) }

    /// Kinds that have a route of that name.
    func kinds(of name: String) -> [RouteKind] { routes.filter { $0.name == name }.map(\.kind) }

    /// How the kinds of the contract follow from the blocks: named reply routes belong to transactions, some events have kinds of
    /// their own.
    static func kind(of block: Syntax.RouteBlock) -> (kind: RouteKind, name: String) {
        let name = block.name?.text ?? ""
        switch block.kind {
        case .request: return (.request, name)
        case .failure: return (.failure, name)
        case .reply: return (name.isEmpty ? .coreOnReply : .tmOnReply, name)
        case .branch: return (.branch, name)
        case .onsend: return (.onsend, name)
        case .event:
            if name == "tm:local-request" { return (.local, name) }
            let prefix = "tm:branch-failure:"
            if name.hasPrefix(prefix) { return (.branchFailure, String(name.dropFirst(prefix.count))) }
            return (.event, name)
        }
    }

    private func add(_ block: Syntax.RouteBlock, _ diagnostics: Diagnostics) {
        let (kind, name) = RouteTable.kind(of: block)
        let key = "\(kind.rawValue) \(name)"
        guard let known = index[key] else {
            index[key] = routes.count
            routes.append(Route(kind: kind, name: name, title: block.title, range: block.range, blocks: [block]))
            return
        }
        let first = Diagnostic.Note("first one", at: routes[known].range)
        if name.isEmpty {
            diagnostics.warning(
                "second `\(block.title)` block: its statements run after those of the first", at: block.range,
                notes: [first])
            routes[known].blocks.append(block)
        } else {
            diagnostics.error("`\(block.title)` is there already", at: block.range, notes: [first])
        }
    }

    /// Before version 0.8 of SER `route[0]` was the main block.
    private func adoptRouteZero(_ tree: Syntax.Tree, _ diagnostics: Diagnostics) {
        guard find(.request, "") == nil, let zero = find(.request, "0") else { return }
        let block = routes[zero].blocks[0]
        guard block.dialect != .kamailio else { return }
        diagnostics.notice("`route[0]` is taken for the main block", at: block.range, hint: "write `request_route`")
        index["\(RouteKind.request.rawValue) "] = zero
        routes[zero] = Route(kind: .request, name: "", title: block.title, range: block.range, blocks: [block])
    }

    func update(_ position: Int, _ body: (inout Route) -> Void) { body(&routes[position]) }
}
