/// What each directive does. The lexer of the innermost frame stands behind the directive's word.
extension Preprocessor {
    func perform(_ kind: Directive.Kind, _ range: SourceRange) {
        switch kind {
        case .define: define(range, existing: .refuse)
        case .tryDefine: define(range, existing: .keep)
        case .redefine: define(range, existing: .replace)
        case .undefine: undefine(range, lenient: false)
        case .tryUndefine: undefine(range, lenient: true)
        case .defineExpression: defineExpression(range, quoted: false)
        case .defineExpressionQuoted: defineExpression(range, quoted: true)
        case .defineEnvironment: defineEnvironment(range, quoted: false, lenient: false)
        case .defineEnvironmentQuoted: defineEnvironment(range, quoted: true, lenient: false)
        case .tryDefineEnvironment: defineEnvironment(range, quoted: false, lenient: true)
        case .tryDefineEnvironmentQuoted: defineEnvironment(range, quoted: true, lenient: true)
        case .ifDefined: ifDefined(range, wanted: true)
        case .ifNotDefined: ifDefined(range, wanted: false)
        case .ifExpression: ifExpression(range)
        case .orElse: orElse(range)
        case .endIf: endIf(range)
        case .substitute: substitute(range, defines: nil)
        case .substituteDefine: substitute(range, defines: .plain)
        case .substituteDefineQuoted: substitute(range, defines: .quoted)
        case .includeFile: include(optional: false, range)
        case .importFile: include(optional: true, range)
        }
    }

    // MARK: The line

    func withLexer<Result>(_ body: (inout Lexer) -> Result) -> Result {
        body(&frames[frames.count - 1].lexer)
    }

    private func line() -> (bytes: [UInt8], range: SourceRange) { withLexer { $0.takeLogicalLine() } }

    /// The name behind the directive, or a report that there is none.
    private func name(_ directive: SourceRange) -> Syntax.Name? {
        let name = withLexer { lexer -> Syntax.Name? in
            lexer.skipBlanks()
            return lexer.takeWord()
        }
        guard let name else {
            let rest = line()
            diagnostics.error(
                "expected a name behind `\(directive.text)`", at: rest.bytes.isEmpty ? directive.after : rest.range)
            return nil
        }
        let dash = withLexer { lexer -> SourceRange? in
            lexer.byte() == UInt8(ascii: "-") ? SourceRange(lexer.source, lexer.position, lexer.position + 1) : nil
        }
        if let dash {
            _ = line()
            diagnostics.error("`-` is not allowed in the name of a define", at: dash, hint: "use `_`")
            return nil
        }
        return name
    }

    private func expectEndOfLine(_ directive: SourceRange) {
        let rest = line()
        if !rest.bytes.isEmpty {
            diagnostics.error("nothing may follow here on the line of `\(directive.text)`", at: rest.range)
        }
    }

    // MARK: Defines

    enum Existing { case refuse, keep, replace }

    private func define(_ directive: SourceRange, existing: Existing) {
        guard let name = name(directive) else { return }
        let value = line()
        if let comment = Preprocessor.trailingComment(in: value.bytes) {
            let place = value.range.text.utf8.count == value.bytes.count ? comment : 0
            diagnostics.warning(
                "a comment behind the value becomes a part of `\(name.text)`",
                at: SourceRange(value.range.source, value.range.start + place, value.range.end),
                hint: "put the comment on a line of its own")
        }
        set(name, value.bytes.isEmpty ? nil : value.bytes, value.range, existing)
    }

    /// Enters a define, and says so when the name is taken or can never take effect.
    private func set(_ name: Syntax.Name, _ value: [UInt8]?, _ valueRange: SourceRange?, _ existing: Existing) {
        mentioned.insert(name.text)
        if let old = defines[name.text] {
            if existing == .keep { return }
            if existing == .refuse {
                diagnostics.error(
                    "`\(name.text)` is already defined", at: name.range,
                    hint: "`#!redef` replaces it, `#!trydef` keeps the first value",
                    notes: old.range.map { [Diagnostic.Note("first defined here", at: $0)] } ?? [])
                return
            }
        }
        if Keywords.reserved.contains(name.text) {
            diagnostics.warning("`\(name.text)` is a keyword: this define has no effect", at: name.range)
        }
        defines[name.text] = Define(value: value, range: name.range, valueRange: valueRange)
    }

