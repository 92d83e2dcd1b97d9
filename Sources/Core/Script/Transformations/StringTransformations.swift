import PluginAPI

/// `{s.…}`: numbers, and texts cut short.
extension Transformations {
    static func declareNumbers(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.operation("s.len") { $0.onText($1, $2) { $0.give($1.count) } }
        try declare.operation("s.int") { $0.onText($1, $2) { $0.giveInt($1) } }
        try declare.operation("s.intv") { $0.onText($1, $2) { $0.giveInt($1) } }
        try declare.operation("s.numeric") {
            $0.onText($1, $2) { call, text in
                call.compose(text.count) { out in
                    for index in 0..<text.count where text[index].isASCIIDigit { out.write(byte: text[index]) }
                }
            }
        }
        try declare.operation("s.tolower") {
            $0.onText($1, $2) { call, text in
                call.compose(text.count) { out in
                    for index in 0..<text.count { out.write(byte: text[index].asciiLowercased) }
                }
            }
        }
        try declare.operation("s.toupper") {
            $0.onText($1, $2) { call, text in
                call.compose(text.count) { out in
                    for index in 0..<text.count {
                        out.write(byte: text[index] &- 97 < 26 ? text[index] & 0xdf : text[index])
                    }
                }
            }
        }
    }

    static func declareShortening(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.operation("s.trim") { $0.onText($1, $2) { $0.give($1.trimmed) } }
        try declare.operation("s.ltrim") { $0.onText($1, $2) { $0.give($1.dropFirst($1.skipSpace())) } }
        try declare.operation("s.rtrim") {
            $0.onText($1, $2) { call, text in
                let trimmed = text.trimmed
                return call.give(trimmed.isEmpty ? .empty : Bytes(text.start, trimmed.end - text.start))
            }
        }
        try declare.operation("s.strip", [.int], "length") {
            $0.onText($1, $2) { call, text in
                guard let count = call.int(0), count >= 0 else { return -1 }
                return call.give(text.dropFirst(Int(min(count, Int64(text.count)))))
            }
        }
        try declare.operation("s.striptail", [.int], "length") {
            $0.onText($1, $2) { call, text in
                guard let count = call.int(0), count >= 0 else { return -1 }
                return call.give(text.prefix(text.count - Int(min(count, Int64(text.count)))))
            }
        }
        try declare.operation("s.stripto", [.character], "character") {
            $0.onText($1, $2) { call, text in
                guard let character = call.separator(0) else { return -1 }
                return call.give(text.dropFirst(text.firstIndex(of: character) ?? text.count))
            }
        }
        try declare.operation("s.substr", [.int, .int], "offset,length") {
            $0.onText($1, $2) { $0.substring($1) }
        }
        try declareCharacters(declare)
    }

    private static func declareCharacters(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.operation("s.charat", [.int], "index") {
            $0.onText($1, $2) { call, text in
                guard let index = call.int(0) else { return -1 }
                guard index >= 0, index < Int64(text.count) else { return call.give(.empty) }
                return call.give(text[Int(index)..<Int(index) + 1])
            }
        }
        try declare.operation("s.byteat", [.int], "index") {
            $0.onText($1, $2) { call, text in
                guard let index = call.int(0) else { return -1 }
                return call.give(index >= 0 && index < Int64(text.count) ? Int64(text[Int(index)]) : -1)
            }
        }
        try declare.operation("s.prefixes", [.int], required: 0, "[,length]") {
            $0.onText($1, $2) { $0.prefixes($1, quote: "") }
        }
        try declare.operation("s.prefixes.quoted", [.int], required: 0, "[,length]") {
            $0.onText($1, $2) { $0.prefixes($1, quote: "'") }
        }
        try declare.operation("s.unquote") {
            $0.onText($1, $2) { call, text in
                guard text.count >= 2, let first = text.first, first == text[text.count - 1],
                    first == UInt8(ascii: "\"") || first == UInt8(ascii: "'")
                else { return call.give(text) }
                return call.give(text[1..<text.count - 1])
            }
        }
        try declare.operation("s.unbracket") {
            $0.onText($1, $2) { call, text in
                guard text.count >= 2, let first = text.first, let closing = first.closingBracket,
                    closing == text[text.count - 1]
                else { return call.give(text) }
                return call.give(text[1..<text.count - 1])
            }
        }
    }
}

extension TransformationCall {
    /// All of the text must be a number.
    fileprivate func giveInt(_ text: Bytes) -> CInt {
        if value.pointee.hasInt { return give(value.pointee.num) }
        let sign = text.first == UInt8(ascii: "-") || text.first == UInt8(ascii: "+") ? 1 : 0
        guard let number = text.dropFirst(sign).decimal(limit: UInt64(Int64.max / 16)) else { return -1 }
        return give(text.first == UInt8(ascii: "-") ? -Int64(number) : Int64(number))
    }

    /// Length 0, or one that is too large, reaches to the end.
    fileprivate func substring(_ text: Bytes) -> CInt {
        guard var offset = int(0), let length = int(1), length >= 0 else { return -1 }
        if offset < 0 { offset &+= Int64(text.count) }
        guard offset >= 0, offset < Int64(text.count) else { return -1 }
        let rest = text.dropFirst(Int(offset))
        return give(length == 0 || length > Int64(rest.count) ? rest : rest.prefix(Int(length)))
    }

    /// `a,ab,abc`
    fileprivate func prefixes(_ text: Bytes, quote: StaticString) -> CInt {
        var longest = text.count
        if has(0) {
            guard let limit = int(0), limit > 0 else { return -1 }
            longest = Int(min(limit, Int64(longest)))
        }
        let (size, overflow) = longest.multipliedReportingOverflow(by: longest + 7)
        guard !overflow else { return -1 }
        return compose(size / 2) { out in
            for length in stride(from: 1, through: longest, by: 1) {
                if length > 1 { out.write(",") }
                out.write(quote)
                out.write(text.prefix(length))
                out.write(quote)
            }
        }
    }
}

extension UInt8 {
    fileprivate var closingBracket: UInt8? {
        switch self {
        case UInt8(ascii: "("): UInt8(ascii: ")")
        case UInt8(ascii: "["): UInt8(ascii: "]")
        case UInt8(ascii: "{"): UInt8(ascii: "}")
        case UInt8(ascii: "<"): UInt8(ascii: ">")
        default: nil
        }
    }
}

extension Bytes {
    var first: UInt8? { count > 0 ? self[0] : nil }
    var last: UInt8? { count > 0 ? self[count - 1] : nil }

    /// The index of the first byte at or after `from` that parts fields.
    func firstIndex(of separator: TransformationCall.Separator, from: Int = 0) -> Int? {
        var index = from
        while index < count {
            if separator.matches(self[index]) { return index }
            index += 1
        }
        return nil
    }

    func lastIndex(of separator: TransformationCall.Separator) -> Int? {
        var index = count
        while index > 0 {
            index -= 1
            if separator.matches(self[index]) { return index }
        }
        return nil
    }
}
