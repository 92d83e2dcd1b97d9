extension Syntax {
    /// The smallest unit of the text. Words and numbers are told apart only roughly: `10.0.0.1` is a number, a dot, … whose
    /// parts touch; the parser puts hosts and addresses together where the grammar has one.
    struct Token: Sendable {
        enum Kind: UInt8, Sendable {
            /// Letters, digits, underscores; begins with a letter or underscore.
            case word
            /// The same, begins with a digit: `5060`, `0x1f`, `3com`.
            case number
            /// `"…"`, or several joined, or `'…'`.
            case text
            /// `$…`, all of it.
            case variable
            /// `%name`
            case percentVariable
            /// `@…`, all of it.
            case select
            /// `(int)`, `(str)`
            case castInteger, castString
            case leftParen, rightParen, leftBrace, rightBrace, leftBracket, rightBracket
            case comma, semicolon, colon, dot, question
            case assign, plusAssign, increment, decrement
            case or, and, bitOr, bitAnd, bitXor, shiftLeft, shiftRight
            case equal, notEqual, matches, matchesNot, less, greater, lessOrEqual, greaterOrEqual
            case plus, minus, star, slash, percent, not, complement
            /// No token: `problem` says why; without one it has been reported.
            case invalid
            case end
        }

        let kind: Kind
        /// False when the token touches the one before it.
        var spaceBefore: Bool
        /// The first one of its line.
        var newlineBefore: Bool
        var dialect: Dialect
        let range: SourceRange
        /// Of a word or number, the text; else empty.
        let word: String
        /// Of a text, its value; of variables and selects, the text as written.
        let text: Text?
        /// Of an invalid token what is wrong with it: reported where the parser meets it, not where it skips it.
        let problem: Problem?

        /// A mistake that waits to be reported.
        final class Problem: Sendable {
            let diagnostic: Diagnostic
            init(_ diagnostic: Diagnostic) { self.diagnostic = diagnostic }
        }

        init(_ kind: Kind, _ range: SourceRange, word: String = "", text: Text? = nil, problem: Problem? = nil) {
            self.kind = kind
            self.range = range
            self.word = word
            self.text = text
            self.problem = problem
            spaceBefore = false
            newlineBefore = false
            dialect = .maximal
        }

        /// How the token is called in "expected …, found …".
        var described: String {
            switch kind {
            case .end: "the end of the file"
            case .text: "a string"
            default: "`\(range.text)`"
            }
        }
    }
}
