/// Turns a config with its includes, conditionals and defines into one run of tokens.
///
/// The whole text is read before the parser sees any of it. Every token keeps the place where it was written, through
/// includes and defines.
final class Preprocessor {
    typealias Token = Syntax.Token

    /// A define: its value is text that is cut into tokens anew wherever the name is used.
    struct Define {
        /// nil for one without a value.
        let value: [UInt8]?
        /// Where it was defined; nil for the ones that exist from the start.
        let range: SourceRange?
        /// Where the value stands.
        let valueRange: SourceRange?
    }

    /// What is being read: a file, or a define's value.
    struct Frame {
        var lexer: Lexer
        /// The define whose value it is; nil for files.
        let define: String?
        /// Conditionals that were open when it began.
        let conditionals: Int
        /// Up to here the text was printed.
        var printed = 0
    }

    struct Conditional {
        let range: SourceRange
        /// The text between here and its end counts.
        var active: Bool
        var elseRange: SourceRange?
    }

    /// One `subst`, applied to strings, variables and include names.
    struct Substitution {
        let regex: CompiledRegex
        let replacement: [UInt8]
        let everywhere: Bool
    }

    enum Limits {
        /// Files inside of files.
        static let includes = 10
        /// Conditionals inside of conditionals.
        static let conditionals = 512
        /// Defines inside of defines.
        static let expansions = 64
        /// Tokens that come out of defines: far above any real config; keeps nested ones from growing without end.
        static let expandedTokens = 1 << 18
    }

    let diagnostics: Diagnostics
    let files: FileAccess
    var frames: [Frame] = []
    var defines: [String: Define] = [:]
    var conditionals: [Conditional] = []
    var substitutions: [Substitution] = []
    private(set) var dialect = Syntax.Dialect.maximal
    private(set) var marker: SourceRange?

    private var tokens: [Token] = []
    /// A string or comment without an end was met: what follows is not there, and that is not the parser's business.
    private(set) var isTruncated = false
    /// Names that conditionals ask for, and all that were ever defined, for "never defined anywhere".
    private var asked: [(name: String, range: SourceRange)] = []
    var mentioned: Set<String> = []
    /// `--cfg-print`: the text after includes and conditionals.
    var printout: [UInt8]?
    /// Tokens out of defines so far.
    private var expanded = 0
    /// True as soon as a token or directive other than a marker was met.
    private var hasBegun = false

    init(diagnostics: Diagnostics, files: FileAccess = FileAccess(), version: (Int, Int, Int) = (0, 1, 0)) {
        self.diagnostics = diagnostics
        self.files = files
        predefine(prefix: "KAMAILIO", 6, 0, 0)
        predefine(prefix: "APUS", version.0, version.1, version.2)
        defines["OS_NAME"] = Define(value: Array("\"linux\"".utf8), range: nil, valueRange: nil)
    }

    deinit {
        for substitution in substitutions { substitution.regex.free() }
    }

    private func predefine(prefix: String, _ major: Int, _ minor: Int, _ patch: Int) {
        for name in ["\(prefix)_\(major)", "\(prefix)_\(major)_\(minor)", "\(prefix)_\(major)_\(minor)_\(patch)"] {
            defines[name] = Define(value: nil, range: nil, valueRange: nil)
        }
        let number = major * 1_000_000 + minor * 1000 + patch
        defines["\(prefix)_VERSION"] = Define(value: Array(String(number).utf8), range: nil, valueRange: nil)
    }

    /// Reads the text with all that it includes. Called once. The last token is `.end`.
    func run(_ source: Source) -> [Token] {
        frames = [Frame(lexer: Lexer(source, diagnostics: diagnostics), define: nil, conditionals: 0)]
        while !frames.isEmpty { step() }
        reportOpenConditionals(downTo: 0)
        reportNeverDefined()
        var end = Token(.end, SourceRange(source, source.bytes.count, source.bytes.count))
        end.newlineBefore = true
        end.spaceBefore = true
        end.dialect = dialect
        tokens.append(end)
        return tokens
    }

    // MARK: One item

    private func step() {
        let top = frames.count - 1
        let item = frames[top].lexer.next()
        if let place = frames[top].lexer.unterminated { return truncate(at: place) }
        switch item {
        case .end:
            endFrame()
        case .comment(let range):
            checkComment(range)
        case .directive(let word, let range):
            flushPrintout(to: range.start)
            if let dialect = Directive.markers[word] {
                mark(dialect, range)
            } else if let kind = Directive.words[word] {
                hasBegun = true
                perform(kind, range)
            }
            skipInactive()
            restartPrintout()
        case .token(let token):
            hasBegun = true
            if frames[top].define != nil { countExpanded(token) }
            if !frames.isEmpty { take(token) }
        }
    }

