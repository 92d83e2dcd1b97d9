/// Cuts one source into tokens. Knows nothing of defines and conditionals, but stops at directives and at what looks like
/// one, which are the preprocessor's.
struct Lexer {
    typealias Token = Syntax.Token

    /// What stands next in the source.
    enum Item {
        case token(Token)
        /// `#!word` or `!!word`: the lexer stands behind the word.
        case directive(word: String, range: SourceRange)
        /// A `#…` or `//…` comment that begins a line, for remarks on lost directives.
        case comment(SourceRange)
        case end
    }

    let source: Source
    private let bytes: [UInt8]
    /// Offset of the next byte.
    var position = 0
    let diagnostics: Diagnostics
    /// Where a string or comment begins that never ends; nothing behind it means anything.
    private(set) var unterminated: Int?
    /// The first string of each kind that spans lines: the likely place of a missing quote.
    private var spanning: (double: SourceRange?, single: SourceRange?) = (nil, nil)

    private var atLineStart = true
    /// Strings that follow each other are one; not so behind directives.
    private var joins = true

    init(_ source: Source, diagnostics: Diagnostics) {
        self.source = source
        self.diagnostics = diagnostics
        bytes = source.bytes
        if case .expansion = source.origin {} else if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    @inline(__always)
    func byte(_ ahead: Int = 0) -> UInt8 {
        let index = position &+ ahead
        return index < bytes.count ? bytes[index] : 0
    }

    var isAtEnd: Bool { position >= bytes.count }

    func range(from start: Int) -> SourceRange { SourceRange(source, start, position) }

    // MARK: The next item

    mutating func next() -> Item {
        let before = position
        var newline = atLineStart
        while !isAtEnd {
            switch byte() {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), 0x08:
                position += 1
            case UInt8(ascii: "\n"):
                position += 1
                newline = true
            case UInt8(ascii: "\\") where byte(1) == UInt8(ascii: "\n"):
                position += 2
            case UInt8(ascii: "\\") where byte(1) == UInt8(ascii: "\r") && byte(2) == UInt8(ascii: "\n"):
                position += 3
            case UInt8(ascii: "#"), UInt8(ascii: "!"), UInt8(ascii: "/"):
                if let item = special(newline: newline) {
                    atLineStart = false
                    return item
                }
                if !startsComment { return token(before, newline) }
                skipBlockComment()
            default:
                return token(before, newline)
            }
        }
        return .end
    }

    private var startsComment: Bool { byte() == UInt8(ascii: "/") && byte(1) == UInt8(ascii: "*") }

    private mutating func token(_ before: Int, _ newline: Bool) -> Item {
        let spaced = position > before || newline
        atLineStart = false
        guard var token = scan() else { return .end }
        token.spaceBefore = spaced
        token.newlineBefore = newline
        return .token(token)
    }

    /// Directives and line comments; nil when it is neither (then nothing was consumed).
    private mutating func special(newline: Bool) -> Item? {
        let start = position
        if byte() == UInt8(ascii: "#") || (byte() == UInt8(ascii: "!") && byte(1) == UInt8(ascii: "!")) {
            if byte(1) == UInt8(ascii: "!"), Syntax.isLetter(byte(2)) {
                var end = position + 2
                while end < bytes.count, Syntax.isWordByte(bytes[end]) { end += 1 }
                let word = String(decoding: bytes[(position + 2)..<end], as: UTF8.self)
                if Directive.isKnown(word) || (byte() == UInt8(ascii: "#") && Directive.isMarker(word)) {
                    position = end
                    return .directive(word: word, range: range(from: start))
                }
            }
            guard byte() == UInt8(ascii: "#") else { return nil }
        } else if byte() == UInt8(ascii: "/"), byte(1) == UInt8(ascii: "/") {
            if byte(2) == UInt8(ascii: "!") {
                var end = position + 3
                while end < bytes.count, Syntax.isWordByte(bytes[end]) { end += 1 }
                let word = String(decoding: bytes[(position + 3)..<end], as: UTF8.self)
                if Directive.isMarker(word) {
                    position = end
                    return .directive(word: word, range: range(from: start))
                }
            }
        } else {
            return nil
        }
        skipLine()
        guard newline else { return next() }
        return .comment(range(from: start))
    }

