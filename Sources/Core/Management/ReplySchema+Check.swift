extension ReplySchema {
    /// What an answer has that the declaration does not say, in words; nil when it is as declared.
    func mismatch(_ answer: Answer) -> String? {
        var builder = AnswerTree.Builder()
        answer.visit(&builder)
        let values = builder.values
        switch self {
        case .none: return values.isEmpty ? nil : "it answers something, and its declaration says nothing"
        case .values(let schema):
            for value in values {
                if let why = schema.mismatch(value, at: "its answer") { return why }
            }
            return nil
        default:
            guard values.count == 1 else { return "it answers \(values.count) values, and its declaration says one" }
            return mismatch(values[0], at: "its answer")
        }
    }

    private func mismatch(_ tree: AnswerTree, at place: String) -> String? {
        switch (self, tree) {
        case (.any, _), (.int, .int), (.double, .double), (.string, .text): return nil
        case (.value, .int), (.value, .double), (.value, .text): return nil
        case (.array(let schema), .array(let items)):
            for item in items {
                if let why = schema.mismatch(item, at: place + "[]") { return why }
            }
            return nil
        case (.map(let members), .map(let given)): return ReplySchema.mismatch(members, given, at: place)
        default: return "\(place) is not \(text), as it is declared"
        }
    }

    private static func mismatch(_ members: [Member], _ given: [AnswerTree.Member], at place: String) -> String? {
        let others = members.first { $0.name == "*" }
        for (name, tree) in given {
            guard let member = members.first(where: { $0.name == name }) ?? others else {
                return "\(place) has the member `\(name)`, which is not declared"
            }
            if let why = member.schema.mismatch(tree, at: "\(place).\(name)") { return why }
        }
        let missing = members.first { member in !member.optional && !given.contains { $0.name == member.name } }
        return missing.map { "\(place) lacks the member `\($0.name)`, which is declared" }
    }
}

/// An answer as a tree.
enum AnswerTree: Equatable {
    typealias Member = (name: String, tree: AnswerTree)

    case int(Int64)
    case double(Double)
    case text(String)
    case array([AnswerTree])
    case map([Member])

    static func == (a: AnswerTree, b: AnswerTree) -> Bool {
        switch (a, b) {
        case (.int(let a), .int(let b)): a == b
        case (.double(let a), .double(let b)): a == b
        case (.text(let a), .text(let b)): a == b
        case (.array(let a), .array(let b)): a == b
        case (.map(let a), .map(let b)): a.elementsEqual(b) { $0.name == $1.name && $0.tree == $1.tree }
        default: false
        }
    }

    /// Puts the tree together.
    struct Builder: AnswerVisitor {
        /// What stands at the top.
        private(set) var values: [AnswerTree] = []
        private var open: [(key: String, members: [Member])] = []

        init() {}

        mutating func int(_ value: Int64, key: Bytes?) { add(.int(value), key?.string) }
        mutating func double(_ value: Double, key: Bytes?) { add(.double(value), key?.string) }
        mutating func text(_ value: Bytes, key: Bytes?) { add(.text(value.string), key?.string) }
        mutating func openMap(key: Bytes?) { open.append((key?.string ?? "", [])) }
        mutating func openArray(key: Bytes?) { open.append((key?.string ?? "", [])) }
        mutating func closeMap() { close { .map($0) } }
        mutating func closeArray() { close { .array($0.map(\.tree)) } }

        private mutating func close(_ make: ([Member]) -> AnswerTree) {
            guard let last = open.popLast() else { return }
            add(make(last.members), last.key)
        }

        private mutating func add(_ tree: AnswerTree, _ key: String?) {
            if open.isEmpty { values.append(tree) } else { open[open.count - 1].members.append((key ?? "", tree)) }
        }
    }
}
