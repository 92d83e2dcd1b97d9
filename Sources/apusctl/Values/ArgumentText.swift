import BinRPC

extension RPCValue {
    /// An argument of a command, as it is typed: `s:…`, `i:…` and `d:…` say what it is; without that whole numbers are ints, numbers with a
    /// point doubles, and everything else texts. What is not written as a number is (`007`, `+49`) stays a text.
    init(argument word: String) throws(Failure) {
        if word.hasPrefix("s:") {
            self = .text(String(word.dropFirst(2)))
        } else if word.hasPrefix("i:") {
            guard let number = Int64(word.dropFirst(2)) else { throw .usage("`\(word)`: this is no whole number") }
            self = .int(number)
        } else if word.hasPrefix("d:") {
            guard let number = Double(word.dropFirst(2)), number.isFinite else {
                throw .usage("`\(word)`: this is no number")
            }
            self = .double(number)
        } else if let number = Int64(word), String(number) == word {
            self = .int(number)
        } else if RPCValue.isDecimal(word), let number = Double(word) {
            self = .double(number)
        } else {
            self = .text(word)
        }
    }

    /// Digits, one point, digits; a minus before them.
    private static func isDecimal(_ word: String) -> Bool {
        let parts = (word.hasPrefix("-") ? word.dropFirst() : word[...])
            .split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } }
            && (parts[0].count == 1 || parts[0].first != "0")
    }
}
