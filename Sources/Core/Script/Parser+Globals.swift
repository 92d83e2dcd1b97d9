/// Statements outside of route blocks.
extension Parser {
    func parseGlobals() {
        while kind != .end {
            let start = index
            do {
                try globalStatement()
            } catch {
                recoverAtTopLevel()
            }
            if index == start { advance() }
        }
        if tree.statements.isEmpty, tokens.count == 1, diagnostics.errors == 0 {
            let hint = tree.main.bytes.isEmpty ? nil : "is the file on one line? a `#` hides the rest of its line"
            diagnostics.error(
                tree.main.bytes.isEmpty ? "the config is empty" : "no request_route: the config holds comments only",
                at: SourceRange(tree.main, 0, 0), hint: hint)
        }
    }

    private func globalStatement() throws {
        switch kind {
        case .semicolon: advance()
        case .rightBrace: strayBrace()
        case .word: try globalWord()
        case .invalid: throw invalid()
        default: throw fail("expected a statement, found \(token.described)", at: token.range)
        }
    }

    private func strayBrace() {
        let last = tree.routes.last
        report(
            "`}` without `{`", at: token.range,
            notes: last.map { [Diagnostic.Note("`\($0.title)` ends before this", at: $0.range)] } ?? [])
        advance()
    }

    private func globalWord() throws {
        let word = token
        if let route = Keywords.routes[word.word], peek().kind != .assign { return try routeBlock(route) }
        switch word.word {
        case "loadmodule", "loadmodulex": try loadModule()
        case "modparam", "modparamx": try moduleParameter()
        case "loadpath", "mpath": try loadPath()
        case "listen" where peek().kind == .assign:
            advance()
            try listen(word)
        case "socket" where peek().kind == .assign:
            advance()
            try socketBlock(word)
        case "alias" where peek().kind == .assign, "domain" where peek().kind == .assign:
            advance()
            try aliases(word)
        case "flags", "bool", "avpflags": try flagDeclarations()
        case "cfgengine": try engine()
        case "error_route" where peek().kind == .leftBrace || peek().kind == .leftBracket:
            throw fail(
                "`error_route` has no equivalent", at: word.range,
                hint: "`event_route[core:receive-parse-error]` sees messages that do not parse")
        case "coreparam": try coreParameter()
        default: try otherGlobal(word)
        }
    }

    private func otherGlobal(_ word: Token) throws {
        switch peek().kind {
        case .dot: try customSetting()
        case .assign: try setting()
        case .leftBracket where peek(2).kind == .number && peek(3).kind == .rightBracket && peek(4).kind == .dot:
            try customSetting()
        case .leftBracket, .leftBrace:
            try misspeltRoute(word)
        case .leftParen:
            throw fail(
                "`\(word.word)(…)` belongs inside a route block", at: word.range,
                hint: Suggest.hint(for: word.word, among: Keywords.globals))
        default:
            if Keywords.statements.contains(word.word) || CoreNames.functions.contains(word.word) {
                throw fail("`\(word.word)` belongs inside a route block", at: word.range)
            }
            if Global.named[word.word] != nil { throw fail("expected `=` behind `\(word.word)`", at: word.range.after) }
            throw fail(
                "unknown statement `\(word.word)`", at: word.range,
                hint: Suggest.hint(
                    for: word.word, among: Array(Keywords.globals) + Array(Keywords.routes.keys) + Global.names))
        }
    }

    /// `failure_rout[1] { … }`: the block is read all the same, so that its own mistakes are seen.
    private func misspeltRoute(_ word: Token) throws {
        let near = Suggest.nearest(to: word.word, among: Keywords.routes.keys)
        report("unknown kind of block `\(word.word)`", at: word.range, hint: near.map { "did you mean `\($0)`?" })
        guard let near, let route = Keywords.routes[near] else { throw Failure() }
        try routeBlock(route)
    }

    // MARK: Parameters

    /// `name = value`
    private func setting() throws {
        let name = takeName()
        let equals = advance()
        let global = Global.named[name.text]
        let value = try constant(name, equals)
        tree.statements.append(
            .setting(Syntax.Setting(parameter: global?.name ?? name.text, name: name, value: value)))
    }

