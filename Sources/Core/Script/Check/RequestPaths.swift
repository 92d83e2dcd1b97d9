/// Follows what happens to a request on the paths through a script, and remarks on what comes too late or twice: edits behind the sending,
/// a second sending without a new branch, a second answer; with `-W style` on paths that end without a word to anybody, too.
///
/// Functions say of themselves that they send the request (`APUS_SENDS_REQUEST`), that all they do is to edit what is sent
/// (`APUS_EDITS_REQUEST`), that they answer it (`APUS_SENDS_REPLY`), or that it may go elsewhere behind them (`APUS_SETS_DESTINATION`). A path is
/// followed through conditions, loops and `route(…)` calls by constant names; where two paths meet, what one of them has done counts.
final class RequestPaths {
    /// What may have happened before a statement.
    private struct State: Equatable {
        /// Nothing runs here.
        var isUnreachable = false
        /// Where the request was sent first: a number in `calls`.
        var sent: Int?
        /// Where it got its first final answer.
        var answered: Int?
        /// What the conditions ask of the request under which it got that answer; empty: it got it under none.
        var answeredIf: Set<String> = []
        /// A branch may have been added since it was sent, or since the failure route began.
        var hasNewBranch = false
        /// Something was done about the request on every path.
        var isHandled = false

        static let unreachable = State(isUnreachable: true)

        /// Where these things are asked. An answer that was given under another condition on one of them is none here: of such conditions, as of two
        /// methods, mostly one holds.
        func inside(_ subjects: Set<String>) -> State {
            guard answered != nil, !answeredIf.isDisjoint(with: subjects) else { return self }
            var state = self
            state.answered = nil
            state.answeredIf = []
            return state
        }

        func joined(_ other: State) -> State {
            if isUnreachable { return other }
            if other.isUnreachable { return self }
            return State(
                sent: sent ?? other.sent, answered: answered ?? other.answered,
                answeredIf: answeredIf.union(other.answeredIf),
                hasNewBranch: hasNewBranch || other.hasNewBranch, isHandled: isHandled && other.isHandled)
        }
    }

    /// Where statements can leave for.
    private struct Exits {
        /// Behind the loop or switch around them.
        var loop = State.unreachable
        /// Back to the caller of the route.
        var route = State.unreachable
    }

    /// A route that was followed from a state of that kind.
    private struct Key: Hashable {
        let route: Int
        let isSent: Bool
        let isAnswered: Bool
        let hasNewBranch: Bool
        let isHandled: Bool
        let kind: RouteKind
    }

    private let routes: RouteTable
    private let registry: Registry
    private let diagnostics: Diagnostics
    /// What comes behind a route; nil while it is followed.
    private var ends: [Key: State?] = [:]
    /// The calls that send or answer.
    private var calls: [Syntax.Call] = []
    /// The calls of routes that lead to the statement at hand.
    private var callers: [Syntax.Call] = []
    /// Calls inside of each other that are followed; scripts of people have less.
    private static let depthLimit = 128
    /// The kind of the block that all began with.
    private var kind = RouteKind.request
    private var inFailure: Bool { kind == .failure }
    private var isBehindFailure: Bool { kind != .request }

    init(routes: RouteTable, registry: Registry, diagnostics: Diagnostics) {
        self.routes = routes
        self.registry = registry
        self.diagnostics = diagnostics
    }

    /// Follows all blocks that run by themselves.
    func check() {
        for (index, route) in routes.routes.enumerated() {
            kind = route.kind
            switch route.kind {
            case .request where route.name.isEmpty:
                let end = follow(index, State())
                if !end.isUnreachable, !end.isHandled { remarkSilence(route) }
            case .failure, .branchFailure: _ = follow(index, State())
            default: break
            }
        }
    }

    // MARK: Statements

