/// `subst`, `substdef`, `substdefs`.
extension Preprocessor {
    /// What `substdef` makes of the replacement besides replacing.
    enum DefineKind { case plain, quoted }

    func substitute(_ directive: SourceRange, defines kind: DefineKind?) {
        let token = withLexer { lexer -> Token? in
            lexer.skipBlanks()
            return lexer.takeString()
        }
        guard let token else {
            let rest = withLexer { $0.takeLogicalLine() }
            diagnostics.error(
                "expected `\"/pattern/replacement/flags\"`", at: rest.bytes.isEmpty ? directive.after : rest.range)
            return
        }
        // As written: escapes belong to the pattern.
        let raw = Array(
            token.range.source.bytes[(token.range.start + 1)..<max(token.range.start + 1, token.range.end - 1)])
        addSubstitution(raw, SourceRange(token.range.source, token.range.start + 1, token.range.end - 1), defines: kind)
    }

    /// `text` is `/pattern/replacement/flags` with any separator; its first byte stands at the start of `range`.
    func addSubstitution(_ text: [UInt8], _ range: SourceRange, defines kind: DefineKind?) {
        func place(_ from: Int, _ to: Int) -> SourceRange {
            SourceRange(range.source, range.start + from, range.start + to)
        }
        guard let separator = text.first, let (parts, flagsStart) = Preprocessor.split(text, at: separator) else {
            diagnostics.error("expected `/pattern/replacement/flags`", at: range)
            return
        }
        var options: CompiledRegex.Options = .caseSensitive
        var everywhere = false
        for (index, flag) in text[flagsStart...].enumerated() {
            switch flag {
            case UInt8(ascii: "i"): options.remove(.caseSensitive)
            case UInt8(ascii: "g"): everywhere = true
            case UInt8(ascii: "s"): options.insert(.dotAll)
            default:
                diagnostics.error(
                    "unknown flag in a substitution", at: place(flagsStart + index, flagsStart + index + 1),
                    hint: "flags are `i`, `g` and `s`")
                return
            }
        }
        let pattern = parts[0]
        var replacement = parts[1]
        if kind != nil { replacement = evaluated(replacement) }
        do throws(CompiledRegex.Mistake) {
            let regex = try pattern.withBytes { bytes throws(CompiledRegex.Mistake) in
                try CompiledRegex(bytes, options)
            }
            substitutions.append(Substitution(regex: regex, replacement: replacement, everywhere: everywhere))
        } catch {
            let offset = 1 + min(error.offset, pattern.count)
            diagnostics.error("bad pattern: \(error.text)", at: place(offset, offset + 1))
            return
        }
        guard let kind else { return }
        let name = String(decoding: pattern, as: UTF8.self)
        guard let first = pattern.first, Syntax.isLetter(first), pattern.allSatisfy({ Syntax.isWordByte($0) }) else {
            diagnostics.error("`\(name)` is no name for a define", at: place(1, 1 + pattern.count))
            return
        }
        let value = kind == .quoted ? [UInt8(ascii: "\"")] + replacement + [UInt8(ascii: "\"")] : replacement
        mentioned.insert(name)
        if let old = defines[name] {
            diagnostics.error(
                "`\(name)` is already defined", at: place(1, 1 + pattern.count),
                notes: old.range.map { [Diagnostic.Note("first defined here", at: $0)] } ?? [])
            return
        }
        let valueStart = 2 + pattern.count
        defines[name] = Define(
            value: value.isEmpty ? nil : value, range: place(1, 1 + pattern.count),
            valueRange: place(valueStart, valueStart + parts[1].count))
    }

    /// The two parts between three separators, and where the flags begin. `\` before a separator makes it an ordinary byte.
    private static func split(_ text: [UInt8], at separator: UInt8) -> (parts: [[UInt8]], flags: Int)? {
        var parts: [[UInt8]] = [[]]
        var index = 1
        while index < text.count {
            if text[index] == UInt8(ascii: "\\"), index + 1 < text.count {
                if text[index + 1] != separator { parts[parts.count - 1].append(text[index]) }
                parts[parts.count - 1].append(text[index + 1])
                index += 2
                continue
            }
            if text[index] == separator {
                if parts.count == 2 { return (parts, index + 1) }
                parts.append([])
            } else {
                parts[parts.count - 1].append(text[index])
            }
            index += 1
        }
        return nil
    }

