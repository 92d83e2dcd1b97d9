/// Did you mean …?
enum Suggestion {
    /// The question as the end of a message; empty when there is nothing to ask.
    static func hint(for word: String, among candidates: [String]) -> String {
        closest(to: word, among: candidates).map { "; did you mean `\($0)`?" } ?? ""
    }

    /// The candidate that a word was probably meant to be: one or two letters off, less for short words.
    static func closest(to word: String, among candidates: [String]) -> String? {
        let limit = word.count < 4 ? 1 : 2
        let rated = candidates.map { (name: $0, distance: distance(word, $0)) }.filter { $0.distance <= limit }
        if let best = rated.min(by: { $0.distance < $1.distance }) { return best.name }
        return candidates.first { word.count > 2 && $0.hasPrefix(word) }
    }

    /// Letters to be inserted, deleted, replaced or swapped with their neighbour.
    static func distance(_ left: String, _ right: String) -> Int {
        let left = Array(left.lowercased())
        let right = Array(right.lowercased())
        var rows = [Array(0...right.count)]
        for i in 0..<left.count {
            var row = [i + 1]
            for j in 0..<right.count {
                let cost = left[i] == right[j] ? 0 : 1
                var best = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + cost)
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                    best = min(best, rows[i - 1][j - 1] + 1)
                }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[left.count][right.count]
    }
}