    private func follow(_ index: Int, _ before: State) -> State {
        if before.isUnreachable { return before }
        let key = Key(
            route: index, isSent: before.sent != nil, isAnswered: before.answered != nil,
            hasNewBranch: before.hasNewBranch, isHandled: before.isHandled, kind: kind)
        // A route that calls itself comes back, if at all, from where it does not.
        if let known = ends[key] { return known ?? .unreachable }
        guard callers.count < RequestPaths.depthLimit else { return before }
        ends[key] = .some(nil)
        var state = before
        var exits = Exits()
        for block in routes.routes[index].blocks { state = run(block.body.statements, state, &exits) }
        // A `break` outside of loops ends the route.
        let end = state.joined(exits.route).joined(exits.loop)
        ends[key] = end
        return end
    }

    private func run(_ statements: [Syntax.Statement], _ before: State, _ exits: inout Exits) -> State {
        var state = before
        for statement in statements { state = run(statement, state, &exits) }
        return state
    }

    private func run(_ statement: Syntax.Statement, _ before: State, _ exits: inout Exits) -> State {
        if before.isUnreachable { return before }
        switch statement.kind {
        case .call(let call): return run(call, before).whenTrue
        case .assign(let target, let value):
            var state = evaluate(value, before).anyhow
            if RequestPaths.isDestination(target) { state.hasNewBranch = true }
            return state
        case .if(let clauses, let otherwise):
            var rest = before
            var end = State.unreachable
            var subjects: Set<String> = []
            // Each part that goes on has answered by itself.
            var answersAnyhow = otherwise != nil
            /// A part that runs only if these things are so.
            func branch(_ body: Syntax.Block, _ state: State) -> State {
                let before = state.inside(subjects)
                var after = run(body.statements, before, &exits)
                if after.answered != nil, before.answered == nil {
                    after.answeredIf.formUnion(subjects)
                } else if !after.isUnreachable {
                    answersAnyhow = false
                }
                return after
            }
            for clause in clauses {
                let outcome = evaluate(clause.condition, rest)
                subjects.formUnion(ConditionSubjects.of(clause.condition))
                end = end.joined(branch(clause.body, outcome.whenTrue))
                rest = outcome.whenFalse
            }
            end = end.joined(otherwise.map { branch($0, rest) } ?? rest)
            if answersAnyhow { end.answeredIf = [] }
            return end
        case .while(let condition, let body): return loop(condition, body, before, &exits)
        case .switch(let construct): return choose(construct, before, &exits)
        case .leave(let leave, let code):
            let state = code.map { evaluate($0, before).anyhow } ?? before
            if leave == .return { exits.route = exits.route.joined(state) }
            return .unreachable
        case .break:
            exits.loop = exits.loop.joined(before)
            return .unreachable
        case .block(let body): return run(body.statements, before, &exits)
        case .empty: return before
        }
    }

    /// Twice, if the first turn has changed anything: what is sent at the end of the body is sent when it begins again.
    private func loop(
        _ condition: Syntax.Expression, _ body: Syntax.Block, _ before: State, _ exits: inout Exits
    ) -> State {
        var inner = Exits()
        var state = before
        var after = State.unreachable
        for _ in 0..<2 {
            let outcome = evaluate(condition, state)
            after = after.joined(outcome.whenFalse)
            let next = state.joined(run(body.statements, outcome.whenTrue, &inner))
            if next == state { break }
            state = next
        }
        exits.route = exits.route.joined(inner.route)
        return after.joined(evaluate(condition, state).whenFalse).joined(inner.loop)
    }

    private func choose(_ construct: Syntax.Switch, _ before: State, _ exits: inout Exits) -> State {
        let start = evaluate(construct.subject, before).anyhow
        var inner = Exits()
        var state = State.unreachable
        var hasDefault = false
        for label in construct.cases {
            if case .default = label.label { hasDefault = true }
            state = run(label.body, state.joined(start), &inner)
        }
        exits.route = exits.route.joined(inner.route)
        return state.joined(inner.loop).joined(hasDefault ? .unreachable : start)
    }

    // MARK: Expressions

    /// What has happened behind a condition, by its outcome.
    private struct Outcome {
        var whenTrue: State
        var whenFalse: State

        var anyhow: State { whenTrue.joined(whenFalse) }

