/// The form for editors and build systems: `apus -c --json`.
extension Diagnostics {
    /// One object: `ok`, counts, and `diagnostics` with severity, message, place, hint and notes of each.
    var json: String {
        let items = ordered.map(\.json).joined(separator: ",\n  ")
        let list = items.isEmpty ? "[]" : "[\n  \(items)\n]"
        return "{\"ok\":\(!failed),\"errors\":\(errors),\"warnings\":\(warnings),\"diagnostics\":\(list)}\n"
    }
}

extension Diagnostic {
    /// One JSON object, without a newline. Lines and columns count from 1, `endColumn` is behind the last character.
    var json: String {
        var fields = ["\"severity\":\"\(severity.rawValue)\"", "\"message\":\(Diagnostic.quoted(message))"]
        if let range { fields.append(contentsOf: Diagnostic.place(range)) }
        if let hint { fields.append("\"hint\":\(Diagnostic.quoted(hint))") }
        let all = notes + Diagnostic.provenance(of: range)
        if !all.isEmpty {
            let texts = all.map { note in
                let inner = ["\"message\":\(Diagnostic.quoted(note.text))"] + (note.range.map(Diagnostic.place) ?? [])
                return "{\(inner.joined(separator: ","))}"
            }
            fields.append("\"notes\":[\(texts.joined(separator: ","))]")
        }
        return "{\(fields.joined(separator: ","))}"
    }

    private static func place(_ range: SourceRange) -> [String] {
        let place = range.written
        let source = place.source
        return [
            "\"file\":\(quoted(source.name))", "\"line\":\(place.line)", "\"column\":\(place.column)",
            "\"endLine\":\(source.line(at: place.end))", "\"endColumn\":\(source.column(at: place.end))",
        ]
    }

    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in masked(text).unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case let other where other.value < 0x20:
                let digits = String(other.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