    /// A text with `$env(X)`, `$def(X)` and its kin, and `$version(num)` filled in: the replacement of a `substdef`, the value of a `modparamx`.
    func evaluated(_ text: [UInt8]) -> [UInt8] {
        guard text.contains(UInt8(ascii: "$")) else { return text }
        var out: [UInt8] = []
        var index = 0
        while index < text.count {
            guard text[index] == UInt8(ascii: "$"), let (value, next) = constant(in: text, at: index) else {
                out.append(text[index])
                index += 1
                continue
            }
            out.append(contentsOf: value)
            index = next
        }
        return out
    }

    private func constant(in text: [UInt8], at start: Int) -> (value: [UInt8], next: Int)? {
        var end = start + 1
        while end < text.count, Syntax.isWordByte(text[end]) { end += 1 }
        let name = String(decoding: text[(start + 1)..<end], as: UTF8.self)
        guard end < text.count, text[end] == UInt8(ascii: "(") else { return nil }
        guard let close = text[end...].firstIndex(of: UInt8(ascii: ")")) else { return nil }
        let inner = String(decoding: text[(end + 1)..<close], as: UTF8.self)
        switch name {
        case "env": return (Array((files.environment(inner) ?? "").utf8), close + 1)
        case "def": return (defines[inner]?.value ?? [], close + 1)
        case "defv", "defs":
            var value = defines[inner]?.value ?? []
            if value.count > 1, value.first == value.last, let quote = value.first, quote == 0x22 || quote == 0x27 {
                value = Array(value.dropFirst().dropLast())
            }
            return (name == "defs" ? [0x22] + value + [0x22] : value, close + 1)
        case "version" where inner == "num": return (defines["APUS_VERSION"]?.value ?? [], close + 1)
        default: return nil
        }
    }

    // MARK: Applying

    /// The token with all substitutions carried out; nil when none applies.
    func substituted(_ token: Token) -> Token? {
        guard let text = token.text else { return nil }
        let changed = substituted(text)
        guard changed !== text else { return nil }
        var result = Token(token.kind, token.range, text: changed)
        result.spaceBefore = token.spaceBefore
        result.newlineBefore = token.newlineBefore
        result.dialect = token.dialect
        return result
    }

    func substituted(_ text: Syntax.Text) -> Syntax.Text {
        var bytes = text.bytes
        for substitution in substitutions { bytes = Preprocessor.apply(substitution, to: bytes) }
        if bytes == text.bytes { return text }
        return Syntax.Text(bytes: bytes, range: text.range, isSingleQuoted: text.isSingleQuoted)
    }

    private static func apply(_ substitution: Substitution, to text: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        var start = 0
        while start <= text.count {
            let groups = text.withBytes { substitution.regex.match($0, from: start) }
            guard groups > 0, let whole = CompiledRegex.group(0) else { break }
            out.append(contentsOf: text[start..<whole.lowerBound])
            out.append(contentsOf: expand(substitution.replacement, groups: groups, text))
            start = whole.upperBound
            if whole.isEmpty {
                if start < text.count { out.append(text[start]) }
                start += 1
            }
            if !substitution.everywhere { break }
        }
        if start < text.count { out.append(contentsOf: text[start...]) }
        return out
    }

    /// `\0` to `\9` are the groups of the match.
    private static func expand(_ replacement: [UInt8], groups: Int, _ text: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        var index = 0
        while index < replacement.count {
            let byte = replacement[index]
            guard byte == UInt8(ascii: "\\"), index + 1 < replacement.count else {
                out.append(byte)
                index += 1
                continue
            }
            let next = replacement[index + 1]
            switch next {
            case 0x30...0x39:
                let group = Int(next - 0x30)
                if group < groups, let range = CompiledRegex.group(group) { out.append(contentsOf: text[range]) }
            case UInt8(ascii: "n"): out.append(10)
            case UInt8(ascii: "r"): out.append(13)
            case UInt8(ascii: "t"): out.append(9)
            case UInt8(ascii: "\\"): out.append(next)
            default: out.append(contentsOf: [byte, next])
            }
            index += 2
        }
        return out
    }
}

extension [UInt8] {
    /// The array as Core's slice, for the duration of the body.
    func withBytes<Result, Failure: Error>(_ body: (Bytes) throws(Failure) -> Result) throws(Failure) -> Result {
        try withUnsafeBufferPointer { buffer throws(Failure) in
            guard let start = buffer.baseAddress else { return try body(.empty) }
            return try body(Bytes(start, buffer.count))
        }
    }
}
