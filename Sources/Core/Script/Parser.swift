/// Reads tokens into a syntax tree. Recursive descent; expressions by precedence.
///
/// A mistake is reported once, where it is; then reading goes on behind it, and what follows from it alone is not reported.
final class Parser {
    typealias Token = Syntax.Token

    /// Thrown after a mistake was reported: unwinds to where reading can go on.
    struct Failure: Error {}

    enum Limits {
        /// Blocks, parentheses and operators inside of each other.
        static let depth = 200
        /// Operators in a row: `a + b + c …`
        static let chain = 500
    }

    let diagnostics: Diagnostics
    let tokens: [Token]
    var index = 0
    var tree: Syntax.Tree
    /// The text ends early because of a mistake that was reported already.
    let isTruncated: Bool
    var depth = 0
    /// Parentheses open since the beginning of a condition; nil outside of conditions.
    var conditionParens: Int?
    /// A top-level keyword was met inside of a block: all open blocks end here.
    var isAbandoned = false
    /// Blocks of the current route: where they opened, and how far their first and last lines are indented.
    var closedBlocks: [(open: SourceRange, openIndent: Int, closeIndent: Int)] = []
    var openBlocks: [SourceRange] = []

    /// Reads a config with all that it includes.
    static func parse(_ source: Source, preprocessor: Preprocessor) -> Syntax.Tree {
        let tokens = preprocessor.run(source)
        let parser = Parser(
            tokens, main: source, diagnostics: preprocessor.diagnostics, isTruncated: preprocessor.isTruncated)
        parser.parseGlobals()
        parser.tree.dialect = preprocessor.dialect
        parser.tree.marker = preprocessor.marker
        parser.tree.defines = preprocessor.defines.mapValues { $0.value ?? [] }
        return parser.tree
    }

    init(_ tokens: [Token], main: Source, diagnostics: Diagnostics, isTruncated: Bool) {
        self.tokens = tokens
        self.diagnostics = diagnostics
        self.isTruncated = isTruncated
        tree = Syntax.Tree(main: main)
    }

    // MARK: Tokens

    var token: Token { tokens[index] }
    var kind: Token.Kind { tokens[index].kind }
    var previous: Token { tokens[max(0, index - 1)] }

    func peek(_ ahead: Int = 1) -> Token { tokens[min(index + ahead, tokens.count - 1)] }

    @discardableResult
    func advance() -> Token {
        let current = tokens[index]
        if index < tokens.count - 1 { index += 1 }
        return current
    }

    /// Consumes the token when it is of that kind.
    func take(_ wanted: Token.Kind) -> Bool {
        guard kind == wanted else { return false }
        advance()
        return true
    }

    func isWord(_ text: String) -> Bool { kind == .word && token.word == text }

    func takeWord(_ text: String) -> Bool {
        guard isWord(text) else { return false }
        advance()
        return true
    }

    /// The word at hand as a name.
    func takeName() -> Syntax.Name {
        let token = advance()
        return Syntax.Name(token.word, token.range)
    }

    // MARK: Mistakes

    /// Reports a mistake and gives up on the construct.
    func fail(_ message: String, at range: SourceRange, hint: String? = nil, notes: [Diagnostic.Note] = []) -> Failure {
        if !silenced(range) { diagnostics.error(message, at: range, hint: hint, notes: notes) }
        return Failure()
    }

    func report(_ message: String, at range: SourceRange, hint: String? = nil, notes: [Diagnostic.Note] = []) {
        if !silenced(range) { diagnostics.error(message, at: range, hint: hint, notes: notes) }
    }

    /// What is missing at the end of a truncated text was there.
    private func silenced(_ range: SourceRange) -> Bool { isTruncated && kind == .end }

    /// Something else than what the grammar wants; common slips get a hint of their own.
    func unexpected(_ expected: String) -> Failure {
        let found = token
        switch found.kind {
        case .invalid:
            return invalid()
        case .end:
            return fail("expected \(expected), found the end of the file", at: previous.range.after)
        case .plusAssign, .increment, .decrement:
            let operation = found.kind == .decrement ? "-" : "+"
            return fail(
                "`\(found.range.text)` does not exist", at: found.range, hint: "write `$x = $x \(operation) …`")
        case .dot:
            return fail("`.` joins nothing", at: found.range, hint: "use `+` to join texts")
        case .percent, .percentVariable:
            return fail(
                "unexpected `\(found.range.text)`", at: found.range,
                hint: "`%` begins an AVP; for the remainder use `mod`")
        case .question:
            return fail("`? :` does not exist", at: found.range, hint: "use `selval(condition, a, b)`")
        case .assign:
            return fail("unexpected `=`", at: found.range, hint: "`==` compares")
        default:
            return fail("expected \(expected), found \(found.described)", at: found.range)
        }
    }

