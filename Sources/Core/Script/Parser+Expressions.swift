/// Expressions: one table of precedence, everything else by descent.
extension Parser {
    typealias Expression = Syntax.Expression

    /// Binary operators by their level, lowest binds least; all are left-associative.
    static let binaryLevels: [Token.Kind: (level: Int, operator: Syntax.BinaryOperator)] = [
        .or: (1, .or), .and: (2, .and), .bitOr: (3, .bitOr), .bitAnd: (4, .bitAnd), .bitXor: (5, .bitXor),
        .shiftLeft: (6, .shiftLeft), .shiftRight: (7, .shiftRight), .equal: (8, .equal), .notEqual: (8, .notEqual),
        .matches: (8, .matches), .matchesNot: (8, .matchesNot), .less: (9, .less), .greater: (9, .greater),
        .lessOrEqual: (9, .lessOrEqual), .greaterOrEqual: (9, .greaterOrEqual), .plus: (10, .add),
        .minus: (10, .subtract),
        .star: (11, .multiply), .slash: (11, .divide),
    ]

    /// The same for operators that are words.
    static let wordLevels: [String: (level: Int, operator: Syntax.BinaryOperator)] = [
        "or": (1, .or), "and": (2, .and), "eq": (8, .stringEqual), "ne": (8, .stringNotEqual),
        "ieq": (8, .integerEqual),
        "ine": (8, .integerNotEqual), "mod": (11, .modulo),
    ]

    /// Level of the operands of a comparison.
    private static let operandLevel = 10

    static let comparisons: [Token.Kind: Syntax.BinaryOperator] = [
        .equal: .equal, .notEqual: .notEqual, .matches: .matches, .matchesNot: .matchesNot, .less: .less,
        .greater: .greater,
        .lessOrEqual: .lessOrEqual, .greaterOrEqual: .greaterOrEqual,
    ]

    private var binaryAhead: (level: Int, operator: Syntax.BinaryOperator)? {
        kind == .word ? Parser.wordLevels[token.word] : Parser.binaryLevels[kind]
    }

    /// A whole expression; a bare word that is none is reported.
    func expression() throws -> Expression {
        let result = try binary(1)
        rejectWord(result)
        return result
    }

    /// Bare words are values only right of `method ==` and as arguments.
    func rejectWord(_ expression: Expression) {
        guard case .word(let word) = expression.kind else { return }
        report("unexpected word `\(word)`", at: expression.range, hint: "a text stands in quotes: `\"\(word)\"`")
    }

    private func binary(_ minimum: Int) throws -> Expression {
        var left = try nested { try unary() }
        var count = 0
        while let (level, operation) = binaryAhead, level >= minimum {
            advance()
            let right = try nested { () throws -> Expression in
                if takeWord("myself") { throw misplacedMyself() }
                return try binary(level + 1)
            }
            count += 1
            guard count <= Limits.chain else {
                throw fail("more than \(Limits.chain) operators in a row", at: left.range)
            }
            left = combine(operation, left, right)
        }
        return left
    }

    private func combine(_ operation: Syntax.BinaryOperator, _ left: Expression, _ right: Expression) -> Expression {
        rejectWord(left)
        rejectWord(right)
        return Expression(.binary(operation, left, right), left.range.through(right.range))
    }

    /// `… == myself` where the left side is no condition word.
    private func misplacedMyself() -> Failure {
        fail(
            "`myself` can be compared with `uri`, `from_uri`, `to_uri`, `src_ip` and `dst_ip` only", at: previous.range,
            hint: "`is_myself(…)` of module kex tests any URI")
    }

    // MARK: Unary

    private func unary() throws -> Expression {
        let start = token
        switch kind {
        case .not: return try prefixed(.not, start)
        case .complement: return try prefixed(.complement, start)
        case .minus:
            advance()
            let operand = try nested { try unary() }
            rejectWord(operand)
            let range = start.range.through(operand.range)
            if case .number(let value) = operand.kind, !operand.isParenthesised {
                return Expression(.number(0 &- value), range)
            }
            return Expression(.unary(.negate, operand), range)
        case .word where start.word == "not" && peek().kind != .assign: return try prefixed(.not, start)
        default: return try tight()
        }
    }

