import PluginAPI

/// Finds edits of a request that stand behind its sending on some path: nobody gets them.
///
/// Functions say of themselves that they send the request (`APUS_SENDS_REQUEST`) or that all they do is to edit what is sent
/// (`APUS_EDITS_REQUEST`). A path is followed through conditions, loops and `route(…)` calls by constant names; where two paths meet, what
/// one of them has sent counts.
final class LateEdits {
    /// Where the request was sent first.
    private struct Sent {
        let call: Syntax.Call
    }

    /// What may have happened before a statement.
    private enum State {
        /// Nothing runs here.
        case unreachable
        case open
        case sent(Sent)

        func joined(_ other: State) -> State {
            switch (self, other) {
            case (.sent, _), (_, .unreachable): self
            case (_, .sent), (.unreachable, _): other
            case (.open, .open): self
            }
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
    }

    private let routes: RouteTable
    private let registry: Registry
    private let diagnostics: Diagnostics
    /// What comes behind a route; nil while it is followed.
    private var ends: [Key: State?] = [:]
    /// Routes that are followed, one called by the other.
    private var depth = 0
    /// Calls inside of each other that are followed: as many as run by default (max_recursive_level).
    private static let depthLimit = 256

    init(routes: RouteTable, registry: Registry, diagnostics: Diagnostics) {
        self.routes = routes
        self.registry = registry
        self.diagnostics = diagnostics
    }

    /// Follows all blocks that run by themselves.
    func check() {
        for (index, route) in routes.routes.enumerated() {
            switch route.kind {
            case .request where route.name.isEmpty: _ = follow(index, .open)
            case .failure, .branchFailure: _ = follow(index, .open)
            default: break
            }
        }
    }

    // MARK: Statements

    private func follow(_ index: Int, _ before: State) -> State {
        let key: Key
        switch before {
        case .unreachable: return .unreachable
        case .open: key = Key(route: index, isSent: false)
        case .sent: key = Key(route: index, isSent: true)
        }
        // A route that calls itself comes back, if at all, from where it does not.
        if let known = ends[key] { return known ?? .unreachable }
        guard depth < LateEdits.depthLimit else { return before }
        depth += 1
        defer { depth -= 1 }
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
        if case .unreachable = before { return before }
        switch statement.kind {
        case .call(let call): return run(call, before).whenTrue
        case .assign(_, let value): return evaluate(value, before).anyhow
        case .if(let clauses, let otherwise):
            var rest = before
            var end = State.unreachable
            for clause in clauses {
                let outcome = evaluate(clause.condition, rest)
                end = end.joined(run(clause.body.statements, outcome.whenTrue, &exits))
                rest = outcome.whenFalse
            }
            return end.joined(otherwise.map { run($0.statements, rest, &exits) } ?? rest)
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

    /// Twice: what is sent at the end of the body is sent when it begins again.
    private func loop(
        _ condition: Syntax.Expression, _ body: Syntax.Block, _ before: State, _ exits: inout Exits
    ) -> State {
        var inner = Exits()
        var state = before
        var after = State.unreachable
        for _ in 0..<2 {
            let outcome = evaluate(condition, state)
            after = after.joined(outcome.whenFalse)
            state = state.joined(run(body.statements, outcome.whenTrue, &inner))
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
        if case .unreachable = before { return Outcome(before) }
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

    private func run(_ call: Syntax.Call, _ before: State) -> Outcome {
        if call.name.text == "route" {
            var names: [String] = []
            var prefixes: [String] = []
            RouteGraph.collect(call, &names, &prefixes)
            guard let name = names.first, let index = routes.find(.request, name) else { return Outcome(before) }
            return Outcome(follow(index, before))
        }
        guard
            let function = registry.functions(named: call.name.text)
                .first(where: { $0.signature.counts.contains(call.arguments.count) })
        else { return Outcome(before) }
        if function.editsRequest, case .sent(let sent) = before { report(call, sent) }
        guard function.sendsRequest else { return Outcome(before) }
        // When it is false nothing was sent by it.
        return Outcome(whenTrue: State.sent(Sent(call: call)).joined(before), whenFalse: before)
    }

    private func report(_ call: Syntax.Call, _ sent: Sent) {
        diagnostics.warning(
            "`\(call.name.text)` has no effect here: the request has been sent", at: call.range,
            hint: "put it in front of `\(sent.call.name.text)`",
            notes: [Diagnostic.Note("it is sent here", at: sent.call.range)])
    }
}
