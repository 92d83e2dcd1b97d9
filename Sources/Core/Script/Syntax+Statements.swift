/// Statements inside of route blocks.
extension Syntax {
    /// `{ … }`, or a single statement in its place.
    struct Block: Sendable {
        var statements: [Statement]
        /// With the braces, where there are any.
        let range: SourceRange
    }

    struct Statement: Sendable {
        indirect enum Kind: Sendable {
            case call(Call)
            /// `lvalue = value`
            case assign(Expression, Expression)
            case `if`([Clause], else: Block?)
            case `while`(Expression, Block)
            case `switch`(Switch)
            /// `return`, `exit`, `drop` with an optional code.
            case leave(Leave, Expression?)
            case `break`
            case block(Block)
            /// A lone `;`.
            case empty
        }

        enum Leave: String, Sendable { case `return`, exit, drop }

        /// `if condition body`, also each `else if`.
        struct Clause: Sendable {
            let condition: Expression
            let body: Block
        }

        let kind: Kind
        let range: SourceRange
    }

    struct Switch: Sendable {
        enum Label: Sendable {
            case number(Int64)
            case text(Text)
            /// `case /"…":`
            case pattern(Text)
            case `default`
        }

        struct Case: Sendable {
            let label: Label
            let range: SourceRange
            let body: [Statement]
        }

        let subject: Expression
        let cases: [Case]
    }

    /// `name(arguments)`: a function of a module, a function of the core, or `route(…)`.
    struct Call: Sendable {
        let name: Name
        let arguments: [Expression]
        /// From the name to the closing parenthesis.
        let range: SourceRange
        /// False for core statements that were written without parentheses.
        let hasParentheses: Bool
    }
}