    private func prefixed(_ operation: Syntax.UnaryOperator, _ start: Token) throws -> Expression {
        advance()
        let operand = try nested { try unary() }
        rejectWord(operand)
        return Expression(.unary(operation, operand), start.range.through(operand.range))
    }

    /// `defined` and casts bind more tightly than `!` and `-`.
    private func tight() throws -> Expression {
        let start = token
        let operation: Syntax.UnaryOperator
        switch kind {
        case .castInteger: operation = .toInteger
        case .castString: operation = .toString
        case .word where start.word == "defined": operation = .defined
        default: return try primary()
        }
        advance()
        let operand = try nested { try tight() }
        rejectWord(operand)
        return Expression(.unary(operation, operand), start.range.through(operand.range))
    }

    // MARK: Primary

    func primary() throws -> Expression {
        let start = token
        switch kind {
        case .number:
            if isAddress { return try addressLiteral() }
            advance()
            return Expression(.number(try number(start)), start.range)
        case .text:
            advance()
            return Expression(.text(start.text!), start.range)
        case .variable, .percentVariable:
            advance()
            let variable = try variable(start)
            if kind == .leftBracket, !token.spaceBefore {
                let isAVP = variable.form == .percent || (variable.form == .bare && start.dialect != .kamailio)
                guard isAVP else { throw misplacedIndex(variable) }
                return try indexedAVP(variable)
            }
            return Expression(.variable(variable), variable.range)
        case .select:
            advance()
            return Expression(.select(try select(start)), start.range)
        case .leftParen: return try parenthesised()
        case .leftBrace
        where conditionParens != nil && !(previous.kind == .rightParen || tokens[max(0, index - 1)].word == "if"):
            let body = try block()
            diagnostics.warning(
                "a block as a condition", at: body.range, hint: "put the actions into a route and test `route(…)`")
            return Expression(.block(body), body.range)
        case .word: return try word()
        case .invalid: throw invalid()
        default: throw unexpected("an expression")
        }
    }

    /// SER's `$name[n]`, `%name[*]`: an AVP.
    private func indexedAVP(_ variable: Syntax.Variable) throws -> Expression {
        let opening = advance().range
        let first = token
        let value: Syntax.Variable.Index.Value
        switch kind {
        case .star:
            advance()
            value = .all
        case .rightBracket: value = .all
        case .variable:
            advance()
            value = .variable(try self.variable(first))
        default:
            let negative = take(.minus)
            guard kind == .number else { throw unexpected("an index") }
            let number = Int(clamping: try number(advance()))
            value = .number(negative ? -number : number)
        }
        try expectClosing(.rightBracket, "]", opening: opening, expected: "`]`")
        let range = variable.range.through(previous.range)
        let indexed = Syntax.Variable(
            form: .percent, name: variable.name, inner: nil,
            index: Syntax.Variable.Index(value: value, range: opening.through(previous.range)), transformations: [],
            dialect: variable.dialect, range: range)
        return Expression(.variable(indexed), range)
    }

    private func misplacedIndex(_ variable: Syntax.Variable) -> Failure {
        let text = variable.range.text
        let inner = text.dropFirst(1)
        return fail("an index stands inside of the parentheses", at: token.range, hint: "write `$(\(inner)[…])`")
    }

    /// A number with a dot right behind it, as in `10.0.0.1`.
    private var isAddress: Bool {
        peek().kind == .dot && !peek().spaceBefore && (peek(2).kind == .number || peek(2).kind == .word)
            && !peek(2).spaceBefore
    }

    private func addressLiteral() throws -> Expression {
        guard let run = takeHostRun() else { throw unexpected("an address") }
        let host = try reading(run) { run throws(HostRun.Failure) in try run.net() }
        return Expression(.host(host), run.range)
    }

    private func parenthesised() throws -> Expression {
        let opening = advance().range
        if conditionParens != nil { conditionParens! += 1 }
        defer { if conditionParens != nil { conditionParens! -= 1 } }
        if kind == .rightParen { throw fail("nothing between the parentheses", at: opening.through(token.range)) }
        var inner = try nested { try binary(1) }
        if kind == .assign, inner.isAssignable {
            inner = try assignment(to: inner)
        }
        rejectWord(inner)
        try expectClosing(.rightParen, ")", opening: opening, expected: "an operator or `)`")
        inner.isParenthesised = true
        return inner
    }

