/// Expressions.
extension Syntax {
    struct Expression: Sendable {
        indirect enum Kind: Sendable {
            case number(Int64)
            case text(Text)
            case variable(Variable)
            /// `@ruri.user`
            case select(Select)
            case unary(UnaryOperator, Expression)
            case binary(BinaryOperator, Expression, Expression)
            /// `strlen(e)`, `strempty(e)`
            case measure(Measure, Expression)
            /// `selval(condition, a, b)`
            case choose(Expression, Expression, Expression)
            case call(Call)
            /// `(lvalue = value)`
            case assign(Expression, Expression)
            /// `{ … }` as a value
            case block(Block)
            case condition(Condition)
            /// `uri:host`, `uri:port` as an argument of `forward`
            case uriPart(URIPart)
            /// An address or a host name as an argument; also a host of one label followed by nothing is a `word`.
            case host(Host)
            /// A bare word: a flag, a route name, a protocol as an argument.
            case word(String)
            /// What a reported mistake leaves; says nothing more.
            case invalid
        }

        let kind: Kind
        /// Without the parentheses around it.
        let range: SourceRange
        /// Stands in parentheses of its own.
        var isParenthesised = false

        init(_ kind: Kind, _ range: SourceRange) {
            self.kind = kind
            self.range = range
        }
    }

    enum UnaryOperator: String, Sendable {
        case not = "!"
        case negate = "-"
        case complement = "~"
        case defined
        case toInteger = "(int)"
        case toString = "(str)"
    }

    enum BinaryOperator: String, Sendable {
        case or = "||"
        case and = "&&"
        case bitOr = "|"
        case bitAnd = "&"
        case bitXor = "^"
        case shiftLeft = "<<"
        case shiftRight = ">>"
        case equal = "=="
        case notEqual = "!="
        case matches = "=~"
        /// `!~`, the negation of `=~`
        case matchesNot = "!~"
        case stringEqual = "eq"
        case stringNotEqual = "ne"
        case integerEqual = "ieq"
        case integerNotEqual = "ine"
        case less = "<"
        case greater = ">"
        case lessOrEqual = "<="
        case greaterOrEqual = ">="
        case add = "+"
        case subtract = "-"
        case multiply = "*"
        case divide = "/"
        case modulo = "mod"
    }

    enum Measure: String, Sendable { case strlen, strempty }

    enum URIPart: String, Sendable {
        case host = "uri:host"
        case port = "uri:port"
    }

    /// A condition word with its operator and right side: one unit, so that `!` negates all of it.
    struct Condition: Sendable {
        enum Word: String, Sendable, CaseIterable {
            case method
            /// Also `status`: the second element of the first line.
            case uri
            case fromURI = "from_uri"
            case toURI = "to_uri"
            case sourcePort = "src_port"
            case destinationPort = "dst_port"
            case messageLength = "msg:len"
            case addressFamily = "af"
            case transport = "proto"
            case sourceAddress = "src_ip"
            case destinationAddress = "dst_ip"
            case sendAddress = "snd_ip"
            case sendPort = "snd_port"
            case sendTransport = "snd_proto"
            case sendFamily = "snd_af"
            case toAddress = "to_ip"
            case toPort = "to_port"
            case toTransport = "to_proto"
            case toFamily = "to_af"
        }

        enum Operand: Sendable {
            case expression(Expression)
            /// Our own addresses and aliases.
            case myself
            case host(Host)
            case transport(Transport)
        }

        let word: Word
        /// The word as it was written.
        let name: Name
        let `operator`: BinaryOperator
        let operand: Operand
    }

    /// `@name.part["x"][0]`
    struct Select: Sendable {
        enum Part: Sendable {
            case name(String)
            case index(Int64)
            case key(String)
        }

        let parts: [Part]
        let range: SourceRange
    }

    /// A pseudo-variable or an AVP, names unresolved.
    final class Variable: Sendable {
        enum Form: Sendable {
            /// `$name`
            case bare
            /// `$name(inner)`
            case call
            /// `$(name…)`
            case enclosed
            /// `%name`
            case percent
        }

        let form: Form
        let name: Name
        /// The text in the parentheses behind the name; nil without parentheses. Not interpreted: what it means depends on
        /// the name.
        let inner: Text?
        let index: Index?
        let transformations: [Transformation]
        let dialect: Dialect
        let range: SourceRange

        init(
            form: Form, name: Name, inner: Text?, index: Index?, transformations: [Transformation], dialect: Dialect,
            range: SourceRange
        ) {
            self.form = form
            self.name = name
            self.inner = inner
            self.index = index
            self.transformations = transformations
            self.dialect = dialect
            self.range = range
        }

        struct Index: Sendable {
            enum Value: Sendable {
                case number(Int)
                /// `[*]`
                case all
                /// `[+]`
                case next
                case variable(Variable)
            }

            let value: Value
            let range: SourceRange
        }
    }

    /// `{class.operation,arguments}`
    struct Transformation: Sendable {
        enum Argument: Sendable {
            case constant(Text)
            case variable(Variable)
        }

        /// In lower case.
        let family: String
        /// In lower case; may hold further dots.
        let operation: String
        let arguments: [Argument]
        /// All that stands behind the first comma, as it was written; nil without a comma.
        let rawArguments: Text?
        /// With the braces.
        let range: SourceRange
    }

    /// A text with pseudo-variables in it.
    struct Format: Sendable {
        enum Piece: Sendable {
            case text([UInt8])
            case variable(Variable)
        }

        let pieces: [Piece]
        let range: SourceRange

        /// True when it is the same text for every message.
        var isConstant: Bool {
            pieces.allSatisfy { if case .text = $0 { true } else { false } }
        }
    }
}
