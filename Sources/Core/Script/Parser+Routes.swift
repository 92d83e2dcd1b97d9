/// Route blocks and what is wrong with their braces.
extension Parser {
    func routeBlock(_ written: Syntax.RouteKind) throws {
        let keyword = takeName()
        let dialect = previous.dialect
        var name: Syntax.Name?
        if kind == .leftBracket {
            let opening = advance().range
            name = written == .event ? try eventName() : try routeName()
            try expectClosing(.rightBracket, "]", opening: opening, expected: "`]`")
        } else if written == .event, keyword.text != "local_route" {
            throw fail("expected the name of an event: `event_route[module:event]`", at: keyword.range.after)
        }
        name = check(name, of: keyword, written)
        guard kind == .leftBrace else { throw unexpected("`{`") }
        closedBlocks.removeAll()
        openBlocks.removeAll()
        isAbandoned = false
        let body = try block()
        isAbandoned = false
        tree.statements.append(
            .route(Syntax.RouteBlock(kind: written, keyword: keyword, name: name, body: body, dialect: dialect)))
    }

    /// What the older spellings stand for, and names where there can be none.
    private func check(_ name: Syntax.Name?, of keyword: Syntax.Name, _ written: Syntax.RouteKind) -> Syntax.Name? {
        switch keyword.text {
        case "local_route":
            diagnostics.notice(
                "`local_route` is an old spelling", at: keyword.range, hint: "write `event_route[tm:local-request]`")
            return Syntax.Name("tm:local-request", keyword.range)
        case "reply_route", "request_route":
            guard let name else { return nil }
            let other = keyword.text == "reply_route" ? "onreply_route" : "route"
            report(
                "`\(keyword.text)` takes no name", at: name.range, hint: "write `\(other)[\(name.text)]`")
            return name
        case "onreply_route" where name?.text == "0":
            return nil
        case "onsend_route":
            if let name { diagnostics.warning("`onsend_route` takes no name: this block never runs", at: name.range) }
            return name
        case "failure_route", "branch_route":
            if name == nil { diagnostics.warning("`\(keyword.text)` without a name never runs", at: keyword.range) }
            return name
        default:
            return name
        }
    }

    private func routeName() throws -> Syntax.Name {
        let first = token
        switch kind {
        case .number:
            advance()
            return Syntax.Name(String(try number(decimal: first)), first.range)
        case .word:
            if Keywords.reserved.contains(first.word) {
                report(
                    "`\(first.word)` is a keyword", at: first.range,
                    hint: "as a name write it in quotes: `\"\(first.word)\"`")
            }
            return takeName()
        case .text:
            advance()
            return Syntax.Name(Parser.routeName(first.text?.string ?? ""), first.range)
        default: throw unexpected("the name of a route")
        }
    }

    /// `01`, `"1"` and `1` name the same route.
    static func routeName(_ text: String) -> String {
        guard !text.isEmpty, text.utf8.allSatisfy(Syntax.isDigit), let number = Int64(text) else { return text }
        return String(number)
    }

    private func number(decimal token: Token) throws -> Int64 {
        if let value = Int64(token.word) { return value }
        throw fail("`\(token.word)` is no name of a route", at: token.range, hint: "write it in quotes")
    }

    /// `module:event`, `htable:expired:name`
    private func eventName() throws -> Syntax.Name {
        if kind == .text { return Syntax.Name(token.text!.string, advance().range) }
        var text = ""
        let start = token
        while kind != .rightBracket, kind != .leftBrace, kind != .end, text.isEmpty || !token.newlineBefore {
            text += token.range.text
            advance()
        }
        guard !text.isEmpty else { throw unexpected("the name of an event: `module:event`") }
        let range = start.range.through(previous.range)
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        func isName(_ part: Substring, _ extra: String) -> Bool {
            guard let first = part.utf8.first, Syntax.isLetter(first), first != UInt8(ascii: "_") else { return false }
            return part.utf8.allSatisfy { Syntax.isWordByte($0) && $0 != UInt8(ascii: "_") || extra.utf8.contains($0) }
        }
        guard parts.count > 1, isName(parts[0], "-"), parts.dropFirst().allSatisfy({ isName($0, "-_") }) else {
            throw fail("`\(text)` is no name of an event", at: range, hint: "it has the form `module:event`")
        }
        return Syntax.Name(text, range)
    }

    // MARK: Blocks

    /// `{ … }`
    func block() throws -> Syntax.Block {
        let opening = advance().range
        let indent = indentation(of: opening)
        openBlocks.append(opening)
        defer { openBlocks.removeLast() }
        var statements: [Syntax.Statement] = []
        while kind != .rightBrace, kind != .end, !isAbandoned {
            appendStatement(to: &statements)
        }
        if kind == .rightBrace, !isAbandoned {
            let closing = advance().range
            if !sameLine(opening, closing) { closedBlocks.append((opening, indent, indentation(of: closing))) }
            return Syntax.Block(statements: statements, range: opening.through(closing))
        }
        if kind == .end, !isAbandoned { abandonBlocks() }
        return Syntax.Block(statements: statements, range: opening.through(previous.range))
    }

    /// Reads a statement; after a mistake goes on behind it.
    func appendStatement(to statements: inout [Syntax.Statement]) {
        let start = index
        do {
            if let statement = try statement(afterIf: false) { statements.append(statement) }
        } catch {
            recoverInBlock()
        }
        if index == start, kind != .rightBrace, !isAbandoned { advance() }
    }

    /// The text, or a top-level statement, comes before all blocks are closed: says so once and ends all of them.
    func abandonBlocks() {
        isAbandoned = true
        guard let outer = openBlocks.first else { return }
        var notes: [Diagnostic.Note] = []
        let suspect = closedBlocks.first { $0.closeIndent < $0.openIndent }?.open ?? openBlocks.last!
        if suspect != outer {
            notes.append(Diagnostic.Note("judging by indentation this `{` is the open one", at: suspect))
        }
        if kind != .end { notes.append(Diagnostic.Note("the next block begins here", at: token.range)) }
        report("missing `}`: this `{` is never closed", at: outer, notes: notes)
    }

    /// Leading blanks of the line, a tab counting as eight.
    private func indentation(of range: SourceRange) -> Int {
        let place = range.written
        let bytes = place.source.bytes[place.source.lineBytes(place.line)]
        var width = 0
        for byte in bytes {
            if byte == UInt8(ascii: " ") { width += 1 } else if byte == UInt8(ascii: "\t") { width += 8 } else { break }
        }
        return width
    }

    private func sameLine(_ a: SourceRange, _ b: SourceRange) -> Bool {
        let (a, b) = (a.written, b.written)
        return a.source === b.source && a.line == b.line
    }
}