    // MARK: Lines, for the preprocessor

    /// To the newline, which stays.
    mutating func skipLine() {
        while position < bytes.count, bytes[position] != UInt8(ascii: "\n") { position += 1 }
    }

    /// Spaces and tabs.
    mutating func skipBlanks() {
        while position < bytes.count, bytes[position] == UInt8(ascii: " ") || bytes[position] == UInt8(ascii: "\t") {
            position += 1
        }
    }

    /// One `"…"` at this very place, or nil.
    mutating func takeString() -> Token? {
        guard byte() == UInt8(ascii: "\""), !isAtEnd else { return nil }
        joins = false
        defer { joins = true }
        let token = doubleQuoted()
        return token.text == nil ? nil : token
    }

    /// A word of letters, digits and underscores at this very place, or nil.
    mutating func takeWord() -> Syntax.Name? {
        let start = position
        guard !isAtEnd, Syntax.isLetter(byte()) else { return nil }
        while position < bytes.count, Syntax.isWordByte(bytes[position]) { position += 1 }
        let range = range(from: start)
        return Syntax.Name(range.text, range)
    }

    /// The rest of the line without blanks around it; a backslash before the newline goes on with the next line.
    mutating func takeLogicalLine() -> (bytes: [UInt8], range: SourceRange) {
        skipBlanks()
        let start = position
        var value: [UInt8] = []
        var end = start
        while position < bytes.count, bytes[position] != UInt8(ascii: "\n") {
            if byte() == UInt8(ascii: "\\") {
                let gap = byte(1) == UInt8(ascii: "\n") ? 2 : byte(1) == 13 && byte(2) == UInt8(ascii: "\n") ? 3 : 0
                if gap > 0 {
                    position += gap
                    continue
                }
            }
            value.append(bytes[position])
            position += 1
            if !isBlank(value[value.count - 1]) { end = position }
        }
        while let last = value.last, isBlank(last) { value.removeLast() }
        return (value, SourceRange(source, start, end))
    }

    /// Skips lines until one begins with a conditional directive, which is returned with the lexer behind its word; nil at
    /// the end of the source. `mentioned` gets the names that skipped lines define.
    mutating func skipToConditional(mentioned: inout Set<String>) -> (word: String, range: SourceRange)? {
        while !isAtEnd {
            skipLine()
            guard !isAtEnd else { break }
            position += 1
            skipBlanks()
            let start = position
            guard byte() == UInt8(ascii: "#") || byte() == UInt8(ascii: "!"), byte(1) == UInt8(ascii: "!") else {
                continue
            }
            position += 2
            guard let word = takeWord() else { continue }
            if Directive.isConditional(word.text) {
                return (word.text, range(from: start))
            }
            if Directive.defines(word.text) {
                skipBlanks()
                if let name = takeWord() { mentioned.insert(name.text) }
            }
        }
        atLineStart = true
        return nil
    }

    // MARK: Comments

    private mutating func skipBlockComment() {
        let start = position
        var depth = 1
        var hasNested = false
        position += 2
        while depth > 0 {
            guard position + 1 < bytes.count else {
                diagnostics.error(
                    "unterminated comment", at: SourceRange(source, start, start + 2), hint: "close it with `*/`")
                unterminated = start
                position = bytes.count
                return
            }
            if byte() == UInt8(ascii: "*"), byte(1) == UInt8(ascii: "/") {
                depth -= 1
                position += 2
            } else if byte() == UInt8(ascii: "/"), byte(1) == UInt8(ascii: "*") {
                depth += 1
                // Once a comment: what follows inside comes of the same slip.
                if !hasNested {
                    diagnostics.notice(
                        "comment inside a comment", at: SourceRange(source, position, position + 2),
                        hint: "comments nest: each `/*` needs a `*/` of its own")
                }
                hasNested = true
                position += 2
            } else {
                position += 1
            }
        }
    }

    // MARK: Tokens

