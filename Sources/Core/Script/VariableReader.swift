/// Reads pseudo-variables and texts that hold them: `$name(inner)`, `$(name(inner)[index]{class.operation,argument})`.
///
/// Only the form is read here; whether a name exists is the binder's business, except where it decides how far a name
/// reaches: in `"$ru.txt"` the name ends before the dot.
struct VariableReader {
    struct Mistake: Error {
        let message: String
        let range: SourceRange
        var hint: String?
    }

    /// Variables inside of variables.
    private static let maximumDepth = 16

    private let text: Syntax.Text
    private let bytes: [UInt8]
    private let dialect: Syntax.Dialect
    private let isKnown: (String) -> Bool
    private var position = 0
    private let depth: Int

    /// - Parameter isKnown: tells whether a pseudo-variable of that (dotted) name exists.
    init(
        _ text: Syntax.Text, dialect: Syntax.Dialect, depth: Int = 0,
        isKnown: @escaping (String) -> Bool = { _ in false }
    ) {
        self.text = text
        bytes = text.bytes
        self.dialect = dialect
        self.isKnown = isKnown
        self.depth = depth
    }

    // MARK: Whole texts

    /// The text as exactly one variable.
    static func variable(
        _ text: Syntax.Text, dialect: Syntax.Dialect, isKnown: @escaping (String) -> Bool = { _ in false }
    ) throws(Mistake) -> Syntax.Variable {
        var reader = VariableReader(text, dialect: dialect, isKnown: isKnown)
        guard text.bytes.first == UInt8(ascii: "$") || text.bytes.first == UInt8(ascii: "%") else {
            throw reader.mistake("expected a pseudo-variable, which begins with `$`", 0, reader.bytes.count)
        }
        let variable = try reader.variable(wholeText: true)
        guard reader.position == reader.bytes.count else {
            throw reader.mistake("unexpected text behind the pseudo-variable", reader.position, reader.bytes.count)
        }
        return variable
    }

    /// The text with its variables; `$$` is one `$`.
    ///
    /// - Parameter lenient: a `$` that begins no known variable is an ordinary character.
    static func format(
        _ text: Syntax.Text, dialect: Syntax.Dialect, lenient: Bool = false,
        isKnown: @escaping (String) -> Bool = { _ in false }
    ) throws(Mistake) -> Syntax.Format {
        var reader = VariableReader(text, dialect: dialect.inTexts, isKnown: isKnown)
        var pieces: [Syntax.Format.Piece] = []
        var literal: [UInt8] = []
        while reader.position < reader.bytes.count {
            guard reader.bytes[reader.position] == UInt8(ascii: "$") else {
                literal.append(reader.bytes[reader.position])
                reader.position += 1
                continue
            }
            if reader.byte(1) == UInt8(ascii: "$"), !lenient {
                literal.append(UInt8(ascii: "$"))
                reader.position += 2
                continue
            }
            if lenient {
                var attempt = reader
                guard let variable = try? attempt.variable(wholeText: false), isKnown(variable.name.text) else {
                    literal.append(UInt8(ascii: "$"))
                    reader.position += 1
                    continue
                }
            }
            let variable = try reader.variable(wholeText: false)
            if !literal.isEmpty { pieces.append(.text(literal)) }
            literal.removeAll()
            pieces.append(.variable(variable))
        }
        if !literal.isEmpty { pieces.append(.text(literal)) }
        return Syntax.Format(pieces: pieces, range: text.range)
    }

    /// True when the text holds something of the form of a variable.
    static func containsVariable(_ text: Syntax.Text, dialect: Syntax.Dialect, isKnown: @escaping (String) -> Bool)
        -> Bool
    {
        var start = text.bytes.startIndex
        while let dollar = text.bytes[start...].firstIndex(of: UInt8(ascii: "$")) {
            var reader = VariableReader(text, dialect: dialect.inTexts, isKnown: isKnown)
            reader.position = dollar
            if let variable = try? reader.variable(wholeText: false), isKnown(variable.name.text) { return true }
            start = dollar + 1
        }
        return false
    }

