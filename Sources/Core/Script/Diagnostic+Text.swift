/// The form that people read: the compiler style that editors understand, the source line, a caret.
extension Diagnostic {
    /// `file:line:col: error: message`, the line, a caret range, then hint, notes and the chain of includes. Ends with a newline.
    var text: String {
        var out = ""
        if let range {
            let place = range.written
            out += "\(range.position): \(severity.rawValue): \(Diagnostic.masked(message))\n"
            out += Diagnostic.excerpt(of: place)
        } else {
            out += "\(severity.rawValue): \(Diagnostic.masked(message))\n"
        }
        if let hint { out += "hint: \(Diagnostic.masked(hint))\n" }
        for note in notes + Diagnostic.provenance(of: range) {
            if let range = note.range {
                out += "note: \(range.position): \(Diagnostic.masked(note.text))\n"
            } else {
                out += "note: \(Diagnostic.masked(note.text))\n"
            }
        }
        return out
    }

    /// What led to a place: the defines that produced the text, the files that included it.
    static func provenance(of range: SourceRange?) -> [Note] {
        var notes: [Note] = []
        var place = range
        while let current = place {
            switch current.source.origin {
            case .file, .commandLine:
                place = nil
            case .included(let use):
                notes.append(Note("included from here", at: use))
                place = use
            case .expansion(let name, let use, let definition):
                notes.append(Note("`\(name)` is defined here", at: definition))
                place = use
            }
        }
        return notes
    }

    /// Characters of a line that are shown; longer lines are cut around the place.
    private static let width = 160

    /// The source line with a caret under the first character and tildes under the rest of the range on this line.
    private static func excerpt(of place: SourceRange) -> String {
        let line = place.line
        let bounds = place.source.lineBytes(line)
        let start = min(max(place.start, bounds.lowerBound), bounds.upperBound)
        let end = min(max(place.end, start), bounds.upperBound)
        var shown = Array(place.source.bytes[bounds])
        mask(&shown)
        var before = printable(shown[..<(start - bounds.lowerBound)])
        let marked = printable(shown[(start - bounds.lowerBound)..<(end - bounds.lowerBound)])
        var after = printable(shown[(end - bounds.lowerBound)...])
        if before.count > width / 2 { before = Array("…".unicodeScalars) + before.suffix(width / 2) }
        if marked.count + after.count > width { after = Array(after.prefix(max(0, width - marked.count))) }
        let visible = marked.prefix(width)

        let number = String(line)
        let gutter = String(repeating: " ", count: max(0, 5 - number.count)) + number
        var out = "\(gutter) | \(string(before))\(string(visible))\(string(after))\n"
        // A tab stays a tab, so that the caret stands where the terminal puts the text.
        let pad = before.map { $0 == "\t" ? "\t" : Unicode.Scalar(" ") }
        let tail = String(repeating: "~", count: max(0, visible.count - 1))
        out += "\(String(repeating: " ", count: gutter.utf8.count)) | \(string(pad))^\(tail)\n"
        return out
    }

    private static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    private static func printable(_ bytes: ArraySlice<UInt8>) -> [Unicode.Scalar] {
        String(decoding: bytes, as: UTF8.self).unicodeScalars.map {
            $0.value < 0x20 && $0 != "\t" || $0.value == 0x7F ? Unicode.Scalar("?") : $0
        }
    }

    /// The text with the passwords of URLs (`mysql://user:password@host`) replaced by stars.
    static func masked(_ text: String) -> String {
        var bytes = Array(text.utf8)
        mask(&bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Replaces the password of every `scheme://user:password@` by stars, byte for byte, so that columns stay right.
    private static func mask(_ bytes: inout [UInt8]) {
        let colon = UInt8(ascii: ":")
        let slash = UInt8(ascii: "/")
        var index = 0
        while index + 2 < bytes.count {
            guard bytes[index] == colon, bytes[index + 1] == slash, bytes[index + 2] == slash else {
                index += 1
                continue
            }
            index += 3
            var separator: Int?
            var at: Int?
            var cursor = index
            scan: while cursor < bytes.count {
                switch bytes[cursor] {
                case colon: separator = separator ?? cursor
                case UInt8(ascii: "@"): at = cursor
                case slash, UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: " "), UInt8(ascii: "\t"): break scan
                default: break
                }
                cursor += 1
            }
            if let separator, let at, separator + 1 < at {
                for place in (separator + 1)..<at { bytes[place] = UInt8(ascii: "*") }
            }
        }
    }
}

extension Diagnostics {
    /// All remarks as text, then how many were left out.
    var text: String {
        let shown = ordered
        var out = shown.map(\.text).joined()
        if total > shown.count { out += "\(total - shown.count) more not shown\n" }
        return out
    }

    /// The last line of a check: "config ok, 2 warnings" or "3 errors, 2 warnings".
    var summary: String {
        let warned = warnings == 0 ? "" : ", \(warnings) warning\(warnings == 1 ? "" : "s")"
        if errors == 0 {
            return failed ? "config refused (-W error)\(warned)" : "config ok\(warned)"
        }
        return "\(errors) error\(errors == 1 ? "" : "s")\(warned)"
    }
}