        init(_ both: State) { (whenTrue, whenFalse) = (both, both) }
        init(whenTrue: State, whenFalse: State) { (self.whenTrue, self.whenFalse) = (whenTrue, whenFalse) }
    }

    private func evaluate(_ expression: Syntax.Expression, _ before: State) -> Outcome {
        if before.isUnreachable { return Outcome(before) }
        switch expression.kind {
        case .call(let call): return run(call, before)
        case .unary(.not, let operand):
            let outcome = evaluate(operand, before)
            return Outcome(whenTrue: outcome.whenFalse, whenFalse: outcome.whenTrue)
        case .binary(.and, let left, let right):
            let first = evaluate(left, before)
            let second = evaluate(right, first.whenTrue)
            return Outcome(whenTrue: second.whenTrue, whenFalse: first.whenFalse.joined(second.whenFalse))
        case .binary(.or, let left, let right):
            let first = evaluate(left, before)
            let second = evaluate(right, first.whenFalse)
            return Outcome(whenTrue: first.whenTrue.joined(second.whenTrue), whenFalse: second.whenFalse)
        case .binary(_, let left, let right), .assign(let left, let right):
            return Outcome(evaluate(right, evaluate(left, before).anyhow).anyhow)
        case .unary(_, let operand), .measure(_, let operand): return Outcome(evaluate(operand, before).anyhow)
        case .choose(let condition, let first, let second):
            let outcome = evaluate(condition, before)
            return Outcome(
                evaluate(first, outcome.whenTrue).anyhow.joined(evaluate(second, outcome.whenFalse).anyhow))
        case .block(let body):
            var exits = Exits()
            return Outcome(run(body.statements, before, &exits).joined(exits.loop).joined(exits.route))
        case .condition, .number, .text, .variable, .select, .uriPart, .host, .word, .invalid: return Outcome(before)
        }
    }

    // MARK: Calls

    private func run(_ call: Syntax.Call, _ before: State) -> Outcome {
        if call.name.text == "route" {
            var names: [String] = []
            var prefixes: [String] = []
            RouteGraph.collect(call, &names, &prefixes)
            guard let name = names.first, let index = routes.find(.request, name) else {
                // Whatever that route does.
                var state = before
                (state.hasNewBranch, state.isHandled) = (true, true)
                return Outcome(state)
            }
            callers.append(call)
            defer { callers.removeLast() }
            return Outcome(follow(index, before))
        }
        guard
            let function = registry.functions(named: call.name.text)
                .first(where: { $0.signature.counts.contains(call.arguments.count) })
        else { return Outcome(before) }
        if function.editsRequest, let sent = before.sent { reportEdit(call, calls[sent]) }
        if function.sendsRequest { return send(call, before) }
        if function.sendsReply { return answer(call, before) }
        var state = before
        if RequestPaths.forwarding.contains(function.name) {
            state.isHandled = true
        } else if !RequestPaths.isHarmless(function) {
            // It may add branches, and answer.
            (state.hasNewBranch, state.isHandled) = (true, true)
        }
        return Outcome(state)
    }

    private func send(_ call: Syntax.Call, _ before: State) -> Outcome {
        // An address that is named behind a failure is a new destination.
        if !before.hasNewBranch, !isBehindFailure || call.arguments.isEmpty {
            if let sent = before.sent {
                reportSecondSending(call, calls[sent])
            } else if inFailure {
                remarkSameBranch(call)
            }
        }
        // When it is false nothing was sent by it.
        var after = before
        after.sent = before.sent ?? note(call)
        after.hasNewBranch = false
        after.isHandled = true
        var otherwise = before
        otherwise.isHandled = true
        return Outcome(whenTrue: after, whenFalse: otherwise)
    }

    private func answer(_ call: Syntax.Call, _ before: State) -> Outcome {
        var after = before
        after.isHandled = true
        guard RequestPaths.isFinal(call) else { return Outcome(after) }
        if let first = before.answered { reportSecondAnswer(call, calls[first]) }
        let otherwise = after
        after.answered = before.answered ?? note(call)
        after.answeredIf = []
        return Outcome(whenTrue: after, whenFalse: otherwise)
    }

