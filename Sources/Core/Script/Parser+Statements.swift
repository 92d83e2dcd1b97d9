/// Statements inside of route blocks.
extension Parser {
    /// One statement with its `;`. nil when a top-level keyword ended the block.
    ///
    /// - Parameter afterIf: it is the body of an `if`, where SER needs no `;` before `else`.
    func statement(afterIf: Bool) throws -> Syntax.Statement? {
        let start = token.range
        switch kind {
        case .semicolon:
            advance()
            return Syntax.Statement(kind: .empty, range: start)
        case .leftBrace:
            let body = try nested { try block() }
            return Syntax.Statement(kind: .block(body), range: body.range)
        case .word:
            return try wordStatement(afterIf: afterIf)
        case .variable, .percentVariable, .select:
            return try assignment(afterIf: afterIf)
        case .invalid:
            throw invalid()
        default:
            throw unexpected("a statement")
        }
    }

    private func wordStatement(afterIf: Bool) throws -> Syntax.Statement? {
        let word = token
        switch word.word {
        case "if": return try ifStatement()
        case "while": return try whileStatement()
        case "switch": return try switchStatement()
        case "return", "exit", "drop": return try leaveStatement(afterIf: afterIf)
        case "break":
            advance()
            if kind == .leftParen, peek().kind == .rightParen {
                advance()
                advance()
            }
            try endStatement(afterIf: afterIf)
            return Syntax.Statement(kind: .break, range: word.range)
        default: break
        }
        if startsTopLevel, Keywords.routes[word.word] != nil {
            abandonBlocks()
            return nil
        }
        if Parser.globalStatements.contains(word.word) { return misplacedGlobal() }
        if ["for", "foreach"].contains(word.word), peek().kind == .leftParen { return try foreignLoop() }
        if let mistake = misplaced(word) { throw mistake }
        if peek().kind == .leftParen || CoreNames.bare.contains(word.word) {
            let call = try nested { try self.call() }
            try endStatement(afterIf: afterIf)
            return Syntax.Statement(kind: .call(call), range: call.range)
        }
        throw unknownStatement(word)
    }

    private static let globalStatements: Set<String> = [
        "loadmodule", "loadmodulex", "modparam", "modparamx", "loadpath", "mpath",
    ]

    /// `loadmodule "tm.so"` and its kin in a block: reported and skipped to the end of its line.
    private func misplacedGlobal() -> Syntax.Statement {
        let word = advance()
        report("`\(word.word)` inside of a route block", at: word.range, hint: "move it to top level")
        while !token.newlineBefore, kind != .end, kind != .rightBrace {
            if take(.semicolon) { break }
            advance()
        }
        return Syntax.Statement(kind: .empty, range: word.range)
    }

    /// `for (…; …; …) body`: reported; its body is read.
    private func foreignLoop() throws -> Syntax.Statement? {
        let word = advance()
        report("`\(word.word)` does not exist", at: word.range, hint: "use `while (…) { … }`")
        var parens = 0
        repeat {
            if kind == .leftParen { parens += 1 }
            if kind == .rightParen { parens -= 1 }
            if kind == .leftBrace || kind == .rightBrace || kind == .end { throw Failure() }
            advance()
        } while parens > 0
        return try nested { try statement(afterIf: false) }
    }

    /// Words of other languages, of other places, and of the time before `if`.
    private func misplaced(_ word: Token) -> Failure? {
        switch word.word {
        case "else":
            let hint = previous.kind == .semicolon ? "no `;` before `else`" : nil
            return fail("`else` without `if`", at: word.range, hint: hint)
        case "elseif", "elsif", "elif":
            return fail("`\(word.word)` does not exist", at: word.range, hint: "write `else if`")
        case "case", "default":
            guard peek().kind != .leftParen else { return nil }
            return fail("`\(word.word)` outside of a `switch`", at: word.range)
        case "for", "foreach", "do":
            return fail("`\(word.word)` does not exist", at: word.range, hint: "use `while (…) { … }`")
        case "continue":
            return fail(
                "`continue` does not exist", at: word.range, hint: "put the rest of the loop's body under an `if`")
        case "msg" where peek().kind == .colon, "myself": break
        default: break
        }
        if peek().kind == .assign {
            if Global.named[word.word] != nil || Keywords.globals.contains(word.word) {
                return fail(
                    "global parameter `\(word.word)` inside of a route block", at: word.range,
                    hint: "move it to top level")
            }
            return fail(
                "cannot assign to `\(word.word)`", at: word.range,
                hint: "variables begin with `$`: `$var(\(word.word)) = …`")
        }
        let isCondition = Keywords.conditions[word.word] != nil || word.word == "msg" || word.word == "myself"
        if isCondition, Parser.comparisons[peek().kind] != nil || (word.word == "msg" && peek().kind == .colon) {
            return fail("a condition is no statement", at: word.range, hint: "write `if (…) …`")
        }
        return nil
    }

