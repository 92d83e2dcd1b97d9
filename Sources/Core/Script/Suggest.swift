/// "Did you mean": finds the word that a misspelt one stands for.
enum Suggest {
    /// The candidate nearest to the word, or nil when none is near: at most two edits, at most one in words of fewer than
    /// five letters. Two swapped neighbours are one edit; a difference in case alone always counts as near.
    static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
        let letters = Array(word.utf8)
        // Any letter is one edit away from any other.
        let limit = letters.count < 2 ? 0 : letters.count < 5 ? 1 : 2
        var best: (distance: Int, word: String)?
        for candidate in candidates where candidate != word {
            let other = Array(candidate.utf8)
            let found: Int
            if other.count == letters.count, zip(other, letters).allSatisfy({ lowercase($0) == lowercase($1) }) {
                found = 0
            } else if let edits = distance(letters, other, limit: limit) {
                found = edits
            } else {
                continue
            }
            if let current = best, (current.distance, current.word) <= (found, candidate) { continue }
            best = (found, candidate)
        }
        return best?.word
    }

    /// A ready hint, "did you mean `word`?", or nil.
    static func hint(for word: String, among candidates: some Sequence<String>, prefix: String = "") -> String? {
        nearest(to: word, among: candidates).map { "did you mean `\(prefix)\($0)`?" }
    }

    /// Number of insertions, deletions, replacements and swaps of neighbours that turn one text into the other; nil when it
    /// is more than the limit.
    static func distance(_ a: [UInt8], _ b: [UInt8], limit: Int) -> Int? {
        guard abs(a.count - b.count) <= limit else { return nil }
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in 0..<a.count {
            var row = [i + 1]
            row.reserveCapacity(b.count + 1)
            for j in 0..<b.count {
                var edits = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { edits = min(edits, beforeLast[j - 1] + 1) }
                row.append(edits)
            }
            guard row.contains(where: { $0 <= limit }) else { return nil }
            beforeLast = last
            last = row
        }
        return last[b.count] <= limit ? last[b.count] : nil
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }
}
