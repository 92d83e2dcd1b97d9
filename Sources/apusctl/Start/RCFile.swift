/// `apusctlrc`: lines `NAME=value` as the shell has them. It is read, never executed: nothing in it can run a program.
enum RCFile {
    /// The values, and complaints as "line: text".
    static func parse(_ text: String) -> (values: [String: String], complaints: [String]) {
        var values: [String: String] = [:]
        var complaints: [String] = []
        for (index, line) in text.lines.enumerated() {
            var rest = line[...].drop { $0 == " " || $0 == "\t" }
            if rest.isEmpty || rest.hasPrefix("#") { continue }
            if rest.hasPrefix("export ") { rest = rest.dropFirst(7).drop { $0 == " " } }
            let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
            rest = rest.dropFirst(name.count)
            guard !name.isEmpty, rest.first == "=" else {
                complaints.append("\(index + 1): this is not NAME=value, and is ignored")
                continue
            }
            guard let value = value(rest.dropFirst()) else {
                complaints.append(
                    "\(index + 1): \(name): no variables, commands or open quotes here; the line is ignored")
                continue
            }
            values[String(name)] = value
        }
        return (values, complaints)
    }

    /// A word of the shell, quotes and backslashes resolved; nil when only a shell can make sense of it.
    private static func value(_ text: Substring) -> String? {
        var result = ""
        var quote: Character?
        var rest = text
        while let next = rest.popFirst() {
            if let open = quote {
                if next == open {
                    quote = nil
                } else if open == "\"", next == "$" || next == "`" {
                    return nil
                } else if open == "\"", next == "\\", let escaped = rest.first, "\"\\$`".contains(escaped) {
                    result.append(rest.removeFirst())
                } else {
                    result.append(next)
                }
                continue
            }
            switch next {
            case "\"", "'": quote = next
            case "$", "`": return nil
            case "\\": if let escaped = rest.popFirst() { result.append(escaped) }
            // The end of the word: what follows is a comment or nothing.
            case " ", "\t", ";": return result
            default: result.append(next)
            }
        }
        return quote == nil ? result : nil
    }
}