    /// `coreparam[name] = value`
    private func coreParameter() throws {
        let keyword = advance()
        guard take(.leftBracket), kind == .word || kind == .text else { throw unexpected("`[name]`") }
        let token = advance()
        let inner = token.text?.string ?? token.word
        guard take(.rightBracket) else { throw unexpected("`]`") }
        guard kind == .assign else { throw unexpected("`=`") }
        let name = Syntax.Name("coreparam[\(inner)]", keyword.range.through(previous.range))
        let value = try constant(name, advance())
        tree.statements.append(.setting(Syntax.Setting(parameter: name.text, name: name, value: value)))
    }

    /// `group.name = value desc "…"`, `group[1].name = value`
    private func customSetting() throws {
        let group = takeName()
        var instance: Int64?
        if take(.leftBracket) {
            instance = try number(advance())
            advance()
        }
        advance()
        guard kind == .word, token.word == "default" || !Keywords.reserved.contains(token.word) else {
            if kind == .word { throw fail("`\(token.word)` is a keyword, not a name", at: token.range) }
            throw unexpected("a name")
        }
        if Keywords.reserved.contains(group.text) {
            throw fail("`\(group.text)` is a keyword, not a name", at: group.range)
        }
        let name = takeName()
        guard kind == .assign else { throw unexpected("`=`") }
        let full = Syntax.Name("\(group.text).\(name.text)", group.range.through(name.range))
        if group.text == "kemi" {
            throw fail("routing engines in other languages are not supported", at: full.range)
        }
        let value = try constant(full, advance())
        var description: Syntax.Text?
        if ["desc", "descr", "description"].contains(token.word), kind == .word, peek().kind == .text {
            advance()
            description = advance().text
        }
        tree.statements.append(
            .customSetting(
                Syntax.CustomSetting(
                    group: group, instance: instance, name: name, value: value, description: description)))
    }

    /// The right side of a parameter.
    private func constant(_ name: Syntax.Name, _ equals: Token) throws -> Syntax.Constant {
        let first = token
        switch kind {
        case .text:
            advance()
            return Syntax.Constant(value: .text(first.text!), range: first.range)
        case .minus:
            advance()
            guard kind == .number else { throw unexpected("a number") }
            let value = try number(advance())
            return Syntax.Constant(value: .number(-value), range: first.range.through(previous.range))
        case .number, .word:
            if first.newlineBefore, kind == .word, startsStatement { break }
            if isHost(first) {
                guard let run = takeHostRun(slash: true) else { break }
                return Syntax.Constant(value: .word(run.text), range: run.range)
            }
            advance()
            if first.kind == .number { return Syntax.Constant(value: .number(try number(first)), range: first.range) }
            return Syntax.Constant(value: .word(first.word), range: first.range)
        case .leftBracket:
            guard let run = takeHostRun() else { break }
            return Syntax.Constant(value: .word(run.text), range: run.range)
        case .variable, .percentVariable, .select:
            let hint = "globals are set once at start; `#!defenv` reads the environment"
            let type = Global.named[name.text].map {
                $0.kind == .number || $0.kind == .bool ? "a number" : "a constant"
            }
            throw fail(
                "`\(name.text)` takes \(type ?? "a constant"), not a pseudo-variable", at: first.range, hint: hint)
        default: break
        }
        if first.newlineBefore || kind == .end {
            throw fail("expected a value for `\(name.text)`", at: equals.range.after)
        }
        throw unexpected("a value for `\(name.text)`")
    }

    /// True when a word on a new line begins the next statement, so that a value is missing before it.
    private var startsStatement: Bool {
        startsTopLevel || Keywords.globals.contains(token.word) || peek().kind == .assign
    }

    /// A word or number with further parts that touch it.
    private func isHost(_ first: Token) -> Bool {
        let next = peek()
        guard !next.spaceBefore else { return false }
        return next.kind == .dot || next.kind == .colon || next.kind == .minus
    }