    // MARK: One variable

    /// At the `$`.
    private mutating func variable(wholeText: Bool) throws(Mistake) -> Syntax.Variable {
        let start = position
        guard depth < VariableReader.maximumDepth else {
            throw mistake("pseudo-variables nest too deeply", start, start + 1)
        }
        if byte() == UInt8(ascii: "%") {
            position += 1
            return finish(.percent, name: takeName(wholeText: wholeText), from: start)
        }
        position += 1
        switch byte() {
        case UInt8(ascii: "$"), UInt8(ascii: "?"):
            position += 1
            return finish(.bare, name: name(position - 1, position), from: start)
        case UInt8(ascii: "("):
            return try enclosed(from: start)
        default: break
        }
        guard Syntax.isLetter(byte()) else {
            throw mistake("`$` begins no pseudo-variable", start, start + 1, hint: "a lone `$` is written `$$`")
        }
        let name = takeName(wholeText: wholeText)
        guard byte() == UInt8(ascii: "(") else { return finish(.bare, name: name, from: start) }
        let inner = try parenthesised()
        return finish(.call, name: name, inner: inner, from: start)
    }

    /// `$(name(inner)[index]{…}…)`
    private mutating func enclosed(from start: Int) throws(Mistake) -> Syntax.Variable {
        let open = position
        if dialect == .ser {
            throw mistake(
                "`$(…)` does not exist in the SER dialect", start, position + 1,
                hint: "the marker `#!SER` makes `$name` an AVP; without it `$(…)` works")
        }
        position += 1
        skipBlanks()
        let first = position
        while Syntax.isWordByte(byte()) || byte() == UInt8(ascii: ".") || byte() == UInt8(ascii: "?") { position += 1 }
        guard position > first else {
            guard position < bytes.count else { throw unclosed("(", open) }
            throw mistake("expected the name of a pseudo-variable", position, position + 1)
        }
        let name = name(first, position)
        var inner: Syntax.Text?
        if byte() == UInt8(ascii: "(") { inner = try parenthesised() }
        skipBlanks()
        var index: Syntax.Variable.Index?
        if byte() == UInt8(ascii: "[") { index = try self.index() }
        var transformations: [Syntax.Transformation] = []
        skipBlanks()
        while byte() == UInt8(ascii: "{") {
            transformations.append(try transformation())
            skipBlanks()
        }
        guard position < bytes.count else { throw unclosed("(", open) }
        guard byte() == UInt8(ascii: ")") else {
            throw mistake(
                "unexpected text in a pseudo-variable", position, position + 1, hint: "expected `[…]`, `{…}` or `)`")
        }
        position += 1
        return finish(
            .enclosed, name: name, inner: inner, index: index, transformations: transformations, from: start)
    }

    private func finish(
        _ form: Syntax.Variable.Form, name: Syntax.Name, inner: Syntax.Text? = nil, index: Syntax.Variable.Index? = nil,
        transformations: [Syntax.Transformation] = [], from start: Int
    ) -> Syntax.Variable {
        Syntax.Variable(
            form: form, name: name, inner: inner, index: index, transformations: transformations, dialect: dialect,
            range: text.range(of: start..<position))
    }

    /// A name; it takes in dots when it is known with them, or when it is all of the text.
    private mutating func takeName(wholeText: Bool) -> Syntax.Name {
        let start = position
        while Syntax.isWordByte(byte()) { position += 1 }
        var best = position
        var end = position
        while end + 1 < bytes.count, bytes[end] == UInt8(ascii: "."), Syntax.isWordByte(bytes[end + 1]) {
            end += 1
            while end < bytes.count, Syntax.isWordByte(bytes[end]) { end += 1 }
            if isKnown(String(decoding: bytes[start..<end], as: UTF8.self)) { best = end }
        }
        if wholeText, best == position { best = end }
        position = best
        return name(start, best)
    }