    /// Consumes a closing bracket, or reports it missing together with the place of the opening one.
    func expectClosing(_ wanted: Token.Kind, _ text: String, opening: SourceRange, expected: String) throws {
        if take(wanted) { return }
        switch kind {
        case .plusAssign, .increment, .decrement, .dot, .percent, .percentVariable, .question, .assign, .invalid:
            throw unexpected(expected)
        default:
            throw fail(
                "missing `\(text)`", at: previous.range.after,
                notes: [Diagnostic.Note("`\(opening.text)` opened here", at: opening)])
        }
    }

    /// Runs the body one level deeper.
    func nested<Result>(_ body: () throws -> Result) throws -> Result {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Limits.depth else {
            throw fail("nested deeper than \(Limits.depth) levels", at: token.range)
        }
        return try body()
    }

    /// The token is none: says why, unless that was said already.
    func invalid() -> Failure {
        if let problem = token.problem { diagnostics.add(problem.diagnostic) }
        return Failure()
    }

    // MARK: Going on

    /// Skips to behind the next `;`, to a `}` that closes an enclosing block, or to a top-level keyword. Whole blocks on the way
    /// are skipped with it.
    func recoverInBlock() {
        var braces = 0
        while kind != .end {
            switch kind {
            case .semicolon where braces == 0:
                advance()
                return
            case .leftBrace:
                braces += 1
            case .rightBrace:
                if braces == 0 { return }
                braces -= 1
                if braces == 0, !(peek().kind == .word && peek().word == "else") {
                    advance()
                    return
                }
            case .word where startsTopLevel:
                return
            default: break
            }
            advance()
        }
    }

    /// Skips to a token that begins a line and a top-level statement.
    func recoverAtTopLevel() {
        var braces = 0
        while kind != .end {
            if token.newlineBefore, braces == 0, startsTopLevel || startsSetting { return }
            if startsTopLevel, token.newlineBefore { return }
            if kind == .leftBrace { braces += 1 }
            if kind == .rightBrace { braces = max(0, braces - 1) }
            advance()
        }
    }

    /// A word that can only stand outside of blocks: `failure_route[…]`, `loadmodule`, …
    var startsTopLevel: Bool {
        guard kind == .word else { return false }
        if Keywords.routes[token.word] != nil {
            return peek().kind == .leftBracket || peek().kind == .leftBrace
        }
        return token.newlineBefore && ["loadmodule", "loadmodulex", "modparam", "modparamx"].contains(token.word)
    }

    /// `name = …`, `group.name = …`, `listen …`
    private var startsSetting: Bool {
        guard kind == .word else { return false }
        if Keywords.globals.contains(token.word) || peek().kind == .assign { return true }
        return peek().kind == .dot && peek(2).kind == .word && peek(3).kind == .assign
    }

    // MARK: Numbers

    /// The value of a number token; reports what is none.
    func number(_ token: Token) throws -> Int64 {
        if let value = Parser.integer(token.word) { return value }
        let word = token.word
        if word.utf8.allSatisfy(Syntax.isDigit) {
            if word.hasPrefix("0"), word.contains(where: { $0 == "8" || $0 == "9" }) {
                let trimmed = String(word.drop { $0 == "0" })
                throw fail(
                    "`\(word)` is no octal number", at: token.range, hint: "a leading 0 means octal; write `\(trimmed)`"
                )
            }
            throw fail("number out of range", at: token.range)
        }
        if word.hasPrefix("0x"), word.dropFirst(2).utf8.allSatisfy({ Syntax.isWordByte($0) }),
            word.dropFirst(2).allSatisfy(\.isHexDigit)
        {
            throw fail("number out of range", at: token.range)
        }
        throw fail("`\(word)` is no number", at: token.range)
    }

    /// Decimal, `0x` hexadecimal, `0` octal, or binary with `b` behind.
    static func integer(_ word: String) -> Int64? {
        if word.hasPrefix("0x") || word.hasPrefix("0X") { return Int64(word.dropFirst(2), radix: 16) }
        if word.hasSuffix("b"), word.dropLast().utf8.allSatisfy({ $0 == 0x30 || $0 == 0x31 }), word.utf8.count > 1 {
            return Int64(word.dropLast(), radix: 2)
        }
        guard word.utf8.allSatisfy(Syntax.isDigit) else { return nil }
        if word.hasPrefix("0"), word.utf8.count > 1 { return Int64(word, radix: 8) }
        return Int64(word)
    }
}
