/// Remarks on scripts that compile but hardly do what was meant.
struct Lints {
    let tree: Syntax.Tree
    let routes: RouteTable
    let registry: Registry
    let diagnostics: Diagnostics
    /// Where the script reads and writes `$var`s.
    let uses: [RunVariableUse]
    /// All names were bound: what looks unused is.
    let isComplete: Bool

    func check() {
        checkMain()
        checkEvents()
        if isComplete { checkUnused() }
        RunVariableLints(uses: uses, tree: tree, routes: routes, registry: registry, diagnostics: diagnostics)
            .check(isComplete: isComplete)
        RequestPaths(routes: routes, registry: registry, diagnostics: diagnostics).check()
        for index in routes.routes.indices { checkRoute(index) }
    }

    // MARK: Blocks

    /// A config without a main block drops every request.
    private func checkMain() {
        guard diagnostics.errors == 0, routes.find(.request, "") == nil else { return }
        let others = ["core:pre-routing", "xhttp:request", "sipcapture:request"]
        if routes.routes.contains(where: { $0.kind == .event && others.contains($0.name) }) { return }
        diagnostics.warning("no `request_route`: every request is dropped", at: nil)
    }

    /// Events that nobody raises.
    private func checkEvents() {
        for route in routes.routes where route.kind == .event || route.kind == .local || route.kind == .branchFailure {
            let block = route.blocks[0]
            guard let name = block.name else { continue }
            let parts = name.text.split(separator: ":", maxSplits: 1).map(String.init)
            let module = parts[0]
            if registry.event(named: name.text) != nil { continue }
            if module != "core", !registry.modules.contains(module) {
                diagnostics.warning(
                    "`\(route.title)` never runs: module \(module) is not loaded", at: name.range,
                    hint: Suggest.hint(for: module, among: Array(KnownNames.events.keys)) ?? "load `\(module).so`")
                continue
            }
            checkEvent(name, module, parts.count > 1 ? parts[1] : "")
        }
    }

    private func checkEvent(_ name: Syntax.Name, _ module: String, _ event: String) {
        if registry.event(named: name.text) != nil { return }
        let declared = registry.events.map(\.name).filter { $0.hasPrefix(module + ":") }
        let known = declared + (KnownNames.events[module] ?? []).map { "\(module):\($0)" }
        // Events with a name of their own behind them: htable:expired:TABLE.
        if known.contains(where: { name.text == $0 || name.text.hasPrefix($0 + ":") }) || known.isEmpty { return }
        // The dispatcher's documents have them without the t.
        if module == "dispatcher", event == "ds-up" || event == "ds-down" {
            diagnostics.notice(
                "`\(name.text)` is an old spelling", at: name.range, hint: "write `dispatcher:dst\(event.dropFirst(2))`"
            )
            return
        }
        diagnostics.warning(
            "module \(module) has no event `\(name.text)`", at: name.range,
            hint: Suggest.hint(for: name.text, among: known))
    }

    private func checkUnused() {
        for route in routes.routes where !route.name.isEmpty && !route.isUsed {
            switch route.kind {
            case .request, .failure, .tmOnReply, .branch:
                diagnostics.warning("`\(route.title)` is used nowhere", at: route.range)
            default: break
            }
        }
    }

    private func checkRoute(_ index: Int) {
        let route = routes.routes[index]
        for block in route.blocks {
            let checker = BlockLints(lints: self, route: route, dialect: block.dialect)
            checker.block(block.body, inLoop: false)
            checker.checkRecursion(block.body)
            checker.checkDropOfReply(block.body)
        }
    }
}

/// The remarks on one route block.
struct BlockLints {
    let lints: Lints
    let route: RouteTable.Route
    let dialect: Syntax.Dialect

    private var diagnostics: Diagnostics { lints.diagnostics }

    init(lints: Lints, route: RouteTable.Route, dialect: Syntax.Dialect) {
        self.lints = lints
        self.route = route
        self.dialect = dialect
    }

    /// - Returns: true when nothing behind the block runs.
    @discardableResult
    func block(_ block: Syntax.Block, inLoop: Bool) -> Bool {
        if block.statements.isEmpty, diagnostics.errors == 0 { diagnostics.warning("empty block", at: block.range) }
        return statements(block.statements, inLoop: inLoop)
    }

    private func statements(_ list: [Syntax.Statement], inLoop: Bool) -> Bool {
        var leaving: Int?
        for (place, statement) in list.enumerated() where self.statement(statement, inLoop: inLoop) {
            leaving = leaving ?? place
        }
        if let leaving { remarkUnreachable(list, behind: leaving) }
        return leaving != nil
    }