    /// Gives up on defines that double each other.
    private func countExpanded(_ token: Token) {
        expanded += 1
        guard expanded > Limits.expandedTokens else { return }
        diagnostics.error("defines expand to more than \(Limits.expandedTokens) tokens", at: token.range)
        isTruncated = true
        frames.removeAll()
        conditionals.removeAll()
    }

    private func take(_ token: Token) {
        var token = token
        token.dialect = dialect
        switch token.kind {
        case .word:
            if token.word == "include_file" || token.word == "import_file" {
                return include(optional: token.word == "import_file", token.range)
            }
            if let define = defines[token.word], !Keywords.reserved.contains(token.word) {
                return expand(token, define)
            }
            tokens.append(token)
        case .text, .variable:
            if !substitutions.isEmpty, let changed = substituted(token) { token = changed }
            tokens.append(token)
            if token.kind == .text { noteModule(token) }
        default:
            tokens.append(token)
        }
    }

    /// `MOD_name` exists behind `loadmodule "name"`.
    private func noteModule(_ token: Token) {
        var last = tokens.count - 2
        if last >= 0, tokens[last].kind == .leftParen { last -= 1 }
        guard last >= 0, tokens[last].word == "loadmodule" || tokens[last].word == "loadmodulex", let text = token.text
        else {
            return
        }
        let name = "MOD_" + Syntax.LoadModule.name(of: text.string)
        mentioned.insert(name)
        if defines[name] == nil { defines[name] = Define(value: nil, range: token.range, valueRange: nil) }
    }

    private func expand(_ token: Token, _ define: Define) {
        guard let value = define.value else {
            warnVanishing(token)
            return
        }
        guard !frames.contains(where: { $0.define == token.word }), frames.count < Limits.expansions else {
            diagnostics.error(
                "define `\(token.word)` expands to itself", at: token.range,
                notes: define.range.map { [Diagnostic.Note("defined here", at: $0)] } ?? [])
            tokens.append(Token(.invalid, token.range))
            return
        }
        let origin = Source.Origin.expansion(
            of: token.word, at: token.range, definition: define.valueRange ?? define.range)
        let source = Source(name: token.range.source.name, bytes: value, origin: origin)
        let lexer = Lexer(source, diagnostics: diagnostics)
        frames.append(Frame(lexer: lexer, define: token.word, conditionals: conditionals.count))
        takeFirst(ofExpansion: token)
    }

    /// The first token of a value stands where the name stood: it touches its neighbour when the name did.
    private func takeFirst(ofExpansion name: Token) {
        let depth = frames.count
        let count = tokens.count
        while frames.count >= depth, tokens.count == count { step() }
        if tokens.count > count {
            tokens[count].spaceBefore = name.spaceBefore
            tokens[count].newlineBefore = name.newlineBefore
        }
    }

    /// A define without a value leaves nothing behind; that is harmless only as a statement of its own.
    private func warnVanishing(_ token: Token) {
        switch tokens.last?.kind {
        case nil, .semicolon, .leftBrace, .rightBrace: return
        default:
            if token.newlineBefore { return }
            diagnostics.warning("`\(token.word)` is defined without a value: nothing is put here", at: token.range)
        }
    }

    private func endFrame() {
        let frame = frames[frames.count - 1]
        if frame.define == nil {
            flushPrintout(to: frame.lexer.position)
            if frames.count > 1 { closeInclude(frame) }
        }
        frames.removeLast()
        skipInactive()
    }

    private func closeInclude(_ frame: Frame) {
        for conditional in conditionals.dropFirst(frame.conditionals) {
            diagnostics.warning("conditional is not closed in the file that opens it", at: conditional.range)
        }
    }

    private func truncate(at place: Int) {
        let source = frames[frames.count - 1].lexer.source
        while let last = tokens.last, last.range.source === source, last.range.start >= place { tokens.removeLast() }
        isTruncated = true
        frames.removeAll()
        conditionals.removeAll()
    }

    // MARK: Dialect

    private func mark(_ found: Syntax.Dialect, _ range: SourceRange) {
        let top = frames.count - 1
        let word = range.text
        let rest = frames[top].lexer.takeLogicalLine()
        guard rest.bytes.isEmpty else {
            diagnostics.warning(
                "looks like a dialect marker, but is a comment", at: range,
                hint: "`\(word)` must stand alone on its line")
            return
        }
        if hasBegun, marker == nil {
            diagnostics.warning("dialect marker `\(word)` is not the first line; it counts from here on", at: range)
        }
        if let marker, dialect != found {
            diagnostics.warning(
                "second dialect marker; it counts from here on", at: range,
                notes: [Diagnostic.Note("first marker", at: marker)])
        }
        if frames.count == 1 || marker == nil { marker = range }
        dialect = found
    }

    // MARK: Conditionals

    var isActive: Bool { conditionals.last?.active ?? true }