    /// `(lvalue = value)`: the truth of the value.
    private func assignment(to target: Expression) throws -> Expression {
        let equals = advance().range
        if conditionParens == 1 {
            throw fail("assignment in a condition", at: equals, hint: "use `==` to compare")
        } else if conditionParens != nil {
            diagnostics.warning("assignment in a condition", at: equals, hint: "`==` compares")
        }
        checkTarget(target)
        let value = try nested { try binary(1) }
        rejectWord(value)
        return Expression(.assign(target, value), target.range.through(value.range))
    }

    // MARK: Words

    private func word() throws -> Expression {
        let start = token
        let word = start.word
        if let condition = Keywords.conditions[word], peek().kind != .leftParen { return try self.condition(condition) }
        if word == "msg", peek().kind == .colon, peek(2).word == "len" { return try self.condition(.messageLength) }
        switch word {
        case "strlen", "strempty": return try measure()
        case "selval": return try choose()
        case "myself": return try leadingMyself()
        case "uri": break
        default: break
        }
        if peek().kind == .leftParen {
            let call = try nested { try self.call() }
            return Expression(.call(call), call.range)
        }
        if let value = Keywords.number(word) {
            advance()
            return Expression(.number(value), start.range)
        }
        if CoreNames.bare.contains(word) {
            let call = try self.call()
            return Expression(.call(call), call.range)
        }
        advance()
        return Expression(.word(word), start.range)
    }

    private func measure() throws -> Expression {
        let start = advance()
        let arguments = try parenthesisedList()
        let range = start.range.through(previous.range)
        guard arguments.count == 1 else { throw fail("`\(start.word)` takes one argument", at: range) }
        rejectWord(arguments[0])
        return Expression(.measure(Syntax.Measure(rawValue: start.word)!, arguments[0]), range)
    }

    private func choose() throws -> Expression {
        let start = advance()
        let arguments = try parenthesisedList()
        let range = start.range.through(previous.range)
        guard arguments.count == 3 else {
            throw fail("`selval` takes three arguments", at: range, hint: "`selval(condition, a, b)`")
        }
        arguments.forEach(rejectWord)
        return Expression(.choose(arguments[0], arguments[1], arguments[2]), range)
    }

    private func parenthesisedList() throws -> [Expression] {
        guard kind == .leftParen else { throw unexpected("`(`") }
        let opening = advance().range
        let outer = conditionParens
        conditionParens = nil
        defer { conditionParens = outer }
        var list: [Expression] = []
        if kind != .rightParen {
            repeat { list.append(try nested { try binary(1) }) } while take(.comma)
        }
        try expectClosing(.rightParen, ")", opening: opening, expected: "`,` or `)`")
        return list
    }

    // MARK: Conditions

    /// A condition word, its operator and its right side.
    private func condition(_ word: Syntax.Condition.Word) throws -> Expression {
        let start = token
        if word == .messageLength {
            advance()
            advance()
        }
        advance()
        let name = Syntax.Name(word == .messageLength ? "msg:len" : start.word, start.range.through(previous.range))
        guard let operation = comparisonAhead, word.operators.contains(operation) else {
            if let operation = comparisonAhead {
                throw fail(
                    "`\(name.text)` does not take `\(operation.rawValue)`", at: token.range, hint: word.usage(name.text)
                )
            }
            throw fail("`\(name.text)` needs an operator and a value", at: name.range, hint: word.usage(name.text))
        }
        advance()
        let operand = try self.operand(of: word, operation)
        let range = name.range.through(previous.range)
        return Expression(
            .condition(Syntax.Condition(word: word, name: name, operator: operation, operand: operand)), range)
    }

    private var comparisonAhead: Syntax.BinaryOperator? {
        if kind == .word, let (level, operation) = Parser.wordLevels[token.word], level == 8 { return operation }
        return Parser.comparisons[kind]
    }

