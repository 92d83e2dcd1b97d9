import PluginAPI

/// `{line.…}`, `{val.…}`, `{num.…}`.
extension Transformations {
    static func declareLines(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.operation("line.count") { $0.onText($1, $2) { $0.give($1.lineCount) } }
        try declare.operation("line.at", [.int], "index") {
            $0.onText($1, $2) { call, text in
                guard var index = call.int(0) else { return -1 }
                if index < 0 { index += text.lineCount }
                var at = 0
                while index >= 0, let line = text.nextLine(&at) {
                    if index == 0 { return call.give(line) }
                    index -= 1
                }
                return call.give(.empty)
            }
        }
        try declare.operation("line.sw", [.text], "text") {
            $0.onText($1, $2) { call, text in
                guard let start = call.text(0) else { return -1 }
                var at = 0
                while let line = text.nextLine(&at) {
                    if line.count >= start.count, line.prefix(start.count) == start { return call.give(line) }
                }
                return call.give(.empty)
            }
        }
    }

    /// The operations that $null may be given to.
    static func declareValues(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.operation("val.n0", takesNull: true) { $2.pointee.isNull ? $2.give(0) : 1 }
        try declare.operation("val.ne", takesNull: true) { $2.pointee.isNull ? $2.give(Bytes.empty) : 1 }
        try declare.operation("val.json", takesNull: true) {
            $2.pointee.isNull ? $2.give(Bytes.empty) : $0.onText($1, $2) { $0.escapeJSON($1, quoted: false) }
        }
        try declare.operation("val.jsonqe", takesNull: true) {
            if $2.pointee.isNull { return $2.give(Bytes("\"\"")) }
            if !$2.pointee.hasText { return 1 }
            return $0.onText($1, $2) { $0.escapeJSON($1, quoted: true) }
        }
        try declare.operation("num.fdigit") {
            guard !$2.pointee.isNull else { return -1 }
            var rest = $2.pointee.hasInt ? $2.pointee.num.magnitude : 0
            while rest >= 10 { rest /= 10 }
            return $2.give(rest)
        }
        try declare.operation("num.ldigit") {
            guard !$2.pointee.isNull else { return -1 }
            return $2.give($2.pointee.hasInt ? $2.pointee.num.magnitude % 10 : 0)
        }
    }
}

extension TransformationCall {
    /// RFC 8259 §7.
    fileprivate func escapeJSON(_ text: Bytes, quoted: Bool) -> CInt {
        var size = quoted ? 2 : 0
        for index in 0..<text.count { size += text[index] < 32 ? 6 : 2 }
        return compose(size) { out in
            if quoted { out.write("\"") }
            for index in 0..<text.count {
                switch text[index] {
                case UInt8(ascii: "\""): out.write("\\\"")
                case UInt8(ascii: "\\"): out.write("\\\\")
                case 8: out.write("\\b")
                case 9: out.write("\\t")
                case 10: out.write("\\n")
                case 12: out.write("\\f")
                case 13: out.write("\\r")
                case 0..<32:
                    out.write("\\u00")
                    out.write(hex: text[index..<index + 1])
                default: out.write(byte: text[index])
                }
            }
            if quoted { out.write("\"") }
        }
    }
}

extension Bytes {
    /// The next line without its line end, CRLF or LF; nil at the end.
    fileprivate func nextLine(_ at: inout Int) -> Bytes? {
        guard at < count else { return nil }
        let start = at
        let end = firstIndex(of: 10, from: at) ?? count
        at = Swift.min(end + 1, count)
        return self[start..<(end > start && end < count && self[end - 1] == 13 ? end - 1 : end)]
    }

    fileprivate var lineCount: Int64 {
        var count: Int64 = 0
        var at = 0
        while nextLine(&at) != nil { count += 1 }
        return count
    }
}