    private func name(_ start: Int, _ end: Int) -> Syntax.Name {
        Syntax.Name(String(decoding: bytes[start..<end], as: UTF8.self), text.range(of: start..<end))
    }

    /// What stands between balanced parentheses; at the `(`.
    private mutating func parenthesised() throws(Mistake) -> Syntax.Text {
        let open = position
        var level = 0
        while position < bytes.count {
            if byte() == UInt8(ascii: "(") { level += 1 }
            if byte() == UInt8(ascii: ")") { level -= 1 }
            position += 1
            if level == 0 { return text.slice((open + 1)..<(position - 1)) }
        }
        throw unclosed("(", open)
    }

    // MARK: Index

    private mutating func index() throws(Mistake) -> Syntax.Variable.Index {
        let open = position
        position += 1
        skipBlanks()
        let value: Syntax.Variable.Index.Value
        switch byte() {
        case UInt8(ascii: "*"):
            position += 1
            value = .all
        case UInt8(ascii: "+") where !Syntax.isDigit(byte(1)):
            position += 1
            value = .next
        case UInt8(ascii: "$"):
            var reader = deeper()
            let variable = try reader.variable(wholeText: false)
            position = reader.position
            value = .variable(variable)
        default:
            let start = position
            if byte() == UInt8(ascii: "-") || byte() == UInt8(ascii: "+") { position += 1 }
            while Syntax.isDigit(byte()) { position += 1 }
            let digits = String(decoding: bytes[start..<position], as: UTF8.self)
            guard let number = Int(digits) else {
                guard position < bytes.count else { throw unclosed("[", open) }
                var end = position
                while end < bytes.count, bytes[end] != UInt8(ascii: "]"), bytes[end] != UInt8(ascii: ")") { end += 1 }
                throw mistake(
                    "bad index", start, max(end, start + 1), hint: "an index is a number, `*`, `+` or a pseudo-variable"
                )
            }
            value = .number(number)
        }
        skipBlanks()
        guard position < bytes.count else { throw unclosed("[", open) }
        guard byte() == UInt8(ascii: "]") else {
            throw mistake("expected `]` behind the index", position, position + 1)
        }
        position += 1
        return Syntax.Variable.Index(value: value, range: text.range(of: open..<position))
    }

    // MARK: Transformations

    private mutating func transformation() throws(Mistake) -> Syntax.Transformation {
        let open = position
        var level = 0
        var close = position
        while close < bytes.count {
            if bytes[close] == UInt8(ascii: "{") { level += 1 }
            if bytes[close] == UInt8(ascii: "}") { level -= 1 }
            if level == 0 { break }
            close += 1
        }
        guard close < bytes.count else { throw unclosed("{", open) }
        position += 1
        skipBlanks()
        let start = position
        while position < close, Syntax.isWordByte(byte()) || byte() == UInt8(ascii: ".") { position += 1 }
        let name = String(decoding: bytes[start..<position], as: UTF8.self).lowercased()
        guard let dot = name.firstIndex(of: "."), dot != name.startIndex, name.index(after: dot) != name.endIndex else {
            throw mistake("expected a transformation: `{class.operation}`", open, close + 1)
        }
        skipBlanks()
        var arguments: [Syntax.Transformation.Argument] = []
        var raw: Syntax.Text?
        if position < close {
            guard byte() == UInt8(ascii: ",") else {
                throw mistake("expected `,` or `}` in a transformation", position, position + 1)
            }
            raw = text.slice((position + 1)..<close)
            while position < close, byte() == UInt8(ascii: ",") { arguments.append(try argument(until: close)) }
        }
        position = close + 1
        return Syntax.Transformation(
            family: String(name[..<dot]), operation: String(name[name.index(after: dot)...]), arguments: arguments,
            rawArguments: raw, range: text.range(of: open..<position))
    }