    /// - Returns: true when nothing behind the statement runs.
    private func statement(_ statement: Syntax.Statement, inLoop: Bool) -> Bool {
        switch statement.kind {
        case .if(let clauses, let otherwise):
            checkBranches(clauses, otherwise)
            var leaves = otherwise != nil
            for clause in clauses {
                expression(clause.condition)
                leaves = block(clause.body, inLoop: inLoop) && leaves
            }
            if let otherwise { leaves = block(otherwise, inLoop: inLoop) && leaves }
            return leaves
        case .while(let condition, let body):
            checkEndless(condition, body, statement.range)
            expression(condition)
            block(body, inLoop: true)
        case .switch(let construct):
            expression(construct.subject)
            for (place, label) in construct.cases.enumerated() {
                let leaves = statements(label.body, inLoop: true)
                if !leaves, place + 1 < construct.cases.count { remarkFallThrough(label) }
            }
        case .block(let body): return block(body, inLoop: inLoop)
        case .assign(_, let value): expression(value)
        case .leave(let leave, let code):
            if let code { expression(code) }
            if leave == .drop { checkDrop(statement.range) }
            return true
        case .break:
            if !inLoop, dialect == .kamailio {
                diagnostics.warning(
                    "`break` outside of a loop or switch ends this route with code 0", at: statement.range,
                    hint: "write `return` or `exit`")
            }
            return true
        case .call(let call):
            checkForward(call)
            if call.name.text == "exec" {
                diagnostics.warning(
                    "`exec` does not tell what the command answers", at: call.name.range,
                    hint: "module exec offers more")
            }
        case .empty: break
        }
        return false
    }

    /// `forward` makes a request of what it has at hand: a reply is forwarded by itself.
    private func checkForward(_ call: Syntax.Call) {
        guard call.name.text.hasPrefix("forward"), CoreNames.functions.contains(call.name.text),
            route.kind != .request, route.kind != .failure
        else { return }
        diagnostics.warning(
            "`\(call.name.text)` forwards requests, and `\(route.title)` is no place for that", at: call.name.range)
    }

    // MARK: Flow

    private func remarkUnreachable(_ list: [Syntax.Statement], behind place: Int) {
        let rest = list[(place + 1)...].filter { if case .empty = $0.kind { false } else { true } }
        guard let first = rest.first, let last = rest.last else { return }
        diagnostics.warning(
            "never reached", at: first.range.through(last.range),
            notes: [Diagnostic.Note("nothing runs behind this", at: list[place].range)])
    }

    /// Only texts of about the same size are compared, so that blocks inside of blocks are not read over and over.
    private func checkBranches(_ clauses: [Syntax.Statement.Clause], _ otherwise: Syntax.Block?) {
        guard clauses.count == 1, let otherwise, !otherwise.statements.isEmpty, !clauses[0].body.statements.isEmpty
        else { return }
        let (first, second) = (clauses[0].body, otherwise)
        guard first.statements.count == second.statements.count else { return }
        func words(_ block: Syntax.Block) -> [Substring] {
            block.range.text.split { $0 == " " || $0 == "\t" || $0 == "\n" || $0 == "\r" }
        }
        guard BlockLints.shape(first) == BlockLints.shape(second), words(first) == words(second) else { return }
        diagnostics.warning(
            "both branches of this `if` are the same", at: second.range,
            notes: [Diagnostic.Note("first one", at: first.range)])
    }

    /// What the statements of a block are, without those in them.
    private static func shape(_ block: Syntax.Block) -> [Int] {
        block.statements.map { statement in
            switch statement.kind {
            case .if(let clauses, let otherwise): 10 + 2 * clauses.count + (otherwise == nil ? 0 : 1)
            case .while: 1
            case .switch: 2
            case .block: 3
            case .assign: 4
            case .leave: 5
            case .break: 6
            case .call: 7
            case .empty: 8
            }
        }
    }

    /// `while (1)` that nothing leaves runs as often as max_while_loops allows.
    private func checkEndless(_ condition: Syntax.Expression, _ body: Syntax.Block, _ range: SourceRange) {
        guard case .number(let number) = condition.kind else { return }
        guard number > 0 else { return diagnostics.warning("this loop never runs", at: condition.range) }
        if !containsLeave(body.statements) {
            diagnostics.warning(
                "nothing leaves this loop: it runs `max_while_loops` times", at: condition.range,
                hint: "leave it with `break`")
        }
    }

    /// Anything that may leave the loop around the statements; `break` of inner loops and switches leaves only those.
    private func containsLeave(_ list: [Syntax.Statement], inner: Bool = false) -> Bool {
        list.contains { statement in
            switch statement.kind {
            case .leave: true
            case .break: !inner
            // A function may end the script.
            case .call: false
            case .block(let body): containsLeave(body.statements, inner: inner)
            case .if(let clauses, let otherwise):
                clauses.contains { containsLeave($0.body.statements, inner: inner) }
                    || containsLeave(otherwise?.statements ?? [], inner: inner)
            case .while(_, let body): containsLeave(body.statements, inner: true)
            case .switch(let construct): construct.cases.contains { containsLeave($0.body, inner: true) }
            case .assign, .empty: false
            }
        }
    }

    private func remarkFallThrough(_ label: Syntax.Switch.Case) {
        guard let last = label.body.last(where: { if case .empty = $0.kind { false } else { true } }) else { return }
        diagnostics.warning(
            "this case goes on into the next one", at: last.range, hint: "end it with `break`",
            notes: [Diagnostic.Note("the case begins here", at: label.range)])
    }