    private mutating func scan() -> Token? {
        let start = position
        let first = byte()
        if Syntax.isLetter(first) || Syntax.isDigit(first) {
            repeat { position += 1 } while position < bytes.count && Syntax.isWordByte(bytes[position])
            let word = String(decoding: bytes[start..<position], as: UTF8.self)
            return Token(Syntax.isDigit(first) ? .number : .word, range(from: start), word: word)
        }
        switch first {
        case UInt8(ascii: "\""): return doubleQuoted()
        case UInt8(ascii: "'"): return singleQuoted()
        case UInt8(ascii: "$"): return variable()
        case UInt8(ascii: "@"): return select()
        case UInt8(ascii: "%") where Syntax.isLetter(byte(1)):
            position += 1
            while position < bytes.count, Syntax.isWordByte(bytes[position]) || bytes[position] == UInt8(ascii: ".") {
                position += 1
            }
            return verbatim(.percentVariable, start)
        default: return punctuation()
        }
    }

    private func verbatim(_ kind: Token.Kind, _ start: Int) -> Token {
        let range = range(from: start)
        let text = Syntax.Text(
            bytes: Array(bytes[start..<position]), range: range,
            steps: [Syntax.Text.Step(value: 0, source: Int32(clamping: start))])
        return Token(kind, range, text: text)
    }

    /// `$name`, `$name(…)`, `$(…)`: parentheses are balanced.
    private mutating func variable() -> Token {
        let start = position
        position += 1
        if byte() == UInt8(ascii: "$") || byte() == UInt8(ascii: "?") {
            position += 1
            return verbatim(.variable, start)
        }
        while position < bytes.count,
            Syntax.isWordByte(byte()) || (byte() == UInt8(ascii: ".") && Syntax.isWordByte(byte(1)))
        {
            position += 1
        }
        guard byte() == UInt8(ascii: "(") else {
            if position == start + 1 {
                return invalid(start, "expected the name of a pseudo-variable behind `$`")
            }
            return verbatim(.variable, start)
        }
        let open = position
        var depth = 0
        while position < bytes.count {
            if byte() == UInt8(ascii: "(") { depth += 1 }
            if byte() == UInt8(ascii: ")") { depth -= 1 }
            position += 1
            if depth == 0 { return verbatim(.variable, start) }
        }
        position = open
        skipLine()
        return invalid(
            start, "unclosed `(` in a pseudo-variable", at: SourceRange(source, open, open + 1),
            hint: "close it with `)`")
    }

    /// `@name.part["key"][0]…`
    private mutating func select() -> Token {
        let start = position
        position += 1
        guard Syntax.isLetter(byte()) else {
            return invalid(start, "expected the name of a select behind `@`")
        }
        while !isAtEnd {
            if Syntax.isWordByte(byte()) || (byte() == UInt8(ascii: ".") && Syntax.isWordByte(byte(1))) {
                position += 1
            } else if byte() == UInt8(ascii: "[") {
                let open = position
                position += 1
                while position < bytes.count, byte() != UInt8(ascii: "]"), byte() != UInt8(ascii: "\n") {
                    position += 1
                }
                guard byte() == UInt8(ascii: "]") else {
                    return invalid(start, "unclosed `[` in a select", at: SourceRange(source, open, open + 1))
                }
                position += 1
            } else {
                break
            }
        }
        return verbatim(.select, start)
    }

    private mutating func punctuation() -> Token? {
        let start = position
        let pair = UInt16(byte()) << 8 | UInt16(byte(1))
        if let kind = Lexer.pairs[pair] {
            position += 2
            return Token(kind, range(from: start))
        }
        if byte() == UInt8(ascii: "(") {
            for (text, kind) in [("(int)", Token.Kind.castInteger), ("(str)", .castString)]
            where bytes[position...].starts(with: text.utf8) {
                position += 5
                return Token(kind, range(from: start))
            }
        }
        if let kind = Lexer.singles[byte()] {
            position += 1
            if kind == .star, byte() == UInt8(ascii: "/") {
                position += 1
                return invalid(start, "`*/` without `/*`")
            }
            return Token(kind, range(from: start))
        }
        return unknownCharacter()
    }

