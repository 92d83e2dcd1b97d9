/// Visits all parts of statements and expressions.
enum SyntaxWalk {
    /// Every call, in the order of the text.
    static func calls(in statement: Syntax.Statement, _ visit: (Syntax.Call) -> Void) {
        expressions(in: statement) { expression in
            if case .call(let call) = expression.kind { visit(call) }
        } call: {
            visit($0)
        }
    }

    /// Every expression, outer ones first, of a statement and the statements in it; and the calls that are statements.
    static func expressions(
        in statement: Syntax.Statement, _ visit: (Syntax.Expression) -> Void, call visitCall: (Syntax.Call) -> Void
    ) {
        switch statement.kind {
        case .call(let call):
            visitCall(call)
            for argument in call.arguments { walk(argument, visit, visitCall) }
        case .assign(let target, let value):
            walk(target, visit, visitCall)
            walk(value, visit, visitCall)
        case .if(let clauses, let otherwise):
            for clause in clauses {
                walk(clause.condition, visit, visitCall)
                block(clause.body, visit, visitCall)
            }
            if let otherwise { block(otherwise, visit, visitCall) }
        case .while(let condition, let body):
            walk(condition, visit, visitCall)
            block(body, visit, visitCall)
        case .switch(let construct):
            walk(construct.subject, visit, visitCall)
            for label in construct.cases {
                for inner in label.body { expressions(in: inner, visit, call: visitCall) }
            }
        case .leave(_, let code):
            if let code { walk(code, visit, visitCall) }
        case .block(let body): block(body, visit, visitCall)
        case .break, .empty: break
        }
    }

    /// An expression and all in it, outer ones first.
    static func expressions(in expression: Syntax.Expression, _ visit: (Syntax.Expression) -> Void) {
        walk(expression, visit) { _ in }
    }

    private static func block(
        _ block: Syntax.Block, _ visit: (Syntax.Expression) -> Void, _ visitCall: (Syntax.Call) -> Void
    ) {
        for statement in block.statements { expressions(in: statement, visit, call: visitCall) }
    }

    private static func walk(
        _ expression: Syntax.Expression, _ visit: (Syntax.Expression) -> Void, _ visitCall: (Syntax.Call) -> Void
    ) {
        visit(expression)
        switch expression.kind {
        case .unary(_, let operand), .measure(_, let operand): walk(operand, visit, visitCall)
        case .binary(_, let left, let right), .assign(let left, let right):
            walk(left, visit, visitCall)
            walk(right, visit, visitCall)
        case .choose(let condition, let first, let second):
            for part in [condition, first, second] { walk(part, visit, visitCall) }
        case .call(let call):
            for argument in call.arguments { walk(argument, visit, visitCall) }
        case .block(let body): block(body, visit, visitCall)
        case .condition(let condition):
            if case .expression(let operand) = condition.operand { walk(operand, visit, visitCall) }
        case .number, .text, .variable, .select, .uriPart, .host, .word, .invalid: break
        }
    }
}