    func openConditional(_ range: SourceRange, _ active: Bool) {
        guard conditionals.count < Limits.conditionals else {
            diagnostics.error("conditionals nest deeper than \(Limits.conditionals)", at: range)
            frames.removeAll()
            conditionals.removeAll()
            return
        }
        conditionals.append(Conditional(range: range, active: active))
    }

    func ask(_ name: String, _ range: SourceRange) { asked.append((name, range)) }

    /// While the innermost conditional is false, goes on to the directive that changes that.
    private func skipInactive() {
        while let top = frames.indices.last, !isActive {
            var skipped = frames[top].lexer
            let found = skipped.skipToConditional(mentioned: &mentioned)
            frames[top].lexer = skipped
            guard let (word, range) = found, let kind = Directive.words[word] else { return }
            switch kind {
            case .orElse, .endIf: perform(kind, range)
            default:
                // Inside of skipped text only the nesting counts.
                skipNested(from: range)
            }
        }
    }

    /// Behind the `#!if…` of skipped text: up to its `#!endif`.
    private func skipNested(from opening: SourceRange) {
        let top = frames.count - 1
        var depth = 1
        while depth > 0 {
            var lexer = frames[top].lexer
            let found = lexer.skipToConditional(mentioned: &mentioned)
            frames[top].lexer = lexer
            guard let (word, _) = found else {
                openConditional(opening, false)
                return
            }
            switch Directive.words[word] {
            case .endIf: depth -= 1
            case .orElse: break
            default: depth += 1
            }
        }
    }

    private func reportOpenConditionals(downTo count: Int) {
        for conditional in conditionals.dropFirst(count) {
            let word = conditional.range.text
            diagnostics.error("`\(word)` without `#!endif`", at: conditional.range)
        }
    }

    /// A name that is one slip away from a defined one, and is itself defined nowhere.
    private func reportNeverDefined() {
        let names = mentioned.union(defines.keys).filter { $0.utf8.count > 3 }
        for (name, range) in asked where !mentioned.contains(name) && defines[name] == nil {
            let letters = Array(name.utf8)
            let near = names.filter { Suggest.distance(letters, Array($0.utf8), limit: 1) != nil }.min()
            guard let near, name.utf8.count > 3 else { continue }
            diagnostics.warning("`\(name)` is defined nowhere", at: range, hint: "did you mean `\(near)`?")
        }
    }

    // MARK: Lost directives

    /// Words that are directives only with `#!`; comments often begin with the others.
    private static let telling: Set<String> = [
        "define", "def", "trydef", "redef", "undef", "ifdef", "ifndef", "ifexp", "endif", "subst", "substdef",
        "substdefs",
        "defexp", "defenv",
    ]

    private func checkComment(_ range: SourceRange) {
        guard range.start < range.source.bytes.count, range.source.bytes[range.start] == UInt8(ascii: "#") else {
            return
        }
        let text = range.source.bytes[(range.start + 1)..<range.end]
        let blanks = text.prefix { $0 == 32 || $0 == 9 }.count
        let marked = text.dropFirst(blanks).first == UInt8(ascii: "!")
        let rest = text.dropFirst(blanks + (marked ? 1 : 0))
        let word = String(decoding: rest.prefix { Syntax.isWordByte($0) }, as: UTF8.self)
        guard !word.isEmpty, marked || blanks == 0 else { return }
        let length = 1 + blanks + (marked ? 1 : 0) + word.utf8.count
        let place = SourceRange(range.source, range.start, range.start + length)
        if Directive.isKnown(word) || (marked && Directive.isMarker(word)) {
            guard marked || Preprocessor.telling.contains(word) else { return }
            diagnostics.warning("looks like a directive, but is a comment", at: place, hint: "write `#!\(word)`")
        } else if marked, blanks == 0 {
            let known = Array(Directive.words.keys) + Array(Directive.markers.keys)
            diagnostics.warning(
                "unknown directive `#!\(word)`, treated as a comment", at: place,
                hint: Suggest.hint(for: word, among: known, prefix: "#!"))
        }
    }

    // MARK: --cfg-print

    /// Adds the text of the file up to an offset that was not printed yet.
    private func flushPrintout(to offset: Int) {
        guard printout != nil, let top = frames.indices.last, frames[top].define == nil else { return }
        let frame = frames[top]
        let end = min(offset, frame.lexer.source.bytes.count)
        if end > frame.printed { printout?.append(contentsOf: frame.lexer.source.bytes[frame.printed..<end]) }
        frames[top].printed = max(frame.printed, end)
    }

    /// What was read since the last flush is a directive and is not printed.
    private func restartPrintout() {
        guard printout != nil, let top = frames.indices.last, frames[top].define == nil else { return }
        frames[top].printed = max(frames[top].printed, frames[top].lexer.position)
    }

    func flushBeforeInclude(_ range: SourceRange) { flushPrintout(to: range.start) }
    func restartAfterInclude() { restartPrintout() }
}