    /// A token that is none, up to here; the parser reports it where it meets it.
    private func invalid(_ start: Int, _ message: String, at place: SourceRange? = nil, hint: String? = nil) -> Token {
        let range = range(from: start)
        let problem = Token.Problem(Diagnostic(.error, message, at: place ?? range, hint: hint))
        return Token(.invalid, range, problem: problem)
    }

    private mutating func unknownCharacter() -> Token {
        let start = position
        let first = byte()
        let length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1
        let sequence = bytes[position..<min(position + length, bytes.count)]
        let code = (first < 0x10 ? "0" : "") + String(first, radix: 16, uppercase: true)
        position += sequence.count
        if first < 0x20 || first == 0x7F {
            return invalid(start, first == 0 ? "NUL byte in the text" : "control character 0x\(code)")
        }
        guard let text = String(validating: sequence, as: UTF8.self) else {
            position = start + 1
            return invalid(
                start, "byte 0x\(code) is no UTF-8", hint: "outside of strings and comments the text must be UTF-8")
        }
        if "“”„‟‘’‚‛´`".contains(text) {
            let plain = "“”„‟".contains(text) ? "`\"`" : "`\"` or `'`"
            return invalid(start, "typographic quote `\(text)`", hint: "strings stand in plain quotes: \(plain)")
        }
        return invalid(start, "unexpected character `\(text)`")
    }

    private static let singles: [UInt8: Token.Kind] = {
        let table: [(String, Token.Kind)] = [
            ("(", .leftParen), (")", .rightParen), ("{", .leftBrace), ("}", .rightBrace), ("[", .leftBracket),
            ("]", .rightBracket), (",", .comma), (";", .semicolon), (":", .colon), (".", .dot), ("?", .question),
            ("=", .assign), ("|", .bitOr), ("&", .bitAnd), ("^", .bitXor), ("<", .less), (">", .greater), ("+", .plus),
            ("-", .minus), ("*", .star), ("/", .slash), ("%", .percent), ("!", .not), ("~", .complement),
        ]
        return Dictionary(uniqueKeysWithValues: table.map { ($0.0.utf8.first!, $0.1) })
    }()

    private static let pairs: [UInt16: Token.Kind] = {
        let table: [(String, Token.Kind)] = [
            ("+=", .plusAssign), ("++", .increment), ("--", .decrement), ("||", .or), ("&&", .and), ("<<", .shiftLeft),
            (">>", .shiftRight), ("==", .equal), ("!=", .notEqual), ("=~", .matches), ("!~", .matchesNot),
            ("<=", .lessOrEqual), (">=", .greaterOrEqual),
        ]
        return Dictionary(
            uniqueKeysWithValues: table.map { text, kind in
                let bytes = Array(text.utf8)
                return (UInt16(bytes[0]) << 8 | UInt16(bytes[1]), kind)
            })
    }()
}

extension Lexer {
    // MARK: Strings

    /// Collects a string's value together with where each run of its bytes was written.
    private struct Builder {
        var value: [UInt8] = []
        var steps: [Syntax.Text.Step] = []

        /// The bytes appended next were written at this offset.
        mutating func step(to source: Int) {
            if let last = steps.last, Int(last.source) - Int(last.value) == source - value.count { return }
            steps.append(Syntax.Text.Step(value: Int32(clamping: value.count), source: Int32(clamping: source)))
        }
    }

    /// One or more `"…"`, separated by blanks only.
    private mutating func doubleQuoted() -> Token {
        let start = position
        var builder = Builder()
        var end = position
        while true {
            let open = position
            position += 1
            guard readDoubleQuoted(into: &builder) else { return lostString(open, start) }
            end = position
            if spanning.double == nil, spansLines(open, end) {
                spanning.double = SourceRange(source, open, open + 1)
            }
            guard joins else { break }
            while isBlank(byte()) || byte() == UInt8(ascii: "\n"), !isAtEnd { position += 1 }
            guard byte() == UInt8(ascii: "\""), !isAtEnd else { break }
        }
        position = end
        let range = range(from: start)
        return Token(.text, range, text: Syntax.Text(bytes: builder.value, range: range, steps: builder.steps))
    }

