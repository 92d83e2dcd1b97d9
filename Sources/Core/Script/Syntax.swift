/// The config as it was written, names unbound: what the parser hands to the binder. Every node knows its range.
enum Syntax {
    /// How old a style the text is written in; says how a bare `$name` is read, and which spellings get a remark.
    enum Dialect: UInt8, Sendable {
        /// No marker, or `#!MAXCOMPAT`.
        case maximal
        /// `#!SER`
        case ser
        /// `#!KAMAILIO`, `#!OPENSER`
        case kamailio

        /// How texts are read: in them `$name` is a pseudo-variable where there is one, whatever the marker says.
        var inTexts: Dialect { self == .ser ? .maximal : self }
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
        /// The defines at the end of the text, for `$def(ID)`.
        var defines: [String: [UInt8]] = [:]

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

        /// A part of the text as a text of its own, with its places.
        func slice(_ part: Range<Int>) -> Text {
            var kept: [Step] = []
            if let start = offset(part.lowerBound) {
                kept.append(Step(value: 0, source: Int32(clamping: start)))
                for step in steps where Int(step.value) > part.lowerBound && Int(step.value) < part.upperBound {
                    kept.append(Step(value: step.value - Int32(part.lowerBound), source: step.source))
                }
            }
            return Text(bytes: Array(bytes[part]), range: range(of: part), isSingleQuoted: isSingleQuoted, steps: kept)
        }

        private func offset(_ value: Int) -> Int? {
            guard let step = steps.last(where: { Int($0.value) <= value }) else { return nil }
            return Int(step.source) + value - Int(step.value)
        }
    }
}

extension Syntax {
    /// A letter or an underscore: how identifiers begin.
    @inline(__always)
    static func isLetter(_ byte: UInt8) -> Bool {
        (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A || byte == UInt8(ascii: "_")
    }

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    /// Letters, digits and underscore: what identifiers are made of.
    @inline(__always)
    static func isWordByte(_ byte: UInt8) -> Bool { isLetter(byte) || isDigit(byte) }
}