    // MARK: Modules

    private func string(_ what: String) throws -> Syntax.Text {
        guard kind == .text, let text = token.text else {
            if kind == .word || kind == .number {
                throw fail("expected \(what) in quotes, found \(token.described)", at: token.range)
            }
            throw unexpected("\(what) in quotes")
        }
        advance()
        return text
    }

    private func loadModule() throws {
        let keyword = takeName()
        var options: Syntax.Text?
        let path: Syntax.Text
        if kind == .leftParen {
            let opening = advance().range
            path = try string("the name of a module")
            if take(.comma) { options = try string("options") }
            try expectClosing(.rightParen, ")", opening: opening, expected: "`)`")
        } else {
            path = try string("the name of a module")
        }
        tree.statements.append(.loadModule(Syntax.LoadModule(keyword: keyword, path: path, options: options)))
    }

    private func loadPath() throws {
        let keyword = takeName()
        _ = take(.assign)
        tree.statements.append(.loadPath(Syntax.LoadPath(keyword: keyword, path: try string("a list of folders"))))
    }

    private func moduleParameter() throws {
        let keyword = takeName()
        guard kind == .leftParen else { throw unexpected("`(`") }
        let opening = advance().range
        let module = try string("the name of a module")
        guard take(.comma) else { throw unexpected("`,`") }
        let name = try string("the name of a parameter")
        guard take(.comma) else { throw unexpected("`,` and a value") }
        let first = token
        let value: Syntax.ModuleParameter.Value
        switch kind {
        case .text: value = .text(advance().text!)
        case .number, .minus: value = .number(try constantNumber(name: name.string))
        case .word where Keywords.number(token.word) != nil: value = .number(Keywords.number(advance().word)!)
        case .variable where keyword.text == "modparamx":
            value = .variable(try variable(advance()))
        case .variable:
            throw fail(
                "`modparam` takes a constant, not a pseudo-variable", at: token.range,
                hint: "`modparamx` evaluates it once at start")
        case .word:
            throw fail(
                "expected a number or a string, found \(token.described)", at: token.range,
                hint: "write `\"\(token.word)\"`, or define it with `#!define \(token.word) …`")
        default: throw unexpected("a number or a string")
        }
        let valueRange = first.range.through(previous.range)
        try expectClosing(.rightParen, ")", opening: opening, expected: "`)`")
        tree.statements.append(
            .moduleParameter(
                Syntax.ModuleParameter(
                    keyword: keyword, module: module, name: name, value: value, valueRange: valueRange,
                    range: keyword.range.through(previous.range))))
    }

    private func constantNumber(name: String) throws -> Int64 { try constantNumber(Syntax.Name(name, token.range)) }

    private func flagDeclarations() throws {
        let keyword = advance()
        var flags: [Syntax.FlagDeclarations.Flag] = []
        repeat {
            guard kind == .word || kind == .text else { throw unexpected("the name of a flag") }
            let token = advance()
            let name = Syntax.Name(token.text?.string ?? token.word, token.range)
            var place: Int?
            if take(.colon) {
                guard kind == .number else { throw unexpected("the number of a flag") }
                let range = self.token.range
                let value = try number(advance())
                guard (0...31).contains(value) else { throw fail("flag \(value) is out of range: 0 to 31", at: range) }
                place = Int(value)
            }
            flags.append(Syntax.FlagDeclarations.Flag(name: name, number: place))
        } while take(.comma)
        let kind: Syntax.FlagDeclarations.Kind = keyword.word == "avpflags" ? .avp : .message
        tree.statements.append(.flags(Syntax.FlagDeclarations(kind: kind, flags: flags)))
    }

    private func engine() throws {
        advance()
        _ = take(.assign)
        guard kind == .text || kind == .word else { throw unexpected("`\"native\"`") }
        let token = advance()
        let name = token.text?.string ?? token.word
        guard name != "native", name != "default", name != "none" else { return }
        throw fail(
            "routing engine `\(name)`: routing engines in other languages are not supported", at: token.range,
            hint: "the script's own language is `native`")
    }
}
