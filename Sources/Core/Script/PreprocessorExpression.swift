import Glibc

/// The small expression language of `#!ifexp` and `#!defexp`: numbers, strings and names of defines.
struct PreprocessorExpression {
    enum Value: Equatable {
        case number(Double)
        case text(String)

        var isTrue: Bool {
            switch self {
            case .number(let number): number != 0
            case .text(let text): !text.isEmpty
            }
        }

        var number: Double {
            switch self {
            case .number(let number): number
            case .text(let text): Double(text) ?? 0
            }
        }

        /// As a define's value: numbers as integers.
        var text: String {
            switch self {
            case .number(let number): String(PreprocessorExpression.integer(number))
            case .text(let text): text
            }
        }
    }

    struct Failure: Error {
        let message: String
        /// Byte of the expression.
        let offset: Int
    }

    private let bytes: [UInt8]
    private let defines: [String: Preprocessor.Define]
    private var position = 0
    private var depth = 0
    private static let maximumDepth = 100

    static func evaluate(_ bytes: [UInt8], defines: [String: Preprocessor.Define]) -> Result<Value, Failure> {
        var parser = PreprocessorExpression(bytes: bytes, defines: defines)
        do throws(Failure) {
            let value = try parser.binary(0)
            parser.skipBlanks()
            guard parser.position == bytes.count else { throw parser.failure("unexpected text in the expression") }
            return .success(value)
        } catch {
            return .failure(error)
        }
    }

    private init(bytes: [UInt8], defines: [String: Preprocessor.Define]) {
        self.bytes = bytes
        self.defines = defines
    }

    /// Binary operators by level, lowest first; longer spellings before their beginnings.
    private static let levels: [[String]] = [
        ["||"], ["&&"], ["|"], ["^"], ["&"], ["==", "!="], ["<=", ">=", "<", ">"], ["<<", ">>"], ["+", "-"],
        ["*", "/", "%"],
    ]

    /// A number as the integer nearest to zero; what does not fit is cut to the ends of the range.
    static func integer(_ number: Double) -> Int64 {
        if number.isNaN { return 0 }
        return Int64(exactly: number.rounded(.towardZero)) ?? (number < 0 ? .min : .max)
    }

    private mutating func binary(_ level: Int) throws(Failure) -> Value {
        guard level < Self.levels.count else { return try power() }
        var left = try binary(level + 1)
        while let found = operatorAhead(level) {
            position += found.utf8.count
            let right = try binary(level + 1)
            left = combine(found, left, right)
        }
        return left
    }

    private mutating func operatorAhead(_ level: Int) -> String? {
        skipBlanks()
        let rest = bytes[position...]
        // An operator that is the beginning of a longer one of another level is not meant.
        let longest = ["||", "&&", "<<", ">>", "==", "!=", "<=", ">=", "**"].first { rest.starts(with: $0.utf8) }
        return Self.levels[level].first { rest.starts(with: $0.utf8) && (longest == nil || longest == $0) }
    }

    private func combine(_ name: String, _ left: Value, _ right: Value) -> Value {
        func truth(_ value: Bool) -> Value { .number(value ? 1 : 0) }
        if case .text(let a) = left, case .text(let b) = right {
            switch name {
            case "+": return .text(a + b)
            case "==": return truth(a == b)
            case "!=": return truth(a != b)
            case "<": return truth(a < b)
            case ">": return truth(a > b)
            case "<=": return truth(a <= b)
            case ">=": return truth(a >= b)
            default: break
            }
        }
        if name == "==" || name == "!=", let same = PreprocessorExpression.mixedEqual(left, right) {
            return truth(same == (name == "=="))
        }
        if name == "||" { return truth(left.isTrue || right.isTrue) }
        if name == "&&" { return truth(left.isTrue && right.isTrue) }
        if name == "+", case .text(let a) = left { return .text(a + right.text) }
        return .number(Self.arithmetic(name, left.number, right.number))
    }

    /// A number against a text: equal only when the text is that number. nil when both are numbers.
    private static func mixedEqual(_ left: Value, _ right: Value) -> Bool? {
        switch (left, right) {
        case (.text(let text), .number(let number)), (.number(let number), .text(let text)): Double(text) == number
        default: nil
        }
    }

