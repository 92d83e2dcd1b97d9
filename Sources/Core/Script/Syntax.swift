/// The config as it was written, names unresolved: what the parser hands to the resolver. Every node knows its range.
enum Syntax {
    /// How old a style the text is written in; says how a bare `$name` is read, and which spellings get a remark.
    enum Dialect: UInt8, Sendable {
        /// No marker, or `#!MAXCOMPAT`.
        case maximal
        /// `#!SER`
        case ser
        /// `#!KAMAILIO`, `#!OPENSER`
        case kamailio
    }

    /// A word with its place.
    struct Name: Sendable {
        let text: String
        let range: SourceRange

        init(_ text: String, _ range: SourceRange) {
            self.text = text
            self.range = range
        }
    }

    /// A whole config, includes and conditionals carried out.
    struct Tree: Sendable {
        let main: Source
        var statements: [GlobalStatement] = []
        /// The dialect at the end of the text.
        var dialect = Dialect.maximal
        /// Where a dialect marker stands; nil without one.
        var marker: SourceRange?

        /// The route blocks, in the order of the text.
        var routes: [RouteBlock] {
            statements.compactMap { if case .route(let block) = $0 { block } else { nil } }
        }
    }

    /// The bytes of a quoted string, escapes carried out, and where each of them was written.
    final class Text: Sendable {
        let bytes: [UInt8]
        let range: SourceRange
        /// Written in `'…'`.
        let isSingleQuoted: Bool
        /// (offset in `bytes`, offset in the source) where the two stop running in step; ascending, first one for offset 0.
        private let steps: [Step]

        struct Step: Sendable {
            let value: Int32
            let source: Int32
        }

        /// - Parameter steps: empty when a place inside the text cannot be told (a substitution changed it).
        init(bytes: [UInt8], range: SourceRange, isSingleQuoted: Bool = false, steps: [Step] = []) {
            self.bytes = bytes
            self.range = range
            self.isSingleQuoted = isSingleQuoted
            self.steps = steps
        }

        var string: String { String(decoding: bytes, as: UTF8.self) }

        /// Where some of the bytes were written.
        func range(of part: Range<Int>) -> SourceRange {
            guard let start = offset(part.lowerBound) else { return range }
            let end = part.isEmpty ? start : (offset(part.upperBound - 1) ?? start) + 1
            return SourceRange(range.source, start, end)
        }

        private func offset(_ value: Int) -> Int? {
            guard let step = steps.last(where: { Int($0.value) <= value }) else { return nil }
            return Int(step.source) + value - Int(step.value)
        }
    }
}