    private func spansLines(_ start: Int, _ end: Int) -> Bool {
        source.line(at: start) != source.line(at: end)
    }

    /// To behind the closing quote; false when there is none.
    private mutating func readDoubleQuoted(into builder: inout Builder) -> Bool {
        builder.step(to: position)
        while position < source.bytes.count {
            switch byte() {
            case UInt8(ascii: "\""):
                position += 1
                return true
            case UInt8(ascii: "\\"):
                readEscape(into: &builder)
            default:
                builder.value.append(byte())
                position += 1
            }
        }
        return false
    }

    private mutating func readEscape(into builder: inout Builder) {
        let start = position
        var value: UInt8?
        var length = 2
        switch byte(1) {
        case UInt8(ascii: "n"): value = 10
        case UInt8(ascii: "r"): value = 13
        case UInt8(ascii: "t"): value = 9
        case UInt8(ascii: "a"): value = 7
        case UInt8(ascii: "\""): value = 0x22
        case UInt8(ascii: "\\"): value = 0x5C
        case UInt8(ascii: "x"):
            if let high = hex(byte(2)) {
                value = high
                length = 3
                if let low = hex(byte(3)) {
                    value = high << 4 | low
                    length = 4
                }
            }
        case UInt8(ascii: "\n"):
            position += 2
            builder.step(to: position)
            return
        case 13 where byte(2) == UInt8(ascii: "\n"):
            position += 3
            builder.step(to: position)
            return
        case let digit where isOctal(digit) && isOctal(byte(2)):
            // One digit alone stays, so that \1 can refer back in a substitution.
            var code = Int(digit - 0x30) << 3 | Int(byte(2) - 0x30)
            length = 3
            if isOctal(byte(3)), code << 3 | Int(byte(3) - 0x30) <= 255 {
                code = code << 3 | Int(byte(3) - 0x30)
                length = 4
            }
            value = UInt8(code)
        default: break
        }
        if let value {
            builder.step(to: start)
            builder.value.append(value)
            position = start + length
            builder.step(to: position)
        } else {
            // An unknown escape keeps both characters.
            builder.value.append(byte())
            position += 1
            if position < source.bytes.count {
                builder.value.append(byte())
                position += 1
            }
        }
    }

    private mutating func singleQuoted() -> Token {
        let start = position
        position += 1
        while position < source.bytes.count, byte() != UInt8(ascii: "'") { position += 1 }
        guard position < source.bytes.count else { return lostString(start, start) }
        let value = Array(source.bytes[(start + 1)..<position])
        position += 1
        if spanning.single == nil, spansLines(start, position) {
            spanning.single = SourceRange(source, start, start + 1)
        }
        let range = range(from: start)
        let step = Syntax.Text.Step(value: 0, source: Int32(clamping: start + 1))
        return Token(.text, range, text: Syntax.Text(bytes: value, range: range, isSingleQuoted: true, steps: [step]))
    }

    /// A quote without its other end. The mistake may lie in an earlier string: from there on nothing can be trusted.
    private mutating func lostString(_ open: Int, _ start: Int) -> Token {
        let quote = source.bytes[open] == UInt8(ascii: "\"") ? "\"" : "'"
        let suspect = quote == "\"" ? spanning.double : spanning.single
        var notes: [Diagnostic.Note] = []
        if let suspect {
            notes.append(
                Diagnostic.Note(
                    "a string that begins here spans lines: is its closing `\(quote)` missing?", at: suspect))
        }
        diagnostics.error(
            "unterminated string", at: SourceRange(source, open, open + 1), hint: "close it with `\(quote)`",
            notes: notes)
        unterminated = min(suspect?.start ?? start, start)
        position = source.bytes.count
        return Token(.invalid, SourceRange(source, open, open + 1))
    }

    // MARK: Bytes

    private func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 13 }
    private func isOctal(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x37 }
    private func hex(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}
