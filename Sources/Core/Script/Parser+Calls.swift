/// Calls with their arguments.
extension Parser {
    /// Functions of the core whose first arguments are hosts, ports or sockets, which are written without quotes.
    private static let hostArguments: Set<String> = [
        "forward", "forward_udp", "forward_tcp", "forward_tls", "forward_sctp", "send", "send_tcp", "force_send_socket",
        "set_advertised_address",
    ]

    /// `name(arguments)`; parentheses may be missing where the function allows it.
    func call() throws -> Syntax.Call {
        let name = takeName()
        guard kind == .leftParen else {
            guard CoreNames.bare.contains(name.text) else { throw unexpected("`(`") }
            return Syntax.Call(name: name, arguments: [], range: name.range, hasParentheses: false)
        }
        let opening = advance().range
        let outer = conditionParens
        conditionParens = nil
        defer { conditionParens = outer }
        var arguments: [Syntax.Expression] = []
        do {
            if kind != .rightParen {
                repeat {
                    arguments.append(try argument(of: name.text, isHost: Parser.hostArguments.contains(name.text)))
                } while take(.comma)
            }
            try expectClosing(.rightParen, ")", opening: opening, expected: "`,` or `)`")
        } catch {
            try skipArguments(opening)
            arguments = [Syntax.Expression(.invalid, opening)]
        }
        return Syntax.Call(
            name: name, arguments: arguments, range: name.range.through(previous.range), hasParentheses: true)
    }

    private func argument(of function: String, isHost: Bool) throws -> Syntax.Expression {
        if kind == .comma || kind == .rightParen {
            throw fail("missing argument of `\(function)`", at: previous.range.after)
        }
        if isHost, let argument = try hostArgument() { return argument }
        let result = try nested { try argumentExpression() }
        if case .call(let inner) = result.kind, function != "route" || inner.hasParentheses {
            report(
                "a call inside of an argument", at: inner.range,
                hint: "call it before: `$var(x) = \(inner.name.text)(…);`")
        }
        if kind == .assign { throw fail("assignment inside of an argument", at: token.range) }
        return result
    }

    /// An expression, where a bare word is allowed.
    private func argumentExpression() throws -> Syntax.Expression {
        if kind == .word, peek().kind == .comma || peek().kind == .rightParen, Keywords.number(token.word) == nil {
            let word = advance()
            return Syntax.Expression(.word(word.word), word.range)
        }
        let result = try expression()
        return result
    }

    /// `uri:host`, `10.0.0.1`, `sip.example.com`, `udp:10.0.0.1:5060`; nil when it is an ordinary expression.
    private func hostArgument() throws -> Syntax.Expression? {
        let start = token
        if start.word == "uri", peek().kind == .colon {
            let part = Syntax.URIPart(rawValue: "uri:" + peek(2).word)
            advance()
            advance()
            let range = start.range.through(token.range)
            advance()
            guard let part else { throw fail("expected `uri:host` or `uri:port`", at: range) }
            return Syntax.Expression(.uriPart(part), range)
        }
        switch kind {
        case .number where peek().kind == .comma || peek().kind == .rightParen: return nil
        case .number, .word, .leftBracket, .star:
            guard peek().kind != .leftParen || kind == .leftBracket, let run = takeHostRun() else { return nil }
            let pattern = try reading(run) { run throws(HostRun.Failure) in try run.pattern() }
            return Syntax.Expression(
                .host(Syntax.Host(form: pattern.host.form, text: run.text, range: run.range)), run.range)
        default: return nil
        }
    }

    /// To behind the `)` of arguments that were wrong, so that the statement around them goes on.
    private func skipArguments(_ opening: SourceRange) throws {
        var parens = 1
        while true {
            switch kind {
            case .leftParen: parens += 1
            case .rightParen:
                parens -= 1
                if parens == 0 {
                    advance()
                    return
                }
            case .semicolon, .leftBrace, .rightBrace, .end: throw Failure()
            default: break
            }
            advance()
        }
    }
}
