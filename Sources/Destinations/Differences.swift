/// What another list would change.
package struct Differences: Equatable, Sendable {
    package var added: [String] = []
    package var removed: [String] = []
    /// Before and after.
    package var changed: [String] = []

    package init(from old: [Draft], to new: [Draft]) {
        var left: [String: [Draft]] = [:]
        for draft in old.reversed() { left["\(draft.set) \(draft.uri)", default: []].append(draft) }
        for draft in new {
            guard let before = left["\(draft.set) \(draft.uri)"]?.popLast() else {
                added.append(draft.line)
                continue
            }
            if before.line != draft.line { changed.append("\(before.line) -> \(draft.line)") }
        }
        removed = left.values.joined().map(\.line).sorted()
    }
}