    /// At the comma before it.
    private mutating func argument(until close: Int) throws(Mistake) -> Syntax.Transformation.Argument {
        position += 1
        var start = position
        while start < close, bytes[start] == 32 { start += 1 }
        // Blanks alone are meant: `{s.select,0, }`.
        if start == close || bytes[start] == UInt8(ascii: ",") { start = position }
        if start < close, bytes[start] == UInt8(ascii: "$"), start + 1 < close {
            var reader = deeper()
            reader.position = start
            let variable = try reader.variable(wholeText: false)
            position = reader.position
            skipBlanks()
            guard position == close || byte() == UInt8(ascii: ",") else {
                throw mistake("unexpected text behind the pseudo-variable", position, position + 1)
            }
            return .variable(variable)
        }
        position = start
        while position < close, byte() != UInt8(ascii: ","), byte() != 9, byte() != 10 { position += 1 }
        let constant = text.slice(start..<position)
        while position < close, byte() != UInt8(ascii: ",") { position += 1 }
        return .constant(constant)
    }

    // MARK: Bytes

    private func deeper() -> VariableReader {
        var reader = VariableReader(text, dialect: dialect, depth: depth + 1, isKnown: isKnown)
        reader.position = position
        return reader
    }

    private func byte(_ ahead: Int = 0) -> UInt8 {
        position + ahead < bytes.count ? bytes[position + ahead] : 0
    }

    private mutating func skipBlanks() {
        while byte() == 32 || byte() == 9 || byte() == 10 || byte() == 13 { position += 1 }
    }

    private func mistake(_ message: String, _ start: Int, _ end: Int, hint: String? = nil) -> Mistake {
        let last = min(max(end, start), bytes.count)
        return Mistake(message: message, range: text.range(of: min(start, last)..<last), hint: hint)
    }

    private func unclosed(_ bracket: String, _ open: Int) -> Mistake {
        let closing = ["(": ")", "[": "]", "{": "}"][bracket]!
        return mistake("unclosed `\(bracket)` in a pseudo-variable", open, open + 1, hint: "close it with `\(closing)`")
    }
}

extension Parser {
    /// A variable token as a structure.
    func variable(_ token: Token) throws -> Syntax.Variable {
        do throws(VariableReader.Mistake) {
            return try VariableReader.variable(token.text!, dialect: token.dialect)
        } catch {
            throw fail(error.message, at: error.range, hint: error.hint)
        }
    }

    /// A select token as a structure.
    func select(_ token: Token) throws -> Syntax.Select {
        let text = token.text!
        var parts: [Syntax.Select.Part] = []
        var position = 1
        let bytes = text.bytes
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "[") {
                let close = bytes[position...].firstIndex(of: UInt8(ascii: "]")) ?? bytes.count
                let inner = String(decoding: bytes[(position + 1)..<close], as: UTF8.self)
                if let index = Int64(inner) {
                    parts.append(.index(index))
                } else if inner.utf8.count > 1, inner.hasPrefix("\""), inner.hasSuffix("\"") {
                    parts.append(.key(String(inner.dropFirst().dropLast())))
                } else {
                    throw fail(
                        "bad index of a select", at: text.range(of: position..<min(close + 1, bytes.count)),
                        hint: "an index is a number or a quoted text")
                }
                position = close + 1
                continue
            }
            if bytes[position] == UInt8(ascii: ".") { position += 1 }
            let start = position
            while position < bytes.count, Syntax.isWordByte(bytes[position]) { position += 1 }
            guard position > start else { throw fail("bad select", at: token.range) }
            parts.append(.name(String(decoding: bytes[start..<position], as: UTF8.self)))
        }
        guard parts.count <= 31 else { throw fail("a select has at most 31 parts", at: token.range) }
        return Syntax.Select(parts: parts, range: token.range)
    }
}