    /// Offset of a `# …` outside of quotes.
    private static func trailingComment(in value: [UInt8]) -> Int? {
        var quote: UInt8?
        for (index, byte) in value.enumerated() {
            if let open = quote {
                if byte == open, open == UInt8(ascii: "'") || value[index - 1] != UInt8(ascii: "\\") { quote = nil }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
            } else if byte == UInt8(ascii: "#"), index > 0, value[index - 1] == 32 || value[index - 1] == 9 {
                return index
            }
        }
        return nil
    }

    private func undefine(_ directive: SourceRange, lenient: Bool) {
        guard let name = name(directive) else { return }
        expectEndOfLine(directive)
        guard defines.removeValue(forKey: name.text) == nil, !lenient else { return }
        diagnostics.error(
            "`\(name.text)` is not defined", at: name.range, hint: Suggest.hint(for: name.text, among: defines.keys))
    }

    private func defineExpression(_ directive: SourceRange, quoted: Bool) {
        guard let name = name(directive) else { return }
        let text = line()
        var value = ""
        switch PreprocessorExpression.evaluate(text.bytes, defines: defines) {
        case .success(let result): value = result.text
        case .failure(let failure):
            diagnostics.warning(
                "\(failure.message); `\(name.text)` stays without a value",
                at: SourceRange(text.range.source, text.range.start + failure.offset, text.range.end))
        }
        if quoted { value = "\"\(value)\"" }
        set(name, value.isEmpty ? nil : Array(value.utf8), text.range, .refuse)
    }

    private func defineEnvironment(_ directive: SourceRange, quoted: Bool, lenient: Bool) {
        guard let name = name(directive) else { return }
        let rest = line()
        var variable = name.text
        var range = name.range
        if rest.bytes.first == UInt8(ascii: "="), rest.bytes.count > 1 {
            variable = String(decoding: rest.bytes.dropFirst(), as: UTF8.self)
            range = rest.range
        } else if !rest.bytes.isEmpty {
            diagnostics.error("expected `=` and the name of an environment variable", at: rest.range)
            return
        }
        mentioned.insert(name.text)
        guard let value = files.environment(variable) else {
            if !lenient {
                diagnostics.error(
                    "environment variable `\(variable)` is not set", at: range, hint: "`#!trydefenv` does without it")
            }
            return
        }
        let text = quoted ? "\"\(value)\"" : value
        set(name, text.isEmpty ? nil : Array(text.utf8), nil, lenient ? .keep : .refuse)
    }

    // MARK: Conditionals

    private func ifDefined(_ directive: SourceRange, wanted: Bool) {
        guard let name = name(directive) else { return openConditional(directive, false) }
        let rest = line()
        if !rest.bytes.isEmpty, rest.bytes[0] != UInt8(ascii: "#") {
            diagnostics.warning("text behind the name is ignored", at: rest.range)
        }
        ask(name.text, name.range)
        openConditional(directive.through(name.range), (defines[name.text] != nil) == wanted)
    }

    private func ifExpression(_ directive: SourceRange) {
        let text = line()
        switch PreprocessorExpression.evaluate(text.bytes, defines: defines) {
        case .success(let result):
            openConditional(directive, result.isTrue)
        case .failure(let failure):
            diagnostics.warning(
                "\(failure.message); the condition counts as false",
                at: SourceRange(text.range.source, text.range.start + failure.offset, text.range.end))
            openConditional(directive, false)
        }
    }

    private func orElse(_ directive: SourceRange) {
        expectEndOfLine(directive)
        guard let top = conditionals.indices.last else {
            diagnostics.error("`\(directive.text)` without `#!ifdef`", at: directive)
            return
        }
        if let first = conditionals[top].elseRange {
            diagnostics.warning(
                "second `\(directive.text)` of one conditional toggles again", at: directive,
                notes: [
                    Diagnostic.Note("the conditional begins here", at: conditionals[top].range),
                    Diagnostic.Note("first one", at: first),
                ])
        }
        conditionals[top].elseRange = directive
        conditionals[top].active.toggle()
    }

