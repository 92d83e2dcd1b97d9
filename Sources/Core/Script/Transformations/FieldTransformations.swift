import PluginAPI

/// `{s.…}`: fields, searching, replacing, white space.
extension Transformations {
    static func declareFields(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.operation("s.select", [.int, .character], "index,separator") {
            $0.onText($1, $2) { $0.select($1) }
        }
        try declare.operation("s.selectsw", [.int], "index") { $0.onText($1, $2) { $0.selectWord($1) } }
        try declare.operation("s.selectws", [.int], "index") { $0.onText($1, $2) { $0.selectWord($1) } }
    }

    static func declareSearching(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.operation("s.replace", [.text, .text], "text,replacement") {
            $0.onText($1, $2) { call, text in
                guard let old = call.text(0), let new = call.text(1) else { return -1 }
                return call.replace(old, by: new, in: text)
            }
        }
        try declare.operation("s.rm", [.text], "text") {
            $0.onText($1, $2) { call, text in
                guard let old = call.text(0) else { return -1 }
                // An escape stands for the character that it names.
                if old.count == 2, old[0] == UInt8(ascii: "\\"), let character = call.separator(0) {
                    return call.remove(from: text) { character.matches($0) }
                }
                return call.replace(old, by: .empty, in: text)
            }
        }
        try declare.operation("s.count", [.character], "character") {
            $0.onText($1, $2) { call, text in
                guard let character = call.separator(0) else { return -1 }
                var count = 0
                for index in 0..<text.count where character.matches(text[index]) { count += 1 }
                return call.give(count)
            }
        }
        try declareCutting(declare)
    }

    private static func declareCutting(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.operation("s.before", [.character], "character") {
            $0.onText($1, $2) { call, text in
                guard let character = call.separator(0) else { return -1 }
                return call.give(text.prefix(text.firstIndex(of: character) ?? text.count))
            }
        }
        try declare.operation("s.after", [.character], "character") {
            $0.onText($1, $2) { call, text in
                guard let character = call.separator(0) else { return -1 }
                return call.give(text.firstIndex(of: character).map { text.dropFirst($0 + 1) } ?? .empty)
            }
        }
        try declare.operation("s.rbefore", [.character], "character") {
            $0.onText($1, $2) { call, text in
                guard let character = call.separator(0) else { return -1 }
                return call.give(text.prefix(text.lastIndex(of: character) ?? text.count))
            }
        }
        try declare.operation("s.rafter", [.character], "character") {
            $0.onText($1, $2) { call, text in
                guard let character = call.separator(0) else { return -1 }
                return call.give(text.lastIndex(of: character).map { text.dropFirst($0 + 1) } ?? .empty)
            }
        }
    }

    static func declareSpace(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.operation("s.rmws") {
            $0.onText($1, $2) { call, text in call.remove(from: text) { ByteSet.space.contains($0) } }
        }
        try declare.operation("s.rmhdws") { $0.onText($1, $2) { $0.unfold($1, keepsSpace: true) } }
        try declare.operation("s.rmhlws") { $0.onText($1, $2) { $0.unfold($1, keepsSpace: false) } }
    }
}

extension TransformationCall {
    fileprivate func select(_ text: Bytes) -> CInt {
        guard var index = int(0), let separator = separator(1) else { return -1 }
        if index < 0 {
            var count: Int64 = 1
            for place in 0..<text.count where separator.matches(text[place]) { count += 1 }
            index += count
            guard index >= 0 else { return give(.empty) }
        }
        var start = 0
        while index > 0 {
            guard let end = text.firstIndex(of: separator, from: start) else { return give(.empty) }
            start = end + 1
            index -= 1
        }
        return give(text[start..<(text.firstIndex(of: separator, from: start) ?? text.count)])
    }

    /// Words are parted by any number of blanks.
    fileprivate func selectWord(_ text: Bytes) -> CInt {
        guard var index = int(0) else { return -1 }
        if index < 0 {
            var count: Int64 = 0
            var at = text.skipSpace()
            while at < text.count {
                count += 1
                at = text.skipSpace(from: text.endOfWord(from: at))
            }
            index += count
            guard index >= 0 else { return give(.empty) }
        }
        var start = text.skipSpace()
        while index > 0, start < text.count {
            start = text.skipSpace(from: text.endOfWord(from: start))
            index -= 1
        }
        return give(text[start..<text.endOfWord(from: start)])
    }

    fileprivate func replace(_ old: Bytes, by new: Bytes, in text: Bytes) -> CInt {
        guard !old.isEmpty else { return give(text) }
        var count = 0
        var at = 0
        while let found = text.firstIndex(of: old, from: at) {
            count += 1
            at = found + old.count
        }
        if count == 0 { return give(text) }
        return compose(text.count + count * max(0, new.count - old.count)) { out in
            var at = 0
            while let found = text.firstIndex(of: old, from: at) {
                out.write(text[at..<found])
                out.write(new)
                at = found + old.count
            }
            out.write(text.dropFirst(at))
        }
    }

    fileprivate func remove(from text: Bytes, _ isGone: (UInt8) -> Bool) -> CInt {
        compose(text.count) { out in
            for index in 0..<text.count where !isGone(text[index]) { out.write(byte: text[index]) }
        }
    }

    /// A line break with the blanks behind it becomes one space, or nothing.
    fileprivate func unfold(_ text: Bytes, keepsSpace: Bool) -> CInt {
        compose(text.count) { out in
            var at = 0
            while at < text.count {
                if text[at] == 13 || text[at] == 10 {
                    let end = text.skipSpace(from: at)
                    let last = text[end - 1]
                    // A break without blanks behind it folds nothing.
                    if last == 13 || last == 10 {
                        out.write(text[at..<end])
                    } else if keepsSpace {
                        out.write(byte: 32)
                    }
                    at = end
                } else {
                    out.write(byte: text[at])
                    at += 1
                }
            }
        }
    }
}

extension Bytes {
    /// The index of the first white space at or after `from`; `count` when there is none.
    fileprivate func endOfWord(from: Int) -> Int {
        var index = from
        while index < count, !ByteSet.space.contains(self[index]) { index += 1 }
        return index
    }
}