    private func unknownStatement(_ word: Token) -> Failure {
        let known = Array(Keywords.statements) + Array(CoreNames.functions)
        let next = peek()
        if next.kind == .semicolon || next.newlineBefore {
            return fail(
                "`\(word.word)` is no statement", at: word.range,
                hint: Suggest.hint(for: word.word, among: known) ?? "a call needs parentheses: `\(word.word)()`")
        }
        if let near = Suggest.nearest(to: word.word, among: Keywords.statements) {
            return fail("`\(word.word)` is no statement", at: word.range, hint: "did you mean `\(near)`?")
        }
        return fail("expected `(` behind `\(word.word)`", at: word.range.after)
    }

    // MARK: The end of a statement

    /// The `;`. A missing one is reported at the end of the statement, and reading goes on as if it were there.
    func endStatement(afterIf: Bool) throws {
        if take(.semicolon) { return }
        switch kind {
        case .end: return
        case .word where token.word == "else" && afterIf: return
        case .rightBrace, .word, .variable, .leftBrace:
            report("missing `;`", at: previous.range.after)
            if !token.newlineBefore, kind == .leftBrace { throw Failure() }
        default:
            if token.newlineBefore {
                report("missing `;`", at: previous.range.after)
            } else {
                throw unexpected("`;`")
            }
        }
    }

    // MARK: Assignment

    private func assignment(afterIf: Bool) throws -> Syntax.Statement {
        let target = try nested { try self.primary() }
        switch kind {
        case .assign: break
        case .equal:
            throw fail("a comparison is no statement", at: token.range, hint: "`=` assigns")
        case .plusAssign, .increment, .decrement, .invalid, .dot:
            throw unexpected("`=`")
        default:
            throw fail("expected `=` behind `\(target.range.text)`", at: target.range.after)
        }
        advance()
        checkTarget(target)
        let value = try expression()
        try endStatement(afterIf: afterIf)
        return Syntax.Statement(kind: .assign(target, value), range: target.range.through(value.range))
    }

    /// What can never stand left of `=`.
    func checkTarget(_ target: Syntax.Expression) {
        switch target.kind {
        case .variable(let variable):
            if let transformation = variable.transformations.first {
                report("cannot assign through a transformation", at: transformation.range)
            }
        case .select: report("a select cannot be assigned", at: target.range)
        case .invalid: break
        default: report("cannot assign to this", at: target.range)
        }
    }

    // MARK: Control

    private func ifStatement() throws -> Syntax.Statement {
        let start = token.range
        var clauses: [Syntax.Statement.Clause] = []
        var otherwise: Syntax.Block?
        repeat {
            advance()
            let condition = try self.condition()
            clauses.append(Syntax.Statement.Clause(condition: condition, body: try body(afterIf: true)))
            guard isWord("else"), !isAbandoned else { break }
            advance()
            if isWord("if") { continue }
            otherwise = try body(afterIf: false)
            break
        } while true
        let end = otherwise?.range ?? clauses[clauses.count - 1].body.range
        return Syntax.Statement(kind: .if(clauses, else: otherwise), range: start.through(end))
    }

    private func whileStatement() throws -> Syntax.Statement {
        let start = advance().range
        let condition = try self.condition()
        let body = try body(afterIf: false)
        return Syntax.Statement(kind: .while(condition, body), range: start.through(body.range))
    }

    /// A block, or one statement in its place.
    private func body(afterIf: Bool) throws -> Syntax.Block {
        try nested {
            if kind == .leftBrace { return try block() }
            if kind == .rightBrace || kind == .end { throw unexpected("a statement") }
            let start = token.range
            let statement = try self.statement(afterIf: afterIf)
            return Syntax.Block(statements: statement.map { [$0] } ?? [], range: statement?.range ?? start)
        }
    }

    /// What is tested by `if` and `while`. A mistake in it does not hide the body.
    private func condition() throws -> Syntax.Expression {
        let outer = conditionParens
        conditionParens = 0
        defer { conditionParens = outer }
        let start = index
        do {
            let condition = try expression()
            if kind == .assign {
                report("assignment in a condition", at: token.range, hint: "use `==` to compare")
                throw Failure()
            }
            if kind == .rightParen, tokens[start].kind == .leftParen {
                throw fail("`)` without `(`", at: token.range)
            }
            return condition
        } catch {
            try skipCondition(from: start)
            return Syntax.Expression(.invalid, tokens[start].range)
        }
    }