    private func endIf(_ directive: SourceRange) {
        expectEndOfLine(directive)
        if conditionals.popLast() == nil {
            diagnostics.error("`\(directive.text)` without `#!ifdef`", at: directive)
        }
    }

    // MARK: Includes

    /// `include_file "f"`, `import_file "f"`, with or without `#!`.
    func include(optional: Bool, _ directive: SourceRange) {
        flushBeforeInclude(directive)
        let name = withLexer { lexer -> Syntax.Text? in
            lexer.skipBlanks()
            return lexer.takeString()?.text
        }
        restartAfterInclude()
        guard let name else {
            let rest = withLexer { lexer -> SourceRange in
                let start = lexer.position
                while !lexer.isAtEnd, lexer.byte() > 32, lexer.byte() != UInt8(ascii: ";") { lexer.position += 1 }
                return lexer.range(from: start)
            }
            diagnostics.error(
                "expected the name of a file in double quotes", at: rest,
                hint: "write `\(directive.text) \"\(rest.text)\"`")
            return
        }
        let changed = substituted(name)
        open(changed.string, name.range, optional: optional)
    }

    private func open(_ name: String, _ range: SourceRange, optional: Bool) {
        let includer = includingFile
        var paths = [name]
        if !name.hasPrefix("/"), let slash = includer.lastIndex(of: "/") {
            paths.append(includer[...slash] + name)
        }
        var failure = FileFailure(2)
        for path in paths {
            switch files.read(path) {
            case .success(let bytes): return push(Source(name: path, bytes: bytes, origin: .included(at: range)), range)
            case .failure(let reason):
                if failure.isMissing { failure = reason }
            }
        }
        let tried = paths.map { "`\($0)`" }.joined(separator: ", ")
        if optional, failure.isMissing {
            diagnostics.info("`\(name)` is not there, and not needed", at: range)
        } else {
            diagnostics.error(
                "cannot read `\(name)`: \(failure.text)", at: range,
                hint: failure.isMissing && paths.count > 1 ? "looked for \(tried)" : nil)
        }
    }

    private var includingFile: String {
        frames.last { $0.define == nil }?.lexer.source.name ?? ""
    }

    private func push(_ source: Source, _ range: SourceRange) {
        let open = frames.filter { $0.define == nil }.map { $0.lexer.source.name }
        let chain = (open + [source.name]).map { "`\($0)`" }.joined(separator: " → ")
        if open.contains(source.name) {
            diagnostics.error("`\(source.name)` includes itself", at: range, hint: chain)
            return
        }
        guard open.count <= Limits.includes else {
            diagnostics.error("files are included deeper than \(Limits.includes) levels", at: range, hint: chain)
            return
        }
        frames.append(
            Frame(lexer: Lexer(source, diagnostics: diagnostics), define: nil, conditionals: conditionals.count))
    }

    // MARK: The command line

    /// `-A ID` or `-A ID=value`, `--subst=…` and its kin: applied before the file.
    func defineFromCommandLine(_ argument: String) {
        let source = Source(name: "<command line>", text: argument, origin: .commandLine)
        let bytes = source.bytes
        let end = bytes.firstIndex(of: UInt8(ascii: "=")) ?? bytes.count
        let name = SourceRange(source, 0, end)
        guard let first = bytes.first, Syntax.isLetter(first), bytes[..<end].allSatisfy({ Syntax.isWordByte($0) })
        else {
            diagnostics.error("`\(name.text)` is no name for a define", at: name)
            return
        }
        let value = end < bytes.count ? Array(bytes[(end + 1)...]) : []
        set(
            Syntax.Name(name.text, name), value.isEmpty ? nil : value,
            SourceRange(source, min(end + 1, bytes.count), bytes.count),
            .refuse)
    }

    func substituteFromCommandLine(_ argument: String, defines kind: DefineKind?) {
        let source = Source(name: "<command line>", text: argument, origin: .commandLine)
        addSubstitution(source.bytes, SourceRange(source, 0, source.bytes.count), defines: kind)
    }
}