    private func operand(of word: Syntax.Condition.Word, _ operation: Syntax.BinaryOperator) throws
        -> Syntax.Condition.Operand
    {
        if isWord("myself") {
            guard word.takesMyself else {
                throw fail("`myself` is no value for this", at: token.range, hint: word.usage(word.rawValue))
            }
            advance()
            return .myself
        }
        switch word.kind {
        case .transport:
            if let transport = Keywords.transports[token.word], kind == .word {
                advance()
                return .transport(transport)
            }
        case .address:
            if operation == .matches || operation == .matchesNot { break }
            if kind == .number || kind == .word || kind == .leftBracket || kind == .colon, peek().kind != .leftParen {
                guard let run = takeHostRun(slash: true) else { break }
                return .host(try reading(run) { run throws(HostRun.Failure) in try run.net() })
            }
            if kind == .text, peek().kind != .plus { return try quotedAddress() }
        case .method
        where kind == .word && Keywords.reserved.contains(token.word) == false && peek().kind != .leftParen:
            let token = advance()
            return .expression(
                Expression(.text(Syntax.Text(bytes: Array(token.word.utf8), range: token.range)), token.range))
        case .text:
            if kind == .leftBracket {
                throw fail("expected a string", at: token.range, hint: "is the opening `\"` missing?")
            }
        default: break
        }
        let value = try nested { try binary(Parser.operandLevel) }
        rejectWord(value)
        return .expression(value)
    }

    /// `src_ip == "10.0.0.1"`: the text is read like an unquoted address.
    private func quotedAddress() throws -> Syntax.Condition.Operand {
        var run = HostRun()
        run.append(token.text?.bytes ?? [], token.range, quoted: true)
        let host = try reading(run) { run throws(HostRun.Failure) in try run.net() }
        advance()
        return .host(host)
    }

    /// `myself == uri`
    private func leadingMyself() throws -> Expression {
        let start = advance()
        guard let operation = comparisonAhead, operation != .less, operation != .greater else {
            throw fail(
                "`myself` needs an operator and a condition word", at: start.range, hint: "write `uri == myself`")
        }
        advance()
        guard kind == .word, let word = Keywords.conditions[token.word], word.takesMyself else {
            throw unexpected("`uri`, `from_uri`, `to_uri`, `src_ip` or `dst_ip`")
        }
        let name = takeName()
        return Expression(
            .condition(Syntax.Condition(word: word, name: name, operator: operation, operand: .myself)),
            start.range.through(name.range))
    }
}

extension Syntax.Expression {
    /// Something that can stand left of `=`, or that looks as if it should.
    var isAssignable: Bool {
        switch kind {
        case .variable, .select, .word: true
        default: false
        }
    }
}

extension Syntax.Condition.Word {
    /// What kind of right side the word takes.
    enum Kind { case method, text, number, transport, address }

    var kind: Kind {
        switch self {
        case .method: .method
        case .uri, .fromURI, .toURI: .text
        case .sourcePort, .destinationPort, .messageLength, .addressFamily, .sendPort, .sendFamily, .toPort, .toFamily:
            .number
        case .transport, .sendTransport, .toTransport: .transport
        case .sourceAddress, .destinationAddress, .sendAddress, .toAddress: .address
        }
    }

    /// Only in `onsend_route`.
    var isOnsendOnly: Bool {
        switch self {
        case .sendAddress, .sendPort, .sendTransport, .sendFamily, .toAddress, .toPort, .toTransport, .toFamily: true
        default: false
        }
    }

    var takesMyself: Bool {
        switch self {
        case .uri, .fromURI, .toURI, .sourceAddress, .destinationAddress, .sendAddress, .toAddress: true
        default: false
        }
    }

    var operators: Set<Syntax.BinaryOperator> {
        switch kind {
        case .method, .text: [.equal, .notEqual, .matches, .matchesNot, .stringEqual, .stringNotEqual]
        case .number:
            [.equal, .notEqual, .less, .greater, .lessOrEqual, .greaterOrEqual, .integerEqual, .integerNotEqual]
        case .transport: [.equal, .notEqual, .stringEqual, .stringNotEqual]
        case .address: [.equal, .notEqual, .matches, .matchesNot, .stringEqual, .stringNotEqual]
        }
    }

    func usage(_ name: String) -> String {
        switch kind {
        case .method: "`\(name)` takes ==, !=, =~ and a method"
        case .text: "`\(name)` takes ==, !=, =~ and a string or `myself`"
        case .number: "`\(name)` takes ==, !=, <, >, <=, >= and a number"
        case .transport: "`\(name)` takes ==, != and a transport: udp, tcp, tls, sctp, ws, wss"
        case .address: "`\(name)` takes ==, !=, =~ and an address, a net, a host or `myself`"
        }
    }
}