    private func checkDrop(_ range: SourceRange) {
        guard dialect == .ser, route.kind == .request, !route.name.isEmpty, route.isUsed else { return }
        diagnostics.notice(
            "`drop` ends the whole script; in SER 0.8 and 0.9 it ended this route only", at: range,
            hint: "`return` goes back to the caller")
    }

    /// A named reply route can drop provisional replies only.
    func checkDropOfReply(_ body: Syntax.Block) {
        guard route.kind == .tmOnReply else { return }
        for statement in body.statements {
            guard case .leave(.drop, _) = statement.kind else { continue }
            diagnostics.warning(
                "`drop` keeps a final reply from nobody here: only provisional ones can be dropped",
                at: statement.range,
                hint: "drop them alone: `if (status =~ \"1..\") drop;`")
        }
    }

    /// A route that calls itself before anything can leave it.
    func checkRecursion(_ body: Syntax.Block) {
        guard !route.name.isEmpty, route.kind == .request else { return }
        for statement in body.statements {
            if case .call(let call) = statement.kind, call.name.text == "route", let argument = call.arguments.first {
                var names: [String] = []
                var prefixes: [String] = []
                RouteGraph.collect([statement], &names, &prefixes)
                if names == [route.name] {
                    diagnostics.warning(
                        "`\(route.title)` calls itself without a condition, over and over", at: argument.range)
                }
                return
            }
            if containsLeave([statement]) { return }
        }
    }

    // MARK: Expressions

    private func expression(_ expression: Syntax.Expression) {
        switch expression.kind {
        case .binary(let operation, let left, let right):
            checkBits(operation, left, right, expression.range)
            if operation == .or {
                checkMixed(left)
                checkMixed(right)
            }
            if operation == .matches || operation == .matchesNot { checkPattern(right) }
            if operation == .equal || operation == .notEqual, case .text(let text) = right.kind {
                checkText(text, operation)
            }
            self.expression(left)
            self.expression(right)
        case .unary(_, let operand): self.expression(operand)
        case .condition(let condition):
            guard case .expression(let operand) = condition.operand else { return }
            switch condition.operator {
            case .matches, .matchesNot: checkPattern(operand)
            case .equal, .notEqual:
                if case .text(let text) = operand.kind { checkText(text, condition.operator) }
            default: break
            }
        default: break
        }
    }

    /// `&` and `|` between conditions are bit operations in all but SER's oldest scripts.
    private func checkBits(
        _ operation: Syntax.BinaryOperator, _ left: Syntax.Expression, _ right: Syntax.Expression, _ range: SourceRange
    ) {
        guard operation == .bitAnd || operation == .bitOr, dialect != .ser, isCondition(left), isCondition(right) else {
            return
        }
        diagnostics.warning(
            "`\(operation.rawValue)` works on bits, and both sides are always evaluated", at: range,
            hint: "write `\(operation.rawValue)\(operation.rawValue)`")
    }

    /// With `-W style`: `a || b && c`, which not everybody reads as the compiler does.
    private func checkMixed(_ operand: Syntax.Expression) {
        guard case .binary(.and, _, _) = operand.kind, !operand.isParenthesised else { return }
        diagnostics.style(
            "`&&` binds tighter than the `||` beside it", at: operand.range,
            hint: "parentheses show it: `(\(operand.range.text))`")
    }

    private func isCondition(_ expression: Syntax.Expression) -> Bool {
        switch expression.kind {
        case .condition, .call: true
        case .unary(.not, let operand): isCondition(operand)
        case .binary(let operation, let left, let right):
            switch operation {
            case .bitAnd, .bitOr: isCondition(left) && isCondition(right)
            case .equal, .notEqual, .matches, .matchesNot, .less, .greater, .lessOrEqual, .greaterOrEqual, .and, .or:
                true
            default: false
            }
        default: false
        }
    }

    /// Patterns that look like file globs, or like addresses with bare dots.
    private func checkPattern(_ expression: Syntax.Expression) {
        guard case .text(let text) = expression.kind else { return }
        let pattern = text.string
        if pattern.hasPrefix("*") {
            diagnostics.warning(
                "this regular expression looks like a file pattern", at: text.range,
                hint: "`.*` stands for any characters")
            return
        }
        let core = pattern.drop { $0 == "^" || $0 == "(" }.reversed().drop { $0 == "$" || $0 == ")" }.reversed()
        if HostRun.isIPv4(String(core)) {
            diagnostics.warning(
                "`.` matches any character in a regular expression", at: text.range,
                hint: "write `\\.`, or compare with `src_ip ==`")
        }
    }

    private func checkText(_ text: Syntax.Text, _ operation: Syntax.BinaryOperator) {
        let string = text.string
        guard string.hasPrefix("^") || string.hasSuffix(".*") || string.hasSuffix("$") && string.utf8.count > 1 else {
            return
        }
        diagnostics.warning(
            "`\(operation.rawValue)` compares literally, and this looks like a regular expression", at: text.range,
            hint: operation == .equal ? "`=~` searches" : "`!(… =~ …)` searches")
    }
}
