/// Finds out in which kinds of route the statements of each `route[X]` run: its callers' kinds, by constant calls.
enum RouteGraph {
    static func trace(_ table: RouteTable) {
        var calls: [[Int]] = []
        for route in table.routes {
            var names: [String] = []
            var prefixes: [String] = []
            for block in route.blocks { collect(block.body.statements, &names, &prefixes) }
            calls.append(names.compactMap { table.find(.request, $0) })
            for prefix in prefixes {
                for index in table.routes.indices
                where table.routes[index].kind == .request && table.routes[index].name.hasPrefix(prefix) {
                    table.update(index) { $0.isUsed = true }
                }
            }
        }
        for index in table.routes.indices where table.routes[index].kind != .request || table.routes[index].name.isEmpty
        {
            spread(table.routes[index].kind.mask, from: index, table, calls)
        }
    }

    /// Marks everything that a block reaches with the block's kind.
    private static func spread(_ mask: UInt32, from start: Int, _ table: RouteTable, _ calls: [[Int]]) {
        table.update(start) { $0.reached |= mask }
        var queue = [start]
        while let index = queue.popLast() {
            for callee in calls[index] where table.routes[callee].reached & mask == 0 {
                table.update(callee) {
                    $0.reached |= mask
                    $0.callers[mask] = index
                    $0.isUsed = true
                }
                queue.append(callee)
            }
        }
    }

    /// How a route is reached in a kind: `failure_route[A] → route[B] → route[X]`.
    static func path(to index: Int, _ mask: UInt32, _ table: RouteTable) -> String {
        var titles = [table.routes[index].title]
        var current = index
        while let caller = table.routes[current].callers[mask], titles.count < 20 {
            titles.append(table.routes[caller].title)
            current = caller
        }
        return titles.reversed().joined(separator: " → ")
    }

    // MARK: Calls in a block

    /// Names of constant `route(…)` calls, and the constant beginnings of the others.
    static func collect(_ statements: [Syntax.Statement], _ names: inout [String], _ prefixes: inout [String]) {
        for statement in statements {
            SyntaxWalk.calls(in: statement) { collect($0, &names, &prefixes) }
        }
    }

    /// The same of one call.
    static func collect(_ call: Syntax.Call, _ names: inout [String], _ prefixes: inout [String]) {
        guard call.name.text == "route", call.arguments.count == 1 else { return }
        switch call.arguments[0].kind {
        case .word(let word): names.append(word)
        case .number(let number): names.append(String(number))
        case .text(let text) where text.isSingleQuoted || !text.bytes.contains(UInt8(ascii: "$")):
            names.append(Parser.routeName(text.string))
        default: prefixes.append(prefix(of: call.arguments[0]))
        }
    }

    /// The constant beginning of a name that is put together at run time.
    static func prefix(of expression: Syntax.Expression) -> String {
        switch expression.kind {
        case .text(let text): String(decoding: text.bytes.prefix { $0 != UInt8(ascii: "$") }, as: UTF8.self)
        case .binary(.add, let left, _): prefix(of: left)
        default: ""
        }
    }
}