    private static func arithmetic(_ name: String, _ a: Double, _ b: Double) -> Double {
        let (i, j) = (integer(a), integer(b))
        switch name {
        case "+": return a + b
        case "-": return a - b
        case "*": return a * b
        case "/": return b == 0 ? 0 : a / b
        case "%": return b == 0 ? 0 : fmod(a, b)
        case "|": return Double(i | j)
        case "^": return Double(i ^ j)
        case "&": return Double(i & j)
        case "<<": return Double(j >= 0 && j < 64 ? i << j : 0)
        case ">>": return Double(j >= 0 && j < 64 ? i >> j : 0)
        case "==": return a == b ? 1 : 0
        case "!=": return a != b ? 1 : 0
        case "<": return a < b ? 1 : 0
        case ">": return a > b ? 1 : 0
        case "<=": return a <= b ? 1 : 0
        default: return a >= b ? 1 : 0
        }
    }

    private mutating func power() throws(Failure) -> Value {
        let base = try unary()
        skipBlanks()
        guard bytes[position...].starts(with: "**".utf8) else { return base }
        position += 2
        depth += 1
        defer { depth -= 1 }
        guard depth < Self.maximumDepth else { throw failure("expression nests too deeply") }
        return .number(pow(base.number, try power().number))
    }

    private mutating func unary() throws(Failure) -> Value {
        skipBlanks()
        depth += 1
        defer { depth -= 1 }
        guard depth < Self.maximumDepth else { throw failure("expression nests too deeply") }
        guard position < bytes.count else { throw failure("expected a value in the expression") }
        switch bytes[position] {
        case UInt8(ascii: "!"):
            position += 1
            return .number(try unary().isTrue ? 0 : 1)
        case UInt8(ascii: "-"):
            position += 1
            return .number(-(try unary().number))
        case UInt8(ascii: "+"):
            position += 1
            return .number(try unary().number)
        case UInt8(ascii: "^"), UInt8(ascii: "~"):
            position += 1
            return .number(Double(~Self.integer(try unary().number)))
        case UInt8(ascii: "("):
            position += 1
            let value = try binary(0)
            skipBlanks()
            guard position < bytes.count, bytes[position] == UInt8(ascii: ")") else { throw failure("expected `)`") }
            position += 1
            return value
        default:
            return try primary()
        }
    }

    private mutating func primary() throws(Failure) -> Value {
        let start = position
        let first = bytes[position]
        if first == UInt8(ascii: "\"") || first == UInt8(ascii: "'") {
            guard let end = bytes[(position + 1)...].firstIndex(of: first) else { throw failure("unterminated string") }
            position = end + 1
            return .text(String(decoding: bytes[(start + 1)..<end], as: UTF8.self))
        }
        if Syntax.isDigit(first) || first == UInt8(ascii: ".") {
            while position < bytes.count, Syntax.isWordByte(bytes[position]) || bytes[position] == UInt8(ascii: ".") {
                position += 1
            }
            let text = String(decoding: bytes[start..<position], as: UTF8.self)
            if text.hasPrefix("0x"), let number = Int64(text.dropFirst(2), radix: 16) { return .number(Double(number)) }
            guard let number = Double(text), number.isFinite else {
                position = start
                throw failure("`\(text)` is no number")
            }
            return .number(number)
        }
        guard Syntax.isLetter(first) else { throw failure("expected a value in the expression") }
        while position < bytes.count, Syntax.isWordByte(bytes[position]) { position += 1 }
        return value(of: String(decoding: bytes[start..<position], as: UTF8.self))
    }

    /// Undefined is 0, defined without a value 1, else the value as text without its outer quotes; a text that is a number
    /// counts as one.
    private func value(of name: String) -> Value {
        guard let define = defines[name] else { return .number(0) }
        guard var value = define.value else { return .number(1) }
        if value.count >= 2, let quote = value.first, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'"),
            value.last == quote
        {
            value = Array(value.dropFirst().dropLast())
            return .text(String(decoding: value, as: UTF8.self))
        }
        let text = String(decoding: value, as: UTF8.self)
        if let number = Double(text), number.isFinite { return .number(number) }
        return .text(text)
    }

    private mutating func skipBlanks() {
        while position < bytes.count, bytes[position] == 32 || bytes[position] == 9 { position += 1 }
    }

    private func failure(_ message: String) -> Failure { Failure(message: message, offset: min(position, bytes.count)) }
}
