import PluginKit

/// `fnmatch(text, pattern[, "i"])`
func matchPattern(_ call: Call) -> CInt {
    let pattern = Pattern(text: call.text(1), ignoresCase: call.has(2))
    return pattern.matches(call.text(0)) ? .true : .false
}

/// A pattern of the shell for names of files (POSIX.1-2017, XCU section 2.13), where slashes and dots are ordinary. However it is made, no more
/// is done than pattern times text.
struct Pattern {
    let text: apus_str
    let ignoresCase: Bool

    func matches(_ subject: apus_str) -> Bool {
        var place = 0
        var at = 0
        // Where to go on when the last * takes one more character.
        var star: Int?
        var mark = 0
        while at < subject.len {
            if place < text.len, text[place] == UInt8(ascii: "*") {
                star = place
                place += 1
                mark = at
            } else if place < text.len, let next = step(place, subject[at]) {
                place = next
                at += 1
            } else if let star {
                place = star + 1
                mark += 1
                at = mark
            } else {
                return false
            }
        }
        while place < text.len, text[place] == UInt8(ascii: "*") { place += 1 }
        return place == text.len
    }

    /// What stands at a place of the pattern matches the character: the place behind it.
    private func step(_ place: Int, _ character: UInt8) -> Int? {
        switch text[place] {
        case UInt8(ascii: "?"): return place + 1
        case UInt8(ascii: "["):
            guard let (matches, end) = bracket(place + 1, character) else {
                return character == UInt8(ascii: "[") ? place + 1 : nil
            }
            return matches ? end : nil
        case UInt8(ascii: "\\"):
            guard place + 1 < text.len else { return nil }
            return isSame(text[place + 1], character) ? place + 2 : nil
        case let literal: return isSame(literal, character) ? place + 1 : nil
        }
    }

    private func isSame(_ a: UInt8, _ b: UInt8) -> Bool {
        a == b || (ignoresCase && apus_str.lower(a) == apus_str.lower(b))
    }

    /// A bracket expression from behind its `[`: whether it has the character, and the place behind its `]`. Nil when it has no end.
    private func bracket(_ start: Int, _ character: UInt8) -> (Bool, Int)? {
        var at = start
        let isNegated = at < text.len && (text[at] == UInt8(ascii: "!") || text[at] == UInt8(ascii: "^"))
        if isNegated { at += 1 }
        let first = at
        var isIn = false
        while at < text.len {
            if text[at] == UInt8(ascii: "]"), at > first { return (isIn != isNegated, at + 1) }
            if text[at] == UInt8(ascii: "["), at + 1 < text.len, text[at + 1] == UInt8(ascii: ":"),
                let colon = text.index(of: UInt8(ascii: ":"), from: at + 2), colon + 1 < text.len,
                text[colon + 1] == UInt8(ascii: "]")
            {
                if has(text[at + 2..<colon], character) { isIn = true }
                at = colon + 2
                continue
            }
            guard let (low, behind) = member(at) else { return nil }
            at = behind
            var high = low
            if at + 1 < text.len, text[at] == UInt8(ascii: "-"), text[at + 1] != UInt8(ascii: "]") {
                guard let (end, behind) = member(at + 1) else { return nil }
                high = end
                at = behind
            }
            if isBetween(low, character, high) { isIn = true }
        }
        return nil
    }

    /// One character in brackets, and the place behind it.
    private func member(_ at: Int) -> (UInt8, Int)? {
        guard text[at] == UInt8(ascii: "\\") else { return (text[at], at + 1) }
        return at + 1 < text.len ? (text[at + 1], at + 2) : nil
    }

    private func isBetween(_ low: UInt8, _ character: UInt8, _ high: UInt8) -> Bool {
        if low <= character, character <= high { return true }
        guard ignoresCase, apus_str.isLetter(character) else { return false }
        let other = character ^ 0x20
        return low <= other && other <= high
    }

    /// Whether the character is of that class.
    private func has(_ name: apus_str, _ character: UInt8) -> Bool {
        let isDigit = character &- 0x30 <= 9
        let isLetter = apus_str.isLetter(character)
        let isGraphic = character > 0x20 && character < 0x7f
        if name.equals("alpha") { return isLetter }
        if name.equals("digit") { return isDigit }
        if name.equals("alnum") { return isDigit || isLetter }
        if name.equals("upper") { return isLetter && (ignoresCase || character & 0x20 == 0) }
        if name.equals("lower") { return isLetter && (ignoresCase || character & 0x20 != 0) }
        if name.equals("xdigit") { return isDigit || apus_str.lower(character) &- 0x61 < 6 }
        if name.equals("space") { return apus_str.isBlank(character) }
        if name.equals("blank") { return character == 0x20 || character == 0x09 }
        if name.equals("punct") { return isGraphic && !isDigit && !isLetter }
        if name.equals("graph") { return isGraphic }
        if name.equals("print") { return isGraphic || character == 0x20 }
        return name.equals("cntrl") && (character < 0x20 || character == 0x7f)
    }
}

extension apus_str {
    fileprivate static func isLetter(_ byte: UInt8) -> Bool { lower(byte) &- 0x61 < 26 }
}