    /// To the body behind a condition that was wrong.
    private func skipCondition(from start: Int) throws {
        var parens = 0
        for token in tokens[start..<index] {
            if token.kind == .leftParen { parens += 1 }
            if token.kind == .rightParen { parens -= 1 }
        }
        while true {
            switch kind {
            case .leftParen: parens += 1
            case .rightParen:
                parens -= 1
                if parens <= 0 {
                    advance()
                    guard kind == .rightParen || Parser.binaryLevels[kind] != nil else { return }
                    continue
                }
            case .leftBrace: return
            case .semicolon, .rightBrace, .end: throw Failure()
            case .word where token.newlineBefore && startsTopLevel: throw Failure()
            default: break
            }
            advance()
        }
    }

    /// `return`, `exit`, `drop`, with or without a code, with or without parentheses.
    private func leaveStatement(afterIf: Bool) throws -> Syntax.Statement {
        let word = advance()
        let leave = Syntax.Statement.Leave(rawValue: word.word)!
        var code: Syntax.Expression?
        if kind == .leftParen, peek().kind == .rightParen {
            advance()
            advance()
        } else if kind != .semicolon, kind != .rightBrace, !(afterIf && isWord("else")),
            !(token.newlineBefore && beginsStatement)
        {
            code = try expression()
        }
        let range = word.range.through(previous.range)
        try endStatement(afterIf: afterIf)
        return Syntax.Statement(kind: .leave(leave, code), range: range)
    }

    /// A word on a new line that begins a statement rather than an expression.
    private var beginsStatement: Bool {
        guard kind == .word else { return kind == .variable && peek().kind == .assign || kind == .end }
        return Keywords.statements.contains(token.word) || peek().kind == .leftParen || startsTopLevel
    }

    // MARK: switch

    private func switchStatement() throws -> Syntax.Statement {
        let start = advance().range
        let subject = try condition()
        guard kind == .leftBrace else { throw unexpected("`{`") }
        let brace = advance().range
        openBlocks.append(brace)
        defer { openBlocks.removeLast() }
        var cases: [Syntax.Switch.Case] = []
        while kind != .rightBrace, kind != .end, !isAbandoned {
            let first = token.range
            let label: Syntax.Switch.Label?
            do {
                label = try switchLabel()
            } catch {
                recoverInBlock()
                continue
            }
            var body: [Syntax.Statement] = []
            while kind != .rightBrace, kind != .end, !isAbandoned, !isWord("case"), !startsDefault {
                appendStatement(to: &body)
            }
            if let label { cases.append(Syntax.Switch.Case(label: label, range: first, body: body)) }
        }
        if kind == .end, !isAbandoned { abandonBlocks() }
        _ = take(.rightBrace)
        return Syntax.Statement(
            kind: .switch(Syntax.Switch(subject: subject, cases: cases)), range: start.through(previous.range))
    }

    private var startsDefault: Bool { isWord("default") && peek().kind == .colon }

    /// `case C:` or `default:`; nil when the label itself is wrong and was reported.
    private func switchLabel() throws -> Syntax.Switch.Label? {
        if startsDefault {
            advance()
            advance()
            return .default
        }
        if kind == .semicolon {
            advance()
            return nil
        }
        guard takeWord("case") else {
            if startsTopLevel {
                abandonBlocks()
                return nil
            }
            throw unexpected("`case` or `default`")
        }
        let label: Syntax.Switch.Label
        let first = token
        switch kind {
        case .number: label = .number(try number(advance()))
        case .minus:
            advance()
            guard kind == .number else { throw unexpected("a number") }
            label = .number(-(try number(advance())))
        case .text: label = .text(advance().text!)
        case .slash:
            advance()
            guard kind == .text else { throw unexpected("a regular expression in quotes") }
            label = .pattern(advance().text!)
        case .word where Keywords.number(token.word) != nil: label = .number(Keywords.number(advance().word)!)
        default:
            report(
                "label of a `case` must be a constant", at: first.range,
                hint: kind == .word ? "write `\"\(first.word)\"`" : nil)
            while kind != .colon, kind != .semicolon, kind != .leftBrace, kind != .rightBrace, kind != .end {
                advance()
            }
            _ = take(.colon)
            return nil
        }
        guard take(.colon) else { throw unexpected("`:` behind the label") }
        return label
    }
}