    private func note(_ call: Syntax.Call) -> Int {
        calls.append(call)
        return calls.count - 1
    }

    /// What is known to be a final answer.
    private static func isFinal(_ call: Syntax.Call) -> Bool {
        switch call.arguments.first?.kind {
        case nil: true
        case .number(let code): code >= 200
        case .text(let text): Int(text.string).map { $0 >= 200 } ?? false
        default: false
        }
    }

    /// Of Core the functions that are not about destinations.
    private static let harmlessFunctions: Set<String> = [
        "log", "error", "setflag", "resetflag", "isflagset", "setsflag", "resetsflag", "issflagset", "setbflag",
        "resetbflag", "isbflagset", "setavpflag", "resetavpflag", "isavpflagset", "force_rport", "add_rport",
        "force_send_socket", "len_gt", "isdsturiset", "set_advertised_address", "set_advertised_port",
    ]
    /// Core's functions that send a request without a transaction.
    private static let forwarding: Set<String> = [
        "forward", "forward_udp", "forward_tcp", "forward_tls", "forward_sctp", "send", "send_tcp",
    ]

    private static func isHarmless(_ function: FunctionDeclaration) -> Bool {
        if function.setsDestination { return false }
        return switch function.owner.name {
        case "core": harmlessFunctions.contains(function.name)
        // What tm offers beside sending arms routes and timers.
        case "tm": true
        default: KnownNames.bystanders.contains(function.owner.name) || function.editsRequest
        }
    }

    private static func isDestination(_ target: Syntax.Expression) -> Bool {
        guard case .variable(let variable) = target.kind else { return false }
        return KnownNames.destinationVariables.contains(variable.name.text)
    }

    // MARK: Remarks

    private func reportEdit(_ call: Syntax.Call, _ sent: Syntax.Call) {
        diagnostics.warning(
            "`\(call.name.text)` has no effect here: the request has been sent", at: call.range,
            hint: "put it in front of `\(sent.name.text)`",
            notes: [Diagnostic.Note("it is sent here", at: sent.range)])
    }

    private func reportSecondSending(_ call: Syntax.Call, _ sent: Syntax.Call) {
        diagnostics.warning(
            "`\(call.name.text)` sends nothing here: the request has been sent, and there is no new branch",
            at: call.range, hint: "end the path behind the first one with `exit`",
            notes: notes("it is sent here", sent))
    }

    private func reportSecondAnswer(_ call: Syntax.Call, _ first: Syntax.Call) {
        diagnostics.warning(
            "`\(call.name.text)` answers a request that may have its answer already", at: call.range,
            hint: "end the path behind the first answer with `exit`", notes: notes("the first answer", first))
    }

    /// With `-W style`: the same destination fails again.
    private func remarkSameBranch(_ call: Syntax.Call) {
        diagnostics.style(
            "`\(call.name.text)` in a failure route without a new destination", at: call.range,
            hint: "`append_branch`, or another Request-URI", notes: callers.first.map { [calledHere($0)] } ?? [])
    }

    /// With `-W style`: neither reply nor forwarding.
    private func remarkSilence(_ route: RouteTable.Route) {
        guard let block = route.blocks.last else { return }
        let end = SourceRange(
            block.body.range.source, max(block.body.range.start, block.body.range.end - 1), block.body.range.end)
        diagnostics.style(
            "a path through `\(route.title)` ends here, and the request was neither answered nor sent on", at: end,
            hint: "if that is meant, end it with `exit` or `drop`")
    }

    /// The other place, and how the script comes from it to this one.
    private func notes(_ what: String, _ place: Syntax.Call) -> [Diagnostic.Note] {
        [Diagnostic.Note(what, at: place.range)] + (callers.last.map { [calledHere($0)] } ?? [])
    }

    private func calledHere(_ call: Syntax.Call) -> Diagnostic.Note {
        Diagnostic.Note("reached by this call", at: call.range)
    }
}
