/// The text format of rules: a line each, `expressions [EXCEPT expressions] : expressions [EXCEPT expressions]`. The first half is about who asks,
/// the second about whom; expressions have commas between, and quotes around them where they hold blanks, commas, colons or `#`. ALL is any text.
/// `#` begins a comment.
package enum RuleFile {
    /// A regular expression as it is written.
    package struct Expression: Equatable, Sendable {
        /// Without its quotes, and with \" for ".
        package let text: String
        /// Of its first byte, from 1.
        package let line: Int
        package let column: Int
    }

    /// What one half of a rule matches.
    package struct Half: Equatable, Sendable {
        /// One of them, or, when it is nil, anything.
        package var expressions: [Expression]?
        /// And none of them; nil: it excepts all.
        package var exceptions: [Expression]? = []
    }

    package struct Rule: Equatable, Sendable {
        package let from: Half
        package let to: Half
    }

    package struct Mistake: Error, Equatable {
        package let line: Int
        package let column: Int
        package let text: String
    }

    package static func parse(_ bytes: [UInt8]) throws(Mistake) -> [Rule] {
        var rules: [Rule] = []
        var number = 0
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            var reader = Reader(line, number)
            if try reader.next() == .end { continue }
            let from = try reader.half()
            guard reader.token == .colon else { throw reader.mistake("`:` is missing") }
            _ = try reader.next()
            let to = try reader.half()
            guard reader.token == .end else { throw reader.mistake("nothing follows the second half") }
            rules.append(Rule(from: from, to: to))
        }
        return rules
    }

    private enum Token: Equatable {
        /// Whether it stood in quotes.
        case text(String, Bool)
        case comma
        case colon
        case end
    }

    /// Takes one line apart.
    private struct Reader {
        private let line: [UInt8]
        private let number: Int
        private var at = 0
        private var start = 0
        private(set) var token = Token.end

        init(_ line: ArraySlice<UInt8>, _ number: Int) {
            self.line = Array(line)
            self.number = number
        }

        func mistake(_ text: String) -> Mistake { Mistake(line: number, column: start + 1, text: text) }

        mutating func next() throws(Mistake) -> Token {
            while at < line.count, line[at] == 0x20 || line[at] == 0x09 || line[at] == 0x0d { at += 1 }
            start = at
            guard at < line.count, line[at] != UInt8(ascii: "#") else {
                token = .end
                return token
            }
            switch line[at] {
            case UInt8(ascii: ","):
                at += 1
                token = .comma
            case UInt8(ascii: ":"):
                at += 1
                token = .colon
            case UInt8(ascii: "\""): token = .text(try quoted(), true)
            default:
                while at < line.count, !" \t\r,:#\"".utf8.contains(line[at]) { at += 1 }
                token = .text(String(decoding: line[start..<at], as: UTF8.self), false)
            }
            return token
        }

        private mutating func quoted() throws(Mistake) -> String {
            var bytes: [UInt8] = []
            at += 1
            while at < line.count, line[at] != UInt8(ascii: "\"") {
                // Other backslashes belong to the expression.
                if line[at] == UInt8(ascii: "\\"), at + 1 < line.count {
                    if line[at + 1] != UInt8(ascii: "\"") { bytes.append(line[at]) }
                    at += 1
                }
                bytes.append(line[at])
                at += 1
            }
            guard at < line.count else { throw mistake("the quotes are not closed") }
            at += 1
            return String(decoding: bytes, as: UTF8.self)
        }

        mutating func half() throws(Mistake) -> Half {
            var half = Half(expressions: try list())
            if token == .text("EXCEPT", false) {
                _ = try next()
                half.exceptions = try list()
            }
            return half
        }

        /// Nil when one of them is ALL.
        private mutating func list() throws(Mistake) -> [Expression]? {
            var expressions: [Expression] = []
            var isAll = false
            while true {
                guard case .text(let text, let isQuoted) = token, text != "EXCEPT" || isQuoted, !text.isEmpty else {
                    throw mistake("an expression is missing")
                }
                if text == "ALL", !isQuoted {
                    isAll = true
                } else {
                    expressions.append(Expression(text: text, line: number, column: start + 1 + (isQuoted ? 1 : 0)))
                }
                guard try next() == .comma else { return isAll ? nil : expressions }
                _ = try next()
            }
        }
    }
}
